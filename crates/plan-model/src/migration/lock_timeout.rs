//! A change of a table in use gives up soon if it does not get its lock.
//! Does not know what other settings the connection has.

use super::tables::Tables;
use super::{MigrationSet, SqlFile, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Dialect, Statement};

pub const CODE: &str = "lock-timeout";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
A schema change waits behind the longest running reader, and everybody who comes later waits \
behind the change, readers too: 5.1 seconds were measured on PostgreSQL 15 and 4.0 on MariaDB \
10.11 with a reader of that length. By default PostgreSQL waits for ever, MariaDB for a day and \
MySQL for a year. With a lock time-out the change fails, the users go on, and the step can be \
tried again.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__push.sql
-- irreversible: example
ALTER TABLE notifications ADD COLUMN push BOOLEAN;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__push.sql
-- irreversible: example
SET LOCAL lock_timeout = '2s';
ALTER TABLE notifications ADD COLUMN push BOOLEAN;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    let Some(dialect) = set.dialect.filter(|one| *one != Dialect::Sqlite) else { return };
    for one in set.migrations() {
        out.extend(unbounded(dialect, &one.sql));
    }
}

/// The first change without a bound; a script is reported once.
fn unbounded(dialect: Dialect, sql: &SqlFile) -> Option<Diagnostic> {
    let mut tables = Tables::default();
    tables.start_file();
    for statement in &sql.script.statements {
        if sets_bound(sql, statement) {
            return None;
        }
        if let Some(table) = locked(&tables, statement) {
            return Some(report(dialect, sql, statement, &table));
        }
        tables.apply(statement);
    }
    None
}

fn report(dialect: Dialect, sql: &SqlFile, statement: &Statement, table: &str) -> Diagnostic {
    let setting = match dialect {
        Dialect::MySql | Dialect::MariaDb => "SET SESSION lock_wait_timeout = 2;",
        _ if sql.script.runs_outside_transaction() => "SET lock_timeout = '2s';",
        _ => "SET LOCAL lock_timeout = '2s';",
    };
    let message = format!("the change of {table} waits for its lock without a limit");
    Diagnostic::new(CODE, SEVERITY, sql.span(&statement.head), message)
        .label("everybody who comes later waits behind it")
        .help(format!("write before it: `{setting}`"))
        .help(waiver(CODE))
}

fn sets_bound(sql: &SqlFile, statement: &Statement) -> bool {
    match &statement.action {
        Action::Set(name) => {
            matches!(name.as_str(), "lock_timeout" | "statement_timeout" | "lock_wait_timeout")
        }
        // SELECT set_config('lock_timeout', …), or a setting inside a longer SET.
        _ => {
            let named = |name: &str| sql.slice(&statement.range).contains(name);
            !statement.ddl && (named("'lock_timeout'") || named("lock_wait_timeout"))
        }
    }
}

/// The table in use that the statement locks against readers or writers.
fn locked(tables: &Tables, statement: &Statement) -> Option<String> {
    let locks = match &statement.action {
        Action::CreateIndex(index) => !index.concurrently,
        Action::AlterTable { .. } | Action::RenameTables(_) | Action::Truncate(_) => true,
        Action::Drop(drop) => drop.kind == "table" && !drop.temporary,
        Action::Create(object) => object.kind == "trigger",
        _ => false,
    };
    let mut names = statement.tables().into_iter().filter(|name| !tables.is_new(name));
    names.next().filter(|_| locks).map(|name| name.shown.clone())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MySql, PostgreSql, Sqlite};

    #[test]
    fn the_first_change_of_a_table_in_use_is_marked() {
        let up = "CREATE TABLE tokens (id int);\nCREATE INDEX i ON tokens (id);\n\
                  ALTER TABLE notifications\nADD COLUMN push BOOLEAN;\nALTER TABLE users ADD x int;";
        let down = "DROP TABLE IF EXISTS tokens;";
        let files = [("V1__a.sql", up), ("V1__rollback.sql", down)];
        let places = ["ALTER TABLE notifications", "DROP TABLE IF EXISTS tokens"];
        assert_eq!(marked(check, PostgreSql, &files), places);
        assert_eq!(marked(check, MySql, &files), places);
        let message = "the change of notifications waits for its lock without a limit";
        assert_eq!(messages(check, PostgreSql, &files)[0], message);
    }

    #[test]
    fn a_bound_new_tables_and_sqlite_are_left_alone() {
        let change = [("V1__a.sql", "ALTER TABLE a ADD COLUMN b int;")];
        assert!(marked(check, Sqlite, &change).is_empty());
        let bounds = [
            "SET lock_timeout = '2s'; ALTER TABLE a ADD b int;",
            "SET LOCAL lock_timeout TO '2s'; DROP TABLE a;",
            "SELECT set_config('lock_timeout', '2s', true); DROP TABLE a;",
            "CREATE TABLE a (b int); ALTER TABLE a ADD c int; CREATE INDEX CONCURRENTLY i ON z (a);",
        ];
        for text in bounds {
            assert!(marked(check, PostgreSql, &[("V1__a.sql", text)]).is_empty(), "{text}");
        }
        let text = "SET @@session.lock_wait_timeout = 5; ALTER TABLE a ADD b int;";
        assert!(marked(check, MySql, &[("V1__a.sql", text)]).is_empty());
    }
}
