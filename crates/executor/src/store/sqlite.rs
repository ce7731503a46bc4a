//! The store in one SQLite file beside its logs, readable by its owner alone.
//! WAL with a sync at each commit: what `append` returned for is on the disk.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::{
    Approval, Asked, Claim, Lease, NewRun, Owner, Request, RunRow, Store, StoreError, Token,
    state_after,
};
use crate::archive::catalogue::{Kept, Mark};
use crate::clock::Moment;
use crate::crash::{self, Point};
use crate::event::Record;
use crate::state::RunState;

/// What each layout added to the one before. Never changed, only added to.
const LAYOUTS: &[&str] =
    &[include_str!("layout-1.sql"), include_str!("layout-2.sql"), include_str!("layout-3.sql")];

/// Events of one statement: more are several statements of one transaction.
const CHUNK: usize = 64;
/// How long to wait for others who write.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fewer commits are not worth taking room for.
const FEW: usize = 50;
/// SQLite folds its log into the database after so many pages, and then begins it anew.
const LOG_PAGES: usize = 1000;
/// A page and its frame in the log.
const PAGE_ROOM: usize = 4096 + 24;

/// Events that are read at once: a long journal never stands in memory whole.
const PAGE: i64 = 500;

pub struct SqliteStore {
    connection: SqliteConnection,
}

impl SqliteStore {
    /// Opens the store in a folder; both are made if they are not there.
    pub async fn open(folder: &Path) -> Result<SqliteStore, StoreError> {
        let file = folder.join("store.db");
        make_private(folder, &file).map_err(|error| StoreError::Open {
            path: file.display().to_string(),
            source: error.into(),
        })?;
        SqliteStore::connect(&file).await
    }

    /// Opens a store that is there, to look at it and to ask; `None` where there is none.
    pub async fn open_existing(folder: &Path) -> Result<Option<SqliteStore>, StoreError> {
        let file = folder.join("store.db");
        if !file.exists() {
            return Ok(None);
        }
        SqliteStore::connect(&file).await.map(Some)
    }

    async fn connect(file: &Path) -> Result<SqliteStore, StoreError> {
        let path = file.display().to_string();
        let options = SqliteConnectOptions::new()
            .filename(file)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .foreign_keys(true)
            .disable_statement_logging();
        let wrong = |error: sqlx::Error| match code(&error) {
            Some(26) => StoreError::Foreign { path: path.clone() },
            Some(13) => StoreError::Full,
            Some(8) => StoreError::ReadOnly,
            _ => StoreError::Open { path: path.clone(), source: error.into() },
        };
        let connection = SqliteConnection::connect_with(&options).await.map_err(wrong)?;
        let mut store = SqliteStore { connection };
        // A file of somebody else's is looked at, and left as it is.
        let known = LAYOUTS.len() as i64;
        let (found, tables): (i64, i64) = sqlx::query_as(
            "select user_version, (select count(*) from sqlite_schema) from pragma_user_version",
        )
        .fetch_one(&mut store.connection)
        .await
        .map_err(wrong)?;
        if found > known {
            return Err(StoreError::Newer { path, found, known });
        }
        if found == 0 && tables > 0 {
            return Err(StoreError::Foreign { path });
        }
        store.write_ahead().await.map_err(wrong)?;
        if found < known {
            store.lay_out(&path).await?;
        }
        Ok(store)
    }

    /// Of two who come at once to a new file SQLite lets one wait, and turns the other away.
    async fn write_ahead(&mut self) -> Result<(), sqlx::Error> {
        let started = Instant::now();
        loop {
            let set = sqlx::query("pragma journal_mode = wal").execute(&mut self.connection).await;
            match set {
                Err(error) if code(&error) == Some(5) && started.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                set => return set.map(|_| ()),
            }
        }
    }

