//! `packages`: what a lock file names, and nothing else. The folder as it was is copied into the run's
//! folder first, and is the way back. One file per manager.

mod composer;
mod npm;
mod pip;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use plan_model::model::action::packages::{PackageManager, Packages};
use plan_model::model::plan::Surroundings;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::files::kept;
use super::noted::Noted;
use super::{About, Act, Found, Perform, again, goes_on, here_only};
use crate::crash::{Point, point};
use crate::digest;
use crate::event::{Failure, Outputs};
use crate::fill::Filler;
use crate::keep;
use crate::world::{Around, Broken, Job, error};

pub const ABOUT: About = About {
    key: "packages",
    verified: "the manager's own list is held against the lock",
    undone: "the folder as it was",
    after_crash: "installs again over what is there",
    tests: &["tests/system/packages.rs"],
};

impl Perform for Packages {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        let mut lacks = here_only(around);
        let fetches = self.fetch_only.as_ref().and_then(|flag| flag.fixed()) == Some(true);
        if fetches && around.user.is_some() {
            let text = "what is fetched lies in the run's folder, where only its owner may go: leave out `user`";
            lacks.push(text.to_owned());
        }
        lacks
    }

    fn tools(&self, _: &Filler<'_>) -> Vec<String> {
        vec![match self.manager {
            PackageManager::Composer => "composer".to_owned(),
            PackageManager::Npm => "npm".to_owned(),
            PackageManager::Pip => "python3".to_owned(),
        }]
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let site = Site::of(self, job, around).map_err(Failure::untouched)?;
            if job.filler().flag(self.fetch_only.as_ref(), false)? {
                site.fetch().await?;
            } else {
                site.install().await?;
            }
            let mut outputs = Outputs::new();
            outputs.insert("lock".to_owned(), Json::from(site.lock_digest.clone()));
            Ok(outputs)
        })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let noted = Noted::of(job, "packages");
            if let Some(note) = noted.read::<Note>()? {
                let around = Around { user: None, ..job.around(Some(around))? };
                for (number, was) in note.was.iter().enumerate().rev() {
                    back(job, &around, number, was).await?;
                }
                if let Some(fetched) = &note.fetched {
                    remove(fetched)?;
                }
                // From here on nobody looks into what is half removed.
                noted.forget()?;
            }
            point(Point::Swap);
            Ok(remove(&kept(job))?)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        goes_on("what the lock names is installed again over what is there")
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("what was there is put back again")
    }
}

/// What was there before anything was changed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    was: Vec<Was>,
    /// What this step fetched into the run's folder.
    fetched: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Was {
    path: PathBuf,
    was_there: bool,
}

/// What a manager does its own way.
trait Manager {
    /// The lock file, unless the plan names another.
    fn lock(&self) -> &'static str;

    /// The folder of the packages, unless the plan names another.
    fn folder(&self) -> &'static str;

    /// What else it changes beside that folder.
    fn beside(&self, _site: &Site<'_>) -> Vec<PathBuf> {
        Vec::new()
    }

    /// What keeps a lock from being one.
    fn refuses(&self, _lock: &str) -> Option<String> {
        None
    }

    fn fetch<'a>(&'a self, site: &'a Site<'_>, store: &'a Path) -> Act<'a, Result<(), Broken>>;

    /// From `store` without any network, where that is given.
    fn install<'a>(
        &'a self,
        site: &'a Site<'_>,
        store: Option<&'a Path>,
    ) -> Act<'a, Result<(), Broken>>;

    /// What of the lock is not there now.
    fn missing<'a>(&'a self, site: &'a Site<'_>) -> Act<'a, Result<Vec<String>, Broken>>;
}

struct Site<'j> {
    job: &'j Job,
    manager: &'static dyn Manager,
    around: Around,
    lock: PathBuf,
    lock_text: String,
    lock_digest: String,
    /// The folder of the packages.
    into: PathBuf,
    dev: bool,
}

