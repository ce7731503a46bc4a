//! Asks checks: each holds, does not, or could not be measured, which never counts as held.
//! One file per kind. Changes nothing.

mod backup;
mod compare;
mod comparison;
mod database;
mod disk;
mod file;
mod gate;
pub mod host;
mod http;
mod log;
mod manual;
mod memory;
mod os;
mod port;
mod run;
pub mod script;
mod service;
mod sql;
pub(crate) mod tool;
mod variable;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;
use plan_model::model::action::service::Manager;
use plan_model::model::check::{self, Check};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep, timeout};

use crate::event::{Failure, FailureKind, Outputs};
use crate::world::{Broken, Job};

/// What came of asking once.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    Holds(Option<Json>),
    /// What was found instead.
    Fails(String),
    Unmeasured(String),
    /// A person said no.
    Declined(String),
}

/// What kept a check from being asked is no answer of it.
impl From<Broken> for Looked {
    fn from(broken: Broken) -> Looked {
        Looked::Unmeasured(broken.why())
    }
}

/// What one check came to in the end, in words for people.
#[derive(Debug, Clone)]
pub struct Checked {
    pub line: String,
    pub looked: Looked,
    pub hint: Option<String>,
}

/// How long one question may take where the check says nothing.
const ONE_QUESTION: Duration = Duration::from_secs(30);
/// How long to wait between two questions where the check says nothing.
pub const EVERY: Duration = Duration::from_secs(1);

type Looking<'a> = Pin<Box<dyn Future<Output = Looked> + 'a>>;

/// Asks once. `number` tells questions to people apart.
pub fn look<'a>(job: &'a Job, asked: &'a Check, number: usize) -> Looking<'a> {
    Box::pin(async move {
        match asked {
            Check::Run(check) => run::look(job, check).await,
            Check::Sql(check) => sql::look(job, check).await,
            Check::Http(check) => http::look(job, check).await,
            Check::Port(check) => port::look(job, check).await,
            Check::Disk(check) => disk::look(job, check),
            Check::Memory(check) => memory::look(job, check),
            Check::File(check) => file::look(job, check).await,
            Check::Log(check) => log::look(job, check).await,
            Check::Manual(check) => manual::look(job, check, number).await,
            Check::Tool(check) => tool::look(job, check).await,
            Check::Database(check) => database::look(job, check).await,
            Check::Compare(check) => compare::look(job, check).await,
            Check::Backup(check) => backup::look(job, check).await,
            Check::Os(check) => os::look(job, check).await,
            Check::Variable(check) => variable::look(check),
            Check::Service(check) => service::look(job, check).await,
            Check::Gate(check) => gate::look(job, check).await,
            Check::AnyOf(any) => {
                let mut said = Vec::new();
                for one in &any.any_of {
                    match look(job, one, number).await {
                        Looked::Fails(why) | Looked::Unmeasured(why) => said.push(why),
                        other => return other,
                    }
                }
                Looked::Fails(said.join("; "))
            }
        }
    })
}

/// What a check wants and this version has not: some it can parse and show, but not ask.
pub fn lacks(asked: &Check) -> Vec<String> {
    match asked {
        Check::Service(check) if check.manager == Some(Manager::Command) => {
            vec!["a manager of your own is asked by a `run` check".to_owned()]
        }
        Check::AnyOf(any) => any.any_of.iter().flat_map(lacks).collect(),
        _ => Vec::new(),
    }
}

/// Asks until it holds as often as it must, or its time is over.
/// What stands around the check counts where it says nothing itself.
pub async fn ask(job: &Job, asked: &Check, number: usize, around: Option<Patience>) -> Checked {
    let fill = job.filler();
    let line = fill.text(&check::line(asked)).unwrap_or_else(|_| check::line(asked));
    let line = job.world.cover.text(line.trim_end());
    let hint = asked.common().hint.as_ref().and_then(|hint| fill.of(hint).ok());
    let hint = hint.map(|hint| job.world.cover.text(&hint));
    let looked = match patience(job, asked, around) {
        Ok(patience) => until(job, asked, number, patience).await,
        Err(failure) => Looked::Unmeasured(failure.text),
    };
    let cover = |text: String| job.world.cover.text(&text);
    let looked = match looked {
        Looked::Fails(text) => Looked::Fails(cover(text)),
        Looked::Unmeasured(text) => Looked::Unmeasured(cover(text)),
        Looked::Declined(text) => Looked::Declined(cover(text)),
        holds => holds,
    };
    // What to do where it does not hold says nothing of one that could not be asked.
    let hint = hint.filter(|_| matches!(looked, Looked::Fails(_)));
    Checked { line, looked, hint }
}

/// How long and how often checks are asked.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub within: Duration,
    pub every: Duration,
    pub in_a_row: u64,
}

