//! A plan as a reviewer reads it, for people; the JSON form is the data itself.

use plan_model::show::{Shown, ShownAction, ShownEntry, ShownPhase, ShownUndo};

use crate::render::columns::{seen, wrap};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub fn write(shown: &Shown, terminal: &mut Terminal) {
    head(shown, terminal);
    for (at, phase) in shown.phases.iter().enumerate() {
        write_phase(at + 1, phase, shown, terminal);
    }
    foot(shown, terminal);
}

fn head(shown: &Shown, terminal: &mut Terminal) {
    let title = shown.title.as_deref().unwrap_or(&shown.plan);
    let environment =
        shown.environment.as_ref().map_or(String::new(), |name| format!(", in {name}"));
    let title = wrapped(&format!("{title} ({}{environment})", shown.plan), "");
    terminal.line(&paint(theme::STRONG, &title));
    if let Some(about) = &shown.about {
        terminal.line(&wrapped(about, ""));
    }
    if let Some(window) = &shown.window {
        terminal.line(&format!("Window: {window}"));
    }
    let inputs = shown.inputs.iter().map(|input| {
        let origin =
            if input.origin.is_empty() { String::new() } else { format!("  ({})", input.origin) };
        (input.name.as_str(), format!("{}{origin}", input.value))
    });
    table("Inputs", inputs, terminal);
    table(
        "Connections",
        shown.connections.iter().map(|one| (one.name.as_str(), one.target.clone())),
        terminal,
    );
    list("Required before anything is touched", &shown.requires, terminal);
    list("Compared after a rollback", &shown.state, terminal);
}

fn table<'r>(title: &str, rows: impl Iterator<Item = (&'r str, String)>, terminal: &mut Terminal) {
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    if !rows.is_empty() {
        terminal.line(&format!("\n{title}:"));
    }
    for (name, value) in rows {
        terminal.line(&wrapped(&value, &format!("  {name:width$}  ")));
    }
}

fn list(title: &str, items: &[String], terminal: &mut Terminal) {
    if !items.is_empty() {
        terminal.line(&format!("\n{title}:"));
    }
    for item in items {
        terminal.line(&wrapped(item, "  - "));
    }
}

fn write_phase(number: usize, phase: &ShownPhase, shown: &Shown, terminal: &mut Terminal) {
    let title = phase.title.as_deref().map_or(String::new(), |title| format!(": {title}"));
    let users = if phase.maintenance { "  [users are out]" } else { "" };
    terminal.line(&format!(
        "\n{}{}",
        paint(theme::STRONG, &format!("Phase {number}, {}{title}", phase.phase)),
        paint(theme::WARN, users)
    ));
    for watched in &phase.watch {
        terminal.line(&wrapped(&format!("watched all through: {watched}"), "  "));
    }
    for entry in &phase.entries {
        write_entry(entry, shown, terminal);
    }
}

fn write_entry(entry: &ShownEntry, shown: &Shown, terminal: &mut Terminal) {
    let mark = if entry.kind == "checkpoint" { "gate " } else { "" };
    let title = entry.title.as_deref().map_or(String::new(), |title| format!("\u{a0} {title}"));
    let number = format!("{:>4}. ", entry.number);
    let name = format!("{mark}{}{title}", paint(theme::NAME, &entry.id));
    let headline = match &entry.estimate {
        None => name,
        Some(estimate) => {
            let estimate = paint(theme::FAINT, &format!("({estimate})"));
            let one_line = format!("{name}  {estimate}");
            let fits = seen(&number) + seen(&one_line) <= Terminal::width();
            if fits { one_line } else { format!("{name}\n{estimate}") }
        }
    };
    terminal.line(&format!("\n{}", wrapped(&headline, &number).replace("\u{a0} ", "  ")));
    if let Some(about) = &entry.about {
        terminal.line(&wrapped(about, "      "));
    }
    if let Some(waits) = &entry.waits_for {
        terminal.line(&paint(
            theme::FAINT,
            &wrapped(&format!("waits only for {}", waits.join(", ")), "      "),
        ));
    }
    if let Some(when) = &entry.when {
        terminal.line(&wrapped(&format!("only if {when}"), "      "));
    }
    if let Some(action) = &entry.action {
        write_action(action, "      ", terminal);
    }
    for line in &entry.changes {
        let style = match line.chars().next() {
            Some('+') => theme::GOOD,
            Some('-') => theme::BAD,
            _ => theme::FAINT,
        };
        terminal.line(&format!("        {}", paint(style, line)));
    }
    for check in &entry.checks {
        terminal.line(&wrapped(check, "      - "));
    }
    if let Some(failure) = &entry.on_failure {
        terminal.line(&format!("      on failure: {failure}"));
    }
    if let Some(undo) = &entry.undo {
        write_undo(undo, terminal);
    }
    if shown.point_of_no_return.as_deref() == Some(&entry.id) {
        terminal.line(&paint(
            theme::BAD,
            "      ---- point of no return: from here on there is no automatic way back ----",
        ));
    }
}

