//! How a step is undone, before and now: ways back that were lost, gained or became other ones.
//! Does not know how anything is undone.

use super::judge::Judged;
use super::side::Picture;
use super::{Changes, Risk, Subject};
use crate::model::action::{ActionFacts, Inverse};
use crate::model::meaning::Meaning;
use crate::model::plan::{RollbackStep, Step};
use crate::source::Span;

/// Keys of a step that say how it is undone.
pub const KEYS: &[&str] = &["rollback", "read_only", "irreversible"];

pub enum Undo<'p> {
    /// Its own steps.
    Steps,
    /// By its action.
    ByItself(String),
    /// The action leaves something that does no harm.
    Kept,
    /// The action changes nothing.
    ReadOnly,
    /// Somebody says that it changes nothing.
    Claimed,
    Irreversible(&'p str),
    /// Nobody says how.
    Nothing,
}

pub fn undo(step: &Step) -> Undo<'_> {
    if let Some(why) = &step.irreversible {
        return Undo::Irreversible(why.value.trim());
    }
    if step.rollback.is_some() {
        return Undo::Steps;
    }
    if step.read_only == Some(true) {
        return Undo::Claimed;
    }
    match step.actions.iter().next().map(|action| action.facts().inverse()) {
        Some(Inverse::Natural(how)) => Undo::ByItself(how),
        Some(Inverse::ReadOnly) => Undo::ReadOnly,
        Some(Inverse::NothingToUndo(_)) => Undo::Kept,
        Some(Inverse::None) | None => Undo::Nothing,
    }
}

impl Undo<'_> {
    pub fn is_way_back(&self) -> bool {
        !matches!(self, Undo::Irreversible(_) | Undo::Nothing)
    }

    /// There is something to undo.
    fn acts(&self) -> bool {
        !matches!(self, Undo::Kept | Undo::ReadOnly)
    }
}

