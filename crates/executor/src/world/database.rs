//! Databases that a plan works on: sessions, opened for each use and closed after it. What servers
//! have in common is here, what each does its own way in a file of its own.

pub mod address;
pub mod left;
mod mysql;
pub mod note;
mod postgres;
pub mod refusal;
pub mod shape;
pub mod snapshot;
pub mod sqlite;
pub mod stepwise;

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use plan_model::notation::Spoken;
use plan_model::sql::{self, Dialect};
use serde_json::Value as Json;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Either};
use tokio::time::{sleep, timeout};

use crate::digest::hex;
use crate::event::{Failure, FailureKind};
use crate::world::{Teller, error};
use address::{Address, To};
use refusal::{Refusal, Why, not_let_in};

/// So much of a statement stands in a log: a script may be large.
const LOGGED: usize = 2_000;

/// After this time, and then again and again, it is asked how far a statement is.
const PROGRESS: Duration = Duration::from_secs(5);

/// How long to wait for a lock where nobody says.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// One session on a server, or with a file.
pub struct Session {
    link: Link,
    pub at: Address,
    /// The server's number for this session.
    number: i64,
    /// What stands before each statement where sessions bear no name.
    mark: String,
    /// How many statements of the last text came to their end.
    pub reached: usize,
    /// Somebody wants to know how many rows a statement changed.
    pub counts: bool,
    /// The log of the step that it works for.
    pub teller: Option<Teller>,
}

enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

/// What some statements gave: of queries, the last one.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Rows {
    pub rows: u64,
    pub first: Option<Json>,
    pub changed: u64,
    /// Their names, and the first of them.
    pub names: Vec<String>,
    pub shown: Vec<Line>,
}

/// So many rows are kept to be shown, and so much of each value: some hold a film.
const SHOWN: usize = 100;
const KEPT: usize = 4096;

impl Rows {
    /// One more; what is in it is asked only of those that are kept.
    fn add<R: sqlx::Row>(&mut self, row: &R, line: impl FnOnce(&R) -> Line) {
        self.rows += 1;
        if self.rows == 1 {
            self.names =
                row.columns().iter().map(|column| sqlx::Column::name(column).to_owned()).collect();
        }
        if self.shown.len() < SHOWN {
            let mut line = line(row);
            for value in line.iter_mut().flatten().filter(|value| value.len() > KEPT) {
                value.truncate(value.floor_char_boundary(KEPT));
            }
            self.shown.push(line);
        }
    }
}

/// How long statements may wait and take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub lock: Duration,
    pub each: Option<Duration>,
    /// All that is done in the session until it is set again.
    pub until: Option<(Instant, Duration)>,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { lock: LOCK_PATIENCE, each: None, until: None }
    }
}

impl Patience {
    pub fn new(
        lock: Option<Duration>,
        each: Option<Duration>,
        whole: Option<Duration>,
    ) -> Patience {
        let until = whole.map(|whole| (Instant::now() + whole, whole));
        Patience { lock: lock.unwrap_or(LOCK_PATIENCE), each, until }
    }

    /// How long the next statement may take, and which limit that is.
    fn next(&self) -> Option<(Duration, Duration)> {
        let left = self.until.map(|(until, whole)| {
            (until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)), whole)
        });
        [left, self.each.map(|each| (each, each))].into_iter().flatten().min()
    }
}

/// One row as text; `None` is null.
pub type Line = Vec<Option<String>>;

/// Goes through all that some statements give, on whichever connection.
macro_rules! each {
    ($connection:expr, $text:expr, $done:ident => $count:expr, $row:ident => $see:expr) => {{
        let mut results = sqlx::raw_sql(AssertSqlSafe($text)).fetch_many(&mut *$connection);
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left($done) => $count,
                Either::Right($row) => $see,
            }
        }
    }};
}

/// Longer names of sessions are cut in PostgreSQL with a notice.
const NAME: usize = 60;

