//! The store in a SQLite file: the contract, and which files it opens.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use plan_executor::store::sqlite::SqliteStore;
use plan_executor::store::{Store, StoreError};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::contract;

#[tokio::test]
async fn sqlite_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    let one = SqliteStore::open(folder.path()).await.unwrap();
    let two = SqliteStore::open(folder.path()).await.unwrap();
    contract::keeps_every_promise(one, two).await;
}

async fn file_with(folder: &Path, sql: &str) {
    let file = folder.join("store.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn refused(folder: &Path) -> StoreError {
    let before = fs::read(folder.join("store.db")).unwrap();
    let Err(error) = SqliteStore::open(folder).await else { panic!("it was opened") };
    assert!(SqliteStore::open_existing(folder).await.is_err());
    assert_eq!(fs::read(folder.join("store.db")).unwrap(), before, "it was changed");
    error
}

#[tokio::test]
async fn an_older_layout_opens() {
    // Made and not laid out yet: whoever made it was killed.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("store.db"), "").unwrap();
    let mut store = SqliteStore::open(folder.path()).await.unwrap();
    assert!(store.runs().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_newer_layout_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    file_with(folder.path(), "create table runs (key); pragma user_version = 99").await;
    let text = refused(folder.path()).await.to_string();
    assert!(text.contains("made by a newer plan (layout 99, this one knows 3)"), "{text}");
}

#[tokio::test]
async fn files_of_others_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    file_with(folder.path(), "create table orders (id); insert into orders values (1)").await;
    assert!(matches!(refused(folder.path()).await, StoreError::Foreign { .. }));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("store.db"), "not a database at all, but a text\n".repeat(99))
        .unwrap();
    assert!(matches!(refused(folder.path()).await, StoreError::Foreign { .. }));
}

#[tokio::test]
async fn a_folder_without_a_store_is_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(SqliteStore::open_existing(folder.path()).await.unwrap().is_none());
    assert!(!folder.path().join("store.db").exists(), "looking makes nothing");
}

#[tokio::test]
async fn the_store_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    SqliteStore::open(&store).await.unwrap().close().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store), 0o700);
    assert_eq!(mode(&store.join("store.db")), 0o600);
}
