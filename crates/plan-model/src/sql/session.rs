//! What a script asks of the session that it runs in, and which of its statements nobody can look at from
//! outside: both decide what is known when it ends in its middle.

use super::{Action, Script, Statement, Token, TokenKind};

/// What these statements need that only the session knows in which the ones before them ran.
pub fn remembered(script: &Script, text: &str, rest: &[&Statement]) -> Option<&'static str> {
    let makes_temporary = script.statements.iter().any(
        |statement| matches!(&statement.action, Action::CreateTable(table) if table.temporary),
    );
    if script.dialect.is_mysql_family() && rest.iter().any(|one| has_variable(one)) {
        return Some("variables of the session");
    }
    if rest.iter().any(|one| one.tokens.iter().any(|token| asks_back(token, text))) {
        return Some("what the statement before it did");
    }
    makes_temporary.then_some("temporary tables")
}

/// `@name`; neither `@@name`, which is a setting, nor the `@` of an account.
fn has_variable(statement: &Statement) -> bool {
    let is_at = |token: Option<&Token>| token.is_some_and(|one| one.kind == TokenKind::Sign(b'@'));
    let tokens = &statement.tokens;
    (0..tokens.len()).filter(|at| is_at(tokens.get(*at))).any(|at| {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let touches = before.filter(|before| before.range.end == tokens[at].range.start);
        let is_account = touches.is_some_and(|before| !matches!(before.kind, TokenKind::Sign(_)));
        !is_account && !is_at(touches) && !is_at(tokens.get(at + 1))
    })
}

fn asks_back(token: &Token, text: &str) -> bool {
    ["last_insert_id", "row_count", "found_rows"].iter().any(|call| token.is(text, call))
}

/// Nobody can see from outside what it did.
pub fn is_opaque(statement: &Statement, text: &str) -> bool {
    begins(
        statement,
        text,
        &[
            "call", "load", "do", "select", "with", "begin", "update", "delete", "replace",
            "execute",
        ],
    )
}

/// Changes nothing but its session, which is gone with whatever it set.
pub fn only_prepares(statement: &Statement, text: &str) -> bool {
    // What is set for everybody stays.
    let for_all = ["global", "persist", "persist_only", "password", "role", "default"];
    let stays = |token: &Token| for_all.iter().any(|word| token.is(text, word));
    let prepares = begins(statement, text, &["prepare", "deallocate"]);
    prepares || (statement.is_setting() && !statement.tokens.iter().any(stays))
}

/// Its first word.
pub fn begins(statement: &Statement, text: &str, words: &[&str]) -> bool {
    let first = statement.tokens.first();
    first.is_some_and(|first| words.iter().any(|word| first.is(text, word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, read};

    #[test]
    fn what_is_set_for_everybody_is_not_gone_with_the_session() {
        let prepares = |text: &str| {
            let script = read(text, Dialect::MySql);
            script.statements.iter().map(|one| only_prepares(one, text)).collect::<Vec<_>>()
        };
        let own = "set @old = @@global.max_connections; set session lock_wait_timeout = 5; prepare a from @b;";
        // Read of everybody's: too careful is no harm.
        assert_eq!(prepares(own), [false, true, true]);
        assert_eq!(prepares("set global max_connections = 9; set persist x = 1;"), [false, false]);
        assert_eq!(
            prepares("set password = 'x'; set @@global.x = 1; set @a = 2;"),
            [false, false, true]
        );
    }
}
