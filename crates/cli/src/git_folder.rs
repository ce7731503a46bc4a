//! The files of a git revision, read the way the model asks for them. Starts git with fixed
//! arguments and no shell; a path never becomes an argument. Changes nothing in the repository.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::process::{Command, Stdio};

use plan_model::folder::{FileProblem, Folder, SIZE_LIMIT, beside};

use crate::disk::Disk;

/// More links in a row than this lead in a circle.
const LINKS: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("`{0}` is no git address")]
    BadAddress(String),
    #[error("git is not installed, or not on the PATH")]
    Missing,
    #[error("this folder is not in a git repository")]
    NotARepository,
    #[error("git does not know the revision `{0}`")]
    UnknownRevision(String),
    #[error("there is no file `{path}` in revision `{revision}`")]
    NoSuchFile { revision: String, path: String, beside: Option<String> },
    #[error("git failed: {0}")]
    Failed(String),
    #[error("git cannot be started")]
    Io(#[source] io::Error),
}

/// `git:REV:path`. The path is meant from the top of the repository, or with `./` from here.
#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    pub revision: String,
    pub path: String,
}

impl Address {
    /// `None` for what is the name of a file.
    pub fn parse(text: &str) -> Option<Result<Address, GitError>> {
        let rest = text.strip_prefix("git:")?;
        let bad = || GitError::BadAddress(text.to_owned());
        let Some((revision, path)) = rest.split_once(':') else { return Some(Err(bad())) };
        let odd = |text: &str| text.is_empty() || text.chars().any(char::is_control);
        if odd(revision) || odd(path) || revision.starts_with('-') || path.starts_with('/') {
            return Some(Err(bad()));
        }
        Some(Ok(Address { revision: revision.to_owned(), path: path.to_owned() }))
    }
}

#[derive(Debug)]
enum Kind {
    File,
    Link,
    Submodule,
}

pub struct GitFolder {
    /// Path from the top of the repository → what it is and the id of its content.
    files: BTreeMap<String, (Kind, String)>,
}

impl GitFolder {
    /// The files of the revision, and the path of the addressed one from the top.
    pub fn open(address: &Address) -> Result<(GitFolder, String), GitError> {
        let prefix = git(&["rev-parse", "--show-prefix"])?;
        let prefix = prefix.trim_end_matches('\n');
        let commit = format!("{}^{{commit}}", address.revision);
        let commit = match git(&["rev-parse", "--verify", "--quiet", &commit]) {
            Err(GitError::Failed(_)) => {
                return Err(GitError::UnknownRevision(address.revision.clone()));
            }
            other => other?.trim_end().to_owned(),
        };
        let listed = git(&["ls-tree", "-r", "-z", "--full-tree", &commit])?;
        let folder = GitFolder { files: listed.split('\0').filter_map(entry).collect() };
        let from_here = |path: &str| beside(&format!("{prefix}x"), path);
        let path = match address.path.strip_prefix("./") {
            Some(path) => from_here(path),
            None if address.path.starts_with("../") => from_here(&address.path),
            None => beside("x", &address.path),
        };
        if !folder.files.contains_key(&path) {
            let here = from_here(&address.path);
            let beside = folder.files.contains_key(&here).then(|| format!("./{}", address.path));
            let revision = address.revision.clone();
            return Err(GitError::NoSuchFile { revision, path, beside });
        }
        Ok((folder, path))
    }

    fn blob(&self, id: &str) -> Result<Vec<u8>, FileProblem> {
        let refused =
            |error: io::Error| FileProblem::Refused(format!("git cannot read it: {error}"));
        let mut child = command(&["cat-file", "blob", id])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(refused)?;
        let mut bytes = Vec::new();
        let read = match child.stdout.take() {
            Some(out) => out.take(SIZE_LIMIT + 1).read_to_end(&mut bytes),
            None => Ok(0),
        };
        // Its output is closed by now: git ends, also where it had more to say.
        let status = child.wait().map_err(refused)?;
        read.map_err(refused)?;
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(FileProblem::TooBig(bytes.len() as u64));
        }
        if !status.success() {
            return Err(FileProblem::Refused("git does not have its content".to_owned()));
        }
        Ok(bytes)
    }
}

