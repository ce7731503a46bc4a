//! `sql-refused`: the statements of a `sql` step can be sent as they stand. Speaks where the kind of
//! the server is known.

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::action::sql::Sql;
use crate::model::plan::Surroundings;
use crate::source::Span;
use crate::sql::{self, Refused, Script};

pub const RULE: Rule = Rule {
    code: "sql-refused",
    severity: Level::Error,
    about: "the statements of `sql` can be sent, and run in one transaction or say that they do not",
    why: "A `sql` step runs its statements in one transaction, so that after a failure none of them is \
          there. MySQL and MariaDB commit before each change of the schema, PostgreSQL refuses VACUUM and \
          CREATE INDEX CONCURRENTLY there, and a BEGIN of the script's own ends in somebody else's \
          transaction. The step refuses all of these before it sends anything, but at its turn: in the \
          middle of the night, with the users out.",
    bad: "plan: p
connections: { main: { server: mariadb, host: localhost, database: shop } }
steps:
  - step: swap
    on: main
    sql: RENAME TABLE orders TO orders_old, orders_new TO orders
    rollback: { on: main, sql: { text: \"RENAME TABLE orders TO orders_new, orders_old TO orders\", transaction: off } }
",
    good: "plan: p
connections: { main: { server: mariadb, host: localhost, database: shop } }
steps:
  - step: swap
    sql: { database: main, text: \"RENAME TABLE orders TO orders_old, orders_new TO orders\", transaction: off }
    rollback: { on: main, sql: { text: \"RENAME TABLE orders TO orders_new, orders_old TO orders\", transaction: off } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        for (action, around) in step.all_actions() {
            let Action::Sql(statements) = action else { continue };
            let told = of_step(lint, statements, around).into_iter();
            found.extend(told.map(|finding| finding.about(at)));
        }
    }
}

/// The first place of each of its texts.
fn of_step(lint: &Lint<'_>, statements: &Sql, around: &Surroundings) -> Vec<Finding> {
    let Some(dialect) = ask::statements::dialect_of(lint, statements, around) else {
        return Vec::new();
    };
    let refused = |script: &Script| {
        let inside = !statements.is_outside_transaction();
        script.not_sent().or_else(|| script.not_in_transaction().filter(|_| inside))
    };
    if statements.keys().is_some_and(|keys| keys.file.is_some()) {
        return ask::statements::files(lint, statements)
            .into_iter()
            .filter_map(|file| {
                let refused = refused(&sql::read(&file.text, dialect))?;
                let place = Span::new(file.file, refused.range.start, refused.range.end);
                Some(finding(&file.text, refused, place))
            })
            .collect();
    }
    // What a template leaves out or puts in is not known yet.
    let Some(text) = statements.text().filter(|text| !text.value.contains("{%")) else {
        return Vec::new();
    };
    let refused = refused(&sql::read(&text.value, dialect)).into_iter();
    refused.map(|refused| finding(&text.value, refused, text.span)).collect()
}

fn finding(text: &str, refused: Refused, place: Span) -> Finding {
    let shown = text[refused.range].lines().next().unwrap_or_default();
    Finding::new(place, format!("`{}` {}", shown.trim(), refused.why)).help(refused.help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::MemoryFolder;
    use crate::lint::testing::{check, check_with};

    fn plan(connection: &str, sql: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ {connection} }} }}\nsteps:\n  - step: a\n    on: main\n    sql: {sql}\n    irreversible: a test of this rule\n"
        )
    }

    #[test]
    fn each_server_has_its_own_ones() {
        let mariadb = "server: mariadb, host: h, database: d";
        let postgres = "server: postgresql, host: h, database: d";
        let sqlite = "file: a.db";
        for (connection, text, message) in [
            (
                mariadb,
                "create table a (id int)",
                "`create table a` cannot run in a transaction of MariaDB",
            ),
            (postgres, "vacuum a", "`vacuum` cannot run in a transaction of PostgreSQL"),
            (
                postgres,
                "begin; delete from a; commit",
                "`begin` meets the transaction that the step has",
            ),
            (
                sqlite,
                "pragma foreign_keys = off; delete from a",
                "`pragma foreign_keys` does nothing inside a transaction",
            ),
        ] {
            check(&RULE, &plan(connection, text), &[&format!("{text}|{message}")]);
            let off = format!("{{ text: {text:?}, transaction: off }}");
            check(&RULE, &plan(connection, &off), &[]);
        }
        for (connection, text) in [
            (mariadb, "delete from a where id = {{ 1 }}"),
            (mariadb, "create temporary table a (id int)"),
            (postgres, "create table a (id int)"),
            (sqlite, "pragma foreign_keys = off"),
        ] {
            check(&RULE, &plan(connection, text), &[]);
        }
    }

    #[test]
    fn files_and_ways_back_are_read_too() {
        let folder = MemoryFolder::default().with("a.sql", "select 1;\n\\i more.sql\n");
        let text = plan("server: postgresql, host: h, database: d", "{ file: a.sql }");
        let back = text
            .replace("irreversible: a test of this rule", "rollback: { on: main, sql: vacuum a }");
        let client =
            "\\i more.sql|`\\i more.sql` is a command of the server's own client, not a statement";
        check_with(&RULE, &text, &folder, None, &[client]);
        let vacuum = "vacuum a|`vacuum` cannot run in a transaction of PostgreSQL";
        check_with(&RULE, &back, &folder, None, &[vacuum, client]);
    }
}
