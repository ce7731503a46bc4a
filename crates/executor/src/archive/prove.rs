//! Whether a backup is one: read from end to end, read by the tool that would restore it, or restored
//! beside the live data and compared.

use std::io::Read;
use std::path::Path;

use plan_model::model::check::Proof;
use plan_model::template::shell_word;
use sha2::{Digest, Sha256};

use super::swap::postgres;
use super::{Kind, Manifest, dump, encrypt};
use crate::digest::{self, hex};
use crate::event::Failure;
use crate::world::database::address::{Address, To};
use crate::world::database::identifier;
use crate::world::database::snapshot::{self, Scope, Snapshot};
use crate::world::{Around, Broken, Job, error};

/// A dump of MySQL and MariaDB ends with this line, and one that was cut off does not.
const LAST_LINE: &str = "-- Dump completed";

/// As far as it is asked for, of a file whose digest is the one of the manifest. It may still bear its
/// partial name.
pub async fn prove(
    job: &Job,
    around: Around,
    manifest: &Manifest,
    path: &Path,
    at: Option<&Address>,
    proof: Proof,
) -> Result<(), Broken> {
    readable(manifest, path)?;
    if proof == Proof::Read {
        return Ok(());
    }
    match manifest.kind {
        Kind::PostgresDump => {
            let unpack = unpack(job, manifest, path)?;
            // Listing it would not see that its end is missing: it is restored, into nothing.
            let text = format!("{unpack} | pg_restore --file=/dev/null");
            by_program(job, around.clone(), "pg_restore", &text).await?;
        }
        Kind::SqliteFile => {
            let copy = unpacked(job, manifest, path)?;
            let looked = whole(job, at, &copy).await;
            let _ = std::fs::remove_file(&copy);
            looked?;
        }
        Kind::SqlDump | Kind::Tar => {}
    }
    if proof == Proof::Parse {
        return Ok(());
    }
    let (Some(at), Some(data)) = (at, &manifest.data) else {
        if manifest.kind == Kind::Tar {
            return Ok(());
        }
        return Err(error(
            "the data changed while they were saved: what a restored copy is cannot be compared with \
             them; save them where nobody writes, or prove by `parse`",
        )
        .into());
    };
    restored(job, around, manifest, path, at, data).await
}

/// Its length, its digest, all of what is packed in it, and its end.
pub fn read(manifest: &Manifest, path: &Path) -> Result<(), Failure> {
    let about = |problem: std::io::Error| {
        error(format!("the backup {} cannot be read: {problem}", path.display()))
    };
    let (sha256, size) = digest::of_file(path).map_err(about)?;
    if size != manifest.size || sha256 != manifest.sha256 {
        return Err(error(format!(
            "the backup {} is not what was written: {size} bytes with {sha256}, not {} with {}",
            path.display(),
            manifest.size,
            manifest.sha256
        )));
    }
    readable(manifest, path)
}

fn readable(manifest: &Manifest, path: &Path) -> Result<(), Failure> {
    let damaged = |why: String| error(format!("the backup {} is damaged: {why}", path.display()));
    if manifest.encrypted_for.is_some() && encrypt::identity().is_none() {
        // Whoever cannot read it knows only that nobody changed it.
        return Ok(());
    }
    let mut reader = super::open(path, manifest).map_err(|problem| damaged(problem.to_string()))?;
    if manifest.kind == Kind::Tar {
        return entries(manifest, reader).map_err(damaged);
    }
    let (mut piece, mut tail, mut whole) = (vec![0; 1 << 17], Vec::new(), 0u64);
    loop {
        let count = reader.read(&mut piece).map_err(|problem| damaged(problem.to_string()))?;
        if count == 0 {
            break;
        }
        whole += count as u64;
        tail.extend_from_slice(&piece[..count]);
        let old = tail.len().saturating_sub(256);
        tail.drain(..old);
    }
    if whole == 0 {
        return Err(damaged("it holds nothing".to_owned()));
    }
    if manifest.kind == Kind::SqlDump && !String::from_utf8_lossy(&tail).contains(LAST_LINE) {
        return Err(damaged(format!("its last line, `{LAST_LINE}`, is missing")));
    }
    Ok(())
}

