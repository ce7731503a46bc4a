//! `compare`: whether data and files are still what a snapshot says.

use plan_model::model::check::CompareCheck;

use super::Looked;
use crate::actions::compare;
use crate::event::FailureKind;
use crate::world::Job;

pub async fn look(job: &Job, check: &CompareCheck) -> Looked {
    let (rules, except) = (check.rules.as_ref(), check.except.as_deref());
    match compare::against(job, &check.compare.value, rules, except).await {
        Ok(_) => Looked::Holds(None),
        Err(failure) if failure.kind == FailureKind::NotHeld => Looked::Fails(failure.text),
        Err(failure) => Looked::Unmeasured(failure.text),
    }
}
