//! One at a time: a lock of the session, asked for again and again, so that nobody who waits for it
//! keeps others waiting. What is applied is read only once it is held. SQLite needs none: each script
//! is one transaction that begins with its lock.

use std::time::Duration;

use plan_model::notation::Spoken;
use plan_model::sql::Dialect;
use tokio::time::sleep;

use crate::event::Failure;
use crate::world::database::{Patience, Session};
use crate::world::{Job, error};

const EVERY: Duration = Duration::from_millis(100);

pub async fn take(
    session: &mut Session,
    job: &Job,
    table: &str,
    patience: &Patience,
) -> Result<(), Failure> {
    let name = session.literal(&format!("plan {table}"));
    let (take, holder) = match session.dialect() {
        Dialect::Sqlite => return Ok(()),
        Dialect::PostgreSql => (
            format!("select pg_try_advisory_lock(1886151022, hashtext({name}))"),
            format!(
                "select l.pid, a.usename, a.application_name from pg_locks l
                 join pg_stat_activity a on a.pid = l.pid
                 where l.locktype = 'advisory' and l.classid = 1886151022 and l.granted
                 and l.objid = (hashtext({name})::bigint & 4294967295)::oid"
            ),
        ),
        // The name of a lock counts for the whole server.
        Dialect::MySql | Dialect::MariaDb => (
            format!("select get_lock(md5(concat(database(), {name})), 0)"),
            format!(
                "select p.id, p.user, coalesce(p.info, '') from information_schema.processlist p
                 where p.id = is_used_lock(md5(concat(database(), {name})))"
            ),
        ),
    };
    let mut waited = Duration::ZERO;
    let mut has_said = false;
    loop {
        if matches!(session.value(&take).await?.as_deref(), Some("t" | "1")) {
            return Ok(());
        }
        let line = session.lines(&holder).await?.into_iter().next().unwrap_or_default();
        let part = |at: usize| line.get(at).cloned().flatten().unwrap_or_default();
        // What an engine that was killed had begun goes on in the server: it is waited for.
        let is_ours = part(2).contains(&job.session_name());
        if is_ours && !has_said {
            has_said = true;
            let end = match session.dialect() {
                Dialect::PostgreSql => format!("select pg_terminate_backend({})", part(0)),
                _ => format!("kill {}", part(0)),
            };
            job.say(&format!(
                "waiting for what this step began before: it still goes on in session {}; to end it \
                 there instead: {end}",
                part(0)
            ));
        }
        if waited >= patience.lock && !is_ours {
            let (number, user) = (part(0), part(1));
            let spoken = Spoken(waited);
            let who = match number.is_empty() {
                true => "somebody".to_owned(),
                false => format!("session {number} of {user}"),
            };
            return Err(error(format!(
                "{} is being migrated by {who}, still after {spoken}: nothing was changed",
                session.at
            )));
        }
        sleep(EVERY).await;
        waited += EVERY;
    }
}
