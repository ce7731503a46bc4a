//! `sql` on SQLite: statements in one transaction, which leaves a note in the same commit, so that
//! after a crash it is known whether they happened. The note goes once the journal knows.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use plan_model::model::action::sql::{Sql, SqlExpectation, Transaction};
use plan_model::model::plan::Surroundings;
use plan_model::notation::Spoken;
use plan_model::resolve::Plan;
use plan_model::sql::{Action, Dialect, Script, TransactionStep};
use serde_json::Value as Json;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Either, Row, TypeInfo, ValueRef};

use super::{Act, Found, Perform};
use crate::event::{Failure, FailureKind, Outputs};
use crate::world::{Broken, Job, error, sqlite};

/// Holds the notes. It is there only between a commit and the journal.
pub const NOTES: &str = "plan_steps_in_flight";

const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// After so many instructions of SQLite's machine the time is looked at.
const LOOK_AT_CLOCK: i32 = 10_000;

/// What the last query of some statements gave.
#[derive(Debug, Default)]
pub struct Rows {
    pub rows: u64,
    pub first: Option<Json>,
    pub changed: u64,
}

impl Perform for Sql {
    fn lacks(&self, plan: &Plan, around: &Surroundings) -> Vec<String> {
        let mut lacks = sqlite::lacks(plan, name_of(self, around));
        if self.keys().is_some_and(|keys| keys.save_rows.is_some()) {
            lacks.push("this version of plan cannot `save_rows` yet".to_owned());
        }
        lacks
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let rows = run(self, job, around).await?;
            let mut outputs = Outputs::new();
            outputs.insert("rows".to_owned(), Json::from(rows.rows));
            outputs.insert("changed".to_owned(), Json::from(rows.changed));
            outputs.extend(rows.first.map(|value| ("value".to_owned(), value)));
            Ok(outputs)
        })
    }

    fn found<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async move {
            if self.is_outside_transaction() {
                return Found::InDoubt;
            }
            let how = |text: &str| text.to_owned();
            match noted(self, job, around).await {
                Ok(true) => Found::Done {
                    how: how("the database holds the note of its commit"),
                    outputs: Outputs::new(),
                },
                Ok(false) => Found::Undone { how: how("its transaction was never committed") },
                Err(_) => Found::InDoubt,
            }
        })
    }

    fn settled<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, ()> {
        Box::pin(async move {
            if self.is_outside_transaction() {
                return;
            }
            // Should it not work, the next one that settles takes it along.
            let Ok(mut connection) = connect(self, job, around).await else { return };
            let drop = format!("drop table if exists {NOTES}");
            let _ = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await;
            let _ = connection.close().await;
        })
    }
}

trait Told {
    fn is_outside_transaction(&self) -> bool;
}

impl Told for Sql {
    fn is_outside_transaction(&self) -> bool {
        let said = self.keys().and_then(|keys| keys.transaction);
        matches!(said, Some(Transaction::Off | Transaction::Each))
    }
}

fn said(problem: sqlx::Error) -> Failure {
    error(sqlite::said(&problem))
}

/// How long everything and each statement may take.
#[derive(Default, Clone, Copy)]
struct Limits {
    whole: Option<Duration>,
    each: Option<Duration>,
}

impl Limits {
    fn of(sql: &Sql, job: &Job, around: &Surroundings) -> Result<Limits, Failure> {
        let fill = job.filler();
        let each = sql.keys().and_then(|keys| keys.statement_timeout.as_ref());
        Ok(Limits {
            whole: fill.optional_time(around.timeout.as_ref())?,
            each: fill.optional_time(each)?,
        })
    }
}

