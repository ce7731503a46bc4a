//! `restore`: a named backup beside the live data, compared, then in their place. What was live keeps a
//! name of its own, and is the way back.

use std::path::PathBuf;

use plan_model::model::action::Action;
use plan_model::model::action::backup::Backup;
use plan_model::model::action::restore::{Restore, RestoreMode};
use plan_model::model::check::Evidence;
use plan_model::model::plan::Surroundings;
use plan_model::notation::Spoken;
use plan_model::resolve::EntryOf;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::manual::{self, Put};
use super::{About, Act, Found, Perform, again, here_only};
use crate::archive::catalogue::Standing;
use crate::archive::swap::{Stands, Swap};
use crate::archive::{self, Kind, Manifest, prove};
use crate::digest::{self, hex};
use crate::event::{Failure, FailureKind, Outputs};
use crate::fill::Filler;
use crate::world::database::address::Address;
use crate::world::database::snapshot::{self, Scope};
use crate::world::{Broken, Job, World, error};

pub const ABOUT: About = About {
    key: "restore",
    verified: "what was loaded is compared with what was saved, before it takes its place",
    undone: "swaps back to the data that was there",
    after_crash: "asks which names are there, and goes on or back",
    tests: &["tests/data/restore.rs"],
};

impl Perform for Restore {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        here_only(around)
    }

    fn unready(&self, world: &World, fill: &Filler<'_>) -> Vec<String> {
        // What is not known yet, or made by the plan itself, is told in its turn.
        let Ok(Some(id)) = fill.optional(self.id.as_ref()) else { return Vec::new() };
        let own = backups(world).filter_map(|backup| fill.of(backup.name.as_ref()?).ok());
        if own.into_iter().any(|name| name == id) || may_come(world, fill.entry) {
            return Vec::new();
        }
        by_id(world, fill, &id).err().map(|failure| failure.text).into_iter().collect()
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move { run(self, job, around).await })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let ready = Ready::of(self, job)?;
            ready.is_same_place(job)?;
            let swap = ready.swap(job, around)?;
            match swap.is_scratch {
                true => Ok(swap.forget().await?),
                false => Ok(swap.swap_back().await?),
            }
        })
    }

    fn going_on<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            let ready = Ready::of(self, job)?;
            ready.swap(job, around)?.going_on().await
        })
    }

    fn found<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async move {
            let looked = async {
                let ready = Ready::of(self, job)?;
                ready.is_same_place(job)?;
                let swap = ready.swap(job, around)?;
                let stands = if swap.is_scratch { Stands::Before } else { swap.stands().await? };
                match stands {
                    // Only prepared: that is done anew, if it is wanted at all.
                    Stands::Before => swap.forget().await?,
                    // Nothing is live between the two halves of a swap: it is brought to its end first.
                    Stands::Between => swap.swap().await?,
                    Stands::After => {}
                }
                let mut outputs = Outputs::new();
                let age = job.world.clock.now().since(ready.manifest.ended);
                outputs.insert("age".to_owned(), Json::from(age.as_secs()));
                outputs.insert("beside".to_owned(), Json::from(swap.kept_as()?));
                Ok::<_, Failure>((stands, outputs))
            };
            match looked.await {
                Ok((Stands::Before, _)) => {
                    Found::Undone { how: "the restored data are not in their place yet".to_owned() }
                }
                Ok((Stands::Between | Stands::After, outputs)) => {
                    Found::Done { how: "the restored data are in their place".to_owned(), outputs }
                }
                Err(failure) => Found::Unasked { why: failure.text },
            }
        })
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("what is left of it is swapped back")
    }
}

/// What is restored, and to where.
struct Ready {
    manifest: Manifest,
    path: PathBuf,
    at: Option<Address>,
    base: PathBuf,
    is_elsewhere: bool,
    is_scratch: bool,
    mark: String,
}

