//! Finds the facts of one statement: from its words, and for the columns of tables from the parser.
//! Does not know the statements around it.

use std::ops::Range;

use super::fact::{
    Action, Change, Drop, Name, NewIndex, NewTable, Object, Reading, Reindex, Statement,
    TransactionStep,
};
use super::lex::Token;
use super::split::Piece;
use super::words::{Words, list, outer, plain, range_of};
use super::{Dialect, rows, tree};

pub(super) fn statement(text: &str, piece: Piece, dialect: Dialect) -> Statement {
    let tokens = piece.tokens;
    let range = range_of(&tokens).unwrap_or(0..0);
    let mut words = Words::new(text, &tokens);
    let found = action(&mut words, &range, dialect);
    let outside_transaction = outside_transaction(text, &tokens, &found.action, dialect);
    let ddl = is_ddl(&found.action);
    let Found { reading, action, head } = found;
    Statement { range, head, reading, action, ddl, outside_transaction, tokens }
}

struct Found {
    reading: Reading,
    action: Action,
    head: Range<usize>,
}

/// Reads as far as the name of what the statement is about, then hands over.
fn action(words: &mut Words<'_>, range: &Range<usize>, dialect: Dialect) -> Found {
    let first = words.tokens.first().map_or(range.clone(), |token| token.range.clone());
    let verb = words.take_word().unwrap_or_default();
    let found = match verb.as_str() {
        "create" => create(words, range, dialect),
        "alter" => alter(words, range, dialect),
        "drop" => drop(words).map(Action::Drop),
        "truncate" => {
            words.take(&["table"]);
            words.take(&["only"]);
            some_names(words).map(Action::Truncate)
        }
        "rename" => rename(words),
        "insert" | "replace" => rows::insert(words, &verb).map(Action::Insert),
        "update" => rows::update(words).map(Action::Update),
        "delete" => rows::delete(words).map(Action::Delete),
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => {
            Some(Action::Transaction(transaction(words, &verb)))
        }
        "set" => set(words),
        "pragma" => words.name().map(|name| Action::Pragma(name.key)),
        "vacuum" => Some(Action::Vacuum { full: outer_has(words, "full") || in_options(words) }),
        "reindex" => Some(Action::Reindex(reindex(words))),
        "cluster" => Some(Action::Cluster),
        "comment" => Some(Action::Comment),
        _ => None,
    };
    let Some(action) = found else {
        return Found { reading: Reading::Unread, action: Action::Other, head: first };
    };
    let reading = match &action {
        Action::CreateTable(table) if table.shape.is_none() && !table.from_query => Reading::Unread,
        Action::AlterTable { alterations, .. }
            if alterations.iter().any(|one| one.change == Change::Other) =>
        {
            Reading::Unread
        }
        Action::CreateTable(_) | Action::AlterTable { .. } => Reading::Tree,
        _ => Reading::Words,
    };
    let simple = matches!(action, Action::Transaction(_) | Action::Vacuum { .. });
    let end = if simple { first.end } else { words.end().clamp(first.end, range.end) };
    Found { reading, action, head: first.start..end }
}

fn create(words: &mut Words<'_>, range: &Range<usize>, dialect: Dialect) -> Option<Action> {
    let replace = words.take(&["or", "replace"]);
    words.take_any(&["global", "local"]);
    let temporary = words.take_any(&["temporary", "temp"]);
    words.take_any(&["unlogged", "virtual", "materialized", "recursive", "constraint"]);
    let unique = words.take_any(&["unique", "fulltext", "spatial"]);
    if words.take(&["definer"]) {
        while words.peek().is_some()
            && !words.is_any(&["trigger", "function", "procedure", "event", "view"])
        {
            words.at += 1;
        }
    }
    let kind = words.take_word()?;
    match kind.as_str() {
        "table" => {
            let guarded = words.take_guard() || replace;
            let name = words.name()?;
            Some(Action::CreateTable(new_table(words, range, dialect, name, temporary, guarded)))
        }
        "index" => new_index(words, unique).map(Action::CreateIndex),
        _ => {
            let guarded = words.take_guard() || replace || temporary;
            let name = words.name();
            Some(Action::Create(Object { on: hangs_on(*words, &kind), kind, name, guarded }))
        }
    }
}

