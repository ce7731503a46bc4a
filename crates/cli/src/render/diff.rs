//! The differences of two plans in every output format; one file each.

pub mod human;
pub mod json;
mod lines;
pub mod markdown;

use plan_model::diff::figures::Figure;
use plan_model::diff::{Change, Risk};
use plan_model::source::{Sources, Span};

pub struct DiffReport<'r> {
    pub old: Version<'r>,
    pub new: Version<'r>,
    pub changes: &'r [Change],
}

/// One of the two plans.
pub struct Version<'r> {
    /// As it was typed.
    pub name: &'r str,
    pub sources: &'r Sources,
    pub figures: Vec<Figure>,
}

impl Version<'_> {
    /// `plan.yaml:12`
    fn place(&self, span: Span) -> String {
        let file = visible(&self.sources.file(span.file).name).replace('\n', " ");
        format!("{file}:{}", self.sources.start(span).line)
    }
}

impl DiffReport<'_> {
    fn of(&self, risk: Risk) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.risk == risk)
    }

    /// `2 worse, 1 to notice`
    fn counts(&self) -> Vec<(Risk, String)> {
        let count = |risk| (risk, self.of(risk).count());
        let some = Risk::ALL.into_iter().map(count).filter(|(_, count)| *count > 0);
        some.map(|(risk, count)| (risk, format!("{count} {}", counted_as(risk)))).collect()
    }

    /// Each figure of both plans.
    fn figures(&self) -> impl Iterator<Item = (&Figure, &Figure)> {
        self.old.figures.iter().zip(&self.new.figures)
    }

    /// Where a reader should look: in the new plan, or where the old one had what is gone.
    fn place(&self, change: &Change) -> Option<String> {
        match (change.new, change.old) {
            (Some(new), _) => Some(self.new.place(new)),
            (None, Some(old)) => Some(format!("was {}", self.old.place(old))),
            (None, None) => None,
        }
    }
}

fn counted_as(risk: Risk) -> &'static str {
    match risk {
        Risk::Notice => "to notice",
        other => other.word(),
    }
}

fn heading(risk: Risk) -> &'static str {
    match risk {
        Risk::Worse => "Worse",
        Risk::Notice => "To notice",
        Risk::Better => "Better",
        Risk::Neutral => "Neutral",
    }
}

const NOTHING: &str = "the two plans mean the same";

/// Texts of plans with what a terminal or a reader's eye would be deceived by made visible.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("    "),
            // Direction marks turn lines round, so that they read as what they are not.
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' => {
                shown.extend(letter.escape_unicode());
            }
            '\u{FEFF}' => shown.extend(letter.escape_unicode()),
            letter if letter.is_control() => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    shown
}
