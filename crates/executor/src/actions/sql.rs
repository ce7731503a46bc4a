//! `sql`: statements in one transaction where the server can. What tells after a crash whether they
//! happened is in `world/database/note`.

mod saved;

use plan_model::model::action::sql::{Sql, SqlExpectation};
use plan_model::model::plan::Surroundings;
use plan_model::model::value::SqlText;
use plan_model::sql::{self, Dialect, Refused};
use serde_json::Value as Json;

use super::noted::Noted;
use super::{About, Act, Found, Perform};
use crate::event::{Failure, FailureKind, Outputs};
use crate::world::database::address::Address;
use crate::world::database::left;
use crate::world::database::note::{self, Fate};
use crate::world::database::refusal::Why;
use crate::world::database::{Patience, Rows, Session, literal};
use crate::world::{Broken, Job, error};

/// So much of a value is shown.
const CELL: usize = 120;

/// What a step of this run gave, between its commit and the journal.
const GAVE: &str = "gave";

pub const ABOUT: About = About {
    key: "sql",
    verified: "the server answers each statement; more statements of a script than ran are a failure",
    undone: "none once it is committed: `rollback:`, or `save_rows`, which puts changed rows back to the bit",
    after_crash: "a note in the same commit, the fate of the transaction's number, or a durable position; never a guess",
    tests: &["tests/data/sql.rs", "tests/data/saved_rows.rs"],
};

impl Perform for Sql {
    fn lacks(&self, _around: &Surroundings) -> Vec<String> {
        let keys = self.keys().filter(|keys| keys.save_rows.is_some());
        let text = "`save_rows` needs its transaction: leave `transaction:` out";
        keys.filter(|_| self.is_outside_transaction())
            .map(|_| text.to_owned())
            .into_iter()
            .collect()
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let rows = run(self, job, around).await?;
            if only_asks(job) {
                tell(job, &rows);
            }
            Ok(outputs(&rows))
        })
    }

    fn going_on<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            if only_asks(job) {
                return Ok(None);
            }
            let at = Address::of(&job.filler(), connection(self, around))?;
            left::going_on(job, &at).await
        })
    }

    fn found<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async move {
            // What it was asked for is wanted, and lost with whoever asked.
            if only_asks(job) {
                return Found::Undone { how: "it only asks".to_owned() };
            }
            if self.is_outside_transaction() {
                return Found::InDoubt;
            }
            match fate(self, job, around).await {
                Ok(Fate::Committed) => Found::Done {
                    how: "the database says that it was committed".to_owned(),
                    outputs: remembered(job),
                },
                Ok(Fate::Never) => {
                    self.settled(job, around).await;
                    Found::Undone { how: "its transaction was never committed".to_owned() }
                }
                // The server does not know any more, or not yet.
                Ok(Fate::Unknown(_)) => Found::InDoubt,
                Err(failure) => Found::Unasked { why: failure.text },
            }
        })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let patience = patience(self, job, around)?;
            let mut session = session(self, job, around).await?;
            session.wait_for_locks(patience.lock).await?;
            let put_back = async |session: &mut Session| saved::put_back(session, job).await;
            let result = in_transaction(&mut session, job, &patience, put_back).await;
            session.close().await;
            result
        })
    }

    fn found_undone<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Found> {
        self.found(job, around)
    }

    fn settled<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, ()> {
        Box::pin(async move {
            if self.is_outside_transaction() {
                return;
            }
            let _ = Noted::of(job, GAVE).forget();
            let Ok(mut session) = session(self, job, around).await else { return };
            note::forget(&mut session, job).await;
            session.close().await;
        })
    }
}

fn only_asks(job: &Job) -> bool {
    // The way back over it does something, if there is one.
    if job.own.is_some() {
        return false;
    }
    let step = job.entry.and_then(|entry| job.world.plan.entry(entry).step());
    step.is_some_and(|step| step.read_only == Some(true))
}

/// What would be left out of a script, or cannot run as it is run, is refused before anything has run.
pub fn refuse(text: &str, refused: Option<Refused>) -> Result<(), Failure> {
    let Some(refused) = refused else { return Ok(()) };
    let line = text[..refused.range.start].matches('\n').count() + 1;
    let shown: String = text[refused.range].chars().take(60).collect();
    let shown = shown.lines().next().unwrap_or_default().trim();
    let (why, help) = (refused.why, refused.help);
    Err(error(format!("line {line}: `{shown}` {why}, and nothing was run: {help}")))
}

async fn session(sql: &Sql, job: &Job, around: &Surroundings) -> Result<Session, Failure> {
    let at = Address::of(&job.filler(), connection(sql, around))?;
    job.working_session(&at).await
}

