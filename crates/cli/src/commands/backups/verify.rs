//! `plan backups verify`: whether a backup is still one. What was found out stands in the catalogue.

use plan_executor::archive::catalogue::{Kept, Mark};
use plan_executor::archive::encrypt::{IDENTITY, identity};
use plan_executor::archive::{self, Manifest, prove};
use plan_executor::digest;
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
    let (mut bad, mut unknown) = (0, 0);
    let here = std::env::current_dir();
    for kept in wanted {
        let proof = args.proof.map_or(Proof::Read, Proof::from);
        let found = look(&mut store, &kept, proof, args).await?;
        // A plan's folder was entered for it.
        if let Ok(here) = &here {
            let _ = std::env::set_current_dir(here);
        }
        let (word, text) = match &found {
            Looked::Whole => {
                let is_closed = kept.manifest.encrypted_for.is_some() && identity().is_none();
                let how = match is_closed {
                    true => format!("its digest; to read it: {IDENTITY}=FILE"),
                    false => format!("by {}", proof.word()),
                };
                (paint(theme::GOOD, "whole"), format!(" ({how})"))
            }
            Looked::Damaged(text) => (paint(theme::BAD, "not whole"), format!(": {text}")),
            Looked::Unknown(text) => {
                (paint(theme::BAD, "could not be verified"), format!(": {text}"))
            }
        };
        terminal.line(&format!("{}: {word}{text}", kept.manifest.id));
        let fault = match found {
            Looked::Whole => None,
            Looked::Damaged(text) => Some(text),
            // That says nothing about the backup, and nothing is kept of it.
            Looked::Unknown(_) => {
                unknown += 1;
                continue;
            }
        };
        bad += usize::from(fault.is_some());
        let (at, proof) = (operate::clock().now(), proof.word().to_owned());
        store.mark(&kept.path, &Mark::Verified { at, proof, fault }).await?;
    }
    let word = |count: usize| if count == 1 { "backup is" } else { "backups are" };
    if bad > 0 {
        return Err(Refusal::new(
            Exit::RolledBack,
            format!("{bad} {} not what was written", word(bad)),
            "take a new one now, and look at the disk that it lies on",
        ));
    }
    if unknown > 0 {
        return Err(Refusal::new(
            Exit::RolledBack,
            format!("{unknown} {} not verified", word(unknown)),
            "see to what is listed above, and verify again; what is known of them stays as it was",
        ));
    }
    Ok(Exit::Done)
}

/// What a look at a backup came to.
enum Looked {
    Whole,
    /// It is not what was written.
    Damaged(String),
    /// Something else was in the way.
    Unknown(String),
}

/// Its digest is the word about it: whatever else is in the way is no fault of the backup.
async fn look(
    store: &mut SqliteStore,
    kept: &Kept,
    proof: Proof,
    args: &VerifyBackups,
) -> Result<Looked, Refusal> {
    if !kept.path.exists() {
        let copy = kept.manifest.copy.as_ref().map_or(String::new(), |copy| {
            let id = &kept.manifest.id;
            format!("; its second copy: {copy}; bring it back: plan backups fetch {id}")
        });
        let text = format!("{} is not there{copy}", kept.path.display());
        return Ok(Looked::Unknown(text));
    }
    let path = kept.path.clone();
    let reading = tokio::task::spawn_blocking(move || digest::of_file(&path));
    match reading.await {
        Ok(Ok((sha256, size))) if sha256 != kept.manifest.sha256 || size != kept.manifest.size => {
            return Ok(Looked::Damaged(format!(
                "{size} bytes with {sha256}, not {} with {}",
                kept.manifest.size, kept.manifest.sha256
            )));
        }
        Ok(Ok(_)) => {}
        Ok(Err(problem)) => return Ok(Looked::Unknown(problem.to_string())),
        Err(_) => return Ok(Looked::Unknown("it could not be read".to_owned())),
    }
    // What stands beside it could have been changed.
    let manifest = match archive::manifest(&kept.path) {
        Ok(manifest) if manifest.sha256 == kept.manifest.sha256 => manifest,
        Ok(_) => {
            let text = "what stands beside it is not what the catalogue knows of it";
            return Ok(Looked::Damaged(text.to_owned()));
        }
        Err(failure) => return Ok(Looked::Damaged(failure.text)),
    };
    let (known, path) = (manifest.clone(), kept.path.clone());
    let reading = tokio::task::spawn_blocking(move || prove::read(&known, &path));
    let found = match reading.await {
        Ok(Ok(())) if proof == Proof::Read || manifest.database.is_none() => Ok(()),
        Ok(Ok(())) => by_server(store, kept, manifest, proof, args).await?,
        Ok(failed) => failed,
        Err(_) => Err(plan_executor::world::error("it could not be read")),
    };
    Ok(match found {
        Ok(()) => Looked::Whole,
        Err(failure) => Looked::Unknown(failure.text),
    })
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
    Ok(apply::complete(begun)?.verify(&manifest, &kept.path, proof).await?)
}
