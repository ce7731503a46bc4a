//! Rows as they were before a statement changed them, and as it left them: enough to put them back one
//! by one, and to see that nobody has changed them since. In a file of the run, written before the commit
//! is asked for.

use std::ops::Range;
use std::path::PathBuf;

use plan_model::sql::{ChangeKind, Dialect, RowChange, Script, Statement, row_change};
use serde::{Deserialize, Serialize};

use crate::event::Failure;
use crate::world::database::{Line, Patience, Rows, Session, shape};
use crate::world::{Job, error, write_durable};

/// More than these are not saved one by one: a backup is the way then.
const MOST_ROWS: usize = 10_000;
/// So many rows are asked for at once.
const CHUNK: usize = 200;

/// What became of one row; each value is a literal of its server.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    table: String,
    /// Its key, one for each key column of the table.
    key: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Vec<String>>,
}

/// A table whose rows are saved.
struct Table {
    /// As a statement names it.
    quoted: String,
    keys: Vec<Column>,
    /// All that can be written.
    columns: Vec<Column>,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    quoted: String,
    /// An expression that gives its value as a literal.
    literal: String,
}

fn path(job: &Job) -> PathBuf {
    let entry = job.notes_name();
    job.world.folder.join(format!("{entry}.rows.json"))
}

fn place(text: &str, statement: &Statement) -> String {
    let line = text[..statement.range.start].matches('\n').count() + 1;
    let shown: String =
        text[statement.range.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
    format!("line {line}: `{}`", shown.chars().take(60).collect::<String>())
}

/// Before anything has run: whether all of it can be saved.
pub fn fits(text: &str, script: &Script) -> Result<(), Failure> {
    for statement in &script.statements {
        change(text, statement, script.dialect)?;
    }
    Ok(())
}

/// What a statement changes; nothing of one that only looks or sets.
fn change(
    text: &str,
    statement: &Statement,
    dialect: Dialect,
) -> Result<Option<RowChange>, Failure> {
    let looks = ["select", "show", "values", "explain"];
    let first = statement.tokens.first();
    let only_looks = looks.iter().any(|word| first.is_some_and(|token| token.is(text, word)));
    let may_change =
        ["into", "insert", "update", "delete"].iter().any(|word| statement.has(text, &[word]));
    if statement.is_setting() || (only_looks && !may_change) {
        return Ok(None);
    }
    row_change(text, statement, dialect).map(Some).map_err(|why| {
        let place = place(text, statement);
        error(format!(
            "{place}: `save_rows` cannot tell beforehand which rows it changes ({why}), and nothing was \
             run: write the way back yourself (`rollback:`), or take a backup before it"
        ))
    })
}

/// The statements one after the other, inside a transaction, with what they change.
pub async fn run(
    session: &mut Session,
    job: &Job,
    text: &str,
    script: &Script,
    patience: &Patience,
) -> Result<Rows, Failure> {
    let mut all = Rows::default();
    let mut saved = Vec::new();
    for statement in &script.statements {
        let about = |failure: Failure| {
            let place = place(text, statement);
            Failure { text: format!("{place}: {}", failure.text), ..failure }
        };
        let piece = &text[statement.range.clone()];
        let rows = match change(text, statement, script.dialect)? {
            None => session.run_within(piece, patience).await.map_err(about)?,
            Some(change) => {
                let start = statement.range.start;
                let one = changed(session, piece, start, &change, patience, &mut saved);
                one.await.map_err(about)?
            }
        };
        all = Rows { changed: all.changed + rows.changed, ..rows };
    }
    write_durable(&path(job), &serde_json::to_vec(&saved).expect("texts are plain data"))?;
    Ok(all)
}

async fn changed(
    session: &mut Session,
    piece: &str,
    start: usize,
    change: &RowChange,
    patience: &Patience,
    saved: &mut Vec<Saved>,
) -> Result<Rows, Failure> {
    let table = table(session, change).await?;
    let split = table.keys.len();
    let list = table.list();
    if change.kind == ChangeKind::Insert {
        // What it gives back are the keys of the rows that are new.
        let keys: Vec<_> = table.keys.iter().map(|key| key.literal.clone()).collect();
        let lines = session.lines(&format!("{piece} returning {}", keys.join(", "))).await?;
        within_limit(lines.len() + saved.len())?;
        let keys: Vec<Vec<String>> = lines.into_iter().map(texts).collect();
        for (key, after) in keys.iter().zip(table.rows(session, &keys).await?) {
            let key = key.clone();
            saved.push(Saved {
                table: change.table.clone(),
                key,
                before: None,
                after: Some(after),
            });
        }
        return Ok(Rows { changed: keys.len() as u64, ..Rows::default() });
    }
    // Where its condition stands in the statement, not in the text around it.
    let place = change.condition.clone().map(|range| range.start - start..range.end - start);
    let condition =
        place.clone().map_or(String::new(), |range| format!(" where {}", &piece[range]));
    let alias = change
        .alias
        .as_ref()
        .map_or(String::new(), |alias| format!(" as {}", session.identifier(alias)));
    let lock = if session.dialect() == Dialect::Sqlite { "" } else { " for update" };
    let query = format!(
        "select {list} from {}{alias}{condition} limit {}{lock}",
        table.quoted,
        MOST_ROWS + 1
    );
    let before: Vec<Vec<String>> = session.lines(&query).await?.into_iter().map(texts).collect();
    within_limit(before.len() + saved.len())?;
    let keys: Vec<Vec<String>> = before.iter().map(|line| line[..split].to_vec()).collect();
    let rows = exactly(session, &table, piece, place, &keys, patience).await?;
    let after = match change.kind {
        ChangeKind::Update => table.rows(session, &keys).await?.into_iter().map(Some).collect(),
        _ => vec![None; keys.len()],
    };
    for ((line, key), after) in before.into_iter().zip(keys).zip(after) {
        let before = Some(line[split..].to_vec());
        saved.push(Saved { table: change.table.clone(), key, before, after });
    }
    Ok(rows)
}

/// Runs a statement and makes sure that the rows with these keys are what it changed: a condition may pick
/// others each time it is asked.
async fn exactly(
    session: &mut Session,
    table: &Table,
    piece: &str,
    condition: Option<Range<usize>>,
    keys: &[Vec<String>],
    patience: &Patience,
) -> Result<Rows, Failure> {
    let others = || {
        error(
            "it changed other rows than those that fitted its condition before: a condition that picks by \
             chance or by order cannot be saved",
        )
    };
    if !session.dialect().is_mysql_family() {
        let literals: Vec<_> = table.keys.iter().map(|key| key.literal.clone()).collect();
        let lines = session.lines(&format!("{piece} returning {}", literals.join(", "))).await?;
        let mut changed: Vec<Vec<String>> = lines.into_iter().map(texts).collect();
        let mut keys = keys.to_vec();
        changed.sort();
        keys.sort();
        if changed != keys {
            return Err(others());
        }
        return Ok(Rows { changed: keys.len() as u64, ..Rows::default() });
    }
    if keys.is_empty() {
        return session.run_within(piece, patience).await.and_then(|rows| match rows.changed {
            0 => Ok(rows),
            _ => Err(others()),
        });
    }
    // It gives nothing back there: only the rows that are saved may change, and all of them must.
    let names: Vec<_> = table.keys.iter().map(|key| key.quoted.clone()).collect();
    let lists: Vec<_> = keys.iter().map(|key| format!("({})", key.join(", "))).collect();
    let only = format!("({}) in ({})", names.join(", "), lists.join(", "));
    let restricted = match condition {
        Some(condition) => {
            let (before, behind) = (&piece[..condition.start], &piece[condition.end..]);
            // A comment in it ends with its line.
            format!("{before} ({}\n) and {only}{behind}", &piece[condition])
        }
        None => format!("{piece} where {only}"),
    };
    let rows = session.run_within(&restricted, patience).await?;
    match rows.changed == keys.len() as u64 {
        true => Ok(rows),
        false => Err(others()),
    }
}

fn within_limit(rows: usize) -> Result<(), Failure> {
    match rows > MOST_ROWS {
        true => Err(error(format!(
            "more than {MOST_ROWS} rows would change, too many for `save_rows`: take a backup before it"
        ))),
        false => Ok(()),
    }
}

fn texts(line: Line) -> Vec<String> {
    line.into_iter().map(|value| value.unwrap_or_else(|| "NULL".to_owned())).collect()
}

/// Each row as it was, the newest change first; nothing at all where somebody changed one since.
pub async fn put_back(session: &mut Session, job: &Job) -> Result<(), Failure> {
    let path = path(job);
    let about = |why: String| error(format!("{}: {why}", path.display()));
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        // It was never committed.
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(problem) => return Err(about(problem.to_string())),
    };
    let saved: Vec<Saved> =
        serde_json::from_slice(&bytes).map_err(|problem| about(problem.to_string()))?;
    match session.dialect() {
        // What was there may be what this mode would not let in any more.
        Dialect::MySql | Dialect::MariaDb => {
            session
                .run("set session sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'")
                .await?;
        }
        Dialect::PostgreSql => drop(session.run("set constraints all deferred").await?),
        // They are looked at when all rows are there.
        Dialect::Sqlite => drop(session.run("pragma defer_foreign_keys = on").await?),
    }
    let mut tables: Vec<(String, Table)> = Vec::new();
    for row in saved.iter().rev() {
        if !tables.iter().any(|(name, _)| *name == row.table) {
            tables.push((row.table.clone(), columns(session, &row.table).await?));
        }
        let table = tables.iter().find(|(name, _)| *name == row.table).map(|(_, table)| table);
        table.expect("it was just put there").put_back(session, row).await?;
    }
    job.say(&format!("{} rows are as they were", saved.len()));
    Ok(())
}

