//! PostgreSQL: a database beside the live one, with its owner, settings and grants, and two renames in
//! one transaction while nobody is let in.

use std::path::PathBuf;

use super::{Stands, Swap, before_name, new_name};
use crate::archive::prove;
use crate::crash::{Point, point};
use crate::event::Failure;
use crate::world::database::snapshot::{self, Scope};
use crate::world::database::{Session, left};
use crate::world::{Broken, error, write_durable};

/// From where the live database can be renamed: nobody renames the one it is in.
async fn aside(swap: &Swap<'_>) -> Result<Session, Failure> {
    let at = swap.at()?;
    let other = if at.database() == Some("postgres") { "template1" } else { "postgres" };
    swap.job.working_session(&at.on(other)).await
}

async fn exists(session: &mut Session, name: &str) -> Result<bool, Failure> {
    let name = session.literal(name);
    let query = format!("select 1 from pg_database where datname = {name}");
    Ok(session.value(&query).await?.is_some())
}

/// Seen from aside: the live database itself may be closed.
pub async fn going_on(swap: &Swap<'_>) -> Result<Option<String>, Failure> {
    let mut session = aside(swap).await?;
    let left = left::wait(&mut session, swap.job).await;
    session.close().await;
    left
}

pub async fn stands(swap: &Swap<'_>) -> Result<Stands, Failure> {
    let mut session = aside(swap).await?;
    let there = async {
        // A kill in the middle of a swap leaves them closed.
        if closed(swap).exists() {
            open_again(swap, &mut session).await?;
        }
        exists(&mut session, &before_name(swap.at()?, &swap.mark)).await
    };
    let there = there.await;
    session.close().await;
    Ok(if there? { Stands::After } else { Stands::Before })
}

/// Says that this swap lets nobody in.
fn closed(swap: &Swap<'_>) -> PathBuf {
    swap.job.world.folder.join(format!("closed-{}", swap.mark))
}

/// Whichever of the databases it was that was closed.
async fn open_again(swap: &Swap<'_>, session: &mut Session) -> Result<(), Failure> {
    let at = swap.at()?;
    let names = [
        at.database().unwrap_or_default().to_owned(),
        before_name(at, &swap.mark),
        new_name(at, &swap.mark),
    ];
    for name in names {
        if exists(session, &name).await? {
            let name = session.identifier(&name);
            session.run(&format!("alter database {name} allow_connections true")).await?;
        }
    }
    let _ = std::fs::remove_file(closed(swap));
    Ok(())
}

pub async fn prepare(swap: &Swap<'_>) -> Result<(), Broken> {
    let at = swap.at()?;
    let (live, new) = (at.database().unwrap_or_default(), new_name(at, &swap.mark));
    let mut session = aside(swap).await?;
    let made = make(&mut session, live, &new).await;
    session.close().await;
    made?;
    let there = at.on(&new);
    prove::load(swap.job, swap.around.clone(), swap.manifest, swap.path, &there).await?;
    let mut session = aside(swap).await?;
    let dressed = dress(&mut session, live, &new).await;
    session.close().await;
    dressed?;
    let Some(data) = &swap.manifest.data else { return Ok(()) };
    let mut session = swap.job.working_session(&there).await?;
    let scope = Scope { tables: data.tables.keys().cloned().collect(), ..Scope::default() };
    let now = snapshot::take(&mut session, &scope).await;
    session.close().await;
    let differences =
        snapshot::differences(data, &now.map_err(Failure::from)?, &Default::default(), &[]);
    match differences.is_empty() {
        true => Ok(()),
        false => Err(error(format!(
            "what was restored is not what was saved: {}",
            differences.join("; ")
        ))
        .into()),
    }
}

/// An empty database like the live one.
pub async fn make(session: &mut Session, live: &str, new: &str) -> Result<(), Failure> {
    let quoted = session.identifier(new);
    session.run(&format!("drop database if exists {quoted}")).await?;
    let name = session.literal(live);
    let of_live = format!(
        "select r.rolname, pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datconnlimit,
             coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'), t.spcname,
             d.dattablespace = (select dattablespace from pg_database where datname = 'template0')
         from pg_database d join pg_roles r on r.oid = d.datdba
         join pg_tablespace t on t.oid = d.dattablespace where d.datname = {name}"
    );
    let line = session.lines(&of_live).await?.into_iter().next();
    let line = line.ok_or_else(|| error(format!("there is no database {live}")))?;
    let part = |at: usize| line.get(at).cloned().flatten().unwrap_or_default();
    if part(5) != "c" {
        return Err(error(format!(
            "{live} sorts by another provider than the C library ({}): this version of plan cannot make \
             a database like it",
            part(5)
        )));
    }
    // Said only where it must be: whoever says it needs a right to that place.
    let tablespace = match part(7).starts_with('t') {
        true => String::new(),
        false => format!(" tablespace {}", session.identifier(&part(6))),
    };
    let create = format!(
        "create database {quoted} owner {} template template0 encoding {} lc_collate {} lc_ctype {} \
         connection limit {}{tablespace}",
        session.identifier(&part(0)),
        session.literal(&part(1)),
        session.literal(&part(2)),
        session.literal(&part(3)),
        part(4),
    );
    session.run(&create).await?;
    Ok(())
}