/// The table after ON in `CREATE TRIGGER … ON t`, without moving on.
fn hangs_on(mut words: Words<'_>, kind: &str) -> Option<Name> {
    const BEFORE_ON: usize = 64;
    if !matches!(kind, "trigger" | "policy" | "rule" | "statistics") {
        return None;
    }
    for _ in 0..BEFORE_ON {
        if words.take(&["on"]) {
            return words.name();
        }
        words.peek()?;
        words.at += 1;
    }
    None
}

fn new_table(
    words: &Words<'_>,
    range: &Range<usize>,
    dialect: Dialect,
    name: Name,
    temporary: bool,
    guarded: bool,
) -> NewTable {
    let text = words.text;
    let rest = words.rest();
    let mut after = *words;
    let partition_of = if after.take(&["partition", "of"]) { after.name() } else { None };
    let outside: Vec<&Token> = outer(rest).collect();
    let pair = |first: &str, second: &str| {
        outside.windows(2).any(|two| two[0].is(text, first) && two[1].is(text, second))
    };
    let from_query = outside.iter().any(|token| token.is(text, "select"))
        || pair("as", "table")
        || pair("as", "with");
    NewTable {
        partitioned: pair("partition", "by"),
        partition_of,
        from_query,
        sources: if from_query { rows::sources(text, rest) } else { Vec::new() },
        shape: tree::shape(text, range, words.tokens, dialect),
        name,
        temporary,
        guarded,
    }
}

fn new_index(words: &mut Words<'_>, unique: bool) -> Option<NewIndex> {
    let concurrently = words.take(&["concurrently"]);
    let guarded = words.take_guard();
    let name = if words.is("on") { None } else { words.name() };
    if words.take(&["using"]) {
        words.at += 1;
    }
    if !words.take(&["on"]) {
        return None;
    }
    words.take(&["only"]);
    let table = words.name()?;
    let mut after = *words;
    if after.take(&["using"]) {
        after.at += 1;
    }
    let columns = list(after.bracketed().unwrap_or(&[]));
    let columns =
        columns.into_iter().filter_map(|column| index_column(words.text, column)).collect();
    let partial = outer(after.rest()).any(|token| token.is(words.text, "where"));
    Some(NewIndex { name, table, unique, concurrently, guarded, columns, partial })
}

/// The name of an indexed column, without direction or operator class; expressions as written.
fn index_column(text: &str, tokens: &[Token]) -> Option<String> {
    let first = tokens.first()?;
    let plain_column = first.is_name() && !tokens.get(1).is_some_and(|token| token.is_sign('('));
    let written =
        if plain_column { plain(text, first) } else { text.get(range_of(tokens)?)?.into() };
    Some(written.to_lowercase())
}

fn alter(words: &mut Words<'_>, range: &Range<usize>, dialect: Dialect) -> Option<Action> {
    words.take_any(&["materialized", "foreign", "online", "ignore"]);
    let kind = words.take_word()?;
    words.take_guard();
    if kind != "table" {
        let name = words.name();
        return Some(Action::Alter(Object {
            on: hangs_on(*words, &kind),
            kind,
            name,
            guarded: false,
        }));
    }
    words.take(&["only"]);
    let table = words.name()?;
    let mut after = *words;
    after.take_sign('*');
    let alterations = tree::alterations(words.text, range, after.rest(), dialect);
    Some(Action::AlterTable { table, alterations })
}

fn drop(words: &mut Words<'_>) -> Option<Drop> {
    let temporary = words.take_any(&["temporary", "temp"]);
    words.take_any(&["materialized", "foreign"]);
    let kind = words.take_word()?;
    let concurrently = words.take(&["concurrently"]);
    let guarded = words.take_guard();
    let names = some_names(words)?;
    Some(Drop { kind, names, guarded, temporary, concurrently })
}

