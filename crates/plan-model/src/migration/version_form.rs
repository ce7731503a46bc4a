//! A script that records its version records the one of its file name, in the canonical form.
//! Does not mind that it records it at all: `self-bookkeeping` does.

use std::ops::Range;

use super::{Direction, Migration, MigrationSet, SqlFile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Insert, Statement, Token, TokenKind};

pub const CODE: &str = "version-form";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
The runner compares the version of a file with those in the tracking table. In one of the guides \
the file says 1_1 and the row says 1.1: no version was ever found to be applied, and the second \
run executed all scripts again and reported success. The file name and the recorded text must \
give the same version, written with points.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__add_push.sql
-- irreversible: example
ALTER TABLE users ADD COLUMN push BOOLEAN;
INSERT INTO schema_migrations (version) VALUES ('1_1');
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__add_push.sql
-- irreversible: example
ALTER TABLE users ADD COLUMN push BOOLEAN;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    for one in set.migrations() {
        for statement in &one.sql.script.statements {
            let Some(place) = recorded(set, &one.sql, statement) else { continue };
            let text = one.sql.slice(&place).trim_matches('\'');
            if text != one.version.to_string() {
                out.push(other_version(one, &place, text));
            }
        }
    }
}

/// The literal that a script writes into, or removes from, the column `version`.
fn recorded(set: &MigrationSet, sql: &SqlFile, statement: &Statement) -> Option<Range<usize>> {
    match &statement.action {
        Action::Insert(insert) if set.is_tracking_table(&insert.table) => {
            inserted(sql, statement, insert)
        }
        Action::Delete(delete) if set.is_tracking_table(&delete.table) => {
            let compared = |three: &&[Token]| {
                three[0].is(&sql.text, "version")
                    && three[1].is_sign('=')
                    && three[2].kind == TokenKind::String
            };
            statement.tokens.windows(3).find(compared).map(|three| three[2].range.clone())
        }
        _ => None,
    }
}

fn inserted(sql: &SqlFile, statement: &Statement, insert: &Insert) -> Option<Range<usize>> {
    let at = insert.columns.iter().position(|column| column == "version")?;
    let place = insert.first_row.get(at)?;
    let is_literal = |token: &&Token| token.range == *place && token.literal(&sql.text).is_some();
    statement.tokens.iter().find(is_literal).map(|token| token.range.clone())
}

fn other_version(one: &Migration, place: &Range<usize>, text: &str) -> Diagnostic {
    let verb = match one.direction {
        Direction::Up => "records",
        Direction::Down => "removes",
    };
    let message = format!("the script of version {} {verb} version `{text}`", one.version);
    Diagnostic::new(CODE, SEVERITY, one.sql.span(place), message)
        .label(format!("the file name says {}", one.version))
        .help("leave this statement out: the tool records the version itself")
        .help(format!("or write '{}', or correct the name of the file", one.version))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::PostgreSql;

    #[test]
    fn another_version_or_another_form_is_found_at_its_literal() {
        let files = [
            (
                "V1_1__a.sql",
                "INSERT INTO schema_migrations (version, description, applied_at)\n\
                 VALUES ('1_1', 'push, more', NOW());",
            ),
            ("rollback/V1_1__rollback.sql", "DELETE FROM schema_migrations WHERE version = '1.2';"),
        ];
        assert_eq!(marked(check, PostgreSql, &files), ["'1_1'", "'1.2'"]);
        let message = "the script of version 1.1 records version `1_1`";
        assert_eq!(messages(check, PostgreSql, &files)[0], message);
    }

    #[test]
    fn the_canonical_form_and_values_that_are_no_literals_are_left_alone() {
        let files = [
            ("V1_1__a.sql", "INSERT INTO schema_migrations (version) VALUES ('1.1');"),
            ("V1_2__a.sql", "INSERT INTO schema_migrations (version) VALUES (:v || 'x');"),
            ("V1_3__a.sql", "INSERT INTO releases (version) VALUES ('9');"),
        ];
        assert!(marked(check, PostgreSql, &files).is_empty());
    }
}
