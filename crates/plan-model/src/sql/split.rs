//! Cuts a script into statements, as the server or its command-line client would.
//! Does not know what a statement means, beyond where its body of statements ends.

use std::ops::Range;

use super::Dialect;
use super::fact::{Unsent, UnsentKind};
use super::lex::{Lexer, Problem, Token, TokenKind};

#[derive(Debug)]
pub(super) struct Piece {
    pub tokens: Vec<Token>,
}

#[derive(Debug)]
pub(super) struct Split {
    pub pieces: Vec<Piece>,
    pub comments: Vec<Range<usize>>,
    pub problems: Vec<Problem>,
    pub first_statement: usize,
    pub unsent: Vec<Unsent>,
}

/// A statement is known by its first words; hostile texts must not make us look at all of them.
const LEADING_TOKENS: usize = 16;

pub(super) fn split(text: &str, dialect: Dialect) -> Split {
    let mut lexer = Lexer::new(text, dialect);
    let mut pieces = Vec::new();
    let mut body = Body::default();
    let mut tokens: Vec<Token> = Vec::new();
    let mut unsent = Vec::new();
    while let Some(mut token) = lexer.next_token() {
        if tokens.is_empty() && client_command(text, dialect, &mut lexer, &token) {
            let line = text[token.range.start..].lines().next().unwrap_or("").trim_end();
            if !is_harmless(line) {
                let range = token.range.start..token.range.start + line.len();
                unsent.push(Unsent { what: UnsentKind::ClientCommand, range });
            }
            continue;
        }
        body.note(text, dialect, &tokens, &token);
        if token.kind != TokenKind::Delimiter {
            tokens.push(token);
        } else if body.is_open() {
            token.kind = TokenKind::Sign(b';');
            tokens.push(token);
        } else {
            if reads_rows(text, dialect, &tokens) {
                lexer.skip_copied_rows();
                let range = tokens[0].range.start..token.range.end;
                unsent.push(Unsent { what: UnsentKind::CopiedRows, range });
            }
            finish(&mut pieces, &mut tokens);
            body = Body::default();
        }
    }
    finish(&mut pieces, &mut tokens);
    let start = |piece: &Piece| piece.tokens.first().map(|token| token.range.start);
    let first_statement = pieces.first().and_then(start).unwrap_or(text.len());
    if dialect.is_mysql_family() {
        let is_code = |range: &&Range<usize>| {
            let comment = &text[(*range).clone()];
            comment.starts_with("/*!") || comment.starts_with("/*M!")
        };
        let code = lexer.comments.iter().filter(is_code).cloned();
        unsent.extend(code.map(|range| Unsent { what: UnsentKind::CodeInComment, range }));
    }
    let (comments, problems) = (lexer.comments, lexer.problems);
    Split { pieces, comments, problems, first_statement, unsent }
}

/// Commands that only change what their client shows, or what it does after an error.
fn is_harmless(line: &str) -> bool {
    const HARMLESS: [&str; 9] = [
        "delimiter",
        "\\set on_error_stop",
        "\\echo",
        "\\qecho",
        "\\timing",
        "\\pset",
        "\\x",
        ".bail on",
        ".headers",
    ];
    let line = line.to_ascii_lowercase();
    HARMLESS.iter().any(|harmless| line.starts_with(harmless))
}

fn finish(pieces: &mut Vec<Piece>, tokens: &mut Vec<Token>) {
    if !tokens.is_empty() {
        pieces.push(Piece { tokens: std::mem::take(tokens) });
    }
}

/// Lines for the client and not for the server: `DELIMITER //`, `\connect`, `.read`.
fn client_command<'a>(
    text: &'a str,
    dialect: Dialect,
    lexer: &mut Lexer<'a>,
    token: &Token,
) -> bool {
    if dialect.is_mysql_family() && token.is(text, "delimiter") {
        let wanted = lexer.take_line().split_ascii_whitespace().next();
        lexer.set_delimiter(wanted.unwrap_or(";"));
        return true;
    }
    let sign = match dialect {
        Dialect::PostgreSql => '\\',
        Dialect::Sqlite => '.',
        Dialect::MySql | Dialect::MariaDb => return false,
    };
    if token.is_sign(sign) {
        lexer.take_line();
        return true;
    }
    false
}

fn reads_rows(text: &str, dialect: Dialect, tokens: &[Token]) -> bool {
    let from_stdin = |pair: &[Token]| pair[0].is(text, "from") && pair[1].is(text, "stdin");
    dialect == Dialect::PostgreSql
        && tokens.first().is_some_and(|token| token.is(text, "copy"))
        && tokens.windows(2).any(from_stdin)
}

/// Whether a delimiter now would stand inside the body of a routine, trigger or rule.
#[derive(Debug, Default)]
struct Body {
    depth: usize,
    brackets: usize,
    in_rule: bool,
    after_end: bool,
    after_begin: bool,
}

impl Body {
    fn is_open(&self) -> bool {
        self.depth > 0 || (self.in_rule && self.brackets > 0)
    }

    fn note(&mut self, text: &str, dialect: Dialect, before: &[Token], token: &Token) {
        let is = |word| token.is(text, word);
        if std::mem::take(&mut self.after_begin) && (dialect != Dialect::PostgreSql || is("atomic"))
        {
            self.depth += 1;
        }
        if std::mem::take(&mut self.after_end) {
            // END IF and its like close what was never counted; END CASE closes a CASE.
            if ["if", "loop", "while", "repeat"].into_iter().any(is) {
                return;
            }
            self.depth = self.depth.saturating_sub(1);
            if is("case") {
                return;
            }
        }
        match token.kind {
            TokenKind::Sign(b'(') => self.brackets += 1,
            TokenKind::Sign(b')') => self.brackets = self.brackets.saturating_sub(1),
            TokenKind::Word if is("begin") => {
                self.after_begin = self.depth > 0 || has_body(text, before);
            }
            TokenKind::Word if self.depth > 0 && is("case") => self.depth += 1,
            TokenKind::Word if self.depth > 0 && is("end") => self.after_end = true,
            TokenKind::Word if before.len() < 4 && is("rule") => {
                self.in_rule = before.first().is_some_and(|first| first.is(text, "create"));
            }
            _ => {}
        }
    }
}

fn has_body(text: &str, before: &[Token]) -> bool {
    const OWNERS: [&str; 4] = ["trigger", "function", "procedure", "event"];
    let owner = |token: &Token| OWNERS.into_iter().any(|word| token.is(text, word));
    before.first().is_some_and(|token| token.is(text, "create"))
        && before.iter().take(LEADING_TOKENS).any(owner)
}
