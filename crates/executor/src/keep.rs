//! What was at a path before a step changed it: kept in the run's folder before the change, and put back
//! to the bit. Knows no kinds of change. What somebody else made of a path since is kept aside as well.

pub mod meta;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::crash::{Point, point};
use crate::digest;
use crate::event::Failure;
use crate::world::{error, write_durable};
use meta::Meta;

/// The folder of one step: `was.json`, what it speaks of, and `made.json`.
pub struct Keep {
    folder: PathBuf,
    was: Vec<(PathBuf, Was)>,
    /// Where each path stands in it.
    places: HashMap<PathBuf, usize>,
    /// What the step left at a path: whoever finds something else there was not alone.
    made: BTreeMap<PathBuf, String>,
    /// Where the folder above each path really was.
    reals: HashMap<PathBuf, PathBuf>,
    /// What was kept of others' work, for the step's log.
    pub told: Vec<String>,
}

/// One path in `was.json`; versions before this one did not say where it really was.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Now(PathBuf, Was, Option<PathBuf>),
    Before(PathBuf, Was),
}

/// So many files are synced one by one, at most.
const MANY: usize = 16;

/// What was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Was {
    Missing,
    /// Only who may do what with it is about to change.
    Rights(Meta),
    Link {
        to: PathBuf,
        meta: Meta,
    },
    /// Its bytes lie beside, under this number.
    File {
        number: usize,
        meta: Meta,
    },
    Folder {
        meta: Meta,
        entries: BTreeMap<PathBuf, Was>,
    },
}

fn about(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |problem| error(format!("{path}: {problem}"))
}

impl Keep {
    /// Of a step: what an earlier attempt has kept is what was there first.
    pub fn of(folder: PathBuf) -> Result<Keep, Failure> {
        let read = |name: &str| match fs::read(folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(about(&folder.join(name))(problem)),
        };
        let odd = |problem: serde_json::Error| {
            error(format!("what {} holds cannot be read: {problem}", folder.display()))
        };
        let was = read("was.json")?.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        let made = read("made.json")?.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        let (was, made) =
            (was.map_err(odd)?.unwrap_or_default(), made.map_err(odd)?.unwrap_or_default());
        let lines: Vec<Line> = was;
        let mut reals = HashMap::new();
        let was = lines.into_iter().map(|line| match line {
            Line::Before(path, was) => (path, was),
            Line::Now(path, was, real) => {
                reals.extend(real.map(|real| (path.clone(), real)));
                (path, was)
            }
        });
        let was: Vec<(PathBuf, Was)> = was.collect();
        let places = was.iter().enumerate().map(|(at, (path, _))| (path.clone(), at)).collect();
        Ok(Keep { folder, was, places, made, reals, told: Vec::new() })
    }

    /// What the step was to put into a folder is there.
    pub fn has_all_of(&self, folder: &Path) -> bool {
        let mut inside =
            self.made.keys().filter(|made| made.starts_with(folder) && *made != folder).peekable();
        inside.peek().is_some() && inside.all(|made| fs::symlink_metadata(made).is_ok())
    }

