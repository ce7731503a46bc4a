//! `http`: a request. Redirects are not followed: what answers is what was asked.

use std::time::Duration;

use plan_model::model::action::http::{Http, Method};
use plan_model::model::plan::Surroundings;
use plan_model::model::value::{AnyKey, Anything, Entries, OneOrMany, Text, Url, Value};
use serde_json::Value as Json;

use super::{About, Act, Found, Perform};
use crate::event::{Failure, FailureKind, Outputs};
use crate::world::{Broken, Job, error, reason};

/// No longer body is looked at.
const BODY_LIMIT: usize = 1 << 20;

/// A request as a step or a check states it.
pub struct Asked<'a> {
    pub url: &'a Url,
    pub method: Method,
    pub headers: Option<&'a Entries<AnyKey, Text>>,
    pub form: Option<&'a Entries<AnyKey, Value>>,
    pub json: Option<&'a Anything>,
    pub body: Option<&'a Text>,
    pub timeout: Duration,
}

pub struct Answered {
    pub status: u16,
    pub body: String,
}

pub const ABOUT: About = About {
    key: "http",
    verified: "the status, and what the step says of the answer",
    undone: "reads only, or `rollback:`",
    after_crash: "a reading request is made again; else `probe:`, else `after_crash:`",
    tests: &["tests/run/checks.rs", "tests/system/every.rs"],
};

impl Perform for Http {
    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let keys = match self {
                Http::Url(_) => None,
                Http::Full(keys) => Some(keys),
            };
            let fill = job.filler();
            let timeout = fill.optional_time(around.timeout.as_ref())?;
            let asked = Asked {
                url: self.url(),
                method: self.method(),
                headers: keys.and_then(|keys| keys.headers.as_ref()),
                form: keys.and_then(|keys| keys.form.as_ref()),
                json: keys.and_then(|keys| keys.json.as_ref()),
                body: keys.and_then(|keys| keys.body.as_ref()),
                timeout: timeout.unwrap_or(Duration::from_secs(60)),
            };
            let answered = send(job, &asked, None).await?;
            let wanted: Vec<u64> = keys
                .iter()
                .flat_map(|keys| keys.status.iter())
                .flat_map(OneOrMany::iter)
                .map(|status| fill.count(status))
                .collect::<Result<_, _>>()?;
            let is_wanted = match wanted.is_empty() {
                true => (200..300).contains(&answered.status),
                false => wanted.contains(&u64::from(answered.status)),
            };
            if !is_wanted {
                let start: String = answered.body.chars().take(200).collect();
                let text = format!("it answers {}: {}", answered.status, start.trim());
                return Err(error(text.trim_end_matches([' ', ':'])).into());
            }
            let mut outputs = Outputs::new();
            outputs.insert("status".to_owned(), Json::from(answered.status));
            outputs.insert("body".to_owned(), Json::from(answered.body));
            Ok(outputs)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async {
            match self.method() {
                Method::Get | Method::Head => {
                    Found::Undone { how: "a request that only reads is made again".to_owned() }
                }
                _ => Found::InDoubt,
            }
        })
    }
}

/// A client that keeps cookies, for requests that belong together.
pub fn session() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|problem| error(format!("requests cannot be made: {problem}")))
}

pub async fn send(
    job: &Job,
    asked: &Asked<'_>,
    session: Option<&reqwest::Client>,
) -> Result<Answered, Failure> {
    let fill = job.filler();
    let url = fill.text(&asked.url.value)?;
    let client = match session {
        Some(session) => session,
        None => job.world.http()?,
    };
    let method = reqwest::Method::from_bytes(asked.method.word().as_bytes())
        .expect("the words of the language are methods");
    let mut request = client.request(method, &url).timeout(asked.timeout);
    for (name, value) in asked.headers.iter().flat_map(|headers| headers.0.iter()) {
        request = request.header(&name.value, fill.of(value)?);
    }
    if let Some(form) = asked.form {
        let pairs =
            form.0.iter().map(|(name, value)| Ok((name.value.clone(), fill.text(&value.plain())?)));
        request = request.form(&pairs.collect::<Result<Vec<_>, Failure>>()?);
    }
    if let Some(json) = asked.json {
        request = request.json(&fill.json(&json.json)?);
    }
    if let Some(body) = asked.body {
        request = request.body(fill.of(body)?);
    }
    let failed = |problem: reqwest::Error| {
        let kind = if problem.is_timeout() { FailureKind::TimedOut } else { FailureKind::Error };
        Failure::new(kind, reason(&problem.without_url()))
    };
    let mut answer = request.send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(failed)? {
        body.extend_from_slice(&piece);
        if body.len() > BODY_LIMIT {
            body.truncate(BODY_LIMIT);
            break;
        }
    }
    Ok(Answered { status, body: String::from_utf8_lossy(&body).into_owned() })
}
