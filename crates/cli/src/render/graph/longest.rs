//! The times that a picture shows, taken from the estimate of the whole plan.
//! Works nothing out itself.

use plan_model::estimate::{Bounds, Place};
use plan_model::notation::Range;

pub struct Longest {
    /// Entries, first one first; empty where nothing is estimated.
    pub critical: Vec<usize>,
    /// Of each phase.
    pub phases: Vec<Option<Range>>,
    pub total: Option<Range>,
}

pub fn longest(bounds: &Bounds) -> Longest {
    let said = |range: Range| (range != Range::default()).then_some(range);
    let entry = |place: Place| match place {
        Place::Entry(at) => Some(at),
        _ => None,
    };
    Longest {
        critical: bounds.critical.iter().filter_map(|stop| entry(stop.place)).collect(),
        phases: bounds.phases.iter().map(|phase| said(phase.takes)).collect(),
        total: said(bounds.total),
    }
}
