//! Files as the model sees them: somebody else reads them. Knows no file system.

use std::collections::BTreeMap;

/// No plan, script or migration is larger; what is larger is a mistake or an attack.
pub const SIZE_LIMIT: u64 = 32 << 20;

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileProblem {
    Missing,
    IsFolder,
    /// A pipe, a device or a socket: reading it might never end.
    NotRegular,
    TooBig(u64),
    Refused(String),
}

impl FileProblem {
    pub fn code(&self) -> &'static str {
        match self {
            FileProblem::Missing => "file-missing",
            _ => "file-unreadable",
        }
    }
}

impl std::fmt::Display for FileProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FileProblem::Missing => write!(f, "there is no such file"),
            FileProblem::IsFolder => write!(f, "it is a folder"),
            FileProblem::NotRegular => write!(f, "it is a pipe, a device or a socket"),
            FileProblem::TooBig(size) => {
                let (size, limit) =
                    (crate::model::spoken_size(*size), crate::model::spoken_size(SIZE_LIMIT));
                write!(f, "it holds {size}, more than the {limit} that are read")
            }
            FileProblem::Refused(why) => write!(f, "{why}"),
        }
    }
}

/// Where the files of a plan are read from; paths use `/`.
pub trait Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileProblem>;

    /// The regular files below a folder, as paths from it, sorted; two levels deep.
    fn list(&self, path: &str) -> Result<Vec<String>, FileProblem>;
}

/// Files that only exist in memory.
#[derive(Debug, Default, Clone)]
pub struct MemoryFolder(pub BTreeMap<String, Vec<u8>>);

impl MemoryFolder {
    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.to_owned(), text.as_bytes().to_vec());
        self
    }
}

impl Folder for MemoryFolder {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileProblem> {
        self.0.get(path).cloned().ok_or(FileProblem::Missing)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileProblem> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let below: Vec<_> = self
            .0
            .keys()
            .filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned))
            .collect();
        if below.is_empty() { Err(FileProblem::Missing) } else { Ok(below) }
    }
}

/// A path that stands in a file, from the folder of that file; `.` and `..` are worked out.
pub fn beside(file: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let absolute = file.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    let trailing = if path.ends_with('/') && !joined.is_empty() { "/" } else { "" };
    format!("{}{joined}{trailing}", if absolute { "/" } else { "" })
}

/// Bytes that are no text: where, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct NotText {
    pub at: usize,
    pub message: &'static str,
    pub help: &'static str,
}

/// Bytes as UTF-8 text without a byte-order mark.
pub fn decode(bytes: Vec<u8>) -> Result<String, (String, NotText)> {
    let refuse = |bytes: &[u8], at: usize, message: &'static str, help: &'static str| {
        // The place is kept right: what cannot be shown becomes one character of the same length.
        let shown: String = bytes
            .iter()
            .map(|byte| if byte.is_ascii() && *byte != 0 { *byte as char } else { '?' })
            .collect();
        Err((shown, NotText { at, message, help }))
    };
    let utf8 = "save the file as UTF-8";
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return refuse(&bytes[..bytes.len().min(80)], 0, "this file is UTF-16", utf8);
    }
    let head = bytes.len().min(1 << 20);
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let shown = &bytes[..bytes.len().min(at + 80)];
        return refuse(
            shown,
            at,
            "a NUL byte stands here: this is not a text",
            "is this the right file?",
        );
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix('\u{FEFF}') {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let shown = &bytes[..bytes.len().min((at + 80).max(head))];
            refuse(shown, at, "this byte is not valid UTF-8", utf8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_from_the_file_that_names_them() {
        assert_eq!(beside("plans/a/plan.yaml", "x.sql"), "plans/a/x.sql");
        assert_eq!(beside("plans/a/plan.yaml", "../b/"), "plans/b/");
        assert_eq!(beside("plan.yaml", "../b"), "../b");
        assert_eq!(beside("/a/plan.yaml", "../../../b"), "/b");
        assert_eq!(beside("a/plan.yaml", "/etc/x"), "/etc/x");
        assert_eq!(beside("<stdin>", "x"), "x");
    }

    #[test]
    fn what_is_no_text_is_named() {
        let problem = |bytes: &[u8]| decode(bytes.to_vec()).unwrap_err().1;
        assert_eq!(problem(b"a\0b").at, 1);
        assert_eq!(problem(b"ab\xFFc").at, 2);
        assert_eq!(problem(b"\xFF\xFEa\0").message, "this file is UTF-16");
        assert_eq!(decode("\u{FEFF}a".into()).unwrap(), "a");
    }
}
