//! `backup`: a database or files in one file, proven before the step is done. A backup that was broken
//! off is made once more, under a new name: what has a name is whole.

use std::path::{Path, PathBuf};

use plan_model::model::action::backup::{Backup, Compression};
use plan_model::model::check::Proof;
use plan_model::model::plan::Surroundings;
use plan_model::model::value::Count;
use plan_model::sql::Dialect;
use serde_json::Value as Json;

use super::noted::Noted;
use super::{About, Act, Found, Perform, here_only};
use crate::archive::catalogue::Kept;
use crate::archive::retention::Policy;
use crate::archive::second::Second;
use crate::archive::{self, Kind, Manifest, dump, encrypt, files, prove};
use crate::crash::{Point, point};
use crate::digest;
use crate::event::{Failure, Outputs};
use crate::fill::Filler;
use crate::world::database::address::Address;
use crate::world::{Broken, Job, World, aside, error};

pub const ABOUT: About = About {
    key: "backup",
    verified: "every process of the pipe ended well; size, SHA-256, and its proof by reading, parsing or a trial restore",
    undone: "keeps it: nothing to undo",
    after_crash: "made once more, under a new name",
    tests: &["tests/data/backup.rs", "tests/data/backups.rs", "tests/data/buckets.rs"],
};

impl Perform for Backup {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        let mut lacks = here_only(around);
        lacks.extend(self.copy_to.as_ref().and_then(|to| Second::lacks(&to.value)));
        lacks
    }

    fn unready(&self, _: &World, fill: &Filler<'_>) -> Vec<String> {
        // What is not known yet is told in its turn.
        let to = self.copy_to.as_ref().and_then(|to| fill.of(to).ok());
        let second = to.and_then(|to| Second::unready(&to));
        let encrypted = self.encrypt_for.as_ref().and_then(|_| encrypt::unready());
        second.into_iter().chain(encrypted).collect()
    }

    fn tools(&self, fill: &Filler<'_>) -> Vec<String> {
        let name = self.database.as_ref().and_then(|name| fill.text(&name.value).ok());
        match name.and_then(|name| Address::of(fill, Some(&name)).ok()).map(|at| at.dialect) {
            Some(Dialect::PostgreSql) => vec!["pg_dump".to_owned(), "pg_restore".to_owned()],
            Some(Dialect::MariaDb | Dialect::MySql) => vec![dump::of_mysql().to_owned()],
            _ => Vec::new(),
        }
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        // Whatever goes wrong, nothing that was there has changed.
        Box::pin(async move {
            run(self, job, around).await.map_err(|broken| match broken {
                Broken::Failed(failure) => Broken::Failed(failure.untouched()),
                other => other,
            })
        })
    }

    fn found<'a>(&'a self, job: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async move {
            if let Err(failure) = forget(self, job).await {
                job.say(&format!("what is left of a backup that was broken off: {}", failure.text));
            }
            Found::Undone { how: "it is made once more, under a new name".to_owned() }
        })
    }
}

