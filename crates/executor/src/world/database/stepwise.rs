//! Scripts that no transaction can hold: statement after statement, with a row in the database that
//! says how far it came. A change of rows is committed together with that row, so it is known exactly.
//! Of any other statement the shape of the database is written down before it begins: whoever finds
//! that shape again knows that it did not happen.

use plan_model::sql::session::{begins, is_opaque, only_prepares, remembered};
use plan_model::sql::{Action, Change, Dialect, Script, Statement, TransactionStep};
use sha2::{Digest, Sha256};

use super::refusal::{Refusal, Why};
use super::shape;
use super::{Patience, Session};
use crate::digest::{self, hex};
use crate::event::Failure;
use crate::world::{Broken, Job, error};

pub const PROGRESS: &str = "plan_statements";

/// In place of a shape: the last statement failed, and something of it may be there.
const PARTLY: &str = "partly";

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
    /// It takes back what was done in part: what is not there need not be taken away, and what still is
    /// there need not be made again.
    pub lenient: bool,
}

/// Whether any script may be under way.
pub async fn is_any(session: &mut Session) -> Result<bool, Failure> {
    Ok(!shape::columns_if_any(session, PROGRESS).await?.is_empty())
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
    let begun = &works[..progress.begun.min(total)];
    if progress.begun > 0 && begun.iter().all(|one| only_prepares(one, task.text)) {
        note(session, task, 0, 0, "").await?;
        (progress.begun, progress.done) = (0, 0);
    }
    if let Some(what) = remembered(task.script, task.text, &works[progress.done.min(total)..])
        && progress.done > 0
    {
        return Err(Broken::InDoubt(format!(
            "{}: {} of {total} statements are done, and the rest uses {what}, which a new session has not: \
             go on by hand, then skip the step",
            task.title, progress.done
        )));
    }
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
        let result = match (number <= progress.done, statement.is_setting()) {
            (true, false) => continue,
            // What only sets the session is wanted again in each; how far the script came stays as it is.
            (true, true) => session.run_within(piece, patience).await.map(drop),
            (false, _) => one(session, task, number, statement, piece, patience).await,
        };
        let Err(mut failure) = result else { continue };
        let line = task.text[..statement.range.start].matches('\n').count() + 1;
        let is_partly = read(session, task.name).await.ok().flatten();
        let is_partly = is_partly.is_none_or(|progress| progress.shape == PARTLY);
        let stays = match number - 1 {
            _ if is_partly => "it may be done in part, and what is before it stays done".to_owned(),
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
            let ran = session.run_within_raw(piece, patience).await;
            ran.map_err(|(refusal, failure)| (Some(refusal), failure))?;
            note(session, task, number, number, "").await.map_err(|failure| (None, failure))?;
            let committed = session.commit().await;
            committed.map_err(|refusal| (Some(refusal.clone()), Failure::from(refusal)))
        };
        let Err((refusal, failure)) = done.await else { return Ok(()) };
        session.roll_back().await;
        if refusal.as_ref().is_some_and(|refusal| needs_nothing(task, statement, refusal)) {
            return note(session, task, number, number, "").await;
        }
        return Err(failure);
    }
    if task.lenient {
        // An index that a server which went away left half dropped would count as there.
        clear_up(session, statement).await?;
    }
    let before = shape_for(session, statement).await?;
    note(session, task, number, number - 1, &before).await?;
    match session.run_within_raw(piece, patience).await {
        Ok(_) => {}
        Err((refusal, _)) if needs_nothing(task, statement, &refusal) => {}
        Err((refusal, failure)) => {
            if refusal.why == Why::Lost {
                return Err(failure);
            }
            clear_up(session, statement).await?;
            // Only what is there tells whether it left nothing.
            let is_known = !is_opaque(statement, task.text);
            if is_known && shape_for(session, statement).await? == before {
                note(session, task, number - 1, number - 1, "").await?;
            } else {
                note(session, task, number, number - 1, PARTLY).await?;
            }
            return Err(failure);
        }
    }
    if let Some(why) = not_valid(session, statement).await? {
        note(session, task, number - 1, number - 1, "").await?;
        return Err(error(why));
    }
    note(session, task, number, number, "").await
}

