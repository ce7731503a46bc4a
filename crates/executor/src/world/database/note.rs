//! What tells after a crash whether a transaction was committed. SQLite and MySQL keep a row that is
//! written in the same commit, in a table that goes once the journal knows. PostgreSQL remembers the
//! fate of each transaction: its number is written down, on our side, before the commit is asked for.

use std::path::PathBuf;
use std::time::Duration;

use plan_model::sql::Dialect;
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::Session;
use super::address::Address;
use crate::digest::hex;
use crate::event::Failure;
use crate::world::{Job, write_durable};

/// Holds the row, with a mark of the step behind it: nobody else's step uses the same one. It is there
/// only between a commit and the journal.
pub const NOTES: &str = "plan_steps_in_flight";

fn notes(job: &Job) -> String {
    let entry = job.entry_id();
    notes_of(job, entry, job.own.is_some())
}

/// The way back has one of its own: what is cleared up of the way there does not touch it.
fn notes_of(job: &Job, entry: &str, is_back: bool) -> String {
    let way = if is_back { "/back" } else { "" };
    let digest = Sha256::digest(format!("{}/{entry}{way}", job.world.run_key()));
    let mark = hex(&digest[..6]);
    format!("{NOTES}_{mark}")
}

/// How long a transaction whose client is gone may go on until the server notices.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(15);

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    Committed,
    Never,
    /// Nobody can tell; why.
    Unknown(String),
}

fn name(job: &Job) -> String {
    format!("{}/{}", job.world.run_key(), job.performed_as)
}

fn file(job: &Job) -> PathBuf {
    job.logs().join(format!("{}.transaction", job.performed_as))
}

/// Before the transaction begins: what would end it is done now.
pub async fn prepare(session: &mut Session, job: &Job) -> Result<(), Failure> {
    if session.dialect().is_mysql_family() {
        session.run(&table(job, "varchar(255)")).await?;
    }
    Ok(())
}

fn table(job: &Job, kind: &str) -> String {
    format!("create table if not exists {} (step {kind} primary key)", notes(job))
}

/// In the transaction, as the last thing before its commit.
pub async fn leave(session: &mut Session, job: &Job) -> Result<(), Failure> {
    let step = session.literal(&name(job));
    match session.dialect() {
        Dialect::Sqlite => {
            session.run(&table(job, "text")).await?;
            let row = format!("insert or replace into {} values ({step})", notes(job));
            session.run(&row).await?;
        }
        Dialect::MySql | Dialect::MariaDb => {
            session.run(&format!("replace into {} values ({step})", notes(job))).await?;
        }
        Dialect::PostgreSql => {
            let number = session.value("select txid_current()").await?.unwrap_or_default();
            let path = file(job);
            write_durable(&path, number.as_bytes())?;
        }
    }
    Ok(())
}

/// After a crash.
pub async fn fate(session: &mut Session, job: &Job) -> Result<Fate, Failure> {
    if session.dialect() == Dialect::PostgreSql {
        return of_transaction(session, job).await;
    }
    let notes = notes(job);
    let there = match session.dialect() {
        Dialect::Sqlite => format!("select 1 from sqlite_schema where name = '{notes}'"),
        _ => format!(
            "select 1 from information_schema.tables
             where table_schema = database() and table_name = '{notes}'"
        ),
    };
    if session.value(&there).await?.is_none() {
        return Ok(Fate::Never);
    }
    let step = session.literal(&name(job));
    let query = format!("select count(*) from {notes} where step = {step}");
    let count = session.value(&query).await?;
    Ok(if count.as_deref() == Some("1") { Fate::Committed } else { Fate::Never })
}

async fn of_transaction(session: &mut Session, job: &Job) -> Result<Fate, Failure> {
    let Ok(number) = std::fs::read_to_string(file(job)) else { return Ok(Fate::Never) };
    let Ok(number) = number.trim().parse::<u64>() else { return Ok(Fate::Never) };
    let query = format!("select txid_status({number})");
    let mut waited = Duration::ZERO;
    loop {
        match session.value(&query).await?.as_deref() {
            Some("committed") => return Ok(Fate::Committed),
            Some("aborted") => return Ok(Fate::Never),
            Some(_) if waited < ORPHAN_PATIENCE => {}
            Some(_) => {
                let text = format!("transaction {number} still goes on in the server");
                return Ok(Fate::Unknown(text));
            }
            None => {
                let text = format!("the server does not remember transaction {number} any more");
                return Ok(Fate::Unknown(text));
            }
        }
        sleep(Duration::from_millis(200)).await;
        waited += Duration::from_millis(200);
    }
}

/// After a commit that nobody answered: as soon as the server can be asked again.
pub async fn ask_again(at: &Address, job: &Job) -> Result<Fate, Failure> {
    let mut waited = Duration::ZERO;
    loop {
        let asked = async {
            let mut session = job.session(at).await?;
            let fate = fate(&mut session, job).await;
            session.close().await;
            fate
        };
        match asked.await {
            Err(_) if waited < ORPHAN_PATIENCE => {}
            answer => return answer,
        }
        sleep(Duration::from_millis(500)).await;
        waited += Duration::from_millis(500);
    }
}

/// The journal knows it.
pub async fn forget(session: &mut Session, job: &Job) {
    if session.dialect() == Dialect::PostgreSql {
        let _ = std::fs::remove_file(file(job));
        return;
    }
    let _ = session.run(&format!("drop table if exists {}", notes(job))).await;
    // What was left by a kill right before this, of steps whose end the journal knows.
    let there = match session.dialect() {
        Dialect::Sqlite => format!("select name from sqlite_schema where name like '{NOTES}%'"),
        _ => format!(
            "select table_name from information_schema.tables
             where table_schema = database() and table_name like '{NOTES}%'"
        ),
    };
    let lines = session.lines(&there).await.unwrap_or_default();
    let left: Vec<String> = lines.into_iter().flatten().flatten().collect();
    if left.is_empty() {
        return;
    }
    let ended: Vec<usize> = {
        let known = job.world.known.borrow();
        known.iter().filter(|(_, known)| known.ended.is_some()).map(|(entry, _)| *entry).collect()
    };
    let ended: Vec<_> =
        ended.into_iter().map(|at| notes_of(job, &job.world.plan.entry(at).id, false)).collect();
    for table in left.into_iter().filter(|table| ended.contains(table)) {
        let _ = session.run(&format!("drop table if exists {table}")).await;
    }
}
