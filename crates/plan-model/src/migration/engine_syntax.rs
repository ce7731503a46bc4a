//! A script keeps to what the declared server understands.
//! Knows a list of constructs, not grammars: what is not in the list is left to the server.

mod constructs;

use std::ops::Range;

use super::{MigrationSet, SqlFile, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Change, Dialect, Statement, Token, TokenKind};

use constructs::{CONSTRUCTS, Construct, Sign};

pub const CODE: &str = "engine-syntax";
pub const SEVERITY: Severity = Severity::Error;
pub const WHY: &str = "\
SQL copied from another project or tried out on another server fails at the first word that this \
one does not know: on MySQL and MariaDB after the statements before it have been committed. Some \
constructs do not even fail: SQLite takes SERIAL for the name of a type and never counts. IF \
EXISTS on columns is known to PostgreSQL and MariaDB, and is a syntax error on SQLite and MySQL.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__push.sql
-- irreversible: example
ALTER TABLE users ADD COLUMN IF NOT EXISTS push BOOLEAN;
INSERT INTO roles (name) VALUES ('candidate') ON CONFLICT DO NOTHING;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__push.sql
-- irreversible: example
ALTER TABLE users ADD COLUMN push BOOLEAN;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    let Some(dialect) = set.dialect else { return };
    let own_types = own_types(set);
    for sql in set.scripts() {
        for construct in CONSTRUCTS.iter().filter(|one| one.unknown_to.contains(&dialect)) {
            let mut places = sql
                .script
                .statements
                .iter()
                .filter_map(|one| find(sql, one, &construct.sign, &own_types));
            // Once for each construct of a script: the others have the same cause.
            if let Some(first) = places.next() {
                out.push(report(dialect, sql, construct, &first, places.count()));
            }
        }
    }
}

fn report(
    dialect: Dialect,
    sql: &SqlFile,
    construct: &Construct,
    place: &Range<usize>,
    more: usize,
) -> Diagnostic {
    let message = format!("{} does not know {}", dialect.title(), construct.what);
    let found = Diagnostic::new(CODE, SEVERITY, sql.span(place), message);
    let found = match more {
        0 => found,
        1 => found.label("and in one more statement"),
        _ => found.label(format!("and in {more} more statements")),
    };
    found.help(format!("write {}", construct.instead)).help(waiver(CODE))
}

/// Types and domains that the scripts make: their names may be those of another server.
fn own_types(set: &MigrationSet) -> Vec<&str> {
    let statements = set.scripts().flat_map(|sql| &sql.script.statements);
    let made = statements.filter_map(|statement| match &statement.action {
        Action::Create(object) if matches!(object.kind.as_str(), "type" | "domain") => {
            object.name.as_ref()
        }
        _ => None,
    });
    made.map(|name| name.key.as_str()).collect()
}

fn find(
    sql: &SqlFile,
    statement: &Statement,
    sign: &Sign,
    own_types: &[&str],
) -> Option<Range<usize>> {
    let text = &*sql.text;
    let tokens = &statement.tokens;
    match sign {
        Sign::Words(words) => statement.find(text, words),
        Sign::First(words) => {
            let place = statement.find(text, words)?;
            (place.start == statement.range.start).then_some(place)
        }
        Sign::Outer(word) => outer_word(text, tokens, word),
        Sign::Type(names) => types(statement).into_iter().find_map(|token| {
            let foreign = |name: &&&str| token.is(text, name) && !own_types.contains(*name);
            names.iter().find(foreign).map(|_| token.range.clone())
        }),
        Sign::Call(name) => tokens
            .windows(2)
            .find(|two| two[0].is(text, name) && two[1].is_sign('('))
            .map(|two| two[0].range.clone()),
        Sign::Cast => {
            tokens.iter().find(|one| one.kind == TokenKind::Cast).map(|one| one.range.clone())
        }
        Sign::Backtick => tokens.iter().find(|one| one.is_sign('`')).map(|one| one.range.clone()),
        Sign::TypeChange => type_change(text, tokens),
    }
}

fn outer_word(text: &str, tokens: &[Token], word: &str) -> Option<Range<usize>> {
    let mut depth = 0usize;
    for token in tokens {
        match token.kind {
            TokenKind::Sign(b'(') => depth += 1,
            TokenKind::Sign(b')') => depth = depth.saturating_sub(1),
            _ if depth == 0 && token.is(text, word) => return Some(token.range.clone()),
            _ => {}
        }
    }
    None
}

