//! The worst case: the whole way, the part inside the window, and whether the way there and back
//! fits. Adds nothing up itself.

use std::cmp::Ordering;
use std::time::Duration;

use super::sentence::say;
use super::side::Picture;
use super::{Changes, Risk, Subject};
use crate::estimate::{Slack, bounds};
use crate::graph::CompiledPlan;
use crate::notation::Spoken;

/// How long a run takes if everything takes its longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    pub whole: Duration,
    /// From the first phase under maintenance to the end of the last.
    pub inside: Duration,
    /// What the window has left after the worst case and the way back.
    pub slack: Option<Slack>,
    /// Steps that nobody estimated: they count as nothing.
    pub unknown: usize,
}

pub fn worst_case(plan: &CompiledPlan) -> Worst {
    let bounds = bounds(plan);
    let is_step = |at: &&usize| plan.entry(**at).step().is_some();
    let window = bounds.window.as_ref();
    Worst {
        whole: bounds.total.worst,
        inside: window.map_or(Duration::ZERO, |window| window.inside.worst),
        slack: window.and_then(|window| window.slack),
        unknown: bounds.without.iter().filter(is_step).count(),
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
    match (was.slack, is.slack) {
        (Some(Slack::Left(_)), Some(Slack::Over(by))) => {
            let words = format!(
                "the worst case and the way back no longer fit the window: {} too long",
                Spoken(by)
            );
            changes.push("window-too-short", Risk::Worse, &plan, say(&words, &[]));
        }
        (Some(Slack::Over(_)), Some(Slack::Left(by))) => {
            let words = format!(
                "the worst case and the way back fit the window now: {} to spare",
                Spoken(by)
            );
            changes.push("window-fits", Risk::Better, &plan, say(&words, &[]));
        }
        _ => {}
    }
}