/// On the way back from the middle of a script: what it would bring about was never changed.
fn needs_nothing(task: &Task<'_>, statement: &Statement, refusal: &Refusal) -> bool {
    let is_so = (is_missing(refusal) && takes_one_away(statement))
        || (is_there(refusal) && gives_one_back(statement));
    task.lenient && is_so
}

/// Makes one thing, so that "it is there" means that it was never taken away.
fn gives_one_back(statement: &Statement) -> bool {
    match &statement.action {
        Action::CreateTable(_) | Action::CreateIndex(_) | Action::Create(_) => true,
        Action::AlterTable { alterations, .. } => matches!(
            &alterations[..],
            [one] if matches!(one.change, Change::AddColumn { .. } | Change::AddConstraint { .. })
        ),
        _ => false,
    }
}

/// Takes away one thing, so that "it is not there" means that nothing is left to do.
fn takes_one_away(statement: &Statement) -> bool {
    match &statement.action {
        Action::Drop(drop) => drop.names.len() == 1,
        Action::AlterTable { alterations, .. } => alterations.len() == 1,
        _ => false,
    }
}

/// A concurrent build that fails leaves an index that nobody uses and everybody keeps up.
async fn clear_up(session: &mut Session, statement: &Statement) -> Result<(), Failure> {
    let Action::CreateIndex(index) = &statement.action else { return Ok(()) };
    let Some(name) = index.name.as_ref().filter(|_| index.concurrently) else { return Ok(()) };
    if validity(session, &name.shown).await?.as_deref() == Some("f") {
        let name = shape::qualified(session, &name.shown);
        session.run(&format!("drop index concurrently {name}")).await?;
    }
    Ok(())
}

async fn validity(session: &mut Session, index: &str) -> Result<Option<String>, Failure> {
    let name = session.literal(&shape::qualified(session, index));
    let query =
        format!("select i.indisvalid from pg_index i where i.indexrelid = to_regclass({name})");
    Ok(session.value(&query).await?)
}