/// The first word of the type of each column that the statement declares, where the parser told
/// which words are columns.
fn types(statement: &Statement) -> Vec<&Token> {
    let columns: Vec<&Range<usize>> = match &statement.action {
        Action::CreateTable(table) => {
            let columns = table.shape.iter().flat_map(|shape| &shape.columns);
            columns.map(|column| &column.range).collect()
        }
        Action::AlterTable { alterations, .. } => alterations
            .iter()
            .filter_map(|one| match &one.change {
                Change::AddColumn { column } => Some(&column.range),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let type_of = |column: &&Range<usize>| {
        let at = statement.tokens.partition_point(|token| token.range.start < column.end);
        statement.tokens.get(at)
    };
    columns.iter().filter_map(type_of).collect()
}

fn type_change(text: &str, tokens: &[Token]) -> Option<Range<usize>> {
    let found = tokens.windows(4).find(|four| {
        four[0].is(text, "alter")
            && four[1].is(text, "column")
            && four[2].is_name()
            && four[3].is(text, "type")
    })?;
    Some(found[0].range.start..found[3].range.end)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MariaDb, MySql, PostgreSql, Sqlite};

    fn on(dialect: Dialect, text: &str) -> Vec<String> {
        marked(check, dialect, &[("V1__a.sql", text)])
    }

    #[test]
    fn constructs_of_other_servers_are_marked() {
        let cases = [
            (MySql, "INSERT INTO a VALUES (1) ON CONFLICT (a) DO NOTHING;", "ON CONFLICT"),
            (MySql, "INSERT INTO a VALUES (1) RETURNING id;", "RETURNING"),
            (MySql, "ALTER TABLE a ADD COLUMN IF NOT EXISTS b int;", "ADD COLUMN IF"),
            (Sqlite, "ALTER TABLE a ADD COLUMN IF NOT EXISTS b int;", "ADD COLUMN IF"),
            (MySql, "CREATE TABLE a (id int, data JSONB);", "JSONB"),
            (MySql, "SET lock_timeout = '2s';", "SET lock_timeout"),
            (MariaDb, "INSERT INTO a VALUES ('[]'::jsonb);", "::"),
            (Sqlite, "CREATE TABLE a (id SERIAL PRIMARY KEY);", "SERIAL"),
            (Sqlite, "INSERT INTO a VALUES (NOW());", "NOW"),
            (Sqlite, "TRUNCATE TABLE a;", "TRUNCATE"),
            (PostgreSql, "CREATE TABLE a (id int AUTO_INCREMENT PRIMARY KEY);", "AUTO_INCREMENT"),
            (PostgreSql, "CREATE TABLE a (at DATETIME);", "DATETIME"),
            (PostgreSql, "DROP TABLE IF EXISTS `a`;", "`"),
            (PostgreSql, "PRAGMA foreign_keys = ON;", "PRAGMA"),
            (Sqlite, "ALTER TABLE a ALTER COLUMN b TYPE int;", "ALTER COLUMN b TYPE"),
            (MariaDb, "CREATE INDEX CONCURRENTLY i ON a (b);", "INDEX CONCURRENTLY"),
        ];
        for (dialect, text, place) in cases {
            assert_eq!(on(dialect, text), [place], "{dialect:?}: {text}");
        }
    }

    #[test]
    fn a_construct_is_told_once_for_a_script() {
        let files = [("V1__a.sql", "SELECT 1::int; SELECT 2::int; SELECT 3::int;")];
        assert_eq!(messages(check, MySql, &files), ["MySQL does not know the cast `::`"]);
        assert_eq!(marked(check, MySql, &files), ["::"]);
    }

    #[test]
    fn each_server_knows_its_own_constructs() {
        let cases = [
            (
                PostgreSql,
                "CREATE TABLE a (id SERIAL, data JSONB, u UUID DEFAULT gen_random_uuid(), datetime timestamp); \
                 INSERT INTO a VALUES ('x'::jsonb, NOW()) ON CONFLICT DO NOTHING RETURNING id; \
                 ALTER TABLE a ADD COLUMN IF NOT EXISTS b int; COMMENT ON TABLE a IS 'PRAGMA `x`';",
            ),
            (
                MySql,
                "CREATE TABLE `a` (id SERIAL, at DATETIME ON UPDATE CURRENT_TIMESTAMP) ENGINE=InnoDB; \
                 INSERT IGNORE INTO a VALUES (NOW()); SELECT JSON_VALUE(a, '$.b' RETURNING SIGNED) FROM a; \
                 RENAME TABLE a TO b;",
            ),
            (
                MariaDb,
                "ALTER TABLE a ADD COLUMN IF NOT EXISTS b UUID; DELETE FROM a WHERE x RETURNING id;",
            ),
            (
                Sqlite,
                "PRAGMA foreign_keys = OFF; CREATE TABLE `a` (id INTEGER PRIMARY KEY AUTOINCREMENT); \
                 INSERT OR IGNORE INTO a VALUES (1) ON CONFLICT DO NOTHING RETURNING id; REPLACE INTO a VALUES (2);",
            ),
        ];
        for (dialect, text) in cases {
            assert_eq!(on(dialect, text), [] as [&str; 0], "{dialect:?}");
        }
    }
}
