//! Diagnostics for people: the text itself, underlined, with what to do next.

use std::borrow::Cow;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use plan_model::diagnostic::{Diagnostic, Severity};
use plan_model::source::{Position, Sources, Span};

use super::Report;
use crate::terminal::Terminal;
use crate::theme::{self, paint};

/// More than anybody reads; the rest is counted.
const SHOWN: usize = 200;
/// Codes whose marked text is a secret: a report of CI is read by more people than the file.
const SECRETS: &[&str] = &["secret-in-plan", "secret-on-command-line"];
/// Marks of one file that are further apart than this are shown as two cuttings.
const FAR: usize = 12;

pub fn write(report: &Report<'_>, terminal: &mut Terminal) {
    let renderer = renderer();
    for diagnostic in report.diagnostics().take(SHOWN) {
        terminal.line(&one(&renderer, report.sources, diagnostic));
        terminal.line("");
    }
    let hidden = report.diagnostics().count().saturating_sub(SHOWN);
    if hidden > 0 {
        terminal.line(&format!("… and {hidden} more; `--format json` shows all\n"));
    }
    for plan in report.plans {
        for waived in &plan.waived {
            let place = report.sources.start(waived.span);
            let file = &report.sources.file(waived.span.file).name;
            let line = format!(
                "waived {}: {} ({file}:{}: {})",
                waived.code, waived.message, place.line, waived.reason
            );
            terminal.line(&paint(theme::FAINT, &line));
        }
    }
    terminal.line(&summary(report));
}

pub fn renderer() -> Renderer {
    Renderer::styled().term_width(Terminal::width())
}

fn summary(report: &Report<'_>) -> String {
    let (errors, warnings, hints) = (
        report.count(Severity::Error),
        report.count(Severity::Warning),
        report.count(Severity::Hint),
    );
    let plans = match report.plans {
        [plan] => plan.name.clone(),
        plans => format!("{} plans", plans.len()),
    };
    if errors + warnings + hints == 0 {
        return paint(theme::GOOD, &format!("{plans}: no problems"));
    }
    let mut parts = Vec::new();
    let mut count = |number: usize, word: &str| {
        if number > 0 {
            parts.push(format!("{number} {word}{}", if number == 1 { "" } else { "s" }));
        }
    };
    count(errors, "error");
    count(warnings, "warning");
    count(hints, "hint");
    let style = if errors > 0 { theme::BAD } else { theme::WARN };
    let mut line = paint(style, &format!("{plans}: {}", parts.join(", ")));
    if errors == 0 && warnings > 0 && report.strict {
        line += " (--strict: warnings count as errors)";
    }
    if let Some(first) = report.diagnostics().next() {
        line += &paint(theme::FAINT, &format!("; `plan explain {}` says why", first.code));
    }
    line
}

/// One diagnostic, without a line end.
pub fn one(renderer: &Renderer, sources: &Sources, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::INFO.with_name("hint"),
    };
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code)
        .elements(Vec::<Snippet<'_, Annotation<'_>>>::new());
    if let Some(excerpt) = excerpt_of_long_line(sources, diagnostic.span) {
        let Position { line, column } = sources.start(diagnostic.span);
        let name = sources.file(diagnostic.span.file).name.as_str();
        group = group
            .element(Origin::path(name).line(line).char_column(column))
            .element(Level::NOTE.message(format!("it stands in: {excerpt}")));
    } else {
        for cutting in cuttings(sources, diagnostic) {
            group = group.element(cutting);
        }
    }
    let mut group: Group<'_> = group;
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// A machine wrote lines as long as this one: drawing it takes long, and nobody sees the mark.
fn excerpt_of_long_line(sources: &Sources, span: Span) -> Option<String> {
    const LONG: usize = 8_000;
    const AROUND: usize = 30;
    let text: &str = &sources.file(span.file).text;
    let (start, end) = (span.start as usize, span.end as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    if line_end - line_start <= LONG {
        return None;
    }
    let shown_end = end.clamp(start, line_end).min(start + AROUND);
    let before: String = text[line_start..start].chars().rev().take(AROUND).collect();
    let before: String = before.chars().rev().collect();
    let after: String = text[start..line_end].chars().take(shown_end - start + AROUND).collect();
    Some(format!("…{before}{after}…"))
}

struct Mark<'d> {
    span: Span,
    label: &'d str,
    kind: AnnotationKind,
    line: usize,
    last_line: usize,
}

