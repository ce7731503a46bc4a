//! Scripts that no transaction can hold: statement after statement, with a row in the database that
//! says how far it came. A change of rows is committed together with that row, so it is known exactly.
//! Of any other statement the shape of the database is written down before it begins: whoever finds
//! that shape again knows that it did not happen.

use plan_model::sql::{Action, Dialect, Script, Statement, TransactionStep};
use sha2::{Digest, Sha256};

use super::refusal::{Refusal, Why};
use super::shape;
use super::{Patience, Session};
use crate::event::Failure;
use crate::world::{Broken, Job, error};

pub const PROGRESS: &str = "plan_statements";

/// How far a script came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    pub run: String,
    pub total: usize,
    /// The last statement that was begun, and the last one that is done; counted from 1.
    pub begun: usize,
    pub done: usize,
    hash: String,
    shape: String,
}

/// What is run, under which name.
pub struct Task<'t> {
    /// As it is told: the file.
    pub title: &'t str,
    /// Tells scripts apart for good.
    pub name: &'t str,
    pub run: &'t str,
    pub text: &'t str,
    pub script: &'t Script,
    /// It takes back what was done in part: what is not there need not be taken away.
    pub lenient: bool,
}

/// Scripts that are under way, by name.
pub async fn read(session: &mut Session, name: &str) -> Result<Option<Progress>, Failure> {
    if shape::columns_if_any(session, PROGRESS).await?.is_empty() {
        return Ok(None);
    }
    let name = session.literal(name);
    let query =
        format!("select run, total, begun, done, hash, shape from {PROGRESS} where task = {name}");
    let line = session.lines(&query).await?.into_iter().next();
    Ok(line.map(|line| {
        let text = |at: usize| line.get(at).cloned().flatten().unwrap_or_default();
        let number = |at: usize| text(at).parse().unwrap_or_default();
        Progress {
            run: text(0),
            total: number(1),
            begun: number(2),
            done: number(3),
            hash: text(4),
            shape: text(5),
        }
    }))
}

/// Up to its end, from where it stands. The row stays until `forget`.
pub async fn run(
    session: &mut Session,
    job: &Job,
    task: &Task<'_>,
    patience: &Patience,
) -> Result<(), Broken> {
    let works = works(task.script);
    let total = works.len();
    let hash = hash(task.text);
    let mut progress = match read(session, task.name).await? {
        Some(progress) if progress.run == task.run && progress.hash == hash => progress,
        Some(progress) => {
            return Err(error(format!(
                "{}: {} of {} statements were done by {}: that run is to be resumed or rolled back \
                 first",
                task.title, progress.done, progress.total, progress.run
            ))
            .into());
        }
        None => begin(session, task, total, &hash).await?,
    };
    if progress.begun > progress.done {
        let at = progress.done;
        match became(session, task, works[at], &progress).await? {
            Became::Done => {
                job.say(&format!("{}: statement {} of {total} was done", task.title, at + 1));
                note(session, task, progress.begun, progress.begun, "").await?;
                progress.done = progress.begun;
            }
            Became::Undone => {
                job.say(&format!("{}: statement {} of {total} was not done", task.title, at + 1));
            }
            Became::InDoubt => {
                return Err(Broken::InDoubt(format!(
                    "{}: nobody can tell whether statement {} of {total} was done: look, then skip \
                     the step or try it again",
                    task.title,
                    at + 1
                )));
            }
        }
    }
    for (at, statement) in works.iter().enumerate() {
        let number = at + 1;
        let piece = &task.text[statement.range.clone()];
        // What only sets the session is wanted again in each.
        if number <= progress.done && !statement.is_setting() {
            continue;
        }
        let result = one(session, task, number, statement, piece, patience).await;
        let Err(mut failure) = result else { continue };
        let line = task.text[..statement.range.start].matches('\n').count() + 1;
        let stays = match number - 1 {
            0 => "nothing was changed".to_owned(),
            1 => "the one before it stays done".to_owned(),
            before => format!("the {before} before it stay done"),
        };
        failure.text = format!(
            "{}: statement {number} of {total} (line {line}): {}; {stays}",
            task.title, failure.text
        );
        return Err(failure.into());
    }
    Ok(())
}

/// The statements that are sent: the bounds of a transaction mean nothing here.
fn works(script: &Script) -> Vec<&Statement> {
    let is_work = |statement: &&Statement| {
        !matches!(
            statement.action,
            Action::Transaction(
                TransactionStep::Begin | TransactionStep::Commit | TransactionStep::Rollback
            )
        )
    };
    script.statements.iter().filter(is_work).collect()
}

async fn one(
    session: &mut Session,
    task: &Task<'_>,
    number: usize,
    statement: &Statement,
    piece: &str,
    patience: &Patience,
) -> Result<(), Failure> {
    if statement.is_setting() {
        session.run_within(piece, patience).await?;
        return note(session, task, number, number, "").await;
    }
    if changes_rows(statement, session.dialect()) {
        session.run_begin(patience).await?;
        let done = async {
            session.run_within(piece, patience).await?;
            note(session, task, number, number, "").await?;
            session.commit().await.map_err(Failure::from)
        };
        let result = done.await;
        if result.is_err() {
            session.roll_back().await;
        }
        return result;
    }
    let shape = shape_of(session).await?;
    note(session, task, number, number - 1, &shape).await?;
    match session.run_within_raw(piece, patience).await {
        Ok(_) => {}
        Err((refusal, _)) if task.lenient && is_missing(&refusal) => {}
        Err((refusal, failure)) => {
            if refusal.why != Why::Lost {
                // It is known that it did not happen: a statement that fails leaves nothing.
                note(session, task, number - 1, number - 1, "").await?;
            }
            return Err(failure);
        }
    }
    note(session, task, number, number, "").await
}

