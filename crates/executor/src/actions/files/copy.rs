//! One file.

use std::fs::File;

use plan_model::model::action::files::CopyFile;

use super::Going;
use crate::event::Failure;
use crate::keep::meta::Meta;
use crate::world::error;

pub fn make(going: &mut Going<'_>, change: &CopyFile) -> Result<(), Failure> {
    let (from, mut to) = (going.path(&change.copy)?, going.path(&change.to)?);
    let into_folder = to.is_dir() || going.fill().of(&change.to)?.ends_with('/');
    if let Some(name) = from.file_name().filter(|_| into_folder) {
        to.push(name);
    }
    if going.fill().flag(change.only_if_missing.as_ref(), false)?
        && std::fs::symlink_metadata(&to).is_ok()
    {
        return Ok(());
    }
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", from.display()));
    if from.exists() && !from.is_file() && !from.is_dir() {
        return Err(error(format!("{} is no file", from.display())));
    }
    if from.is_dir() {
        return Err(error(format!("{} is a folder: `sync:` makes one like it", from.display())));
    }
    let mut file = File::open(&from).map_err(wrong)?;
    let mut rights = going.rights(&change.ownership)?;
    if !to.exists() {
        // A program stays one; special bits would be those of another owner.
        let meta = Meta::of(&std::fs::canonicalize(&from).map_err(wrong)?)?;
        rights.mode = rights.mode.or(Some(meta.mode & 0o777));
    }
    going.write(&to, &mut file, rights)
}