impl Session {
    /// `name` is what the server's own lists show of it.
    pub async fn open(at: &Address, name: &str) -> Result<Session, Failure> {
        let link = async {
            Ok(match &at.to {
                To::File(path) => Link::Sqlite(sqlite::open(path, LOCK_PATIENCE).await?),
                To::Postgres(to) => {
                    let short: String = name.chars().take(NAME).collect();
                    let to = to.clone().application_name(&short);
                    Link::Postgres(to.connect().await.map_err(|problem| not_let_in(&problem, at))?)
                }
                To::MySql(to) => {
                    Link::MySql(to.connect().await.map_err(|problem| not_let_in(&problem, at))?)
                }
            })
        };
        let link = timeout(at.patience, link).await.unwrap_or_else(|_| {
            let waited = Spoken(at.patience);
            Err(error(format!("connection {}: {at}: no answer within {waited}", at.id)))
        })?;
        let mark = match link {
            Link::MySql(_) => format!("/* {} */ ", name.replace("*/", "")),
            _ => String::new(),
        };
        let (reached, counts) = (0, true);
        let mut session =
            Session { link, at: at.clone(), number: 0, mark, reached, counts, teller: None };
        let ready = async {
            session.begin_well().await?;
            session.wait_for_locks(LOCK_PATIENCE).await
        };
        ready
            .await
            .map_err(|failure| error(format!("connection {}: {at}: {}", at.id, failure.text)))?;
        Ok(session)
    }

    async fn begin_well(&mut self) -> Result<(), Failure> {
        match &mut self.link {
            Link::Sqlite(_) => {}
            Link::Postgres(connection) => self.number = postgres::begin(connection).await?,
            Link::MySql(_) => {
                let number = self.value("select connection_id()").await?;
                self.number = number.and_then(|number| number.parse().ok()).unwrap_or_default();
            }
        }
        Ok(())
    }

    pub fn dialect(&self) -> Dialect {
        self.at.dialect
    }

    pub async fn close(self) {
        let closing = async {
            match self.link {
                Link::Sqlite(connection) => connection.close().await,
                Link::Postgres(connection) => connection.close().await,
                Link::MySql(connection) => connection.close().await,
            }
        };
        let _ = timeout(Duration::from_secs(5), closing).await;
    }

    /// One statement, or several in one go.
    pub async fn run(&mut self, text: &str) -> Result<Rows, Refusal> {
        let dialect = self.dialect();
        self.log(text);
        self.reached = 0;
        let reached = &mut self.reached;
        let result = match &mut self.link {
            Link::Sqlite(connection) => sqlite::run(connection, text, self.counts, reached).await,
            Link::Postgres(connection) => postgres::run(connection, text, reached).await,
            Link::MySql(connection) => {
                mysql::run(connection, &format!("{}{text}", self.mark)).await
            }
        };
        result.map_err(|problem| Refusal::of(&problem, dialect))
    }

    pub async fn lines(&mut self, text: &str) -> Result<Vec<Line>, Refusal> {
        let dialect = self.dialect();
        self.log(text);
        let marked = format!("{}{text}", self.mark);
        let mut lines = Vec::new();
        let going = async {
            match &mut self.link {
                Link::Sqlite(connection) => {
                    each!(connection, text, _done => (), row => lines.push(sqlite::line(&row)));
                }
                Link::Postgres(connection) => {
                    each!(connection, text, _done => (), row => lines.push(postgres::line(&row)));
                }
                Link::MySql(connection) => {
                    each!(connection, &marked[..], _done => (), row => lines.push(mysql::line(&row)));
                }
            }
            Ok(())
        };
        going.await.map_err(|problem: sqlx::Error| Refusal::of(&problem, dialect))?;
        Ok(lines)
    }

    /// As it is sent, where somebody wants to see that.
    fn log(&self, text: &str) {
        if let Some(teller) = self.teller.as_ref().filter(|_| self.at.log_sql) {
            let short: String = text.trim().chars().take(LOGGED).collect();
            let rest = if short.len() < text.trim().len() { " …" } else { "" };
            teller.say(&format!("{}> {short}{rest}", self.at.id));
        }
    }

