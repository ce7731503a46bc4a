//! Ends a program with all that it started, also what has left its group: each bears the mark in
//! its environment, and hands it on.

use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::MARK;

/// Sends a signal to the group of a process and to everything else that bears the mark.
pub(super) fn signal(group: i32, mark: &str, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(group, signal);
    }
    for process in marked(|one| one == mark) {
        if let Some(process) = Pid::from_raw(process) {
            let _ = kill_process(process, signal);
        }
    }
}

/// Whether anything bears the mark, or is a later program of the same attempt.
pub(super) fn lives(mark: &str) -> bool {
    let later = format!("{mark}.");
    !marked(|one| one == mark || one.starts_with(&later)).is_empty()
}

fn marked(wanted: impl Fn(&str) -> bool) -> Vec<i32> {
    let is_wanted = |one: &[u8]| {
        let one = std::str::from_utf8(one).ok().and_then(|one| one.strip_prefix(MARK));
        one.and_then(|one| one.strip_prefix('=')).is_some_and(&wanted)
    };
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.flatten().filter_map(|entry| {
        let process: i32 = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        environment.split(|byte| *byte == 0).any(is_wanted).then_some(process)
    });
    processes.collect()
}
