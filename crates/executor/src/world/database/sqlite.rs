//! What SQLite does its own way.

pub mod digest;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use plan_model::sql::Dialect;
use serde_json::Value as Json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Either, Row, TypeInfo, ValueRef};

use super::refusal::Refusal;
use super::{Line, Rows, each};
use crate::event::Failure;
use crate::world::error;

/// After so many instructions of SQLite's machine the time is looked at.
const LOOK_AT_CLOCK: i32 = 10_000;

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

pub async fn run(
    connection: &mut SqliteConnection,
    text: &str,
    counts: bool,
    reached: &mut usize,
) -> Result<Rows, sqlx::Error> {
    // Each question goes to another thread and back, which a small statement notices.
    let may_change = counts && !changes_no_row(text);
    let before = if may_change { all_changes(connection).await? } else { 0 };
    let mut rows = Rows::default();
    each!(connection, text, done => {
        rows.changed += done.rows_affected();
        *reached += 1;
    }, row => {
        // A value can be read once.
        let is_first = rows.rows == 0;
        if is_first {
            rows.first = first_value(&row);
        }
        let first = rows.first.clone().filter(|_| is_first);
        rows.add(&row, |row| match first {
            Some(first) => {
                let first = match first {
                    Json::Null => None,
                    Json::String(text) => Some(text),
                    other => Some(other.to_string()),
                };
                std::iter::once(first).chain((1..row.len()).map(|at| cell(row, at))).collect()
            }
            None => line(row),
        });
    });
    // After a statement that changes nothing, SQLite still tells of the one before it.
    if !may_change || all_changes(connection).await? == before {
        rows.changed = 0;
    }
    Ok(rows)
}

/// One statement of a kind that never does.
fn changes_no_row(text: &str) -> bool {
    const WORDS: [&str; 7] = ["begin", "commit", "rollback", "pragma", "create", "drop", "alter"];
    let text = text.trim();
    let is_one = !text.trim_end_matches(';').contains(';');
    let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    is_one && WORDS.iter().any(|one| one.eq_ignore_ascii_case(word))
}

async fn all_changes(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select total_changes()").fetch_one(connection).await
}

/// Statements that are still at it after this time are interrupted: one that nobody waits for any
/// more would go on and keep its locks.
pub async fn bound(
    connection: &mut SqliteConnection,
    limit: Option<Duration>,
) -> Result<(), Refusal> {
    let handle = connection.lock_handle().await;
    let mut handle = handle.map_err(|problem| Refusal::of(&problem, Dialect::Sqlite))?;
    match limit {
        Some(limit) => {
            let deadline = Instant::now() + limit;
            handle.set_progress_handler(LOOK_AT_CLOCK, move || Instant::now() < deadline);
        }
        None => handle.remove_progress_handler(),
    }
    Ok(())
}

pub fn line(row: &SqliteRow) -> Line {
    (0..row.len()).map(|at| cell(row, at)).collect()
}

fn cell(row: &SqliteRow, at: usize) -> Option<String> {
    let raw = row.try_get_raw(at).ok()?;
    (!raw.is_null()).then(|| text(row, at))
}

fn first_value(row: &SqliteRow) -> Option<Json> {
    row.columns().first()?;
    let raw = row.try_get_raw(0).ok()?;
    if raw.is_null() {
        return Some(Json::Null);
    }
    let kind = raw.type_info().name().to_owned();
    Some(match kind.as_str() {
        "INTEGER" | "BOOLEAN" => Json::from(row.get_unchecked::<i64, _>(0)),
        "REAL" => Json::from(row.get_unchecked::<f64, _>(0)),
        "BLOB" => Json::from(format!("{} bytes", row.get_unchecked::<Vec<u8>, _>(0).len())),
        _ => Json::from(text(row, 0)),
    })
}

/// A database may hold any bytes and call them text.
fn text(row: &SqliteRow, at: usize) -> String {
    String::from_utf8_lossy(row.get_unchecked::<&[u8], _>(at)).into_owned()
}

/// What SQLite said, without the words around it.
pub fn said(problem: &sqlx::Error) -> String {
    match problem {
        sqlx::Error::Database(database) => database.message().to_owned(),
        other => other.to_string(),
    }
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

/// Who else has a file open, as far as this machine tells.
pub fn openers(path: &Path) -> Vec<String> {
    let Ok(path) = path.canonicalize() else { return Vec::new() };
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = process.file_name().to_string_lossy().into_owned();
        if number == own || !number.chars().all(|c| c.is_ascii_digit()) {
            continue;
        }
        let opened = std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let is_open =
            |file: std::fs::DirEntry| std::fs::read_link(file.path()).ok() == Some(path.clone());
        if opened.into_iter().any(is_open) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            found.push(format!("{} (process {number})", name.trim()));
        }
    }
    found
}
