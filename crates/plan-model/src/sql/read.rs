//! Finds the facts of one statement: from its words, and for the columns of tables from the parser.
//! Does not know the statements around it.

use std::ops::Range;

use super::fact::{
    Action, Conflict, Delete, Drop, Header, Insert, Name, NewIndex, NewTable, Noted, Object,
    Reading, Reindex, Rows, Statement, TransactionStep, Update,
};
use super::lex::Token;
use super::split::Piece;
use super::words::{Words, list, outer, plain, range_of};
use super::{Dialect, tree};

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
        "insert" | "replace" => insert(words, &verb).map(Action::Insert),
        "update" => update(words).map(Action::Update),
        "delete" => delete(words).map(Action::Delete),
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
        sources: if from_query { sources(text, rest) } else { Vec::new() },
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

fn insert(words: &mut Words<'_>, verb: &str) -> Option<Insert> {
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
fn sources(text: &str, tokens: &[Token]) -> Vec<Name> {
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

fn update(words: &mut Words<'_>) -> Option<Update> {
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

fn delete(words: &mut Words<'_>) -> Option<Delete> {
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

pub(super) fn header(text: &str, comments: &[Range<usize>], first_statement: usize) -> Header {
    let mut header = Header::default();
    let leading = comments.iter().take_while(|comment| comment.end <= first_statement);
    for comment in leading {
        let mut start = comment.start;
        for line in text.get(comment.clone()).unwrap_or("").split_inclusive('\n') {
            header.note(line, start);
            start += line.len();
        }
    }
    header
}

impl Header {
    /// The first note of a kind counts.
    fn note(&mut self, line: &str, start: usize) {
        let shown = line.trim_matches(|sign: char| sign.is_whitespace() || "-#/*=!".contains(sign));
        if shown.is_empty() {
            return;
        }
        let at = start + line.find(shown).unwrap_or(0);
        let (label, value) = shown.split_once(':').unwrap_or(("", shown));
        let slot = match label.trim().to_lowercase().as_str() {
            "auteur" | "auteurs" | "author" | "authors" => &mut self.author,
            "date" => &mut self.date,
            "irreversible" | "irréversible" => &mut self.irreversible,
            _ if self.title.is_none() => {
                self.title = Some(Noted { value: shown.to_owned(), range: at..at + shown.len() });
                return;
            }
            _ => return,
        };
        let value = value.trim();
        if slot.is_none() && !value.is_empty() {
            *slot = Some(Noted { value: value.to_owned(), range: at..at + shown.len() });
        }
    }
}
