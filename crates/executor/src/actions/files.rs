//! `files`: changes to files, one after the other. What was there is kept first and put back on the way
//! back. Each change leads to the same end however often it is made, so after a crash it goes on.

mod copy;
mod link;
mod mode;
pub mod preview;
mod settings;
mod sync;
mod template;
mod unpack;

use std::fs;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Group, User};
use plan_model::model::action::files::{FileChange, Files, Ownership};
use plan_model::model::plan::Surroundings;
use plan_model::model::value::Text;
use serde_json::Value as Json;

use super::noted::Noted;
use super::{About, Act, Found, Perform, again, goes_on, no_other_user};
use crate::crash::{Point, point};
use crate::event::{Failure, Outputs};
use crate::fill::Filler;
use crate::keep::meta::Meta;
use crate::keep::{self, Keep};
use crate::world::{Broken, Job, error};

pub const ABOUT: About = About {
    key: "files",
    verified: "what is there is what was wanted, to the bit",
    undone: "what was there is put back: bytes, rights, owner, time, links",
    after_crash: "goes on: each change leads to the same end again",
    tests: &["tests/system/files.rs", "tests/system/unpack.rs"],
};

impl Perform for Files {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        no_other_user(around)
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let mut going = Going::of(job, around).map_err(Failure::untouched)?;
            for change in self.iter() {
                let made = going.make(change);
                going.keep.told.drain(..).for_each(|line| job.say(&line));
                made.map_err(|mut failure| {
                    failure.untouched = going.keep.is_empty();
                    failure
                })?;
                tokio::task::yield_now().await;
            }
            let mut outputs = Outputs::new();
            let changed = going.changed.iter().map(|path| Json::from(path.display().to_string()));
            outputs.insert("changed".to_owned(), changed.collect());
            if let Some(previous) = going.previous {
                outputs.insert("previous".to_owned(), previous.into());
            }
            Ok(outputs)
        })
    }

    fn undo<'a>(&'a self, job: &'a Job, _: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            put_back(job)?;
            Ok(Noted::of(job, "files").forget()?)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        goes_on("each change leads to the same end again")
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("what was there is put back again")
    }
}

/// Where a step keeps what was there.
pub fn kept(job: &Job) -> PathBuf {
    job.world.folder.join("kept").join(job.notes_name())
}

/// Puts back what a step kept; what it left or put aside is told.
pub fn put_back(job: &Job) -> Result<(), Failure> {
    Keep::of(kept(job))?.put_back()?.iter().for_each(|line| job.say(line));
    Ok(())
}

/// A step under way.
struct Going<'j> {
    job: &'j Job,
    keep: Keep,
    /// The folder that paths begin in.
    base: PathBuf,
    changed: Vec<PathBuf>,
    /// What a link pointed at before.
    previous: Option<String>,
    /// Where each path that was asked for is, in this order; also of an attempt before this one.
    noted: Vec<PathBuf>,
    asked: usize,
}

impl<'j> Going<'j> {
    fn of(job: &'j Job, around: &Surroundings) -> Result<Going<'j>, Failure> {
        let base = job.around(Some(around))?.dir;
        let (keep, noted) =
            (Keep::of(kept(job))?, Noted::of(job, "files").read()?.unwrap_or_default());
        let (changed, previous, asked) = (Vec::new(), None, 0);
        Ok(Going { job, keep, base, changed, previous, noted, asked })
    }

    fn make(&mut self, change: &FileChange) -> Result<(), Failure> {
        match change {
            FileChange::Copy(change) => copy::make(self, change),
            FileChange::Sync(change) => sync::make(self, change),
            FileChange::Template(change) => template::make(self, change),
            FileChange::Link(change) => link::make(self, change),
            FileChange::Remove(change) => {
                for path in change.remove.iter() {
                    let path = self.path(path)?;
                    self.remove(&path)?;
                }
                Ok(())
            }
            FileChange::Unpack(change) => unpack::make(self, change),
            FileChange::Set(change) => settings::make(self, change),
            FileChange::Make(change) => {
                let path = self.path(&change.make)?;
                let rights = self.rights(&change.ownership)?;
                self.folder(&path, rights)
            }
            FileChange::Mode(change) => mode::make(self, change),
        }
    }

    fn fill(&self) -> Filler<'j> {
        self.job.filler()
    }

