//! Carries actions out: perform, undo, and tell after a crash whether it happened. One file per kind.
//! Journals nothing and decides nothing about the run.

pub mod backup;
pub mod changelog;
pub mod compare;
pub mod fetch;
pub mod files;
pub mod git;
pub mod http;
pub mod maintenance;
pub mod manual;
pub mod migrate;
pub mod noted;
pub mod notify;
pub mod packages;
pub mod restore;
pub mod run;
pub mod service;
pub mod sql;
pub mod wait;

#[cfg(test)]
mod page;

use std::future::Future;
use std::pin::Pin;

use plan_model::model::action::{Action, ActionKeys};
use plan_model::model::check::Check;
use plan_model::model::plan::{RollbackStep, Step, Surroundings, UndoAfterCrash};
use plan_model::model::value::OneOrMany;
use plan_model::notation::Spoken;
use plan_model::resolve::{EntryOf, What};

use crate::checks;
use crate::event::{Failure, FailureKind, Outputs};
use crate::fill::Filler;
use crate::keeper::Ended;
use crate::world::{Broken, Job, Ran, World, error};

pub type Act<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What an action knows about a time at which nobody watched.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Done {
        how: String,
        outputs: Outputs,
    },
    /// It did not happen, or to do it again does no harm.
    Undone {
        how: String,
    },
    /// A part of it may be there: to do it again goes on from there, and to undo it takes that away.
    Partly {
        how: String,
    },
    /// What it began still goes on elsewhere: whatever is said of it now may change.
    GoesOn {
        why: String,
    },
    /// Whoever knows could not be asked.
    Unasked {
        why: String,
    },
    /// Nobody can tell.
    InDoubt,
}

/// What holds for an action, in words for people: `docs/actions.md` is made of these.
#[derive(Debug, Clone, Copy)]
pub struct About {
    pub key: &'static str,
    /// How it knows that it did what it was to do.
    pub verified: &'static str,
    /// What its natural inverse leads to.
    pub undone: &'static str,
    /// What tells whether it happened, where nobody watched.
    pub after_crash: &'static str,
    /// Where all of it is tried for real.
    pub tests: &'static [&'static str],
}

pub const ABOUT: &[About] = &[
    run::ABOUT,
    sql::ABOUT,
    migrate::ABOUT,
    backup::ABOUT,
    restore::ABOUT,
    files::ABOUT,
    fetch::ABOUT,
    git::ABOUT,
    service::ABOUT,
    maintenance::ABOUT,
    compare::ABOUT,
    http::ABOUT,
    wait::ABOUT,
    manual::ABOUT,
    notify::ABOUT,
    changelog::ABOUT,
    packages::ABOUT,
];

/// What every kind of action can do. `around` says where and how.
pub trait Perform {
    /// What it wants and this version has not, known before anything is touched.
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        here_only(around)
    }

    /// What this machine must have before anything is touched, and has not.
    fn unready(&self, _world: &World, _fill: &Filler<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Programs that it starts by itself.
    fn tools(&self, _fill: &Filler<'_>) -> Vec<String> {
        Vec::new()
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>>;

    /// Its natural inverse, by what it recorded.
    fn undo<'a>(&'a self, _job: &'a Job, _around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async { Err(error("this action has no inverse of its own").into()) })
    }

    /// After a crash: what it began elsewhere and has not come to its end, in words; it is waited for first.
    fn going_on<'a>(
        &'a self,
        _job: &'a Job,
        _around: &'a Surroundings,
    ) -> Act<'a, Result<Option<String>, Failure>> {
        Box::pin(async { Ok(None) })
    }

    /// After a crash: whether it was done.
    fn found<'a>(&'a self, _job: &'a Job, _around: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async { Found::InDoubt })
    }

    /// After a crash on the way back: whether its natural inverse was done.
    fn found_undone<'a>(&'a self, _job: &'a Job, _around: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async { Found::InDoubt })
    }

    /// Its outcome is in the journal: traces that only a crash needs may go.
    fn settled<'a>(&'a self, _job: &'a Job, _around: &'a Surroundings) -> Act<'a, ()> {
        Box::pin(async {})
    }
}

/// After a crash, of an action that goes on with what is there and leads to the same end.
fn goes_on<'a>(how: &'static str) -> Act<'a, Found> {
    Box::pin(async move { Found::Partly { how: how.to_owned() } })
}

/// Of one that did not happen, or may be done again from its beginning without harm.
fn again<'a>(how: &'static str) -> Act<'a, Found> {
    Box::pin(async move { Found::Undone { how: how.to_owned() } })
}

/// Of what is done by this very process.
fn no_other_user(around: &Surroundings) -> Vec<String> {
    let mut lacks = here_only(around);
    if around.user.is_some() {
        lacks.push(
            "it is done by whoever runs the plan: leave out `user`, and say `owner`".to_owned(),
        );
    }
    lacks
}

