//! Phases, steps and checkpoints: which came, went, got another name or place, and what each says.
//! Does not know the order in which they run.

use super::checks::{self, Place};
use super::judge::{self, Judged, Key, Safer, Unsaid, key};
use super::pairs::Pairs;
use super::side::{Picture, Unit};
use super::undo::{self, Undo, undo};
use super::{Changes, Risk, Subject, action, around};
use crate::model::action::ACTION_KEYS;
use crate::model::check::Check;
use crate::model::meaning::Meaning;
use crate::model::plan::Step;
use crate::resolve::{PhaseOf, What};

const TABLE: &[Key] = &[
    key("title", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("about", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("estimate", Safer::Told, Unsaid::Unknown),
    key("outputs", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("progress", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("for_each", Safer::Members(Risk::Notice), Unsaid::Unknown),
    key("changes.databases", Safer::Longer, Unsaid::Weakest),
    key("changes.files", Safer::Longer, Unsaid::Weakest),
    key("changes.services", Safer::Longer, Unsaid::Weakest),
    key("changes", Safer::Said, Unsaid::Weakest),
    key("on_failure", Safer::Words(ON_FAILURE), Unsaid::Is("rollback")),
    key("after_crash", Safer::Words(&["rerun", "ask|rollback"]), Unsaid::Is("ask")),
    key("timeout", Safer::Less, Unsaid::Weakest),
    key("within", Safer::Less, Unsaid::Strongest),
    key("every", Safer::Less, Unsaid::Unknown),
    key("in_a_row", Safer::More, Unsaid::Weakest),
    key("maintenance", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
];

const ON_FAILURE: &[&str] = &["continue", "pause", "rollback_to", "rollback"];

pub fn compare(old: &Picture<'_>, new: &Picture<'_>, pairs: &Pairs, changes: &mut Changes) {
    for at in &pairs.removed {
        removed(&old.units[*at], changes);
    }
    for (at, unit) in new.units.iter().enumerate() {
        match pairs.old_of[at] {
            None => added(new, unit, changes),
            Some(before) => {
                let before = &old.units[before];
                if before.id != unit.id {
                    let words = " has another name now, it was {}";
                    let sentence = unit.subject().named().then(words, &[&before.id]);
                    changes.push("renamed", Risk::Neutral, &unit.subject(), sentence);
                    changes.at(before.span(), unit.span());
                }
                moved(old, new, pairs, (before, unit), changes);
                both((old, before), (new, unit), changes);
            }
        }
    }
}

fn phase_of<'p>(side: &Picture<'p>, unit: &Unit<'_>) -> &'p PhaseOf {
    &side.plan().plan.phases[unit.phase]
}

/// The phase of a plan without phases: nobody wrote it.
fn is_implied(side: &Picture<'_>, phase: &PhaseOf) -> bool {
    phase.span == side.plan().plan.file.plan.span
}

fn removed(unit: &Unit<'_>, changes: &mut Changes) {
    let subject = unit.subject();
    let named = subject.named();
    match &unit.entry.what {
        What::Step(step) => {
            // Others lean on what these two made, without naming it always.
            let guards = step.actions.backup().is_some() || step.actions.compare().is_some();
            let risk = if guards { Risk::Worse } else { Risk::Notice };
            let sentence = named.then(" is gone: {}", &[&action::line(step)]);
            changes.push("step-removed", risk, &subject, sentence);
        }
        What::Checkpoint(checkpoint) => {
            let count = counted(checkpoint.checks.len(), "check");
            let sentence = named.words(&format!(" is gone, with its {count}"));
            changes.push("checkpoint-removed", Risk::Worse, &subject, sentence);
            changes.texts(Some(check_lines(&checkpoint.checks)), None);
        }
    }
    changes.at(unit.span(), None);
}

fn added(side: &Picture<'_>, unit: &Unit<'_>, changes: &mut Changes) {
    let subject = unit.subject();
    let phase = phase_of(side, unit);
    let mut named = subject.named().words(" is new");
    if !is_implied(side, phase) {
        named = named.then(" in phase {}", &[&phase.id]);
    }
    match &unit.entry.what {
        What::Step(step) => {
            let line = action::line(step);
            let (risk, end) = match undo(step) {
                Undo::Irreversible(_) => (Risk::Worse, ", and cannot be undone"),
                Undo::Nothing => (Risk::Worse, ", and nothing undoes it"),
                _ => (Risk::Notice, ""),
            };
            let sentence = named.then(": {}", &[&line]).words(end);
            changes.push("step-added", risk, &subject, sentence);
        }
        What::Checkpoint(checkpoint) => {
            let count = counted(checkpoint.checks.len(), "check");
            let sentence = named.words(&format!(", with {count}"));
            changes.push("checkpoint-added", Risk::Better, &subject, sentence);
            changes.texts(None, Some(check_lines(&checkpoint.checks)));
        }
    }
    changes.at(None, unit.span());
    around::waivers(&subject, None, unit.meaning.get("allow"), changes);
}

pub fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn check_lines(checks: &[Check]) -> String {
    let lines = checks.iter().map(crate::model::check::line);
    lines.map(|line| super::sentence::one_line(&line)).collect::<Vec<_>>().join("\n")
}

fn moved(
    old: &Picture<'_>,
    new: &Picture<'_>,
    pairs: &Pairs,
    (before, unit): (&Unit<'_>, &Unit<'_>),
    changes: &mut Changes,
) {
    if pairs.phases.contains(&(before.phase, unit.phase)) {
        return;
    }
    let out = |side: &Picture<'_>, unit: &Unit<'_>| phase_of(side, unit).maintenance;
    let (risk, end) = match (out(old, before), out(new, unit)) {
        (true, false) => (Risk::Worse, ", and runs while users are in now"),
        (false, true) => (Risk::Notice, ", and runs while users are out now"),
        _ => (Risk::Notice, ""),
    };
    let (from, to) = (phase_of(old, before), phase_of(new, unit));
    let subject = unit.subject();
    let words = " moved from phase {} to {}";
    let sentence = subject.named().then(words, &[&from.id, &to.id]).words(end);
    changes.push("phase-moved", risk, &subject, sentence);
    changes.at(before.span(), unit.span());
}

fn both(
    (old, before): (&Picture<'_>, &Unit<'_>),
    (new, after): (&Picture<'_>, &Unit<'_>),
    changes: &mut Changes,
) {
    if before.meaning == after.meaning {
        return;
    }
    let subject = after.subject();
    match (&before.entry.what, &after.entry.what) {
        (What::Step(was), What::Step(is)) => {
            action::compare(&subject, (&before.meaning, was), (&after.meaning, is), changes);
            let sides = undo::Sides { subject: &subject, old: (old, was), new: (new, is) };
            undo::compare(&sides, changes);
            probe(&subject, (old, was), (new, is), changes);
        }
        (What::Checkpoint(was), What::Checkpoint(is)) => {
            let place = Place { subject: &subject, noun: "check" };
            checks::compare(&place, (old, &was.checks), (new, &is.checks), changes);
        }
        _ => {}
    }
    around::waivers(&subject, before.meaning.get("allow"), after.meaning.get("allow"), changes);
    user(&subject, before.meaning.get("user"), after.meaning.get("user"), changes);
    let elsewhere = [&["checks", "allow", "probe", "user"], undo::KEYS, ACTION_KEYS].concat();
    let rest = |meaning: &Meaning| meaning.clone().without(&elsewhere);
    judge::compare(&judged(&subject), &rest(&before.meaning), &rest(&after.meaning), changes);
}

fn judged(subject: &Subject) -> Judged<'_> {
    Judged {
        family: subject.kind,
        subject,
        prefix: subject.named(),
        table: TABLE,
        otherwise: Risk::Notice,
    }
}

fn probe(
    subject: &Subject,
    (old, was): (&Picture<'_>, &Step),
    (new, is): (&Picture<'_>, &Step),
    changes: &mut Changes,
) {
    let place = Place { subject, noun: "probe" };
    checks::compare(&place, (old, was.probe.as_slice()), (new, is.probe.as_slice()), changes);
}

fn user(subject: &Subject, old: Option<&Meaning>, new: Option<&Meaning>, changes: &mut Changes) {
    let name = |user: Option<&Meaning>| user.map(Meaning::to_string);
    let (before, after) = (name(old), name(new));
    if before == after {
        return;
    }
    let (risk, kind) = match (before.as_deref(), after.as_deref()) {
        (_, Some("root")) => (Risk::Worse, "step-weaker"),
        (Some("root"), Some(_)) => (Risk::Better, "step-stronger"),
        _ => (Risk::Notice, "step-changed"),
    };
    let who = |user: Option<String>| user.unwrap_or_else(|| "who runs the plan".to_owned());
    let words = " runs as {} now, it was {}";
    let sentence = subject.named().then(words, &[&who(after), &who(before)]);
    changes.push(kind, risk, subject, sentence);
    changes.at(old.map(|user| user.span), new.map(|user| user.span));
}

pub fn phases(old: &Picture<'_>, new: &Picture<'_>, pairs: &Pairs, changes: &mut Changes) {
    let (olds, news) = (&old.plan().plan.phases, &new.plan().plan.phases);
    for at in &pairs.removed_phases {
        let phase = &olds[*at];
        let subject = Subject::new("phase", &phase.id);
        let sentence = subject.named().words(" is gone");
        changes.push("phase-removed", Risk::Notice, &subject, sentence);
        changes.at(Some(phase.span), None);
        watch(&subject, (old, &phase.watch), (new, &[]), changes);
    }
    for at in &pairs.added_phases {
        let phase = &news[*at];
        let subject = Subject::new("phase", &phase.id);
        let out = if phase.maintenance { ", and users are out meanwhile" } else { "" };
        let sentence = subject.named().words(" is new").words(out);
        changes.push("phase-added", Risk::Notice, &subject, sentence);
        changes.at(None, Some(phase.span));
        watch(&subject, (old, &[]), (new, &phase.watch), changes);
    }
    for (before, after) in &pairs.phases {
        phase((old, &olds[*before]), (new, &news[*after]), changes);
    }
    let order: Vec<usize> = pairs.phases.iter().map(|(before, _)| *before).collect();
    if !order.is_sorted() {
        let names = |all: &[PhaseOf], mut which: Vec<usize>| {
            which.sort_unstable();
            let names: Vec<_> = which.iter().map(|at| all[*at].id.as_str()).collect();
            names.join(", ")
        };
        let was = names(olds, order);
        let is = names(news, pairs.phases.iter().map(|(_, after)| *after).collect());
        let subject = Subject::new("plan", "");
        let words = "the phases follow one another in another order: {}, it was {}";
        let sentence = super::sentence::say(words, &[&is, &was]);
        changes.push("phases-order", Risk::Worse, &subject, sentence);
    }
}

fn watch(
    subject: &Subject,
    old: (&Picture<'_>, &[Check]),
    new: (&Picture<'_>, &[Check]),
    changes: &mut Changes,
) {
    checks::compare(&Place { subject, noun: "watch" }, old, new, changes);
}

fn phase(
    (old, was): (&Picture<'_>, &PhaseOf),
    (new, is): (&Picture<'_>, &PhaseOf),
    changes: &mut Changes,
) {
    if is_implied(old, was) && is_implied(new, is) {
        return;
    }
    let subject = Subject::new("phase", &is.id);
    let places = (Some(was.span), Some(is.span));
    if was.id != is.id {
        let sentence = subject.named().then(" has another name now, it was {}", &[&was.id]);
        changes.push("renamed", Risk::Neutral, &subject, sentence).at(places.0, places.1);
    }
    if was.maintenance != is.maintenance {
        let (risk, words) = if is.maintenance {
            (Risk::Notice, " is under maintenance now: users are out")
        } else {
            (Risk::Worse, " is no longer under maintenance: it runs while users are in")
        };
        changes.push("maintenance", risk, &subject, subject.named().words(words));
        changes.at(places.0, places.1);
    }
    watch(&subject, (old, &was.watch), (new, &is.watch), changes);
    let said = |side: &Picture<'_>, phase: &PhaseOf| {
        let mut keys = Vec::new();
        for (key, value) in [
            ("title", side.meaning_of(&phase.title)),
            ("about", side.meaning_of(&phase.about)),
            ("estimate", side.meaning_of(&phase.estimate)),
        ] {
            keys.extend(value.map(|value| (key.into(), value)));
        }
        crate::model::meaning::Is::Map(keys).at(phase.span)
    };
    judge::compare(&judged(&subject), &said(old, was), &said(new, is), changes);
    let (was, is) = (old.meaning_of(&was.allow), new.meaning_of(&is.allow));
    around::waivers(&subject, was.as_ref(), is.as_ref(), changes);
}