/// Only rows change, in a transaction that this server can take back.
fn changes_rows(statement: &Statement, dialect: Dialect) -> bool {
    match statement.action {
        Action::Insert(_) | Action::Update(_) | Action::Delete(_) => true,
        Action::Truncate(_) => dialect == Dialect::PostgreSql,
        _ => dialect == Dialect::PostgreSql && !statement.outside_transaction,
    }
}

/// What is to be taken away is not there.
fn is_missing(refusal: &Refusal) -> bool {
    const MISSING: [&str; 9] =
        ["1051", "1054", "1091", "1146", "1305", "1360", "42P01", "42703", "42704"];
    MISSING.contains(&&refusal.code[..])
}

enum Became {
    Done,
    Undone,
    InDoubt,
}

/// What a statement that was begun came to.
async fn became(
    session: &mut Session,
    task: &Task<'_>,
    statement: &Statement,
    progress: &Progress,
) -> Result<Became, Failure> {
    let is_same = shape_of(session).await? == progress.shape;
    let first = statement.tokens.first();
    let begins = |words: &[&str]| {
        first.is_some_and(|first| words.iter().any(|word| first.is(task.text, word)))
    };
    Ok(match &statement.action {
        // Many tables go one after the other on some servers: some may be left.
        Action::Drop(drop) if drop.kind == "table" && drop.names.len() > 1 && !is_same => {
            let mut left = 0;
            for name in &drop.names {
                left += usize::from(!shape::columns_if_any(session, &name.shown).await?.is_empty());
            }
            if left == 0 { Became::Done } else { Became::InDoubt }
        }
        Action::CreateIndex(index) if index.concurrently => {
            let Some(name) = &index.name else { return Ok(Became::InDoubt) };
            let valid = format!(
                "select i.indisvalid from pg_index i where i.indexrelid = to_regclass({})",
                session.literal(&name.shown)
            );
            match session.value(&valid).await?.as_deref() {
                Some("t") => Became::Done,
                Some(_) => {
                    // What a build that was broken off leaves behind is in the way of the next.
                    let name = shape::qualified(session, &name.shown);
                    session.run(&format!("drop index concurrently {name}")).await?;
                    Became::Undone
                }
                None => Became::Undone,
            }
        }
        // To do them twice does no harm.
        Action::Truncate(_) | Action::Vacuum { .. } | Action::Reindex(_) | Action::Cluster => {
            Became::Undone
        }
        _ if begins(&["analyze", "optimize", "grant", "revoke", "flush", "check", "repair"]) => {
            Became::Undone
        }
        // Nobody knows what a procedure does.
        _ if begins(&["call", "load", "do", "select", "with"]) => Became::InDoubt,
        _ if is_same => Became::Undone,
        _ => Became::Done,
    })
}

/// All definitions in one short text.
async fn shape_of(session: &mut Session) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    for object in shape::objects(session).await? {
        for part in [&object.kind, &object.name, &object.definition] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    Ok(hex(hash.finalize().as_slice()))
}

fn hash(text: &str) -> String {
    hex(Sha256::digest(text.as_bytes()).as_slice())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn begin(
    session: &mut Session,
    task: &Task<'_>,
    total: usize,
    hash: &str,
) -> Result<Progress, Failure> {
    let text = if session.dialect() == Dialect::Sqlite { "text" } else { "varchar(190)" };
    let table = format!(
        "create table if not exists {PROGRESS} (task {text} primary key, run {text} not null,
         total integer not null, begun integer not null, done integer not null,
         hash {text} not null, shape {text} not null)"
    );
    session.run(&table).await?;
    let [name, run, hashed] = [task.name, task.run, hash].map(|text| session.literal(text));
    let row = format!("insert into {PROGRESS} values ({name}, {run}, {total}, 0, 0, {hashed}, '')");
    session.run(&row).await?;
    Ok(Progress { run: task.run.to_owned(), total, hash: hash.to_owned(), ..Progress::default() })
}

async fn note(
    session: &mut Session,
    task: &Task<'_>,
    begun: usize,
    done: usize,
    shape: &str,
) -> Result<(), Failure> {
    let (name, shape) = (session.literal(task.name), session.literal(shape));
    let row = format!(
        "update {PROGRESS} set begun = {begun}, done = {done}, shape = {shape} where task = {name}"
    );
    session.run(&row).await?;
    Ok(())
}

/// It is over: in the transaction that says what came of it.
pub async fn forget(session: &mut Session, name: &str) -> Result<(), Failure> {
    if !shape::columns_if_any(session, PROGRESS).await?.is_empty() {
        let name = session.literal(name);
        session.run(&format!("delete from {PROGRESS} where task = {name}")).await?;
    }
    Ok(())
}

/// The table goes once nothing is under way; outside of any transaction.
pub async fn tidy(session: &mut Session) -> Result<(), Failure> {
    if shape::columns_if_any(session, PROGRESS).await?.is_empty() {
        return Ok(());
    }
    let left = session.value(&format!("select count(*) from {PROGRESS}")).await?;
    if left.as_deref() == Some("0") {
        session.run(&format!("drop table {PROGRESS}")).await?;
    }
    Ok(())
}
