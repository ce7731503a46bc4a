//! An archive becomes a folder: beside its place first, and only if all of it may be there. Whoever
//! packed it is not trusted.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use plan_model::model::action::files::UnpackArchive;
use tar::EntryType;

use super::Going;
use crate::crash::{Point, point};
use crate::event::Failure;
use crate::keep::meta::Meta;
use crate::keep::{beside, what};
use crate::world::error;

/// Unless the plan says otherwise.
const MOST_BYTES: u64 = 10 << 30;
const MOST_ENTRIES: usize = 500_000;

pub fn make(going: &mut Going<'_>, change: &UnpackArchive) -> Result<(), Failure> {
    let (from, to) = (going.path(&change.unpack)?, going.path(&change.to)?);
    let fill = going.fill();
    let most = change.max_size.as_ref().map(|size| fill.size(size)).transpose()?;
    let strip = change.strip.as_ref().map(|strip| fill.count(strip)).transpose()?;
    // Its name comes when all of it is there: what was noted before that may not have come.
    if going.keep.has_all_of(&to) {
        return Ok(());
    }
    let is_empty = || fs::read_dir(&to).is_ok_and(|mut entries| entries.next().is_none());
    if fs::symlink_metadata(&to).is_ok() && !is_empty() {
        return Err(error(format!("{} is there already: it becomes a new folder", to.display())));
    }
    if let Some(parent) = to.parent() {
        going.folder(parent, Default::default())?;
    }
    going.keep.note([to.clone()])?;
    let stage = beside(&to);
    let _ = fs::remove_dir_all(&stage);
    let unpacked = unpack(&from, &stage, strip.unwrap_or_default(), most.unwrap_or(MOST_BYTES));
    let placed = unpacked.and_then(|()| {
        let mut made = Vec::new();
        listed(&stage, &to, &mut made)?;
        going.keep.made(made)?;
        point(Point::Swap);
        if to.is_dir() {
            Meta { changed: None, ..Meta::of(&to)? }.give(&stage)?;
        }
        let _ = fs::remove_dir(&to);
        fs::rename(&stage, &to).map_err(|problem| error(format!("{}: {problem}", to.display())))
    });
    if placed.is_err() {
        let _ = fs::remove_dir_all(&stage);
    }
    placed.map_err(|failure| error(format!("{}: {}", from.display(), failure.text)))?;
    going.changed.push(to);
    Ok(())
}

/// So much may stand before an entry.
const HEAD: u64 = 1 << 20;

/// A reader that gives no more than it may.
struct Heads<R> {
    from: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Heads<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other("an entry has a name or remarks without end"));
        }
        let most = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.from.read(&mut into[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}

/// What was made, as it will be called.
fn listed(stage: &Path, to: &Path, made: &mut Vec<(PathBuf, String)>) -> Result<(), Failure> {
    made.push((to.to_owned(), what(stage)?.unwrap_or_else(|| "folder".to_owned())));
    if fs::symlink_metadata(stage).is_ok_and(|found| found.is_dir()) {
        for entry in fs::read_dir(stage).into_iter().flatten().flatten() {
            listed(&entry.path(), &to.join(entry.file_name()), made)?;
        }
    }
    Ok(())
}

fn unpack(from: &Path, stage: &Path, strip: u64, most: u64) -> Result<(), Failure> {
    let plain = |problem: io::Error| error(problem.to_string());
    if from.exists() && !from.is_file() {
        return Err(error("it is no file"));
    }
    let mut file = BufReader::new(File::open(from).map_err(plain)?);
    let head = io::BufRead::fill_buf(&mut file).map_err(plain)?.to_owned();
    fs::DirBuilder::new().mode(0o755).create(stage).map_err(plain)?;
    let mut into = Into {
        stage,
        strip,
        left: most,
        most,
        entries: 0,
        folders: BTreeSet::new(),
        links: Vec::new(),
    };
    match &head[..] {
        [b'P', b'K', 3 | 5, ..] => {
            let mut zip =
                zip::ZipArchive::new(file).map_err(|problem| error(problem.to_string()))?;
            into.zip(&mut zip)?;
        }
        [0x1f, 0x8b, ..] => into.tar(MultiGzDecoder::new(file))?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => into.tar(zstd::Decoder::new(file).map_err(plain)?)?,
        _ => into.tar(file)?,
    }
    into.end()
}

/// The folder that fills.
struct Into<'s> {
    stage: &'s Path,
    strip: u64,
    left: u64,
    most: u64,
    entries: usize,
    folders: BTreeSet<PathBuf>,
    /// Links come last: nothing is written through them.
    links: Vec<(PathBuf, PathBuf)>,
}