/// The connection that is named, by the step or by its action.
pub fn connection<'a>(sql: &'a Sql, around: &'a Surroundings) -> Option<&'a str> {
    let named = sql.keys().and_then(|keys| keys.database.as_ref());
    named.map(|name| name.value.as_str()).or(around.on.as_ref().map(|on| on.value.as_str()))
}

fn patience(sql: &Sql, job: &Job, around: &Surroundings) -> Result<Patience, Failure> {
    let fill = job.filler();
    let time = |time: Option<_>| fill.optional_time(time);
    let lock = time(sql.keys().and_then(|keys| keys.lock_timeout.as_ref()))?;
    let each = time(sql.keys().and_then(|keys| keys.statement_timeout.as_ref()))?;
    Ok(Patience::new(lock, each, time(around.timeout.as_ref())?))
}

async fn run(sql: &Sql, job: &Job, around: &Surroundings) -> Result<Rows, Broken> {
    let ready = ready(sql, job, around).await.map_err(Failure::untouched)?;
    let (mut session, text, patience) = ready;
    let expect = sql.keys().and_then(|keys| keys.expect.as_ref());
    let result = if sql.is_outside_transaction() {
        let rows = session.run_all(&text, &patience).await;
        rows.and_then(|rows| met(job, expect, rows)).map_err(Broken::from)
    } else {
        let saves = job.filler().flag(sql.keys().and_then(|keys| keys.save_rows.as_ref()), false);
        let work = async |session: &mut Session| {
            let rows = match saves? {
                true => {
                    let script = sql::read(&text, session.dialect());
                    saved::run(session, job, &text, &script, &patience).await?
                }
                false => session.run_all(&text, &patience).await?,
            };
            let rows = met(job, expect, rows)?;
            remember(job, &rows)?;
            Ok(rows)
        };
        in_transaction(&mut session, job, &patience, work).await
    };
    session.close().await;
    result
}

fn outputs(rows: &Rows) -> Outputs {
    let mut outputs = Outputs::new();
    outputs.insert("rows".to_owned(), Json::from(rows.rows));
    outputs.insert("changed".to_owned(), Json::from(rows.changed));
    outputs.extend(rows.first.clone().map(|value| ("value".to_owned(), value)));
    outputs
}

/// What it gave is durable before its commit: a later step may want it, and nobody can ask for it again.
fn remember(job: &Job, rows: &Rows) -> Result<(), Failure> {
    // Nothing of a way back is named by anybody.
    if job.own.is_some() {
        return Ok(());
    }
    let mut gave = Json::Object(outputs(rows));
    job.world.cover.json(&mut gave);
    Noted::of(job, GAVE).write(&gave)
}

fn remembered(job: &Job) -> Outputs {
    Noted::of(job, GAVE).read().ok().flatten().unwrap_or_default()
}

/// Whoever only asks wants to read the answer: it goes into the step's log.
fn tell(job: &Job, rows: &Rows) {
    let cell = |text: &str| -> String {
        // Covered before it is cut: the beginning of a secret would not be known as one.
        let text = job.world.cover.text(text);
        let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.take(CELL).collect::<String>().trim_end().to_owned()
    };
    let lines: Vec<Vec<String>> =
        std::iter::once(rows.names.iter().map(|name| cell(name)).collect())
            .chain(rows.shown.iter().map(|line| {
                line.iter().map(|one| one.as_deref().map_or(String::new(), cell)).collect()
            }))
            .collect();
    let width = |at: usize| {
        let cells = lines.iter().filter_map(|line| line.get(at));
        cells.map(|text| text.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..rows.names.len()).map(width).collect();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let cells = line.iter().zip(&widths);
        let cells = cells
            .map(|(text, width)| format!("{text}{}", " ".repeat(width - text.chars().count())));
        job.say(cells.collect::<Vec<_>>().join(" | ").trim_end());
    }
    let more = rows.rows.saturating_sub(rows.shown.len() as u64);
    if more > 0 {
        job.say(&format!("and {more} rows more"));
    }
}

/// All that comes before the first statement.
async fn ready(
    step: &Sql,
    job: &Job,
    around: &Surroundings,
) -> Result<(Session, String, Patience), Failure> {
    let at = Address::of(&job.filler(), connection(step, around))?;
    let text = text(step, job, at.dialect)?;
    let patience = patience(step, job, around)?;
    let script = sql::read(&text, at.dialect);
    refuse(&text, script.not_sent())?;
    if !step.is_outside_transaction() {
        refuse(&text, script.not_in_transaction())?;
    }
    let saves = step.keys().and_then(|keys| keys.save_rows.as_ref());
    if job.filler().flag(saves, false)? {
        saved::fits(&text, &script)?;
    }
    let mut session = job.working_session(&at).await?;
    session.wait_for_locks(patience.lock).await?;
    Ok((session, text, patience))
}

