//! Files: unpacked into a folder beside, held against what was saved, then each path takes its place by
//! two renames.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{Stands, Swap};
use crate::archive;
use crate::crash::{Point, point};
use crate::event::Failure;
use crate::fingerprint;
use crate::world::error;

/// The paths that were named, not those below them.
fn tops<'s>(swap: &Swap<'s>) -> Vec<&'s str> {
    let mut tops: Vec<&str> = Vec::new();
    for name in swap.manifest.paths.keys() {
        let is_below =
            tops.iter().any(|top| name.strip_prefix(top).is_some_and(|rest| rest.starts_with('/')));
        if !is_below {
            tops.push(name);
        }
    }
    tops
}

pub fn new(swap: &Swap<'_>) -> PathBuf {
    swap.base.join(format!(".plan-new-{}", swap.mark))
}

fn before(swap: &Swap<'_>) -> PathBuf {
    swap.base.join(format!(".plan-before-{}", swap.mark))
}

pub fn kept(swap: &Swap<'_>) -> String {
    before(swap).display().to_string()
}

fn inside(name: &str) -> &str {
    let name = name.trim_start_matches('/');
    name.strip_prefix("./").unwrap_or(name)
}

fn live(swap: &Swap<'_>, top: &str) -> PathBuf {
    swap.base.join(if swap.is_elsewhere { inside(top) } else { top })
}

/// Two renames need one file system: seen before anything is touched.
fn can_move(swap: &Swap<'_>) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| {
        path.ancestors().find_map(|path| fs::metadata(path).ok()).map(|meta| meta.dev())
    };
    let here = device(swap.base);
    for top in tops(swap) {
        let live = live(swap, top);
        let parent = live.parent().unwrap_or(Path::new("/"));
        if device(parent) != here {
            return Err(error(format!(
                "{} is on another file system than {}: it cannot be swapped at once; restore it with \
                 `to:` on its own",
                live.display(),
                swap.base.display()
            )));
        }
    }
    Ok(())
}

pub fn stands(swap: &Swap<'_>) -> Result<Stands, Failure> {
    Ok(match (before(swap).exists(), new(swap).exists()) {
        (false, _) => Stands::Before,
        (true, true) => Stands::Between,
        (true, false) => Stands::After,
    })
}

pub fn prepare(swap: &Swap<'_>) -> Result<(), Failure> {
    can_move(swap)?;
    let new = new(swap);
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", new.display()));
    let _ = fs::remove_dir_all(&new);
    private(&new).map_err(wrong)?;
    let from = archive::open(swap.path, swap.manifest).map_err(wrong)?;
    let mut tar = tar::Archive::new(from);
    tar.set_preserve_permissions(true);
    tar.set_preserve_mtime(true);
    tar.set_preserve_ownerships(rustix::process::geteuid().is_root());
    tar.unpack(&new).map_err(wrong)?;
    let mut parts = BTreeMap::new();
    for top in tops(swap) {
        fingerprint::files(&new.join(inside(top)), top, &[], &mut parts)?;
    }
    let is_same = |name: &String| parts.get(name) == swap.manifest.paths.get(name);
    match swap.manifest.paths.keys().find(|name| !is_same(name)) {
        None => Ok(()),
        Some(name) => Err(error(format!("what was restored of {name} is not what was saved"))),
    }
}

/// Begun again after a crash, it goes on: a path that has moved is not there to be moved.
pub fn swap(swap: &Swap<'_>) -> Result<(), Failure> {
    let (new, before) = (new(swap), before(swap));
    let wrong = |path: &Path| {
        let path = path.display().to_string();
        move |problem: std::io::Error| error(format!("{path}: {problem}"))
    };
    // From here on it has begun, also where nothing of it was there before.
    private(&before).map_err(wrong(&before))?;
    for top in tops(swap) {
        let (live, fresh, old) = (live(swap, top), new.join(inside(top)), before.join(inside(top)));
        if fresh.symlink_metadata().is_err() {
            continue;
        }
        if live.symlink_metadata().is_ok() && old.symlink_metadata().is_err() {
            moved(&live, &old)?;
        }
        moved(&fresh, &live)?;
    }
    fs::remove_dir_all(&new).map_err(wrong(&new))
}

pub fn forget(swap: &Swap<'_>) -> Result<(), Failure> {
    let _ = fs::remove_dir_all(new(swap));
    Ok(())
}

pub fn swap_back(swap: &Swap<'_>) -> Result<(), Failure> {
    let (before, away) = (before(swap), swap.base.join(format!(".plan-undone-{}", swap.mark)));
    if !before.exists() {
        return forget(swap);
    }
    for top in tops(swap) {
        let (live, old, gone) = (live(swap, top), before.join(inside(top)), away.join(inside(top)));
        let was_there = old.symlink_metadata().is_ok();
        // What is still prepared never came into its place: there the live one is that of before.
        let has_come = new(swap).join(inside(top)).symlink_metadata().is_err();
        if has_come && live.symlink_metadata().is_ok() && gone.symlink_metadata().is_err() {
            private(&away).map_err(|problem| error(format!("{}: {problem}", away.display())))?;
            moved(&live, &gone)?;
        }
        if was_there {
            moved(&old, &live)?;
        }
    }
    let removed = |path: &Path| match fs::remove_dir_all(path) {
        Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
            Err(error(format!("{}: {problem}", path.display())))
        }
        _ => Ok(()),
    };
    removed(&away)?;
    removed(&before)?;
    forget(swap)
}

/// What was read by few before is read by nobody else here.
fn private(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn moved(from: &Path, to: &Path) -> Result<(), Failure> {
    let folder = to.parent().unwrap_or(Path::new("."));
    point(Point::Swap);
    fs::create_dir_all(folder)
        .and_then(|()| fs::rename(from, to))
        .map_err(|problem| error(format!("{} to {}: {problem}", from.display(), to.display())))
}
