//! Values in SQL text: first as marks, so that the place of each can be seen in the whole text, then as
//! what that place takes: a literal, the inside of a string, of a quoted name, of a comment.

use std::ops::Range;

use super::Dialect;
use super::lex::{Lexer, TokenKind};

/// Letters that nobody writes; what stands between them is hexadecimal.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// A value that `settle` puts in; `is_text` unless it is a number, a truth or nothing.
pub fn mark(value: &str, is_text: bool) -> String {
    let mut out = String::with_capacity(value.len() * 2 + 7);
    out.push(OPEN);
    out.push(if is_text { 't' } else { 'n' });
    for byte in value.bytes() {
        for half in [byte >> 4, byte & 15] {
            out.push(char::from_digit(half.into(), 16).unwrap_or('0'));
        }
    }
    out.push(CLOSE);
    out
}

/// The text with each mark replaced by its value, so that it stays one value.
pub fn settle(text: &str, dialect: Dialect) -> Result<String, String> {
    if !text.contains(OPEN) {
        return Ok(text.to_owned());
    }
    let places = places(text, dialect);
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(open) = text[rest..].find(OPEN) {
        let start = rest + open;
        let Some(length) = text[start..].find(CLOSE) else { break };
        let end = start + length + CLOSE.len_utf8();
        out.push_str(&text[rest..start]);
        match value(&text[start + OPEN.len_utf8()..start + length]) {
            None => out.push_str(&text[start..end]),
            Some((value, is_text)) => {
                let place = places.iter().find(|(range, _)| range.contains(&start));
                let place = place.map_or(Place::Bare, |(_, place)| *place);
                out.push_str(&put(&value, is_text, place, dialect)?);
            }
        }
        rest = end;
    }
    out.push_str(&text[rest..]);
    Ok(out)
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Bare,
    /// A literal; with backslashes that mean something, or without.
    String {
        escapes: bool,
    },
    Name(char),
    Comment,
    DollarString,
}

fn places(text: &str, dialect: Dialect) -> Vec<(Range<usize>, Place)> {
    let mut lexer = Lexer::new(text, dialect);
    let mut found = Vec::new();
    while let Some(token) = lexer.next_token() {
        let written = token.text(text);
        let place = match token.kind {
            TokenKind::String => {
                let is_escape_string = written.starts_with(['e', 'E']);
                Place::String { escapes: is_escape_string || has_escapes(dialect) }
            }
            TokenKind::Quoted => match written.chars().next_back() {
                Some(']') => Place::Name(']'),
                Some('`') => Place::Name('`'),
                _ => Place::Name('"'),
            },
            TokenKind::DollarString => Place::DollarString,
            _ => continue,
        };
        found.push((token.range, place));
    }
    found.extend(lexer.comments.drain(..).map(|range| (range, Place::Comment)));
    // Whatever is never closed goes on to the end: nothing behind it is known.
    let open = lexer.problems.drain(..).map(|problem| problem.range.start..text.len());
    let mut places: Vec<_> = open.map(|range| (range, Place::DollarString)).collect();
    places.extend(found);
    places
}

/// Whether a backslash in a plain literal means something.
fn has_escapes(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::MySql | Dialect::MariaDb)
}

fn put(value: &str, is_text: bool, place: Place, dialect: Dialect) -> Result<String, String> {
    let inside = |escapes: bool| {
        let value = if escapes { value.replace('\\', r"\\") } else { value.to_owned() };
        value.replace('\'', "''")
    };
    Ok(match place {
        Place::Bare if is_text => format!("'{}'", inside(has_escapes(dialect))),
        // Behind a minus, another one would begin a comment.
        Place::Bare if value.starts_with('-') => format!("({value})"),
        Place::Bare => value.to_owned(),
        Place::String { escapes } => inside(escapes),
        Place::Name(close) => value.replace(close, &format!("{close}{close}")),
        Place::Comment => {
            value.replace(['\n', '\r'], " ").replace("*/", "* /").replace("/*", "/ *")
        }
        Place::DollarString => {
            return Err("a value cannot be put safely between `$$` or into what is never closed: \
                        hand it over with `values:`"
                .to_owned());
        }
    })
}

fn value(mark: &str) -> Option<(String, bool)> {
    let (kind, digits) = mark.split_at_checked(1)?;
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    Some((String::from_utf8(bytes?).ok()?, kind == "t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, with: &str) -> String {
        settle(&text.replace("{}", &mark(with, true)), Dialect::Sqlite).unwrap()
    }

    #[test]
    fn a_value_stays_one_value_wherever_it_stands() {
        let hostile = "x'); drop table t; --\"`]*/";
        assert_eq!(filled("select {}", hostile), "select 'x''); drop table t; --\"`]*/'");
        assert_eq!(filled("select 'a {} b'", "it's"), "select 'a it''s b'");
        assert_eq!(filled("select '' || {}", "it's"), "select '' || 'it''s'");
        assert_eq!(filled("select \"a{}\"", "b\"c"), "select \"ab\"\"c\"");
        assert_eq!(filled("select 1 -- {}\n, 2", "a\nb"), "select 1 -- a b\n, 2");
        assert_eq!(filled("select 1 /* {} */", "a */ b"), "select 1 /* a * / b */");
        assert!(settle(&format!("select 'a {}", mark("b", true)), Dialect::Sqlite).is_err());
        let text = format!("select $$ {} $$", mark("b", true));
        assert!(settle(&text, Dialect::PostgreSql).is_err());
        let text = format!("select {}, '{}'", mark("a\\", true), mark("b\\", true));
        assert_eq!(settle(&text, Dialect::MySql).unwrap(), r"select 'a\\', 'b\\'");
        assert_eq!(settle(&text, Dialect::PostgreSql).unwrap(), r"select 'a\', 'b\'");
        let number = format!("select {}, '{}'", mark("3", false), mark("3", false));
        assert_eq!(settle(&number, Dialect::Sqlite).unwrap(), "select 3, '3'");
        let negative = format!("select 10-{}", mark("-3", false));
        assert_eq!(settle(&negative, Dialect::Sqlite).unwrap(), "select 10-(-3)");
    }
}