    /// Where a link led before the step.
    pub fn led_to(&self, link: &Path) -> Option<PathBuf> {
        self.was.iter().find_map(|(path, was)| match was {
            Was::Link { to, .. } if path == link => Some(to.clone()),
            _ => None,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.was.is_empty()
    }

    /// All that a path is is kept already, by itself or with a folder that holds it.
    fn knows(&self, path: &Path) -> bool {
        path.ancestors().any(|one| match self.places.get(one) {
            Some(at) if one == path => !matches!(self.was[*at].1, Was::Rights(_)),
            Some(at) => matches!(self.was[*at].1, Was::Folder { .. } | Was::Missing),
            None => false,
        })
    }

    /// Before they are changed; what is kept of them already stays as it is.
    pub fn note(&mut self, paths: impl IntoIterator<Item = PathBuf>) -> Result<(), Failure> {
        let first: usize = self.was.iter().map(|(_, was)| was.files()).sum();
        let mut number = first;
        let mut is_new = false;
        for path in paths {
            if self.knows(&path) {
                self.rescue(&path)?;
                continue;
            }
            self.begin()?;
            is_own(&path)?;
            let mut was = self.keep(&path, &mut number)?;
            // Where rights were changed before, in it too, those of then are the ones that come back.
            let may_hold = matches!(was, Was::Folder { .. }) || self.places.contains_key(&path);
            for (changed, then) in self.was.iter().filter(|_| may_hold) {
                if let (Was::Rights(then), Ok(inside)) = (then, changed.strip_prefix(&path))
                    && let Some(meta) = was.at(inside).and_then(Was::meta)
                {
                    *meta = Meta { changed: meta.changed, ..*then };
                }
            }
            // Behind them: it comes back first, and they find what they are about.
            self.add(path, was);
            is_new = true;
        }
        if is_new {
            self.sync(first..number)?;
            self.write_was()?;
        }
        Ok(())
    }

    /// The same, where only rights and owner will change.
    pub fn note_rights(&mut self, paths: impl IntoIterator<Item = PathBuf>) -> Result<(), Failure> {
        let mut is_new = false;
        for path in paths {
            if self.knows(&path) || self.places.contains_key(&path) {
                continue;
            }
            self.begin()?;
            is_own(&path)?;
            let meta = Meta { changed: None, ..Meta::of(&path)? };
            self.add(path, Was::Rights(meta));
            is_new = true;
        }
        if is_new { self.write_was() } else { Ok(()) }
    }

    /// Of a step that is tried again: what is neither what was there nor what it made of that is somebody's
    /// work, and kept before it is changed once more.
    fn rescue(&mut self, path: &Path) -> Result<(), Failure> {
        let is_file = fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
        let is_others = self.made.get(path).is_some_and(|made| made == ANYTHING);
        if !is_file || is_others || self.is_what_was_made(path)? || self.is_as_it_was(path)? {
            return Ok(());
        }
        let to = self.place_aside(path)?;
        copy_private(path, &to)?;
        self.told.push(format!(
            "{} was changed since: that is kept as {}",
            path.display(),
            to.display()
        ));
        Ok(())
    }

    fn is_as_it_was(&self, path: &Path) -> Result<bool, Failure> {
        let mut known = path.ancestors().filter_map(|one| Some((one, *self.places.get(one)?)));
        let is_whole = |at: usize| !matches!(self.was[at].1, Was::Rights(_));
        let Some((above, at)) = known.find(|(_, at)| is_whole(*at)) else { return Ok(true) };
        let inside = path.strip_prefix(above).unwrap_or(Path::new(""));
        match self.was[at].1.clone().at(inside) {
            Some(Was::File { number, .. }) => same(path, &self.folder.join(number.to_string())),
            Some(Was::Rights(_)) => Ok(true),
            _ => Ok(false),
        }
    }

    /// A free name in the folder for what somebody else made.
    fn place_aside(&self, path: &Path) -> Result<PathBuf, Failure> {
        let folder = self.folder.join("aside");
        let ready = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        ready.map_err(about(&folder))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name: String = name.chars().take(60).collect();
        let free = (1..).map(|number| folder.join(format!("{number}-{name}")));
        let free = free.into_iter().find(|to| fs::symlink_metadata(to).is_err());
        Ok(free.unwrap_or_else(|| folder.join(name)))
    }

    fn add(&mut self, path: PathBuf, was: Was) {
        let real = path.parent().and_then(|parent| fs::canonicalize(parent).ok());
        self.reals.extend(real.map(|real| (path.clone(), real)));
        self.places.insert(path.clone(), self.was.len());
        self.was.push((path, was));
    }

    fn begin(&self) -> Result<(), Failure> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(about(&self.folder))
    }

    fn write_was(&self) -> Result<(), Failure> {
        let lines = self.was.iter().map(|(path, was)| (path, was, self.reals.get(path)));
        self.write("was.json", &lines.collect::<Vec<_>>())
    }

    /// Few files one by one; many by one sync of all that is not written yet.
    fn sync(&self, numbers: std::ops::Range<usize>) -> Result<(), Failure> {
        if numbers.len() > MANY {
            return sync_all_of(&self.folder);
        }
        for number in numbers {
            let path = self.folder.join(number.to_string());
            fs::File::open(&path).and_then(|file| file.sync_all()).map_err(about(&path))?;
        }
        Ok(())
    }

    fn keep(&self, path: &Path, number: &mut usize) -> Result<Was, Failure> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(problem) if is_nothing(&problem) => return Ok(Was::Missing),
            Err(problem) => return Err(about(path)(problem)),
        };
        let meta = Meta::of(path)?;
        if found.is_symlink() {
            return Ok(Was::Link { to: fs::read_link(path).map_err(about(path))?, meta });
        }
        if found.is_dir() {
            let mut entries = BTreeMap::new();
            for entry in fs::read_dir(path).map_err(about(path))? {
                let entry = entry.map_err(about(path))?;
                entries.insert(entry.file_name().into(), self.keep(&entry.path(), number)?);
            }
            return Ok(Was::Folder { meta, entries });
        }
        if !found.is_file() {
            return Err(error(format!("{} is no file, no folder and no link", path.display())));
        }
        let own = *number;
        *number += 1;
        let to = self.folder.join(own.to_string());
        let mut options = fs::OpenOptions::new();
        let copied = (|| {
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&to)?;
            std::io::copy(&mut fs::File::open(path)?, &mut file)
        })();
        copied.map_err(|problem| {
            error(format!("{} cannot be kept in {}: {problem}", path.display(), to.display()))
        })?;
        Ok(Was::File { number: own, meta })
    }

    /// What was made of paths: before they appear, where that can be said.
    pub fn made(
        &mut self,
        paths: impl IntoIterator<Item = (PathBuf, String)>,
    ) -> Result<(), Failure> {
        let before = self.made.len();
        let mut is_other = false;
        for (path, what) in paths {
            is_other |= self.made.insert(path, what.clone()).is_some_and(|was| was != what);
        }
        if self.made.len() == before && !is_other {
            return Ok(());
        }
        self.begin()?;
        self.write("made.json", &self.made)
    }

    fn write(&self, name: &str, what: &impl Serialize) -> Result<(), Failure> {
        // A path that is no UTF-8 is the one thing that cannot be written.
        let bytes = serde_json::to_vec(what).map_err(|_| {
            error("a name among these files is no UTF-8, and cannot be kept: rename it first")
        })?;
        point(Point::Swap);
        write_durable(&self.folder.join(name), &bytes)
    }

    /// Puts back what was there, the last one first, and forgets it. Says what it left, or kept aside.
    pub fn put_back(mut self) -> Result<Vec<String>, Failure> {
        let mut told = Vec::new();
        // What a kill left half written.
        for path in self.was.iter().map(|(path, _)| path).chain(self.made.keys()) {
            let aside = beside(path);
            if fs::symlink_metadata(&aside).is_ok_and(|found| found.is_dir()) {
                fs::remove_dir_all(&aside).map_err(about(&aside))?;
            } else {
                let _ = fs::remove_file(&aside);
            }
        }
        while let Some((path, was)) = self.was.last().cloned() {
            self.is_where_it_was(&path)?;
            self.put(&path, &was, &mut told)?;
            point(Point::Swap);
            self.was.pop();
        }
        self.forget()?;
        Ok(told)
    }

    /// A file is as the step left it.
    pub fn is_what_was_made(&self, path: &Path) -> Result<bool, Failure> {
        let made = self.made.get(path);
        Ok(made.is_some() && what(path)?.as_ref() == made)
    }

    /// Nobody will come back to it: first what names the rest.
    pub fn forget(&self) -> Result<(), Failure> {
        point(Point::Swap);
        for name in ["was.json", "made.json"] {
            match fs::remove_file(self.folder.join(name)) {
                Err(problem) if !is_nothing(&problem) => {
                    return Err(about(&self.folder.join(name))(problem));
                }
                _ => {}
            }
            point(Point::Swap);
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name() != "aside" {
                let _ = fs::remove_file(entry.path());
            }
        }
        // What was put aside stays in it.
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }

    /// A folder above it that became a link since would lead to somebody else's.
    fn is_where_it_was(&self, path: &Path) -> Result<(), Failure> {
        let now = path.parent().and_then(|parent| fs::canonicalize(parent).ok());
        match (self.reals.get(path), now) {
            (Some(then), Some(now)) if *then != now => Err(error(format!(
                "{} was in {} and is in {} by now: somebody changed that since; make it what it was, then go on",
                path.display(),
                then.display(),
                now.display()
            ))),
            _ => Ok(()),
        }
    }

    fn put(&self, path: &Path, was: &Was, told: &mut Vec<String>) -> Result<(), Failure> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => Some(found),
            Err(problem) if is_nothing(&problem) => None,
            Err(problem) => return Err(about(path)(problem)),
        };
        match was {
            Was::Missing => match found {
                None => Ok(()),
                Some(found) if found.is_dir() && self.is_ours(path) => self.take_away(path, told),
                Some(_) if self.is_ours(path) => {
                    self.set_aside(path, told)?;
                    remove(path)
                }
                // The step never came to it.
                Some(_) => Ok(()),
            },
            Was::Rights(meta) => match found {
                None => {
                    told.push(format!("{} is not there any more", path.display()));
                    Ok(())
                }
                Some(_) => meta.give(path),
            },
            Was::Link { to, meta } => {
                if fs::read_link(path).is_ok_and(|is| is == *to) {
                    return meta.give(path);
                }
                self.set_aside(path, told)?;
                let aside = beside(path);
                let _ = fs::remove_file(&aside);
                let linked =
                    std::os::unix::fs::symlink(to, &aside).and_then(|()| fs::rename(&aside, path));
                linked.map_err(about(path))?;
                meta.give(path)
            }
            Was::File { number, meta } => {
                let kept = self.folder.join(number.to_string());
                if found.as_ref().is_some_and(|found| found.is_file()) && same(path, &kept)? {
                    return meta.give(path);
                }
                self.set_aside(path, told)?;
                let from = fs::File::open(&kept).map_err(about(&kept))?;
                write_aside(path, from, Some(meta))
            }
            Was::Folder { meta, entries } => {
                if found.as_ref().is_some_and(|found| !found.is_dir()) {
                    self.set_aside(path, told)?;
                }
                if found.is_none_or(|found| !found.is_dir()) {
                    let _ = fs::remove_file(path);
                    fs::DirBuilder::new().mode(0o700).create(path).map_err(about(path))?;
                }
                self.clear(path, entries, told)?;
                for (name, was) in entries {
                    self.put(&path.join(name), was, told)?;
                }
                meta.give(path)
            }
        }
    }

    /// What the step put into a folder that was there, where nothing was.
    fn clear(
        &self,
        path: &Path,
        entries: &BTreeMap<PathBuf, Was>,
        told: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let mut later = 0;
        for entry in fs::read_dir(path).map_err(about(path))? {
            let entry = entry.map_err(about(path))?;
            if entries.contains_key(Path::new(&entry.file_name())) {
                continue;
            }
            let inside = entry.path();
            if !self.made.contains_key(&inside) {
                later += 1;
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.take_away(&inside, told)?;
            } else {
                self.set_aside(&inside, told)?;
                remove(&inside)?;
            }
        }
        if later > 0 && self.made_of(path).is_some() {
            told.push(format!("in {} {later} stay that came later", path.display()));
        }
        Ok(())
    }

    /// The step made it, or a folder above it.
    fn is_ours(&self, path: &Path) -> bool {
        path.ancestors().any(|one| self.made.contains_key(one))
    }

    /// What the step left at a path; of what is in a folder that it removed: nothing.
    fn made_of(&self, path: &Path) -> Option<&str> {
        if let Some(made) = self.made.get(path) {
            return Some(made);
        }
        let above = path.ancestors().skip(1).find_map(|one| self.made.get(one));
        above.map(String::as_str).filter(|made| *made == GONE)
    }

    /// A folder that was not there: all of it goes that the step put into it, and nothing else.
    fn take_away(&self, path: &Path, told: &mut Vec<String>) -> Result<(), Failure> {
        let inside: Vec<&PathBuf> =
            self.made.keys().filter(|made| made.starts_with(path) && *made != path).collect();
        // What lies deeper comes later.
        for made in inside.into_iter().rev() {
            let Ok(found) = fs::symlink_metadata(made) else { continue };
            if found.is_dir() {
                let _ = fs::remove_dir(made);
            } else {
                self.set_aside(made, told)?;
                remove(made)?;
            }
        }
        match fs::remove_dir(path) {
            Ok(()) => Ok(()),
            Err(problem) if problem.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
                let left = fs::read_dir(path).map_or(0, Iterator::count);
                told.push(format!(
                    "{} stays: {left} in it came later, and are not this step's",
                    path.display()
                ));
                Ok(())
            }
            Err(problem) => Err(about(path)(problem)),
        }
    }

    /// What is neither what was there nor what the step made of it is somebody's work: it goes into the
    /// run's folder, whatever it is.
    fn set_aside(&self, path: &Path, told: &mut Vec<String>) -> Result<(), Failure> {
        let Some(made) = self.made_of(path) else { return Ok(()) };
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        if made == ANYTHING || what(path)?.is_some_and(|is| is == *made) {
            return Ok(());
        }
        let to = self.place_aside(path)?;
        if fs::rename(path, &to).is_err() {
            if !found.is_file() {
                return Err(error(format!(
                    "{} was changed since, and something else is there now: move it away, then go on",
                    path.display()
                )));
            }
            copy_private(path, &to)?;
        }
        told.push(format!(
            "{} was changed since: that is kept as {}",
            path.display(),
            to.display()
        ));
        Ok(())
    }
}

