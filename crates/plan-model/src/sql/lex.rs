//! Cuts SQL text into words, strings, quoted names and signs, each with its place.
//! Does not know statements; never fails, and names what was opened and never closed.

use std::ops::Range;

use super::Dialect;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or a plain name.
    Word,
    /// A name in quotes of the dialect.
    Quoted,
    /// A literal in quotes.
    String,
    /// A literal between `$tag$` marks, most often a function body.
    DollarString,
    Number,
    /// The cast `::`.
    Cast,
    Sign(u8),
    /// What ends a statement: `;`, or what a DELIMITER line set.
    Delimiter,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub range: Range<usize>,
}

impl Token {
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.range.clone()).unwrap_or("")
    }

    /// Whether this is the given keyword, in any case; a quoted name never is.
    pub fn is(&self, text: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(text).eq_ignore_ascii_case(word)
    }

    /// The content of a plain literal in quotes.
    pub fn literal<'a>(&self, text: &'a str) -> Option<&'a str> {
        let written = (self.kind == TokenKind::String).then(|| self.text(text))?;
        let inside = written.strip_prefix('\'')?.strip_suffix('\'')?;
        Some(inside).filter(|inside| !inside.contains('\''))
    }

    pub fn is_sign(&self, sign: char) -> bool {
        matches!(self.kind, TokenKind::Sign(byte) if char::from(byte) == sign)
    }

    pub fn is_name(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Quoted)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    String,
    Name,
    Comment,
    DollarString,
}

