//! A copy between tables names its columns.
//! Does not know the columns.

use super::{MigrationSet, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::Action;

pub const CODE: &str = "copy-select-star";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
INSERT … SELECT * pairs columns by their position. If the two tables list them in another order, \
values land in the wrong columns, and where the types allow it no server complains. The order of \
columns differs between a database that grew by ALTER TABLE and one that was created at once.";
pub const EXAMPLE_BAD: &str = "\
-- file: V2_0__copy.sql
-- irreversible: example
INSERT INTO audit_log SELECT * FROM audit_log_old;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V2_0__copy.sql
-- irreversible: example
INSERT INTO audit_log (id, action) SELECT id, action FROM audit_log_old;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for sql in set.scripts() {
        for statement in &sql.script.statements {
            let Action::Insert(insert) = &statement.action else { continue };
            let Some(star) = &insert.select_star else { continue };
            let table = &insert.table.shown;
            let from = insert.sources.first().map_or("a query", |name| name.shown.as_str());
            let message =
                format!("rows are copied from {from} to {table} without naming the columns");
            let found = Diagnostic::new(CODE, SEVERITY, sql.span(star), message)
                .label("columns are paired by position")
                .help(format!(
                    "name them twice: `INSERT INTO {table} (a, b) SELECT a, b FROM {from}`"
                ))
                .help(waiver(CODE));
            out.push(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::MySql;

    #[test]
    fn a_star_is_marked() {
        let files = [("V2__a.sql", "INSERT INTO new_table SELECT * FROM old_table;")];
        assert_eq!(marked(check, MySql, &files), ["SELECT *"]);
        let message = "rows are copied from old_table to new_table without naming the columns";
        assert_eq!(messages(check, MySql, &files), [message]);
    }

    #[test]
    fn named_columns_and_stars_elsewhere_are_left_alone() {
        let text = "INSERT INTO a (x) SELECT x FROM (SELECT * FROM b) c; SELECT * FROM a; \
                    INSERT INTO a (n) SELECT count(*) FROM b;";
        assert!(marked(check, MySql, &[("V2__a.sql", text)]).is_empty());
    }
}
