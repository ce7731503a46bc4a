//! Reads the statements that change rows: INSERT, UPDATE, DELETE.
//! Does not know the tables.

use std::ops::Range;

use super::fact::{Conflict, Delete, Insert, Name, Rows, Update};
use super::lex::Token;
use super::words::{Words, list, outer, plain, range_of};

pub(super) fn insert(words: &mut Words<'_>, verb: &str) -> Option<Insert> {
    let text = words.text;
    let mut handled = verb == "replace";
    if words.take(&["or"]) {
        handled |= words.is_any(&["ignore", "replace"]);
        words.at += 1;
    }
    words.take_any(&["low_priority", "delayed", "high_priority"]);
    handled |= words.take(&["ignore"]);
    if !words.take(&["into"]) && verb == "replace" {
        return None;
    }
    let table = words.name()?;
    let head_end = words.at;
    if words.take(&["as"]) {
        words.name();
    }
    let columns = match words.bracketed() {
        Some(inside) if !starts_query(text, inside) => names_in(text, inside),
        _ => Vec::new(),
    };
    if words.take(&["overriding"]) {
        words.at += 2;
    }
    let rest = words.rest();
    let mut body = *words;
    let rows = if body.take_any(&["values", "value"]) {
        Rows::Values
    } else if body.is_any(&["select", "with"]) || body.peek().is_some_and(|one| one.is_sign('(')) {
        Rows::Query { filtered: rest.iter().any(|token| token.is(text, "exists")) }
    } else {
        Rows::Other
    };
    let first_row = if rows == Rows::Values { body.bracketed().unwrap_or(&[]) } else { &[] };
    let first_row = list(first_row).into_iter().filter_map(range_of).collect();
    let outside: Vec<&Token> = outer(rest).collect();
    handled |= outside.windows(2).any(|two| {
        two[0].is(text, "on") && (two[1].is(text, "conflict") || two[1].is(text, "duplicate"))
    });
    let conflict = if handled { Conflict::Handled } else { Conflict::Fails };
    let is_query = matches!(rows, Rows::Query { .. });
    let select_star = if is_query { select_star(text, rest) } else { None };
    let sources = if is_query { sources(text, rest) } else { Vec::new() };
    words.at = head_end;
    Some(Insert { table, columns, rows, select_star, first_row, conflict, sources })
}

fn starts_query(text: &str, tokens: &[Token]) -> bool {
    let starts = |word| tokens.first().is_some_and(|token| token.is(text, word));
    starts("select") || starts("with") || starts("values")
}

fn names_in(text: &str, tokens: &[Token]) -> Vec<String> {
    let name = |one: &[Token]| one.first().map(|token| plain(text, token).to_lowercase());
    list(tokens).into_iter().filter_map(name).collect()
}

/// The place of `SELECT *` or `SELECT t.*` if nothing else is selected.
fn select_star(text: &str, rest: &[Token]) -> Option<Range<usize>> {
    let open = rest.iter().take_while(|token| token.is_sign('(')).count();
    let rest = rest.get(open..)?;
    let select = rest.first().filter(|token| token.is(text, "select"))?;
    let mut at = 1;
    if rest.get(1)?.is_name() && rest.get(2)?.is_sign('.') {
        at = 3;
    }
    let star = rest.get(at).filter(|token| token.is_sign('*'))?;
    rest.get(at + 1).filter(|token| token.is(text, "from"))?;
    Some(select.range.start..star.range.end)
}

/// The names after FROM and JOIN.
pub(super) fn sources(text: &str, tokens: &[Token]) -> Vec<Name> {
    let mut found = Vec::new();
    let mut words = Words::new(text, tokens);
    while words.peek().is_some() {
        if words.take_any(&["from", "join"]) {
            words.take_any(&["only", "lateral"]);
            found.extend(words.name());
        } else {
            words.at += 1;
        }
    }
    found
}

pub(super) fn update(words: &mut Words<'_>) -> Option<Update> {
    if words.take(&["or"]) {
        words.at += 1;
    }
    words.take_any(&["low_priority"]);
    words.take_any(&["ignore"]);
    words.take(&["only"]);
    let table = words.name()?;
    let head_end = words.at;
    while words.peek().is_some() && !words.is("set") {
        words.at += 1;
    }
    words.take(&["set"]);
    let text = words.text;
    let filtered = outer(words.rest()).any(|token| token.is(text, "where"));
    let columns = names_in(text, words.rest());
    words.at = head_end;
    Some(Update { table, columns, filtered })
}

pub(super) fn delete(words: &mut Words<'_>) -> Option<Delete> {
    words.take_any(&["low_priority"]);
    words.take_any(&["quick"]);
    words.take_any(&["ignore"]);
    if !words.take(&["from"]) {
        return None;
    }
    words.take(&["only"]);
    let table = words.name()?;
    // JOIN, USING and LIMIT choose rows as WHERE does.
    let narrows = |token: &Token| {
        ["where", "join", "limit", "using"].iter().any(|word| token.is(words.text, word))
    };
    let filtered = outer(words.rest()).any(narrows);
    Some(Delete { table, filtered })
}
