//! A database at one moment, small enough to keep: of each table how many rows and what they add up to,
//! its constraints and indexes, how far its sequences are, rows that point nowhere, values of the
//! business. And what became of it since.

use std::collections::BTreeMap;

use plan_model::sql::Dialect;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::shape;
use super::{Line, Session};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub tables: BTreeMap<String, Table>,
    /// Constraints, indexes, triggers, views and functions, each with its definition.
    pub objects: BTreeMap<String, String>,
    /// The last number of each sequence.
    pub sequences: BTreeMap<String, i64>,
    /// Of each foreign key, how many rows point at nothing.
    pub orphans: BTreeMap<String, u64>,
    pub values: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: u64,
    pub digest: String,
}

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// All of them where none is named.
    pub tables: Vec<String>,
    /// Tables, columns and `table.column`.
    pub except: Vec<String>,
    pub values: Vec<(String, String)>,
    /// The columns that an earlier snapshot saw: those alone are added up.
    pub columns: BTreeMap<String, Vec<String>>,
}

/// What may have become of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum May {
    Equal,
    Grow,
    /// Its rows, divided by those of before.
    Ratio(f64, f64),
}

impl Scope {
    fn sees(&self, table: &str) -> bool {
        let is_named = self.tables.is_empty() || self.tables.iter().any(|one| one == table);
        is_named && !self.except.iter().any(|one| one == table)
    }

    fn sees_column(&self, table: &str, column: &str) -> bool {
        let whole = format!("{table}.{column}");
        !self.except.iter().any(|one| one == column || *one == whole)
    }
}

/// Takes it in one moment, whatever others write meanwhile.
pub async fn take(session: &mut Session, scope: &Scope) -> Result<Snapshot, Refusal> {
    shape::hold_still(session).await?;
    let mut snapshot = Snapshot::default();
    for object in shape::objects(session).await? {
        if !object.is_table() {
            // Of what hangs on a table, the table's name stands first.
            let of = object.name.rsplit_once('.').map_or("", |(table, _)| table);
            let index_of = index_of(&object.kind, &object.definition);
            let is_out = index_of.is_some_and(|table| scope.except.contains(&table));
            if !is_out && (object.kind != "constraint" || scope.sees(of)) {
                snapshot
                    .objects
                    .insert(format!("{} {}", object.kind, object.name), object.definition);
            }
            continue;
        }
        let table = object.name;
        if !scope.sees(&table) {
            continue;
        }
        let mut columns = shape::columns(session, &shape::listed_as(session, &table)).await?;
        if session.dialect().is_mysql_family() {
            keep_keys(&object.definition, &table, &mut snapshot.objects);
        }
        columns.retain(|column| scope.sees_column(&table, column));
        if let Some(known) = scope.columns.get(&table) {
            columns.retain(|column| known.contains(column));
        }
        let digested = shape::digest(session, &table, &columns).await?;
        let (rows, digest) = (digested.rows, digested.digest);
        snapshot.tables.insert(table, Table { columns, rows, digest });
    }
    snapshot.sequences = sequences(session, &snapshot).await?;
    snapshot.orphans = orphans(session).await?;
    for (name, query) in &scope.values {
        snapshot.values.insert(name.clone(), session.value(query).await?);
    }
    Ok(snapshot)
}

/// MySQL keeps keys and constraints in the definition of their table, one in each line.
fn keep_keys(definition: &str, table: &str, objects: &mut BTreeMap<String, String>) {
    for line in definition.lines().map(|line| line.trim().trim_end_matches(',')) {
        let word = line.split_whitespace().next().unwrap_or_default();
        let is_key =
            matches!(word, "PRIMARY" | "UNIQUE" | "KEY" | "CONSTRAINT" | "FULLTEXT" | "SPATIAL");
        if is_key {
            let name = line.split('`').nth(1).filter(|_| word != "PRIMARY").unwrap_or("primary");
            objects.insert(format!("key {table}.{name}"), line.to_owned());
        }
    }
}

