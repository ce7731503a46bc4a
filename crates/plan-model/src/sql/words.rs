//! Walks over the tokens of one statement: keywords, names, brackets, lists.
//! Does not know what the statement means.

use std::ops::Range;

use super::fact::Name;
use super::lex::{Token, TokenKind};

#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub text: &'a str,
    pub tokens: &'a [Token],
    pub at: usize,
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token]) -> Words<'a> {
        Words { text, tokens, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is(self.text, word))
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Steps over these keywords if they all stand here, one after the other.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let here = self.tokens.get(self.at..).unwrap_or(&[]);
        let all = here.len() >= words.len()
            && here.iter().zip(words).all(|(token, word)| token.is(self.text, word));
        if all {
            self.at += words.len();
        }
        all
    }

    pub(super) fn take_any(&mut self, words: &[&str]) -> bool {
        let any = self.is_any(words);
        if any {
            self.at += 1;
        }
        any
    }

    pub(super) fn take_sign(&mut self, sign: char) -> bool {
        let here = self.peek().is_some_and(|token| token.is_sign(sign));
        if here {
            self.at += 1;
        }
        here
    }

    pub(super) fn take_word(&mut self) -> Option<String> {
        let token = self.peek().filter(|token| token.kind == TokenKind::Word)?;
        self.at += 1;
        Some(token.text(self.text).to_ascii_lowercase())
    }

    /// IF EXISTS, or IF NOT EXISTS.
    pub(super) fn take_guard(&mut self) -> bool {
        self.take(&["if", "exists"]) || self.take(&["if", "not", "exists"])
    }

    pub(super) fn name(&mut self) -> Option<Name> {
        let first = self.peek().filter(|token| token.is_name())?;
        let mut parts = vec![plain(self.text, first)];
        let mut end = first.range.end;
        self.at += 1;
        while self.peek().is_some_and(|token| token.is_sign('.')) {
            let Some(part) = self.tokens.get(self.at + 1).filter(|token| token.is_name()) else {
                break;
            };
            parts.push(plain(self.text, part));
            end = part.range.end;
            self.at += 2;
        }
        Some(Name::of(&parts, first.range.start..end))
    }

    /// Names between commas.
    pub(super) fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            self.take_sign('*');
            if !self.take_sign(',') {
                break;
            }
        }
        names
    }

    /// What stands between the bracket that opens here and its closing one, which is stepped over.
    pub(super) fn bracketed(&mut self) -> Option<&'a [Token]> {
        if !self.take_sign('(') {
            return None;
        }
        let start = self.at;
        let mut depth = 1usize;
        while let Some(token) = self.peek() {
            depth = deeper(depth, token);
            if depth == 0 {
                let inside = &self.tokens[start..self.at];
                self.at += 1;
                return Some(inside);
            }
            self.at += 1;
        }
        None
    }

    pub(super) fn rest(&self) -> &'a [Token] {
        self.tokens.get(self.at..).unwrap_or(&[])
    }

    /// Where the text read so far ends.
    pub(super) fn end(&self) -> usize {
        let last = self.tokens.get(self.at.saturating_sub(1)).or(self.tokens.last());
        last.map_or(0, |token| token.range.end)
    }
}

impl Name {
    pub(super) fn of(parts: &[String], range: Range<usize>) -> Name {
        let shown = parts.join(".");
        let lower = shown.to_lowercase();
        let default = ["public.", "main."].iter().find_map(|schema| lower.strip_prefix(schema));
        Name { key: default.unwrap_or(&lower).to_owned(), shown, range }
    }
}

/// A name without its quotes.
pub(super) fn plain(text: &str, token: &Token) -> String {
    let written = token.text(text);
    if token.kind != TokenKind::Quoted {
        return written.to_owned();
    }
    let mut inside = written.chars();
    let close = inside.next_back();
    inside.next();
    match close {
        Some(quote) if quote != ']' => {
            inside.as_str().replace(&format!("{quote}{quote}"), &quote.to_string())
        }
        _ => inside.as_str().to_owned(),
    }
}

/// The pieces between the commas that stand outside of brackets.
pub(super) fn list(tokens: &[Token]) -> Vec<&[Token]> {
    if tokens.is_empty() {
        return Vec::new();
    }
    let mut depth = 0usize;
    let outer_comma = |token: &Token| {
        depth = deeper(depth, token);
        depth == 0 && token.is_sign(',')
    };
    tokens.split(outer_comma).collect()
}

/// The tokens outside of brackets.
pub(super) fn outer(tokens: &[Token]) -> impl Iterator<Item = &Token> {
    let mut depth = 0usize;
    tokens.iter().filter(move |token| {
        let before = depth;
        depth = deeper(depth, token);
        before == 0 && depth == 0
    })
}

pub(super) fn range_of(tokens: &[Token]) -> Option<Range<usize>> {
    Some(tokens.first()?.range.start..tokens.last()?.range.end)
}

fn deeper(depth: usize, token: &Token) -> usize {
    match token.kind {
        TokenKind::Sign(b'(' | b'[') => depth + 1,
        TokenKind::Sign(b')' | b']') => depth.saturating_sub(1),
        _ => depth,
    }
}