/// One line of `ls-tree`: mode, type and id, a tab, the path.
fn entry(line: &str) -> Option<(String, (Kind, String))> {
    let (facts, path) = line.split_once('\t')?;
    let mut facts = facts.split(' ');
    let kind = match facts.next()? {
        "120000" => Kind::Link,
        "160000" => Kind::Submodule,
        _ => Kind::File,
    };
    Some((path.to_owned(), (kind, facts.nth(1)?.to_owned())))
}

impl Folder for GitFolder {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileProblem> {
        // What stands outside has no revision: it is the same for both plans.
        if path.starts_with('/') {
            return Disk.read(path);
        }
        let mut path = path.trim_end_matches('/').to_owned();
        for _ in 0..LINKS {
            if path.starts_with("../") {
                return Err(FileProblem::Refused("it is outside of the repository".to_owned()));
            }
            match self.files.get(&path) {
                Some((Kind::File, id)) => return self.blob(id),
                Some((Kind::Submodule, _)) => {
                    return Err(FileProblem::Refused("it is a submodule".to_owned()));
                }
                Some((Kind::Link, id)) => {
                    let target = String::from_utf8_lossy(&self.blob(id)?).into_owned();
                    if target.starts_with('/') {
                        return Err(FileProblem::Refused(format!("it is a link to {target}")));
                    }
                    path = beside(&path, &target);
                }
                None if self.list(&path).is_ok() => return Err(FileProblem::IsFolder),
                None => return Err(FileProblem::Missing),
            }
        }
        Err(FileProblem::Refused("it is a link that leads in a circle".to_owned()))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileProblem> {
        if path.starts_with('/') {
            return Disk.list(path);
        }
        let top = matches!(path, "" | "." | "./");
        let prefix = if top { String::new() } else { format!("{}/", path.trim_end_matches('/')) };
        let below = self.files.range(prefix.clone()..);
        let below = below.map_while(|(name, (kind, _))| Some((name.strip_prefix(&prefix)?, kind)));
        let mut any = false;
        let mut names = Vec::new();
        for (name, kind) in below {
            any = true;
            if name.matches('/').count() < 2 && !matches!(kind, Kind::Submodule) {
                names.push(name.to_owned());
            }
        }
        if any { Ok(names) } else { Err(FileProblem::Missing) }
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(["--no-pager", "-c", "core.quotePath=false"])
        .args(arguments)
        // Its messages are told apart by their words; and nobody is here to type a password.
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null());
    command
}

fn git(arguments: &[&str]) -> Result<String, GitError> {
    let output = command(arguments).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => GitError::Missing,
        _ => GitError::Io(error),
    })?;
    if output.status.success() {
        // A name that is no UTF-8 cannot stand in a plan either.
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("not a git repository") {
        return Err(GitError::NotARepository);
    }
    Err(GitError::Failed(said.lines().next().unwrap_or("it said nothing").to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_a_revision_and_a_path() {
        let parse = |text| Address::parse(text).map(Result::ok);
        let address = |revision: &str, path: &str| {
            Some(Some(Address { revision: revision.to_owned(), path: path.to_owned() }))
        };
        assert_eq!(parse("git:main:plans/a.yaml"), address("main", "plans/a.yaml"));
        assert_eq!(parse("git:HEAD~2:./a.yaml"), address("HEAD~2", "./a.yaml"));
        assert_eq!(parse("plans/a.yaml"), None);
        for wrong in
            ["git:main", "git::a", "git:main:", "git:--output=x:a", "git:a\0b:c", "git:a:/b"]
        {
            assert_eq!(parse(wrong), Some(None), "{wrong:?}");
        }
    }
}