    /// The first value of the first row.
    pub async fn value(&mut self, text: &str) -> Result<Option<String>, Refusal> {
        let lines = self.lines(text).await?;
        Ok(lines.into_iter().next().and_then(|line| line.into_iter().next().flatten()))
    }

    /// How long statements wait for locks from now on.
    pub async fn wait_for_locks(&mut self, patience: Duration) -> Result<(), Failure> {
        let text = match self.dialect() {
            Dialect::Sqlite => format!("pragma busy_timeout = {}", patience.as_millis()),
            Dialect::PostgreSql => format!("set lock_timeout = {}", patience.as_millis().max(1)),
            // Whole seconds are all that these servers know.
            Dialect::MySql | Dialect::MariaDb => {
                let seconds = patience.as_secs_f64().ceil().max(1.0);
                format!(
                    "set session lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"
                )
            }
        };
        self.run(&text).await?;
        Ok(())
    }

    /// SQLite learns to add up rows; the others know it.
    pub async fn teach_digest(&mut self) -> Result<(), Refusal> {
        match &mut self.link {
            Link::Sqlite(connection) => sqlite::digest::teach(connection).await,
            _ => Ok(()),
        }
    }

    /// Whatever was set in a session of PostgreSQL is as it was when it was opened.
    pub async fn as_opened(&mut self, patience: Duration) -> Result<(), Failure> {
        let mut text = "reset all".to_owned();
        if let Link::Postgres(connection) = &self.link {
            text += postgres::settings(connection);
        }
        self.run(&format!("{text}; set lock_timeout = {}", patience.as_millis().max(1))).await?;
        Ok(())
    }

    /// Makes whatever comes a look that changes nothing.
    pub async fn only_read(&mut self) -> Result<(), Failure> {
        match self.dialect() {
            Dialect::Sqlite => self.run("pragma query_only = on").await?,
            Dialect::PostgreSql => self.run("set default_transaction_read_only = on").await?,
            Dialect::MySql | Dialect::MariaDb => {
                self.run("set session transaction read only").await?
            }
        };
        Ok(())
    }

    pub async fn begin(&mut self) -> Result<(), Refusal> {
        let text = match self.dialect() {
            Dialect::Sqlite => "begin immediate",
            Dialect::PostgreSql => "begin",
            Dialect::MySql | Dialect::MariaDb => "start transaction",
        };
        self.run(text).await?;
        Ok(())
    }

    /// The same, telling who stands in the way.
    pub async fn run_begin(&mut self, patience: &Patience) -> Result<(), Failure> {
        match self.begin().await {
            Err(refusal) if refusal.why == Why::Locked => {
                let holders = self.at.file().map(sqlite::holders).unwrap_or_default();
                Err(locked(&self.at, &holders, patience.lock))
            }
            other => Ok(other?),
        }
    }

    pub async fn commit(&mut self) -> Result<(), Refusal> {
        self.run("commit").await?;
        Ok(())
    }

    /// Takes back what is not committed; a lost server does that by itself.
    pub async fn roll_back(&mut self) {
        let _ = timeout(Duration::from_secs(10), self.run("rollback")).await;
    }

    /// One statement within its time: what waits for a lock learns who holds it, what takes too long
    /// is ended in the server, so that nothing goes on when nobody waits for it any more.
    pub async fn run_within(&mut self, text: &str, patience: &Patience) -> Result<Rows, Failure> {
        self.run_within_raw(text, patience).await.map_err(|(_, failure)| failure)
    }

