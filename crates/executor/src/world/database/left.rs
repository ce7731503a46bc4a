//! What a session of a dead engine still does in its server is waited for: before its end nothing that is
//! looked at stays as it is. Each session of a step writes down its number in the server when it is opened.
//! SQLite has no server in which something could go on.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use plan_model::notation::Spoken;
use plan_model::sql::Dialect;
use tokio::time::sleep;

use super::Session;
use super::address::Address;
use crate::event::Failure;
use crate::world::{Job, error};

const EVERY: Duration = Duration::from_millis(200);
/// Behind it a person may end what goes on, or wait longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn file(job: &Job) -> PathBuf {
    job.world.folder.join(format!("{}.sessions", job.entry_id()))
}

/// A session of a step: checks are simply asked again.
pub fn opened(job: &Job, session: &Session) -> Result<(), Failure> {
    let is_step = job.entry.is_some_and(|entry| job.world.plan.entry(entry).step().is_some());
    if !is_step || session.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let path = file(job);
    let mut options = std::fs::OpenOptions::new();
    let opened = options.append(true).create(true).mode(0o600).open(&path);
    opened
        .and_then(|mut file| {
            file.write_all(format!("{} {}\n", session.number, session.at).as_bytes())
        })
        .map_err(|problem| error(format!("{}: {problem}", path.display())))
}

/// Until no session that this step opened before is at work there; who still is, after a while.
pub async fn going_on(job: &Job, at: &Address) -> Result<Option<String>, Failure> {
    if at.dialect == Dialect::Sqlite {
        return Ok(None);
    }
    let mut session = job.session(at).await?;
    let left = wait(&mut session, job).await;
    session.close().await;
    left
}

/// The same, seen from a session that is there.
pub async fn wait(session: &mut Session, job: &Job) -> Result<Option<String>, Failure> {
    let text = std::fs::read_to_string(file(job)).unwrap_or_default();
    let here = session.at.to_string();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let numbers = lines.filter(|(_, at)| server(at) == server(&here)).map(|(number, _)| number);
    let numbers: Vec<&str> = numbers.filter(|number| number.parse::<u64>().is_ok()).collect();
    if numbers.is_empty() {
        return Ok(None);
    }
    let numbers = numbers.join(", ");
    let query = match session.dialect() {
        // A number may be another one's by now, the name of the session with it hardly.
        Dialect::PostgreSql => {
            let name: String = job.session_name().chars().take(super::NAME).collect();
            let name = session.literal(&name);
            format!(
                "select pid from pg_stat_activity where pid in ({numbers}) and application_name = {name}
                 and pid <> pg_backend_pid() and state <> 'idle'"
            )
        }
        _ => format!(
            "select id from information_schema.processlist where id in ({numbers})
             and id <> connection_id() and command <> 'Sleep'"
        ),
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
            return Ok(Some(format!(
                "what it began before still goes on in session {number} of {}, after {}: wait for it, or end \
                 it there: {end}",
                session.at,
                Spoken(waited)
            )));
        }
        sleep(EVERY).await;
        waited += EVERY;
    }
    Ok(None)
}

/// An address without its database: sessions of all of them are in one list.
fn server(at: &str) -> &str {
    at.rsplit_once(" at ").map_or(at, |(_, server)| server)
}
