//! On PostgreSQL a change of a table in use does not lock it for as long as it takes to read it.
//! Does not know how large tables are; tables made by the same script are left alone.

use std::ops::Range;

use super::tables::Tables;
use super::{MigrationSet, SqlFile, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Change, Column, Constraint, Dialect, KeyKind, Name, NewIndex, Statement};

pub const CODE: &str = "blocking-ddl";
pub const SEVERITY: Severity = Severity::Warning;
pub const WHY: &str = "\
Building an index, checking a new constraint or changing a type reads or rewrites the whole table \
under a lock: nobody writes meanwhile, and for most changes nobody reads either. PostgreSQL can do \
the same work beside the users: CREATE INDEX CONCURRENTLY, a constraint added NOT VALID and \
validated later, a new column filled in batches. On a table that the script has just made there is \
nothing to wait for.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__index.sql
-- irreversible: example
SET LOCAL lock_timeout = '2s';
CREATE INDEX idx_users_city ON users (city);
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__tokens.sql
-- irreversible: example
CREATE TABLE tokens (id INT PRIMARY KEY, user_id INT);
CREATE INDEX idx_tokens_user ON tokens (user_id);
-- file: V1_2__index.sql
-- irreversible: example
CREATE INDEX CONCURRENTLY idx_users_city ON users (city);
";

/// What is wrong at a place, and what to write instead.
type Finding = (Range<usize>, String, String);

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    if set.dialect != Some(Dialect::PostgreSql) {
        return;
    }
    let mut tables = Tables::default();
    for up in &set.ups {
        tables.start_file();
        for statement in &up.sql.script.statements {
            for finding in findings(&tables, statement) {
                out.push(report(&up.sql, finding));
            }
            tables.apply(statement);
        }
    }
}

fn report(sql: &SqlFile, (place, message, help): Finding) -> Diagnostic {
    Diagnostic::new(CODE, SEVERITY, sql.span(&place), message).help(help).help(waiver(CODE))
}

fn findings(tables: &Tables, statement: &Statement) -> Vec<Finding> {
    match &statement.action {
        Action::CreateIndex(index) => index_build(tables, statement, index).into_iter().collect(),
        Action::AlterTable { table, alterations } if !tables.is_new(table) => alterations
            .iter()
            .filter_map(|one| {
                let (message, help) = alteration(tables, table, &one.change)?;
                Some((one.range.clone(), message, help.to_owned()))
            })
            .collect(),
        Action::Reindex(reindex) if !reindex.concurrently => vec![(
            statement.head.clone(),
            "rebuilding indexes this way stops all writes to their tables".to_owned(),
            "write REINDEX (CONCURRENTLY), in a version of its own".to_owned(),
        )],
        Action::Vacuum { full: true } => vec![(
            statement.head.clone(),
            "VACUUM FULL rewrites tables while nobody can read or write them".to_owned(),
            "a plain VACUUM runs beside the users".to_owned(),
        )],
        _ => Vec::new(),
    }
}

fn index_build(tables: &Tables, statement: &Statement, index: &NewIndex) -> Option<Finding> {
    // A partitioned table takes no concurrent index.
    let partitioned = tables.get(&index.table).is_some_and(|table| table.partitioned);
    if index.concurrently || partitioned || tables.is_new(&index.table) {
        return None;
    }
    let message = format!("building this index stops all writes to {}", index.table.shown);
    let help = "write CREATE INDEX CONCURRENTLY, in a version of its own: it refuses a transaction";
    Some((statement.head.clone(), message, help.to_owned()))
}

fn alteration(tables: &Tables, table: &Name, change: &Change) -> Option<(String, &'static str)> {
    let shown = &table.shown;
    match change {
        Change::AddConstraint { constraint, checks_rows: true } => match constraint {
            Constraint::ForeignKey { .. } | Constraint::Check => Some((
                format!("checking all rows of {shown} for this constraint stops writes to it"),
                "add it NOT VALID, and in a later version ALTER TABLE … VALIDATE CONSTRAINT",
            )),
            Constraint::Key(key) if key.kind != KeyKind::Index => Some((
                format!("building the index of this key stops all use of {shown}"),
                "first CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX",
            )),
            _ => None,
        },
        Change::ChangeType { column, to, converted } => {
            rewrites(tables, table, column, to, *converted).then(|| {
                (
                    format!(
                        "changing the type of {column} rewrites {shown} while nobody can use it"
                    ),
                    "add a new column, fill it in batches, and swap the names",
                )
            })
        }
        Change::AddColumn { column } => added_column(shown, column),
        _ => None,
    }
}

