//! A report as Markdown: for a ticket, a mail, a binder.

use std::fmt::Write as _;
use std::time::Duration;

use plan_executor::clock::{Moment, Timestamp};
use plan_executor::report::{Entry, Report};
use plan_executor::state::{RunState, StepState};

use super::run::{date_time, date_time_zone, spoken};

pub fn markdown(report: &Report) -> String {
    let mut page = String::new();
    let title = report.title.as_deref().unwrap_or(&report.plan);
    let place = report.environment.as_ref().map_or(String::new(), |name| format!(" in {name}"));
    let _ = writeln!(page, "# {}: {}\n", text(title), ending(report));
    let mut row = |name: &str, value: String| {
        let _ = writeln!(page, "- **{name}**: {value}");
    };
    row("Run", format!("{} of {}{place}", report.run, report.plan));
    row(
        "Begun",
        format!(
            "{} by {} at {}",
            shown(&report.started, date_time_zone),
            text(&report.by),
            text(&report.host)
        ),
    );
    if let Some(ended) = &report.ended {
        let took = report.took_ms.map_or(String::new(), |took| format!(", after {}", length(took)));
        let said =
            range(report.estimate_ms).map_or(String::new(), |said| format!(" (estimated {said})"));
        row("Ended", format!("{}{took}{said}", time(ended)));
    }
    row("Digest", format!("`{}`", report.digest));
    for approval in &report.approvals {
        let role =
            approval.role.as_ref().map_or(String::new(), |role| format!(" as {}", text(role)));
        let note = approval.note.as_ref().map_or(String::new(), |note| format!(": {}", text(note)));
        row(
            "Approved",
            format!("{} by {}{role}{note}", date_time(approval.at), text(&approval.by)),
        );
    }
    if !report.failures.is_empty() {
        page += "\n## What failed\n\n| when | what | why | then |\n| --- | --- | --- | --- |\n";
        for one in &report.failures {
            let (at, why) = (time(&one.at), text(&one.why));
            let _ = writeln!(page, "| {at} | {} | {why} | {} |", one.entry, one.then);
        }
    }
    if let Some(back) = &report.back {
        let _ =
            writeln!(page, "\n## The way back\n\nFrom {}: {}.", time(&back.began), text(&back.why));
        let _ = match &back.differences {
            None => writeln!(page, "The state was not compared: none is declared."),
            Some(none) if none.is_empty() => {
                writeln!(page, "The state is the one before the run; it was compared.")
            }
            Some(_) => writeln!(page, "The state differs from the one before the run:"),
        };
        for line in back.differences.iter().flatten() {
            let _ = writeln!(page, "- {}", text(line));
        }
        for (entry, why) in &back.remains {
            let _ = writeln!(page, "- remains: {entry}: {}", text(why));
        }
    }
    if !report.inputs.is_empty() {
        page += "\n## Inputs\n\n| name | value | from |\n| --- | --- | --- |\n";
        for one in &report.inputs {
            let value = one.value.as_deref().map_or(String::new(), code);
            let from = text(&one.from);
            let _ = writeln!(page, "| {} | {value} | {from} |", one.name);
        }
    }
    page += "\n## What ran\n";
    let mut phase = None;
    for entry in &report.entries {
        if phase != Some(&entry.phase) {
            let _ = write!(page, "\n### {}\n\n{HEAD}", entry.phase);
            phase = Some(&entry.phase);
        }
        ran(&mut page, entry);
    }
    if !report.people.is_empty() {
        page += "\n## People\n\n| when | who | what |\n| --- | --- | --- |\n";
        for one in &report.people {
            let evidence =
                one.evidence.as_ref().map_or(String::new(), |what| format!(" ({})", text(what)));
            let asked = one
                .question
                .as_ref()
                .map_or(String::new(), |asked| format!(", to “{}”", text(asked)));
            let (at, what) = (time(&one.at), text(&one.what));
            let _ = writeln!(page, "| {at} | {} | {what}{evidence}{asked} |", text(&one.by));
        }
    }
    if !report.open.is_empty() {
        page += "\n## Still to be done\n\n";
        for one in &report.open {
            let who = one.role.as_ref().map_or(String::new(), |role| format!(" ({})", text(role)));
            let until = date_time(one.until);
            let _ = writeln!(page, "- [ ] {}{who}, until {until}: {}", one.entry, text(&one.text));
        }
    }
    if !report.told.is_empty() {
        page += "\n## Who was told\n\n";
        for told in &report.told {
            let by = if told.by.is_empty() {
                String::new()
            } else {
                format!(" by {}", told.by.join(", "))
            };
            let lost = told.lost.iter().map(|lost| format!("; lost: {}", text(lost)));
            let lost: String = lost.collect();
            let _ = writeln!(page, "- {} {}{by}{lost}", date_time(told.at), text(&told.role));
        }
    }
    if !report.backups.is_empty() {
        page += "\n## Backups\n\n| step | id | bytes | proven | where |\n| --- | --- | --- | --- | --- |\n";
        for one in &report.backups {
            let proven = one.proven.as_deref().unwrap_or("no");
            let _ = writeln!(
                page,
                "| {} | {} | {} | {proven} | {} |",
                one.step,
                one.id,
                one.size,
                code(&one.path)
            );
        }
    }
    if !report.files.is_empty() {
        page += "\n## Files that changed\n\n";
        for (step, paths) in &report.files {
            for path in paths {
                let _ = writeln!(page, "- {step}: {}", code(path));
            }
        }
    }
    page.trim_end().to_owned()
}

