//! MySQL and MariaDB know no renaming of databases: the tables of a database beside the live one take
//! their places in one RENAME, all or none. Views, triggers, routines and events do not come along: they
//! are noted before, and made anew where they differ. What cannot be moved at all is refused before
//! anything is touched.

mod code;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Stands, Swap, before_name, new_name};
use crate::archive::prove;
use crate::crash::{Point, point};
use crate::event::Failure;
use crate::world::database::{Patience, Session};
use crate::world::{Broken, error, write_durable};
use code::{Kind, Object};

/// What is no table, of both databases, as it was before anything was touched.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Noted {
    live: Vec<Object>,
    new: Vec<Object>,
}

fn note_path(swap: &Swap<'_>) -> PathBuf {
    swap.job.world.folder.join(format!("restore-{}.json", swap.mark))
}

fn noted(swap: &Swap<'_>) -> Result<Option<Noted>, Failure> {
    let path = note_path(swap);
    let wrong = |why: String| error(format!("{}: {why}", path.display()));
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|why| wrong(why.to_string())),
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(wrong(problem.to_string())),
    }
}

async fn session(swap: &Swap<'_>) -> Result<Session, Failure> {
    swap.job.working_session(swap.at()?).await
}

/// Who may not make one may not drop it either, also where there is none.
async fn drop_database(session: &mut Session, name: &str) -> Result<(), Failure> {
    if count(session, name).await?.is_some() {
        let name = session.identifier(name);
        session.run(&format!("drop database if exists {name}")).await?;
    }
    Ok(())
}

async fn tables(session: &mut Session, database: &str) -> Result<Vec<String>, Failure> {
    let name = session.literal(database);
    let query = format!(
        "select table_name from information_schema.tables
         where table_schema = {name} and table_type = 'BASE TABLE' order by 1"
    );
    let lines = session.lines(&query).await?;
    Ok(lines.into_iter().filter_map(|line| line.into_iter().next().flatten()).collect())
}

/// Tables of another one of its databases; `None` where there is no such database.
async fn count(session: &mut Session, database: &str) -> Result<Option<u64>, Failure> {
    let name = session.literal(database);
    let query = format!(
        "select (select count(*) from information_schema.tables t where t.table_schema = s.schema_name)
         from information_schema.schemata s where s.schema_name = {name}"
    );
    Ok(session.value(&query).await?.and_then(|count| count.parse().ok()))
}

pub async fn stands(swap: &Swap<'_>) -> Result<Stands, Failure> {
    let at = swap.at()?;
    let mut session = session(swap).await?;
    let looked = async {
        let before = count(&mut session, &before_name(at, &swap.mark)).await?;
        let new = count(&mut session, &new_name(at, &swap.mark)).await?;
        Ok::<_, Failure>((before, new))
    };
    let looked = looked.await;
    session.close().await;
    Ok(match looked? {
        (None | Some(0), _) => Stands::Before,
        // It goes last: until then what is no table may be missing.
        (Some(_), Some(_)) => Stands::Between,
        (Some(_), None) => Stands::After,
    })
}

/// What neither a RENAME nor a statement of ours can bring along.
async fn immovable(session: &mut Session, database: &str) -> Result<Vec<String>, Failure> {
    let name = session.literal(database);
    let query = format!(
        "select concat(lower(routine_type), ' ', routine_name) from information_schema.routines
             where routine_schema = {name} and routine_type not in ('FUNCTION', 'PROCEDURE')
         union all select concat(lower(table_type), ' ', table_name)
             from information_schema.tables where table_schema = {name}
             and table_type in ('SYSTEM VERSIONED', 'SEQUENCE')
         union all select concat('the foreign key ', constraint_name, ' of ', table_schema, '.', table_name)
             from information_schema.key_column_usage where referenced_table_schema = {name}
             and table_schema <> {name}"
    );
    let lines = session.lines(&query).await?;
    Ok(lines.into_iter().filter_map(|line| line.into_iter().next().flatten()).collect())
}

pub async fn prepare(swap: &Swap<'_>) -> Result<(), Broken> {
    let at = swap.at()?;
    let new = new_name(at, &swap.mark);
    let live = at.database().unwrap_or_default().to_owned();
    // What an earlier attempt took away is there again before it is noted.
    mend(swap).await?;
    let mut session = session(swap).await?;
    let made = async {
        let found = immovable(&mut session, &live).await?;
        refuse(&found)?;
        drop_database(&mut session, &new).await?;
        let quoted = session.identifier(&new);
        session.run(&format!("create database {quoted}")).await.map_err(|refusal| {
            let failure = Failure::from(refusal);
            error(format!(
                "{}; a restore makes databases beside the live one: GRANT ALL ON `{live}%`.* TO the account of \
                 connection {}",
                failure.text, at.id
            ))
        })?;
        Ok::<_, Failure>(())
    };
    let made = made.await;
    session.close().await;
    made?;
    prove::load(swap.job, swap.around.clone(), swap.manifest, swap.path, &at.on(&new)).await?;
    let mut session = self::session(swap).await?;
    let found = immovable(&mut session, &new).await;
    session.close().await;
    refuse(&found?)?;
    let noted = Noted {
        live: code::of(at, &live, swap.job).await?,
        new: code::of(at, &new, swap.job).await?,
    };
    if !swap.is_scratch {
        let bytes = serde_json::to_vec(&noted).expect("texts are plain data");
        write_durable(&note_path(swap), &bytes)?;
    }
    // None of them may act on what waits for its place.
    let mut events = noted.new;
    events.retain(|one| one.kind == Kind::Event);
    Ok(code::drop(&at.on(&new), &events, swap.job).await?)
}