impl Ready {
    fn of(restore: &Restore, job: &Job) -> Result<Ready, Failure> {
        let fill = job.filler();
        let path = match (&restore.step, fill.optional(restore.id.as_ref())?) {
            (Some(step), _) => of_step(job, &step.value)?,
            (None, Some(id)) => by_id(&job.world, &fill, &id)?,
            (None, None) => return Err(error("`step:` or `id:` says which backup it is")),
        };
        let manifest = archive::manifest(&path)?;
        if !manifest.except.is_empty() {
            return Err(error(format!(
                "{} left out the rows of {}: a restore would leave those empty",
                manifest.id,
                manifest.except.join(", ")
            )));
        }
        let named = restore.database.as_ref().map(|id| id.value.clone());
        let at = match named.or(manifest.database.clone()) {
            Some(database) => Some(Address::of(&fill, Some(&database))?),
            None => None,
        };
        let is_named = restore.database.is_some();
        if let (Some(at), Some(from), false) = (&at, &manifest.from, is_named)
            && at.to_string() != *from
        {
            return Err(error(format!(
                "{} was taken of {from}, and the connection {} leads to {at} now: name it (`database:` or \
                 --database) if that is meant",
                manifest.id, at.id
            )));
        }
        let base = match &restore.to {
            Some(to) => fill.path(&to.value)?,
            None => job.world.base.clone(),
        };
        let digest = Sha256::digest(format!("{}/{}", job.world.run_key(), job.notes_name()));
        let mark = hex(&digest[..5]);
        let is_elsewhere = restore.to.is_some();
        let is_scratch = restore.mode == Some(RestoreMode::Scratch);
        Ok(Ready { manifest, path, at, base, is_elsewhere, is_scratch, mark })
    }

    /// Where it went, for whoever comes later: a connection may lead elsewhere then.
    fn note_place(&self, job: &Job) -> Result<(), Failure> {
        let Some(at) = &self.at else { return Ok(()) };
        crate::world::write_durable(&self.place(job), at.to_string().as_bytes())
    }

    fn is_same_place(&self, job: &Job) -> Result<(), Failure> {
        let (Some(at), Ok(was)) = (&self.at, std::fs::read_to_string(self.place(job))) else {
            return Ok(());
        };
        match was == at.to_string() {
            true => Ok(()),
            false => Err(error(format!(
                "it was restored into {was}, and the connection {} leads to {at} now: let it lead there \
                 again, then go on",
                at.id
            ))),
        }
    }

    fn place(&self, job: &Job) -> PathBuf {
        job.world.folder.join(format!("restore-{}.place", self.mark))
    }

    fn swap<'s>(&'s self, job: &'s Job, around: &Surroundings) -> Result<Swap<'s>, Failure> {
        Ok(Swap {
            job,
            around: job.around(Some(around))?,
            manifest: &self.manifest,
            path: &self.path,
            at: self.at.as_ref(),
            base: &self.base,
            is_elsewhere: self.is_elsewhere,
            is_scratch: self.is_scratch,
            mark: self.mark.clone(),
        })
    }
}

fn of_step(job: &Job, step: &str) -> Result<PathBuf, Failure> {
    let entry = job.filler().entry(step);
    let outputs = entry.map(|entry| job.world.known_of(entry)).unwrap_or_default();
    let path = outputs.get("path").and_then(Json::as_str);
    path.map(PathBuf::from).ok_or_else(|| error(format!("{step} has taken no backup in this run")))
}

