//! What PostgreSQL does its own way.

use futures_util::TryStreamExt;
use plan_model::sql::{self, Action, Dialect};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Either, Row, TypeInfo, ValueRef};

use super::refusal::Refusal;
use super::{Line, Rows, each, json};
use crate::event::Failure;

/// From this version on a server notices that a client is gone while a statement runs.
const NOTICES_LOSS: u32 = 140_000;

/// The number of the session; and what it needs to end soon after we do.
pub async fn begin(connection: &mut PgConnection) -> Result<i64, Failure> {
    let said = |problem: sqlx::Error| Failure::from(Refusal::of(&problem, Dialect::PostgreSql));
    let text = format!("select pg_backend_pid(){}", settings(connection));
    let mut number = 0;
    let reading = async {
        each!(connection, text, _done => (), row => {
            number = super::postgres::line(&row)[0].as_deref().unwrap_or("0").parse().unwrap_or(0);
        });
        Ok(())
    };
    reading.await.map_err(said)?;
    Ok(number)
}

/// What a session is set to, behind another statement.
pub fn settings(connection: &PgConnection) -> &'static str {
    match connection.server_version_num() {
        Some(version) if version >= NOTICES_LOSS => "; set client_connection_check_interval = '1s'",
        _ => "",
    }
}

pub async fn run(
    connection: &mut PgConnection,
    text: &str,
    reached: &mut usize,
) -> Result<Rows, sqlx::Error> {
    let mut rows = Rows::default();
    let mut affected = 0;
    let mut changes = false;
    each!(connection, text, done => {
        affected += done.rows_affected();
        *reached += 1;
    }, row => {
        rows.add(&row, line);
        if rows.rows == 1 {
            let kind = row.columns().first().map(|_| row.try_get_raw(0));
            if let Some(Ok(raw)) = kind {
                let name = raw.type_info().name().to_owned();
                rows.first = Some(json(&name, cell(&row, 0)));
            }
        }
    });
    // The server counts what a query gives in the same place as what a change does.
    if affected > 0 {
        changes = does_change(text);
    }
    rows.changed = if changes { affected } else { 0 };
    Ok(rows)
}

fn does_change(text: &str) -> bool {
    sql::read(text, Dialect::PostgreSql).statements.iter().any(|statement| {
        let is = |words: &[&str]| {
            statement.tokens.iter().any(|token| words.iter().any(|word| token.is(text, word)))
        };
        match &statement.action {
            Action::Insert(_) | Action::Update(_) | Action::Delete(_) => true,
            _ => {
                let first = statement.tokens.first();
                let begins = |word: &str| first.is_some_and(|first| first.is(text, word));
                begins("merge")
                    || begins("copy")
                    || begins("insert")
                    || begins("update")
                    || begins("delete")
                    || (begins("with") && is(&["insert", "update", "delete", "merge"]))
                    || (begins("create") && is(&["select"]))
            }
        }
    })
}

pub fn line(row: &PgRow) -> Line {
    (0..row.len()).map(|at| cell(row, at)).collect()
}

/// What is asked in one go comes back as text.
fn cell(row: &PgRow, at: usize) -> Option<String> {
    let raw = row.try_get_raw(at).ok()?;
    if raw.is_null() {
        return None;
    }
    raw.as_bytes().ok().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

pub fn blockers(number: i64) -> String {
    format!(
        "select pid, usename, application_name, extract(epoch from now() - xact_start)::int, query
         from pg_stat_activity where pid = any(pg_blocking_pids({number})) order by xact_start"
    )
}

/// What it is doing, and how much of it is done in percent.
pub fn progress(number: i64) -> String {
    format!(
        "select lower(what) || coalesce(': ' || phase, ''), round(100.0 * done / nullif(of, 0)) from (
           select pid, command what, phase,
             case when blocks_total > 0 then blocks_done else tuples_done end done,
             case when blocks_total > 0 then blocks_total else tuples_total end of
             from pg_stat_progress_create_index
           union all select pid, 'vacuum', phase, heap_blks_scanned, heap_blks_total
             from pg_stat_progress_vacuum
           union all select pid, command, phase, heap_blks_scanned, heap_blks_total
             from pg_stat_progress_cluster
           union all select pid, 'analyze', phase, sample_blks_scanned, sample_blks_total
             from pg_stat_progress_analyze
         ) under_way where pid = {number}"
    )
}