impl Into<'_> {
    fn tar(&mut self, from: impl Read) -> Result<(), Failure> {
        let odd = |problem: io::Error| error(format!("it cannot be read: {problem}"));
        let left = Rc::new(Cell::new(HEAD));
        let mut archive = tar::Archive::new(Heads { from, left: left.clone() });
        let mut entries = archive.entries().map_err(odd)?;
        loop {
            // Names and remarks are read into memory, whatever length they say they have.
            left.set(HEAD);
            let Some(entry) = entries.next() else { return Ok(()) };
            left.set(u64::MAX);
            let mut entry = entry.map_err(odd)?;
            let name = entry.path().map_err(odd)?.into_owned();
            let Some(path) = self.enter(&name)? else {
                // What is dropped is read as well: it is no head of the next one.
                self.count(&mut entry, &mut io::sink()).map_err(odd)??;
                continue;
            };
            let mode = entry.header().mode().unwrap_or(0o644);
            match entry.header().entry_type() {
                EntryType::Directory => self.folder(&path)?,
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                    self.file(&path, mode, &mut entry)?;
                }
                EntryType::Symlink => {
                    let to = entry.link_name().map_err(odd)?.unwrap_or_default().into_owned();
                    self.link(path, to, &name)?;
                }
                EntryType::Link => {
                    let to = entry.link_name().map_err(odd)?.unwrap_or_default().into_owned();
                    let Some(other) = self.inside(&to)? else { continue };
                    self.parent(&path)?;
                    // A copy: what is changed later is changed alone.
                    let mut other = File::open(self.stage.join(&other)).map_err(|_| {
                        error(format!(
                            "{} is a second name of {}, which is not in it",
                            name.display(),
                            to.display()
                        ))
                    })?;
                    self.file(&path, mode, &mut other)?;
                }
                EntryType::XGlobalHeader => {}
                _ => return Err(odd_kind(&name)),
            }
        }
    }

    fn zip(&mut self, archive: &mut zip::ZipArchive<BufReader<File>>) -> Result<(), Failure> {
        for at in 0..archive.len() {
            let mut entry = archive
                .by_index(at)
                .map_err(|problem| error(format!("it cannot be read: {problem}")))?;
            let name = entry.name().map_err(|problem| error(problem.to_string()))?;
            let name = PathBuf::from(name.into_owned());
            let Some(path) = self.enter(&name)? else { continue };
            let mode = entry.unix_mode().unwrap_or(0o644);
            match mode & 0o170_000 {
                _ if entry.is_dir() => self.folder(&path)?,
                0o120_000 => {
                    let mut to = String::new();
                    (&mut entry)
                        .take(4_096)
                        .read_to_string(&mut to)
                        .map_err(|_| odd_kind(&name))?;
                    self.link(path, to.into(), &name)?;
                }
                0 | 0o100_000 => self.file(&path, mode, &mut entry)?,
                _ => return Err(odd_kind(&name)),
            }
        }
        Ok(())
    }

    /// Where an entry goes; nothing where its name is a leading folder that is dropped.
    fn enter(&mut self, name: &Path) -> Result<Option<PathBuf>, Failure> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Err(error(format!("it has more than {MOST_ENTRIES} entries")));
        }
        self.inside(name)
    }

    fn inside(&self, name: &Path) -> Result<Option<PathBuf>, Failure> {
        let mut path = PathBuf::new();
        let mut dropped = 0;
        for part in name.components() {
            match part {
                Component::CurDir => {}
                Component::Normal(_) if dropped < self.strip => dropped += 1,
                Component::Normal(part) => path.push(part),
                _ => return Err(error(format!("`{}` leaves the folder", shown(name)))),
            }
        }
        if self.links.iter().any(|(link, _)| path.starts_with(link)) {
            return Err(error(format!("`{}` is behind a link, or twice in it", shown(name))));
        }
        Ok(Some(path).filter(|path| path.as_os_str() != ""))
    }

    fn folder(&mut self, path: &Path) -> Result<(), Failure> {
        let mut at = PathBuf::new();
        for part in path {
            at.push(part);
            if self.folders.contains(&at) {
                continue;
            }
            let made = fs::DirBuilder::new().mode(0o755).create(self.stage.join(&at));
            made.map_err(|problem| error(format!("{}: {problem}", shown(&at))))?;
            self.folders.insert(at.clone());
        }
        Ok(())
    }

    fn parent(&mut self, path: &Path) -> Result<(), Failure> {
        self.folder(path.parent().unwrap_or(Path::new("")))
    }

    fn file(&mut self, path: &Path, mode: u32, from: &mut dyn Read) -> Result<(), Failure> {
        self.parent(path)?;
        let odd = |problem: io::Error| error(format!("{}: {problem}", shown(path)));
        let to = self.stage.join(path);
        // The same name again is the newer one, as tar itself has it.
        let _ = fs::remove_file(&to);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).map_err(odd)?;
        self.count(from, &mut file).map_err(odd)??;
        // Neither special bits nor a file that its owner cannot read.
        file.set_permissions(fs::Permissions::from_mode(mode & 0o755 | 0o600)).map_err(odd)?;
        Ok(())
    }

    /// Bytes that come out of the archive: no more than there may be.
    fn count(
        &mut self,
        from: &mut dyn Read,
        to: &mut dyn io::Write,
    ) -> io::Result<Result<(), Failure>> {
        let written = io::copy(&mut from.take(self.left + 1), to)?;
        if written > self.left {
            let most = self.most;
            return Ok(Err(error(format!("unpacked it has more than {most} bytes (`max_size`)"))));
        }
        self.left -= written;
        Ok(Ok(()))
    }

    fn link(&mut self, path: PathBuf, to: PathBuf, name: &Path) -> Result<(), Failure> {
        let leaves = || {
            error(format!("`{}` is a link to {}, which leaves the folder", shown(name), shown(&to)))
        };
        let depth = path.components().count() - 1;
        let mut up = 0;
        let mut is_down = false;
        for part in to.components() {
            match part {
                Component::CurDir => {}
                Component::Normal(_) => is_down = true,
                Component::ParentDir if !is_down && up < depth => up += 1,
                _ => return Err(leaves()),
            }
        }
        self.parent(&path)?;
        let there = fs::symlink_metadata(self.stage.join(&path));
        if there.is_ok_and(|there| there.is_dir()) {
            return Err(error(format!("`{}` is a folder and a link", shown(name))));
        }
        let _ = fs::remove_file(self.stage.join(&path));
        self.links.push((path, to));
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        let odd = |problem: io::Error| error(problem.to_string());
        for (path, to) in &self.links {
            symlink(to, self.stage.join(path)).map_err(odd)?;
        }
        let is_empty = fs::read_dir(self.stage).is_ok_and(|mut entries| entries.next().is_none());
        if is_empty {
            return Err(error(
                "nothing of it is left: does it hold so many leading folders (`strip`)?",
            ));
        }
        // All of it is on the disk before it has its name.
        rustix::fs::syncfs(File::open(self.stage).map_err(odd)?)
            .map_err(|problem| odd(problem.into()))
    }
}

fn odd_kind(name: &Path) -> Failure {
    error(format!("`{}` is no file, no folder and no link", shown(name)))
}

fn shown(path: &Path) -> String {
    path.display().to_string().chars().take(200).flat_map(char::escape_debug).collect()
}
