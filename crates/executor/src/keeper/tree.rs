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
    for process in marked(mark) {
        if let Some(process) = Pid::from_raw(process) {
            let _ = kill_process(process, signal);
        }
    }
}

/// Whether anything bears the mark.
pub(super) fn lives(mark: &str) -> bool {
    !marked(mark).is_empty()
}

fn marked(mark: &str) -> Vec<i32> {
    let wanted = format!("{MARK}={mark}");
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.flatten().filter_map(|entry| {
        let process: i32 = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        environment.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes()).then_some(process)
    });
    processes.collect()
}
