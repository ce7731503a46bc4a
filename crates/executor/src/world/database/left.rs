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

/// A session in which this step does something.
pub async fn opened(job: &Job, session: &mut Session) -> Result<(), Failure> {
    if session.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let born = born(session).await?;
    let line = format!("\n{} {born} {}\n", session.number, session.at);
    let path = file(job);
    let is_new = !path.exists();
    let mut options = std::fs::OpenOptions::new();
    let written = options.append(true).create(true).mode(0o600).open(&path).and_then(|mut file| {
        file.write_all(line.as_bytes())?;
        file.sync_data()?;
        match path.parent().filter(|_| is_new) {
            Some(folder) => std::fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    });
    written.map_err(|problem| error(format!("{}: {problem}", path.display())))
}

/// When the server began, in its own seconds: numbers of sessions begin again with it. PostgreSQL's bear a
/// name beside.
async fn born(session: &mut Session) -> Result<i64, Failure> {
    if session.dialect() == Dialect::PostgreSql {
        return Ok(0);
    }
    let now = session.value("select unix_timestamp()").await?;
    let lines = session.lines("show global status like 'Uptime'").await?;
    let uptime = lines.into_iter().next().and_then(|line| line.into_iter().nth(1).flatten());
    let seconds = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok());
    Ok(seconds(now).unwrap_or_default() - seconds(uptime).unwrap_or_default())
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
    let path = file(job);
    // A run of a version before this one has none: then the name must do.
    let is_named_only = !path.exists();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let (here, born) = (session.at.to_string(), born(session).await?);
    let numbers: Vec<u64> = text
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ' ');
            let (number, then) = (parts.next()?.parse().ok()?, parts.next()?.parse::<i64>().ok()?);
            // Clocks of seconds are a second apart at times.
            let is_same = server(parts.next()?) == server(&here) && (then - born).abs() <= 2;
            is_same.then_some(number)
        })
        .collect();
    if numbers.is_empty() && !is_named_only {
        return Ok(None);
    }
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let numbers = numbers.join(", ");
    let name = job.session_name();
    let query = match session.dialect() {
        // A number may be another one's by now, the name of the session with it hardly.
        Dialect::PostgreSql => {
            let name: String = name.chars().take(super::NAME).collect();
            let name = session.literal(&name);
            let of = if is_named_only { "true".to_owned() } else { format!("pid in ({numbers})") };
            format!(
                "select pid from pg_stat_activity where {of} and application_name = {name}
                 and pid <> pg_backend_pid() and state <> 'idle'"
            )
        }
        _ => {
            let mark = session.literal(&format!("/* {} */", name.replace("*/", "")));
            let of = match is_named_only {
                true => format!("locate({mark}, info) = 1"),
                false => format!("id in ({numbers})"),
            };
            format!(
                "select id from information_schema.processlist where {of} and id <> connection_id()
                 and user = substring_index(user(), '@', 1)
                 and command not in ('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID')"
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
