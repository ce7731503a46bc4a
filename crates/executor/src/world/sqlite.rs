//! SQLite databases that a plan works on: opened for each use, closed after it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plan_model::model::plan::{Connection, ServerKind};
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

/// Whether a connection leads to SQLite, as far as the plan says.
pub fn is_meant(connection: &Connection) -> bool {
    connection.file.is_some()
        || connection.server == Some(ServerKind::Sqlite)
        || connection.url.as_ref().is_some_and(|url| url.value.starts_with("sqlite:"))
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
