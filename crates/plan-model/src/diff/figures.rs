//! A plan in a few figures, to be set beside those of the other one. Judges nothing.

use std::fmt;
use std::time::Duration;

use super::time::worst_case;
use super::undo::undo;
use crate::graph::CompiledPlan;
use crate::notation::Spoken;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// For machines.
    pub key: &'static str,
    /// For people.
    pub name: &'static str,
    pub value: Amount,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount {
    Count(usize),
    Time(Option<Duration>),
    /// The id of a step.
    Step(Option<String>),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Count(count) => write!(f, "{count}"),
            Amount::Time(Some(time)) => write!(f, "{}", Spoken(*time)),
            Amount::Step(Some(id)) => write!(f, "{id}"),
            Amount::Time(None) | Amount::Step(None) => write!(f, "none"),
        }
    }
}

/// In the order in which they are shown.
pub fn figures(plan: &CompiledPlan) -> Vec<Figure> {
    let steps: Vec<_> = plan.entries().iter().filter_map(|entry| entry.step()).collect();
    let one_way = steps.iter().filter(|step| !undo(step).is_way_back()).count();
    let checkpoints = plan.entries().iter().filter_map(|entry| entry.checkpoint());
    let checks = checkpoints.map(|checkpoint| checkpoint.checks.len()).sum();
    let worst = worst_case(plan);
    let no_return = plan.point_of_no_return().map(|at| plan.entry(at).id.clone());
    let window = plan.plan.window.as_ref().and_then(|window| window.lasts.fixed());
    let figure = |key, name, value| Figure { key, name, value };
    let count = |key, name, count| figure(key, name, Amount::Count(count));
    let time = |key, name, time| figure(key, name, Amount::Time(time));
    vec![
        count("steps", "steps", steps.len()),
        count("steps_without_way_back", "steps without a way back", one_way),
        count("steps_without_estimate", "steps without an estimate", worst.unknown),
        count("checkpoints", "checkpoints", plan.entries().len() - steps.len()),
        count("checks", "checks in them", checks),
        time("worst_case_ms", "worst case", Some(worst.whole)),
        time("worst_case_inside_ms", "worst case inside the window", Some(worst.inside)),
        time("window_ms", "length of the window", window),
        figure("point_of_no_return", "point of no return", Amount::Step(no_return)),
    ]
}
