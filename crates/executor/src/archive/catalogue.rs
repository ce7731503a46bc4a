//! Which backups there are, as the store remembers them: by id or path, never "the latest" unasked.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::second::Second;
use super::{Manifest, manifest_path};
use crate::clock::Moment;

/// A backup that somebody may come back to.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    pub path: PathBuf,
    pub environment: Option<String>,
    /// Without what the data were and which files are in it: that stands beside the backup.
    #[serde(flatten)]
    pub manifest: Manifest,
    pub verified_at: Option<Moment>,
    pub verified_by: Option<String>,
    /// What was wrong with it when it was looked at last.
    pub fault: Option<String>,
}

/// What becomes known of a backup later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    Verified { at: Moment, proof: String, fault: Option<String> },
    Removed { at: Moment, by: String },
}

/// How it lies there now, told without reading all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    There,
    /// The first one is not whole, its second copy is there.
    Copied,
    /// The first one is not whole, its second copy lies where only a server can tell of it.
    Away,
    Missing,
    /// Its length, or what it says of itself, is not what was written.
    Changed,
    /// It was looked at, and is none.
    Damaged,
}

impl Standing {
    /// It can be brought back, as far as that is told without reading it.
    pub fn is_whole(self) -> bool {
        matches!(self, Standing::There | Standing::Copied)
    }

    /// It, or a copy that nobody has looked at now.
    pub fn may_be_whole(self) -> bool {
        self.is_whole() || self == Standing::Away
    }

    pub fn word(self) -> &'static str {
        match self {
            Standing::There => "there",
            Standing::Copied => "there as its copy only",
            Standing::Away => "there as its copy in a bucket only",
            Standing::Missing => "missing",
            Standing::Changed => "changed",
            Standing::Damaged => "damaged",
        }
    }
}

impl Kept {
    pub fn new(path: &Path, manifest: &Manifest) -> Kept {
        let manifest = Manifest { data: None, paths: Default::default(), ..manifest.clone() };
        Kept {
            path: path.to_owned(),
            environment: None,
            manifest,
            verified_at: None,
            verified_by: None,
            fault: None,
        }
    }

    pub fn standing(&self) -> Standing {
        let first = self.lies_at(&self.path);
        match first {
            Standing::There if self.fault.is_none() => Standing::There,
            _ if self.has_copy() => Standing::Copied,
            _ if matches!(self.manifest.copy, Some(Second::Object(_))) => Standing::Away,
            Standing::There => Standing::Damaged,
            other => other,
        }
    }

    fn lies_at(&self, path: &Path) -> Standing {
        let Ok(meta) = std::fs::metadata(path) else { return Standing::Missing };
        match meta.len() == self.manifest.size && manifest_path(path).exists() {
            true => Standing::There,
            false => Standing::Changed,
        }
    }

    fn has_copy(&self) -> bool {
        self.copied_file().is_some_and(|copy| self.lies_at(copy) == Standing::There)
    }

    /// What is in a bucket is not asked for here: it has to be fetched first.
    fn copied_file(&self) -> Option<&Path> {
        self.manifest.copy.as_ref().and_then(Second::file)
    }

    /// Where it can be read: its second copy, where the first one is not whole.
    pub fn place(&self) -> &Path {
        match self.copied_file() {
            Some(copy) if self.standing() == Standing::Copied => copy,
            _ => &self.path,
        }
    }

    /// What it is a backup of: those of one subject follow each other. A connection that leads elsewhere
    /// is another one.
    pub fn subject(&self) -> (&str, Option<&str>, &str, Option<&str>) {
        let what = self.manifest.database.as_deref().unwrap_or(&self.manifest.step);
        (&self.manifest.plan, self.environment.as_deref(), what, self.manifest.from.as_deref())
    }
}

/// What a run knows of backups.
#[derive(Debug, Default)]
pub struct Catalogue {
    known: RefCell<Vec<Kept>>,
    /// Made by this run; the store was not told yet.
    new: RefCell<Vec<Kept>>,
}

impl Catalogue {
    pub fn of(known: Vec<Kept>) -> Catalogue {
        Catalogue { known: RefCell::new(known), new: RefCell::default() }
    }

    pub fn note(&self, kept: Kept) {
        let mut new = self.new.borrow_mut();
        new.retain(|one| one.path != kept.path);
        new.push(kept);
    }

    pub fn next_new(&self) -> Option<Kept> {
        self.new.borrow().first().cloned()
    }

    /// The store knows it now.
    pub fn is_known(&self, kept: Kept) {
        self.new.borrow_mut().retain(|one| one.path != kept.path);
        self.known.borrow_mut().insert(0, kept);
    }

    pub fn into_known(self) -> Vec<Kept> {
        self.known.into_inner()
    }

    /// All of them, the newest first.
    pub fn all(&self) -> Vec<Kept> {
        let mut all = self.new.borrow().clone();
        all.extend(self.known.borrow().iter().cloned());
        all.sort_by_key(|kept| std::cmp::Reverse(kept.manifest.ended));
        all
    }
}