impl Table {
    /// Key columns, then all that can be written, as literals.
    fn list(&self) -> String {
        let all = self.keys.iter().chain(&self.columns);
        all.map(|column| column.literal.clone()).collect::<Vec<_>>().join(", ")
    }

    fn is(&self, key: &[String]) -> String {
        let pairs = self.keys.iter().zip(key);
        let pairs: Vec<_> =
            pairs.map(|(column, value)| format!("{} = {value}", column.quoted)).collect();
        pairs.join(" and ")
    }

    /// Rows by their keys, in their order.
    async fn rows(
        &self,
        session: &mut Session,
        keys: &[Vec<String>],
    ) -> Result<Vec<Vec<String>>, Failure> {
        let mut found = std::collections::BTreeMap::new();
        for chunk in keys.chunks(CHUNK) {
            let any: Vec<_> = chunk.iter().map(|key| format!("({})", self.is(key))).collect();
            let query =
                format!("select {} from {} where {}", self.list(), self.quoted, any.join(" or "));
            for line in session.lines(&query).await? {
                let mut line = texts(line);
                let values = line.split_off(self.keys.len());
                found.insert(line, values);
            }
        }
        let row = |key: &Vec<String>| {
            found.get(key).cloned().ok_or_else(|| {
                error("it changes the key of a row, or moves it out of sight: that cannot be saved")
            })
        };
        keys.iter().map(row).collect()
    }