/// Of the catalogue, or in the folders that the plan saves to.
fn by_id(world: &World, fill: &Filler<'_>, id: &str) -> Result<PathBuf, Failure> {
    let mut named = world.catalogue.all();
    named.retain(|kept| kept.manifest.id == id || kept.path.as_os_str() == id);
    match &named[..] {
        [] => {}
        [kept] if kept.standing() == Standing::Away => {
            return Err(error(format!(
                "{} is not there, or not whole; it lies in a bucket: plan backups fetch {id} brings it back",
                kept.path.display()
            )));
        }
        [kept] => return Ok(kept.place().to_owned()),
        several => {
            let paths: Vec<_> =
                several.iter().map(|kept| kept.path.display().to_string()).collect();
            return Err(error(format!(
                "{} backups are called {id}: name the one by its path: {}",
                several.len(),
                paths.join(", ")
            )));
        }
    }
    let folders = backups(world).filter_map(|backup| fill.path(&backup.to.value).ok());
    let folders: Vec<PathBuf> = folders.collect();
    for folder in &folders {
        for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = file.path().display().to_string();
            let Some(path) = name.strip_suffix(".json").map(PathBuf::from) else { continue };
            if archive::manifest(&path).is_ok_and(|manifest| manifest.id == id) {
                return Ok(path);
            }
        }
    }
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let looked =
        if folders.is_empty() { "the plan saves nowhere".to_owned() } else { folders.join(", ") };
    Err(error(format!(
        "there is no backup {id} in the catalogue (plan backups), nor here: {looked}"
    )))
}

/// Whether a step before it may bring the backup along, or it may be left out.
fn may_come(world: &World, entry: Option<usize>) -> bool {
    let Some(at) = entry else { return true };
    let brings = |entry: &EntryOf| match entry.step().and_then(|step| step.actions.first()) {
        Some(Action::Fetch(_) | Action::Files(_) | Action::Git(_)) => true,
        Some(Action::Run(_)) => entry.step().is_some_and(|step| step.read_only != Some(true)),
        _ => false,
    };
    world.plan.entry(at).conditional || world.plan.entries()[..at].iter().any(brings)
}

/// What the plan saves itself.
fn backups(world: &World) -> impl Iterator<Item = &Backup> {
    let steps = world.plan.entries().iter().filter_map(|entry| entry.step());
    steps.filter_map(|step| match step.actions.first() {
        Some(Action::Backup(backup)) => Some(backup),
        _ => None,
    })
}

async fn run(restore: &Restore, job: &Job, around: &Surroundings) -> Result<Outputs, Broken> {
    let ready = Ready::of(restore, job).map_err(Failure::untouched)?;
    ready.is_same_place(job).map_err(Failure::untouched)?;
    ready.note_place(job).map_err(Failure::untouched)?;
    let swap = ready.swap(job, around).map_err(Failure::untouched)?;
    let age = job.world.clock.now().since(ready.manifest.ended);
    if swap.is_scratch {
        return beside(job, &ready, &swap, age).await;
    }
    let stands = swap.stands().await.map_err(Failure::untouched)?;
    let mut outputs = Outputs::new();
    outputs.insert("age".to_owned(), Json::from(age.as_secs()));
    if stands == Stands::Before {
        let lost = lost(job, &ready).await.map_err(Failure::untouched)?;
        if let Some(lost) = &lost {
            outputs.insert("lost_rows".to_owned(), Json::from(lost.rows));
            job.say(&format!("{} rows were written since the backup, and will be gone", lost.rows));
        }
        job.say(&format!("{} is {} old", ready.manifest.id, Spoken(age)));
        let is_users = job.users_were_in
            && ready.manifest.kind != Kind::Tar
            && lost.as_ref().is_none_or(|lost| lost.rows > 0 || lost.changed > 0);
        if is_users || job.filler().flag(restore.confirm.as_ref(), false)? {
            confirmed(job, &ready, lost.as_ref(), age, is_users).await?;
        }
        prepare(&ready, &swap).await?;
    }
    if stands != Stands::After {
        swap.swap().await?;
    }
    let kept = swap.kept_as()?;
    job.say(&format!("what was there is kept as {kept}, until somebody removes it"));
    outputs.insert("beside".to_owned(), Json::from(kept));
    Ok(outputs)
}

async fn prepare(ready: &Ready, swap: &Swap<'_>) -> Result<(), Broken> {
    whole(ready).map_err(Failure::untouched)?;
    let Err(broken) = swap.prepare().await else { return Ok(()) };
    // Where the server is gone, what was prepared is left for the way back.
    let is_gone = swap.forget().await.is_ok();
    Err(match broken {
        Broken::Failed(failure) if is_gone => Broken::Failed(failure.untouched()),
        other => other,
    })
}