    /// Where a path of the plan is: links in the folders above it are followed.
    fn path(&mut self, text: &Text) -> Result<PathBuf, Failure> {
        let filled = self.fill().of(text)?;
        let ends_above = |text: &str| text.rsplit('/').next() == Some("..");
        match filled.trim_end_matches('/') {
            above if ends_above(above) => {
                Err(error(format!("`{}` ends with `..`: name the folder itself", text.value)))
            }
            "" => Err(error(format!("`{}` names no path", text.value))),
            filled => self.real(&self.base.join(filled)),
        }
    }

    /// After a crash it is where it was before: a link that this step turned since is not followed again.
    fn real(&mut self, path: &Path) -> Result<PathBuf, Failure> {
        self.asked += 1;
        if let Some(known) = self.noted.get(self.asked - 1) {
            return Ok(known.clone());
        }
        let mut missing = Vec::new();
        let mut at = path.parent().unwrap_or(path);
        let found = loop {
            match (fs::canonicalize(at), at.parent(), at.file_name()) {
                (Ok(found), ..) => break found,
                (Err(_), Some(above), Some(name)) => {
                    missing.push(name);
                    at = above;
                }
                _ => break at.to_owned(),
            }
        };
        let real = found.join(missing.into_iter().rev().collect::<PathBuf>());
        let real = path.file_name().map_or(real.clone(), |name| real.join(name));
        self.noted.push(real.clone());
        Noted::of(self.job, "files").write(&self.noted)?;
        Ok(real)
    }

    fn rights(&self, asked: &Ownership) -> Result<Rights, Failure> {
        let fill = self.fill();
        let mode = match &asked.mode {
            Some(mode) => Some(mode_of(&mode.value)?),
            None => None,
        };
        let (user, group) = match fill.optional(asked.owner.as_ref())? {
            Some(owner) => owner_of(&owner)?,
            None => (None, None),
        };
        Ok(Rights { mode, user, group })
    }

