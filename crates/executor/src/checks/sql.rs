//! `sql`: a query whose first value decides.

use plan_model::model::check::SqlCheck;

use super::{Looked, comparison};
use crate::actions::sql;
use crate::event::Failure;
use crate::world::Job;

pub async fn look(job: &Job, check: &SqlCheck) -> Looked {
    match try_look(job, check).await {
        Ok(looked) => looked,
        Err(failure) => Looked::Unmeasured(failure.text),
    }
}

async fn try_look(job: &Job, check: &SqlCheck) -> Result<Looked, Failure> {
    let fill = job.filler();
    let name = check.on.as_ref().map(|on| on.value.as_str());
    let answer = sql::query(job, name, &check.sql).await?;
    if fill.flag(check.empty.as_ref(), false)? {
        return Ok(match answer.rows {
            0 => Looked::Holds(None),
            rows => Looked::Fails(format!("it gives {rows} rows, not none")),
        });
    }
    let Some(value) = answer.first else {
        return Ok(Looked::Fails("it gives no row".to_owned()));
    };
    if comparison::is_asked(&check.comparison) {
        return Ok(comparison::compare(&fill, &check.comparison, value));
    }
    Ok(Looked::Holds(Some(value)))
}