    async fn put_back(&self, session: &mut Session, row: &Saved) -> Result<(), Failure> {
        let is = self.is(&row.key);
        let values: Vec<_> = self.columns.iter().map(|column| column.literal.clone()).collect();
        let query = format!("select {} from {} where {is}", values.join(", "), self.quoted);
        let now = session.lines(&query).await?.into_iter().next().map(texts);
        if now != row.after {
            let what = match now {
                None => "is not there any more",
                Some(_) if row.after.is_none() => "is there again",
                Some(_) => "was changed since",
            };
            return Err(error(format!(
                "the row of {} with {is} {what}, and nothing was put back: look at it, put the rows back by \
                 hand ({}), then say so: plan skip",
                row.table, "the file ….rows.json in the run's folder holds them"
            )));
        }
        let table = &self.quoted;
        let text = match &row.before {
            None => format!("delete from {table} where {is}"),
            Some(before) if row.after.is_none() => {
                let names: Vec<_> =
                    self.columns.iter().map(|column| column.quoted.clone()).collect();
                let over = match session.dialect() {
                    Dialect::PostgreSql => " overriding system value",
                    _ => "",
                };
                let (names, values) = (names.join(", "), before.join(", "));
                format!("insert into {table} ({names}){over} values ({values})")
            }
            Some(before) => {
                let is_key = |column: &Column| self.keys.iter().any(|key| key.name == column.name);
                let pairs = self.columns.iter().zip(before);
                let after = row.after.as_deref().unwrap_or_default();
                let pairs: Vec<_> = pairs
                    .enumerate()
                    .filter(|(at, (_, value))| after.get(*at) != Some(value))
                    .map(|(_, pair)| pair)
                    .filter(|(column, _)| !is_key(column))
                    .map(|(column, value)| format!("{} = {value}", column.quoted))
                    .collect();
                if pairs.is_empty() {
                    return Ok(());
                }
                format!("update {table} set {} where {is}", pairs.join(", "))
            }
        };
        let done = session.run(&text).await?;
        if done.changed != 1 {
            let changed = done.changed;
            return Err(error(format!("{changed} rows of {} fit {is}, not one", row.table)));
        }
        let now = session.lines(&query).await?.into_iter().next().map(texts);
        match now == row.before {
            true => Ok(()),
            false => Err(error(format!(
                "the row of {} with {is} did not become what it was, and nothing was put back",
                row.table
            ))),
        }
    }
}