/// Up to its end, or nothing of it.
async fn in_transaction<T>(
    session: &mut Session,
    job: &Job,
    patience: &Patience,
    work: impl AsyncFnOnce(&mut Session) -> Result<T, Failure>,
) -> Result<T, Broken> {
    note::prepare(session, job).await.map_err(Failure::untouched)?;
    session.run_begin(patience).await.map_err(Failure::untouched)?;
    let done = async {
        let rows = work(session).await?;
        note::leave(session, job).await.map_err(|failure| {
            // The statements ended our transaction, or dropped everything.
            let text = failure.text;
            error(format!("the statements must not end the transaction themselves: {text}"))
        })?;
        Ok::<_, Failure>(rows)
    };
    let rows = match done.await {
        Ok(rows) => rows,
        Err(failure) => {
            session.roll_back().await;
            if session.dialect().is_mysql_family() {
                // What was made before the transaction began.
                note::forget(session, job).await;
            }
            return Err(failure.untouched().into());
        }
    };
    let refusal = match session.commit().await {
        Ok(()) => return Ok(rows),
        Err(refusal) => refusal,
    };
    if refusal.why != Why::Lost {
        // A deferred constraint speaks up only now.
        session.roll_back().await;
        return Err(Failure::from(refusal).untouched().into());
    }
    // The commit may have arrived: the server knows, once it can be asked again.
    match note::ask_again(&session.at, job).await {
        Ok(Fate::Committed) => Ok(rows),
        Ok(Fate::Never) => Err(Failure::from(refusal).untouched().into()),
        Ok(Fate::Unknown(why)) => Err(Broken::InDoubt(why)),
        Err(failure) => Err(Broken::InDoubt(format!("{}; {}", refusal.text, failure.text))),
    }
}

/// The statements, filled in.
fn text(sql: &Sql, job: &Job, dialect: Dialect) -> Result<String, Failure> {
    let fill = job.filler();
    let text = match (sql.text(), sql.keys().and_then(|keys| keys.file.as_ref())) {
        (_, Some(file)) => job.world.frozen_text(&fill.named(&file.value)?)?,
        (Some(text), None) => fill.sql(&text.value, dialect)?,
        (None, None) => return Err(error("there are no statements")),
    };
    bind(job, sql, text, dialect)
}

async fn fate(sql: &Sql, job: &Job, around: &Surroundings) -> Result<Fate, Failure> {
    let mut session = session(sql, job, around).await?;
    let fate = note::fate(&mut session, job).await;
    session.close().await;
    fate
}

/// A query for a check: nothing it does is kept.
pub async fn query(job: &Job, name: Option<&str>, text: &SqlText) -> Result<Rows, Failure> {
    let fill = job.filler();
    let at = Address::of(&fill, name)?;
    let text = fill.sql(&text.value, at.dialect)?;
    let mut session = job.session(&at).await?;
    session.only_read().await?;
    let rows = session.run_all(&text, &Patience::default()).await;
    session.close().await;
    rows
}

/// What the statements must have done; otherwise the transaction is taken back.
fn met(job: &Job, expect: Option<&SqlExpectation>, rows: Rows) -> Result<Rows, Failure> {
    let Some(expect) = expect else { return Ok(rows) };
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
    Ok(rows)
}

/// Puts the values of `:name` in, each as a literal of its own. Quotes and comments are left alone.
fn bind(job: &Job, sql: &Sql, text: String, dialect: Dialect) -> Result<String, Failure> {
    let Some(values) = sql.keys().and_then(|keys| keys.values.as_ref()) else { return Ok(text) };
    let mut literals = Vec::new();
    for (name, value) in &values.0 {
        let put = match &value.json {
            Json::String(value) => {
                let value = job.filler().text(value)?;
                if value.contains('\0') {
                    return Err(error(format!("the value of :{} holds a NUL byte", name.value)));
                }
                literal(dialect, &value)
            }
            Json::Bool(truth) if dialect == Dialect::PostgreSql => truth.to_string(),
            Json::Bool(truth) => u8::from(*truth).to_string(),
            // Behind a minus, another one would begin a comment.
            other if other.to_string().starts_with('-') => format!("({other})"),
            other => other.to_string(),
        };
        literals.push((name.value.as_str(), put));
    }
    Ok(sql::with_values(&text, dialect, &literals))
}
