//! What rules ask about checks: which ones an entry asks, and which are asked around it.
//! Judges nothing.

use crate::model::action::Action;
use crate::model::action::wait::Wait;
use crate::model::check::Check;
use crate::resolve::{EntryOf, Plan};

/// The checks that an entry waits to hold: those of a checkpoint, or what `wait` is for.
/// Of `any_of` every choice counts.
pub fn asked(entry: &EntryOf) -> Vec<&Check> {
    let mut all = Vec::new();
    if let Some(checkpoint) = entry.checkpoint() {
        flatten(&checkpoint.checks, &mut all);
    }
    if let Some(Action::Wait(Wait::Full(keys))) = entry.step().and_then(super::action) {
        flatten(&keys.until, &mut all);
    }
    all
}

/// What must hold before anything is touched.
pub fn required(plan: &Plan) -> Vec<&Check> {
    let mut all = Vec::new();
    flatten(&plan.requires, &mut all);
    all
}

fn flatten<'p>(checks: impl IntoIterator<Item = &'p Check>, all: &mut Vec<&'p Check>) {
    for check in checks {
        match check {
            Check::AnyOf(choice) => flatten(&choice.any_of, all),
            check => all.push(check),
        }
    }
}

/// The last phase during which something like this is watched.
pub fn last_watched(plan: &Plan, wanted: impl Fn(&Check) -> bool) -> Option<usize> {
    plan.phases.iter().rposition(|phase| {
        let mut all = Vec::new();
        flatten(&phase.watch, &mut all);
        all.into_iter().any(&wanted)
    })
}