fn added_column(table: &str, column: &Column) -> Option<(String, &'static str)> {
    const CHANGING: [&str; 5] =
        ["random(", "clock_timestamp(", "gen_random_uuid(", "uuid_generate_v", "nextval("];
    let default = column.default.as_deref().unwrap_or("").to_lowercase();
    let name = &column.name;
    if column.counted || column.stored || CHANGING.iter().any(|call| default.contains(call)) {
        return Some((
            format!(
                "column {name} has another value in each row: {table} is rewritten while nobody can use it"
            ),
            "add the column without it, fill the rows in batches, then set the default",
        ));
    }
    if column.keys.is_empty() {
        return None;
    }
    Some((
        format!("building the index of column {name} stops all use of {table}"),
        "add the column, CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX",
    ))
}

/// Longer or unbounded text takes the rows as they are; where the old type is unknown, text may.
fn rewrites(tables: &Tables, table: &Name, column: &str, to: &str, converted: bool) -> bool {
    let is_text = |name: &str| {
        ["TEXT", "VARCHAR", "CHARACTER VARYING"].iter().any(|text| name.starts_with(text))
    };
    let known = tables.get(table).and_then(|one| one.columns.iter().find(|one| one.name == column));
    match known {
        Some(old) if old.data_type == to => false,
        Some(old) => !(is_text(&old.data_type) && is_text(to)),
        None => converted || !is_text(to),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MySql, PostgreSql};

    #[test]
    fn what_reads_or_rewrites_a_table_in_use_is_marked() {
        let text = "CREATE UNIQUE INDEX i ON users (a);\n\
                    ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0), ADD CONSTRAINT u UNIQUE (b),\n\
                    ALTER COLUMN n TYPE bigint, ADD COLUMN k uuid DEFAULT gen_random_uuid();\n\
                    REINDEX TABLE users;";
        let files = [("V1__a.sql", text)];
        assert_eq!(
            marked(check, PostgreSql, &files),
            [
                "CREATE UNIQUE INDEX i ON users",
                "ADD CONSTRAINT c CHECK (a > 0)",
                "ADD CONSTRAINT u UNIQUE (b)",
                "ALTER COLUMN n TYPE bigint",
                "ADD COLUMN k uuid DEFAULT gen_random_uuid()",
                "REINDEX TABLE users"
            ]
        );
        let message = "building this index stops all writes to users";
        assert_eq!(messages(check, PostgreSql, &files)[0], message);
        assert!(marked(check, MySql, &files).is_empty());
    }

    #[test]
    fn a_table_of_an_earlier_version_is_in_use() {
        let files = [
            ("V1__a.sql", "CREATE TABLE a (x int); CREATE INDEX i ON a (x);"),
            ("V2__b.sql", "CREATE INDEX j ON public.a (x);"),
        ];
        assert_eq!(marked(check, PostgreSql, &files), ["CREATE INDEX j ON public.a"]);
    }

    #[test]
    fn cheap_changes_and_new_tables_are_left_alone() {
        let text = "CREATE TABLE tokens (id SERIAL PRIMARY KEY, t VARCHAR(20));\n\
                    CREATE INDEX i ON tokens (id);\nALTER TABLE tokens ADD UNIQUE (t);\n\
                    ALTER TABLE n ADD COLUMN sent BOOLEAN DEFAULT FALSE, ADD COLUMN at TIMESTAMP DEFAULT now();\n\
                    ALTER TABLE n ADD CONSTRAINT c CHECK (a > 0) NOT VALID, ALTER COLUMN t TYPE text;\n\
                    ALTER TABLE n ADD CONSTRAINT p PRIMARY KEY USING INDEX i;";
        assert!(marked(check, PostgreSql, &[("V1__a.sql", text)]).is_empty());
        let files = [
            ("V1__a.sql", "CREATE TABLE p (a int) PARTITION BY RANGE (a);"),
            ("V2__a.sql", "CREATE INDEX i ON p (a);"),
        ];
        assert!(marked(check, PostgreSql, &files).is_empty());
    }
}
