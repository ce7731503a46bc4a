//! Declared times against what the steps add up to.

use std::time::Duration;

use super::{Bounds, own};
use crate::notation::Range;
use crate::resolve::Plan;
use crate::source::Span;

/// A declared time that is not what was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    /// `None`: the plan as a whole.
    pub phase: Option<usize>,
    pub span: Span,
    pub declared: Range,
    pub counted: Range,
}

pub fn mismatches(plan: &Plan, bounds: &Bounds) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut open = false;
    for (at, (phase, time)) in plan.phases.iter().zip(&bounds.phases).enumerate() {
        let entries = &bounds.entries[phase.entries.clone()];
        // The author may have counted people in; then only too little is certainly wrong.
        let people = entries.iter().any(|entry| entry.people.is_some());
        let uncounted = people || time.uncounted > 0;
        open |= uncounted && time.spoken_for.is_none();
        if phase.entries.is_empty() {
            continue;
        }
        if let Some(estimate) = &phase.estimate {
            let declared = own::written(estimate);
            if differ(declared, time.takes, uncounted) {
                let (phase, span) = (Some(at), estimate.span);
                found.push(Mismatch { phase, span, declared, counted: time.takes });
            }
        }
    }
    if let Some(estimate) = &plan.file.estimate {
        let declared = own::written(estimate);
        if !bounds.entries.is_empty() && differ(declared, bounds.total, open) {
            let counted = bounds.total;
            found.push(Mismatch { phase: None, span: estimate.span, declared, counted });
        }
    }
    found
}

fn differ(declared: Range, counted: Range, only_too_little: bool) -> bool {
    let differ = |declared: Duration, counted: Duration| {
        (counted > declared || !only_too_little) && !is_about(declared, counted)
    };
    differ(declared.best, counted.best) || differ(declared.worst, counted.worst)
}

/// People round: a minute or a twentieth is no contradiction.
fn is_about(one: Duration, other: Duration) -> bool {
    let tolerated = (one.max(other) / 20).max(Duration::from_secs(60));
    one.abs_diff(other) <= tolerated
}
