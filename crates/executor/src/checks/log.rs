//! `log`: lines that were written since the run began.

use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use plan_model::model::check::LogCheck;
use plan_model::model::value::{OneOrMany, Pattern};
use regex::{Regex, RegexSet};

use super::Looked;
use crate::event::LogEnd;
use crate::fill::Filler;
use crate::world::{Broken, Job, error};

const FAILURES: &str = "(?i)error|fatal|panic";

pub async fn look(job: &Job, check: &LogCheck) -> Looked {
    try_look(job, check).await.unwrap_or_else(Looked::from)
}

async fn try_look(job: &Job, check: &LogCheck) -> Result<Looked, Broken> {
    let fill = job.filler();
    let bad = set(&fill, check.fail_on.as_ref())?;
    let bad = match bad {
        Some(bad) => bad,
        None => RegexSet::new([FAILURES]).expect("a pattern of ours"),
    };
    let passed = set(&fill, check.allow_lines.as_ref())?;
    let wanted = match &check.matches {
        Some(pattern) => {
            let pattern = fill.text(&pattern.value)?;
            Some(Regex::new(&pattern).map_err(|problem| error(format!("`{pattern}`: {problem}")))?)
        }
        None => None,
    };
    let name = fill.text(&check.log.value)?;
    let mut found = false;
    let mut see = |line: &str| {
        if passed.as_ref().is_some_and(|passed| passed.is_match(line)) {
            return None;
        }
        found |= wanted.as_ref().is_some_and(|wanted| wanted.is_match(line));
        // Whoever waits for a line to come looks for nothing else, unless it says so.
        let looks_for_failures = wanted.is_none() || check.fail_on.is_some();
        (looks_for_failures && bad.is_match(line)).then(|| line.trim_end().to_owned())
    };
    let failed = match name.strip_prefix("unit:") {
        Some(unit) => {
            let began = job.world.clock.on_the_machine(job.world.began);
            let since = format!("@{}", began.0 / 1000);
            let arguments =
                ["journalctl", "--no-pager", "-o", "cat", "-u", unit, "--since", &since];
            let around = job.around(None)?;
            let ran =
                job.program(arguments.map(str::to_owned).to_vec(), around, None, true).await?;
            ran.check(None)?;
            ran.text()?.lines().find_map(&mut see)
        }
        None => {
            let path = job.world.base.join(&name);
            let from = job.world.log_ends.borrow().get(&path).copied().unwrap_or_default();
            match lines(&path, from, &mut see) {
                Ok(failed) => failed,
                Err(problem) => return Ok(Looked::Unmeasured(format!("{name}: {problem}"))),
            }
        }
    };
    Ok(match failed {
        Some(line) => {
            let line: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
            Looked::Fails(format!("it shows `{line}`"))
        }
        None if wanted.is_some() && !found => Looked::Fails("no such line yet".to_owned()),
        None => Looked::Holds(None),
    })
}

fn set(
    fill: &Filler<'_>,
    patterns: Option<&OneOrMany<Pattern>>,
) -> Result<Option<RegexSet>, crate::event::Failure> {
    let Some(patterns) = patterns else { return Ok(None) };
    let texts = patterns.iter().map(|pattern| fill.text(&pattern.value));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    RegexSet::new(&texts).map(Some).map_err(|problem| error(problem.to_string()))
}

/// The lines since the log ended there. One that was rotated meanwhile bears another name: its rest
/// comes first, and then all of the new one. One that was cut off is new as a whole.
fn lines(
    path: &Path,
    end: LogEnd,
    see: &mut dyn FnMut(&str) -> Option<String>,
) -> std::io::Result<Option<String>> {
    let meta = std::fs::metadata(path)?;
    if meta.ino() == end.inode {
        let from = if end.length <= meta.len() { end.length } else { 0 };
        return lines_from(path, from, see);
    }
    if let Some(rotated) = rotated(path, end.inode)
        && let Some(found) = lines_from(&rotated, end.length, see)?
    {
        return Ok(Some(found));
    }
    lines_from(path, 0, see)
}

/// The file that was the log, under its new name beside it.
fn rotated(path: &Path, inode: u64) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let stem = name.split('.').next()?.to_owned();
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let mut alike = entries.flatten().filter(|entry| {
        entry.file_name().to_string_lossy().starts_with(&stem)
            && entry.metadata().is_ok_and(|meta| meta.ino() == inode)
    });
    alike.next().map(|entry| entry.path())
}

fn lines_from(
    path: &Path,
    from: u64,
    see: &mut dyn FnMut(&str) -> Option<String>,
) -> std::io::Result<Option<String>> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if let Some(failed) = see(&String::from_utf8_lossy(&line)) {
            return Ok(Some(failed));
        }
    }
}
