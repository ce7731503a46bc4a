//! A table that is swapped for another one leaves no foreign keys pointing at the old one.
//! Knows only the keys that the scripts declare. A plain rename takes its keys along, and is fine.

use std::ops::Range;

use super::tables::{TableId, Tables};
use super::{Migration, MigrationSet, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Change, Name, Statement};

pub const CODE: &str = "rename-with-fk";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
Foreign keys follow the table, not the name. After a swap by two renames the keys of other tables \
still point at the old table under its new name: new parents are refused as unknown, and the old \
table can no longer be dropped. This was measured on MariaDB 10.11; PostgreSQL keeps keys by \
object number, with the same outcome.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_0__schema.sql
-- irreversible: example
CREATE TABLE users (id INT PRIMARY KEY);
CREATE TABLE tokens (id INT PRIMARY KEY, user_id INT, FOREIGN KEY (user_id) REFERENCES users (id));
-- file: V2_0__swap.sql
-- irreversible: example
ALTER TABLE users RENAME TO users_old;
CREATE TABLE users (id BIGINT PRIMARY KEY);
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_0__schema.sql
-- irreversible: example
CREATE TABLE users (id INT PRIMARY KEY);
CREATE TABLE tokens (id INT PRIMARY KEY, user_id INT, FOREIGN KEY (user_id) REFERENCES users (id));
-- file: V2_0__rename.sql
-- irreversible: example
ALTER TABLE users RENAME TO members;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    let mut tables = Tables::default();
    for up in &set.ups {
        tables.start_file();
        let mut renamed: Vec<(TableId, Range<usize>)> = Vec::new();
        for statement in &up.sql.script.statements {
            let names = renames(statement).into_iter();
            renamed.extend(names.filter_map(|name| Some((tables.id(name)?, name.range.clone()))));
            tables.apply(statement);
        }
        for (id, place) in renamed {
            out.extend(left_behind(&tables, up, id, &place));
        }
    }
}

fn renames(statement: &Statement) -> Vec<&Name> {
    match &statement.action {
        Action::AlterTable { table, alterations } => {
            let rename = |change: &Change| matches!(change, Change::RenameTable { .. });
            alterations.iter().filter(|one| rename(&one.change)).map(|_| table).collect()
        }
        Action::RenameTables(pairs) => pairs.iter().map(|(from, _)| from).collect(),
        _ => Vec::new(),
    }
}

fn left_behind(
    tables: &Tables,
    up: &Migration,
    id: TableId,
    place: &Range<usize>,
) -> Option<Diagnostic> {
    let old = tables.table(id)?;
    let swapped_for = tables.id_of_key(&old.name_at_start).filter(|new| *new != id)?;
    let points = tables.all().filter(|(_, one)| one.references.contains(&id));
    // A key declared for the new table too, or any change of the other table: somebody cared.
    let forgotten = points.filter(|(child, one)| {
        !one.dropped
            && *child != swapped_for
            && !one.references.contains(&swapped_for)
            && !is_altered(up, &one.name)
    });
    let names: Vec<&str> = forgotten.map(|(_, one)| one.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let message = format!(
        "foreign keys of {} still point at {} after another table took its name",
        names.join(", "),
        old.name
    );
    let found = Diagnostic::new(CODE, SEVERITY, up.sql.span(place), message)
        .label(format!("becomes {}, and its keys with it", old.name))
        .help(format!(
            "in the same script, drop the foreign keys of {} and add them anew",
            names.join(", ")
        ))
        .help(waiver(CODE));
    Some(found)
}

fn is_altered(up: &Migration, table: &str) -> bool {
    up.sql.script.statements.iter().any(|statement| match &statement.action {
        Action::AlterTable { table: altered, .. } => altered.shown.eq_ignore_ascii_case(table),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MySql, PostgreSql};

    const SCHEMA: (&str, &str) = (
        "V1__a.sql",
        "CREATE TABLE users (id int PRIMARY KEY);\n\
         CREATE TABLE tokens (id int, u int, FOREIGN KEY (u) REFERENCES users (id));",
    );

    #[test]
    fn a_swapped_table_that_is_referenced_is_marked() {
        let swap = "CREATE TABLE n (id int); RENAME TABLE users TO users_old, n TO users;";
        let files = [SCHEMA, ("V2__a.sql", swap)];
        assert_eq!(marked(check, MySql, &files), ["users"]);
        let message =
            "foreign keys of tokens still point at users_old after another table took its name";
        assert_eq!(messages(check, MySql, &files), [message]);
    }

    #[test]
    fn plain_renames_repaired_keys_and_unreferenced_tables_are_left_alone() {
        let scripts = [
            "ALTER TABLE users RENAME TO members;",
            "ALTER TABLE tokens RENAME TO t; CREATE TABLE tokens (id int);",
            "ALTER TABLE users RENAME TO o; CREATE TABLE users (id int PRIMARY KEY); \
             ALTER TABLE tokens DROP CONSTRAINT f, ADD FOREIGN KEY (u) REFERENCES users (id);",
        ];
        for script in scripts {
            assert!(
                marked(check, PostgreSql, &[SCHEMA, ("V2__a.sql", script)]).is_empty(),
                "{script}"
            );
        }
    }
}