fn write_action(action: &ShownAction, indent: &str, terminal: &mut Terminal) {
    let with = if action.with.is_empty() {
        String::new()
    } else {
        format!("  [{}]", action.with.join(", "))
    };
    if action.is_code && action.does.contains('\n') {
        terminal.line(&format!("{indent}{}:{}", action.action, paint(theme::FAINT, &with)));
        for line in action.does.trim_end().lines() {
            terminal.line(format!("{indent}  | {line}").trim_end());
        }
    } else if action.is_code {
        // Never broken: somebody may copy it.
        terminal.line(&format!(
            "{indent}{}: {}{}",
            action.action,
            action.does,
            paint(theme::FAINT, &with)
        ));
    } else {
        let text = format!("{}{}", action.does.trim_end(), paint(theme::FAINT, &with));
        terminal.line(&wrapped(&text, indent));
    }
}

fn write_undo(undo: &ShownUndo, terminal: &mut Terminal) {
    let indent = "      ";
    match undo {
        ShownUndo::Rollback { steps } => {
            terminal.line(&format!("{indent}{}", paint(theme::GOOD, "undone by:")));
            for step in steps {
                write_action(step, "        ", terminal);
            }
        }
        ShownUndo::ByItself { text } => {
            let text = format!("{} {text}", paint(theme::GOOD, "undone by itself:"));
            terminal.line(&wrapped(&text, indent));
        }
        ShownUndo::NothingToUndo { text } => {
            let text = wrapped(&format!("nothing to undo: {text}"), indent);
            terminal.line(&paint(theme::FAINT, &text))
        }
        ShownUndo::ReadOnly => {
            terminal.line(&paint(theme::FAINT, &format!("{indent}changes nothing")))
        }
        ShownUndo::Irreversible { why } => {
            terminal.line(&wrapped(
                &format!("{} {why}", paint(theme::BAD, "cannot be undone:")),
                indent,
            ));
        }
        ShownUndo::Unsaid => terminal
            .line(&format!("{indent}{}", paint(theme::BAD, "nothing says how it is undone"))),
    }
}

fn foot(shown: &Shown, terminal: &mut Terminal) {
    terminal.line(&format!(
        "\n{}",
        paint(theme::STRONG, "If it fails at the very end, it is undone in this order:")
    ));
    terminal.line(&wrapped(&shown.rollback_order.join(", "), "  "));
    if !shown.not_undone.is_empty() {
        terminal.line("\nWhat a rollback leaves behind:");
        for one in &shown.not_undone {
            terminal.line(&wrapped(&format!("{}: {}", one.id, one.why), "  - "));
        }
    }
    list("Contacts", &shown.contacts, terminal);
    list("Escalation", &shown.escalation, terminal);
}

/// No wider than the terminal, behind what stands before its first line.
fn wrapped(text: &str, first: &str) -> String {
    wrap(text, first, Terminal::width())
}
