//! What a server says when it will not, in words for whoever is tired.

use std::io::ErrorKind;

use plan_model::sql::Dialect;
use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use super::address::Address;
use crate::event::{Failure, FailureKind};
use crate::world::error;

/// Why a statement did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub why: Why,
    /// The server's own code: an SQLSTATE, or the number of MySQL and SQLite.
    pub code: String,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody else holds a lock for longer than we wait.
    Locked,
    /// It took too long, or somebody ended it.
    Ended,
    /// Nobody is there any more: what was under way may have happened.
    Lost,
    /// The server says no.
    Refused,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let kind = match refusal.why {
            Why::Ended => FailureKind::TimedOut,
            Why::Locked | Why::Lost | Why::Refused => FailureKind::Error,
        };
        Failure::new(kind, refusal.text)
    }
}

impl Refusal {
    pub fn of(problem: &Error, dialect: Dialect) -> Refusal {
        let Error::Database(database) = problem else {
            let why = match problem {
                Error::Io(_) | Error::Protocol(_) | Error::WorkerCrashed => Why::Lost,
                _ => Why::Refused,
            };
            let text = match why {
                Why::Lost => format!("the server was lost: {problem}"),
                _ => problem.to_string(),
            };
            return Refusal { why, code: String::new(), text };
        };
        let code = match database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            Some(mysql) => mysql.number().to_string(),
            None => database.code().unwrap_or_default().into_owned(),
        };
        let mut text = database.message().to_owned();
        if let Some(detail) = database.try_downcast_ref::<PgDatabaseError>() {
            for more in [detail.detail(), detail.hint()].into_iter().flatten() {
                text += &format!("; {more}");
            }
        }
        let why = match dialect {
            Dialect::Sqlite => match code.parse::<i32>().unwrap_or_default() {
                // SQLITE_BUSY and SQLITE_LOCKED, and what is written behind their first eight bits.
                code if matches!(code & 0xff, 5 | 6) => Why::Locked,
                9 => Why::Ended,
                _ => Why::Refused,
            },
            Dialect::PostgreSql => match &code[..] {
                "55P03" => Why::Locked,
                "57014" => Why::Ended,
                // The server goes down, or somebody ended the session.
                "57P01" | "57P02" | "57P03" => Why::Lost,
                _ => Why::Refused,
            },
            Dialect::MySql | Dialect::MariaDb => match &code[..] {
                "1205" => Why::Locked,
                "1317" | "1969" | "3024" => Why::Ended,
                "1053" | "1927" => Why::Lost,
                _ => Why::Refused,
            },
        };
        Refusal { why, code, text }
    }
}

/// Why nobody was let in, and what to look at.
pub fn not_let_in(problem: &Error, at: &Address) -> Failure {
    let said = match problem {
        Error::Database(database) => database.message().to_owned(),
        Error::Io(io) => io.to_string(),
        other => other.to_string(),
    };
    let (what, help) = match problem {
        Error::Io(io) => match io.kind() {
            ErrorKind::ConnectionRefused => {
                ("nobody listens there", "does the server run, and is the port right?")
            }
            ErrorKind::NotFound => ("there is no such socket", "does the server run?"),
            ErrorKind::PermissionDenied => {
                ("the socket may not be used", "which user may? look at its folder")
            }
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                ("the host does not answer", "is it up, and does a firewall stand in between?")
            }
            _ if said.contains("lookup address") => {
                ("there is no host of this name", "look at its spelling, and at the name server")
            }
            _ => ("the connection broke", "look at the server's log"),
        },
        Error::Tls(_) => {
            ("TLS cannot be trusted", "look at `tls:` in the connection: mode, ca, the host's name")
        }
        Error::Database(database) => match &code_of(problem, database.code().as_deref())[..] {
            "28P01" | "1045" => ("the login or its password is not accepted", "look at the secret"),
            "28000" | "1130" | "1698" => {
                ("the login may not come from here", "look at the server's rules of access")
            }
            "3D000" | "1049" => ("there is no such database", "look at its name"),
            "42501" | "1044" => ("the login may not use this database", "it needs the right to"),
            "53300" | "1040" | "1203" => {
                ("the server has too many sessions", "wait for some to end, or raise its limit")
            }
            "57P03" => ("the server is starting or stopping", "try again when it is up"),
            _ => ("the server refuses", "look at the server's log"),
        },
        _ if said.contains("TLS") => {
            ("TLS is wanted and not offered", "look at `tls:` in the connection")
        }
        _ => ("it cannot be used", "look at the connection"),
    };
    error(format!("connection {}: {at}: {what}: {said}; {help}", at.id))
}

fn code_of(problem: &Error, code: Option<&str>) -> String {
    let mysql = problem.as_database_error();
    let mysql = mysql.and_then(|one| one.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>());
    match mysql {
        Some(mysql) => mysql.number().to_string(),
        None => code.unwrap_or_default().to_owned(),
    }
}