/// The parts of the files that hold the marks, cut so that large files cost nothing.
fn cuttings<'s>(
    sources: &'s Sources,
    diagnostic: &'s Diagnostic,
) -> Vec<Snippet<'s, Annotation<'s>>> {
    let mark = |span: Span, label: &'s str, kind| {
        let (start, end) = (sources.start(span), sources.end(span));
        Mark { span, label, kind, line: start.line, last_line: end.line.min(start.line + 3) }
    };
    let mut marks = vec![mark(diagnostic.span, &diagnostic.label, AnnotationKind::Primary)];
    marks.extend(
        diagnostic
            .related
            .iter()
            .map(|label| mark(label.span, &label.text, AnnotationKind::Context)),
    );
    let main = diagnostic.span.file;
    marks.sort_by_key(|mark| (mark.span.file != main, mark.span.file, mark.line));
    let mut groups: Vec<Vec<Mark<'_>>> = Vec::new();
    for mark in marks {
        match groups
            .last_mut()
            .and_then(|group| group.last().map(|last| (last.span.file, last.last_line)))
        {
            Some((file, line)) if file == mark.span.file && mark.line <= line + FAR => {
                groups.last_mut().expect("it was just looked at").push(mark);
            }
            _ => groups.push(vec![mark]),
        }
    }
    // The main place comes first, whatever stands above it.
    groups.sort_by_key(|group| !group.iter().any(|mark| mark.kind == AnnotationKind::Primary));
    let secret = SECRETS.contains(&diagnostic.code).then_some(diagnostic.span);
    groups.into_iter().map(|group| cutting(sources, &group, secret)).collect()
}

fn cutting<'s>(
    sources: &'s Sources,
    marks: &[Mark<'s>],
    secret: Option<Span>,
) -> Snippet<'s, Annotation<'s>> {
    let file = sources.file(marks[0].span.file);
    let first = marks.iter().map(|mark| mark.line).min().unwrap_or(1);
    let last = marks.iter().map(|mark| mark.last_line).max().unwrap_or(1);
    let start = file.line_start(first).unwrap_or(0);
    let end = file.line_start(last + 1).unwrap_or(file.text.len());
    let text = match secret.filter(|span| span.file == marks[0].span.file) {
        Some(span) => covered(&file.text[start..end], start, span),
        None => Cow::Borrowed(&file.text[start..end]),
    };
    let annotation = |mark: &Mark<'s>| {
        let from = (mark.span.start as usize).clamp(start, end) - start;
        let to = (mark.span.end as usize).clamp(start + from, end) - start;
        let annotation = mark.kind.span(from..to);
        if mark.label.is_empty() { annotation } else { annotation.label(mark.label) }
    };
    Snippet::source(text)
        .path(file.name.as_str())
        .line_start(first)
        .annotations(marks.iter().map(annotation))
}

/// The text with a secret made unreadable, byte for byte, so that every mark keeps its place.
fn covered(text: &str, start: usize, secret: Span) -> Cow<'_, str> {
    let from = (secret.start as usize).clamp(start, start + text.len()) - start;
    let to = (secret.end as usize).clamp(start + from, start + text.len()) - start;
    let stars = |part: &str| -> String {
        part.bytes().map(|b| if b == b'\n' { '\n' } else { '*' }).collect()
    };
    Cow::Owned(format!("{}{}{}", &text[..from], stars(&text[from..to]), &text[to..]))
}

/// `file:line:column`, as editors and terminals link it.
pub fn place(sources: &Sources, span: Span) -> String {
    let Position { line, column } = sources.start(span);
    format!("{}:{line}:{column}", sources.file(span.file).name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_covered_in_the_text_that_is_shown() {
        let mut sources = Sources::default();
        let text = "password: hunter2é # x\n";
        let file = sources.add("p", text);
        let at = text.find("hunter2é").unwrap();
        let span = Span::new(file, at, at + "hunter2é".len());
        let shown =
            |code| one(&Renderer::plain(), &sources, &Diagnostic::error(code, span, "a secret"));
        assert!(!shown("secret-in-plan").contains("hunter"));
        assert!(shown("secret-in-plan").contains("password: ********* # x"));
        assert!(shown("wrong-type").contains("hunter2é"));
    }
}
