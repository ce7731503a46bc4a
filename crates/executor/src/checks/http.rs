//! `http`: a request whose answer decides; further requests share its session.

use std::time::{Duration, Instant};

use plan_model::model::action::http::Method;
use plan_model::model::check::HttpCheck;
use plan_model::model::value::OneOrMany;
use plan_model::notation::Spoken;
use serde_json::Value as Json;

use super::{Looked, comparison};
use crate::actions::http::{Answered, Asked, send};
use crate::event::Failure;
use crate::world::Job;

pub async fn look(job: &Job, check: &HttpCheck) -> Looked {
    let session = if check.then.is_some() {
        // Cookies of a login are sent with what follows.
        match job.world.http().and_then(|_| crate::actions::http::session()) {
            Ok(session) => Some(session),
            Err(failure) => return Looked::Unmeasured(failure.text),
        }
    } else {
        None
    };
    let mut looked = match one(job, check, session.as_ref()).await {
        Ok(looked) => looked,
        Err(failure) => return Looked::Unmeasured(failure.text),
    };
    for next in check.then.iter().flatten() {
        if !matches!(looked, Looked::Holds(_)) {
            return looked;
        }
        looked = match one(job, next, session.as_ref()).await {
            Ok(looked) => looked,
            Err(failure) => return Looked::Unmeasured(failure.text),
        };
    }
    looked
}

async fn one(
    job: &Job,
    check: &HttpCheck,
    session: Option<&reqwest::Client>,
) -> Result<Looked, Failure> {
    let fill = job.filler();
    let asked = Asked {
        url: &check.http,
        method: check.method.unwrap_or(Method::Get),
        headers: check.headers.as_ref(),
        form: check.form.as_ref(),
        json: check.json.as_ref(),
        body: None,
        timeout: fill.optional_time(check.timeout.as_ref())?.unwrap_or(Duration::from_secs(10)),
    };
    let started = Instant::now();
    let Answered { status, body } = match send(job, &asked, session).await {
        Ok(answered) => answered,
        // Nobody answers: the application is down, and that is an answer.
        Err(failure) => return Ok(Looked::Fails(failure.text)),
    };
    let took = started.elapsed();
    let wanted: Vec<u64> = check
        .status
        .iter()
        .flat_map(OneOrMany::iter)
        .map(|status| fill.count(status))
        .collect::<Result<_, _>>()?;
    let is_wanted = match wanted.is_empty() {
        true => (200..300).contains(&status),
        false => wanted.contains(&u64::from(status)),
    };
    if !is_wanted {
        return Ok(Looked::Fails(format!("it answers {status}")));
    }
    if let Some(limit) = fill.optional_time(check.faster_than.as_ref())?
        && took > limit
    {
        let text = format!("it took {} ms, more than {}", took.as_millis(), Spoken(limit));
        return Ok(Looked::Fails(text));
    }
    if let Some(wanted) = fill.optional(check.contains.as_ref())?
        && !body.contains(&wanted)
    {
        return Ok(Looked::Fails(format!("the answer does not hold `{wanted}`")));
    }
    let value = match &check.value {
        None => Json::from(body),
        Some(pointer) => {
            let pointer = fill.of(pointer)?;
            let Ok(json) = serde_json::from_str::<Json>(&body) else {
                return Ok(Looked::Fails("the answer is no JSON".to_owned()));
            };
            match json.pointer(&pointer) {
                Some(value) => value.clone(),
                None => return Ok(Looked::Fails(format!("the answer has no {pointer}"))),
            }
        }
    };
    if comparison::is_asked(&check.comparison) {
        return Ok(comparison::compare(&fill, &check.comparison, value));
    }
    // A whole page is nothing to keep; a value that was asked for is.
    Ok(Looked::Holds(check.value.is_some().then_some(value)))
}
