//! `memory`: how much is available.

use plan_model::model::check::MemoryCheck;
use plan_model::model::spoken_size;

use super::Looked;
use crate::world::Job;

pub fn look(job: &Job, check: &MemoryCheck) -> Looked {
    let wanted = match job.filler().size(&check.memory) {
        Ok(wanted) => wanted,
        Err(failure) => return Looked::Unmeasured(failure.text),
    };
    match available() {
        Some(free) if free >= wanted => Looked::Holds(Some(free.into())),
        Some(free) => Looked::Fails(format!(
            "{} are available, not {}",
            spoken_size(free),
            spoken_size(wanted)
        )),
        None => Looked::Unmeasured("/proc/meminfo does not tell".to_owned()),
    }
}

fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
