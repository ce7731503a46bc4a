//! Two compiled plans → what a reviewer must know: risk, not lines. Reads no files, shows nothing.
//! Whatever means something else gives at least one change; layout, comments and key order none.

pub mod sentence;
pub mod figures;
mod side;
mod pairs;
mod judge;
mod files;
mod checks;
mod undo;
mod action;
mod entries;
mod order;
mod no_return;
mod time;
mod inputs;
mod around;

use crate::graph::CompiledPlan;
use crate::named::NamedFiles;
use crate::source::Span;
use pairs::Pairs;
use sentence::Sentence;
use side::Picture;

/// One of the two plans, with what its files hold.
#[derive(Debug, Clone, Copy)]
pub struct Side<'p> {
    pub plan: &'p CompiledPlan,
    pub files: &'p NamedFiles,
}

/// What a change does to the risk of a run; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Less is checked, undone or bounded than before.
    Worse,
    /// Something else happens; only a person can tell whether that is right.
    Notice,
    /// More is checked, undone or bounded than before.
    Better,
    /// It changes nothing in a run.
    Neutral,
}

impl Risk {
    pub const ALL: [Risk; 4] = [Risk::Worse, Risk::Notice, Risk::Better, Risk::Neutral];

    pub fn word(self) -> &'static str {
        match self {
            Risk::Worse => "worse",
            Risk::Notice => "notice",
            Risk::Better => "better",
            Risk::Neutral => "neutral",
        }
    }
}

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// `step`, `checkpoint`, `phase`, `input`, `connection`, `plan` …
    pub kind: &'static str,
    /// Its id; empty where there is only one.
    pub id: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `undo-lost`, `check-weaker`: for machines, stable.
    pub kind: String,
    pub risk: Risk,
    pub subject: Subject,
    pub sentence: Sentence,
    /// The texts themselves, where they are too long for the sentence.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Where it stands in the old plan's texts, and in those of the new one.
    pub old: Option<Span>,
    pub new: Option<Span>,
}

/// Compares two plans; the worst changes first, of the same risk in the order of the plan.
pub fn diff(old: &Side<'_>, new: &Side<'_>) -> Vec<Change> {
    let pairs = Pairs::find(&Picture::of(old), &Picture::of(new));
    let (old, new) = (Picture::renamed(old, &pairs), Picture::of(new));
    let mut changes = Changes::default();
    around::environment(&old, &new, &mut changes);
    time::compare(&old, &new, &mut changes);
    no_return::compare(&old, &new, &pairs, &mut changes);
    around::plan(&old, &new, &mut changes);
    inputs::compare(&old, &new, &mut changes);
    around::servers(&old, &new, &mut changes);
    entries::phases(&old, &new, &pairs, &mut changes);
    entries::compare(&old, &new, &pairs, &mut changes);
    order::compare(&old, &new, &pairs, &mut changes);
    around::people(&old, &new, &mut changes);
    let mut changes = changes.all;
    changes.sort_by_key(|change| change.risk);
    changes
}

/// The changes found so far.
#[derive(Default)]
struct Changes {
    all: Vec<Change>,
}

impl Changes {
    fn push(
        &mut self,
        kind: impl Into<String>,
        risk: Risk,
        subject: &Subject,
        sentence: Sentence,
    ) -> &mut Self {
        self.all.push(Change {
            kind: kind.into(),
            risk,
            subject: subject.clone(),
            sentence,
            before: None,
            after: None,
            old: None,
            new: None,
        });
        self
    }

    /// Where the change stands that was pushed last.
    fn at(&mut self, old: Option<Span>, new: Option<Span>) -> &mut Self {
        if let Some(last) = self.all.last_mut() {
            (last.old, last.new) = (old, new);
        }
        self
    }

    /// The texts of the change that was pushed last.
    fn texts(&mut self, before: Option<String>, after: Option<String>) -> &mut Self {
        if let Some(last) = self.all.last_mut() {
            (last.before, last.after) = (before, after);
        }
        self
    }
}

impl Subject {
    fn new(kind: &'static str, id: &str) -> Subject {
        Subject { kind, id: id.to_owned() }
    }

    /// The subject as the beginning of a sentence.
    fn named(&self) -> Sentence {
        let article = match self.kind {
            "plan" | "window" | "state" => "the ",
            _ => "",
        };
        let words = Sentence::default().words(article).words(self.kind);
        if self.id.is_empty() { words } else { words.words(" ").code(&self.id) }
    }
}

#[cfg(test)]
mod tests;