fn refuse(found: &[String]) -> Result<(), Failure> {
    match found.first() {
        None => Ok(()),
        Some(first) => Err(error(format!(
            "{first} cannot be swapped by this server (of {} such things): restore by hand into an \
             empty database, with the command that `plan logs` shows, and point the application at it",
            found.len()
        ))),
    }
}

pub async fn swap(swap: &Swap<'_>) -> Result<(), Failure> {
    let at = swap.at()?;
    let live = at.database().unwrap_or_default();
    let (before, new) = (before_name(at, &swap.mark), new_name(at, &swap.mark));
    let noted = noted(swap)?.unwrap_or_default();
    if stands(swap).await? == Stands::Before {
        let exchanged = async {
            drop_triggers(swap, &noted).await?;
            exchange(swap, live, &before, &new).await
        };
        if let Err(failure) = exchanged.await {
            // The live database keeps its triggers.
            mend(swap).await?;
            return Err(failure);
        }
    }
    code::only(at, &noted.new, swap.job).await?;
    code::make(at, &noted.new, swap.job).await?;
    point(Point::Swap);
    let mut session = session(swap).await?;
    let left = tables(&mut session, &new).await;
    let result = match left {
        Ok(left) if left.is_empty() => drop_database(&mut session, &new).await,
        Ok(left) => Err(error(format!("{} did not come into its place", left.join(", ")))),
        Err(failure) => Err(failure),
    };
    session.close().await;
    result.map(|_| ())
}

/// A table that has one cannot move.
async fn drop_triggers(swap: &Swap<'_>, noted: &Noted) -> Result<(), Failure> {
    let at = swap.at()?;
    let triggers = |objects: &[Object]| -> Vec<Object> {
        objects.iter().filter(|one| one.kind == Kind::Trigger).cloned().collect()
    };
    code::drop(at, &triggers(&noted.live), swap.job).await?;
    point(Point::Swap);
    let new = at.on(&new_name(at, &swap.mark));
    code::drop(&new, &triggers(&noted.new), swap.job).await
}

/// The live database has all of its own again that is no table.
async fn mend(swap: &Swap<'_>) -> Result<(), Failure> {
    match noted(swap)? {
        Some(noted) => {
            code::only(swap.at()?, &noted.live, swap.job).await?;
            code::make(swap.at()?, &noted.live, swap.job).await
        }
        None => Ok(()),
    }
}

async fn exchange(swap: &Swap<'_>, live: &str, away: &str, comes: &str) -> Result<(), Failure> {
    let mut session = session(swap).await?;
    let result = async {
        // Dropped once it was empty.
        let target = session.identifier(away);
        session.run(&format!("create database if not exists {target}")).await?;
        let mut moves = Vec::new();
        for (from, to) in [(live, away), (comes, live)] {
            for table in tables(&mut session, from).await? {
                let name = session.identifier(&table);
                let (from, to) = (session.identifier(from), session.identifier(to));
                moves.push(format!("{from}.{name} to {to}.{name}"));
            }
        }
        if !moves.is_empty() {
            point(Point::Swap);
            // Whoever has one of them in an open transaction is named.
            let rename = format!("rename table {}", moves.join(", "));
            session.run_within(&rename, &Patience::default()).await?;
            point(Point::Swap);
        }
        Ok::<_, Failure>(())
    };
    let result = result.await;
    session.close().await;
    result
}

pub async fn swap_back(swap: &Swap<'_>) -> Result<(), Failure> {
    if stands(swap).await? != Stands::Before {
        let at = swap.at()?;
        let live = at.database().unwrap_or_default();
        // Those that came with the restore, and whatever was made since.
        let now = code::of(at, live, swap.job).await?;
        let triggers: Vec<Object> =
            now.into_iter().filter(|one| one.kind == Kind::Trigger).collect();
        code::drop(at, &triggers, swap.job).await?;
        exchange(swap, live, &new_name(at, &swap.mark), &before_name(at, &swap.mark)).await?;
    }
    forget(swap).await
}

pub async fn forget(swap: &Swap<'_>) -> Result<(), Failure> {
    let at = swap.at()?;
    let mut names = vec![new_name(at, &swap.mark)];
    if stands(swap).await? == Stands::Before {
        mend(swap).await?;
        // Made for tables that never came.
        names.push(before_name(at, &swap.mark));
    }
    let mut session = session(swap).await?;
    let dropped = async {
        for name in names {
            drop_database(&mut session, &name).await?;
        }
        Ok::<_, Failure>(())
    };
    let dropped = dropped.await;
    session.close().await;
    dropped?;
    let _ = std::fs::remove_file(note_path(swap));
    Ok(())
}