pub struct Sides<'s, 'p> {
    pub subject: &'s Subject,
    pub old: (&'s Picture<'p>, &'p Step),
    pub new: (&'s Picture<'p>, &'p Step),
}

pub fn compare(sides: &Sides<'_, '_>, changes: &mut Changes) {
    let (old, new) = (undo(sides.old.1), undo(sides.new.1));
    let mut push = |kind: &str, risk: Risk, words: &str, codes: &[&str]| {
        let sentence = sides.subject.named().then(words, codes);
        changes.push(kind, risk, sides.subject, sentence);
        changes.at(Some(place(sides.old.1)), Some(place(sides.new.1)));
    };
    let lost = match &old {
        Undo::Steps => " lost its rollback",
        _ => " lost its way back",
    };
    match (&old, &new) {
        (Undo::Steps, Undo::Steps) => steps(sides, changes),
        (Undo::Irreversible(before), Undo::Irreversible(after)) if before != after => {
            let words = " cannot be undone for another reason: {}, it was {}";
            push("undo-reason", Risk::Notice, words, &[after, before]);
        }
        (old, Undo::Irreversible(why)) if old.is_way_back() => {
            let words = format!("{lost}: it cannot be undone now, because {{}}");
            push("undo-lost", Risk::Worse, &words, &[why]);
        }
        (old, Undo::Nothing) if old.is_way_back() => {
            push("undo-lost", Risk::Worse, &format!("{lost}: nothing undoes it now"), &[]);
        }
        (Undo::Nothing, Undo::Irreversible(why)) => {
            push("undo-reason", Risk::Notice, " is said to be irreversible now: {}", &[why]);
        }
        (Undo::Irreversible(_), Undo::Nothing) => {
            push("undo-lost", Risk::Worse, " no longer says that it cannot be undone", &[]);
        }
        (Undo::Claimed, Undo::Claimed) => {}
        (old, Undo::Claimed) if old.acts() => {
            let words = format!(
                "{}claims to change nothing now ({{}}): nothing would undo it",
                if matches!(old, Undo::Steps) { " lost its rollback and " } else { " " }
            );
            push("read-only-claimed", Risk::Worse, &words, &["read_only"]);
        }
        (_, Undo::Claimed) => {
            push("read-only-claimed", Risk::Neutral, " says that it changes nothing", &[]);
        }
        (old, new) if !old.is_way_back() && new.is_way_back() => match new {
            Undo::Steps => push("undo-gained", Risk::Better, " gained a rollback", &[]),
            Undo::ByItself(how) => {
                push("undo-gained", Risk::Better, " can be undone now: it {}", &[how]);
            }
            _ => push("undo-gained", Risk::Better, " leaves nothing to undo now", &[]),
        },
        (Undo::Claimed, Undo::Steps) => {
            let words = " no longer claims to change nothing, and gained a rollback";
            push("undo-gained", Risk::Better, words, &[]);
        }
        (Undo::Claimed, _) => {
            let words = " no longer claims to change nothing";
            push("read-only-dropped", Risk::Better, words, &[]);
        }
        (Undo::Steps, Undo::ByItself(how)) => {
            let words = " is undone by its action now, not by {}: it {}";
            push("undo-changed", Risk::Notice, words, &["rollback", how]);
        }
        (Undo::Steps, _) => {
            push("undo-changed", Risk::Notice, " has no {} any more", &["rollback"]);
        }
        (Undo::ByItself(_), Undo::Steps) => {
            let words = " is undone by {} now, no longer by its action";
            push("undo-changed", Risk::Notice, words, &["rollback"]);
        }
        (_, Undo::Steps) => push("undo-gained", Risk::Better, " gained a rollback", &[]),
        // The action itself became another one: that is said where it is compared.
        _ => {}
    }
    remainder(sides, &old, &new, changes);
}

/// What a step says about its undo beside what counts.
fn remainder(sides: &Sides<'_, '_>, old: &Undo<'_>, new: &Undo<'_>, changes: &mut Changes) {
    let said = |step: &Step| (step.read_only, step.rollback.is_some());
    if matches!((old, new), (Undo::Irreversible(_), Undo::Irreversible(_)))
        && said(sides.old.1) != said(sides.new.1)
    {
        let words = " says something else about its undo, which {} overrides";
        let sentence = sides.subject.named().then(words, &["irreversible"]);
        changes.push("undo-changed", Risk::Neutral, sides.subject, sentence);
    }
}

fn steps(sides: &Sides<'_, '_>, changes: &mut Changes) {
    fn list<'p>((side, step): &(&Picture<'p>, &'p Step)) -> Vec<(Meaning, &'p RollbackStep)> {
        let steps = step.rollback.iter().flat_map(|many| many.iter());
        steps.map(|step| (side.meaning(step), step)).collect()
    }
    let (olds, news) = (list(&sides.old), list(&sides.new));
    if olds.iter().map(|(meaning, _)| meaning).eq(news.iter().map(|(meaning, _)| meaning)) {
        return;
    }
    let by_hand = |all: &[(Meaning, &RollbackStep)]| {
        all.iter().filter(|(_, step)| step.actions.manual().is_some()).count()
    };
    let (risk, words) = if news.len() < olds.len() {
        (Risk::Worse, ": its rollback does less")
    } else if by_hand(&news) > by_hand(&olds) {
        (Risk::Worse, ": its rollback needs a person now")
    } else if news.len() > olds.len() {
        (Risk::Better, ": its rollback does more")
    } else {
        (Risk::Notice, ": its rollback changed")
    };
    let first = changes.all.len();
    if let ([(old, _)], [(new, _)]) = (olds.as_slice(), news.as_slice())
        && risk == Risk::Notice
    {
        only_files(sides, old, new, changes);
    }
    if changes.all.len() == first {
        let sentence = sides.subject.named().words(words);
        changes.push("rollback-changed", risk, sides.subject, sentence);
        let shown = |all: &[(Meaning, &RollbackStep)]| {
            all.iter().map(|(meaning, step)| shown(meaning, step)).collect::<Vec<_>>().join("\n")
        };
        changes.texts(Some(shown(&olds)), Some(shown(&news)));
        changes.at(Some(place(sides.old.1)), Some(place(sides.new.1)));
    }
}

/// A script that is named as before, and holds something else.
fn only_files(sides: &Sides<'_, '_>, old: &Meaning, new: &Meaning, changes: &mut Changes) {
    let judged = Judged {
        family: "rollback",
        subject: sides.subject,
        prefix: sides.subject.named().words(": in its rollback"),
        table: &[],
        otherwise: Risk::Notice,
    };
    let differences = super::judge::differences(old, new);
    let first = changes.all.len();
    let all = differences.iter().all(|difference| match (difference.old, difference.new) {
        (Some(old), Some(new)) => super::files::compare(&judged, old, new, changes),
        _ => false,
    });
    if !all {
        changes.all.truncate(first);
    }
}

/// A rollback step as its author would sum it up: the action, then what else is said.
fn shown(meaning: &Meaning, step: &RollbackStep) -> String {
    let action = step.actions.iter().next();
    let mut text = action.map_or(String::new(), |action| {
        format!("{}: {}", action.key(), ActionFacts::line(action.facts()))
    });
    let key = action.map_or("", |action| action.key());
    for (other, value) in meaning.keys().iter().filter(|(other, _)| other != key) {
        text += &format!("\n  {other}: {value}");
    }
    text
}

/// Where the undo is said, else where the step is.
fn place(step: &Step) -> Span {
    let rollback = step.rollback.iter().flat_map(|many| many.iter()).map(|step| step.span).next();
    let why = step.irreversible.as_ref().map(|why| why.span);
    why.or(rollback).unwrap_or(step.step.span)
}
