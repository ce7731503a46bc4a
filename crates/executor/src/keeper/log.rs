//! What a keeper writes down: that it is about to start a program, that it did, how it ended.
//! A line is one write; it outlives engine and keeper alike.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::Ended;

/// So much room is taken in advance: lines are written on a full disk too.
const ROOM: u64 = 64 << 10;

/// What became of a program, as far as the log tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was about to be started, or runs.
    Begun {
        process: Option<i32>,
    },
    Ended(Ended),
}

/// A log that no keeper had before, made by the engine and handed to its keeper. Its lock goes with
/// it: from before the keeper is started until it ends, whoever asks finds it alive.
pub(super) fn create(folder: &Path) -> std::io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.create_new(true).append(true).read(true).mode(0o600);
    let mut number = logs(folder).len();
    let (path, file) = loop {
        let path = folder.join(format!("keeper-{number}.log"));
        match options.open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            made => break (path, made?),
        }
    };
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    // Where the file system cannot, the lines find their room when they come.
    let _ = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, ROOM);
    let mut file = file;
    file.write_all(format!("boot {}\n", boot()).as_bytes())?;
    // A log that vanished with its machine would say that nothing was ever started.
    file.sync_data()?;
    File::open(folder)?.sync_all()?;
    Ok((path, file))
}

/// The logs of all keepers that a run ever had, the newest first.
pub fn logs(folder: &Path) -> Vec<PathBuf> {
    let number = |path: &PathBuf| -> Option<u32> {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("keeper-")?.strip_suffix(".log")?.parse().ok()
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| number(path).is_some()).collect();
    found.sort_by_key(|path| std::cmp::Reverse(number(path)));
    found
}

/// What a run's programs are called, in the order in which they began.
pub fn programs(folder: &Path) -> Vec<String> {
    let texts = logs(folder).into_iter().rev().filter_map(|log| std::fs::read_to_string(log).ok());
    let begun = |text: String| {
        let ids = text.lines().filter_map(|line| line.strip_prefix("begins ").map(str::to_owned));
        ids.collect::<Vec<_>>()
    };
    texts.flat_map(begun).collect()
}

/// This start of the machine.
pub fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// The log as its keeper writes it.
pub(super) struct Writer {
    file: File,
}

impl Writer {
    pub(super) fn new(file: File) -> Writer {
        Writer { file }
    }

    /// Written, not synced: a line outlives every process, and of another start of the machine the
    /// log's silence proves nothing (`Log::is_of_this_boot`).
    pub(super) fn begins(&mut self, id: &str) -> std::io::Result<()> {
        self.line(format!("begins {id}\n"))
    }

    pub(super) fn started(&mut self, id: &str, process: i32) -> std::io::Result<()> {
        self.line(format!("started {id} {process}\n"))
    }

    pub(super) fn ended(&mut self, id: &str, ended: &Ended) -> std::io::Result<()> {
        let how = serde_json::to_string(ended)?;
        self.line(format!("ended {id} {how}\n"))
    }

    /// The engine is gone, and everything that it had asked for is above.
    pub(super) fn orphaned(&mut self) -> std::io::Result<()> {
        self.line("orphaned\n".to_owned())
    }

    fn line(&mut self, line: String) -> std::io::Result<()> {
        self.file.write_all(line.as_bytes())
    }
}

/// The log of a keeper, as whoever comes later reads it.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    /// Its whole lines, with a line end before each.
    text: String,
}

impl Log {
    pub fn read(path: &Path) -> std::io::Result<Log> {
        let mut log = Log { path: path.to_owned(), text: String::new() };
        log.refresh()?;
        Ok(log)
    }

    pub fn refresh(&mut self) -> std::io::Result<()> {
        self.text = "\n".to_owned();
        File::open(&self.path)?.read_to_string(&mut self.text)?;
        // A line without its end was being written when the machine stopped: it says nothing.
        let whole = self.text.rfind('\n').map_or(0, |end| end + 1);
        self.text.truncate(whole);
        Ok(())
    }

    /// What stands behind the last line that begins so.
    fn last(&self, begins: &str) -> Option<&str> {
        let at = self.text.rfind(&format!("\n{begins}"))? + 1 + begins.len();
        self.text[at..].lines().next()
    }

    pub fn name(&self) -> PathBuf {
        self.path.file_name().map(PathBuf::from).unwrap_or_default()
    }

    /// The machine has not stopped since: what is not in the log never happened. Nor did anything
    /// under a log without its first line: that is synced before its keeper is started.
    pub fn is_of_this_boot(&self) -> bool {
        self.last("boot ").is_none_or(|of| of.is_empty() || of == boot())
    }

    /// `None`: it was never started, once the keeper has said that nothing more will come.
    pub fn fate(&self, id: &str) -> Option<Fate> {
        // An end that nobody understands is no end: it began, and may not be begun again.
        let ended = self.last(&format!("ended {id} "));
        if let Some(ended) = ended.and_then(|how| serde_json::from_str(how).ok()) {
            return Some(Fate::Ended(ended));
        }
        if let Some(process) = self.last(&format!("started {id} ")) {
            return Some(Fate::Begun { process: process.parse().ok() });
        }
        // The id is the whole rest of the line.
        let begun = self.text.contains(&format!("\nbegins {id}\n"));
        begun.then_some(Fate::Begun { process: None })
    }

    /// Nothing more will be started under this keeper.
    pub fn is_settled(&self) -> bool {
        self.text.contains("\norphaned\n") || !self.keeper_lives()
    }

    pub fn keeper_lives(&self) -> bool {
        let Ok(file) = File::open(&self.path) else { return false };
        flock(&file, FlockOperation::NonBlockingLockShared).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_is_never_taken_for_what_never_ran() {
        let lines = "\nbegins a.1\nstarted a.1 7\nended a.1 {\"exit\":0}\nbegins b.1\nstarted b.1 8\n\
                     ended b.1 something new\nbegins c.1\n";
        let log = Log { path: PathBuf::new(), text: lines.to_owned() };
        assert_eq!(log.fate("b.1"), Some(Fate::Begun { process: Some(8) }));
        assert_eq!(log.fate("c.1"), Some(Fate::Begun { process: None }));
        assert_eq!(log.fate("c"), None);
        assert_eq!(log.fate("d.1"), None);
        assert!(log.fate("a.1").is_some());
    }
}