fn rename(words: &mut Words<'_>) -> Option<Action> {
    if !words.take(&["table"]) && !words.take(&["tables"]) {
        return None;
    }
    words.take_guard();
    let mut pairs = Vec::new();
    loop {
        let from = words.name()?;
        if !words.take(&["to"]) {
            return None;
        }
        pairs.push((from, words.name()?));
        if !words.take_sign(',') {
            return Some(Action::RenameTables(pairs));
        }
    }
}

fn some_names(words: &mut Words<'_>) -> Option<Vec<Name>> {
    let names = words.names();
    if names.is_empty() { None } else { Some(names) }
}

fn transaction(words: &Words<'_>, verb: &str) -> TransactionStep {
    match verb {
        "begin" | "start" => TransactionStep::Begin,
        "commit" | "end" => TransactionStep::Commit,
        "rollback"
            if words.is("to")
                || words.rest().iter().take(3).any(|one| one.is(words.text, "to")) =>
        {
            TransactionStep::Within
        }
        "rollback" | "abort" => TransactionStep::Rollback,
        _ => TransactionStep::Within,
    }
}

fn set(words: &mut Words<'_>) -> Option<Action> {
    if words.is("transaction") || words.is("constraints") {
        return Some(Action::Transaction(TransactionStep::Within));
    }
    while words.take_sign('@') {}
    words.take_any(&["session", "local", "global"]);
    words.take_sign('.');
    let name = words.name()?;
    let key = name.key.rsplit('.').next().unwrap_or_default().to_owned();
    Some(Action::Set(key))
}

fn outer_has(words: &Words<'_>, word: &str) -> bool {
    outer(words.rest()).any(|token| token.is(words.text, word))
}

/// `VACUUM (FULL, ANALYZE) t`.
fn in_options(words: &Words<'_>) -> bool {
    let mut words = *words;
    let options = words.bracketed().unwrap_or(&[]);
    options.iter().any(|token| token.is(words.text, "full"))
}

fn reindex(words: &mut Words<'_>) -> Reindex {
    let options = words.bracketed().unwrap_or(&[]);
    let mut concurrently = options.iter().any(|token| token.is(words.text, "concurrently"));
    let mut kind = String::new();
    for known in ["table", "index", "schema", "database", "system"] {
        if words.take(&[known]) {
            kind = known.to_owned();
        }
    }
    concurrently |= words.take(&["concurrently"]);
    words.name();
    Reindex { concurrently, kind }
}

fn is_ddl(action: &Action) -> bool {
    match action {
        // A temporary table ends no transaction and is gone with the session.
        Action::CreateTable(table) => !table.temporary,
        Action::Drop(drop) => !drop.temporary,
        Action::CreateIndex(_)
        | Action::Create(_)
        | Action::AlterTable { .. }
        | Action::Alter(_)
        | Action::RenameTables(_)
        | Action::Truncate(_)
        | Action::Comment => true,
        _ => false,
    }
}

/// What the servers answer with "cannot run inside a transaction block" or its like.
fn outside_transaction(text: &str, tokens: &[Token], action: &Action, dialect: Dialect) -> bool {
    let is_server_wide = |kind: &str| matches!(kind, "database" | "tablespace" | "system");
    match (dialect, action) {
        (Dialect::PostgreSql | Dialect::Sqlite, Action::Vacuum { .. }) => true,
        (Dialect::PostgreSql, Action::CreateIndex(index)) => index.concurrently,
        (Dialect::PostgreSql, Action::Drop(drop)) => {
            drop.concurrently || is_server_wide(&drop.kind)
        }
        (Dialect::PostgreSql, Action::Reindex(reindex)) => {
            reindex.concurrently
                || matches!(reindex.kind.as_str(), "schema" | "database" | "system")
        }
        (Dialect::PostgreSql, Action::Create(object)) => is_server_wide(&object.kind),
        (Dialect::PostgreSql, Action::Alter(object)) => object.kind == "system",
        (Dialect::PostgreSql, Action::AlterTable { .. }) => {
            let word = |word| tokens.iter().any(|token| token.is(text, word));
            word("detach") && word("concurrently")
        }
        (Dialect::Sqlite, Action::Pragma(name)) => {
            // Asking for the mode is harmless, setting it is refused.
            name == "journal_mode" && tokens.iter().any(|token| token.is_sign('='))
        }
        _ => false,
    }
}
