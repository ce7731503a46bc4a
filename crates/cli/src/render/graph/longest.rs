//! What the time of a plan hangs on, by the worst cases of its estimates.
//! Waiting for people and for a free place is not in it.

use std::time::Duration;

use plan_model::graph::CompiledPlan;
use plan_model::notation::Range;
use plan_model::resolve::{EntryOf, PhaseOf, What};

pub struct Longest {
    /// Entries, first one first; empty where nothing is estimated.
    pub critical: Vec<usize>,
    /// Of each phase.
    pub phases: Vec<Option<Range>>,
    pub total: Option<Range>,
}

/// How long one entry takes, as far as the plan says.
pub fn takes(entry: &EntryOf) -> Option<Range> {
    match &entry.what {
        What::Step(step) => step.estimate.map(|estimate| estimate.range),
        What::Checkpoint(checkpoint) => {
            checkpoint.estimate.map(|estimate| estimate.range).or_else(|| {
                let within = checkpoint.within.as_ref().and_then(|within| within.fixed())?;
                Some(Range { best: Duration::ZERO, worst: within })
            })
        }
    }
}

pub fn longest(plan: &CompiledPlan) -> Longest {
    let mut critical = Vec::new();
    let mut phases = Vec::new();
    let mut total: Option<Range> = None;
    let mut order = plan.order.as_slice();
    for phase in &plan.plan.phases {
        // The order goes phase by phase.
        let (own, rest) = order.split_at(phase.entries.len());
        order = rest;
        let (takes, mut entries) = within(plan, phase, own);
        if let Some(takes) = takes {
            total = Some(total.unwrap_or_default() + takes);
            critical.append(&mut entries);
        }
        phases.push(takes);
    }
    Longest { critical, phases, total }
}

fn within(plan: &CompiledPlan, phase: &PhaseOf, order: &[usize]) -> (Option<Range>, Vec<usize>) {
    let first = phase.entries.start;
    // When each entry ends: at best, at worst and in how many entries, and after which other.
    let mut ends = vec![(Range::default(), 0_usize, None); phase.entries.len()];
    let mut says_something = false;
    for entry in order.iter().copied() {
        let own = takes(plan.entry(entry));
        says_something |= own.is_some();
        let own = own.unwrap_or_default();
        let mut best = Duration::ZERO;
        let mut last: Option<usize> = None;
        for before in plan.waits_in_phase(entry) {
            let end = &ends[before - first];
            best = best.max(end.0.best);
            // Of ways that take the same time, the one over more entries.
            if last.is_none_or(|last: usize| {
                (end.0.worst, end.1) > (ends[last - first].0.worst, ends[last - first].1)
            }) {
                last = Some(before);
            }
        }
        let (worst, count) = last
            .map_or((Duration::ZERO, 0), |last| (ends[last - first].0.worst, ends[last - first].1));
        ends[entry - first] = (Range { best, worst } + own, count + 1, last);
    }
    let declared = phase.estimate.map(|estimate| estimate.range);
    if !says_something {
        return (declared, Vec::new());
    }
    let best = ends.iter().map(|end| end.0.best).max().unwrap_or_default();
    let worst = ends.iter().map(|end| end.0.worst).max().unwrap_or_default();
    let mut at = phase
        .entries
        .clone()
        .rev()
        .max_by_key(|entry| (ends[entry - first].0.worst, ends[entry - first].1));
    let mut path = Vec::new();
    while let Some(entry) = at {
        path.push(entry);
        at = ends[entry - first].2;
    }
    path.reverse();
    (Some(Range { best, worst }), path)
}
