//! A plan as a reviewer reads it, for people; the JSON form is the data itself.

use plan_model::show::{Shown, ShownAction, ShownEntry, ShownPhase, ShownUndo};

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
    terminal.line(&paint(theme::STRONG, &format!("{title} ({}{environment})", shown.plan)));
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
        terminal.line(&format!("  {name:width$}  {value}"));
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
    let title = entry.title.as_deref().map_or(String::new(), |title| format!("  {title}"));
    let estimate =
        entry.estimate.as_deref().map_or(String::new(), |estimate| format!("  ({estimate})"));
    terminal.line(&format!(
        "\n{:>4}. {mark}{}{title}{}",
        entry.number,
        paint(theme::NAME, &entry.id),
        paint(theme::FAINT, &estimate)
    ));
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
        terminal.line(&format!(
            "{indent}{}: {}{}",
            action.action,
            action.does,
            paint(theme::FAINT, &with)
        ));
    } else {
        terminal.line(&format!("{}{}", wrapped(&action.does, indent), paint(theme::FAINT, &with)));
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
            terminal.line(&format!("{indent}{} {text}", paint(theme::GOOD, "undone by itself:")));
        }
        ShownUndo::NothingToUndo { text } => {
            terminal.line(&paint(theme::FAINT, &format!("{indent}nothing to undo: {text}")))
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

/// Broken at words; the lines after the first stand under its text.
fn wrapped(text: &str, indent: &str) -> String {
    let width = Terminal::width();
    let rest = " ".repeat(indent.chars().count());
    let mut out = String::new();
    for (at, line) in text.trim_end().lines().enumerate() {
        let mut current = if at == 0 { indent.to_owned() } else { rest.clone() };
        let mut is_empty = true;
        for word in line.split_whitespace() {
            if !is_empty && current.chars().count() + 1 + word.chars().count() > width {
                out.push_str(&current);
                out.push('\n');
                current.clone_from(&rest);
                is_empty = true;
            }
            if !is_empty {
                current.push(' ');
            }
            current.push_str(word);
            is_empty = false;
        }
        out.push_str(&current);
        out.push('\n');
    }
    out.pop();
    out
}