/// What a command that only asks says; one that cannot be run says neither.
fn yes_or_no(ran: &Ran, timeout: Option<std::time::Duration>) -> Result<bool, Failure> {
    match ran.ended {
        Ended::Exit(0) => Ok(true),
        Ended::Exit(status) if status < 126 => Ok(false),
        _ => Err(ran.check(timeout).err().unwrap_or_else(|| error("it cannot be asked"))),
    }
}

/// What most actions want: that nobody sends them elsewhere.
fn here_only(around: &Surroundings) -> Vec<String> {
    let elsewhere = around.on.iter();
    elsewhere.map(|on| format!("this version of plan cannot do it on {} yet", on.value)).collect()
}

/// Who carries an action out.
pub fn performer<'p>(action: Action<'p>) -> &'p dyn Perform {
    match action {
        Action::Run(run) => run,
        Action::Wait(wait) => wait,
        Action::Manual(manual) => manual,
        Action::Notify(notify) => notify,
        Action::Http(http) => http,
        Action::Sql(sql) => sql,
        Action::Migrate(migrate) => migrate,
        Action::Compare(compare) => compare,
        Action::Backup(backup) => backup,
        Action::Restore(restore) => restore,
        Action::Files(files) => files,
        Action::Fetch(fetch) => fetch,
        Action::Git(git) => git,
        Action::Maintenance(maintenance) => maintenance,
        Action::Service(service) => service,
        Action::Changelog(changelog) => changelog,
        Action::Packages(packages) => packages,
    }
}

fn only(keys: &ActionKeys) -> Result<&dyn Perform, Broken> {
    let action = keys.first().ok_or_else(|| error("there is nothing to do"))?;
    Ok(performer(action))
}

/// Carries out a step or asks the checks of a checkpoint.
pub async fn perform(job: &Job, entry: &EntryOf) -> Result<Outputs, Broken> {
    // One that does not hold was seen before; one that nobody can work out stops the step here.
    if entry.conditional
        && let Some(when) = entry.when()
    {
        job.filler().holds(when)?;
    }
    match &entry.what {
        What::Step(step) => {
            let mut outputs = in_time(job, &step.actions, &step.surroundings).await?;
            run::declared_outputs(job, step, &mut outputs)?;
            Ok(outputs)
        }
        What::Checkpoint(checkpoint) => {
            let fill = job.filler();
            let patience = checks::Patience {
                within: fill.optional_time(checkpoint.within.as_ref())?.unwrap_or_default(),
                every: fill.optional_time(checkpoint.every.as_ref())?.unwrap_or(checks::EVERY),
                in_a_row: match &checkpoint.in_a_row {
                    Some(count) => fill.count(count)?.max(1),
                    None => 1,
                },
            };
            checks::ask_all(job, &checkpoint.checks, patience).await
        }
    }
}

/// Carries out one part of a step's way back.
pub async fn undo(job: &Job, step: &Step, part: u32) -> Result<(), Broken> {
    let Some(back) = part_of(step, part) else {
        return only(&step.actions)?.undo(job, &step.surroundings).await;
    };
    if let Some(when) = &back.when
        && !job.filler().holds(when)?
    {
        return Ok(());
    }
    in_time(job, &back.actions, &back.surroundings).await.map(|_| ())
}

/// A script in which `{{ name }}` is a word that comes in a variable, whatever it holds.
fn with_word(text: &str, name: &str, variable: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start..].find("}}") else { break };
        let end = start + length + 2;
        filled += &rest[..start];
        match rest[start + 2..end - 2].trim() {
            inside if inside == name => filled += &format!("\"${variable}\""),
            _ => filled += &rest[start..end],
        }
        rest = &rest[end..];
    }
    filled + rest
}

/// A program's time is kept by its keeper; what only waits or asks is given up here.
async fn in_time(job: &Job, keys: &ActionKeys, around: &Surroundings) -> Result<Outputs, Broken> {
    let performing = only(keys)?.perform(job, around);
    let waits =
        matches!(keys.first(), Some(Action::Wait(_) | Action::Manual(_) | Action::Fetch(_)));
    let limit = job.filler().optional_time(around.timeout.as_ref())?;
    let Some(limit) = limit.filter(|_| waits) else { return performing.await };
    if let Ok(result) = tokio::time::timeout(limit, performing).await {
        return result;
    }
    job.world.awaited.borrow_mut().retain(|(entry, _), _| Some(*entry) != job.entry);
    let text = format!("took longer than {} and was given up", Spoken(limit));
    Err(Failure::new(FailureKind::TimedOut, text).into())
}

