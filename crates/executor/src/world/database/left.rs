//! What a session of a killed engine still does in its server is waited for: before its end nothing that is
//! looked at stays as it is. SQLite has no server in which something could go on.

use std::time::Duration;

use plan_model::notation::Spoken;
use plan_model::sql::Dialect;
use tokio::time::sleep;

use super::address::Address;
use crate::event::Failure;
use crate::world::{Job, error};

const EVERY: Duration = Duration::from_millis(200);
/// Behind it a person may end what goes on, or wait longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Until no other session of this step is at work there.
pub async fn ended(job: &Job, at: &Address) -> Result<(), Failure> {
    if at.dialect == Dialect::Sqlite {
        return Ok(());
    }
    let mut session = job.session(at).await?;
    let result = wait(&mut session, job).await;
    session.close().await;
    result
}

/// The same, seen from a session that is there.
pub async fn wait(session: &mut super::Session, job: &Job) -> Result<(), Failure> {
    let name = job.session_name();
    let query = match session.dialect() {
        Dialect::PostgreSql => {
            let name: String = name.chars().take(super::NAME).collect();
            let name = session.literal(&name);
            format!(
                "select pid from pg_stat_activity where application_name = {name}
                 and pid <> pg_backend_pid() and state <> 'idle'"
            )
        }
        _ => {
            let mark = session.literal(&format!("/* {} */", name.replace("*/", "")));
            format!(
                "select id from information_schema.processlist
                 where id <> connection_id() and locate({mark}, info) = 1"
            )
        }
    };
    let mut waited = Duration::ZERO;
    while let Some(number) = session.value(&query).await? {
        let end = match session.dialect() {
            Dialect::PostgreSql => format!("select pg_terminate_backend({number})"),
            _ => format!("kill {number}"),
        };
        if waited.is_zero() {
            job.say(&format!(
                "waiting for what this step began before: it still goes on in session {number}; to end it \
                 there instead: {end}"
            ));
        }
        if waited >= PATIENCE {
            return Err(error(format!(
                "what it began before still goes on in session {number} of {}, after {}: wait for it, or end \
                 it there: {end}",
                session.at,
                Spoken(waited)
            )));
        }
        sleep(EVERY).await;
        waited += EVERY;
    }
    Ok(())
}
