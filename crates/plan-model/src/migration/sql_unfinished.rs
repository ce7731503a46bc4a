//! Every string, quoted name and comment that is opened is closed.
//! Does not judge any other syntax: that is for the server.

use super::{MigrationSet, SqlFile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Problem, Unfinished};

pub const CODE: &str = "sql-unfinished";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
An apostrophe in a text that is not doubled closes the string early and opens another one, which \
swallows the rest of the script. The statements before it run, those after it do not, and command \
line clients end without an error. A lost end of a comment hides the rest in the same way.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__texts.sql
-- irreversible: example
UPDATE texts SET wording = 'L'élève' WHERE id = 1;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__texts.sql
-- irreversible: example
UPDATE texts SET wording = 'L''élève' WHERE id = 1;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for sql in set.scripts() {
        out.extend(sql.script.problems.iter().map(|problem| report(sql, problem)));
    }
}

fn report(sql: &SqlFile, problem: &Problem) -> Diagnostic {
    let (what, help) = match problem.what {
        Unfinished::String => {
            ("string", "close it; an apostrophe inside a string is written twice: `''`")
        }
        Unfinished::Name => ("quoted name", "close it with the same quote"),
        Unfinished::Comment => ("comment", "close it with `*/`"),
        Unfinished::DollarString => {
            ("dollar-quoted text", "close it with the same mark between dollars")
        }
    };
    let message = format!("this {what} is opened and never closed");
    Diagnostic::new(CODE, SEVERITY, sql.span(&problem.range), message)
        .label("swallows the rest of the script")
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MySql, PostgreSql};

    #[test]
    fn what_is_never_closed_is_marked_where_it_is_opened() {
        let files = [("V1__a.sql", "SELECT 1;\nSELECT 'l'eau';\nSELECT 2;")];
        assert_eq!(marked(check, PostgreSql, &files), ["';"]);
        assert_eq!(messages(check, PostgreSql, &files), ["this string is opened and never closed"]);
    }

    #[test]
    fn escapes_of_the_dialect_are_known() {
        assert!(marked(check, MySql, &[("V1__a.sql", "SELECT 'l\\'eau';")]).is_empty());
        assert!(
            marked(check, PostgreSql, &[("V1__a.sql", "SELECT 'l\\', E'\\'', $a$ ' $a$;")])
                .is_empty()
        );
    }
}