    /// The same, with what the server said itself.
    pub async fn run_within_raw(
        &mut self,
        text: &str,
        patience: &Patience,
    ) -> Result<Rows, (Refusal, Failure)> {
        let limit = patience.next();
        if let (Link::Sqlite(connection), Some((limit, _))) = (&mut self.link, limit) {
            sqlite::bound(connection, Some(limit)).await.map_err(told)?;
        }
        let (at, number, teller) = (self.at.clone(), self.number, self.teller.clone());
        let is_server = !matches!(self.link, Link::Sqlite(_));
        let mut holders = Vec::new();
        let mut is_ended = false;
        let result = {
            let running = self.run(text);
            tokio::pin!(running);
            let look = sleep(patience.lock.mul_f64(0.8));
            let end = sleep(limit.map_or(Duration::from_secs(1 << 30), |(limit, _)| limit));
            let tick = sleep(PROGRESS);
            tokio::pin!(look, end, tick);
            let mut has_looked = !is_server;
            let mut ticks = 1;
            loop {
                tokio::select! {
                    result = &mut running => break result,
                    () = &mut look, if !has_looked => {
                        has_looked = true;
                        holders = blockers(&at, number).await;
                    }
                    () = &mut tick, if is_server && teller.is_some() => {
                        ticks += 1;
                        // A statement of hours needs no line every few seconds.
                        let next = PROGRESS * ticks.min(12);
                        tick.as_mut().reset(tokio::time::Instant::now() + next);
                        if let (Some(text), Some(teller)) = (progress(&at, number).await, &teller) {
                            teller.say(&text);
                        }
                    }
                    () = &mut end, if is_server && !is_ended => {
                        is_ended = true;
                        cancel(&at, number).await;
                    }
                }
            }
        };
        if let (Link::Sqlite(connection), Some(_)) = (&mut self.link, limit) {
            sqlite::bound(connection, None).await.map_err(told)?;
        }
        let refusal = match result {
            Ok(rows) => return Ok(rows),
            Err(refusal) => refusal,
        };
        let failure = match refusal.why {
            Why::Locked => {
                if let Some(path) = self.at.file() {
                    holders = sqlite::holders(path);
                }
                locked(&self.at, &holders, patience.lock)
            }
            Why::Ended if limit.is_some() => {
                let limit = Spoken(limit.map_or(Duration::ZERO, |(_, whole)| whole));
                let text = format!("took longer than {limit} and was ended");
                Failure::new(FailureKind::TimedOut, text)
            }
            Why::Ended => error(format!("somebody ended it: {}", refusal.text)),
            Why::Lost | Why::Refused => refusal.clone().into(),
        };
        Err((refusal, failure))
    }

    /// Statements one after the other; ends at the first that fails, and says which.
    pub async fn run_all(&mut self, text: &str, patience: &Patience) -> Result<Rows, Failure> {
        let script = sql::read(text, self.dialect());
        if !script.problems.is_empty() {
            // What is wrong with it, the server itself says best.
            return self.run_within(text, patience).await;
        }
        let count = script.statements.len();
        let mut all = Rows::default();
        for (at, statement) in script.statements.iter().enumerate() {
            let piece = &text[statement.range.clone()];
            let one = self.run_within(piece, patience).await.map_err(|mut failure| {
                if count > 1 {
                    let line = text[..statement.range.start].matches('\n').count() + 1;
                    let place = format!("statement {} of {count} (line {line})", at + 1);
                    failure.text = format!("{place}: {}", failure.text);
                }
                failure
            })?;
            all = Rows { changed: all.changed + one.changed, ..one };
        }
        Ok(all)
    }

    pub fn literal(&self, text: &str) -> String {
        literal(self.dialect(), text)
    }

    pub fn identifier(&self, name: &str) -> String {
        identifier(self.dialect(), name)
    }
}

/// A text as a value, whatever it holds.
pub fn literal(dialect: Dialect, text: &str) -> String {
    match dialect {
        // A backslash means one thing or another there, as the server's mode says.
        Dialect::MySql | Dialect::MariaDb => {
            let hex = hex(text.as_bytes());
            // A literal takes the collation of what it is compared with.
            format!("_utf8mb4 x'{hex}'")
        }
        Dialect::PostgreSql | Dialect::Sqlite => format!("'{}'", text.replace('\'', "''")),
    }
}

