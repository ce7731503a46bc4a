//! What MySQL and MariaDB do their own way.

use futures_util::TryStreamExt;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Either, Row, TypeInfo, ValueRef as _};

use super::{Line, Rows, each, json};

pub async fn run(connection: &mut MySqlConnection, text: &str) -> Result<Rows, sqlx::Error> {
    let mut rows = Rows::default();
    each!(connection, text, done => rows.changed += done.rows_affected(), row => {
        rows.add(&row, line);
        if rows.rows == 1 && !row.is_empty() && let Ok(raw) = row.try_get_raw(0) {
            let name = raw.type_info().name().to_owned();
            rows.first = Some(json(&name, cell(&row, 0)));
        }
    });
    Ok(rows)
}

pub fn line(row: &MySqlRow) -> Line {
    (0..row.len()).map(|at| cell(row, at)).collect()
}

fn cell(row: &MySqlRow, at: usize) -> Option<String> {
    // What is asked in one go comes back as text, whatever its type.
    let bytes = row.try_get_unchecked::<Option<&[u8]>, _>(at).ok()??;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// Who holds rows that it waits for; and where it waits for a table, whoever has an open transaction:
/// which of them it is, these servers do not tell.
pub fn blockers(number: i64) -> String {
    format!(
        "select p.id, p.user, '', timestampdiff(second, t.trx_started, now()), coalesce(p.info, '')
         from information_schema.innodb_trx t
         join information_schema.processlist p on p.id = t.trx_mysql_thread_id
         where p.id <> {number} and exists (
             select 1 from information_schema.processlist w
             where w.id = {number} and (w.state like 'Waiting for%lock' or w.id in (
                 select r.trx_mysql_thread_id from information_schema.innodb_trx r
                 where r.trx_state = 'LOCK WAIT')))
         order by t.trx_started limit 5"
    )
}

/// What it is doing, and how much of it is done in percent. MySQL does not tell.
pub fn progress(number: i64) -> String {
    format!(
        "select concat(state, if(max_stage > 1, concat(', stage ', stage, ' of ', max_stage), '')), progress
         from information_schema.processlist where id = {number} and max_stage > 0"
    )
}
