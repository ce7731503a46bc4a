//! A symbolic link that points elsewhere at once: a release switch, with what releases share, and the
//! oldest ones gone.

use std::fs;
use std::path::{Component, Path, PathBuf};

use plan_model::model::action::files::SetLink;

use super::{Going, Rights};
use crate::event::Failure;
use crate::world::error;

pub fn make(going: &mut Going<'_>, change: &SetLink) -> Result<(), Failure> {
    let link = going.path(&change.link)?;
    let text = going.fill().of(&change.to)?;
    let folder = link.parent().unwrap_or(Path::new("/")).to_owned();
    let target = folder.join(text.trim_end_matches('/'));
    if !target.exists() {
        return Err(error(format!("{} is not there: nothing is pointed at it", target.display())));
    }
    if fs::symlink_metadata(&link).is_ok_and(|found| !found.is_symlink()) {
        return Err(error(format!("{} is there, and no link", link.display())));
    }
    let beside = target.parent().and_then(|parent| fs::canonicalize(parent).ok());
    if change.keep.is_some() && beside == fs::canonicalize(&folder).ok() {
        return Err(error(format!(
            "`keep` removes old releases, and {} holds other things too: put releases into a folder of \
             their own, such as releases/",
            folder.display()
        )));
    }
    // After a crash it may point there already.
    let previous = going.keep.led_to(&link).or_else(|| fs::read_link(&link).ok());
    for path in change.shared.iter().flatten() {
        share(going, &folder, &target, &going.fill().of(path)?)?;
    }
    going.symlink(&link, Path::new(text.trim_end_matches('/')))?;
    if let Some(keep) = &change.keep {
        let keep = going.fill().count(keep)?;
        let previous = previous.as_ref().map(|previous| folder.join(previous));
        thin(going, &target, previous.as_deref(), keep)?;
    }
    if let Some(previous) = previous {
        going.previous = Some(previous.display().to_string());
    }
    Ok(())
}

/// `shared/NAME` beside the link is what each release has as its NAME.
fn share(going: &mut Going<'_>, folder: &Path, release: &Path, name: &str) -> Result<(), Failure> {
    let name = Path::new(name.trim_end_matches('/'));
    if name.components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(error(format!("`{}` leaves the release", name.display())));
    }
    let (shared, inside) = (folder.join("shared").join(name), release.join(name));
    if fs::symlink_metadata(&shared).is_err() {
        return Err(error(format!(
            "{} is not there, and every release shares it",
            shared.display()
        )));
    }
    let shared = fs::canonicalize(&shared)
        .map_err(|problem| error(format!("{}: {problem}", shared.display())))?;
    let above = name.parent().unwrap_or(Path::new(""));
    let mut at = release.to_owned();
    for part in above.components() {
        at.push(part);
        if fs::symlink_metadata(&at).is_ok_and(|found| found.is_symlink()) {
            let text = format!("{} is a link, and may leave the release", at.display());
            return Err(error(text));
        }
    }
    if let Some(parent) = inside.parent() {
        going.folder(parent, Rights::default())?;
    }
    if fs::symlink_metadata(&inside).is_ok_and(|found| !found.is_symlink()) {
        going.remove(&inside)?;
    }
    going.symlink(&inside, &shared)
}

/// Of the folders beside the target the newest stay; never the target, nor what was live before.
fn thin(
    going: &mut Going<'_>,
    target: &Path,
    previous: Option<&Path>,
    keep: u64,
) -> Result<(), Failure> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let target = real(target);
    let previous = previous.map(real);
    let Some(folder) = target.parent() else { return Ok(()) };
    let mut releases: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if let Some(changed) = entry.metadata().ok().and_then(|found| found.modified().ok())
            && is_folder
            && !entry.file_name().to_string_lossy().starts_with('.')
            && !going.job.world.folder.starts_with(entry.path())
            && entry.path() != target
            && Some(entry.path()) != previous
        {
            releases.push((changed, entry.path()));
        }
    }
    releases.sort();
    releases.reverse();
    let others = keep.max(1) - 1;
    let others =
        others.saturating_sub(u64::from(previous.is_some_and(|previous| previous != target)));
    for (_, old) in releases.into_iter().skip(others as usize) {
        going.remove(&old)?;
    }
    Ok(())
}
