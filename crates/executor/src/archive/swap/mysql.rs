//! MySQL and MariaDB know no renaming of databases: the tables of a database beside the live one take
//! their places in one RENAME, all or none. What is no table cannot be moved like that: a database with
//! views, triggers, routines or events is refused before anything is touched.

use super::{Stands, Swap, before_name, new_name};
use crate::archive::prove;
use crate::crash::{Point, point};
use crate::event::Failure;
use crate::world::database::{Patience, Session};
use crate::world::{Broken, error};

async fn session(swap: &Swap<'_>) -> Result<Session, Failure> {
    Session::open(swap.at()?, &swap.job.session_name()).await
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

pub async fn stands(swap: &Swap<'_>) -> Result<Stands, Failure> {
    let mut session = session(swap).await?;
    let name = session.literal(&before_name(swap.at()?, &swap.mark));
    let query =
        format!("select count(*) from information_schema.tables where table_schema = {name}");
    let count = session.value(&query).await;
    session.close().await;
    Ok(if count?.as_deref() == Some("0") { Stands::Before } else { Stands::After })
}

/// What a RENAME cannot take along.
async fn others(session: &mut Session, database: &str) -> Result<Vec<String>, Failure> {
    let name = session.literal(database);
    let query = format!(
        "select concat('view ', table_name) from information_schema.views where table_schema = {name}
         union all select concat('trigger ', trigger_name) from information_schema.triggers
             where trigger_schema = {name}
         union all select concat(lower(routine_type), ' ', routine_name)
             from information_schema.routines where routine_schema = {name}
         union all select concat(lower(table_type), ' ', table_name)
             from information_schema.tables where table_schema = {name}
             and table_type in ('SYSTEM VERSIONED', 'SEQUENCE')
         union all select concat('event ', event_name) from information_schema.events
             where event_schema = {name}"
    );
    let lines = session.lines(&query).await?;
    Ok(lines.into_iter().filter_map(|line| line.into_iter().next().flatten()).collect())
}

pub async fn prepare(swap: &Swap<'_>) -> Result<(), Broken> {
    let at = swap.at()?;
    let new = new_name(at, &swap.mark);
    let mut session = session(swap).await?;
    let made = async {
        let quoted = session.identifier(&new);
        session.run(&format!("drop database if exists {quoted}")).await?;
        session.run(&format!("create database {quoted}")).await?;
        Ok::<_, Failure>(())
    };
    let made = made.await;
    session.close().await;
    made?;
    prove::load(swap.job, swap.around.clone(), swap.manifest, swap.path, &at.on(&new)).await?;
    let mut session = self::session(swap).await?;
    let live = at.database().unwrap_or_default().to_owned();
    let found = async {
        let mut found = others(&mut session, &live).await?;
        found.extend(others(&mut session, &new).await?);
        Ok::<_, Failure>(found)
    };
    let found = found.await;
    session.close().await;
    let found = found?;
    match found.first() {
        None => Ok(()),
        Some(first) => Err(error(format!(
            "{first} cannot be swapped by this server (of {} such things): restore by hand into an \
             empty database, with the command that `plan logs` shows, and point the application at it",
            found.len()
        ))
        .into()),
    }
}

pub async fn swap(swap: &Swap<'_>) -> Result<(), Failure> {
    let at = swap.at()?;
    let live = at.database().unwrap_or_default();
    exchange(swap, live, &before_name(at, &swap.mark), &new_name(at, &swap.mark)).await?;
    let mut session = session(swap).await?;
    let new = new_name(at, &swap.mark);
    let left = tables(&mut session, &new).await;
    let result = match left {
        Ok(left) if left.is_empty() => {
            let name = session.identifier(&new);
            session.run(&format!("drop database if exists {name}")).await.map_err(Failure::from)
        }
        Ok(left) => Err(error(format!("{} did not come into its place", left.join(", ")))),
        Err(failure) => Err(failure),
    };
    session.close().await;
    result.map(|_| ())
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
    if stands(swap).await? == Stands::After {
        let at = swap.at()?;
        let live = at.database().unwrap_or_default();
        exchange(swap, live, &new_name(at, &swap.mark), &before_name(at, &swap.mark)).await?;
        let mut session = session(swap).await?;
        let name = session.identifier(&before_name(at, &swap.mark));
        let dropped = session.run(&format!("drop database if exists {name}")).await;
        session.close().await;
        dropped?;
    }
    forget(swap).await
}

pub async fn forget(swap: &Swap<'_>) -> Result<(), Failure> {
    let at = swap.at()?;
    let mut names = vec![new_name(at, &swap.mark)];
    // Made for tables that never came.
    if stands(swap).await? == Stands::Before {
        names.push(before_name(at, &swap.mark));
    }
    let mut session = session(swap).await?;
    let dropped = async {
        for name in names {
            let name = session.identifier(&name);
            session.run(&format!("drop database if exists {name}")).await?;
        }
        Ok::<_, Failure>(())
    };
    let dropped = dropped.await;
    session.close().await;
    dropped
}
