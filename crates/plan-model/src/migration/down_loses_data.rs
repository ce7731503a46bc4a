//! A rollback does not throw away rows that its version filled in, or that were there before it.
//! Does not know how many rows users wrote since.

use std::ops::Range;

use super::tables::{Table, Tables};
use super::{Migration, MigrationSet, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Change, Name, Reading, Statement};

pub const CODE: &str = "down-loses-data";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
Between a version and its rollback people work: what they wrote lives in the tables that the \
rollback drops. A swap of tables is the common case: renaming back and dropping the new table \
loses every row written after the swap. Dropping what the version did not make loses rows that \
are older than the version itself.";
pub const EXAMPLE_BAD: &str = "\
-- file: V2_0__swap.sql
INSERT INTO new_table (id) SELECT id FROM old_table;
ALTER TABLE old_table RENAME TO old_table_backup;
ALTER TABLE new_table RENAME TO old_table;
-- file: rollback/V2_0__rollback.sql
ALTER TABLE old_table RENAME TO new_table;
ALTER TABLE old_table_backup RENAME TO old_table;
DROP TABLE IF EXISTS new_table;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__push.sql
CREATE TABLE tokens (id INT PRIMARY KEY);
INSERT INTO tokens (id) VALUES (1);
-- file: rollback/V1_1__rollback.sql
CREATE TABLE tokens_kept AS SELECT * FROM tokens;
DROP TABLE IF EXISTS tokens;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for down in &set.downs {
        let Some(up) = set.up(&down.version) else { continue };
        let mut way = Way { up, tables: Tables::default(), saved: Vec::new() };
        way.tables.start_file();
        for statement in &up.sql.script.statements {
            way.tables.apply(statement);
        }
        way.tables.start_file();
        for statement in &down.sql.script.statements {
            for (place, message) in way.losses(set, statement) {
                out.push(loss(down, &place, message));
            }
            way.walk(statement);
        }
    }
}

fn loss(down: &Migration, place: &Range<usize>, message: String) -> Diagnostic {
    Diagnostic::new(CODE, SEVERITY, down.sql.span(place), message)
        .help("keep the rows first: `CREATE TABLE … AS SELECT …` in the rollback, before this statement")
        .help(waiver(CODE))
}

/// The version and its rollback, walked as far as the current statement of the rollback.
struct Way<'a> {
    up: &'a Migration,
    tables: Tables,
    /// Tables whose rows the rollback has copied elsewhere.
    saved: Vec<String>,
}