/// Each file of a tar is what it was when it was saved.
fn entries(manifest: &Manifest, reader: Box<dyn Read + Send>) -> Result<(), String> {
    let mut tar = tar::Archive::new(reader);
    let mut missing: std::collections::BTreeMap<String, &String> = manifest
        .paths
        .iter()
        .map(|(name, what)| {
            let inside = name.trim_start_matches('/');
            (inside.strip_prefix("./").unwrap_or(inside).to_owned(), what)
        })
        .collect();
    for entry in tar.entries().map_err(|problem| problem.to_string())? {
        let mut entry = entry.map_err(|problem| problem.to_string())?;
        let path = entry.path().map_err(|problem| problem.to_string())?;
        let name = path.to_string_lossy().trim_end_matches('/').to_owned();
        // Exactly what was saved, each once: whatever else is in it was put there by somebody.
        let Some(what) = missing.remove(&name) else {
            return Err(format!("`{name}` in it was never saved"));
        };
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_symlink() {
            continue;
        }
        if !kind.is_file() {
            return Err(format!("`{name}` in it is no file, no folder and no link"));
        }
        let mut hash = Sha256::new();
        let mut piece = vec![0; 1 << 17];
        loop {
            let count = entry.read(&mut piece).map_err(|problem| problem.to_string())?;
            if count == 0 {
                break;
            }
            hash.update(&piece[..count]);
        }
        let digest = hex(&hash.finalize());
        if !what.starts_with(&digest) {
            return Err(format!("{name} in it is not what was saved"));
        }
    }
    match missing.keys().next() {
        Some(name) => Err(format!("{name} is not in it")),
        None => Ok(()),
    }
}

fn unpack(job: &Job, manifest: &Manifest, path: &Path) -> Result<String, Failure> {
    let program = shell_word(&job.world.program.display().to_string());
    let unpack = format!("{program} pack --unpack {}", manifest.packed);
    if manifest.encrypted_for.is_some() {
        return Ok(format!("{} | {unpack}", encrypt::command(path)?));
    }
    Ok(format!("{unpack} < {}", shell_word(&path.display().to_string())))
}

async fn by_program(job: &Job, around: Around, tool: &str, text: &str) -> Result<(), Broken> {
    let arguments = ["bash", "-euo", "pipefail", "-c", text].map(str::to_owned).to_vec();
    let timeout = around.timeout;
    let ran = job.program(arguments, around, None, false).await?;
    Ok(ran.check_tool(timeout).map_err(|mut failure| {
        failure.text = format!("the backup cannot be restored: {tool}: {}", failure.text);
        failure
    })?)
}

/// A copy of a SQLite backup, in the run's folder.
fn unpacked(job: &Job, manifest: &Manifest, path: &Path) -> Result<std::path::PathBuf, Failure> {
    let copy = job.world.folder.join(format!("{}.proof", job.id));
    crate::world::write_private(&copy, b"")?;
    let done = super::open(path, manifest).and_then(|mut from| {
        let mut to = std::fs::OpenOptions::new().write(true).open(&copy)?;
        std::io::copy(&mut from, &mut to)
    });
    done.map_err(|problem| error(format!("{}: {problem}", copy.display())))?;
    Ok(copy)
}

async fn whole(job: &Job, at: Option<&Address>, copy: &Path) -> Result<(), Failure> {
    let at = at.ok_or_else(|| error("a database needs its connection"))?;
    let at = Address { to: To::File(copy.to_owned()), ..at.clone() };
    let mut session = job.session(&at).await?;
    let found = session.value("pragma integrity_check").await;
    session.close().await;
    match found?.unwrap_or_default() {
        found if found == "ok" => Ok(()),
        found => Err(error(format!("the backup is damaged: {found}"))),
    }
}

/// The database of a proof: a fixed beginning and nothing that anybody typed; nobody else's has the same name.
fn scratch(job: &Job, step: &str) -> String {
    let mark = Sha256::digest(format!("{}/{step}", job.world.run_key()));
    format!("plan_scratch_{}", hex(&mark[..8]))
}

