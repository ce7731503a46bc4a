//! SQLite databases that a plan works on: opened for each use, closed after it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plan_model::model::plan::{Connection, ServerKind};
use plan_model::resolve::Plan;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection as _};

use super::error;
use crate::event::Failure;
use crate::fill::Filler;

/// The file of a connection, if it is one to SQLite.
pub fn file(connection: &Connection, fill: &Filler<'_>) -> Result<Option<PathBuf>, Failure> {
    if let Some(file) = &connection.file {
        return Ok(Some(fill.path(&file.value)?));
    }
    let Some(url) = fill.optional(connection.url.as_ref())? else { return Ok(None) };
    let Some(rest) = url.strip_prefix("sqlite:") else { return Ok(None) };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split('?').next().unwrap_or(path);
    Ok(Some(fill.base.join(path)))
}

/// Whether a connection may lead to SQLite, as far as the plan says: an address that only the run
/// fills in may.
fn is_meant(connection: &Connection) -> bool {
    let may_be = |url: &str| url.starts_with("sqlite:") || url.starts_with("{{");
    match connection.server {
        Some(server) => server == ServerKind::Sqlite,
        None => {
            connection.file.is_some()
                || connection.url.as_ref().is_some_and(|url| may_be(url.value.trim_start()))
        }
    }
}

/// Whether a connection, or the first one where none is named, is another server's.
pub fn lacks(plan: &Plan, name: Option<&str>) -> Vec<String> {
    let known = match name {
        Some(name) => plan.connections.iter().find(|(id, _)| id.value == name),
        None => plan.connections.first(),
    };
    let other = known.filter(|(_, connection)| !is_meant(connection));
    let why =
        other.map(|(id, _)| format!("this version of plan reaches SQLite only, not {}", id.value));
    why.into_iter().collect()
}

/// Opens the file that is there; a mistyped name makes no new one.
pub async fn open(path: &Path, wait: Duration) -> Result<SqliteConnection, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(wait)
        .foreign_keys(true)
        .disable_statement_logging();
    SqliteConnection::connect_with(&options).await.map_err(|problem| {
        if path.exists() {
            error(format!("{} cannot be opened: {problem}", path.display()))
        } else {
            error(format!("there is no database file {}", path.display()))
        }
    })
}

/// What SQLite said, without the words around it.
pub fn said(problem: &sqlx::Error) -> String {
    match problem {
        sqlx::Error::Database(database) => database.message().to_owned(),
        other => other.to_string(),
    }
}

pub fn is_locked(problem: &sqlx::Error) -> bool {
    // SQLITE_BUSY and SQLITE_LOCKED, and what is written behind their first eight bits.
    matches!(code(problem), Some(code) if matches!(code & 0xff, 5 | 6))
}

/// It was told to stop.
pub fn is_interrupted(problem: &sqlx::Error) -> bool {
    code(problem) == Some(9)
}

fn code(problem: &sqlx::Error) -> Option<i32> {
    problem.as_database_error()?.code()?.parse().ok()
}

/// Who else holds a lock on a database, as far as this machine tells.
pub fn holders(path: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    // In WAL mode the locks are on the file beside it.
    let beside = |end: &str| PathBuf::from(format!("{}{end}", path.display()));
    let files = [path.to_owned(), beside("-shm")];
    let nodes: Vec<String> = files
        .iter()
        .filter_map(|file| file.metadata().ok())
        .map(|meta| format!(":{}", meta.ino()))
        .collect();
    let own = std::process::id().to_string();
    let mut found: Vec<String> = Vec::new();
    for line in std::fs::read_to_string("/proc/locks").unwrap_or_default().lines() {
        // "1: POSIX  ADVISORY  WRITE 4711 08:01:1311 0 EOF"
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, _, process, file, ..] = words[..] else { continue };
        if process == own || !nodes.iter().any(|node| file.ends_with(node.as_str())) {
            continue;
        }
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        let one = format!("{} (process {process})", name.trim());
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}
