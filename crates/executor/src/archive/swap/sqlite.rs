//! SQLite: a file beside the live one, and two renames while nobody else has it open. A log that stayed
//! behind would be played into the restored file: it is written back and removed first.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Stands, Swap};
use crate::archive;
use crate::crash::{Point, point};
use crate::event::Failure;
use crate::world::database::address::{Address, To};
use crate::world::database::refusal::{Refusal, Why};
use crate::world::database::{Session, sqlite};
use crate::world::error;

/// The file itself, where its name is a link to it.
fn live(swap: &Swap<'_>) -> Result<PathBuf, Failure> {
    let path = swap.at()?.file();
    let path = path.ok_or_else(|| error("this backup is a SQLite file, the connection is not"))?;
    // In the middle of a swap the link leads nowhere.
    match fs::read_link(path) {
        Ok(target) => Ok(path.parent().unwrap_or(Path::new(".")).join(target)),
        Err(_) => Ok(path.to_owned()),
    }
}

fn beside(swap: &Swap<'_>, what: &str) -> Result<PathBuf, Failure> {
    Ok(PathBuf::from(format!("{}.{what}-{}", live(swap)?.display(), swap.mark)))
}

pub fn before(swap: &Swap<'_>) -> Result<PathBuf, Failure> {
    beside(swap, "before")
}

pub fn new(swap: &Swap<'_>) -> Result<PathBuf, Failure> {
    beside(swap, "new")
}

pub fn stands(swap: &Swap<'_>) -> Result<Stands, Failure> {
    Ok(match (before(swap)?.exists(), live(swap)?.exists()) {
        (false, _) => Stands::Before,
        (true, false) => Stands::Between,
        (true, true) => Stands::After,
    })
}

pub async fn prepare(swap: &Swap<'_>) -> Result<(), Failure> {
    let (live, new) = (&live(swap)?, new(swap)?);
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", new.display()));
    crate::world::write_private(&new, b"")?;
    let mut from = archive::open(swap.path, swap.manifest).map_err(wrong)?;
    let mut to = fs::OpenOptions::new().write(true).open(&new).map_err(wrong)?;
    std::io::copy(&mut from, &mut to).map_err(wrong)?;
    to.sync_all().map_err(wrong)?;
    if let Ok(meta) = fs::metadata(live) {
        use std::os::unix::fs::MetadataExt;
        fs::set_permissions(&new, meta.permissions()).map_err(wrong)?;
        // Whoever is not root may only keep what is its own.
        let _ = std::os::unix::fs::chown(&new, Some(meta.uid()), Some(meta.gid()));
    }
    if swap.manifest.proven.as_deref() != Some("read") {
        // It is what was written, to the bit, and that was looked at.
        return Ok(());
    }
    let at = Address { to: To::File(new.clone()), ..swap.at()?.clone() };
    let mut session = swap.job.session(&at).await?;
    let found = session.value("pragma quick_check").await;
    session.close().await;
    match found?.unwrap_or_default() {
        found if found == "ok" => Ok(()),
        found => Err(error(format!("the restored database is damaged: {found}"))),
    }
}

/// So long it is waited for others to close it. SQLite itself does not wait when a log is to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// Nobody else has it open, and all of it is in the one file. Says whether it kept a log.
async fn alone(swap: &Swap<'_>, path: &Path) -> Result<bool, Failure> {
    let at = Address { to: To::File(path.to_owned()), ..swap.at()?.clone() };
    let deadline = Instant::now() + PATIENCE;
    let mut kept_log = false;
    loop {
        // Before anything about it is changed.
        let mut who = sqlite::openers(path).join(", ");
        if who.is_empty() {
            let mut session = swap.job.session(&at).await?;
            let found = all_in_one_file(&mut session, &mut kept_log).await;
            session.roll_back().await;
            let is_late = Instant::now() >= deadline;
            if found.is_err() && kept_log && is_late {
                let _ = session.value("pragma journal_mode = wal").await;
            }
            session.close().await;
            who = match found {
                Ok(()) => return Ok(kept_log),
                Err(refusal) if refusal.why == Why::Locked => refusal.text,
                Err(refusal) => return Err(refusal.into()),
            };
        }
        if Instant::now() >= deadline {
            let path = path.display();
            let why =
                format!("{path} is open elsewhere ({who}): stop what uses it, then try again");
            return Err(error(why));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn all_in_one_file(session: &mut Session, kept_log: &mut bool) -> Result<(), Refusal> {
    let mode = session.value("pragma journal_mode").await?.unwrap_or_default();
    if mode.eq_ignore_ascii_case("wal") {
        session.value("pragma journal_mode = delete").await?;
        *kept_log = true;
    }
    session.run("begin exclusive").await.map(drop)
}

pub async fn swap(swap: &Swap<'_>) -> Result<(), Failure> {
    let (live, new, before) = (&live(swap)?, new(swap)?, before(swap)?);
    let mut kept_log = false;
    if live.exists() {
        kept_log = alone(swap, live).await?;
        point(Point::Swap);
        rename(live, &before)?;
    }
    point(Point::Swap);
    rename(&new, live)?;
    point(Point::Swap);
    sync(live)?;
    if kept_log {
        let at = swap.at()?;
        let mut session = swap.job.session(at).await?;
        session.value("pragma journal_mode = wal").await?;
        session.close().await;
    }
    Ok(())
}

pub fn forget(swap: &Swap<'_>) -> Result<(), Failure> {
    let _ = fs::remove_file(new(swap)?);
    Ok(())
}

pub async fn swap_back(swap: &Swap<'_>) -> Result<(), Failure> {
    let (live, before) = (&live(swap)?, before(swap)?);
    if !before.exists() {
        return forget(swap);
    }
    let mut kept_log = false;
    if live.exists() {
        kept_log = alone(swap, live).await?;
    }
    rename(&before, live)?;
    sync(live)?;
    if kept_log {
        let mut session = swap.job.session(swap.at()?).await?;
        session.value("pragma journal_mode = wal").await?;
        session.close().await;
    }
    forget(swap)
}

fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to)
        .map_err(|problem| error(format!("{} to {}: {problem}", from.display(), to.display())))
}

fn sync(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|problem| error(format!("{}: {problem}", folder.display())))
}
