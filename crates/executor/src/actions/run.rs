//! `run`: a script, or a program with its arguments, under the keeper.

use std::path::Path;
use std::time::Duration;

use plan_model::model::action::run::Command;
use plan_model::model::plan::{Output, OutputWord, Step, Surroundings};
use serde_json::Value as Json;

use super::{About, Act, Perform};
use crate::event::{Failure, Outputs};
use crate::frozen;
use crate::keeper::Ended;
use crate::printed;
use crate::world::{Around, Broken, Job, Ran, error, hosts};

/// A value that later steps may name is no more than this.
const LONGEST_OUTPUT: usize = 64 << 10;
/// No more is looked through for one.
const LOOKED_THROUGH: u64 = 16 << 20;

pub const ABOUT: About = About {
    key: "run",
    verified: "exit status, and what `probe:` asks",
    undone: "none: `rollback:` says it",
    after_crash: "the keeper's log: never started, still running, ended with this status; else `probe:`, else `after_crash:`",
    tests: &["tests/run/processes.rs", "tests/run/hosts.rs"],
};

impl Perform for Command {
    fn lacks(&self, _: &Surroundings) -> Vec<String> {
        Vec::new()
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let around = job.around(Some(around))?;
            let apart = job
                .entry
                .and_then(|entry| job.world.plan.entry(entry).step())
                .is_some_and(|step| step.outputs.is_some());
            let timeout = around.timeout;
            let ran = start(job, self, around, apart).await?;
            outcome(&ran, timeout)
        })
    }
}

/// What a program that has ended comes to; also for one that ended while nobody watched.
fn outcome(ran: &Ran, timeout: Option<Duration>) -> Result<Outputs, Broken> {
    ran.check(timeout)?;
    let mut outputs = Outputs::new();
    if let Ended::Exit(status) = ran.ended {
        outputs.insert("exit".to_owned(), Json::from(status));
    }
    Ok(outputs)
}

/// What a program of a step came to that ended while nobody watched.
pub fn after(job: &Job, ran: &Ran, part: Option<u32>) -> Result<Outputs, Broken> {
    let entry = job.entry.map(|entry| job.world.plan.entry(entry));
    let around = entry.and_then(|entry| Some(super::parts_of(entry, part)?.1));
    let timeout = around.and_then(|around| around.timeout.as_ref());
    let timeout = timeout.and_then(|time| job.filler().time(time).ok());
    if around.is_some_and(|around| around.on.is_some()) {
        hosts::judge(ran, timeout)?;
    }
    let mut outputs = outcome(ran, timeout)?;
    if let Some(step) = entry.and_then(|entry| entry.step()).filter(|_| part.is_none()) {
        declared_outputs(job, step, &mut outputs)?;
    }
    Ok(outputs)
}

/// Starts what a command says, and waits for its end.
pub async fn start(
    job: &Job,
    command: &Command,
    around: Around,
    apart: bool,
) -> Result<Ran, Broken> {
    let fill = job.filler();
    match command {
        Command::Script(script) => job.script(&script.value, around, None, apart).await,
        Command::Program(words) => {
            let words = words.iter().map(|word| fill.of(word));
            let words = words.collect::<Result<Vec<_>, Failure>>()?;
            job.program(words, around, None, apart).await
        }
        Command::File(script) => {
            let name = fill.named(&script.file.value)?;
            let file = job.world.base.join(&name);
            is_as_reviewed(job, &name, &file)?;
            let arguments = script.args.iter().flatten().map(|argument| fill.of(argument));
            let arguments = arguments.collect::<Result<Vec<_>, Failure>>()?;
            if !around.on.is_empty() {
                return far_file(job, &file, arguments, around, apart).await;
            }
            let mut words = around.shell.clone();
            words.push(file.display().to_string());
            words.extend(arguments);
            job.program(words, around, None, apart).await
        }
    }
}

/// What was read when the run began is what runs: another text under the same name is none of it.
fn is_as_reviewed(job: &Job, name: &str, file: &Path) -> Result<(), Failure> {
    let name = frozen::name_from(&job.world.base, &job.world.base.join(name));
    let Some(then) = job.world.files.get(&name) else { return Ok(()) };
    match std::fs::read_to_string(file) {
        Ok(now) if now == *then => Ok(()),
        Ok(_) => Err(error(format!(
            "{} is not what it was when the run began: put that back, and `plan resume`; or begin anew with \
             what it is now",
            file.display()
        ))
        .untouched()),
        Err(problem) => Err(error(format!("{}: {problem}", file.display())).untouched()),
    }
}