async fn run(backup: &Backup, job: &Job, around: &Surroundings) -> Result<Outputs, Broken> {
    let fill = job.filler();
    let filled = job.around(Some(around))?;
    let except: Vec<String> =
        backup.except.iter().flatten().map(|text| fill.of(text)).collect::<Result<_, _>>()?;
    let names: Vec<String> =
        backup.files.iter().flatten().map(|text| fill.of(text)).collect::<Result<_, _>>()?;
    let at = match &backup.database {
        Some(database) => Some(Address::of(&fill, Some(&database.value))?),
        None => None,
    };
    let kind = match (&at, names.is_empty()) {
        (Some(_), false) => {
            return Err(error("a database and files are two backups: make two steps").into());
        }
        (Some(at), true) => dump::kind(at.dialect),
        (None, false) => Kind::Tar,
        (None, true) => return Err(error("`database:` or `files:` says what is saved").into()),
    };
    let folder = fill.path(&backup.to.value)?;
    archive::folder(&folder)?;
    forget(backup, job).await?;
    let count = |keep: &Option<Count>| keep.as_ref().map(|count| fill.count(count)).transpose();
    let compression = backup.compress.unwrap_or(Compression::Zstd);
    let proof = backup.proof.unwrap_or(Proof::Parse);
    let began = job.world.clock.now();
    let recipient = match fill.optional(backup.encrypt_for.as_ref())? {
        Some(text) => Some(encrypt::recipient(&text)?),
        None => None,
    };
    let (id, plain) = named(backup, job, &folder, kind, compression)?;
    let partial = archive::partial(&plain);
    let path = match recipient {
        Some(_) => PathBuf::from(format!("{}{}", plain.display(), encrypt::ENDING)),
        None => plain.clone(),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let copy = match fill.optional(backup.copy_to.as_ref())? {
        Some(to) => Some(Second::of(&to, &job.world.base, &name)?),
        None => None,
    };
    if copy.as_ref().is_some_and(|copy| copy.file() == Some(&*path)) {
        return Err(error("`copy_to` is the folder of the backup itself").into());
    }
    let files = [Some(&*plain), Some(&*path), copy.as_ref().and_then(Second::file)];
    let making: Vec<&Path> = files.into_iter().flatten().collect();
    Noted::of(job, MAKING).write(&making)?;
    let mut manifest = Manifest {
        id,
        kind,
        packed: compression.word().to_owned(),
        plan: job.world.plan.plan.file.plan.value.clone(),
        run: job.world.run.id.clone(),
        step: job.entry_id().to_owned(),
        database: at.as_ref().map(|at| at.id.clone()),
        from: at.as_ref().map(Address::to_string),
        began,
        ended: began,
        size: 0,
        sha256: String::new(),
        proven: None,
        encrypted_for: None,
        copy: copy.clone(),
        keep: Policy {
            seconds: fill.optional_time(backup.keep.as_ref())?.map(|keep| keep.as_secs()),
            last: count(&backup.keep_last)?,
            daily: count(&backup.keep_daily)?,
            weekly: count(&backup.keep_weekly)?,
            monthly: count(&backup.keep_monthly)?,
        },
        data: None,
        except: if at.is_some() { except.clone() } else { Vec::new() },
        paths: Default::default(),
    };
    let made = async {
        match &at {
            Some(at) => {
                let packed = compression.word();
                let data = proof == Proof::Restore;
                let wanted = dump::Wanted { at, packed, except: &except, data };
                manifest.data = dump::dump(job, filled.clone(), &wanted, &partial).await?;
            }
            None => {
                let (base, to) = (job.world.base.clone(), partial.clone());
                let how = manifest.packed.clone();
                let saving = tokio::task::spawn_blocking(move || {
                    files::save(&base, &names, &except, &how, &to)
                });
                let saved = saving.await.map_err(|_| error("the files could not be saved"))?;
                manifest.paths = saved?;
            }
        }
        let (sha256, size) = digest::of_file(&partial)
            .map_err(|problem| error(format!("{}: {problem}", partial.display())))?;
        (manifest.sha256, manifest.size) = (sha256, size);
        if let Some(least) = &backup.min_size {
            let least = fill.size(least)?;
            if size < least {
                let text = format!("the backup has {size} bytes, fewer than {least}");
                return Err(error(text).into());
            }
        }
        prove::prove(job, filled.clone(), &manifest, &partial, at.as_ref(), proof).await?;
        manifest.proven = Some(proof.word().to_owned());
        point(Point::Swap);
        if let Some(recipient) = &recipient {
            let encrypted = archive::partial(&path);
            encrypt::encrypt(job, filled, recipient, &partial, &encrypted).await?;
            std::fs::remove_file(&partial).map_err(|problem| {
                error(format!("{} cannot be removed: {problem}", partial.display()))
            })?;
            manifest.encrypted_for = Some(recipient.clone());
            (manifest.sha256, manifest.size) = digest::of_file(&encrypted)
                .map_err(|problem| error(format!("{}: {problem}", encrypted.display())))?;
        }
        manifest.ended = job.world.clock.now();
        archive::seal(&path, &manifest)?;
        Ok::<_, Broken>(())
    };
    if let Err(broken) = made.await {
        let _ = std::fs::remove_file(&partial);
        let _ = std::fs::remove_file(archive::partial(&path));
        return Err(broken);
    }
    job.world.catalogue.note(Kept::new(&path, &manifest));
    // What has a name stays, whatever becomes of its second copy.
    if let Some(copy) = copy
        && let Err(failure) = copy.make(&path, &manifest).await
    {
        manifest.copy = None;
        archive::write_manifest(&path, &manifest)?;
        job.world.catalogue.note(Kept::new(&path, &manifest));
        let id = &manifest.id;
        let text = format!("{id} is there, its second copy is not: {}", failure.text);
        return Err(error(text).into());
    }
    Noted::of(job, MAKING).forget()?;
    let mut outputs = Outputs::new();
    outputs.insert("id".to_owned(), Json::from(manifest.id));
    outputs.insert("path".to_owned(), Json::from(path.display().to_string()));
    outputs.insert("size".to_owned(), Json::from(manifest.size));
    outputs.insert("sha256".to_owned(), Json::from(manifest.sha256));
    Ok(outputs)
}

/// The files that a step is about to make, until they have their names.
const MAKING: &str = "making";

/// What an attempt that was broken off has left: half files, above all ones that were still to be encrypted,
/// a manifest whose file never got its name, and the database of a proof.
async fn forget(backup: &Backup, job: &Job) -> Result<(), Failure> {
    let noted = Noted::of(job, MAKING);
    let Some(making) = noted.read::<Vec<PathBuf>>()? else { return Ok(()) };
    for path in &making {
        let mut half = vec![archive::partial(path), dump::copy(&archive::partial(path))];
        let manifest = archive::manifest_path(path);
        half.push(aside(&manifest));
        if !path.exists() {
            half.push(manifest);
        }
        for half in half {
            match std::fs::remove_file(&half) {
                Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error(format!("{}: {problem}", half.display())));
                }
                _ => {}
            }
        }
    }
    if let (Some(database), Some(Proof::Restore)) = (&backup.database, backup.proof) {
        let fill = job.filler();
        let at = Address::of(&fill, Some(&fill.text(&database.value)?))?;
        prove::forget(job, &at).await?;
    }
    noted.forget()
}

