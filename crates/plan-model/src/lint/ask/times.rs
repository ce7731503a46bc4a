//! What the paper says about time, worked out once for all rules that ask.

use crate::estimate::Bounds;
use crate::estimate::findings::TimeFinding;
use crate::graph::CompiledPlan;
use crate::lint::{Finding, Lint};

/// The findings of one question about the times of the plan.
pub fn report(
    lint: &Lint<'_>,
    ask: fn(&CompiledPlan, &Bounds) -> Vec<TimeFinding>,
    found: &mut Vec<Finding>,
) {
    found.extend(ask(lint.plan, lint.bounds()).into_iter().map(|one| Finding {
        entry: one.entry,
        phase: one.phase,
        ..Finding::new(one.span, one.message).label(one.label).help(one.help)
    }));
}
