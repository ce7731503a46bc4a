//! What a program printed, as its file holds it. A keeper gives the file of a program that printed
//! nothing to the next one: a file that is not there, or is another by now, held nothing.

use std::fs::File;
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The first `limit` bytes.
pub fn head(path: &Path, limit: u64) -> Result<Vec<u8>> {
    look(path, |_| 0, limit)
}

/// The last `size` bytes; `None` where nothing can be read.
pub fn tail(path: &Path, size: u64) -> Option<String> {
    let bytes = look(path, |length| length.saturating_sub(size), size).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last line with something in it, fit to be shown.
pub fn last_line(path: &Path) -> Option<String> {
    let tail = tail(path, 4096)?;
    let line = tail.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(shown(line))
}

/// The first error among what a tool of PostgreSQL, MySQL, MariaDB, pip, npm or systemd said, fit to be shown: hints
/// and contexts stand behind it, and what the other end of its pipe says of that.
pub fn complaint(path: &Path) -> Option<String> {
    const MARKS: [&str; 3] = [": error: ", ": Error ", ": Got error: "];
    const NUMBERS: [&str; 3] = ["code ", "syscall ", "errno "];
    let said = String::from_utf8_lossy(&head(path, 1 << 16).ok()?).into_owned();
    let is_error = |line: &&str| {
        let of_npm = line.strip_prefix("npm error ").or(line.strip_prefix("npm ERR! "));
        line.starts_with("ERROR ")
            || line.starts_with("ERROR: ")
            // systemctl: where to look stands behind it.
            || line.starts_with("Job for ")
            || MARKS.iter().any(|mark| line.contains(mark))
            || of_npm.is_some_and(|text| !NUMBERS.iter().any(|number| text.starts_with(number)))
    };
    said.lines().find(is_error).map(shown)
}

fn shown(line: &str) -> String {
    line.trim().chars().filter(|c| !c.is_control()).take(300).collect()
}

fn look(path: &Path, from: impl FnOnce(u64) -> u64, size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = match File::open(path) {
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(bytes),
        file => file?,
    };
    let opened = file.metadata()?;
    file.seek(SeekFrom::Start(from(opened.len())))?;
    file.take(size).read_to_end(&mut bytes)?;
    // Read while the name still was the file's: what was read is this program's.
    let is_same =
        path.metadata().is_ok_and(|now| (now.dev(), now.ino()) == (opened.dev(), opened.ino()));
    if !is_same {
        bytes.clear();
    }
    Ok(bytes)
}
