//! One folder like another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use plan_model::model::action::files::SyncFolder;

use super::{Going, Rights};
use crate::digest;
use crate::event::Failure;
use crate::keep::{self, meta::Meta};
use crate::world::error;

pub fn make(going: &mut Going<'_>, change: &SyncFolder) -> Result<(), Failure> {
    let (from, to) = (going.path(&change.sync)?, going.path(&change.to)?);
    if !from.is_dir() {
        return Err(error(format!("there is no folder {}", from.display())));
    }
    let inside = |one: &Path, other: &Path| {
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        real(one).starts_with(real(other))
    };
    if inside(&from, &to) || inside(&to, &from) {
        let (from, to) = (from.display(), to.display());
        return Err(error(format!("{from} and {to} lie one within the other")));
    }
    let except = change.except.iter().flatten();
    let except = except.map(|text| going.fill().of(text)).collect::<Result<Vec<_>, _>>()?;
    let except = globs(&except)?;
    let rights = going.rights(&change.ownership)?;
    let (wanted, _) = listed(&from, &except)?;
    going.folder(&to, Rights::default())?;
    let (there, holding) = listed(&to, &except)?;
    let delete = going.fill().flag(change.delete.as_ref(), false)?;
    let is_odd = |name: &&PathBuf| match wanted.get(*name) {
        None => delete,
        Some(kind) => there.get(*name) != Some(kind),
    };
    let odd = there.keys().filter(is_odd);
    // A folder that holds what is left alone is left as well.
    let odd: Vec<&PathBuf> = odd.filter(|name| !holding.contains(*name)).collect();
    if let Some(stays) =
        holding.iter().find(|name| wanted.get(*name).is_some_and(|kind| *kind != Kind::Folder))
    {
        return Err(error(format!(
            "{} is a folder that holds what `except` names, and becomes something else",
            to.join(stays).display()
        )));
    }
    let odd: Vec<PathBuf> = odd.into_iter().map(|name| to.join(name)).collect();
    let new = wanted.iter().filter(|(name, kind)| {
        there.get(*name) != Some(*kind) || differs(&from.join(name), &to.join(name), **kind)
    });
    let new: Vec<(PathBuf, String)> = new
        .map(|(name, kind)| Ok((to.join(name), made_of(&from.join(name), *kind)?)))
        .collect::<Result<_, Failure>>()?;
    // All of them at once: each note is on the disk before anything else happens.
    going.keep.note(odd.iter().chain(new.iter().map(|(path, _)| path)).cloned())?;
    going.keep.made(odd.iter().map(|path| (path.clone(), keep::GONE.to_owned())).chain(new))?;
    for path in &odd {
        going.remove_noted(path)?;
    }
    for (name, kind) in &wanted {
        let (source, target) = (from.join(name), to.join(name));
        let meta = Meta::of(&source)?;
        // Special bits would be those of another owner.
        let own = Rights { mode: rights.mode.or(Some(meta.mode & 0o777)), ..rights };
        match kind {
            Kind::Folder => {
                // What `mode` says is said of files: a folder must stay one that can be entered.
                let own = Rights { mode: Some(meta.mode), ..rights };
                going.folder(&target, own)?;
            }
            Kind::Link => {
                let points_at = fs::read_link(&source)
                    .map_err(|problem| error(format!("{}: {problem}", source.display())))?;
                going.symlink(&target, &points_at)?;
            }
            Kind::File => {
                let mut file = fs::File::open(&source)
                    .map_err(|problem| error(format!("{}: {problem}", source.display())))?;
                going.write(&target, &mut file, own)?;
            }
        }
    }
    Ok(())
}

/// Of two of one kind, whether the one has to be written.
fn differs(source: &Path, target: &Path, kind: Kind) -> bool {
    match kind {
        Kind::Folder => false,
        Kind::Link => fs::read_link(source).ok() != fs::read_link(target).ok(),
        Kind::File => {
            let size = |path: &Path| fs::metadata(path).map(|found| found.len()).ok();
            let sum = |path: &Path| digest::of_file(path).ok();
            size(source) != size(target) || sum(source) != sum(target)
        }
    }
}

fn made_of(source: &Path, kind: Kind) -> Result<String, Failure> {
    Ok(match kind {
        Kind::Folder => "folder".to_owned(),
        _ => keep::what(source)?.unwrap_or_default(),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Link,
}

/// All below a folder, each folder before what is in it; and the folders that hold what is left alone.
fn listed(
    folder: &Path,
    except: &GlobSet,
) -> Result<(BTreeMap<PathBuf, Kind>, BTreeSet<PathBuf>), Failure> {
    let mut found = BTreeMap::new();
    let mut holding = BTreeSet::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        let at = folder.join(&inside);
        let wrong = |problem: std::io::Error| error(format!("{}: {problem}", at.display()));
        for entry in fs::read_dir(&at).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let name = inside.join(entry.file_name());
            if except.is_match(&name) {
                holding.extend(name.ancestors().skip(1).map(Path::to_owned));
                continue;
            }
            let kind = entry.file_type().map_err(wrong)?;
            let kind = match (kind.is_dir(), kind.is_symlink(), kind.is_file()) {
                (true, ..) => Kind::Folder,
                (_, true, _) => Kind::Link,
                (.., true) => Kind::File,
                _ => {
                    let path = folder.join(&name);
                    return Err(error(format!(
                        "{} is no file, no folder and no link",
                        path.display()
                    )));
                }
            };
            if kind == Kind::Folder {
                open.push(name.clone());
            }
            found.insert(name, kind);
        }
    }
    Ok((found, holding))
}

fn globs(patterns: &[String]) -> Result<GlobSet, Failure> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern.trim_end_matches('/')).literal_separator(true).build();
        set.add(glob.map_err(|problem| error(format!("`{pattern}`: {}", problem.kind())))?);
    }
    set.build().map_err(|problem| error(problem.to_string()))
}
