//! Programs that the steps of a plan start by themselves, and which of them are not here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use plan_model::graph::CompiledPlan;
use plan_model::resolve::What;

use crate::actions;
use crate::checks::tool::is_there;
use crate::fill::{Filler, RunNames};
use crate::values::Values;

/// Each that is missing, with the steps that need it.
pub fn missing(plan: &CompiledPlan, values: &Values, base: &Path) -> BTreeMap<String, Vec<String>> {
    let (run, known) = (RunNames::default(), RefCell::default());
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (at, entry) in plan.entries().iter().enumerate() {
        let What::Step(step) = &entry.what else { continue };
        let Some(action) = step.actions.first() else { continue };
        let fill =
            Filler { plan, values, run: &run, known: &known, entry: Some(at), own: None, base };
        for tool in actions::performer(action).tools(&fill) {
            if !is_there(base, &tool) {
                missing.entry(tool).or_default().push(entry.id.to_string());
            }
        }
    }
    missing
}
