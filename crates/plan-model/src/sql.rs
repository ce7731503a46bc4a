//! What a SQL script does, as facts: which statements, on which tables, under which conditions.
//! Does not know versions, rules or servers; a statement it cannot read is no fault of the user's.

mod change;
mod fact;
mod header;
mod lex;
mod read;
mod refused;
mod rows;
pub mod session;
mod split;
mod tree;
pub mod values;
mod words;

pub use change::{ChangeKind, RowChange, row_change};
pub use fact::{
    Action, Alteration, Change, Column, Conflict, Constraint, Delete, Drop, Header, Insert, Key,
    KeyKind, Name, NewIndex, NewTable, Noted, Object, Reading, Reindex, Rows, Shape, Statement,
    TransactionStep, Unsent, UnsentKind, Update,
};
pub use lex::{Problem, Token, TokenKind, Unfinished};
pub use refused::Refused;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    PostgreSql,
    MySql,
    MariaDb,
    Sqlite,
}

impl Dialect {
    pub fn title(self) -> &'static str {
        match self {
            Dialect::PostgreSql => "PostgreSQL",
            Dialect::MySql => "MySQL",
            Dialect::MariaDb => "MariaDB",
            Dialect::Sqlite => "SQLite",
        }
    }

    /// MySQL and MariaDB share their lexical rules and commit before each DDL statement.
    pub fn is_mysql_family(self) -> bool {
        matches!(self, Dialect::MySql | Dialect::MariaDb)
    }

    /// The dialect whose lexical rules fit a text of unknown origin best.
    pub fn likely(text: &str) -> Dialect {
        let lower = text.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if lower.contains("$$") {
            Dialect::PostgreSql
        } else if has(&["auto_increment", "engine=", "on duplicate key", "delimiter "]) {
            Dialect::MySql
        } else if has(&["autoincrement", "pragma ", "insert or "]) {
            Dialect::Sqlite
        } else if lower.contains('`') {
            Dialect::MySql
        } else {
            Dialect::PostgreSql
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub dialect: Dialect,
    pub header: Header,
    pub statements: Vec<Statement>,
    /// Strings, comments and quotes that are opened and never closed.
    pub problems: Vec<Problem>,
    /// What whoever sends the statements would leave out.
    pub unsent: Vec<Unsent>,
}

impl Script {
    /// Whether the script holds only statements that the server refuses inside a transaction,
    /// apart from settings: such a script is to be run without one.
    pub fn runs_outside_transaction(&self) -> bool {
        let works = || self.statements.iter().filter(|one| !one.is_setting());
        works().next().is_some() && works().all(|one| one.outside_transaction)
    }
}

pub fn read(text: &str, dialect: Dialect) -> Script {
    let split = split::split(text, dialect);
    let statements =
        split.pieces.into_iter().map(|piece| read::statement(text, piece, dialect)).collect();
    let header = header::read(text, &split.comments, split.first_statement);
    Script { dialect, header, statements, problems: split.problems, unsent: split.unsent }
}

/// The text with each `:name` replaced by its literal; strings, quoted names and comments stay.
pub fn with_values(text: &str, dialect: Dialect, literals: &[(&str, String)]) -> String {
    let mut lexer = lex::Lexer::new(text, dialect);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut sign_end = None;
    while let Some(token) = lexer.next_token() {
        if token.is_sign(':') {
            sign_end = Some(token.range.end);
            continue;
        }
        let behind_sign = sign_end.take() == Some(token.range.start);
        let literal = literals.iter().find(|(name, _)| *name == token.text(text));
        if behind_sign && let Some((_, literal)) = literal {
            out.push_str(&text[done..token.range.start - 1]);
            out.push_str(literal);
            done = token.range.end;
        }
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests;