/// What belongs to a database and stands in no dump of it; once it is loaded, since some of it would be
/// in the way.
async fn dress(session: &mut Session, live: &str, new: &str) -> Result<(), Failure> {
    let (quoted, name) = (session.identifier(new), session.literal(live));
    // Everybody may come into a new one: where
    // somebody thought about that, only those who were let in may.
    let thought_about =
        format!("select datacl is not null from pg_database where datname = {name}");
    if session.value(&thought_about).await?.as_deref() == Some("t") {
        session.run(&format!("revoke all on database {quoted} from public")).await?;
    }
    let settings = format!(
        "select case r.setrole when 0 then format('alter database %I ', {new})
                 else format('alter role %I in database %I ', r.setrole::regrole::text, {new}) end
             || format('set %I to %s', split_part(s, '=', 1),
             case when split_part(s, '=', 1) in ('search_path', 'DateStyle', 'temp_tablespaces',
                 'session_preload_libraries', 'local_preload_libraries')
             then substr(s, strpos(s, '=') + 1) else quote_literal(substr(s, strpos(s, '=') + 1)) end)
         from pg_db_role_setting r, unnest(setconfig) as s
         where setdatabase = (select oid from pg_database where datname = {name})
         union all
         select format('grant %s on database %I to %s%s', a.privilege_type, {new},
             case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
             case when a.is_grantable then ' with grant option' else '' end)
         from pg_database d, aclexplode(d.datacl) a where d.datname = {name}
         union all
         select format('comment on database %I is %L', {new}, shobj_description(oid, 'pg_database'))
         from pg_database where datname = {name} and shobj_description(oid, 'pg_database') is not null",
        new = session.literal(new)
    );
    for line in session.lines(&settings).await? {
        if let Some(statement) = line.into_iter().next().flatten() {
            session.run(&statement).await?;
        }
    }
    Ok(())
}

pub async fn swap(swap: &Swap<'_>) -> Result<(), Failure> {
    let at = swap.at()?;
    let live = at.database().unwrap_or_default();
    exchange(swap, live, &before_name(at, &swap.mark), &new_name(at, &swap.mark)).await
}

pub async fn swap_back(swap: &Swap<'_>) -> Result<(), Failure> {
    if stands(swap).await? == Stands::After {
        let at = swap.at()?;
        let live = at.database().unwrap_or_default();
        exchange(swap, live, &new_name(at, &swap.mark), &before_name(at, &swap.mark)).await?;
    }
    forget(swap).await
}

/// The live database gets another name, and another one gets its name: both or neither.
async fn exchange(swap: &Swap<'_>, live: &str, away: &str, comes: &str) -> Result<(), Failure> {
    let mut session = aside(swap).await?;
    let (live_name, quoted) = (session.literal(live), session.identifier(live));
    let (away, comes) = (session.identifier(away), session.identifier(comes));
    let result = async {
        write_durable(&closed(swap), b"")?;
        session.run(&format!("alter database {quoted} allow_connections false")).await?;
        point(Point::Swap);
        let end = format!(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = {live_name} and pid <> pg_backend_pid()"
        );
        // Ending takes a moment; a rename waits five seconds for the last of them.
        session.value(&end).await?;
        session
            .run(&format!(
                "begin; alter database {quoted} rename to {away}; \
                 alter database {comes} rename to {quoted}; commit"
            ))
            .await?;
        point(Point::Swap);
        Ok::<_, Failure>(())
    };
    let result = result.await;
    if result.is_err() {
        session.roll_back().await;
    }
    let opened = open_again(swap, &mut session).await;
    session.close().await;
    result.and(opened)
}

pub async fn forget(swap: &Swap<'_>) -> Result<(), Failure> {
    let mut session = aside(swap).await?;
    let name = session.identifier(&new_name(swap.at()?, &swap.mark));
    let result = session.run(&format!("drop database if exists {name}")).await;
    session.close().await;
    result?;
    Ok(())
}
