//! `file`: a file or directory and what it must be.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use plan_model::model::check::FileCheck;
use plan_model::notation::Spoken;

use super::Looked;
use crate::digest;
use crate::event::Failure;
use crate::owner::user_name;
use crate::world::{Broken, Job};

/// A text is looked into as far as this.
const LOOKED_INTO: u64 = 16 << 20;

pub async fn look(job: &Job, check: &FileCheck) -> Looked {
    try_look(job, check).await.unwrap_or_else(Looked::from)
}

async fn try_look(job: &Job, check: &FileCheck) -> Result<Looked, Broken> {
    let fill = job.filler();
    let path = fill.path(&check.file.value)?;
    let shown = fill.text(&check.file.value)?;
    let wanted = fill.flag(check.exists.as_ref(), true)?;
    let meta = match std::fs::metadata(&path) {
        Ok(meta) => meta,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => {
            return Ok(match wanted {
                true => Looked::Fails("it is not there".to_owned()),
                false => Looked::Holds(None),
            });
        }
        Err(problem) => return Ok(Looked::Unmeasured(format!("{shown}: {problem}"))),
    };
    if !wanted {
        return Ok(Looked::Fails("it is there".to_owned()));
    }
    if let Some(mode) = &check.mode {
        let wanted = u32::from_str_radix(&mode.value, 8).unwrap_or(0);
        let found = meta.mode() & 0o7777;
        if found != wanted {
            return Ok(Looked::Fails(format!("its mode is {found:04o}, not {wanted:04o}")));
        }
    }
    if let Some(owner) = fill.optional(check.owner.as_ref())? {
        let found = user_name(meta.uid());
        if found != owner && meta.uid().to_string() != owner {
            return Ok(Looked::Fails(format!("it belongs to {found}, not {owner}")));
        }
    }
    if fill.flag(check.writable.as_ref(), false)? {
        let user = fill.optional(check.user.as_ref())?;
        if let Some(why) = not_writable(job, &path, meta.is_dir(), user).await? {
            return Ok(Looked::Fails(why));
        }
    }
    if let Some(limit) = fill.optional_time(check.max_age.as_ref())? {
        let age = meta.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        let age = age.unwrap_or_default();
        if age > limit {
            let (age, limit) = (Spoken(whole_seconds(age)), Spoken(limit));
            return Ok(Looked::Fails(format!("it was written {age} ago, more than {limit}")));
        }
    }
    if check.contains.is_some() || check.matches.is_some() {
        let text = read(&path)?;
        if let Some(part) = fill.optional(check.contains.as_ref())?
            && !text.contains(&part)
        {
            return Ok(Looked::Fails(format!("it does not hold `{part}`")));
        }
        if let Some(pattern) = &check.matches {
            let pattern = fill.text(&pattern.value)?;
            let regex = regex::Regex::new(&pattern)
                .map_err(|problem| crate::world::error(format!("`{pattern}`: {problem}")))?;
            if !regex.is_match(&text) {
                return Ok(Looked::Fails(format!("nothing in it matches `{pattern}`")));
            }
        }
    }
    if let Some(sum) = &check.sha256 {
        let wanted = fill.text(&sum.value)?.to_lowercase();
        let found = digest::of_file(&path);
        let (found, _) = found
            .map_err(|problem| crate::world::error(format!("{}: {problem}", path.display())))?;
        if found != wanted {
            return Ok(Looked::Fails(format!("its SHA-256 sum is {found}, not {wanted}")));
        }
    }
    Ok(Looked::Holds(None))
}

fn whole_seconds(time: std::time::Duration) -> std::time::Duration {
    std::time::Duration::from_secs(time.as_secs())
}

fn read(path: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let about =
        |problem: std::io::Error| crate::world::error(format!("{}: {problem}", path.display()));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(about)?;
    file.take(LOOKED_INTO).read_to_end(&mut bytes).map_err(about)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Tried for real: permissions alone do not tell.
async fn not_writable(
    job: &Job,
    path: &Path,
    is_dir: bool,
    user: Option<String>,
) -> Result<Option<String>, Broken> {
    if let Some(user) = user {
        let mut around = job.around(None)?;
        around.user = Some(user.clone());
        let test = ["test", "-w", &path.display().to_string()].map(str::to_owned).to_vec();
        let ran = job.program(test, around, None, false).await?;
        return Ok(ran.check(None).err().map(|_| format!("{user} cannot write there")));
    }
    let tried = if is_dir {
        let probe = path.join(format!(".plan-probe-{}", std::process::id()));
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&probe)
            .and_then(|_| std::fs::remove_file(&probe))
    } else {
        std::fs::OpenOptions::new().append(true).open(path).map(|_| ())
    };
    Ok(tried.err().map(|problem| format!("it cannot be written: {problem}")))
}