/// Loaded and left there: whoever wants to look something up finds it.
async fn beside(
    job: &Job,
    ready: &Ready,
    swap: &Swap<'_>,
    age: std::time::Duration,
) -> Result<Outputs, Broken> {
    prepare(ready, swap).await?;
    let name = swap.new_as()?;
    job.say(&format!(
        "{} ({} old) lies beside the live data as {name}",
        ready.manifest.id,
        Spoken(age)
    ));
    let mut outputs = Outputs::new();
    outputs.insert("age".to_owned(), Json::from(age.as_secs()));
    outputs.insert("beside".to_owned(), Json::from(name));
    Ok(outputs)
}

/// A backup that is not what was written brings nothing back.
fn whole(ready: &Ready) -> Result<(), Failure> {
    let (path, manifest) = (&ready.path, &ready.manifest);
    if manifest.kind == Kind::Tar {
        return prove::read(manifest, path);
    }
    // What is in a dump, the tool that loads it sees.
    let (sha256, size) =
        digest::of_file(path).map_err(|problem| error(format!("{}: {problem}", path.display())))?;
    match sha256 == manifest.sha256 && size == manifest.size {
        true => Ok(()),
        false => Err(error(format!("{} is not what was written any more", path.display()))),
    }
}

/// What a restore takes away.
struct Lost {
    /// Rows that are there now and were not when it was saved.
    rows: u64,
    /// Tables that are not what they were.
    changed: usize,
}

/// As far as it is known what was saved.
async fn lost(job: &Job, ready: &Ready) -> Result<Option<Lost>, Failure> {
    let (Some(data), Some(at)) = (&ready.manifest.data, &ready.at) else { return Ok(None) };
    if at.file().is_some_and(|path| !path.exists()) {
        return Ok(None);
    }
    let mut session = job.session(at).await?;
    let now = snapshot::take(&mut session, &Scope::default()).await;
    session.close().await;
    let now = now?;
    let rows = now.tables.iter().map(|(name, table)| {
        let was = data.tables.get(name).map_or(0, |table| table.rows);
        table.rows.saturating_sub(was)
    });
    let changed = now.tables.iter().filter(|(name, table)| data.tables.get(*name) != Some(table));
    Ok(Some(Lost { rows: rows.sum(), changed: changed.count() }))
}

async fn confirmed(
    job: &Job,
    ready: &Ready,
    lost: Option<&Lost>,
    age: std::time::Duration,
    is_users: bool,
) -> Result<(), Broken> {
    let at = ready.at.as_ref();
    let file = at.and_then(|at| at.file()?.file_name()?.to_str());
    let name = at.and_then(|at| at.database()).or(file).unwrap_or("restore").to_owned();
    let lost = match lost {
        Some(lost) => format!(
            ", {} rows written since are lost, {} tables are not what they were",
            lost.rows, lost.changed
        ),
        None if is_users => ", what was written since is lost, how much is not known".to_owned(),
        None => String::new(),
    };
    let users = if is_users { "; users were not out all the time" } else { "" };
    let age = Spoken(age);
    let text = format!(
        "{} ({age} old{lost}{users}) takes the place of what is there: type `{name}` to go on",
        ready.manifest.id
    );
    let choices = vec![name, "no".to_owned()];
    let question = Put {
        number: 0,
        text,
        choices,
        role: None,
        evidence: Evidence::None,
        people: 1,
        typed: true,
        due: None,
    };
    let answers = manual::put(job, question).await?;
    match answers.iter().find(|answer| !answer.holds) {
        None => Ok(()),
        Some(no) => {
            let text = format!("{} did not want it restored", no.by);
            Err(Failure::new(FailureKind::Declined, text).untouched().into())
        }
    }
}
