//! `plan lints` and `plan explain`: which rules there are, and why.

use plan_model::explain::{self, Code};

use crate::args::Explain;
use crate::exit::Exit;
use crate::render::columns::wrap;
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub fn list(terminal: &mut Terminal) -> Exit {
    let width = explain::lints().map(|lint| lint.code.len()).max().unwrap_or(0);
    for lint in explain::lints() {
        let level = format!("{:8}", lint.level.unwrap_or("error"));
        terminal.line(&format!(
            "{}  {}  {}",
            paint(theme::NAME, &format!("{:width$}", lint.code)),
            paint(theme::FAINT, &level),
            lint.about
        ));
    }
    terminal.line(&paint(
        theme::FAINT,
        "\n`plan explain RULE` says why one exists. Waive one beside its step, with the reason: allow: { RULE: \"why\" }",
    ));
    Exit::Done
}

pub fn explain(args: &Explain, terminal: &mut Terminal) -> Exit {
    let Some(code) = explain::code(&args.code) else {
        let known: Vec<&str> = explain::all().map(|code| code.code).collect();
        let near = plan_model::schema::nearest(&args.code, known.iter().copied());
        let help = near.map_or("`plan lints` lists the rules".to_owned(), |near| {
            format!("did you mean `{near}`?")
        });
        return super::wrong_call(
            terminal,
            &format!("there is no rule or problem `{}`", args.code),
            &help,
        );
    };
    write(&code, terminal);
    Exit::Done
}

fn write(code: &Code, terminal: &mut Terminal) {
    let level = code.level.map_or(String::new(), |level| format!(" ({level})"));
    terminal.line(&format!("{}{level}: {}\n", paint(theme::STRONG, code.code), code.about));
    terminal.line(&wrap(code.why, "", Terminal::width().min(80)));
    for (word, style, text) in
        [("Refused", theme::BAD, code.bad), ("Better", theme::GOOD, code.good)]
    {
        if !text.is_empty() {
            terminal.line(&format!("\n{}", paint(style, word)));
            for line in text.trim_end().lines() {
                terminal.line(format!("    {line}").trim_end());
            }
        }
    }
    if code.can_be_waived {
        terminal.line(&format!(
            "\nWaived with a reason: allow: {{ {}: \"why it does not matter here\" }}",
            code.code
        ));
    }
}