/// A table that can be saved row by row: with a key, and nothing that acts behind our back.
async fn table(session: &mut Session, change: &RowChange) -> Result<Table, Failure> {
    let name = &change.table;
    let table = columns(session, name).await?;
    let refused = |why: &str| {
        Err(error(format!(
            "the table {name} {why}, so its rows cannot be saved: take a backup before it"
        )))
    };
    if table.keys.is_empty() {
        return refused("has no primary key");
    }
    if table.keys.iter().any(|key| change.columns.contains(&key.name.to_lowercase())) {
        return refused("would get another key");
    }
    if table.columns.is_empty() {
        return refused("is none that this login can see");
    }
    let plain = session.literal(name.rsplit('.').next().unwrap_or(name));
    let quoted = session.literal(&table.quoted);
    let deletes = change.kind == ChangeKind::Delete;
    let query = match session.dialect() {
        Dialect::Sqlite => format!(
            "select 'has a trigger' from sqlite_schema where type = 'trigger' and tbl_name = {plain} collate nocase
             union all select 'passes over conflicts by its definition' from sqlite_schema
                 where tbl_name = {plain} collate nocase and lower(sql) like '%on conflict%'
             union all select 'is no plain table' from sqlite_schema where type <> 'table'
                 and type <> 'trigger' and name = {plain} collate nocase
             union all select 'takes rows of other tables along' from sqlite_schema s,
                 pragma_foreign_key_list(s.name) f where {deletes} and s.type = 'table'
                 and f.\"table\" = {plain} collate nocase and f.on_delete not in ('NO ACTION', 'RESTRICT')"
        ),
        Dialect::PostgreSql => format!(
            "select 'has a trigger' from pg_trigger where tgrelid = {quoted}::regclass and not tgisinternal
             union all select 'is no plain table' from pg_class where oid = {quoted}::regclass
                 and (relkind <> 'r' or relhassubclass or relhasrules)
             union all select 'takes rows of other tables along' from pg_constraint
                 where {deletes} and contype = 'f' and confrelid = {quoted}::regclass
                 and confdeltype not in ('a', 'r')
             union all select 'refers to itself' from pg_constraint
                 where {deletes} and contype = 'f' and confrelid = {quoted}::regclass
                 and conrelid = confrelid"
        ),
        Dialect::MySql | Dialect::MariaDb => format!(
            "select 'has a trigger' from information_schema.triggers
                 where event_object_schema = database() and event_object_table = {plain}
             union all select 'is no plain table' from information_schema.tables
                 where table_schema = database() and table_name = {plain}
                 and (table_type <> 'BASE TABLE' or engine <> 'InnoDB')
             union all select 'takes rows of other tables along'
                 from information_schema.referential_constraints
                 where {deletes} and unique_constraint_schema = database()
                 and referenced_table_name = {plain} and (delete_rule not in ('NO ACTION', 'RESTRICT')
                     or table_name = referenced_table_name)"
        ),
    };
    match session.value(&query).await? {
        None => Ok(table),
        Some(why) => refused(&why),
    }
}

