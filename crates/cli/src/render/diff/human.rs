//! Differences for people at a terminal: counts, figures, then each change with its place.

use anstyle::Style;
use plan_model::diff::sentence::{Part, Sentence};
use plan_model::diff::{Change, Risk};

use super::lines::{Line, differing};
use super::{DiffReport, NOTHING, heading, visible};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

/// Of a long text; the rest is in the files.
const SHOWN: usize = 16;
/// Lines longer than this are hard to follow, however wide the terminal is.
const WIDEST: usize = 100;

pub fn write(report: &DiffReport<'_>, terminal: &mut Terminal) {
    let width = Terminal::width().min(WIDEST);
    terminal.line(&format!("{} → {}", visible(report.old.name), visible(report.new.name)));
    if report.changes.is_empty() {
        terminal.line(&paint(theme::GOOD, NOTHING));
        return;
    }
    let counts = report.counts();
    let counts: Vec<_> = counts.iter().map(|(risk, text)| paint(style(*risk), text)).collect();
    terminal.line(&counts.join(", "));
    figures(report, terminal);
    for risk in Risk::ALL {
        let mut changes = report.of(risk).peekable();
        if changes.peek().is_none() {
            continue;
        }
        terminal.line("");
        terminal.line(&paint(style(risk), heading(risk)));
        for change in changes {
            one(report, change, width, terminal);
        }
    }
}

fn style(risk: Risk) -> Style {
    match risk {
        Risk::Worse => theme::BAD,
        Risk::Notice => theme::WARN,
        Risk::Better => theme::GOOD,
        Risk::Neutral => theme::FAINT,
    }
}

/// Only those that differ: the others are no news.
fn figures(report: &DiffReport<'_>, terminal: &mut Terminal) {
    let differ: Vec<_> = report
        .figures()
        .filter(|(old, new)| old.value != new.value)
        .map(|(old, new)| (old.name, old.value.to_string(), new.value.to_string()))
        .collect();
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let name_width = longest(&mut differ.iter().map(|(name, ..)| name.len()));
    let old_width = longest(&mut differ.iter().map(|(_, old, _)| old.len()));
    if !differ.is_empty() {
        terminal.line("");
    }
    for (name, old, new) in &differ {
        terminal.line(&format!("  {name:name_width$}  {old:old_width$}  →  {new}"));
    }
}

fn one(report: &DiffReport<'_>, change: &Change, width: usize, terminal: &mut Terminal) {
    let mut words = words(&change.sentence);
    if let Some(place) = report.place(change) {
        words.push((format!("({place})"), theme::FAINT));
    }
    for (at, line) in wrap(&words, width.saturating_sub(4)).iter().enumerate() {
        terminal.line(&format!("  {} {line}", if at == 0 { '•' } else { ' ' }));
    }
    texts(change, width, terminal);
}

/// Words with their styles; a quoted part keeps its quotes, which colour only repeats.
fn words(sentence: &Sentence) -> Vec<(String, Style)> {
    let mut words: Vec<(String, Style)> = Vec::new();
    let mut glued = false;
    for part in &sentence.0 {
        let (text, style) = match part {
            Part::Words(text) => (text.clone(), Style::new()),
            Part::Code(text) => (format!("`{}`", visible(text)), theme::NAME),
        };
        for (at, word) in text.split(' ').enumerate() {
            let join = at == 0 && glued;
            match words.last_mut().filter(|_| join) {
                // No space stood between: a comma stays with what it follows.
                Some((last, known)) => {
                    if style == *known {
                        last.push_str(word);
                    } else {
                        *last = format!("{}{}", paint(*known, last), paint(style, word));
                        *known = Style::new();
                    }
                }
                None => words.push((word.to_owned(), style)),
            }
        }
        glued = true;
    }
    words.retain(|(word, _)| !word.is_empty());
    words
}

fn wrap(words: &[(String, Style)], width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for (word, style) in words {
        let long = anstream::adapter::strip_str(word).to_string().chars().count();
        if used > 0 && used + 1 + long > width {
            lines.push(String::new());
            used = 0;
        }
        let Some(line) = lines.last_mut() else { return lines };
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&if *style == Style::new() { word.clone() } else { paint(*style, word) });
        used += long;
    }
    lines
}

fn texts(change: &Change, width: usize, terminal: &mut Terminal) {
    if change.before.is_none() && change.after.is_none() {
        return;
    }
    let before = visible(change.before.as_deref().unwrap_or_default());
    let after = visible(change.after.as_deref().unwrap_or_default());
    let all = differing(&before, &after);
    for line in all.iter().take(SHOWN) {
        let (sign, text, style) = match line {
            Line::Gone(text) => ('-', *text, theme::BAD),
            Line::New(text) => ('+', *text, theme::GOOD),
            Line::Same => ('…', "", theme::FAINT),
        };
        let room = width.saturating_sub(8);
        let cut: String = text.chars().take(room).collect();
        let more = if text.chars().count() > room { "…" } else { "" };
        terminal.line(&format!("      {}", paint(style, format!("{sign} {cut}{more}").trim_end())));
    }
    if all.len() > SHOWN {
        let more = format!("… and {} lines more", all.len() - SHOWN);
        terminal.line(&format!("      {}", paint(theme::FAINT, &more)));
    }
}
