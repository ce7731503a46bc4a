//! What a script is, as far as it decides how it runs.

use std::ops::Range;

use plan_model::migration::Migration;
use plan_model::sql::{self, Action, Dialect, Script, TransactionStep};

use crate::actions;
use crate::event::Failure;
use crate::world::error;

/// Only makes, changes and takes away tables and indexes: such a script sets nothing in its session.
pub fn is_plain(migration: &Migration) -> bool {
    migration.sql.script.statements.iter().all(|one| {
        matches!(
            one.action,
            Action::CreateTable(_)
                | Action::CreateIndex(_)
                | Action::AlterTable { .. }
                | Action::RenameTables(_)
                | Action::Drop(_)
                | Action::Comment
        )
    })
}

/// Scripts that the server cannot hold in one transaction.
pub fn is_stepwise(script: &Script, dialect: Dialect) -> bool {
    dialect.is_mysql_family() || script.statements.iter().any(|one| one.outside_transaction)
}

/// What it does, without the bounds of its transaction.
pub fn works(migration: &Migration, dialect: Dialect) -> Vec<&sql::Statement> {
    let script = &migration.sql.script;
    script.statements[body(script, dialect)].iter().filter(|one| !is_bound(&one.action)).collect()
}

/// All but what sets the session before a transaction and after it, on a server that wants it there.
pub fn body(script: &Script, dialect: Dialect) -> Range<usize> {
    let count = script.statements.len();
    if dialect != Dialect::Sqlite {
        return 0..count;
    }
    let is_setting = |one: &&sql::Statement| matches!(one.action, Action::Pragma(_));
    let before = script.statements.iter().take_while(is_setting).count();
    let after = script.statements.iter().rev().take_while(is_setting).count();
    let ends = script.statements.iter().rev().nth(after).is_some_and(|one| is_bound(&one.action));
    before..if ends { count - after } else { count }
}

#[derive(Debug, PartialEq, Eq)]
enum Bounds {
    None,
    /// One transaction around all of it.
    Whole,
    Odd,
}

fn is_bound(action: &Action) -> bool {
    use TransactionStep::{Begin, Commit, Rollback};
    matches!(action, Action::Transaction(Begin | Commit | Rollback))
}

fn bounds(script: &Script, dialect: Dialect) -> Bounds {
    let body = &script.statements[body(script, dialect)];
    let bounds: Vec<_> = body
        .iter()
        .enumerate()
        .filter(|(_, statement)| is_bound(&statement.action))
        .map(|(at, statement)| (at, &statement.action))
        .collect();
    // Settings may stand before it.
    let first = body.iter().position(|one| !one.is_setting() || is_bound(&one.action));
    match bounds[..] {
        [] => Bounds::None,
        [
            (begin, Action::Transaction(TransactionStep::Begin)),
            (end, Action::Transaction(TransactionStep::Commit)),
        ] if Some(begin) == first && end + 1 == body.len() => Bounds::Whole,
        _ => Bounds::Odd,
    }
}

/// Seen before the first script of the step has run.
pub fn can_run(dialect: Dialect, migration: &Migration) -> Result<(), Failure> {
    let name = &migration.sql.name;
    let script = &migration.sql.script;
    if let Some(problem) = script.problems.first() {
        let line = migration.sql.text[..problem.range.start].matches('\n').count() + 1;
        return Err(error(format!("{name}: what is opened in line {line} is never closed")));
    }
    actions::sql::refuse(&migration.sql.text, script.not_sent())
        .map_err(|failure| error(format!("{name}: {}", failure.text)))?;
    let late = script.statements[body(script, dialect)].iter().find(|one| {
        matches!(&one.action, Action::Pragma(name) if name == "foreign_keys" || name == "journal_mode")
    });
    if let Some(late) = late.filter(|_| dialect == Dialect::Sqlite) {
        let shown = migration.sql.text[late.range.clone()].trim();
        return Err(error(format!(
            "{name}: `{shown}` does nothing inside a transaction: put it before all else"
        )));
    }
    let locks = script.statements.iter().any(|one| {
        let word = |at: usize, word: &str| {
            one.tokens.get(at).is_some_and(|token| token.is(&migration.sql.text, word))
        };
        word(0, "lock") && (word(1, "tables") || word(1, "table"))
    });
    if locks && dialect.is_mysql_family() {
        return Err(error(format!(
            "{name}: LOCK TABLES would lock out what is written down of each statement: leave it out"
        )));
    }
    if bounds(script, dialect) == Bounds::Odd {
        return Err(error(format!(
            "{name}: it begins and ends transactions of its own: one BEGIN as its first and one \
             COMMIT as its last statement will do, or none"
        )));
    }
    Ok(())
}
