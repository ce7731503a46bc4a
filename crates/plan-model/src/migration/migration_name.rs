//! Every SQL file in the folder has a name that tells its version, and every rollback its version.
//! Does not look into the scripts.

use super::{MigrationSet, waiver};
use crate::diagnostic::{Diagnostic, Severity};

pub const CODE: &str = "migration-name";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
A script whose name tells no version has no place in the order and is never run, and a rollback of \
a version that is not there undoes nothing. Both look all right in a listing of the folder. A \
missing underscore is enough: `V1_2_add.sql` holds no `__` after the number.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_2_add_audit_log.sql
-- irreversible: example
CREATE TABLE audit_log (id INT PRIMARY KEY);
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_2__add_audit_log.sql
-- irreversible: example
CREATE TABLE audit_log (id INT PRIMARY KEY);
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for file in &set.misnamed {
        let message =
            format!("the name `{}` tells no version, so the script never runs", file.name);
        let found = Diagnostic::new(CODE, SEVERITY, file.first_line(), message)
            .help("name it like `V1_2__what_it_does.sql`, or move it out of the folder")
            .help(waiver(CODE));
        out.push(found);
    }
    for down in &set.downs {
        if set.up(&down.version).is_none() {
            let message =
                format!("`{}` undoes version {}, which is not there", down.sql.name, down.version);
            let found = Diagnostic::new(CODE, SEVERITY, down.sql.first_line(), message)
                .help("correct the version in the name, or remove the file")
                .help(waiver(CODE));
            out.push(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::PostgreSql;

    #[test]
    fn names_without_version_and_rollbacks_of_nothing_are_found() {
        let files =
            [("V1_2_add.sql", "-- add\nSELECT 1;"), ("rollback/V9__rollback.sql", "-- 9\n")];
        assert_eq!(marked(check, PostgreSql, &files), ["-- add", "-- 9"]);
        let messages = messages(check, PostgreSql, &files);
        assert_eq!(messages[1], "`rollback/V9__rollback.sql` undoes version 9, which is not there");
    }

    #[test]
    fn files_that_are_not_sql_may_have_any_name() {
        let files = [("README.md", "hello"), ("V1__a.sql", "SELECT 1;")];
        assert!(marked(check, PostgreSql, &files).is_empty());
    }
}
