//! A version that changes something has a script that leads back.
//! Does not know whether that script is right.

use super::{Migration, MigrationSet, waiver};
use crate::diagnostic::{Diagnostic, Severity};

pub const CODE: &str = "down-present";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
A rollback that nobody wrote is written at night, during the incident. A plan can only undo a \
version for which a rollback script exists; without one, the way back is a restore, which loses \
every row written since the backup. A version that cannot be undone must say so itself, with the \
reason, so that this is decided before the run.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__add_tokens.sql
CREATE TABLE tokens (id INT PRIMARY KEY);
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_0__initial_schema.sql
-- irreversible: the first version, the way back is a restore
CREATE TABLE users (id INT PRIMARY KEY);
-- file: V1_1__add_tokens.sql
CREATE TABLE tokens (id INT PRIMARY KEY);
-- file: rollback/V1_1__rollback.sql
DROP TABLE IF EXISTS tokens;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for up in &set.ups {
        if up.sql.script.statements.is_empty() || up.sql.script.header.irreversible.is_some() {
            continue;
        }
        match set.down(&up.version) {
            None => out.push(missing(up)),
            Some(down) if down.sql.script.statements.is_empty() => out.push(empty(up, down)),
            Some(_) => {}
        }
    }
}

fn missing(up: &Migration) -> Diagnostic {
    let message = format!("version {} has no rollback script", up.version);
    Diagnostic::new(CODE, SEVERITY, up.sql.first_line(), message)
        .label("nothing leads back from here")
        .help(format!("write `rollback/V{}__rollback.sql`", up.version.in_file_name()))
        .help("or say in the first lines of the script why there is no way back: `-- irreversible: why`")
        .help(waiver(CODE))
}

fn empty(up: &Migration, down: &Migration) -> Diagnostic {
    let message = format!("the rollback script of version {} does nothing", up.version);
    Diagnostic::new(CODE, SEVERITY, down.sql.first_line(), message)
        .related(up.sql.first_line(), "this is not undone")
        .help("write the statements that undo the version")
        .help(waiver(CODE))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::PostgreSql;

    #[test]
    fn a_version_without_rollback_or_with_an_empty_one_is_found() {
        let files = [
            ("V1_0__a.sql", "-- first\nCREATE TABLE a (id int);"),
            ("V1_1__b.sql", "CREATE TABLE b (id int);"),
            ("rollback/V1_1__rollback.sql", "-- to do\n"),
        ];
        assert_eq!(marked(check, PostgreSql, &files), ["-- first", "-- to do"]);
        assert_eq!(messages(check, PostgreSql, &files)[0], "version 1.0 has no rollback script");
    }

    #[test]
    fn a_version_that_does_nothing_or_says_that_it_stays_needs_none() {
        let files = [
            ("V1_0__a.sql", "-- the schema was made by hand"),
            ("V1_1__b.sql", "-- Irreversible: rows are gone\nDELETE FROM a WHERE old;"),
        ];
        assert!(marked(check, PostgreSql, &files).is_empty());
    }
}
