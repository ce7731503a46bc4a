//! The tool writes the tracking table; scripts do not.
//! Does not compare versions: `version-form` does.

use super::{MigrationSet, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::Action;

pub const CODE: &str = "self-bookkeeping";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
The tool records a version together with the script, with its checksum and its duration. A script \
that writes the row itself either collides with that one, or records a version whose later \
statements then fail. A script copied to make the next version also tends to keep the old number.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__push.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY);
INSERT INTO schema_migrations (version) VALUES ('1.1');
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__push.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY);
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for sql in set.migrations().map(|one| &one.sql) {
        let writes = |action: &Action| match action {
            Action::Insert(insert) => set.is_tracking_table(&insert.table),
            Action::Update(update) => set.is_tracking_table(&update.table),
            Action::Delete(delete) => set.is_tracking_table(&delete.table),
            Action::Truncate(names) => names.iter().any(|name| set.is_tracking_table(name)),
            _ => false,
        };
        let Some(statement) = sql.script.statements.iter().find(|one| writes(&one.action)) else {
            continue;
        };
        let message = format!("the script writes the tracking table {} itself", set.tracking_table);
        let found = Diagnostic::new(CODE, SEVERITY, sql.span(&statement.head), message)
            .label("the tool records the version")
            .help("leave this statement out")
            .help(waiver(CODE));
        out.push(found);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::marked;
    use super::*;
    use crate::sql::Dialect::PostgreSql;

    #[test]
    fn rows_written_or_deleted_are_marked_once_for_each_script() {
        let files = [
            (
                "V1__a.sql",
                "INSERT INTO public.schema_migrations (version) VALUES ('1'); UPDATE schema_migrations SET x = 1;",
            ),
            ("V1__rollback.sql", "DELETE FROM schema_migrations WHERE version = '1';"),
        ];
        assert_eq!(
            marked(check, PostgreSql, &files),
            ["INSERT INTO public.schema_migrations", "DELETE FROM schema_migrations"]
        );
    }

    #[test]
    fn other_tables_and_making_the_tracking_table_are_left_alone() {
        let text =
            "CREATE TABLE schema_migrations (version TEXT); INSERT INTO versions VALUES (1);";
        assert!(marked(check, PostgreSql, &[("V1__a.sql", text)]).is_empty());
    }
}
