//! `manual`: a question to a person.

use plan_model::model::check::{Evidence, ManualCheck};
use serde_json::json;

use super::Looked;
use crate::actions::manual::{Put, put};
use crate::event::Failure;
use crate::world::{Broken, Job};

pub async fn look(job: &Job, check: &ManualCheck, number: usize) -> Looked {
    match try_look(job, check, number).await {
        Ok(looked) => looked,
        Err(Broken::Failed(failure)) => Looked::Unmeasured(failure.text),
        Err(Broken::Lost | Broken::InDoubt(_)) => Looked::Unmeasured("nobody answered".to_owned()),
    }
}

async fn try_look(job: &Job, check: &ManualCheck, number: usize) -> Result<Looked, Broken> {
    let fill = job.filler();
    let choices = check.choices.iter().flatten().map(|choice| fill.of(choice));
    let mut choices = choices.collect::<Result<Vec<_>, Failure>>()?;
    if choices.is_empty() {
        choices = vec!["yes".to_owned(), "no".to_owned()];
    }
    let question = Put {
        number,
        text: fill.of(&check.manual)?,
        choices,
        role: fill.optional(check.role.as_ref())?,
        evidence: check.evidence.unwrap_or(Evidence::None),
        people: if fill.flag(check.two_people.as_ref(), false)? { 2 } else { 1 },
        typed: false,
        due: fill.optional_time(check.due.as_ref())?,
    };
    let answers = put(job, question).await?;
    let last = answers.last().expect("somebody answered");
    if last.holds {
        return Ok(Looked::Holds(Some(json!(last.choice))));
    }
    Ok(Looked::Declined(format!("{} answered {}", last.by, last.choice)))
}
