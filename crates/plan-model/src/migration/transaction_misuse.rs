//! The tool opens and ends the transaction; statements that refuse one have a file of their own.
//! Does not know whether the statements between would need a transaction.

use super::{MigrationSet, SqlFile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Statement, TransactionStep};

pub const CODE: &str = "transaction-misuse";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
The tool runs a script and records its version in one transaction, so that after a crash either \
both are there or neither. A COMMIT in the script ends that transaction early: a crash right after \
it leaves a version that is applied and not recorded. CREATE INDEX CONCURRENTLY, VACUUM, REINDEX \
DATABASE and CREATE DATABASE are refused inside a transaction (SQLSTATE 25001); a script that \
holds only these is run without one.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__index.sql
-- irreversible: example
BEGIN;
CREATE INDEX CONCURRENTLY idx_users_city ON users (city);
COMMIT;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__index.sql
-- irreversible: example
SET lock_timeout = '2s';
CREATE INDEX CONCURRENTLY idx_users_city ON users (city);
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for sql in set.migrations().map(|one| &one.sql) {
        out.extend(own_transaction(sql));
        out.extend(refused(sql));
    }
}

fn step(statement: &Statement) -> Option<TransactionStep> {
    match statement.action {
        Action::Transaction(TransactionStep::Within) => None,
        Action::Transaction(step) => Some(step),
        _ => None,
    }
}

/// One report for a script, whatever the number of its BEGINs.
fn own_transaction(sql: &SqlFile) -> Option<Diagnostic> {
    let steps = || sql.script.statements.iter().filter(|one| step(one).is_some());
    let first = steps().next()?;
    let begins = step(first) == Some(TransactionStep::Begin);
    let message = if begins {
        "the script opens its own transaction"
    } else {
        "the script ends the transaction that the tool opened"
    };
    let mut found = Diagnostic::new(CODE, SEVERITY, sql.span(&first.head), message)
        .label("the tool does this, together with recording the version");
    let last = steps().next_back().filter(|last| begins && last.range != first.range);
    if let Some(last) = last {
        found = found.related(sql.span(&last.head), "and ends it here");
    }
    let words: Vec<&str> = steps().map(|one| sql.slice(&one.head)).take(4).collect();
    Some(found.help(format!("remove {}: the statements between stay as they are", quoted(&words))))
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word};`")).collect();
    words.join(" and ")
}

fn refused(sql: &SqlFile) -> Option<Diagnostic> {
    let statements = &sql.script.statements;
    let at = statements.iter().position(|one| one.outside_transaction)?;
    let statement = &statements[at];
    let before = statements[..at].iter().filter_map(step).next_back();
    let inside = before == Some(TransactionStep::Begin);
    if !inside && sql.script.runs_outside_transaction() {
        return None;
    }
    let what = sql.slice(&statement.head);
    let message = if inside {
        format!("`{what}` stands inside a transaction, where the server refuses it")
    } else {
        format!("`{what}` cannot run inside a transaction, and the script holds other statements")
    };
    let found = Diagnostic::new(CODE, SEVERITY, sql.span(&statement.head), message)
        .help("move it to a version of its own: a script of only such statements runs without a transaction");
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MySql, PostgreSql, Sqlite};

    #[test]
    fn an_own_transaction_is_marked_once() {
        let text = "-- push\nBEGIN;\nCREATE TABLE a (id int);\nCOMMIT;";
        let files = [("V1_1__a.sql", text)];
        assert_eq!(marked(check, PostgreSql, &files), ["BEGIN"]);
        assert_eq!(marked(check, MySql, &[("V1__a.sql", "START TRANSACTION; COMMIT;")]), ["START"]);
        assert_eq!(marked(check, Sqlite, &[("V1__a.sql", "DELETE FROM a; COMMIT;")]), ["COMMIT"]);
    }

    #[test]
    fn statements_that_refuse_a_transaction_are_marked() {
        let inside = [("V1__a.sql", "BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT;")];
        let place = "CREATE INDEX CONCURRENTLY i ON t";
        assert_eq!(marked(check, PostgreSql, &inside), ["BEGIN", place]);
        let mixed = [("V1__a.sql", "ALTER TABLE t ADD c int; VACUUM t;")];
        assert_eq!(marked(check, PostgreSql, &mixed), ["VACUUM"]);
        let message =
            "`VACUUM` cannot run inside a transaction, and the script holds other statements";
        assert_eq!(messages(check, PostgreSql, &mixed), [message]);
    }

    #[test]
    fn savepoints_bodies_and_files_of_their_own_are_left_alone() {
        let files = [
            ("V1__a.sql", "SET lock_timeout = '2s'; VACUUM ANALYZE a; REINDEX DATABASE x;"),
            ("V2__a.sql", "SAVEPOINT s; DELETE FROM a WHERE b; ROLLBACK TO SAVEPOINT s;"),
            ("V3__a.sql", "DO $$ BEGIN COMMIT; END $$;"),
        ];
        assert!(marked(check, PostgreSql, &files).is_empty());
    }
}
