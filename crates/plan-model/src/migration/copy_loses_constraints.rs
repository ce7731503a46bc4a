//! A table that is built anew and filled from the old one keeps keys, indexes and its counter.
//! Knows the old table only from the scripts; what they do not tell is not missed.

use std::ops::Range;

use super::tables::{Table, TableId, Tables};
use super::{MigrationSet, SqlFile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Dialect, Insert, Key, KeyKind, Statement};

pub const CODE: &str = "copy-loses-constraints";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
Only what the new CREATE TABLE says is in the new table: keys and indexes of the old one stay with \
the old one. In one of the guides the partitioned copy of audit_log has no primary key, and its \
new sequence starts at 1 beside rows that were copied with their ids: duplicate ids appeared with \
the first insert. No statement fails, so nobody notices on the day.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_0__schema.sql
-- irreversible: example
CREATE TABLE audit_log (id SERIAL PRIMARY KEY, action TEXT, created_at TIMESTAMP);
-- file: V2_0__partition.sql
-- irreversible: example
ALTER TABLE audit_log RENAME TO audit_log_old;
CREATE TABLE audit_log (id SERIAL, action TEXT, created_at TIMESTAMP) PARTITION BY RANGE (created_at);
INSERT INTO audit_log (id, action, created_at) SELECT id, action, created_at FROM audit_log_old;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_0__schema.sql
-- irreversible: example
CREATE TABLE audit_log (id SERIAL PRIMARY KEY, action TEXT, created_at TIMESTAMP);
-- file: V2_0__partition.sql
-- irreversible: example
ALTER TABLE audit_log RENAME TO audit_log_old;
CREATE TABLE audit_log (id SERIAL, action TEXT, created_at TIMESTAMP, PRIMARY KEY (id, created_at))
    PARTITION BY RANGE (created_at);
INSERT INTO audit_log (id, action, created_at) SELECT id, action, created_at FROM audit_log_old;
SELECT setval(pg_get_serial_sequence('audit_log', 'id'), (SELECT max(id) FROM audit_log));
";

/// Rows taken from a table that was there into one that the script made.
struct Copy<'a> {
    from: TableId,
    to: TableId,
    insert: &'a Insert,
    at: usize,
}

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    let mut tables = Tables::default();
    for up in &set.ups {
        tables.start_file();
        let mut copies = Vec::new();
        let mut made: Vec<(TableId, Range<usize>)> = Vec::new();
        for (at, statement) in up.sql.script.statements.iter().enumerate() {
            tables.apply(statement);
            match &statement.action {
                Action::CreateTable(table) => {
                    made.extend(tables.id(&table.name).map(|id| (id, statement.head.clone())));
                }
                Action::Insert(insert) => copies.extend(copy(&tables, insert, at)),
                _ => {}
            }
        }
        for copy in &copies {
            let Some((_, place)) = made.iter().find(|(id, _)| *id == copy.to) else { continue };
            out.extend(report(set, &tables, &up.sql, copy, place));
        }
    }
}

fn copy<'a>(tables: &Tables, insert: &'a Insert, at: usize) -> Option<Copy<'a>> {
    // With several sources it is not a plain copy, and nothing can be told.
    let [source] = &insert.sources[..] else { return None };
    let (from, to) = (tables.id(source)?, tables.id(&insert.table)?);
    let is_copy =
        tables.is_born_here(tables.table(to)?) && !tables.is_born_here(tables.table(from)?);
    is_copy.then_some(Copy { from, to, insert, at })
}

fn report(
    set: &MigrationSet,
    tables: &Tables,
    sql: &SqlFile,
    copy: &Copy<'_>,
    place: &Range<usize>,
) -> Option<Diagnostic> {
    let (old, new) = (tables.table(copy.from)?, tables.table(copy.to)?);
    let replaces = tables.id_of_key(&old.name_at_start) == Some(copy.to);
    if !replaces {
        return None;
    }
    let mut lost = missing_keys(old, new);
    let counter =
        if set.dialect == Some(Dialect::PostgreSql) { counter(sql, new, copy) } else { None };
    if let Some(column) = counter {
        lost.push(format!("the position of the sequence of {column}"));
    }
    if lost.is_empty() {
        return None;
    }
    let message = format!("the new {} loses {}", new.name, lost.join(", "));
    let mut found = Diagnostic::new(CODE, SEVERITY, sql.span(place), message)
        .label("only what is written here is in the new table")
        .related(sql.span(&copy.insert.table.range), "filled from the old table here")
        .help("declare the keys in CREATE TABLE, and create the indexes after the copy");
    if let Some(column) = counter {
        found = found.help(format!(
            "after the copy: `SELECT setval(pg_get_serial_sequence('{0}', '{column}'), (SELECT max({column}) FROM {0}))`",
            new.name
        ));
    }
    Some(found)
}