/// It was left by a kill.
pub async fn forget(job: &Job, at: &Address) -> Result<(), Failure> {
    if at.file().is_some() {
        return Ok(());
    }
    let quoted = identifier(at.dialect, &scratch(job, job.entry_id()));
    let mut session = job.session(at).await?;
    let dropped = session.run(&format!("drop database if exists {quoted}")).await;
    session.close().await;
    dropped.map(drop).map_err(Failure::from)
}

/// Into a database beside the live one, which goes again.
async fn restored(
    job: &Job,
    around: Around,
    manifest: &Manifest,
    path: &Path,
    at: &Address,
    data: &Snapshot,
) -> Result<(), Broken> {
    if manifest.kind == Kind::SqliteFile {
        let copy = unpacked(job, manifest, path)?;
        let there = Address { to: To::File(copy.clone()), ..at.clone() };
        let compared = compared(job, &there, data).await;
        let _ = std::fs::remove_file(&copy);
        return Ok(compared?);
    }
    let name = scratch(job, &manifest.step);
    let there = at.on(&name);
    let quoted = identifier(at.dialect, &name);
    let mut session = job.session(at).await?;
    session.run(&format!("drop database if exists {quoted}")).await.map_err(Failure::from)?;
    let made = match manifest.kind {
        Kind::PostgresDump => {
            postgres::make(&mut session, at.database().unwrap_or_default(), &name).await
        }
        _ => {
            let made = session.run(&format!("create database {quoted}")).await;
            made.map(|_| ()).map_err(Failure::from)
        }
    };
    made.map_err(|failure| {
        error(format!("a database for the proof cannot be made: {}", failure.text))
    })?;
    let loaded = match load(job, around, manifest, path, &there).await {
        Ok(()) => compared(job, &there, data).await.map_err(Broken::from),
        Err(broken) => Err(broken),
    };
    let dropped = session.run(&format!("drop database if exists {quoted}")).await;
    session.close().await;
    let Err(refusal) = dropped else { return loaded };
    let left = format!(
        "the copy {name} may still be on the server: drop database {name}; trying the step again does that"
    );
    Err(match loaded {
        Err(Broken::Failed(failure)) => error(format!("{}; {left}", failure.text)).into(),
        Err(other) => other,
        Ok(()) => error(format!("{}; {left}", refusal.text)).into(),
    })
}

/// A backup into a database that is there and empty.
pub async fn load(
    job: &Job,
    mut around: Around,
    manifest: &Manifest,
    path: &Path,
    there: &Address,
) -> Result<(), Broken> {
    let (login, env) = dump::login(there);
    around.env.extend(env);
    let login: Vec<String> = login.iter().map(|word| shell_word(word)).collect();
    let login = login.join(" ");
    let database = shell_word(there.database().unwrap_or_default());
    let unpack = unpack(job, manifest, path)?;
    let (tool, text) = match manifest.kind {
        Kind::PostgresDump => (
            "pg_restore",
            format!("{unpack} | pg_restore {login} --exit-on-error --dbname={database}"),
        ),
        _ => {
            let client = "$(command -v mariadb || command -v mysql)";
            ("mariadb", format!("{unpack} | {client} {login} {database}"))
        }
    };
    by_program(job, around, tool, &text).await
}

async fn compared(job: &Job, there: &Address, data: &Snapshot) -> Result<(), Failure> {
    let mut session = job.session(there).await?;
    let columns = data.tables.iter();
    let scope = Scope {
        tables: data.tables.keys().cloned().collect(),
        columns: columns.map(|(name, table)| (name.clone(), table.columns.clone())).collect(),
        ..Scope::default()
    };
    let now = snapshot::take(&mut session, &scope).await;
    session.close().await;
    let differences = snapshot::differences(data, &now?, &Default::default(), &[]);
    match differences.is_empty() {
        true => Ok(()),
        false => Err(error(format!(
            "the backup was restored beside the data and is not what was saved: {}",
            differences.join("; ")
        ))),
    }
}