pub fn identifier(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::MySql | Dialect::MariaDb => format!("`{}`", name.replace('`', "``")),
        Dialect::PostgreSql | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

fn told(refusal: Refusal) -> (Refusal, Failure) {
    (refusal.clone(), refusal.into())
}

fn locked(at: &Address, holders: &[String], waited: Duration) -> Failure {
    let holders = match holders {
        [] => "another connection".to_owned(),
        holders => holders.join(", "),
    };
    let waited = Spoken(waited);
    error(format!("{at} is locked by {holders}, still after {waited}"))
}

/// Who keeps a session waiting. Asked beside it; who cannot ask learns nothing.
async fn blockers(at: &Address, number: i64) -> Vec<String> {
    let asking = async {
        let mut session = Box::pin(Session::open(at, "plan")).await.ok()?;
        let query = match session.dialect() {
            Dialect::PostgreSql => postgres::blockers(number),
            Dialect::MySql | Dialect::MariaDb => mysql::blockers(number),
            Dialect::Sqlite => return None,
        };
        let lines = session.lines(&query).await.ok();
        session.close().await;
        lines
    };
    let lines = timeout(Duration::from_secs(2), asking).await.ok().flatten().unwrap_or_default();
    lines.into_iter().map(|line| holder(&line)).collect()
}

/// Session, login, program, for how long, with what.
fn holder(line: &Line) -> String {
    let part = |at: usize| line.get(at).cloned().flatten().unwrap_or_default();
    let (number, user, program, seconds) = (part(0), part(1), part(2), part(3));
    let statement: String = part(4).split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = statement.chars().take(80).collect();
    let mut text = format!("session {number} of {user}");
    if !program.is_empty() {
        text += &format!(" ({program})");
    }
    if let Ok(seconds) = seconds.parse::<f64>() {
        text += &format!(", for {}", Spoken(Duration::from_secs(seconds.max(0.0) as u64)));
    }
    if !short.is_empty() {
        text += &format!(", with `{short}`");
    }
    text
}

/// How far the statement of a session is, where the server tells.
async fn progress(at: &Address, number: i64) -> Option<String> {
    let asking = async {
        let mut session = Box::pin(Session::open(at, "plan")).await.ok()?;
        let query = match session.dialect() {
            Dialect::PostgreSql => postgres::progress(number),
            Dialect::MySql | Dialect::MariaDb => mysql::progress(number),
            Dialect::Sqlite => return None,
        };
        let lines = session.lines(&query).await.ok();
        session.close().await;
        lines?.into_iter().next()
    };
    let line = timeout(Duration::from_secs(2), asking).await.ok().flatten()?;
    let [Some(what), share] = &line[..] else { return None };
    let what = what.trim();
    match share.as_deref().and_then(|share| share.parse::<f64>().ok()) {
        Some(share) => Some(format!("{what}: {share:.0} %")),
        None => Some(what.to_owned()),
    }
}

/// Ends what a session is doing.
async fn cancel(at: &Address, number: i64) {
    let asking = async {
        let mut session = Box::pin(Session::open(at, "plan")).await.ok()?;
        let _ = match session.dialect() {
            Dialect::PostgreSql => {
                session.run(&format!("select pg_cancel_backend({number})")).await
            }
            _ => session.run(&format!("kill query {number}")).await,
        };
        session.close().await;
        Some(())
    };
    let _ = timeout(Duration::from_secs(5), asking).await;
}

/// What a server calls a type of numbers or truths becomes one; the rest stays text.
fn json(kind: &str, text: Option<String>) -> Json {
    let Some(text) = text else { return Json::Null };
    match kind {
        "BOOL" => Json::from(matches!(&text[..], "t" | "1")),
        "BOOLEAN" | "INT2" | "INT4" | "INT8" | "INTEGER" | "OID" => {
            text.parse::<i64>().map_or(Json::from(text), Json::from)
        }
        _ if kind.contains("INT") || kind == "YEAR" => match text.parse::<i64>() {
            Ok(number) => Json::from(number),
            Err(_) => text.parse::<u64>().map_or(Json::from(text), Json::from),
        },
        "FLOAT4" | "FLOAT8" | "NUMERIC" | "DECIMAL" | "REAL" | "FLOAT" | "DOUBLE" => {
            match text.parse::<i64>() {
                Ok(number) => Json::from(number),
                Err(_) => match text.parse::<f64>() {
                    Ok(number) if number.is_finite() => Json::from(number),
                    _ => Json::from(text),
                },
            }
        }
        _ => Json::from(text),
    }
}

use each;