/// `IF NOT EXISTS` is content with an index of which the build failed.
async fn not_valid(
    session: &mut Session,
    statement: &Statement,
) -> Result<Option<String>, Failure> {
    let Action::CreateIndex(index) = &statement.action else { return Ok(None) };
    let Some(name) = index.name.as_ref().filter(|_| index.concurrently) else { return Ok(None) };
    let is_invalid = validity(session, &name.shown).await?.as_deref() == Some("f");
    let text = format!(
        "the index {} is there from a build that failed, and is not valid: drop it, then try again",
        name.shown
    );
    Ok(is_invalid.then_some(text))
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

/// What is to be made is there: tables, columns, keys, triggers, routines, schemas.
fn is_there(refusal: &Refusal) -> bool {
    const THERE: [&str; 12] = [
        "1050", "1060", "1061", "1068", "1304", "1359", "1826", "42P06", "42P07", "42701", "42710",
        "42723",
    ];
    THERE.contains(&&refusal.code[..])
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
    // One that was half dropped is there and not valid: it is dropped again.
    if let Action::Drop(drop) = &statement.action
        && drop.concurrently
        && let [name] = &drop.names[..]
    {
        let is_gone = validity(session, &name.shown).await?.is_none();
        return Ok(if is_gone { Became::Done } else { Became::Undone });
    }
    if progress.shape == PARTLY {
        return Ok(Became::InDoubt);
    }
    // To do them twice does no harm.
    if matches!(
        statement.action,
        Action::Truncate(_) | Action::Vacuum { .. } | Action::Reindex(_) | Action::Cluster
    ) || begins(
        statement,
        task.text,
        &["analyze", "optimize", "grant", "revoke", "flush", "check", "repair"],
    ) {
        return Ok(Became::Undone);
    }
    if is_opaque(statement, task.text) {
        return Ok(Became::InDoubt);
    }
    if let Action::CreateIndex(index) = &statement.action
        && index.concurrently
    {
        let Some(name) = &index.name else { return Ok(Became::InDoubt) };
        let valid = validity(session, &name.shown).await?;
        clear_up(session, statement).await?;
        return Ok(if valid.as_deref() == Some("t") { Became::Done } else { Became::Undone });
    }
    let now = shape_for(session, statement).await?;
    let (own, others) = now.split_once(':').unwrap_or((&now, ""));
    let (own_before, others_before) = progress.shape.split_once(':').unwrap_or_default();
    // Some changes of a table are not seen in its definition.
    let is_seen = match &statement.action {
        Action::AlterTable { alterations, .. } => {
            alterations.iter().any(|one| !matches!(one.change, Change::Other))
        }
        Action::Other | Action::Insert(_) | Action::Update(_) | Action::Delete(_) => false,
        _ => true,
    };
    Ok(match (own == own_before, is_seen) {
        (_, false) => Became::InDoubt,
        (true, true) => Became::Undone,
        // Many tables go one after the other on some servers: some may be left.
        (false, true) if is_several(statement) => {
            let mut left = 0;
            for name in names(statement) {
                left += usize::from(!shape::columns_if_any(session, &name).await?.is_empty());
            }
            if left == 0 { Became::Done } else { Became::InDoubt }
        }
        // Whoever changed other things meanwhile may have changed these.
        (false, true) if others != others_before => Became::InDoubt,
        (false, true) => Became::Done,
    })
}

fn is_several(statement: &Statement) -> bool {
    matches!(&statement.action, Action::Drop(drop) if drop.kind == "table" && drop.names.len() > 1)
}

/// What a statement is about, by name.
fn names(statement: &Statement) -> Vec<String> {
    let mut names: Vec<String> =
        statement.tables().into_iter().map(|name| name.shown.clone()).collect();
    match &statement.action {
        Action::CreateIndex(index) => {
            names.extend(index.name.iter().map(|name| name.shown.clone()))
        }
        Action::Create(object) | Action::Alter(object) => {
            names.extend(object.name.iter().map(|name| name.shown.clone()));
        }
        Action::Drop(drop) => names.extend(drop.names.iter().map(|name| name.shown.clone())),
        Action::RenameTables(pairs) => {
            names.extend(pairs.iter().map(|(_, to)| to.shown.clone()));
        }
        Action::AlterTable { alterations, .. } => {
            for alteration in alterations {
                if let Change::RenameTable { to } = &alteration.change {
                    names.push(to.shown.clone());
                }
            }
        }
        _ => {}
    }
    names.sort();
    names.dedup();
    names
}

/// The definitions of what a statement is about, and those of all else, each in one short text.
async fn shape_for(session: &mut Session, statement: &Statement) -> Result<String, Failure> {
    let names: Vec<String> = names(statement)
        .into_iter()
        .map(|name| name.strip_prefix("public.").unwrap_or(&name).to_ascii_lowercase())
        .collect();
    let (mut own, mut others) = (Sha256::new(), Sha256::new());
    for object in shape::objects(session).await? {
        let listed = object.name.to_ascii_lowercase();
        let is_own = names.iter().any(|name| {
            listed.strip_prefix(name.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('.') || rest.starts_with('(')
            })
        });
        let hash = if is_own || names.is_empty() { &mut own } else { &mut others };
        for part in [&object.kind, &object.name, &object.definition] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    let short = |hash: Sha256| hex(&hash.finalize()[..16]);
    Ok(format!("{}:{}", short(own), short(others)))
}

fn hash(text: &str) -> String {
    digest::sha256(text)
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
