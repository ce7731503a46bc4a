//! Who runs a plan: this process, told apart from any other that ever was. And whether another
//! owner still lives, as far as this machine can tell.

use std::fs;

use crate::keeper::boot;
use crate::store::Owner;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Alive,
    Dead,
    /// It runs on another machine.
    Elsewhere,
}

pub fn this() -> Owner {
    let process = std::process::id();
    Owner {
        by: who(),
        host: host(),
        process,
        process_started: started(process).unwrap_or(0),
        boot: boot(),
    }
}

pub fn life(owner: &Owner) -> Life {
    if owner.host != host() {
        return Life::Elsewhere;
    }
    let same = owner.boot == boot() && started(owner.process) == Some(owner.process_started);
    if same { Life::Alive } else { Life::Dead }
}

/// The person, also behind `sudo`.
pub fn who() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .map(|name| name.trim().chars().filter(|c| !c.is_control()).take(100).collect::<String>())
        .find(|name| !name.is_empty());
    named.unwrap_or_else(|| user_name(rustix::process::getuid().as_raw()))
}

/// The name of a user by its number.
pub fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}

pub fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "this machine".to_owned())
}

/// When a process started, in ticks since the machine did; a zombie has ended.
fn started(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
