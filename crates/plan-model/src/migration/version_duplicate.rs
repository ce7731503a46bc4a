//! One version, one script for each way.
//! Does not know which of two is the right one.

use super::{Migration, MigrationSet};
use crate::diagnostic::{Diagnostic, Severity};

pub const CODE: &str = "version-duplicate";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
Versions are recorded by their number: once one of two scripts with the same number has run, the \
other counts as applied and never runs. Which one it is depends on the order of the file names. \
It happens when two branches each add the next version.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__add_gamification.sql
-- irreversible: example
CREATE TABLE points (id INT PRIMARY KEY);
-- file: V1.1__add_push.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY);
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__add_gamification.sql
-- irreversible: example
CREATE TABLE points (id INT PRIMARY KEY);
-- file: V1_2__add_push.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY);
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for list in [&set.ups, &set.downs] {
        for pair in list.windows(2) {
            if pair[0].version == pair[1].version {
                out.push(duplicate(&pair[0], &pair[1]));
            }
        }
    }
}

fn duplicate(first: &Migration, second: &Migration) -> Diagnostic {
    let message = format!(
        "version {} is there twice: `{}` and `{}`",
        second.version, first.sql.name, second.sql.name
    );
    Diagnostic::new(CODE, SEVERITY, second.sql.first_line(), message)
        .related(first.sql.first_line(), "the same version")
        .help("give the newer script the next free version, in its name and in its rollback")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::PostgreSql;

    #[test]
    fn two_spellings_of_one_version_are_found() {
        let files = [("V1_1__a.sql", "SELECT 1;"), ("V1_1_0__b.sql", "SELECT 2;\n")];
        assert_eq!(marked(check, PostgreSql, &files), ["SELECT 1;"]);
        let message = "version 1.1 is there twice: `V1_1_0__b.sql` and `V1_1__a.sql`";
        assert_eq!(messages(check, PostgreSql, &files), [message]);
    }

    #[test]
    fn up_and_down_of_a_version_are_no_duplicates() {
        let files = [("V1_1__a.sql", "SELECT 1;"), ("V1_1__rollback.sql", "SELECT 2;")];
        assert!(marked(check, PostgreSql, &files).is_empty());
    }
}
