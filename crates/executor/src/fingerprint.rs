//! The declared state of a plan, taken before a run and compared after a rollback: files by what is
//! in them, databases by their objects and rows, services by whether they run. Reads only.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use crate::actions::service;
use crate::digest;
use crate::event::Failure;
use crate::world::database::address::Address;
use crate::world::database::refusal::Refusal;
use crate::world::database::{Session, shape};
use crate::world::{World, error};

/// So many differences are named; more are counted.
const NAMED: usize = 50;

/// What is there, each thing with what it is. Two equal states give two equal values.
pub async fn take(world: &Rc<World>) -> Result<Json, Failure> {
    let Some(state) = &world.plan.plan.file.state else { return Ok(Json::Null) };
    let fill = world.filler(None, None);
    let except = state.except.iter().flatten().map(|text| fill.of(text));
    let except = except.collect::<Result<Vec<_>, _>>()?;
    let mut parts = BTreeMap::new();
    for path in state.files.iter().flatten() {
        let name = fill.of(path)?;
        let whole = fill.path(&path.value)?;
        files(&whole, name.trim_end_matches('/'), &except, &mut parts)?;
    }
    for id in state.databases.iter().flatten() {
        let at = Address::of(&fill, Some(&id.value))?;
        if at.file().is_some_and(|path| !path.exists()) {
            parts.insert(format!("database {}", id.value), "not there".to_owned());
            continue;
        }
        let mut session = Session::open(&at, &format!("plan/{}/state", world.run.id)).await?;
        let taken = database(&mut session, &id.value, &except, &mut parts).await;
        session.close().await;
        taken?;
    }
    for name in state.services.iter().flatten() {
        let name = fill.of(name)?;
        let state = service::state_of(world, &name).await?;
        parts.insert(format!("service {name}"), state.to_owned());
    }
    let map: Map<String, Json> =
        parts.into_iter().map(|(name, what)| (name, Json::from(what))).collect();
    Ok(Json::Object(map))
}

/// What differs, in words for people.
pub fn differences(before: &Json, now: &Json) -> Vec<String> {
    let empty = Map::new();
    let (before, now) = (before.as_object().unwrap_or(&empty), now.as_object().unwrap_or(&empty));
    let mut found = Vec::new();
    for (name, was) in before {
        match now.get(name) {
            None => found.push(format!("{name} is gone")),
            Some(is) if is != was => found.push(format!("{name} differs")),
            Some(_) => {}
        }
    }
    for name in now.keys().filter(|name| !before.contains_key(*name)) {
        found.push(format!("{name} is new"));
    }
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    found
}

/// A file, or all below a folder: contents, links, rights and owners.
pub fn files(
    path: &Path,
    name: &str,
    except: &[String],
    parts: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    let is_out = |one: &String| {
        let one = one.trim_end_matches('/');
        name == one || name.strip_prefix(one).is_some_and(|rest| rest.starts_with('/'))
    };
    if except.iter().any(is_out) {
        return Ok(());
    }
    let about = |problem: std::io::Error| error(format!("{name}: {problem}"));
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => {
            // Absent is a state too: what is there afterwards is new.
            return Ok(());
        }
        Err(problem) => return Err(about(problem)),
    };
    let rights = format!("{:04o} {}:{}", meta.mode() & 0o7777, meta.uid(), meta.gid());
    let what = if meta.is_symlink() {
        format!("link to {}", fs::read_link(path).map_err(about)?.display())
    } else if meta.is_dir() {
        for entry in fs::read_dir(path).map_err(about)? {
            let entry = entry.map_err(about)?;
            let inner = format!("{name}/{}", entry.file_name().to_string_lossy());
            files(&entry.path(), &inner, except, parts)?;
        }
        format!("folder {rights}")
    } else if meta.is_file() {
        format!("{} {rights}", digest::of_file(path).map_err(about)?.0)
    } else {
        // A pipe or a device: reading it might never end.
        format!("special {rights}")
    };
    parts.insert(name.to_owned(), what);
    Ok(())
}

async fn database(
    session: &mut Session,
    id: &str,
    except: &[String],
    parts: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    let said = |refusal: Refusal| error(format!("{id}: {}", refusal.text));
    shape::hold_still(session).await.map_err(said)?;
    for object in shape::objects(session).await.map_err(said)? {
        let name = &object.name;
        if except.contains(name) {
            continue;
        }
        let definition = digest::sha256(&object.definition);
        parts.insert(format!("{} {name} in {id}", object.kind), format!("definition {definition}"));
        if !object.is_table() {
            continue;
        }
        let mut columns =
            shape::columns(session, &shape::listed_as(session, name)).await.map_err(said)?;
        columns.retain(|column| {
            !except.contains(column) && !except.contains(&format!("{name}.{column}"))
        });
        let digested = shape::digest(session, name, &columns).await.map_err(said)?;
        let what = format!("{} rows, {}", digested.rows, digested.digest);
        parts.insert(format!("rows of table {name} in {id}"), what);
    }
    Ok(())
}