    /// A file that holds this, with what was said of its rights; one that is there keeps its others.
    fn write(&mut self, path: &Path, from: &mut dyn Read, rights: Rights) -> Result<(), Failure> {
        // What a link leads to is changed, and the link stays.
        let path = &match fs::canonicalize(path) {
            Ok(real) => real,
            Err(_) if fs::symlink_metadata(path).is_ok() => {
                return Err(error(format!("{} is a link to nothing", path.display())));
            }
            Err(_) => path.to_owned(),
        };
        if path.is_dir() {
            return Err(error(format!("{} is a folder", path.display())));
        }
        if path.exists() && !path.is_file() {
            return Err(error(format!("{} is no file", path.display())));
        }
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)
            .map_err(|problem| error(format!("{}: {problem}", path.display())))?;
        let found = path.exists().then(|| Meta::of(path)).transpose()?;
        let meta = rights.over(found);
        let is_same = found.is_some() && fs::read(path).is_ok_and(|was| was == bytes);
        if is_same && found.is_some_and(|found| meta.is_like(&found)) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        if !folder.is_dir() {
            let folder = folder.display();
            return Err(error(format!("there is no folder {folder}: `make: {folder}` makes one")));
        }
        self.keep.note([path.clone()])?;
        self.keep.made([(path.clone(), crate::digest::sha256(&bytes))])?;
        keep::write_aside(path, &bytes[..], Some(&meta))?;
        self.changed.push(path.clone());
        Ok(())
    }

    fn folder(&mut self, path: &Path, rights: Rights) -> Result<(), Failure> {
        let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
        let mut missing: Vec<PathBuf> = Vec::new();
        let mut at = Some(path);
        while let Some(one) = at.filter(|one| !one.exists()) {
            missing.push(one.to_owned());
            at = one.parent().filter(|one| *one != Path::new(""));
        }
        if missing.is_empty() {
            if !path.is_dir() {
                return Err(error(format!("{} is there, and no folder", path.display())));
            }
            return self.give(path, rights);
        }
        missing.reverse();
        self.keep.note(missing.iter().cloned())?;
        self.keep.made(missing.iter().map(|path| (path.clone(), "folder".to_owned())))?;
        for one in &missing {
            point(Point::Swap);
            match fs::DirBuilder::new().mode(0o755).create(one) {
                Err(problem) if problem.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(wrong(problem));
                }
                _ => {}
            }
        }
        rights.over(Some(Meta::of(path)?)).give(path)?;
        self.changed.push(path.to_owned());
        Ok(())
    }

    /// Rights and owner of what is there.
    fn give(&mut self, path: &Path, rights: Rights) -> Result<(), Failure> {
        let found = Meta::of(path)?;
        let meta = Meta { changed: None, ..rights.over(Some(found)) };
        if meta.is_like(&found) {
            return Ok(());
        }
        self.keep.note_rights([path.to_owned()])?;
        meta.give(path)?;
        self.changed.push(path.to_owned());
        Ok(())
    }

    fn symlink(&mut self, path: &Path, to: &Path) -> Result<(), Failure> {
        if fs::read_link(path).is_ok_and(|is| is == to) {
            return Ok(());
        }
        let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
        self.keep.note([path.to_owned()])?;
        self.keep.made([(path.to_owned(), format!("link to {}", to.display()))])?;
        let aside = keep::beside(path);
        let _ = fs::remove_file(&aside);
        std::os::unix::fs::symlink(to, &aside).map_err(wrong)?;
        point(Point::Swap);
        fs::rename(&aside, path).map_err(|problem| {
            let _ = fs::remove_file(&aside);
            wrong(problem)
        })?;
        self.changed.push(path.to_owned());
        Ok(())
    }

    /// What is not there needs not be removed.
    fn remove(&mut self, path: &Path) -> Result<(), Failure> {
        if fs::symlink_metadata(path).is_err() {
            return Ok(());
        }
        if path.parent().is_none() || path.file_name().is_none() {
            return Err(error(format!("{} is not removed", path.display())));
        }
        self.keep.note([path.to_owned()])?;
        self.keep.made([(path.to_owned(), keep::GONE.to_owned())])?;
        self.remove_noted(path)
    }

    fn remove_noted(&mut self, path: &Path) -> Result<(), Failure> {
        let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        point(Point::Swap);
        match found.is_dir() {
            true => fs::remove_dir_all(path).map_err(wrong)?,
            false => fs::remove_file(path).map_err(wrong)?,
        }
        self.changed.push(path.to_owned());
        Ok(())
    }
}

/// What a plan says of a file's rights.
#[derive(Debug, Clone, Copy, Default)]
struct Rights {
    mode: Option<u32>,
    user: Option<u32>,
    group: Option<u32>,
}

impl Rights {
    /// What is not said stays as it is, or is what new files get.
    fn over(self, found: Option<Meta>) -> Meta {
        let found = found.unwrap_or_else(Meta::usual);
        Meta {
            mode: self.mode.unwrap_or(found.mode),
            user: self.user.unwrap_or(found.user),
            group: self.group.unwrap_or(found.group),
            changed: None,
        }
    }
}

fn mode_of(text: &str) -> Result<u32, Failure> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| error(format!("`{text}` is no mode such as 0640")))
}

/// `user`, `user:group` or `:group`, by name or number.
fn owner_of(text: &str) -> Result<(Option<u32>, Option<u32>), Failure> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, group),
        None => (text, ""),
    };
    let unknown = |what: &str, name: &str| error(format!("this machine has no {what} {name}"));
    let user = match (user, user.parse()) {
        ("", _) => None,
        (_, Ok(number)) => Some(number),
        (name, _) => {
            let found = User::from_name(name).ok().flatten();
            Some(found.ok_or_else(|| unknown("user", name))?.uid.as_raw())
        }
    };
    let group = match (group, group.parse()) {
        ("", _) => None,
        (_, Ok(number)) => Some(number),
        (name, _) => {
            let found = Group::from_name(name).ok().flatten();
            Some(found.ok_or_else(|| unknown("group", name))?.gid.as_raw())
        }
    };
    Ok((user, group))
}