async fn sequences(
    session: &mut Session,
    snapshot: &Snapshot,
) -> Result<BTreeMap<String, i64>, Refusal> {
    let query = match session.dialect() {
        Dialect::PostgreSql => {
            "select case schemaname when 'public' then '' else schemaname || '.' end || sequencename,
             coalesce(last_value, start_value - increment_by) from pg_sequences"
        }
        Dialect::MySql | Dialect::MariaDb => {
            "select table_name, auto_increment - 1 from information_schema.tables
             where table_schema = database() and auto_increment is not null"
        }
        Dialect::Sqlite => {
            let kept = session.value("select 1 from sqlite_schema where name = 'sqlite_sequence'");
            if kept.await?.is_none() {
                return Ok(BTreeMap::new());
            }
            "select name, seq from sqlite_sequence"
        }
    };
    let lines = session.lines(query).await?;
    let mut all = pairs::<i64>(lines);
    if session.dialect() != Dialect::PostgreSql {
        all.retain(|name, _| snapshot.tables.contains_key(name));
    }
    Ok(all)
}

fn pairs<T: std::str::FromStr>(lines: Vec<Line>) -> BTreeMap<String, T> {
    let pair = |line: Line| {
        let mut parts = line.into_iter();
        Some((parts.next()??, parts.next()??.parse().ok()?))
    };
    lines.into_iter().filter_map(pair).collect()
}

/// PostgreSQL always minds its foreign keys; the others may have been told not to.
async fn orphans(session: &mut Session) -> Result<BTreeMap<String, u64>, Refusal> {
    match session.dialect() {
        Dialect::PostgreSql => Ok(BTreeMap::new()),
        Dialect::Sqlite => {
            let query =
                "select \"table\" || ' to ' || parent, count(*) from pragma_foreign_key_check
                         group by 1";
            Ok(pairs(session.lines(query).await?))
        }
        Dialect::MySql | Dialect::MariaDb => {
            let query = "select constraint_name, table_name, referenced_table_name, column_name,
                    referenced_column_name
                from information_schema.key_column_usage
                where table_schema = database() and referenced_table_schema = database()
                order by constraint_name, table_name, ordinal_position";
            let mut keys: BTreeMap<[String; 3], Vec<(String, String)>> = BTreeMap::new();
            for line in session.lines(query).await? {
                let part = |at: usize| line.get(at).cloned().flatten().unwrap_or_default();
                keys.entry([part(0), part(1), part(2)]).or_default().push((part(3), part(4)));
            }
            let mut found = BTreeMap::new();
            for ([name, child, parent], columns) in keys {
                let quote = |name: &str| session.identifier(name);
                let is_set =
                    columns.iter().map(|(column, _)| format!("c.{} is not null", quote(column)));
                let is_same = columns
                    .iter()
                    .map(|(column, other)| format!("p.{} = c.{}", quote(other), quote(column)));
                let query = format!(
                    "select count(*) from {} c where {} and not exists (select 1 from {} p where {})",
                    quote(&child),
                    is_set.collect::<Vec<_>>().join(" and "),
                    quote(&parent),
                    is_same.collect::<Vec<_>>().join(" and ")
                );
                let count = session.value(&query).await?.and_then(|count| count.parse().ok());
                let count: u64 = count.unwrap_or_default();
                if count > 0 {
                    found.insert(format!("{child} to {parent} ({name})"), count);
                }
            }
            Ok(found)
        }
    }
}