impl Way<'_> {
    fn walk(&mut self, statement: &Statement) {
        let sources = match &statement.action {
            Action::CreateTable(table) => &table.sources[..],
            Action::Insert(insert) => &insert.sources[..],
            _ => &[],
        };
        self.saved.extend(sources.iter().map(|name| name.key.clone()));
        self.tables.apply(statement);
    }

    fn losses(&self, set: &MigrationSet, statement: &Statement) -> Vec<(Range<usize>, String)> {
        let emptied = |names: &[Name], place: &Range<usize>| {
            let found = names.iter().filter(|name| !set.is_tracking_table(name));
            found.filter_map(|name| Some((place.clone(), self.table_loss(name)?))).collect()
        };
        match &statement.action {
            Action::Drop(drop) if drop.kind == "table" && !drop.temporary => {
                emptied(&drop.names, &statement.head)
            }
            Action::Truncate(names) => emptied(names, &statement.head),
            Action::Delete(delete) if !delete.filtered => {
                emptied(std::slice::from_ref(&delete.table), &statement.range)
            }
            Action::AlterTable { table, alterations } if !self.is_saved(table) => {
                let mut found = Vec::new();
                for one in alterations {
                    if let Change::DropColumn { columns, .. } = &one.change {
                        let lost =
                            columns.iter().find_map(|column| self.column_loss(table, column));
                        found.extend(lost.map(|message| (one.range.clone(), message)));
                    }
                }
                found
            }
            _ => Vec::new(),
        }
    }

    fn is_saved(&self, name: &Name) -> bool {
        self.saved.contains(&name.key)
    }

    fn table_loss(&self, name: &Name) -> Option<String> {
        if self.is_saved(name) {
            return None;
        }
        let (shown, version) = (&name.shown, &self.up.version);
        let table = self.tables.get(name);
        let made = |table: &Table| self.tables.is_born_before(table);
        match table {
            Some(table) if self.tables.is_born_here(table) => None,
            Some(table) if made(table) => table.filled.then(|| {
                format!("the rollback deletes {shown} with the rows that version {version} filled in and all since")
            }),
            Some(table) if table.filled => Some(format!(
                "the rollback deletes {shown}, which version {version} filled, with all rows since"
            )),
            _ if self.is_unsure(&name.shown) => None,
            _ => Some(format!("the rollback deletes {shown}, which version {version} did not make")),
        }
    }

    fn column_loss(&self, name: &Name, column: &String) -> Option<String> {
        let (shown, version) = (&name.shown, &self.up.version);
        let table = self.tables.get(name);
        if table.is_some_and(|table| table.filled_columns.contains(column)) {
            return Some(format!(
                "the rollback drops column {column} of {shown} with the values that version {version} filled in and all since"
            ));
        }
        // A column that the version mentions in any way may well be its own.
        if table.is_some_and(|table| table.added.contains(column)) || self.is_mentioned(column) {
            return None;
        }
        Some(format!(
            "the rollback drops column {column} of {shown}, which version {version} did not make"
        ))
    }

    fn is_mentioned(&self, name: &str) -> bool {
        self.up.sql.text.to_lowercase().contains(name)
    }

    /// The version may have made the table in a way that we cannot read.
    fn is_unsure(&self, name: &str) -> bool {
        let unread = |one: &Statement| one.reading == Reading::Unread;
        self.up.sql.script.statements.iter().any(unread) && self.is_mentioned(&name.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MySql, PostgreSql};

    #[test]
    fn renaming_back_and_dropping_the_swapped_table_is_marked() {
        let files = [
            (
                "V2__swap.sql",
                "CREATE TABLE n (id int); INSERT INTO n SELECT * FROM o; RENAME TABLE o TO b, n TO o;",
            ),
            ("V2__rollback.sql", "RENAME TABLE o TO n, b TO o;\nDROP TABLE IF EXISTS n;"),
        ];
        assert_eq!(marked(check, MySql, &files), ["DROP TABLE IF EXISTS n"]);
        let message = "the rollback deletes n with the rows that version 2 filled in and all since";
        assert_eq!(messages(check, MySql, &files), [message]);
    }

    #[test]
    fn what_was_there_before_and_filled_columns_are_marked() {
        let files = [
            ("V2__a.sql", "ALTER TABLE a ADD COLUMN x int; UPDATE a SET x = 1;"),
            (
                "V2__rollback.sql",
                "ALTER TABLE a DROP COLUMN IF EXISTS x, DROP COLUMN old_one;\nDROP TABLE users;\nDELETE FROM b;",
            ),
        ];
        assert_eq!(
            marked(check, PostgreSql, &files),
            ["DROP COLUMN IF EXISTS x", "DROP COLUMN old_one", "DROP TABLE users", "DELETE FROM b"]
        );
        let messages = messages(check, PostgreSql, &files);
        assert_eq!(messages[2], "the rollback deletes users, which version 2 did not make");
    }

    #[test]
    fn tables_made_empty_saved_rows_and_bookkeeping_are_left_alone() {
        let files = [
            ("V1__a.sql", "CREATE TABLE t (id int); ALTER TABLE n ADD COLUMN push boolean;"),
            (
                "V1__rollback.sql",
                "DROP TABLE IF EXISTS t; ALTER TABLE n DROP COLUMN push; DELETE FROM schema_migrations;",
            ),
            ("V2__a.sql", "CREATE TABLE u AS SELECT 1 AS x;"),
            (
                "V2__rollback.sql",
                "CREATE TABLE kept AS SELECT * FROM u; DROP TABLE u; DROP TABLE kept;",
            ),
        ];
        assert!(marked(check, PostgreSql, &files).is_empty());
    }
}
