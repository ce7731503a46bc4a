//! `backup`: a backup that is there, whole, young enough and proven.

use std::path::PathBuf;

use plan_model::model::action::Action;
use plan_model::model::check::{BackupCheck, Proof};
use plan_model::notation::Spoken;

use super::Looked;
use crate::archive::catalogue::{Kept, Standing};
use crate::archive::{self, Manifest};
use crate::digest;
use crate::event::Failure;
use crate::world::database::address::Address;
use crate::world::{Job, error};

pub async fn look(job: &Job, check: &BackupCheck) -> Looked {
    match try_look(job, check).await {
        Ok(looked) => looked,
        Err(failure) => Looked::Unmeasured(failure.text),
    }
}

async fn try_look(job: &Job, check: &BackupCheck) -> Result<Looked, Failure> {
    let fill = job.filler();
    let name = &check.backup.value;
    let found = match fill.entry(name) {
        Some(entry) => of_step(job, entry),
        None => newest(job, name)?,
    };
    let Some(path) = found else {
        return Ok(Looked::Fails(format!("there is no backup of {name}")));
    };
    let manifest = match archive::manifest(&path) {
        Ok(manifest) => manifest,
        Err(failure) => return Ok(Looked::Fails(failure.text)),
    };
    let shown = path.display().to_string();
    if let Some(limit) = fill.optional_time(check.max_age.as_ref())? {
        let age = job.world.clock.now().since(manifest.ended);
        if age > limit {
            let (age, limit) = (Spoken(age), Spoken(limit));
            return Ok(Looked::Fails(format!("{shown} is {age} old, more than {limit}")));
        }
    }
    let order = |word: &str| ["read", "parse", "restore"].iter().position(|one| *one == word);
    if let Some(wanted) = check.proof {
        let proven = manifest.proven.as_deref().unwrap_or("not at all");
        if order(proven) < order(Proof::word(wanted)) {
            let wanted = wanted.word();
            return Ok(Looked::Fails(format!("{shown} is proven by {proven}, not by {wanted}")));
        }
    }
    if let Some(least) = &check.min_size {
        let least = fill.size(least)?;
        if manifest.size < least {
            let size = manifest.size;
            return Ok(Looked::Fails(format!("{shown} has {size} bytes, fewer than {least}")));
        }
    }
    whole(path, manifest).await
}

/// A disk may have lost what was written to it.
async fn whole(path: PathBuf, manifest: Manifest) -> Result<Looked, Failure> {
    let shown = path.display().to_string();
    let reading = tokio::task::spawn_blocking(move || digest::of_file(&path));
    let read = reading.await.map_err(|_| error(format!("{shown} could not be read")))?;
    Ok(match read {
        Ok((sha256, size)) if size == manifest.size && sha256 == manifest.sha256 => {
            Looked::Holds(Some(manifest.id.into()))
        }
        Ok(_) => Looked::Fails(format!("{shown} is not what was written any more")),
        Err(problem) => Looked::Fails(format!("{shown}: {problem}")),
    })
}

fn of_step(job: &Job, entry: usize) -> Option<PathBuf> {
    let outputs = job.world.known_of(entry);
    Some(PathBuf::from(outputs.get("path")?.as_str()?))
}

/// The newest one of a connection: of the catalogue, whichever plan made it, or in the folders that the
/// plan saves to.
fn newest(job: &Job, connection: &str) -> Result<Option<PathBuf>, Failure> {
    let fill = job.filler();
    let from = Address::of(&fill, Some(connection))?.to_string();
    let of_it = |kept: &Kept| {
        let manifest = &kept.manifest;
        manifest.from.as_deref() == Some(&*from) && kept.standing() != Standing::Missing
    };
    let known = job.world.catalogue.all().into_iter().find(of_it);
    let mut found: Option<(Manifest, PathBuf)> =
        known.map(|kept| (kept.manifest.clone(), kept.place().to_owned()));
    for entry in job.world.plan.entries() {
        let Some(Action::Backup(backup)) = entry.step().and_then(|step| step.actions.first())
        else {
            continue;
        };
        if backup.database.as_ref().is_none_or(|id| id.value != connection) {
            continue;
        }
        let folder = fill.path(&backup.to.value)?;
        for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = file.path().display().to_string();
            let Some(path) = name.strip_suffix(".json").map(PathBuf::from) else { continue };
            let Ok(manifest) = archive::manifest(&path) else { continue };
            let is_newer = found.as_ref().is_none_or(|(other, _)| other.ended < manifest.ended);
            if manifest.database.as_deref() == Some(connection) && is_newer && path.exists() {
                found = Some((manifest, path));
            }
        }
    }
    Ok(found.map(|(_, path)| path))
}
