//! The declared state of a plan, taken before a run and compared after a rollback: files by what is
//! in them, SQLite databases by their schema and rows. Reads only.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::actions::sql::NOTES;
use crate::checks::sha256;
use plan_model::resolve::Plan;

use crate::event::Failure;
use crate::world::{World, error, sqlite};

/// So many differences are named; more are counted.
const NAMED: usize = 50;

/// What the declared state wants and this version has not.
pub fn lacks(plan: &Plan) -> Vec<String> {
    let databases = plan.file.state.iter().flat_map(|state| state.databases.iter().flatten());
    databases.flat_map(|id| sqlite::lacks(plan, Some(&id.value))).collect()
}

/// What is there, each thing with what it is. Two equal states give two equal values.
pub async fn take(world: &World) -> Result<Json, Failure> {
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
        let connection = world.plan.plan.connection(&id.value);
        let connection = connection.ok_or_else(|| error("the state names no known connection"))?;
        let Some(path) = sqlite::file(connection, &fill)? else {
            return Err(error(format!(
                "this version of plan takes the state of SQLite databases only, not of {}",
                id.value
            )));
        };
        if !path.exists() {
            parts.insert(format!("database {}", id.value), "not there".to_owned());
            continue;
        }
        database(&path, &id.value, &except, &mut parts).await?;
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

fn files(
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
        format!("{} {rights}", sha256(path)?)
    } else {
        // A pipe or a device: reading it might never end.
        format!("special {rights}")
    };
    parts.insert(name.to_owned(), what);
    Ok(())
}

async fn database(
    path: &Path,
    id: &str,
    except: &[String],
    parts: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    let said = |problem: sqlx::Error| error(format!("{id}: {}", sqlite::said(&problem)));
    let mut connection = sqlite::open(path, Duration::from_secs(10)).await?;
    // One moment for all tables.
    let mut moment = connection.begin().await.map_err(said)?;
    let objects = sqlx::query(
        "select type, name, coalesce(sql, '') as sql from sqlite_schema
         where name not like 'sqlite\\_%' escape '\\' order by type, name",
    )
    .fetch_all(&mut *moment)
    .await
    .map_err(said)?;
    for object in objects {
        let (kind, name, sql): (String, String, String) =
            (object.get("type"), object.get("name"), object.get("sql"));
        if name == NOTES || except.contains(&name) {
            continue;
        }
        let mut what = hex(Sha256::digest(sql.as_bytes()).as_slice());
        if kind == "table" {
            let (count, digest) = rows(&mut moment, &name, except).await.map_err(said)?;
            parts
                .insert(format!("rows of table {name} in {id}"), format!("{count} rows, {digest}"));
        }
        what.insert_str(0, "definition ");
        parts.insert(format!("{kind} {name} in {id}"), what);
    }
    Ok(())
}

/// Every row of a table as SQLite itself would write it down.
async fn rows(
    connection: &mut SqliteConnection,
    table: &str,
    except: &[String],
) -> Result<(u64, String), sqlx::Error> {
    let columns = sqlx::query("select name from pragma_table_info(?)")
        .bind(table)
        .fetch_all(&mut *connection)
        .await?;
    let columns: Vec<String> = columns.iter().map(|row| row.get("name")).collect();
    let kept = columns.iter().filter(|column| {
        !except.contains(column) && !except.contains(&format!("{table}.{column}"))
    });
    let quoted: Vec<String> = kept.map(|column| format!("quote({})", identifier(column))).collect();
    if quoted.is_empty() {
        return Ok((0, String::new()));
    }
    let line = quoted.join(" || ',' || ");
    let query = format!("select {line} as line from {} order by 1", identifier(table));
    let mut found = sqlx::query(AssertSqlSafe(query)).fetch(&mut *connection);
    let mut hash = Sha256::new();
    let mut count = 0;
    while let Some(row) = found.try_next().await? {
        let line: String = row.get("line");
        hash.update((line.len() as u64).to_le_bytes());
        hash.update(line.as_bytes());
        count += 1;
    }
    Ok((count, hex(hash.finalize().as_slice())))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
