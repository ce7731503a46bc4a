//! A rollback works even if only half of its version was applied.
//! Does not ask for clauses that the server does not know.

use std::ops::Range;

use super::{MigrationSet, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Change, Dialect, Statement};

pub const CODE: &str = "down-not-idempotent";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
A rollback is needed most when the version stopped half-way, and then some of what it drops was \
never made. Without IF EXISTS it fails there too, and leaves a third state that nobody has tested. \
With IF EXISTS it can be run again until it ends.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__push.sql
CREATE TABLE tokens (id INT PRIMARY KEY);
-- file: rollback/V1_1__rollback.sql
SET lock_timeout = '2s';
DROP TABLE tokens;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__push.sql
CREATE TABLE tokens (id INT PRIMARY KEY);
-- file: rollback/V1_1__rollback.sql
SET lock_timeout = '2s';
DROP TABLE IF EXISTS tokens;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for down in &set.downs {
        let mut tables = super::tables::Tables::default();
        tables.start_file();
        for statement in &down.sql.script.statements {
            let made_here = statement.tables().iter().any(|name| tables.is_new(name));
            let found = if made_here { Vec::new() } else { unguarded(set.dialect, statement) };
            for (place, what, instead) in found {
                let message = format!("the rollback fails if {what} is not there");
                let found = Diagnostic::new(CODE, SEVERITY, down.sql.span(&place), message)
                    .help(format!("write {instead}"))
                    .help(waiver(CODE));
                out.push(found);
            }
            tables.apply(statement);
        }
    }
}

fn unguarded(
    dialect: Option<Dialect>,
    statement: &Statement,
) -> Vec<(Range<usize>, String, String)> {
    match &statement.action {
        Action::Drop(drop) if !drop.guarded && knows_guard(dialect, &drop.kind) => {
            let names: Vec<&str> = drop.names.iter().map(|name| name.shown.as_str()).collect();
            let what = format!("{} {}", drop.kind, names.join(", "));
            let instead = format!("DROP {} IF EXISTS", drop.kind.to_uppercase());
            vec![(statement.head.clone(), what, instead)]
        }
        Action::AlterTable { table, alterations } if knows_column_guard(dialect) => {
            let mut found = Vec::new();
            for one in alterations {
                match &one.change {
                    Change::DropColumn { columns, guarded: false } => {
                        let what = format!("column {} of {}", columns.join(", "), table.shown);
                        found.push((one.range.clone(), what, "DROP COLUMN IF EXISTS".to_owned()));
                    }
                    Change::DropConstraint { name: Some(name), guarded: false }
                        if dialect == Some(Dialect::PostgreSql) =>
                    {
                        let what = format!("constraint {name} of {}", table.shown);
                        found.push((
                            one.range.clone(),
                            what,
                            "DROP CONSTRAINT IF EXISTS".to_owned(),
                        ));
                    }
                    _ => {}
                }
            }
            found
        }
        _ => Vec::new(),
    }
}

fn knows_guard(dialect: Option<Dialect>, kind: &str) -> bool {
    match kind {
        "table" | "view" | "trigger" => true,
        "index" => !matches!(dialect, None | Some(Dialect::MySql)),
        "function" | "procedure" => dialect.is_some_and(|one| one != Dialect::Sqlite),
        "type" | "sequence" | "schema" | "extension" | "domain" | "policy" | "rule"
        | "aggregate" => dialect == Some(Dialect::PostgreSql),
        _ => false,
    }
}

fn knows_column_guard(dialect: Option<Dialect>) -> bool {
    matches!(dialect, Some(Dialect::PostgreSql | Dialect::MariaDb))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MySql, PostgreSql, Sqlite};

    const DOWN: &str = "DROP TABLE tokens;\nALTER TABLE n DROP COLUMN a, DROP COLUMN IF EXISTS b;\n\
                        DROP INDEX i;";

    #[test]
    fn drops_without_guard_are_marked() {
        let files = [("V1__rollback.sql", DOWN)];
        let places = ["DROP TABLE tokens", "DROP COLUMN a", "DROP INDEX i"];
        assert_eq!(marked(check, PostgreSql, &files), places);
        let message = "the rollback fails if column a of n is not there";
        assert_eq!(messages(check, PostgreSql, &files)[1], message);
    }

    #[test]
    fn guards_that_the_server_does_not_know_are_not_asked_for() {
        let columns = [("V1__rollback.sql", "ALTER TABLE n DROP COLUMN a;")];
        assert!(marked(check, MySql, &columns).is_empty());
        assert!(marked(check, Sqlite, &columns).is_empty());
        assert!(marked(check, MySql, &[("V1__rollback.sql", "DROP INDEX i ON n;")]).is_empty());
    }

    #[test]
    fn ups_guarded_drops_and_own_tables_are_left_alone() {
        let files = [
            ("V1__a.sql", "DROP TABLE x;"),
            ("V1__rollback.sql", "DROP TABLE IF EXISTS a; CREATE TABLE t (i int); DROP TABLE t;"),
        ];
        assert!(marked(check, PostgreSql, &files).is_empty());
    }
}
