//! Rights and owner of what is there.

use std::fs;
use std::path::{Path, PathBuf};

use plan_model::model::action::files::SetMode;

use super::Going;
use crate::event::Failure;
use crate::world::error;

pub fn make(going: &mut Going<'_>, change: &SetMode) -> Result<(), Failure> {
    let path = going.path(&change.path)?;
    let path = fs::canonicalize(&path)
        .map_err(|problem| error(format!("{}: {problem}", path.display())))?;
    let rights = going.rights(&change.ownership)?;
    let mut all = vec![path.clone()];
    if going.fill().flag(change.recursive.as_ref(), false)? {
        below(&path, &mut all)?;
    }
    // All of them at once: one note for each would be slow.
    going.keep.note_rights(all.iter().cloned())?;
    for path in all {
        // The rights of a link are nobody's.
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            continue;
        }
        going.give(&path, rights)?;
    }
    Ok(())
}

fn below(path: &Path, all: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
    if !fs::symlink_metadata(path).map_err(wrong)?.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        all.push(entry.path());
        below(&entry.path(), all)?;
    }
    Ok(())
}