/// What cannot run in the transaction of a step: it is refused before anything has run.
fn fits_transaction(text: &str) -> Result<(), Failure> {
    for statement in statements(text).statements {
        let shown = text[statement.head.clone()].trim();
        let line = text[..statement.range.start].lines().count().max(1);
        match statement.action {
            Action::Transaction(
                TransactionStep::Begin | TransactionStep::Commit | TransactionStep::Rollback,
            ) => {
                return Err(error(format!(
                    "line {line}: `{shown}`: the step has a transaction of its own, and nothing was \
                     run: leave it out, or write `transaction: off`"
                )));
            }
            _ if statement.outside_transaction => {
                return Err(error(format!(
                    "line {line}: `{shown}` cannot run in a transaction, and nothing was run: write \
                     `transaction: off`"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn statements(text: &str) -> Script {
    plan_model::sql::read(text, Dialect::Sqlite)
}

/// The file that a step or check works on.
fn database(job: &Job, name: Option<&str>) -> Result<PathBuf, Failure> {
    let plan = &job.world.plan.plan;
    let connection = match name {
        Some(name) => plan.connection(name),
        None => plan.connections.first().map(|(_, connection)| connection),
    };
    let connection = connection.ok_or_else(|| error("the plan has no such connection"))?;
    sqlite::file(connection, &job.filler())?
        .ok_or_else(|| error("this version of plan reaches SQLite databases only"))
}

async fn connect(sql: &Sql, job: &Job, around: &Surroundings) -> Result<SqliteConnection, Failure> {
    sqlite::open(&database(job, name_of(sql, around))?, lock_patience(sql, job)?).await
}

/// Somebody else kept the database locked until our patience was over: who.
fn locked(sql: &Sql, job: &Job, around: &Surroundings) -> Result<Failure, Failure> {
    let path = database(job, name_of(sql, around))?;
    let waited = Spoken(lock_patience(sql, job)?);
    let holders = match sqlite::holders(&path) {
        holders if holders.is_empty() => "another connection".to_owned(),
        holders => holders.join(", "),
    };
    Ok(error(format!(
        "{} is locked by {holders}, still after {waited}: nothing was changed",
        path.display()
    )))
}

fn name_of<'a>(sql: &'a Sql, around: &'a Surroundings) -> Option<&'a str> {
    let named = sql.keys().and_then(|keys| keys.database.as_ref());
    named.map(|name| name.value.as_str()).or(around.on.as_ref().map(|on| on.value.as_str()))
}

fn lock_patience(sql: &Sql, job: &Job) -> Result<Duration, Failure> {
    let wait = sql.keys().and_then(|keys| keys.lock_timeout.as_ref());
    Ok(job.filler().optional_time(wait)?.unwrap_or(LOCK_PATIENCE))
}

async fn run(sql: &Sql, job: &Job, around: &Surroundings) -> Result<Rows, Failure> {
    let fill = job.filler();
    let keys = sql.keys();
    let text = match (sql.text(), keys.and_then(|keys| keys.file.as_ref())) {
        (_, Some(file)) => {
            let path = fill.path(&file.value)?;
            std::fs::read_to_string(&path)
                .map_err(|problem| error(format!("{}: {problem}", path.display())))?
        }
        (Some(text), None) => fill.sql(&text.value)?,
        (None, None) => return Err(error("there are no statements")),
    };
    let text = bind(job, sql, text)?;
    let limits = Limits::of(sql, job, around)?;
    if !sql.is_outside_transaction() {
        fits_transaction(&text)?;
    }
    let mut connection = connect(sql, job, around).await?;
    let expect = keys.and_then(|keys| keys.expect.as_ref());
    if sql.is_outside_transaction() {
        let rows = execute(&mut connection, &text, limits).await?;
        met(job, expect, &rows)?;
        let _ = connection.close().await;
        return Ok(rows);
    }
    let begun = connection.begin_with("BEGIN IMMEDIATE").await;
    let mut transaction = begun.map_err(|problem| match sqlite::is_locked(&problem) {
        true => locked(sql, job, around).unwrap_or_else(|failure| failure),
        false => said(problem),
    })?;
    let notes = format!("create table if not exists {NOTES} (step text primary key)");
    sqlx::raw_sql(AssertSqlSafe(notes)).execute(&mut *transaction).await.map_err(said)?;
    let rows = execute(&mut transaction, &text, limits).await?;
    met(job, expect, &rows)?;
    let note = format!("insert or replace into {NOTES} values (?)");
    sqlx::query(AssertSqlSafe(note))
        .bind(format!("{}/{}", job.world.run.id, job.performed_as))
        .execute(&mut *transaction)
        .await
        .map_err(|problem| {
            // The statements ended our transaction, or dropped everything.
            let text = sqlite::said(&problem);
            error(format!("the statements must not end the transaction themselves: {text}"))
        })?;
    transaction.commit().await.map_err(said)?;
    let _ = connection.close().await;
    Ok(rows)
}

async fn noted(sql: &Sql, job: &Job, around: &Surroundings) -> Result<bool, Failure> {
    let mut connection = connect(sql, job, around).await?;
    let there: i64 = sqlx::query_scalar("select count(*) from sqlite_schema where name = ?")
        .bind(NOTES)
        .fetch_one(&mut connection)
        .await
        .map_err(said)?;
    if there == 0 {
        return Ok(false);
    }
    let query = format!("select count(*) from {NOTES} where step = ?");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(query))
        .bind(format!("{}/{}", job.world.run.id, job.performed_as))
        .fetch_one(&mut connection)
        .await
        .map_err(said)?;
    Ok(count > 0)
}

/// A query for a check: nothing it does is kept.
pub async fn query(job: &Job, name: Option<&str>, text: &str) -> Result<Rows, Failure> {
    let mut connection = sqlite::open(&database(job, name)?, LOCK_PATIENCE).await?;
    let only_read = sqlx::raw_sql("pragma query_only = on");
    only_read.execute(&mut connection).await.map_err(said)?;
    let rows = execute(&mut connection, text, Limits::default()).await?;
    let _ = connection.close().await;
    Ok(rows)
}

/// Runs statements one after the other, and ends at the first that fails.
async fn execute(
    connection: &mut SqliteConnection,
    text: &str,
    limits: Limits,
) -> Result<Rows, Failure> {
    let script = statements(text);
    let mut pieces: Vec<&str> =
        script.statements.iter().map(|statement| &text[statement.range.clone()]).collect();
    if !script.problems.is_empty() {
        // What is wrong with it, SQLite itself says best.
        pieces = vec![text];
    }
    let began = Instant::now();
    let mut rows = Rows::default();
    for piece in pieces {
        let left = limits.whole.map(|whole| whole.saturating_sub(began.elapsed()));
        let limit = [left, limits.each].into_iter().flatten().min();
        bound(connection, limit).await?;
        let before = all_changes(connection).await?;
        let one = match statement(connection, piece).await {
            Err(problem) if sqlite::is_interrupted(&problem) => {
                // SQLite takes back what was not committed.
                let limit =
                    if left.is_some() && limit == left { limits.whole } else { limits.each };
                let limit = Spoken(limit.unwrap_or_default());
                let text = format!("took longer than {limit} and was ended");
                return Err(Failure::new(FailureKind::TimedOut, text));
            }
            one => one.map_err(said)?,
        };
        bound(connection, None).await?;
        // After a statement that changes nothing, SQLite still tells of the one before it.
        let changed = if all_changes(connection).await? == before { 0 } else { one.changed };
        rows = Rows { changed: rows.changed + changed, ..one };
    }
    Ok(rows)
}

async fn statement(connection: &mut SqliteConnection, text: &str) -> Result<Rows, sqlx::Error> {
    let mut rows = Rows::default();
    let mut results = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(&mut *connection);
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(done) => rows.changed += done.rows_affected(),
            Either::Right(row) => {
                rows.rows += 1;
                if rows.rows == 1 {
                    rows.first = first_value(&row);
                }
            }
        }
    }
    Ok(rows)
}

async fn all_changes(connection: &mut SqliteConnection) -> Result<i64, Failure> {
    let query = sqlx::query_scalar("select total_changes()");
    query.fetch_one(connection).await.map_err(said)
}

/// Statements that are still at it after this time are interrupted: one that nobody waits for any
/// more would go on and keep its locks.
async fn bound(connection: &mut SqliteConnection, limit: Option<Duration>) -> Result<(), Failure> {
    let mut handle = connection.lock_handle().await.map_err(said)?;
    match limit {
        Some(limit) => {
            let deadline = Instant::now() + limit;
            handle.set_progress_handler(LOOK_AT_CLOCK, move || Instant::now() < deadline);
        }
        None => handle.remove_progress_handler(),
    }
    Ok(())
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
        _ => Json::from(row.get_unchecked::<String, _>(0)),
    })
}

/// What the statements must have done; otherwise the transaction is taken back.
fn met(job: &Job, expect: Option<&SqlExpectation>, rows: &Rows) -> Result<(), Failure> {
    let Some(expect) = expect else { return Ok(()) };
    let fill = job.filler();
    let not = |text: String| Err(Failure::new(FailureKind::NotHeld, text));
    if let Some(wanted) = &expect.rows {
        let wanted = fill.count(wanted)?;
        if rows.rows != wanted {
            return not(format!("the last query gives {} rows, not {wanted}", rows.rows));
        }
    }
    if fill.flag(expect.empty.as_ref(), false)? && rows.rows > 0 {
        return not(format!("the last query gives {} rows, not none", rows.rows));
    }
    if let Some(wanted) = &expect.value {
        let wanted = fill.text(&wanted.plain())?;
        let found = rows.first.as_ref().map(|value| match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        });
        if found.as_deref() != Some(wanted.as_str()) {
            let found = found.unwrap_or_else(|| "nothing".to_owned());
            return not(format!("the last query gives {found}, not {wanted}"));
        }
    }
    if let Some(wanted) = &expect.changed {
        let text = fill.text(&wanted.plain())?;
        let (least, most) = text.split_once("..").unwrap_or((&text, &text));
        let (Ok(least), Ok(most)) = (least.trim().parse::<u64>(), most.trim().parse::<u64>())
        else {
            return Err(error(format!("`changed: {text}` is no number and no range")));
        };
        if !(least..=most).contains(&rows.changed) {
            return not(format!("{} rows were changed, not {text}", rows.changed));
        }
    }
    Ok(())
}

/// Puts the values of `:name` in, each as a literal of its own. Quotes and comments are left alone.
fn bind(job: &Job, sql: &Sql, text: String) -> Result<String, Failure> {
    let Some(values) = sql.keys().and_then(|keys| keys.values.as_ref()) else { return Ok(text) };
    let mut literals = Vec::new();
    for (name, value) in &values.0 {
        let literal = match &value.json {
            Json::String(value) => {
                let value = job.filler().text(value)?;
                if value.contains('\0') {
                    return Err(error(format!("the value of :{} holds a NUL byte", name.value)));
                }
                format!("'{}'", value.replace('\'', "''"))
            }
            Json::Bool(true) => "1".to_owned(),
            Json::Bool(false) => "0".to_owned(),
            other => other.to_string(),
        };
        literals.push((name.value.as_str(), literal));
    }
    Ok(plan_model::sql::with_values(&text, Dialect::Sqlite, &literals))
}
