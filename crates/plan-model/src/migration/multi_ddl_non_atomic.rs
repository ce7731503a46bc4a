//! On MySQL and MariaDB a script with several schema changes can stop half-way.
//! Is silent about changes that may be repeated, and about other servers.

use super::{MigrationSet, SqlFile, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Dialect, Statement};

pub const CODE: &str = "multi-ddl-non-atomic";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
MySQL and MariaDB commit before every schema change, even before one that then fails, so no \
transaction holds two of them together. When the second one fails the first one stays, and a \
second run of the script stops at the first with error 1050, 1060 or 1061. One change for each \
version, or changes that may be repeated, can be resumed. A single ALTER TABLE with several parts \
is atomic; this was measured on MariaDB 10.11.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__add_push.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY);
ALTER TABLE users ADD COLUMN push BOOLEAN;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__add_tokens.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY);
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    let Some(dialect) = set.dialect.filter(|one| one.is_mysql_family()) else { return };
    for up in &set.ups {
        let changes: Vec<&Statement> =
            up.sql.script.statements.iter().filter(|one| one.ddl).collect();
        let Some(stays) = changes.iter().position(|one| !may_repeat(one)) else { continue };
        if let Some(next) = changes.get(stays + 1) {
            out.push(not_atomic(dialect, &up.sql, changes[stays], next, changes.len()));
        }
    }
}

fn not_atomic(
    dialect: Dialect,
    sql: &SqlFile,
    stays: &Statement,
    next: &Statement,
    count: usize,
) -> Diagnostic {
    let message = format!(
        "{count} schema changes in one script: if a later one fails, {} keeps the earlier ones",
        dialect.title()
    );
    Diagnostic::new(CODE, SEVERITY, sql.span(&next.head), message)
        .label("if this fails")
        .related(sql.span(&stays.head), "this stays, and fails when the script runs again")
        .help("give each change a version of its own, or make it repeatable with IF NOT EXISTS")
        .help(waiver(CODE))
}

fn may_repeat(statement: &Statement) -> bool {
    match &statement.action {
        Action::CreateTable(table) => table.guarded,
        Action::CreateIndex(index) => index.guarded,
        Action::Create(object) => object.guarded,
        Action::Drop(drop) => drop.guarded,
        Action::Truncate(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::marked;
    use super::*;

    const TWO: [(&str, &str); 1] =
        [("V1__a.sql", "CREATE TABLE a (id int);\nCREATE INDEX i ON a (id);")];

    #[test]
    fn the_second_change_is_marked() {
        assert_eq!(marked(check, Dialect::MySql, &TWO), ["CREATE INDEX i ON a"]);
        assert_eq!(marked(check, Dialect::MariaDb, &TWO).len(), 1);
    }

    #[test]
    fn other_servers_and_repeatable_changes_are_left_alone() {
        assert!(marked(check, Dialect::PostgreSql, &TWO).is_empty());
        assert!(marked(check, Dialect::Sqlite, &TWO).is_empty());
        let repeatable = "DROP TABLE IF EXISTS a; CREATE TABLE IF NOT EXISTS a (id int); \
                          CREATE TEMPORARY TABLE t (id int); INSERT INTO a VALUES (1);";
        assert!(marked(check, Dialect::MySql, &[("V1__a.sql", repeatable)]).is_empty());
    }
}