/// After a crash: the step's own probe, else what the action knows.
pub async fn found(job: &Job, entry: &EntryOf) -> Found {
    let What::Step(step) = &entry.what else {
        return Found::Undone { how: "checks are simply asked again".to_owned() };
    };
    became(job, step.probe.as_ref(), &step.actions, &step.surroundings).await
}

/// The same for a part of the way back.
pub async fn found_undone(job: &Job, step: &Step, part: u32) -> Found {
    let Some(back) = part_of(step, part) else {
        let Ok(performer) = only(&step.actions) else { return Found::InDoubt };
        match performer.going_on(job, &step.surroundings).await {
            Ok(None) => {}
            Ok(Some(why)) => return Found::GoesOn { why },
            Err(Failure { text: why, .. }) => return Found::Unasked { why },
        }
        return performer.found_undone(job, &step.surroundings).await;
    };
    became(job, back.probe.as_ref(), &back.actions, &back.surroundings).await
}

async fn became(
    job: &Job,
    probe: Option<&Check>,
    keys: &ActionKeys,
    around: &Surroundings,
) -> Found {
    let Ok(performer) = only(keys) else { return Found::InDoubt };
    match performer.going_on(job, around).await {
        Ok(None) => {}
        // A probe may look from elsewhere.
        Err(_) if probe.is_some() => {}
        Ok(Some(why)) => return Found::GoesOn { why },
        Err(Failure { text: why, .. }) => return Found::Unasked { why },
    }
    let Some(probe) = probe else { return performer.found(job, around).await };
    // What is not there yet may still go on where nobody sees it.
    let is_far = around.on.is_some() && keys.run().is_some();
    match probed(job, probe).await {
        Found::Undone { .. } if is_far => Found::InDoubt,
        found => found,
    }
}

/// Whether the plan says itself how to see what became of it.
pub fn has_probe(entry: &EntryOf, part: Option<u32>) -> bool {
    entry.step().is_some_and(|step| match part {
        None => step.probe.is_some(),
        Some(part) => part_of(step, part).is_some_and(|back| back.probe.is_some()),
    })
}

/// The outcome is durable.
pub async fn settled(job: &Job, entry: &EntryOf, part: Option<u32>) {
    let Some((keys, around)) = parts_of(entry, part) else { return };
    if let Ok(performer) = only(keys) {
        performer.settled(job, around).await;
    }
}

/// Whether an action leaves traces for the case of a crash.
pub fn leaves_traces(entry: &EntryOf, part: Option<u32>) -> bool {
    parts_of(entry, part).is_some_and(|(keys, _)| keys.sql().is_some())
}

/// Whether a part of the way back is a program.
pub fn is_program(step: &Step, part: u32) -> bool {
    part_of(step, part).is_some_and(|back| back.actions.run().is_some())
}

/// To do a part of the way back again does no harm.
pub fn reruns(step: &Step, part: u32) -> bool {
    part_of(step, part).is_some_and(|back| back.after_crash == Some(UndoAfterCrash::Rerun))
}

/// The part of the way back, where it is written out: a natural inverse speaks of its step.
pub fn written(step: &Step, part: u32) -> Option<u32> {
    part_of(step, part).map(|_| part)
}

/// Whether an entry only waits or asks: then it may be left in the middle.
pub fn may_be_left(entry: &EntryOf) -> bool {
    match &entry.what {
        What::Checkpoint(_) => true,
        What::Step(step) => {
            matches!(step.actions.first(), Some(Action::Wait(_) | Action::Manual(_)))
        }
    }
}

fn parts_of(entry: &EntryOf, part: Option<u32>) -> Option<(&ActionKeys, &Surroundings)> {
    let step = entry.step()?;
    match part {
        None => Some((&step.actions, &step.surroundings)),
        Some(part) => match part_of(step, part) {
            Some(back) => Some((&back.actions, &back.surroundings)),
            // Its natural inverse.
            None => Some((&step.actions, &step.surroundings)),
        },
    }
}

fn part_of(step: &Step, part: u32) -> Option<&RollbackStep> {
    step.rollback.iter().flat_map(OneOrMany::iter).nth(part as usize)
}

async fn probed(job: &Job, probe: &Check) -> Found {
    let checked = checks::ask(job, probe, 0, None).await;
    match checked.looked {
        checks::Looked::Holds(_) => Found::Done {
            how: format!("its probe holds: {}", checked.line),
            outputs: Outputs::new(),
        },
        checks::Looked::Fails(why) => {
            Found::Undone { how: format!("its probe does not hold: {}: {why}", checked.line) }
        }
        checks::Looked::Unmeasured(why) => {
            Found::Unasked { why: format!("its probe could not be measured: {why}") }
        }
        _ => Found::InDoubt,
    }
}