impl<'j> Site<'j> {
    fn of(packages: &Packages, job: &'j Job, around: &Surroundings) -> Result<Site<'j>, Failure> {
        let manager: &'static dyn Manager = match packages.manager {
            PackageManager::Composer => &composer::Composer,
            PackageManager::Npm => &npm::Npm,
            PackageManager::Pip => &pip::Pip,
        };
        let fill = job.filler();
        let mut around = job.around(Some(around))?;
        if let Some(dir) = &packages.dir {
            around.dir = fill.path(&dir.value)?;
        }
        let named = fill.optional(packages.lock.as_ref())?;
        let lock = around.dir.join(named.as_deref().unwrap_or(manager.lock()));
        if lock.exists() && !lock.is_file() {
            return Err(error(format!("{} is no file", lock.display())));
        }
        let lock_text = fs::read_to_string(&lock).map_err(|problem| {
            let path = lock.display();
            error(format!("{path}: {problem}; without its lock nobody knows what is installed"))
        })?;
        if let Some(why) = manager.refuses(&lock_text) {
            return Err(error(format!("{}: {why}", lock.display())));
        }
        let into = fill.optional(packages.into.as_ref())?;
        let into = around.dir.join(into.as_deref().unwrap_or(manager.folder()));
        Ok(Site {
            job,
            manager,
            lock_digest: digest::sha256(&lock_text),
            lock,
            lock_text,
            into,
            dev: fill.flag(packages.dev.as_ref(), false)?,
            around,
        })
    }

    /// Where what was fetched lies: of this very lock, and of this kind of installation.
    fn store(&self) -> PathBuf {
        let kind = format!("{}\n{}\n{}", self.manager.lock(), self.lock_digest, self.dev);
        self.job.world.folder.join("packages").join(&digest::sha256(kind)[..16])
    }

    async fn fetch(&self) -> Result<(), Broken> {
        let store = self.store();
        let marker = store.join("complete");
        if marker.is_file() {
            self.job.say("this run has fetched it already");
            return Ok(());
        }
        let noted = Noted::of(self.job, "packages");
        noted.write(&Note { was: Vec::new(), fetched: Some(store.clone()) })?;
        make(&store)?;
        self.manager.fetch(self, &store).await?;
        Ok(crate::world::write_durable(&marker, b"")?)
    }

    async fn install(&self) -> Result<(), Broken> {
        self.keep().await?;
        let store = self.store();
        let store = store.join("complete").is_file().then_some(store);
        if store.is_some() {
            self.job.say("from what was fetched before, without the network");
        }
        self.manager.install(self, store.as_deref()).await?;
        let missing = self.manager.missing(self).await?;
        if missing.is_empty() {
            let paths = [vec![self.into.clone()], self.manager.beside(self)].concat();
            for (number, path) in paths.iter().enumerate() {
                let list: Vec<_> = listed(path).into_iter().collect();
                // A name that is no UTF-8 is on no list, and is kept aside.
                if let Ok(list) = serde_json::to_vec(&list) {
                    crate::world::write_private(&left(self.job, number), &list)?;
                }
            }
            return Ok(());
        }
        let listed: Vec<_> = missing.iter().take(10).cloned().collect();
        Err(error(format!(
            "{} packages of {} are not there, or are other versions: {}",
            missing.len(),
            self.lock.display(),
            listed.join(", ")
        ))
        .into())
    }

    /// Copies what is there: all of it, or none has a name.
    async fn keep(&self) -> Result<(), Broken> {
        let noted = Noted::of(self.job, "packages");
        if noted.read::<Note>()?.is_some() {
            return Ok(());
        }
        let mut paths = vec![self.into.clone()];
        paths.extend(self.manager.beside(self));
        let folder = kept(self.job);
        remove(&folder)?;
        make(&folder)?;
        let mut note = Note::default();
        for (number, path) in paths.into_iter().enumerate() {
            let found = fs::symlink_metadata(&path).ok();
            if found.as_ref().is_some_and(|found| found.is_symlink()) {
                let text = format!("{} is a link: name what it leads to (`into:`)", path.display());
                return Err(error(text).untouched().into());
            }
            if found.is_some() {
                let to = folder.join(number.to_string());
                copy(self.job, &Around { user: None, ..self.around.clone() }, &path, &to).await?;
            }
            note.was.push(Was { path, was_there: found.is_some() });
        }
        keep::sync_all_of(&folder)?;
        Ok(noted.write(&note)?)
    }

    /// A manager's program in the site's folder.
    async fn run(&self, words: &[&str], env: &[(&str, &str)]) -> Result<String, Broken> {
        let mut around = self.around.clone();
        around
            .env
            .extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        run(self.job, around, words).await
    }
}