/// A name that no other backup has.
fn named(
    backup: &Backup,
    job: &Job,
    folder: &Path,
    kind: Kind,
    compression: Compression,
) -> Result<(String, PathBuf), Failure> {
    let wanted = match &backup.name {
        Some(name) => {
            let name = job.filler().of(name)?;
            if name.contains('/') || name.starts_with('.') || name.is_empty() {
                return Err(error(format!("`{name}` is no name of a file")));
            }
            name
        }
        None => {
            let what = backup.database.as_ref().map_or("files", |id| &id.value);
            let time = job.world.clock.now().timestamp().strftime("%Y%m%dT%H%M%SZ").to_string();
            format!("{what}-{time}-{}-{}", job.world.run.id, job.entry_id())
        }
    };
    let ending = format!(".{}{}", kind.ending(), archive::ending(compression));
    for number in 1..1_000 {
        let id = if number == 1 { wanted.clone() } else { format!("{wanted}-{number}") };
        let path = folder.join(format!("{id}{ending}"));
        let encrypted = PathBuf::from(format!("{}{}", path.display(), encrypt::ENDING));
        let is_free = |path: &Path| !path.exists() && !archive::manifest_path(path).exists();
        if is_free(&path) && is_free(&encrypted) {
            return Ok((id, path));
        }
    }
    Err(error(format!("{} is full of backups called {wanted}", folder.display())))
}
