//! The times of a plan, for people and for programs.

pub mod human;
pub mod json;

use plan_model::estimate::Place;
use plan_model::graph::CompiledPlan;

/// What a stop on the critical path is called.
fn name(plan: &CompiledPlan, place: Place) -> &str {
    match place {
        Place::Entry(at) => &plan.entry(at).id,
        Place::Phase(at) => &plan.plan.phases[at].id,
    }
}