    async fn lay_out(&mut self, path: &str) -> Result<(), StoreError> {
        let known = LAYOUTS.len() as i64;
        // Of two who come at once the second one waits here, and finds the work done.
        let mut transaction =
            self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let found: i64 = sqlx::query_scalar("pragma user_version")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
        let tables: i64 = sqlx::query_scalar("select count(*) from sqlite_schema")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
        if found == 0 && tables > 0 {
            return Err(StoreError::Foreign { path: path.to_owned() });
        }
        for layout in LAYOUTS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            sqlx::raw_sql(*layout).execute(&mut *transaction).await.map_err(failed)?;
        }
        let version = format!("pragma user_version = {known}");
        sqlx::raw_sql(AssertSqlSafe(version)).execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Closes the file; SQLite then folds its log into it.
    pub async fn close(self) {
        // What was promised is on the disk already.
        let _ = self.connection.close().await;
    }
}

impl Store for SqliteStore {
    async fn claim(
        &mut self,
        plan: &str,
        environment: Option<&str>,
        owner: &Owner,
        now: Moment,
        instead_of: Option<&str>,
    ) -> Result<Claim, StoreError> {
        let environment = environment.unwrap_or("");
        let mut transaction =
            self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let held = sqlx::query(
            "select leases.*, runs.run as name from leases left join runs on runs.key = leases.run
             where leases.plan = ? and leases.environment = ?",
        )
        .bind(plan)
        .bind(environment)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
        if let Some(held) = held.map(|row| lease(&row)).transpose()?
            && instead_of != Some(held.token.as_str())
        {
            return Ok(Claim::Held(Box::new(held)));
        }
        let token: String = sqlx::query_scalar("select lower(hex(randomblob(16)))")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query("insert or replace into leases values (?, ?, ?, null, ?, ?, ?, '')")
            .bind(plan)
            .bind(environment)
            .bind(&token)
            .bind(serde_json::to_string(owner).expect("an owner is plain data"))
            .bind(now.0)
            .bind(now.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        crash::point(Point::Before);
        transaction.commit().await.map_err(failed)?;
        crash::point(Point::After);
        Ok(Claim::Granted(Token(token)))
    }

    async fn release(&mut self, token: &Token) -> Result<(), StoreError> {
        let query = sqlx::query("delete from leases where token = ?").bind(&token.0);
        crash::point(Point::Before);
        query.execute(&mut self.connection).await.map_err(failed)?;
        crash::point(Point::After);
        Ok(())
    }

    async fn beat(&mut self, token: &Token, now: Moment, doing: &str) -> Result<(), StoreError> {
        let query = sqlx::query("update leases set beat = ?, doing = ? where token = ?");
        let query = query.bind(now.0).bind(doing).bind(&token.0);
        held(query.execute(&mut self.connection).await)
    }

    async fn leases(&mut self) -> Result<Vec<Lease>, StoreError> {
        let rows = sqlx::query(
            "select leases.*, runs.run as name from leases left join runs on runs.key = leases.run",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed)?;
        rows.iter().map(lease).collect()
    }

    async fn create(&mut self, token: &Token, run: &NewRun) -> Result<RunRow, StoreError> {
        let mut transaction =
            self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let number: i64 = sqlx::query_scalar("select count(*) + 1 from runs where plan = ?")
            .bind(&run.plan)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
        let name = format!("{}-{number}", run.plan);
        let key: i64 = sqlx::query_scalar(
            "insert into runs
             (run, plan, environment, digest, state, \"by\", host, started_at, changed_at)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?) returning key",
        )
        .bind(&name)
        .bind(&run.plan)
        .bind(&run.environment)
        .bind(&run.digest)
        .bind(word(RunState::Running))
        .bind(&run.by)
        .bind(&run.host)
        .bind(run.started_at.0)
        .bind(run.started_at.0)
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        sqlx::query("insert into frozen values (?, ?)")
            .bind(key)
            .bind(&run.frozen)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        let query = sqlx::query("update leases set run = ? where token = ?");
        held(query.bind(key).bind(&token.0).execute(&mut *transaction).await)?;
        crash::point(Point::Before);
        transaction.commit().await.map_err(failed)?;
        crash::point(Point::After);
        Ok(RunRow {
            key,
            run: name,
            plan: run.plan.clone(),
            environment: run.environment.clone(),
            digest: run.digest.clone(),
            state: RunState::Running,
            by: run.by.clone(),
            host: run.host.clone(),
            started_at: run.started_at,
            changed_at: run.started_at,
        })
    }

    async fn adopt(&mut self, token: &Token, run: &RunRow) -> Result<(), StoreError> {
        let query = sqlx::query("update leases set run = ? where token = ?");
        crash::point(Point::Before);
        held(query.bind(run.key).bind(&token.0).execute(&mut self.connection).await)?;
        crash::point(Point::After);
        Ok(())
    }

    /// The log grows once instead of at each commit: a sync then need not touch the file system's own
    /// journal, and a disk that fills up meanwhile does not stop the run's.
    async fn expect(&mut self, commits: usize) {
        if commits < FEW {
            return;
        }
        let bytes = commits.min(LOG_PAGES) * PAGE_ROOM;
        // What does not fit the cache goes into the log, also of a transaction that is taken back.
        let sql = format!(
            "pragma cache_size = 10; begin immediate; create table room (body blob);
             insert into room values (zeroblob({bytes})); rollback; pragma cache_size = -2000"
        );
        if sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection).await.is_err() {
            // Without it everything goes on, a little slower.
            let _ = sqlx::raw_sql("rollback").execute(&mut self.connection).await;
            let _ = sqlx::raw_sql("pragma cache_size = -2000").execute(&mut self.connection).await;
        }
    }

    async fn append(
        &mut self,
        token: &Token,
        run: &RunRow,
        records: &[Record],
        taken: &[Asked],
    ) -> Result<(), StoreError> {
        let state = state_after(records);
        if records.len() <= CHUNK && state.is_none() && taken.is_empty() {
            crash::point(Point::Before);
            insert(&mut self.connection, token, run, records).await?;
            crash::point(Point::After);
            return Ok(());
        }
        let mut transaction =
            self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        for records in records.chunks(CHUNK) {
            insert(&mut transaction, token, run, records).await?;
        }
        if let (Some(state), Some(last)) = (state, records.last()) {
            sqlx::query("update runs set state = ?, changed_at = ? where key = ?")
                .bind(word(state))
                .bind(last.at.0)
                .bind(run.key)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        for one in taken {
            let query = sqlx::query(
                "update requests set taken = 1 where number = ?
                 and exists (select 1 from leases where token = ?)",
            );
            held(query.bind(one.number).bind(&token.0).execute(&mut *transaction).await)?;
        }
        crash::point(Point::Before);
        transaction.commit().await.map_err(failed)?;
        crash::point(Point::After);
        Ok(())
    }

    async fn read_on(&mut self, run: &RunRow, behind: u64) -> Result<Vec<Record>, StoreError> {
        // One row for many events: a row of its own for each would cost more than all the rest.
        // No event has a line end in it: JSON writes it as two characters.
        let page: Option<String> = sqlx::query_scalar(
            "select group_concat(number || ' ' || at || ' ' || body, char(10) order by number)
             from (select number, at, body from events
                   where run = ? and number > ? order by number limit ?)",
        )
        .bind(run.key)
        .bind(behind as i64)
        .bind(PAGE)
        .fetch_one(&mut self.connection)
        .await
        .map_err(failed)?;
        page.iter().flat_map(|page| page.lines()).map(record).collect()
    }

    async fn catalogue(
        &mut self,
        token: &Token,
        run: &RunRow,
        kept: &Kept,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(
            "insert or replace into backups (run, id, path, made_at, body)
             select ?, ?, ?, ?, ? where exists (select 1 from leases where token = ?)",
        )
        .bind(run.key)
        .bind(&kept.manifest.id)
        .bind(kept.path.display().to_string())
        .bind(kept.manifest.ended.0)
        .bind(serde_json::to_string(&kept.manifest).expect("a manifest is plain data"))
        .bind(&token.0);
        crash::point(Point::Before);
        held(query.execute(&mut self.connection).await)?;
        crash::point(Point::After);
        Ok(())
    }

    async fn backups(&mut self) -> Result<Vec<Kept>, StoreError> {
        let rows = sqlx::query(
            "select backups.*, runs.run as name, runs.environment from backups
             join runs on runs.key = backups.run
             where removed_at is null order by made_at desc, number desc",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed)?;
        rows.iter().map(kept).collect()
    }

    async fn mark(&mut self, path: &Path, mark: &Mark) -> Result<(), StoreError> {
        let path = path.display().to_string();
        let query = match mark {
            Mark::Verified { at, proof, fault } => sqlx::query(
                "update backups set verified_at = ?, verified_by = ?, fault = ? where path = ?",
            )
            .bind(at.0)
            .bind(proof)
            .bind(fault)
            .bind(path),
            Mark::Removed { at, by } => {
                sqlx::query("update backups set removed_at = ?, removed_by = ? where path = ?")
                    .bind(at.0)
                    .bind(by)
                    .bind(path)
            }
        };
        query.execute(&mut self.connection).await.map_err(failed)?;
        Ok(())
    }

    async fn frozen(&mut self, run: &RunRow) -> Result<Vec<u8>, StoreError> {
        let query = sqlx::query_scalar("select body from frozen where run = ?").bind(run.key);
        query.fetch_one(&mut self.connection).await.map_err(failed)
    }

    async fn runs(&mut self) -> Result<Vec<RunRow>, StoreError> {
        let rows = sqlx::query("select * from runs order by key desc")
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed)?;
        rows.iter().map(run_row).collect()
    }

    async fn approve(&mut self, approval: &Approval) -> Result<(), StoreError> {
        let query = sqlx::query(
            "insert into approvals (digest, plan, environment, role, \"by\", at, note)
             values (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&approval.digest)
        .bind(&approval.plan)
        .bind(&approval.environment)
        .bind(&approval.role)
        .bind(&approval.by)
        .bind(approval.at.0)
        .bind(&approval.note);
        query.execute(&mut self.connection).await.map_err(failed)?;
        Ok(())
    }

    async fn approvals(&mut self, digest: &str) -> Result<Vec<Approval>, StoreError> {
        let query = sqlx::query("select * from approvals where digest = ? order by number desc");
        let rows = query.bind(digest).fetch_all(&mut self.connection).await.map_err(failed)?;
        let read = |row: &SqliteRow| -> Result<Approval, sqlx::Error> {
            Ok(Approval {
                digest: row.try_get("digest")?,
                plan: row.try_get("plan")?,
                environment: row.try_get("environment")?,
                role: row.try_get("role")?,
                by: row.try_get("by")?,
                at: Moment(row.try_get("at")?),
                note: row.try_get("note")?,
            })
        };
        rows.iter().map(|row| read(row).map_err(failed)).collect()
    }

    async fn ask(
        &mut self,
        run: &RunRow,
        by: &str,
        now: Moment,
        request: &Request,
    ) -> Result<(), StoreError> {
        sqlx::query("insert into requests (run, \"by\", at, body) values (?, ?, ?, ?)")
            .bind(run.key)
            .bind(by)
            .bind(now.0)
            .bind(serde_json::to_string(request).expect("a request is plain data"))
            .execute(&mut self.connection)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn asked(&mut self, run: &RunRow) -> Result<Vec<Asked>, StoreError> {
        let rows = sqlx::query(
            "select number, \"by\", at, body from requests
             where run = ? and taken = 0 order by number",
        )
        .bind(run.key)
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed)?;
        let asked = rows.iter().map(|row| {
            let request: Request = serde_json::from_str(row.get("body"))
                .map_err(|error| StoreError::Failed { text: error.to_string() })?;
            Ok(Asked {
                number: row.get("number"),
                by: row.get("by"),
                at: Moment(row.get("at")),
                request,
            })
        });
        asked.collect()
    }
}

/// A line of a page: number, time, body.
fn record(line: &str) -> Result<Record, StoreError> {
    let mut parts = line.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_default();
    let number = next().parse().unwrap_or(0);
    let damaged = |text: String| StoreError::Damaged { number, text };
    let at = next().parse().map(Moment).map_err(|_| damaged("it has no time".to_owned()))?;
    let event = serde_json::from_str(next()).map_err(|error| damaged(error.to_string()))?;
    Ok(Record { number, at, event })
}

/// One statement, so one commit where no transaction is open. Whoever lost the lease writes nothing.
async fn insert(
    connection: &mut SqliteConnection,
    token: &Token,
    run: &RunRow,
    records: &[Record],
) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let mut sql = String::from(
        "insert into events (run, number, at, body)
         select ?1, column1, column2, column3 from (values ",
    );
    for at in 0..records.len() {
        let first = 3 + at * 3;
        let comma = if at > 0 { "," } else { "" };
        sql += &format!("{comma}(?{}, ?{}, ?{})", first, first + 1, first + 2);
    }
    sql += ") where exists (select 1 from leases where token = ?2)";
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(run.key).bind(&token.0);
    for record in records {
        let body = serde_json::to_string(&record.event).expect("an event is plain data");
        query = query.bind(record.number as i64).bind(record.at.0).bind(body);
    }
    held(query.execute(connection).await)
}

/// Whether the lease, on which a statement depends, was there.
fn held(done: Result<sqlx::sqlite::SqliteQueryResult, sqlx::Error>) -> Result<(), StoreError> {
    match done.map_err(failed)?.rows_affected() {
        0 => Err(StoreError::TakenOver),
        _ => Ok(()),
    }
}

fn lease(row: &SqliteRow) -> Result<Lease, StoreError> {
    let owner: Owner = serde_json::from_str(row.get("owner"))
        .map_err(|error| StoreError::Failed { text: error.to_string() })?;
    let environment: String = row.get("environment");
    Ok(Lease {
        plan: row.get("plan"),
        environment: Some(environment).filter(|name| !name.is_empty()),
        token: row.get("token"),
        run: row.get("name"),
        owner,
        since: Moment(row.get("since")),
        beat: Moment(row.get("beat")),
        doing: row.get("doing"),
    })
}

fn kept(row: &SqliteRow) -> Result<Kept, StoreError> {
    let manifest = serde_json::from_str(row.get("body"))
        .map_err(|error| StoreError::Failed { text: error.to_string() })?;
    Ok(Kept {
        path: PathBuf::from(row.get::<String, _>("path")),
        environment: row.get("environment"),
        manifest,
        verified_at: row.get::<Option<i64>, _>("verified_at").map(Moment),
        verified_by: row.get("verified_by"),
        fault: row.get("fault"),
    })
}

fn run_row(row: &SqliteRow) -> Result<RunRow, StoreError> {
    let state: String = row.get("state");
    let state = serde_json::from_value(state.into())
        .map_err(|error| StoreError::Failed { text: error.to_string() })?;
    Ok(RunRow {
        key: row.get("key"),
        run: row.get("run"),
        plan: row.get("plan"),
        environment: row.get("environment"),
        digest: row.get("digest"),
        state,
        by: row.get("by"),
        host: row.get("host"),
        started_at: Moment(row.get("started_at")),
        changed_at: Moment(row.get("changed_at")),
    })
}

fn word(state: RunState) -> String {
    match serde_json::to_value(state) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("a state is one word"),
    }
}

/// SQLite's own number for a failure, without the details.
fn code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(error) = error else { return None };
    error.code()?.parse::<u32>().ok().map(|code| code & 0xFF)
}

fn failed(error: sqlx::Error) -> StoreError {
    match code(&error) {
        Some(13) => StoreError::Full,
        Some(8) => StoreError::ReadOnly,
        _ => StoreError::Failed { text: error.to_string() },
    }
}

/// The folder and the file, for their owner alone.
fn make_private(folder: &Path, file: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Git and backups of the project pass it over.
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    Ok(())
}