/// The script stands here, and runs there.
async fn far_file(
    job: &Job,
    file: &Path,
    arguments: Vec<String>,
    around: Around,
    apart: bool,
) -> Result<Ran, Broken> {
    let text = std::fs::read_to_string(file)
        .map_err(|problem| error(format!("{}: {problem}", file.display())))?;
    let mut words = around.shell.clone();
    words.extend(["-c".to_owned(), text, "plan".to_owned()]);
    words.extend(arguments);
    job.program(words, around, None, apart).await
}

/// The outputs that a step declares, from what its program printed.
pub fn declared_outputs(job: &Job, step: &Step, outputs: &mut Outputs) -> Result<(), Failure> {
    let Some(declared) = &step.outputs else { return Ok(()) };
    let log = job.logs().join(format!("{}.log", job.id));
    for (name, output) in &declared.0 {
        let text = |path: &Path| whole(&name.value, path, &log);
        let value = match output {
            Output::Word(OutputWord::Stdout) => {
                Json::from(text(&log)?.trim_end_matches(['\n', '\r']))
            }
            Output::Word(OutputWord::LastLine) => {
                // One letter more than may be: a longer line is seen to be too long.
                let end = printed::tail(&log, LONGEST_OUTPUT as u64 + 3).unwrap_or_default();
                Json::from(end.trim_end().lines().next_back().unwrap_or_default())
            }
            Output::Full(keys) => {
                let text = match &keys.file {
                    Some(file) => text(&job.filler().path(&file.value)?)?,
                    None => text(&log)?,
                };
                match (&keys.regex, &keys.json) {
                    (Some(pattern), _) => {
                        let pattern = job.filler().text(&pattern.value)?;
                        Json::from(first_match(&name.value, &pattern, &text)?)
                    }
                    (None, Some(pointer)) => {
                        let pointer = job.filler().of(pointer)?;
                        let json: Json = serde_json::from_str(&text).map_err(|problem| {
                            error(format!("output `{}`: no JSON: {problem}", name.value))
                        })?;
                        let found = json.pointer(&pointer).cloned();
                        found.ok_or_else(|| {
                            error(format!("output `{}`: there is no {pointer}", name.value))
                        })?
                    }
                    (None, None) => Json::from(text.trim_end_matches(['\n', '\r'])),
                }
            }
        };
        let length = value.as_str().map_or_else(|| value.to_string().len(), str::len);
        if length > LONGEST_OUTPUT {
            return Err(error(format!(
                "output `{}` is longer than {} KiB: write it to a file, and hand its name on",
                name.value,
                LONGEST_OUTPUT >> 10
            )));
        }
        outputs.insert(name.value.clone(), value);
    }
    Ok(())
}

/// What a program printed or a file holds, for one who looks for something in it.
fn whole(name: &str, path: &Path, log: &Path) -> Result<String, Failure> {
    let about =
        |problem: std::io::Error| error(format!("output `{name}`: {}: {problem}", path.display()));
    // Only the file of what was printed may be missing.
    if path != log {
        path.metadata().map_err(about)?;
    }
    let bytes = printed::head(path, LOOKED_THROUGH + 1).map_err(about)?;
    if bytes.len() as u64 > LOOKED_THROUGH {
        return Err(error(format!(
            "output `{name}`: {} is longer than {} MiB: let the step print less, or write what \
             matters to a file of its own",
            path.display(),
            LOOKED_THROUGH >> 20
        )));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn first_match(name: &str, pattern: &str, text: &str) -> Result<String, Failure> {
    let regex = regex::Regex::new(pattern)
        .map_err(|problem| error(format!("output `{name}`: `{pattern}`: {problem}")))?;
    let found = regex
        .captures(text)
        .ok_or_else(|| error(format!("output `{name}`: nothing matches `{pattern}`")))?;
    let part = found.get(1).or_else(|| found.get(0));
    Ok(part.map(|part| part.as_str().to_owned()).unwrap_or_default())
}