async fn columns(session: &mut Session, name: &str) -> Result<Table, Failure> {
    let quoted = shape::qualified(session, name);
    let plain = session.literal(name);
    let regclass = session.literal(&quoted);
    // Name, type, place in the key, whether it is worked out from others.
    let query = match session.dialect() {
        Dialect::Sqlite => format!(
            "select name, lower(type), pk, hidden in (2, 3) from pragma_table_xinfo({plain}) where hidden <> 1"
        ),
        Dialect::PostgreSql => format!(
            "select a.attname, format_type(a.atttypid, null),
                 coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0), a.attgenerated <> ''
             from pg_attribute a
             left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
             where a.attrelid = {regclass}::regclass and a.attnum > 0 and not a.attisdropped
             order by a.attnum"
        ),
        Dialect::MySql | Dialect::MariaDb => format!(
            "select c.column_name, lower(c.data_type), coalesce(k.ordinal_position, 0),
                 coalesce(c.generation_expression, '') <> ''
             from information_schema.columns c
             left join information_schema.key_column_usage k on k.table_schema = c.table_schema
                 and k.table_name = c.table_name and k.column_name = c.column_name
                 and k.constraint_name = 'PRIMARY'
             where c.table_schema = database() and c.table_name = {plain} order by c.ordinal_position"
        ),
    };
    let mut table = Table { quoted, keys: Vec::new(), columns: Vec::new() };
    let mut keys = Vec::new();
    for line in session.lines(&query).await? {
        let mut parts = texts(line).into_iter();
        let mut next = || parts.next().unwrap_or_default();
        let (name, kind, place, made) = (next(), next(), next(), next());
        let quoted = session.identifier(&name);
        let literal = literal(session.dialect(), &quoted, &kind);
        let column = Column { name, quoted, literal };
        match place.parse::<i64>() {
            Ok(place) if place > 0 => keys.push((place, column.clone())),
            _ => {}
        }
        if !matches!(&made[..], "1" | "t" | "true") {
            table.columns.push(column);
        }
    }
    keys.sort_by_key(|(place, _)| *place);
    table.keys = keys.into_iter().map(|(_, column)| column).collect();
    Ok(table)
}

/// What gives a value of a column so that the same server reads it back to the bit.
fn literal(dialect: Dialect, name: &str, kind: &str) -> String {
    match dialect {
        // A NUL would end a text that is only quoted.
        Dialect::Sqlite => format!(
            "case typeof({name}) when 'text' then 'cast(x''' || hex({name}) || ''' as text)' else quote({name}) end"
        ),
        Dialect::PostgreSql => format!("quote_nullable({name}::text)"),
        Dialect::MySql | Dialect::MariaDb => match kind {
            // Six digits are all that it shows of one.
            "float" => format!("quote(cast({name} as double))"),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum"
            | "set" | "json" => {
                format!(
                    "coalesce(concat('_utf8mb4 x''', hex(convert({name} using utf8mb4)), ''''), 'NULL')"
                )
            }
            "int" | "tinyint" | "smallint" | "mediumint" | "bigint" | "decimal" | "double"
            | "date" | "datetime" | "timestamp" | "time" | "year" | "uuid" | "inet6" | "inet4" => {
                format!("quote({name})")
            }
            "bit" => format!("coalesce(concat('b''', bin({name} + 0), ''''), 'NULL')"),
            _ => format!("coalesce(concat('x''', hex({name}), ''''), 'NULL')"),
        },
    }
}
