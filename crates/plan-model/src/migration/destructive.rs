//! A script that goes up does not throw away rows.
//! Does not know how many rows there are; tables that the script itself made may go.

use std::ops::Range;

use super::tables::Tables;
use super::{MigrationSet, SqlFile, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Change, Dialect, Name, Statement};

pub const CODE: &str = "destructive";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
A dropped table or column is gone when the transaction commits, and the rollback script can only \
make it again empty. Old code that still runs during the release fails at once. Stop using the \
table first, rename it or leave it for a stated time, and drop it in a later release, with a \
reason and a verified backup.";
pub const EXAMPLE_BAD: &str = "\
-- file: V2_0__partition.sql
-- irreversible: example
DROP TABLE audit_log_old;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V2_0__partition.sql
-- irreversible: example
CREATE TEMPORARY TABLE picked (id INT);
DROP TABLE picked;
DELETE FROM audit_log WHERE created_at < '2020-01-01';
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for up in &set.ups {
        let mut tables = Tables::default();
        tables.start_file();
        for (at, statement) in up.sql.script.statements.iter().enumerate() {
            if !is_rebuild(&up.sql, &tables, at) {
                for (place, message) in losses(set, &tables, &up.sql, statement) {
                    out.push(loss(&up.sql, &place, message));
                }
            }
            tables.apply(statement);
        }
    }
}

/// SQLite changes most of a table only by a copy: a new table is filled from the old one, which
/// is dropped, and the new one takes its name.
fn is_rebuild(sql: &SqlFile, tables: &Tables, at: usize) -> bool {
    if sql.script.dialect != Dialect::Sqlite {
        return false;
    }
    let (before, rest) = sql.script.statements.split_at(at);
    let Some((Action::Drop(drop), after)) =
        rest.split_first().map(|(one, rest)| (&one.action, rest))
    else {
        return false;
    };
    let [old] = &drop.names[..] else { return false };
    let filled_from_old = |new: &Name| {
        before.iter().any(|one| match &one.action {
            Action::Insert(insert) => {
                insert.table.key == new.key && insert.sources.iter().any(|from| from.key == old.key)
            }
            _ => false,
        })
    };
    let takes_its_name = |one: &Statement| match &one.action {
        Action::AlterTable { table, alterations } => alterations.iter().any(|one| {
            let to_old = matches!(&one.change, Change::RenameTable { to } if to.key == old.key);
            to_old && tables.is_new(table) && filled_from_old(table)
        }),
        _ => false,
    };
    after.iter().any(takes_its_name)
}

fn loss(sql: &SqlFile, place: &Range<usize>, message: String) -> Diagnostic {
    Diagnostic::new(CODE, SEVERITY, sql.span(place), message)
        .label("no rollback brings them back")
        .help("stop using it now and remove it in a later release, after a verified backup")
        .help(waiver(CODE))
}

fn losses(
    set: &MigrationSet,
    tables: &Tables,
    sql: &SqlFile,
    statement: &Statement,
) -> Vec<(Range<usize>, String)> {
    let old = |name: &&Name| !tables.is_new(name);
    match &statement.action {
        Action::Drop(drop) if drop.loses_rows() => {
            let gone: Vec<&str> =
                drop.names.iter().filter(old).map(|one| one.shown.as_str()).collect();
            let message = format!("{} {} is dropped with all its rows", drop.kind, gone.join(", "));
            if gone.is_empty() { Vec::new() } else { vec![(statement.head.clone(), message)] }
        }
        Action::Truncate(names) => {
            let gone: Vec<&str> = names.iter().filter(old).map(|one| one.shown.as_str()).collect();
            let message = format!("all rows of {} are deleted", gone.join(", "));
            if gone.is_empty() { Vec::new() } else { vec![(statement.head.clone(), message)] }
        }
        // What a script writes into the tracking table is for `self-bookkeeping`.
        Action::Delete(delete) if !delete.filtered && !set.is_tracking_table(&delete.table) => {
            let message =
                format!("all rows of {} are deleted: there is no WHERE", delete.table.shown);
            if old(&&delete.table) { vec![(statement.range.clone(), message)] } else { Vec::new() }
        }
        Action::AlterTable { table, alterations } if old(&table) => {
            let dropped = |change: &Change| match change {
                Change::DropColumn { columns, .. } => Some(columns.join(", ")),
                _ => None,
            };
            let message = |columns: String| {
                format!("column {columns} of {} is dropped with all its values", table.shown)
            };
            let found = alterations
                .iter()
                .filter_map(|one| Some((one.range.clone(), message(dropped(&one.change)?))));
            found.filter(|(place, _)| !sql.slice(place).is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MySql, PostgreSql, Sqlite};

    #[test]
    fn lost_rows_and_columns_are_marked() {
        let text = "ALTER TABLE audit_log RENAME TO audit_log_old;\n\
                    CREATE TABLE audit_log (id int);\n\
                    DROP TABLE audit_log_old;\nTRUNCATE TABLE a, b;\nDELETE FROM c;\n\
                    ALTER TABLE d ADD COLUMN x int, DROP COLUMN IF EXISTS y;";
        let files = [("V2__a.sql", text)];
        assert_eq!(
            marked(check, PostgreSql, &files),
            [
                "DROP TABLE audit_log_old",
                "TRUNCATE TABLE a, b",
                "DELETE FROM c",
                "DROP COLUMN IF EXISTS y"
            ]
        );
        let messages = messages(check, PostgreSql, &files);
        assert_eq!(messages[0], "table audit_log_old is dropped with all its rows");
        assert_eq!(messages[3], "column y of d is dropped with all its values");
    }

    #[test]
    fn tables_of_the_script_itself_rollbacks_and_chosen_rows_are_left_alone() {
        let files = [
            ("V1__a.sql", "CREATE TABLE t (id int); TRUNCATE t; DELETE FROM t; DROP TABLE t;"),
            ("V2__a.sql", "DELETE FROM a WHERE b = 1; DROP VIEW v; DROP INDEX i;"),
            ("V2__rollback.sql", "DROP TABLE IF EXISTS x;"),
            ("V3__a.sql", "DELETE a FROM a JOIN b ON a.id = b.id; DROP TEMPORARY TABLE z;"),
        ];
        assert!(marked(check, MySql, &files).is_empty());
    }

    #[test]
    fn the_rebuild_of_sqlite_keeps_the_rows_and_a_plain_drop_does_not() {
        let rebuild = "CREATE TABLE n (id int); INSERT INTO n (id) SELECT id FROM a; \
                       DROP TABLE a; ALTER TABLE n RENAME TO a;";
        assert!(marked(check, Sqlite, &[("V1__a.sql", rebuild)]).is_empty());
        assert_eq!(marked(check, PostgreSql, &[("V1__a.sql", rebuild)]), ["DROP TABLE a"]);
        let empty = "CREATE TABLE n (id int); DROP TABLE a; ALTER TABLE n RENAME TO a;";
        assert_eq!(marked(check, Sqlite, &[("V1__a.sql", empty)]), ["DROP TABLE a"]);
    }
}