const HEAD: &str =
    "| | what | began | took | estimated | undone in |\n| --- | --- | --- | --- | --- | --- |\n";

fn ran(page: &mut String, entry: &Entry) {
    let title = entry.title.as_ref().map_or(String::new(), |title| format!(": {}", text(title)));
    let tries =
        if entry.attempts > 1 { format!(", {} tries", entry.attempts) } else { String::new() };
    let note = entry.note.as_ref().map_or(String::new(), |note| format!(" ({})", text(note)));
    let or_none = |text: Option<String>| text.unwrap_or_default();
    let _ = writeln!(
        page,
        "| {}{tries} | {}{title}{note} | {} | {} | {} | {} |",
        word(entry),
        entry.id,
        or_none(entry.started.as_ref().map(|at| time(at))),
        or_none(entry.took_ms.map(length)),
        or_none(range(entry.estimate_ms)),
        or_none(entry.undo_took_ms.map(length)),
    );
}

fn word(entry: &Entry) -> &'static str {
    match (entry.state, entry.is_checkpoint) {
        (StepState::Done, true) => "holds",
        (state, _) => state.word(),
    }
}

fn ending(report: &Report) -> &'static str {
    match report.state {
        RunState::RolledBack if report.failures.is_empty() => "rolled back completely",
        RunState::Succeeded => "succeeded",
        RunState::RolledBack => "failed, and was rolled back completely",
        RunState::RolledBackWithRemainders => "failed, and not everything is as it was",
        RunState::Stuck => "stuck: a rollback step failed",
        RunState::Paused => "paused",
        RunState::Running => "has not ended",
        RunState::RollingBack => "on its way back",
    }
}

fn length(millis: u64) -> String {
    spoken(Duration::from_millis(millis))
}

fn range(of: Option<(u64, u64)>) -> Option<String> {
    let (low, high) = of?;
    Some(match low == high {
        true => length(low),
        false => format!("{} to {}", length(low), length(high)),
    })
}

fn time(timestamp: &str) -> String {
    shown(timestamp, date_time)
}

fn shown(timestamp: &str, as_text: fn(Moment) -> String) -> String {
    let parsed = timestamp.parse::<Timestamp>().ok();
    parsed.map_or_else(|| timestamp.to_owned(), |at| as_text(Moment(at.as_millisecond())))
}

/// A path or a value, as it is where that can be.
fn code(plain: &str) -> String {
    let is_whole = plain.trim() == plain && !plain.is_empty();
    match is_whole && !plain.contains(|c: char| matches!(c, '`' | '|' | '\\') || c.is_control()) {
        true => format!("`{plain}`"),
        false => text(plain),
    }
}

/// On one line of a table, and nothing but text.
fn text(text: &str) -> String {
    let text = text.trim();
    let mut plain = String::new();
    for (at, c) in text.char_indices() {
        // Within a word it means nothing.
        let joins = |other: Option<char>| other.is_some_and(char::is_alphanumeric);
        let is_within = joins(text[..at].chars().next_back()) && joins(text[at..].chars().nth(1));
        match c {
            '\n' => plain += "<br>",
            '_' if is_within => plain.push(c),
            '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' => {
                plain.push('\\');
                plain.push(c);
            }
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}
