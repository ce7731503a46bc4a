//! The version fits into the column of the tracking table.
//! Knows the column only from the scripts; without them, the usual ten characters count.

use super::{MigrationSet, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::Action;

pub const CODE: &str = "tracking-width";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
Tracking tables made by hand often hold versions of ten characters at most. A longer version runs \
to its last statement, and then recording it fails: PostgreSQL says \"value too long\" and undoes \
everything, MySQL keeps the changes and has no row for them.";
pub const EXAMPLE_BAD: &str = "\
-- file: V20260215103000__push.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY);
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1__tracking.sql
-- irreversible: example
CREATE TABLE schema_migrations (version VARCHAR(50) UNIQUE NOT NULL);
-- file: V20260215103000__push.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY);
";

const USUAL_WIDTH: usize = 10;

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    let Some(width) = width(set) else { return };
    for up in &set.ups {
        let version = up.version.to_string();
        if version.len() > width {
            let message = format!(
                "version {version} has {} characters, and the column of {} holds {width}",
                version.len(),
                set.tracking_table
            );
            let found = Diagnostic::new(CODE, SEVERITY, up.sql.first_line(), message)
                .help("use a shorter version, or widen the column: `version VARCHAR(50)`")
                .help(waiver(CODE));
            out.push(found);
        }
    }
}

/// None if the column takes text of any length.
fn width(set: &MigrationSet) -> Option<usize> {
    let statements = set.ups.iter().flat_map(|up| &up.sql.script.statements);
    let tracking = statements.filter_map(|statement| match &statement.action {
        Action::CreateTable(table) if set.is_tracking_table(&table.name) => table.shape.as_ref(),
        _ => None,
    });
    let mut columns = tracking.flat_map(|shape| &shape.columns);
    let Some(column) = columns.find(|column| column.name == "version") else {
        return Some(USUAL_WIDTH);
    };
    let (name, rest) = column.data_type.split_once('(')?;
    let counts = name.contains("CHAR");
    rest.trim_end_matches(')').trim().parse().ok().filter(|_| counts)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::PostgreSql;

    #[test]
    fn a_version_longer_than_the_column_is_found() {
        let files = [("V20260215103000__a.sql", "SELECT 1;")];
        assert_eq!(marked(check, PostgreSql, &files), ["SELECT 1;"]);
        let files = [
            ("V1__a.sql", "CREATE TABLE schema_migrations (version VARCHAR(4) UNIQUE);"),
            ("V1_10_2__a.sql", "SELECT 2;"),
        ];
        let message =
            "version 1.10.2 has 6 characters, and the column of schema_migrations holds 4";
        assert_eq!(messages(check, PostgreSql, &files), [message]);
    }

    #[test]
    fn short_versions_and_columns_of_any_length_are_left_alone() {
        let files = [
            ("V1__a.sql", "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY);"),
            ("V20260215103000__a.sql", "SELECT 1;"),
        ];
        assert!(marked(check, PostgreSql, &files).is_empty());
        assert!(marked(check, PostgreSql, &[("V1_1__a.sql", "SELECT 1;")]).is_empty());
    }
}