/// The table of an index, as its definition says: `CREATE INDEX a ON public.b USING …`
fn index_of(kind: &str, definition: &str) -> Option<String> {
    // SQLite keeps it as it was written.
    let at = definition.to_ascii_lowercase().find(" on ").filter(|_| kind == "index")?;
    let mut rest = definition[at + 4..].trim_start();
    rest = rest.strip_prefix("ONLY ").unwrap_or(rest);
    let mut table = String::new();
    loop {
        let (part, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find([' ', '.', '(']).unwrap_or(rest.len())),
        };
        table += part;
        let Some(next) = behind.strip_prefix('.') else { break };
        table.push('.');
        rest = next;
    }
    Some(table.strip_prefix("public.").unwrap_or(&table).to_owned())
}

/// What differs and may not, in words for people.
pub fn differences(
    before: &Snapshot,
    now: &Snapshot,
    rules: &BTreeMap<String, May>,
    except: &[String],
) -> Vec<String> {
    let is_out = |name: &str| except.iter().any(|one| one == name);
    let mut found = Vec::new();
    for (name, was) in before.tables.iter().filter(|(name, _)| !is_out(name)) {
        let Some(is) = now.tables.get(name) else {
            found.push(format!("table {name} is gone, with {} rows", was.rows));
            continue;
        };
        let columns = |table: &Table| -> Vec<String> {
            let kept = table.columns.iter();
            let whole = |column: &String| format!("{name}.{column}");
            kept.filter(|column| !is_out(column) && !is_out(&whole(column))).cloned().collect()
        };
        let (had, has) = (columns(was), columns(is));
        let lost: Vec<_> = had.iter().filter(|column| !has.contains(column)).cloned().collect();
        if !lost.is_empty() {
            found.push(format!("table {name} lost {}", lost.join(", ")));
        }
        match rules.get(name).copied().unwrap_or(May::Equal) {
            May::Equal if was.rows != is.rows => {
                found.push(format!("table {name} has {} rows, not {}", is.rows, was.rows));
            }
            May::Equal if was.digest != is.digest && lost.is_empty() => {
                found.push(format!("the {} rows of table {name} differ", is.rows));
            }
            May::Grow if is.rows < was.rows => {
                let (is, was) = (is.rows, was.rows);
                found.push(format!("table {name} has {is} rows, fewer than {was}"));
            }
            May::Ratio(least, most) => {
                let ratio = is.rows as f64 / (was.rows as f64).max(1.0);
                if !(least..=most).contains(&ratio) {
                    let (is, was) = (is.rows, was.rows);
                    found.push(format!(
                        "table {name} has {is} rows, {ratio:.2} times {was}: not {least}..{most}"
                    ));
                }
            }
            May::Equal | May::Grow => {}
        }
    }
    for (name, definition) in &before.objects {
        let whole = name.split_once(' ').map_or("", |(_, whole)| whole);
        let table = whole.rsplit_once('.').map_or(whole, |(table, _)| table);
        let kind = name.split(' ').next().unwrap_or_default();
        let index_of = |definition: &String| index_of(kind, definition);
        let is_of = now.objects.get(name).and_then(index_of);
        let of = index_of(definition).into_iter().chain(is_of);
        if is_out(table) || is_out(whole) || of.into_iter().any(|table| is_out(&table)) {
            continue;
        }
        match now.objects.get(name) {
            None => found.push(format!("{name} is gone")),
            Some(other) if other != definition => found.push(format!("{name} differs")),
            Some(_) => {}
        }
    }
    for (name, was) in &before.sequences {
        if let Some(is) = now.sequences.get(name).filter(|is| *is < was) {
            found.push(format!("sequence {name} went back from {was} to {is}"));
        }
    }
    for (name, is) in &now.orphans {
        let was = before.orphans.get(name).copied().unwrap_or_default();
        if *is > was {
            found.push(format!("{is} rows point nowhere, from {name}; there were {was}"));
        }
    }
    for (name, was) in &before.values {
        let is = now.values.get(name);
        if is.is_some_and(|is| is != was) {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
            let is = is.map_or(String::new(), text);
            found.push(format!("{name} is {is}, not {}", text(was)));
        }
    }
    found
}