fn copy_private(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    let copied = (|| {
        let mut file = options.write(true).create_new(true).mode(0o600).open(to)?;
        std::io::copy(&mut fs::File::open(from)?, &mut file)?;
        file.sync_all()
    })();
    copied.map_err(about(to))
}

/// Of a path that another program writes for the step.
pub const ANYTHING: &str = "anything";

/// What a removed path is.
pub const GONE: &str = "gone";

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(problem) if !is_nothing(&problem) => Err(about(path)(problem)),
        _ => Ok(()),
    }
}

/// What belongs to somebody else could be taken from them, and not be given back.
fn is_own(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid();
    match fs::symlink_metadata(path) {
        Ok(found) if !own.is_root() && found.uid() != own.as_raw() => Err(error(format!(
            "{} belongs to another user ({}), and could not be given back: run this as root, or as that user",
            path.display(),
            found.uid()
        ))),
        _ => Ok(()),
    }
}

impl Was {
    /// What was at a path inside of it.
    fn at(&mut self, inside: &Path) -> Option<&mut Was> {
        let mut was = self;
        for name in inside.components() {
            let Was::Folder { entries, .. } = was else { return None };
            was = entries.get_mut(Path::new(&name))?;
        }
        Some(was)
    }

    fn meta(&mut self) -> Option<&mut Meta> {
        match self {
            Was::Missing => None,
            Was::Rights(meta)
            | Was::Link { meta, .. }
            | Was::File { meta, .. }
            | Was::Folder { meta, .. } => Some(meta),
        }
    }