fn patience(job: &Job, asked: &Check, around: Option<Patience>) -> Result<Patience, Failure> {
    let common = asked.common();
    let fill = job.filler();
    let around = around.unwrap_or(Patience { within: Duration::ZERO, every: EVERY, in_a_row: 1 });
    Ok(Patience {
        within: fill.optional_time(common.within.as_ref())?.unwrap_or(around.within),
        every: fill.optional_time(common.every.as_ref())?.unwrap_or(around.every),
        in_a_row: match &common.in_a_row {
            Some(count) => fill.count(count)?.max(1),
            None => around.in_a_row,
        },
    })
}

async fn until(job: &Job, asked: &Check, number: usize, patience: Patience) -> Looked {
    let started = Instant::now();
    let mut held = 0;
    loop {
        let is_question = matches!(asked, Check::Manual(_));
        let looked = if is_question {
            look(job, asked, number).await
        } else {
            let limit = own_timeout(job, asked).unwrap_or(ONE_QUESTION);
            match timeout(limit, look(job, asked, number)).await {
                Ok(looked) => looked,
                Err(_) => Looked::Unmeasured(format!(
                    "no answer within {}",
                    plan_model::notation::Spoken(limit)
                )),
            }
        };
        match looked {
            Looked::Holds(measured) => {
                held += 1;
                if held >= patience.in_a_row {
                    return Looked::Holds(measured);
                }
            }
            Looked::Declined(_) => return looked,
            // Once it does not hold, and there is no time left, that is the answer.
            _ if started.elapsed() >= patience.within => return looked,
            _ => held = 0,
        }
        // The last question comes when the time is over, not long after it.
        let left = patience.within.saturating_sub(started.elapsed());
        let wait = if held == 0 { patience.every.min(left) } else { patience.every };
        sleep(wait.max(Duration::from_millis(10))).await;
    }
}

/// The check's own timeout, with room for it to be noticed.
fn own_timeout(job: &Job, asked: &Check) -> Option<Duration> {
    let time = match asked {
        Check::Run(check) => check.timeout.as_ref(),
        Check::Sql(check) => check.timeout.as_ref(),
        Check::Http(check) => check.timeout.as_ref(),
        _ => None,
    };
    let time = job.filler().time(time?).ok()?;
    Some(time + Duration::from_secs(12))
}

/// Asks all checks of a checkpoint, side by side, until all have held as often as they must one after
/// the other; what was measured comes back by name.
pub async fn ask_all(job: &Job, checks: &[Check], patience: Patience) -> Result<Outputs, Broken> {
    let started = Instant::now();
    // A person is asked once.
    let mut answered: Vec<Option<Checked>> = vec![None; checks.len()];
    let mut held = 0;
    loop {
        let left = patience.within.saturating_sub(started.elapsed());
        // One that does not hold at once breaks a row that has begun.
        let within = if held == 0 { left } else { Duration::ZERO };
        let round = Patience { within, in_a_row: 1, ..patience };
        let asked = checks.iter().enumerate().map(|(number, one)| {
            let known = answered[number].clone();
            async move {
                match known {
                    Some(known) => known,
                    None => ask(job, one, number, Some(round)).await,
                }
            }
        });
        let checked = join_all(asked).await;
        match failure(&checked) {
            None => held += 1,
            Some(failure) => {
                let is_over = held == 0 || left.is_zero() || failure.kind == FailureKind::Declined;
                if is_over {
                    return Err(failure.into());
                }
                held = 0;
            }
        }
        if held >= patience.in_a_row {
            return Ok(measured(checks, &checked));
        }
        for ((one, checked), known) in checks.iter().zip(checked).zip(&mut answered) {
            if matches!(one, Check::Manual(_)) && matches!(checked.looked, Looked::Holds(_)) {
                *known = Some(checked);
            }
        }
        sleep(patience.every).await;
    }
}

fn measured(checks: &[Check], checked: &[Checked]) -> Outputs {
    let mut outputs = Outputs::new();
    for (one, checked) in checks.iter().zip(checked) {
        if let (Some(name), Looked::Holds(Some(measured))) =
            (&one.common().save_as, &checked.looked)
        {
            outputs.insert(name.value.clone(), measured.clone());
        }
    }
    outputs
}

/// All that does not hold, in one text.
pub fn failure(checked: &[Checked]) -> Option<Failure> {
    let mut lines = Vec::new();
    let mut kind = None;
    for one in checked {
        let (this, text) = match &one.looked {
            Looked::Holds(_) => continue,
            Looked::Declined(text) => (FailureKind::Declined, format!("{}: {text}", one.line)),
            Looked::Fails(text) => (FailureKind::NotHeld, format!("{}: {text}", one.line)),
            Looked::Unmeasured(text) => {
                (FailureKind::NotMeasured, format!("{}: could not be measured: {text}", one.line))
            }
        };
        let hint = one.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
        lines.push(text + &hint);
        // A person's no weighs most; what was measured more than what was not.
        kind = match (kind, this) {
            (Some(FailureKind::Declined), _) | (_, FailureKind::Declined) => {
                Some(FailureKind::Declined)
            }
            (Some(FailureKind::NotHeld), _) | (_, FailureKind::NotHeld) => {
                Some(FailureKind::NotHeld)
            }
            _ => Some(this),
        };
    }
    Some(Failure::new(kind?, lines.join("\n")))
}
