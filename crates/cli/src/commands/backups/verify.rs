//! `plan backups verify`: whether a backup is still one. What was found out stands in the catalogue.

use plan_executor::archive::catalogue::{Kept, Mark, Standing};
use plan_executor::archive::encrypt::{IDENTITY, identity};
use plan_executor::archive::{self, Manifest, prove};
use plan_executor::event::Failure;
use plan_executor::store::Store;
use plan_executor::store::sqlite::SqliteStore;
use plan_model::model::check::Proof;

use super::find;
use crate::args::{OutputFormat, VerifyBackups};
use crate::commands::{apply, resume};
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub async fn run(args: &VerifyBackups, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let wanted = match &args.backup {
        Some(wanted) => vec![find(&mut store, wanted).await?],
        None => store.backups().await?,
    };
    if wanted.is_empty() {
        terminal.tell("no backups: no run of this store has taken one that is still kept");
    }
    let mut bad = 0;
    let here = std::env::current_dir();
    for kept in wanted {
        let proof = args.proof.map_or(Proof::Read, Proof::from);
        let found = look(&mut store, &kept, proof, args).await?;
        // A plan's folder was entered for it.
        if let Ok(here) = &here {
            let _ = std::env::set_current_dir(here);
        }
        let (word, text) = match &found {
            Ok(()) => {
                let is_closed = kept.manifest.encrypted_for.is_some() && identity().is_none();
                let how = match is_closed {
                    true => format!("its digest; to read it: {IDENTITY}=FILE"),
                    false => format!("by {}", proof.word()),
                };
                (paint(theme::GOOD, "whole"), format!(" ({how})"))
            }
            Err(failure) => (paint(theme::BAD, "not whole"), format!(": {}", failure.text)),
        };
        terminal.line(&format!("{}: {word}{text}", kept.manifest.id));
        bad += usize::from(found.is_err());
        let mark = Mark::Verified {
            at: operate::clock().now(),
            proof: proof.word().to_owned(),
            fault: found.err().map(|failure| failure.text),
        };
        store.mark(&kept.path, &mark).await?;
    }
    match bad {
        0 => Ok(Exit::Done),
        _ => {
            let word = if bad == 1 { "backup is" } else { "backups are" };
            Err(Refusal::new(
                Exit::RolledBack,
                format!("{bad} {word} not what was written"),
                "take a new one now, and look at the disk that it lies on",
            ))
        }
    }
}

/// Whether it is whole; whatever else is in the way is no word about the backup.
async fn look(
    store: &mut SqliteStore,
    kept: &Kept,
    proof: Proof,
    args: &VerifyBackups,
) -> Result<Result<(), Failure>, Refusal> {
    if kept.standing() == Standing::Missing {
        let place = kept.place();
        let copy = match place == kept.path {
            true => String::new(),
            false => format!("; its second copy is: {}", place.display()),
        };
        let text = format!("{} is not there any more{copy}", kept.path.display());
        return Ok(Err(plan_executor::world::error(text)));
    }
    let manifest = match archive::manifest(&kept.path) {
        Ok(manifest) => manifest,
        Err(failure) => return Ok(Err(failure)),
    };
    // What stands beside it could have been changed together with it.
    if manifest.sha256 != kept.manifest.sha256 {
        let text = "what stands beside it is not what the catalogue knows of it";
        return Ok(Err(plan_executor::world::error(text)));
    }
    let path = kept.path.clone();
    let known = manifest.clone();
    let reading = tokio::task::spawn_blocking(move || prove::read(&known, &path));
    let read = reading.await.map_err(|_| {
        Refusal::new(Exit::Wrong, format!("{} could not be read", kept.path.display()), "try again")
    })?;
    if read.is_err() || proof == Proof::Read || manifest.database.is_none() {
        return Ok(read);
    }
    by_server(store, kept, manifest, proof, args).await
}

/// By the tool that would restore it, or in a database of its own: with the plan that took it.
async fn by_server(
    store: &mut SqliteStore,
    kept: &Kept,
    manifest: Manifest,
    proof: Proof,
    args: &VerifyBackups,
) -> Result<Result<(), Failure>, Refusal> {
    if proof == Proof::Restore && manifest.data.is_none() {
        return Err(Refusal::new(
            Exit::Wrong,
            format!("{}: what the data were was not noted when it was taken", manifest.id),
            "verify it by `--proof parse`; steps with `proof: restore` note it",
        ));
    }
    let runs = store.runs().await?;
    let run = runs.into_iter().find(|run| run.run == manifest.run).ok_or_else(|| {
        let text = format!("{} is not in this store any more", manifest.run);
        Refusal::new(Exit::Wrong, text, "verify it by `--proof read`")
    })?;
    let (plan, frozen) = resume::compile(store, &run).await?;
    let at = &args.store.store;
    let begun = apply::begun(plan, &frozen, None, at, Vec::new(), OutputFormat::Lines)?;
    Ok(begun.verify(&manifest, &kept.path, proof).await?)
}
