//! A script without a version gives the same rows when it runs twice.
//! Looks at seeds alone: a version runs once.

use std::collections::HashSet;
use std::ops::Range;

use super::{MigrationSet, SqlFile, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Conflict, Insert, Rows};

pub const CODE: &str = "seed-not-idempotent";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
Nothing records that a seed has run, so it runs again with the next release, and plain INSERTs \
then put every row in a second time. In one of the guides the test questions double with each run, \
while the roles beside them are safe: they say ON CONFLICT DO NOTHING.";
pub const EXAMPLE_BAD: &str = "\
-- file: seeds/04-questions.sql
INSERT INTO questions (category_id, wording) VALUES (1, 'Who is next?');
";
pub const EXAMPLE_GOOD: &str = "\
-- file: seeds/01-roles.sql
INSERT INTO roles (name) VALUES ('candidate') ON CONFLICT (name) DO NOTHING;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for seed in &set.seeds {
        let mut emptied: HashSet<&str> = HashSet::new();
        for statement in &seed.script.statements {
            match &statement.action {
                Action::Truncate(names) => {
                    emptied.extend(names.iter().map(|name| name.key.as_str()));
                }
                // Rows chosen by WHERE are most likely those inserted next.
                Action::Delete(delete) => emptied.extend([delete.table.key.as_str()]),
                Action::CreateTable(table) => emptied.extend([table.name.key.as_str()]),
                Action::Insert(insert)
                    if doubles(insert) && !emptied.contains(insert.table.key.as_str()) =>
                {
                    out.push(report(set, seed, insert, &statement.head));
                }
                _ => {}
            }
        }
    }
}

fn doubles(insert: &Insert) -> bool {
    insert.rows == Rows::Values && insert.conflict == Conflict::Fails
}

fn report(set: &MigrationSet, seed: &SqlFile, insert: &Insert, place: &Range<usize>) -> Diagnostic {
    let message = format!("the rows of {} are inserted again with each run", insert.table.shown);
    let family = set.dialect.is_some_and(|one| one.is_mysql_family());
    let clause = if family { "INSERT IGNORE" } else { "ON CONFLICT (…) DO NOTHING" };
    Diagnostic::new(CODE, SEVERITY, seed.span(place), message)
        .help(format!("write {clause}, and give the table a unique key for it"))
        .help(waiver(CODE))
}

#[cfg(test)]
mod tests {
    use super::super::read_seeds;
    use super::super::testing::world;
    use super::*;
    use crate::sql::Dialect;

    fn marked(dialect: Dialect, text: &str) -> Vec<String> {
        let world = world(&[("seeds/01.sql", text)]);
        let set = read_seeds(world.files, Some(dialect));
        let mut found = Vec::new();
        check(&set, &mut found);
        found.iter().map(|one| world.sources.slice(one.span).to_owned()).collect()
    }

    #[test]
    fn plain_rows_are_marked() {
        let text = "INSERT INTO questions (a, b) VALUES\n (1, '[{\"x\":\"y\"}]'::jsonb);";
        assert_eq!(marked(Dialect::PostgreSql, text), ["INSERT INTO questions"]);
    }

    #[test]
    fn rows_that_cannot_double_are_left_alone() {
        let texts = [
            "INSERT INTO roles (nom) VALUES ('a'), ('b') ON CONFLICT (nom) DO NOTHING;",
            "INSERT IGNORE INTO roles VALUES (1);",
            "REPLACE INTO roles VALUES (1);",
            "INSERT INTO roles VALUES (1) ON DUPLICATE KEY UPDATE id = id;",
            "TRUNCATE roles; INSERT INTO roles VALUES (1);",
            "DELETE FROM roles WHERE id < 10; INSERT INTO roles VALUES (1);",
            "INSERT INTO roles (n) SELECT 'a' WHERE NOT EXISTS (SELECT 1 FROM roles);",
        ];
        for text in texts {
            assert!(marked(Dialect::MySql, text).is_empty(), "{text}");
        }
        assert!(marked(Dialect::Sqlite, "INSERT OR IGNORE INTO a VALUES (1);").is_empty());
    }
}
