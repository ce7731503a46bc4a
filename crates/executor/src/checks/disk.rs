//! `disk`: room on a file system.

use plan_model::model::check::DiskCheck;
use plan_model::model::spoken_size;

use super::Looked;
use crate::event::Failure;
use crate::world::Job;

pub fn look(job: &Job, check: &DiskCheck) -> Looked {
    match try_look(job, check) {
        Ok(looked) => looked,
        Err(failure) => Looked::Unmeasured(failure.text),
    }
}

fn try_look(job: &Job, check: &DiskCheck) -> Result<Looked, Failure> {
    let fill = job.filler();
    let path = fill.path(&check.disk.value)?;
    // What the run itself makes is not there yet: it will be where its parent is.
    let there = path.ancestors().find(|one| one.exists()).unwrap_or(&path);
    let stat = match rustix::fs::statvfs(there) {
        Ok(stat) => stat,
        Err(problem) => return Ok(Looked::Unmeasured(format!("{}: {problem}", path.display()))),
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    // As `df` counts: what is kept for the administrator is neither used nor free.
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let share = 100.0 * used as f64 / (used + stat.f_bavail).max(1) as f64;
    if let Some(limit) = &check.used_below {
        let limit = fill.percent(limit)?;
        if share >= limit {
            let text =
                format!("{share:.0}% is used, not below {limit}%; {} are free", spoken_size(free));
            return Ok(Looked::Fails(text));
        }
    }
    if let Some(wanted) = &check.free {
        let wanted = fill.size(wanted)?;
        if free < wanted {
            let text = format!("{} are free, not {}", spoken_size(free), spoken_size(wanted));
            return Ok(Looked::Fails(text));
        }
    }
    Ok(Looked::Holds(Some(free.into())))
}
