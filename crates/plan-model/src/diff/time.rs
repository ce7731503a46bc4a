//! The worst case: the whole way, and the part inside the window. A small longest path over what the
//! file estimates; knows no history.

use std::cmp::Ordering;
use std::time::Duration;

use super::sentence::say;
use super::side::Picture;
use super::{Changes, Risk, Subject};
use crate::graph::CompiledPlan;
use crate::notation::Spoken;
use crate::resolve::{EntryOf, What};

/// How long a run takes if everything takes its longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worst {
    pub whole: Duration,
    /// From the first phase under maintenance to the end of the last.
    pub inside: Duration,
    /// Steps that nobody estimated: they count as nothing.
    pub unknown: usize,
}

pub fn worst_case(plan: &CompiledPlan) -> Worst {
    let length = |at: usize| longest(plan.entry(at)).unwrap_or_default();
    let longer = |value: &mut Duration, other: &Duration| *value = (*value).max(*other);
    let starts = plan.flow(Duration::ZERO, longer, |at, start| start.saturating_add(length(at)));
    let mut worst = Worst::default();
    let mut inside: Option<(Duration, Duration)> = None;
    for phase in &plan.plan.phases {
        let entries = phase.entries.clone();
        let begin = entries.clone().map(|at| starts[at]).min().unwrap_or_default();
        let end = entries.clone().map(|at| starts[at].saturating_add(length(at))).max();
        let mut lasts = end.unwrap_or_default().saturating_sub(begin);
        let unknown = entries
            .filter(|at| plan.entry(*at).step().is_some() && longest(plan.entry(*at)).is_none())
            .count();
        match phase.estimate {
            Some(estimate) if lasts.is_zero() => lasts = estimate.range.worst,
            _ => worst.unknown += unknown,
        }
        let before = worst.whole;
        worst.whole = worst.whole.saturating_add(lasts);
        if phase.maintenance {
            let from = inside.map_or(before, |(from, _)| from);
            inside = Some((from, worst.whole));
        }
    }
    worst.inside = inside.map_or(Duration::ZERO, |(from, to)| to.saturating_sub(from));
    worst
}

fn longest(entry: &EntryOf) -> Option<Duration> {
    match &entry.what {
        What::Step(step) => step.estimate.map(|estimate| estimate.range.worst),
        What::Checkpoint(checkpoint) => checkpoint
            .estimate
            .map(|estimate| estimate.range.worst)
            .or_else(|| checkpoint.within.as_ref()?.fixed()),
    }
}

pub fn compare(old: &Picture<'_>, new: &Picture<'_>, changes: &mut Changes) {
    let (was, is) = (worst_case(old.plan()), worst_case(new.plan()));
    let plan = Subject::new("plan", "");
    // Less time is no gain where it is only that nobody estimates it any more.
    let guess = is.unknown > was.unknown;
    let one = |was: Duration, is: Duration| {
        let (risk, sign, by) = match is.cmp(&was) {
            Ordering::Equal => return None,
            Ordering::Greater => (Risk::Worse, '+', is - was),
            Ordering::Less if guess => (Risk::Notice, '−', was - is),
            Ordering::Less => (Risk::Better, '−', was - is),
        };
        let (by, is, was) = (Spoken(by), Spoken(is), Spoken(was));
        Some((risk, format!("{sign}{by}: {is} instead of {was}")))
    };
    let said = match (one(was.whole, is.whole), one(was.inside, is.inside)) {
        (None, None) => None,
        (Some((risk, whole)), None) => Some((risk, format!("worst case {whole}"))),
        (None, Some((risk, inside))) => {
            Some((risk, format!("worst case inside the window {inside}")))
        }
        (Some((risk, whole)), Some((other, inside))) => {
            let words = format!("worst case {whole}; inside the window {inside}");
            Some((risk.min(other), words))
        }
    };
    if let Some((risk, words)) = said {
        changes.push("worst-case", risk, &plan, say(&words, &[]));
    }
    let lasts = |side: &Picture<'_>| side.plan().plan.window.as_ref()?.lasts.fixed();
    if let (Some(before), Some(after)) = (lasts(old), lasts(new)) {
        let words = format!(
            "the worst case does not fit the window: {} inside, and it lasts {}",
            Spoken(is.inside),
            Spoken(after)
        );
        let fits = "the worst case fits the window now";
        match (was.inside > before, is.inside > after) {
            (false, true) => changes.push("window-too-short", Risk::Worse, &plan, say(&words, &[])),
            (true, false) => changes.push("window-fits", Risk::Better, &plan, say(fits, &[])),
            _ => changes,
        };
    }
}