    fn files(&self) -> usize {
        match self {
            Was::File { .. } => 1,
            Was::Folder { entries, .. } => entries.values().map(Was::files).sum(),
            _ => 0,
        }
    }
}

/// What a file or a link is, in one word; nothing for a folder.
pub fn what(path: &Path) -> Result<Option<String>, Failure> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(None) };
    if found.is_symlink() {
        let to = fs::read_link(path).map_err(about(path))?;
        return Ok(Some(format!("link to {}", to.display())));
    }
    match found.is_file() {
        true => Ok(Some(digest::of_file(path).map_err(about(path))?.0)),
        false => Ok(None),
    }
}

fn is_nothing(problem: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(problem.kind(), NotFound | NotADirectory)
}

fn same(one: &Path, other: &Path) -> Result<bool, Failure> {
    let size = |path: &Path| fs::metadata(path).map(|found| found.len()).map_err(about(path));
    Ok(size(one)? == size(other)? && what(one)? == what(other)?)
}

/// Where something is written before it takes its place: a name of its own, however long that one is.
pub fn beside(path: &Path) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let name = path.file_name().unwrap_or_default();
    let mark = digest::sha256(name.as_bytes());
    path.with_file_name(format!(".plan-new-{}", &mark[..12]))
}

/// That a path has its name now is there after a power cut as well.
pub fn sync_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let synced = fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|one| one.sync_all());
    synced.map_err(about(path))
}

/// All that was written to the file system of a folder is there after a power cut.
pub fn sync_all_of(folder: &Path) -> Result<(), Failure> {
    let synced = fs::File::open(folder).and_then(|open| Ok(rustix::fs::syncfs(open)?));
    synced.map_err(about(folder))
}

/// Written beside, synced, given its rights, and then in its place at once.
pub fn write_aside(
    path: &Path,
    mut from: impl std::io::Read,
    meta: Option<&Meta>,
) -> Result<(), Failure> {
    let aside = beside(path);
    let _ = fs::remove_file(&aside);
    let mut options = fs::OpenOptions::new();
    let written = (|| {
        let mut file = options.write(true).create_new(true).mode(0o600).open(&aside)?;
        std::io::copy(&mut from, &mut file)?;
        file.flush()?;
        file.sync_all()
    })();
    let placed = written.map_err(about(path)).and_then(|()| {
        meta.map_or(Ok(()), |meta| meta.give(&aside))?;
        point(Point::Swap);
        fs::rename(&aside, path).map_err(about(path))?;
        sync_folder(path)
    });
    if placed.is_err() {
        let _ = fs::remove_file(&aside);
    }
    placed
}