/// Something opened and never closed; the range runs from the opening to the end of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub what: Unfinished,
    pub range: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
    delimiter: &'a str,
    /// Set once no end mark was found: looking again each time would take quadratic time.
    rows_never_end: bool,
    pub(super) comments: Vec<Range<usize>>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Lexer<'a> {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Lexer {
            text,
            at,
            dialect,
            delimiter: ";",
            rows_never_end: false,
            comments: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn set_delimiter(&mut self, delimiter: &'a str) {
        self.delimiter = delimiter;
    }

    /// The rest of the current line, which a client command takes for itself.
    pub(super) fn take_line(&mut self) -> &'a str {
        let end = self.line_end(self.at);
        let line = &self.text[self.at..end];
        self.at = end;
        line
    }

    /// Jumps over the rows that follow `COPY … FROM stdin;`, if their end mark is there.
    pub(super) fn skip_copied_rows(&mut self) {
        if self.rows_never_end {
            return;
        }
        let mut at = self.line_end(self.at);
        while at < self.text.len() {
            let start = at + 1;
            at = self.line_end(start.min(self.text.len()));
            if self.text.get(start..at).is_some_and(|line| line.trim_end() == "\\.") {
                self.at = at;
                return;
            }
        }
        self.rows_never_end = true;
    }

    pub(super) fn next_token(&mut self) -> Option<Token> {
        self.skip_blank();
        let start = self.at;
        let byte = self.byte(start)?;
        let kind = self.kind(byte);
        Some(Token { kind, range: start..self.at })
    }

    fn kind(&mut self, byte: u8) -> TokenKind {
        let start = self.at;
        if self.text.as_bytes()[start..].starts_with(self.delimiter.as_bytes()) {
            self.at += self.delimiter.len();
            return TokenKind::Delimiter;
        }
        match byte {
            b'\'' => self.string(b'\'', self.dialect.is_mysql_family()),
            b'"' if self.dialect.is_mysql_family() => self.string(b'"', true),
            b'"' => self.quoted(b'"'),
            b'`' if self.dialect != Dialect::PostgreSql => self.quoted(b'`'),
            b'[' if self.dialect == Dialect::Sqlite => self.quoted(b']'),
            b'$' if self.dialect == Dialect::PostgreSql => self.dollar(),
            b':' if self.byte(start + 1) == Some(b':') => {
                self.at += 2;
                TokenKind::Cast
            }
            b'0'..=b'9' => {
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
                TokenKind::Number
            }
            byte if is_word(byte) => self.word(),
            byte => {
                self.at += 1;
                TokenKind::Sign(byte)
            }
        }
    }

    fn word(&mut self) -> TokenKind {
        let start = self.at;
        // A delimiter such as `$$` may follow a word without a space.
        let own = self.delimiter.as_bytes().first().copied();
        self.at += 1;
        self.skip_while(|byte| {
            let inside_character = (0x80..0xc0).contains(&byte);
            inside_character || ((is_word(byte) || byte.is_ascii_digit()) && Some(byte) != own)
        });
        let escapes = self.dialect == Dialect::PostgreSql
            && self.at == start + 1
            && matches!(self.byte(start), Some(b'e' | b'E'))
            && self.byte(self.at) == Some(b'\'');
        if escapes { self.string(b'\'', true) } else { TokenKind::Word }
    }

    fn string(&mut self, quote: u8, escapes: bool) -> TokenKind {
        self.quote(quote, escapes, Unfinished::String);
        TokenKind::String
    }

    fn quoted(&mut self, close: u8) -> TokenKind {
        self.quote(close, false, Unfinished::Name);
        TokenKind::Quoted
    }

    /// A doubled closing quote stands for itself, in every dialect.
    fn quote(&mut self, close: u8, escapes: bool, what: Unfinished) {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.byte(self.at) {
            self.at += 1;
            if escapes && byte == b'\\' {
                self.at += 1;
            } else if byte == close {
                if self.byte(self.at) != Some(close) {
                    return;
                }
                self.at += 1;
            }
        }
        self.unfinished(what, start);
    }

    fn dollar(&mut self) -> TokenKind {
        let start = self.at;
        let rest = &self.text.as_bytes()[start + 1..];
        let name = rest.iter().take_while(|byte| is_word(**byte) || byte.is_ascii_digit());
        let length = name.take_while(|byte| **byte != b'$').count();
        let tagged =
            rest.get(length) == Some(&b'$') && !rest.first().is_some_and(u8::is_ascii_digit);
        if !tagged {
            self.at += 1;
            return TokenKind::Sign(b'$');
        }
        let mark = &self.text[start..start + length + 2];
        let body = start + mark.len();
        match self.text[body..].find(mark) {
            Some(length) => self.at = body + length + mark.len(),
            None => self.unfinished(Unfinished::DollarString, start),
        }
        TokenKind::DollarString
    }

    fn skip_blank(&mut self) {
        loop {
            self.skip_while(|byte| byte.is_ascii_whitespace() || byte == 0x0b);
            let start = self.at;
            let next = self.byte(start + 1);
            match self.byte(start) {
                Some(b'-') if next == Some(b'-') && self.dashes_comment(start) => {
                    self.at = self.line_end(start);
                }
                Some(b'#') if self.dialect.is_mysql_family() => self.at = self.line_end(start),
                Some(b'/') if next == Some(b'*') => self.block_comment(),
                _ => return,
            }
            self.comments.push(start..self.at);
        }
    }

    /// `a--1` is a subtraction for MySQL: there, dashes need a blank behind them.
    fn dashes_comment(&self, start: usize) -> bool {
        let blank = self.byte(start + 2).is_none_or(|byte| byte <= b' ');
        blank || !self.dialect.is_mysql_family()
    }

    fn block_comment(&mut self) {
        let start = self.at;
        self.at += 2;
        let mut depth = 1;
        while let Some(byte) = self.byte(self.at) {
            match (byte, self.byte(self.at + 1)) {
                (b'*', Some(b'/')) => {
                    self.at += 2;
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                (b'/', Some(b'*')) if self.dialect == Dialect::PostgreSql => {
                    self.at += 2;
                    depth += 1;
                }
                _ => self.at += 1,
            }
        }
        // SQLite takes the end of the text as the end of the comment.
        if self.dialect != Dialect::Sqlite {
            self.unfinished(Unfinished::Comment, start);
        }
        self.at = self.text.len();
    }

    fn unfinished(&mut self, what: Unfinished, start: usize) {
        self.at = self.text.len();
        let line = start..self.line_end(start);
        let shown = self.text[line.clone()].trim_end().len().max(1);
        self.problems.push(Problem { what, range: start..start + shown });
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.byte(self.at).is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..].find('\n').map_or(self.text.len(), |length| from + length)
    }
}

/// Bytes of other scripts than ASCII are letters, so that every cut falls between characters.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$' || byte >= 0x80
}
