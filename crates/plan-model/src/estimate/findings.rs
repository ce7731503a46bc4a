//! What is wrong with the times of a plan, as data for the rules that report it.
//! Knows neither severities nor waivers.

use std::time::Duration;

use super::{Bounds, Side, Slack};
use crate::graph::CompiledPlan;
use crate::notation::{Range, Spoken};
use crate::source::Span;

/// One thing that is wrong, with the entry or phase that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFinding {
    pub entry: Option<usize>,
    pub phase: Option<usize>,
    pub span: Span,
    pub message: String,
    /// A few words under the marked text; may be empty.
    pub label: String,
    pub help: String,
}

/// `window-too-short`: the worst case of what lies inside, and the way back from its end.
pub fn window_too_short(plan: &CompiledPlan, bounds: &Bounds) -> Vec<TimeFinding> {
    let (Some(window), Some(written)) = (&bounds.window, &plan.plan.window) else {
        return Vec::new();
    };
    let (Some(length), Some(Slack::Over(over))) = (window.length, window.slack) else {
        return Vec::new();
    };
    let there = window.inside.worst;
    let back = window.way_back.takes;
    let reason = if there > length {
        format!("its phases alone take {} at worst", Spoken(there))
    } else {
        format!(
            "at worst {} to get through and {} to come back are {} more",
            Spoken(there),
            Spoken(back),
            Spoken(over)
        )
    };
    let needed = there.saturating_add(back);
    vec![TimeFinding {
        entry: None,
        phase: None,
        span: written.lasts.span,
        message: format!("the window of {} is too short: {reason}", Spoken(length)),
        label: format!("{} are needed", Spoken(needed)),
        help: format!(
            "let it last {} at least, take out of it what users would not notice, or give the \
             rollback steps shorter estimates of their own; `plan estimate` shows the path",
            Spoken(needed)
        ),
    }]
}

/// `rollback-time`: every checkpoint from which the way back does not fit the window.
pub fn rollback_time(plan: &CompiledPlan, bounds: &Bounds) -> Vec<TimeFinding> {
    let Some(length) = bounds.window.as_ref().and_then(|window| window.length) else {
        return Vec::new();
    };
    let late = bounds.checkpoints.iter().filter_map(|checkpoint| match checkpoint.slack {
        Some(Slack::Over(over)) => Some((checkpoint, over)),
        _ => None,
    });
    late.map(|(checkpoint, over)| {
        let entry = plan.entry(checkpoint.entry);
        let there = if checkpoint.side == Some(Side::After) { "inside it" } else { "there" };
        let check = match checkpoint.check {
            Duration::ZERO => String::new(),
            check => format!(", {} check", Spoken(check)),
        };
        TimeFinding {
            entry: Some(checkpoint.entry),
            phase: None,
            span: entry.span,
            message: format!(
                "from `{}` the way back does not fit the window of {}: {} {there}{check} and {} back \
                 are {} too much",
                entry.id,
                Spoken(length),
                Spoken(checkpoint.there),
                Spoken(checkpoint.back.takes),
                Spoken(over)
            ),
            label: "too late to turn back".to_owned(),
            help: match checkpoint.turn_back_by {
                Some(by) => format!(
                    "it fits until {} after the opening: put a checkpoint before that, make the window \
                     longer, or the way back shorter",
                    Spoken(by)
                ),
                None => format!(
                    "the way back alone takes {}: make the window longer, or the way back shorter",
                    Spoken(checkpoint.back.takes)
                ),
            },
        }
    })
    .collect()
}

/// `totals-mismatch`: a declared time that is not what the steps add up to.
pub fn totals_mismatch(plan: &CompiledPlan, bounds: &Bounds) -> Vec<TimeFinding> {
    let found = bounds.mismatches.iter().map(|mismatch| {
        let whose = match mismatch.phase {
            Some(phase) => format!("the steps of `{}`", plan.plan.phases[phase].id),
            None => "the phases".to_owned(),
        };
        TimeFinding {
            entry: None,
            phase: mismatch.phase,
            span: mismatch.span,
            message: format!(
                "{whose} add up to {}, not to {}",
                mismatch.counted, mismatch.declared
            ),
            label: "declared here".to_owned(),
            help: format!(
                "write `estimate: {}`, or leave it out: it is computed",
                as_written(mismatch.counted)
            ),
        }
    });
    found.collect()
}

/// `estimate-missing`: phases of a plan with a window, where somebody has to guess.
pub fn estimate_missing(plan: &CompiledPlan, bounds: &Bounds) -> Vec<TimeFinding> {
    const NAMED: usize = 5;
    if plan.plan.window.is_none() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, (phase, time)) in plan.plan.phases.iter().zip(&bounds.phases).enumerate() {
        if time.uncounted == 0 {
            continue;
        }
        let silent = phase.entries.clone().filter(|entry| bounds.entries[*entry].run.is_none());
        let mut names: Vec<_> =
            silent.take(NAMED).map(|entry| format!("`{}`", plan.entry(entry).id)).collect();
        if time.uncounted > NAMED {
            names.push(format!("{} more", time.uncounted - NAMED));
        }
        found.push(TimeFinding {
            entry: None,
            phase: Some(at),
            span: phase.span,
            message: format!(
                "nobody can tell how long `{}` takes: no estimate of {}",
                phase.id,
                names.join(", ")
            ),
            label: format!("{} of {} without estimate", time.uncounted, phase.entries.len()),
            help: "give them `estimate: BEST..WORST`, such as 1m..5m, or give one to the phase"
                .to_owned(),
        });
    }
    found
}

/// As a plan file says it: `1h30m..2h`.
fn as_written(range: Range) -> String {
    let one = |time: Duration| {
        let seconds = time.as_secs();
        let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let text: String = parts.map(|(count, unit)| format!("{count}{unit}")).collect();
        if text.is_empty() { format!("{}ms", time.as_millis()) } else { text }
    };
    if range.best == range.worst {
        one(range.best)
    } else {
        format!("{}..{}", one(range.best), one(range.worst))
    }
}