async fn run(job: &Job, around: Around, words: &[&str]) -> Result<String, Broken> {
    let timeout = around.timeout;
    let all = words.iter().map(|word| (*word).to_owned()).collect();
    let ran = job.program(all, around, None, true).await?;
    ran.check_tool(timeout).map_err(|mut failure| {
        // `python -m pip install` is pip's.
        let said = words.strip_prefix(&[words[0], "-m"]).unwrap_or(words);
        failure.text = format!("{} {}: {}", said[0], said.get(1).unwrap_or(&""), failure.text);
        failure
    })?;
    Ok(ran.text()?)
}

/// What was there comes back under its name at once; what the step made goes, and what came later is kept.
async fn back(job: &Job, around: &Around, number: usize, was: &Was) -> Result<(), Broken> {
    let kept = kept(job).join(number.to_string());
    let (fresh, old) = (keep::beside(&was.path), keep::beside(&was.path.join("old")));
    let old = was.path.with_file_name(old.file_name().unwrap_or_default());
    remove(&fresh)?;
    if was.was_there {
        copy(job, around, &kept, &fresh).await?;
    }
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", was.path.display()));
    if was.path.exists() {
        set_aside(job, number, was)?;
        remove(&old)?;
        fs::rename(&was.path, &old).map_err(wrong)?;
    }
    point(Point::Swap);
    if was.was_there {
        fs::rename(&fresh, &was.path).map_err(wrong)?;
    }
    point(Point::Swap);
    Ok(remove(&old)?)
}

/// Where it stands which files the step left.
fn left(job: &Job, number: usize) -> PathBuf {
    kept(job).join(format!("{number}.left"))
}

/// Each file with what tells whether somebody changed it; what programs make of packages while they use them
/// is nobody's work.
fn listed(folder: &Path) -> BTreeMap<PathBuf, (u64, i64)> {
    use std::os::unix::fs::MetadataExt;
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(one) = folders.pop() {
        for entry in fs::read_dir(&one).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            let (path, name) = (entry.path(), entry.file_name());
            if found.is_dir() && name != "__pycache__" && name != ".cache" {
                folders.push(path);
            } else if found.is_file() {
                let inside = path.strip_prefix(folder).unwrap_or(&path).to_owned();
                all.insert(inside, (found.len(), found.mtime_nsec() ^ found.mtime()));
            }
        }
    }
    all
}

fn set_aside(job: &Job, number: usize, was: &Was) -> Result<(), Failure> {
    // A step that did not come to its end left no list.
    let Ok(bytes) = fs::read(left(job, number)) else { return Ok(()) };
    let Ok(left) = serde_json::from_slice::<Vec<(PathBuf, (u64, i64))>>(&bytes) else {
        return Ok(());
    };
    let left: BTreeMap<_, _> = left.into_iter().collect();
    let aside = kept(job).with_extension("aside");
    for (inside, is) in listed(&was.path) {
        if left.get(&inside) == Some(&is) {
            continue;
        }
        let (from, to) = (was.path.join(&inside), aside.join(number.to_string()).join(&inside));
        make(to.parent().unwrap_or(&aside))?;
        fs::copy(&from, &to).map_err(|problem| error(format!("{}: {problem}", from.display())))?;
        job.say(&format!("{} came later: it is kept as {}", from.display(), to.display()));
    }
    Ok(())
}

/// With rights, owners, times, links and all else that the system's own tool knows of.
async fn copy(job: &Job, around: &Around, from: &Path, to: &Path) -> Result<(), Broken> {
    let (from, to) = (from.display().to_string(), to.display().to_string());
    let around = Around { env: Vec::new(), ..around.clone() };
    run(job, around, &["cp", "-a", "--reflink=auto", "-T", "--", &from, &to]).await.map(drop)
}

fn make(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|problem| error(format!("{}: {problem}", folder.display())))
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
            Err(error(format!("{}: {problem}", path.display())))
        }
        _ => Ok(()),
    }
}

fn json(path: &Path, text: &str) -> Result<Json, Failure> {
    serde_json::from_str(text).map_err(|problem| error(format!("{}: {problem}", path.display())))
}

fn read_json(path: &Path) -> Result<Json, Failure> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|problem| error(format!("{}: {problem}", path.display())))?;
    json(path, &text)
}
