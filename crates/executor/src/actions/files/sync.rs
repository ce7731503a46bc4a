//! One folder like another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use plan_model::model::action::files::SyncFolder;

use super::{Going, Rights};
use crate::event::Failure;
use crate::keep::meta::Meta;
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
    let wanted = listed(&from, &except)?;
    going.folder(&to, Rights::default())?;
    let there = listed(&to, &except)?;
    if going.fill().flag(change.delete.as_ref(), false)? {
        for name in there.keys().filter(|name| !wanted.contains_key(*name)) {
            // With its folder it is gone already.
            going.remove(&to.join(name))?;
        }
    }
    for (name, kind) in &wanted {
        let (source, target) = (from.join(name), to.join(name));
        if there.get(name).is_some_and(|is| is != kind) {
            going.remove(&target)?;
        }
        let meta = Meta::of(&source)?;
        let own = Rights { mode: rights.mode.or(Some(meta.mode)), ..rights };
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Link,
}

/// All below a folder, each folder before what is in it.
fn listed(folder: &Path, except: &GlobSet) -> Result<BTreeMap<PathBuf, Kind>, Failure> {
    let mut found = BTreeMap::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        let at = folder.join(&inside);
        let wrong = |problem: std::io::Error| error(format!("{}: {problem}", at.display()));
        for entry in fs::read_dir(&at).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let name = inside.join(entry.file_name());
            if except.is_match(&name) {
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
    Ok(found)
}

fn globs(patterns: &[String]) -> Result<GlobSet, Failure> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern.trim_end_matches('/')).literal_separator(true).build();
        set.add(glob.map_err(|problem| error(format!("`{pattern}`: {}", problem.kind())))?);
    }
    set.build().map_err(|problem| error(problem.to_string()))
}
