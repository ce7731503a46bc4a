//! `run`: a command whose exit status and output decide.

use plan_model::model::check::RunCheck;
use serde_json::Value as Json;

use super::{Looked, comparison};
use crate::actions::run::start;
use crate::event::{Failure, FailureKind};
use crate::keeper::Ended;
use crate::world::{Broken, Job};

pub async fn look(job: &Job, check: &RunCheck) -> Looked {
    try_look(job, check).await.unwrap_or_else(Looked::from)
}

async fn try_look(job: &Job, check: &RunCheck) -> Result<Looked, Broken> {
    let fill = job.filler();
    let mut around = job.around(None)?;
    around.set_place(&fill, check.on.as_ref(), check.dir.as_ref())?;
    for (name, value) in check.env.iter().flat_map(|entries| entries.0.iter()) {
        around.env.push((name.value.clone(), fill.text(&value.plain())?));
    }
    around.user = fill.optional(check.user.as_ref())?;
    around.timeout = fill.optional_time(check.timeout.as_ref())?;
    let timeout = around.timeout;
    if compares_with_secret(job, check)? {
        let text = "what it prints is covered, so it cannot be compared with a secret: \
                    compare inside the script, and let its exit status tell";
        return Ok(Looked::Unmeasured(text.to_owned()));
    }
    let ran = start(job, &check.run, around, true).await?;
    let compares = comparison::is_asked(&check.comparison);
    let wanted = check.exit.as_ref().map(|exit| fill.count(exit)).transpose()?;
    match (&ran.ended, wanted) {
        (Ended::Exit(status), Some(wanted)) if *status as u64 != wanted => {
            return Ok(Looked::Fails(format!("exit status {status}, not {wanted}")));
        }
        (Ended::Exit(_), Some(_)) => {}
        _ => {
            if let Err(failure) = ran.check(timeout) {
                return Ok(match failure.kind {
                    FailureKind::Exit => Looked::Fails(failure.text),
                    _ => Looked::Unmeasured(failure.text),
                });
            }
        }
    }
    let text = ran.text()?;
    let text = Json::from(text.trim_end_matches('\n'));
    if compares {
        return Ok(comparison::compare(&fill, &check.comparison, text));
    }
    Ok(Looked::Holds(Some(text)))
}

fn compares_with_secret(job: &Job, check: &RunCheck) -> Result<bool, Failure> {
    let wanted = &check.comparison;
    let texts = [
        wanted.equals.as_ref().map(|equals| equals.plain()),
        wanted.matches.as_ref().map(|pattern| pattern.value.as_str().into()),
    ];
    for text in texts.into_iter().flatten() {
        if job.world.values.secrets.are_in(&job.filler().text(&text)?) {
            return Ok(true);
        }
    }
    Ok(false)
}