fn missing_keys(old: &Table, new: &Table) -> Vec<String> {
    if !old.known || !new.known {
        return Vec::new();
    }
    let mut lost: Vec<String> = Vec::new();
    for key in &old.keys {
        let what = match key.kind {
            KeyKind::Primary => "the primary key",
            KeyKind::Unique => "the unique key",
            KeyKind::Index => "the index",
        };
        let possible =
            key.columns.iter().all(|name| new.columns.iter().any(|one| one.name == *name));
        if possible && !new.keys.iter().any(|other| replaces(key, other, new.partitioned)) {
            let text = format!("{what} ({})", key.columns.join(", "));
            if !lost.contains(&text) {
                lost.push(text);
            }
        }
    }
    lost
}

fn replaces(old: &Key, new: &Key, partitioned: bool) -> bool {
    let holds_all = old.columns.iter().all(|column| new.columns.contains(column));
    match old.kind {
        KeyKind::Primary => new.kind == KeyKind::Primary,
        // A key of a partitioned table has to hold the column of the partitions as well.
        KeyKind::Unique => {
            new.kind != KeyKind::Index
                && holds_all
                && (partitioned || new.columns.len() == old.columns.len())
        }
        KeyKind::Index => new.columns.starts_with(&old.columns),
    }
}

/// The column whose values were copied while its new sequence still stands at the beginning.
fn counter<'a>(sql: &SqlFile, new: &'a Table, copy: &Copy<'_>) -> Option<&'a str> {
    let column = new.columns.iter().find(|column| column.counted)?;
    let copied = copy.insert.columns.is_empty() || copy.insert.columns.contains(&column.name);
    let sets = |statement: &Statement| {
        let text = sql.slice(&statement.range).to_lowercase();
        text.contains("setval") || text.contains("restart")
    };
    let later = sql.script.statements.get(copy.at..)?.iter().any(sets);
    (copied && !later).then_some(&column.name)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{PostgreSql, Sqlite};

    const SCHEMA: (&str, &str) = (
        "V1__a.sql",
        "CREATE TABLE log (id SERIAL PRIMARY KEY, who int, what text UNIQUE, day date);\n\
         CREATE INDEX by_who ON log (who);",
    );

    #[test]
    fn lost_keys_indexes_and_counters_are_told_at_the_new_table() {
        let text = "ALTER TABLE log RENAME TO log_old;\n\
                    CREATE TABLE log (\n id SERIAL, who int, what text, day date\n) PARTITION BY RANGE (day);\n\
                    CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');\n\
                    INSERT INTO log SELECT * FROM log_old;\nDROP TABLE log_old;";
        let files = [SCHEMA, ("V2__a.sql", text)];
        assert_eq!(marked(check, PostgreSql, &files), ["CREATE TABLE log"]);
        let message = "the new log loses the primary key (id), the unique key (what), \
                       the index (who), the position of the sequence of id";
        assert_eq!(messages(check, PostgreSql, &files), [message]);
    }

    #[test]
    fn the_counter_is_missed_even_if_the_old_table_is_not_known() {
        let text = "ALTER TABLE log RENAME TO log_old; CREATE TABLE log (id SERIAL, x int); \
                    INSERT INTO log SELECT * FROM log_old;";
        let message = "the new log loses the position of the sequence of id";
        assert_eq!(messages(check, PostgreSql, &[("V2__a.sql", text)]), [message]);
    }

    #[test]
    fn the_way_of_sqlite_is_checked_too() {
        let text = "CREATE TABLE new_log (id INTEGER, who int);\n\
                    INSERT INTO new_log (id, who) SELECT id, who FROM log;\nDROP TABLE log;\n\
                    ALTER TABLE new_log RENAME TO log;\nCREATE INDEX by_who ON log (who);";
        let files = [SCHEMA, ("V2__a.sql", text)];
        assert_eq!(marked(check, Sqlite, &files), ["CREATE TABLE new_log"]);
        assert_eq!(messages(check, Sqlite, &files), ["the new log loses the primary key (id)"]);
    }

    #[test]
    fn complete_copies_and_copies_beside_the_old_table_are_left_alone() {
        let scripts = [
            "ALTER TABLE log RENAME TO log_old; CREATE TABLE log (id SERIAL, who int, what text, day date, \
             PRIMARY KEY (id, day), UNIQUE (what, day)) PARTITION BY RANGE (day); \
             INSERT INTO log SELECT * FROM log_old; CREATE INDEX i ON log (who, day); \
             SELECT setval('log_id_seq', 9);",
            "CREATE TABLE log_2026 (id int, who int); INSERT INTO log_2026 SELECT id, who FROM log;",
            "ALTER TABLE log RENAME TO o; CREATE TABLE log (LIKE o INCLUDING ALL); INSERT INTO log SELECT * FROM o;",
        ];
        for script in scripts {
            assert!(
                marked(check, PostgreSql, &[SCHEMA, ("V2__a.sql", script)]).is_empty(),
                "{script}"
            );
        }
    }
}
