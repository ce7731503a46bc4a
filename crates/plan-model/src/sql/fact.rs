//! What is known about a statement: the types alone.
//! Does not know how the facts were found, nor whether they are good or bad.

use std::ops::Range;

use super::lex::Token;

/// A note from the comments that head a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub value: String,
    pub range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    pub title: Option<Noted>,
    pub author: Option<Noted>,
    pub date: Option<Noted>,
    /// Why there is no way back: `-- irreversible: …`.
    pub irreversible: Option<Noted>,
}

/// What stands in a script and does not reach the server as a statement, though somebody meant it to
/// have an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    pub what: UnsentKind,
    pub range: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsentKind {
    /// `\\i more.sql`, `.read`: only the server's own client understands it.
    ClientCommand,
    /// `COPY … FROM stdin` with its rows.
    CopiedRows,
    /// `/*!50001 … */`: code for some versions of MySQL.
    CodeInComment,
}

/// How the facts about a statement were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The SQL parser understood it.
    Tree,
    /// Its shape is plain enough for its words to tell all that is known of it.
    Words,
    /// Neither: only the first words are known, and nothing may be concluded from what is absent.
    Unread,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Without the delimiter.
    pub range: Range<usize>,
    /// From the first keyword to the name of what the statement is about.
    pub head: Range<usize>,
    pub tokens: Vec<Token>,
    pub reading: Reading,
    pub action: Action,
    /// Changes what exists, not what it holds.
    pub ddl: bool,
    /// The server refuses it inside a transaction.
    pub outside_transaction: bool,
}

/// The name of a table or of another object, as written and as compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Without quotes, parts joined by points.
    pub shown: String,
    /// Lower case and without the default schema: equal keys, same table.
    pub key: String,
    pub range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    CreateTable(NewTable),
    CreateIndex(NewIndex),
    /// View, trigger, function and so on.
    Create(Object),
    AlterTable {
        table: Name,
        alterations: Vec<Alteration>,
    },
    Alter(Object),
    RenameTables(Vec<(Name, Name)>),
    Drop(Drop),
    Truncate(Vec<Name>),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Transaction(TransactionStep),
    /// The name of the setting, lower case: `lock_timeout`.
    Set(String),
    Pragma(String),
    Vacuum {
        full: bool,
    },
    Reindex(Reindex),
    Cluster,
    Comment,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStep {
    Begin,
    Commit,
    Rollback,
    /// Savepoints, SET TRANSACTION and the like: inside a transaction, not its bounds.
    Within,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// One lower-case word: `view`, `trigger`, `function`.
    pub kind: String,
    pub name: Option<Name>,
    /// IF NOT EXISTS or OR REPLACE.
    pub guarded: bool,
    /// The table a trigger or policy hangs on.
    pub on: Option<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable {
    pub name: Name,
    pub temporary: bool,
    pub guarded: bool,
    pub partitioned: bool,
    pub partition_of: Option<Name>,
    /// None where the parser did not understand the columns, or they come from another table.
    pub shape: Option<Shape>,
    /// Made from a query: CREATE TABLE … AS SELECT.
    pub from_query: bool,
    /// Tables after FROM or JOIN of that query.
    pub sources: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    pub columns: Vec<Column>,
    pub keys: Vec<Key>,
    pub references: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Lower case.
    pub name: String,
    pub range: Range<usize>,
    /// Upper case, with its arguments: `VARCHAR(10)`.
    pub data_type: String,
    /// The server fills it from a sequence: serial, identity.
    pub counted: bool,
    pub default: Option<String>,
    pub stored: bool,
    pub keys: Vec<KeyKind>,
    pub references: Option<Name>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Primary,
    Unique,
    Index,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub kind: KeyKind,
    /// Lower case; expressions as written.
    pub columns: Vec<String>,
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIndex {
    pub name: Option<Name>,
    pub table: Name,
    pub unique: bool,
    pub concurrently: bool,
    pub guarded: bool,
    pub columns: Vec<String>,
    /// Covers only some rows.
    pub partial: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    pub range: Range<usize>,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    AddColumn { column: Column },
    DropColumn { columns: Vec<String>, guarded: bool },
    RenameTable { to: Name },
    RenameColumn { from: String, to: String },
    AddConstraint { constraint: Constraint, checks_rows: bool },
    DropConstraint { name: Option<String>, guarded: bool },
    ChangeType { column: String, to: String, converted: bool },
    SetNotNull { column: String },
    ValidateConstraint,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constraint {
    Key(Key),
    /// A key made of an index that exists already.
    UsingIndex,
    ForeignKey {
        to: Name,
    },
    Check,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    /// One lower-case word: `table`, `index`, `view`, `database`.
    pub kind: String,
    pub names: Vec<Name>,
    /// IF EXISTS.
    pub guarded: bool,
    pub temporary: bool,
    pub concurrently: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    Values,
    /// A query, with the place of `SELECT *` or `SELECT t.*` if it takes all columns unnamed.
    Query {
        filtered: bool,
    },
    Other,
}

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    Fails,
    Handled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert {
    pub table: Name,
    /// Lower case; empty if not named.
    pub columns: Vec<String>,
    pub rows: Rows,
    /// The place of `SELECT *`, if all columns are copied unnamed.
    pub select_star: Option<Range<usize>>,
    /// Places of the values of the first row.
    pub first_row: Vec<Range<usize>>,
    pub conflict: Conflict,
    pub sources: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub table: Name,
    pub columns: Vec<String>,
    pub filtered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    pub table: Name,
    pub filtered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reindex {
    pub concurrently: bool,
    /// `table`, `index`, `database`; empty if not said.
    pub kind: String,
}

impl Statement {
    /// The place of the first run of these keywords, one after the other.
    pub fn find(&self, text: &str, words: &[&str]) -> Option<Range<usize>> {
        let matches =
            |run: &[Token]| run.iter().zip(words).all(|(token, word)| token.is(text, word));
        let run = self.tokens.windows(words.len().max(1)).find(|run| matches(run))?;
        Some(run.first()?.range.start..run.last()?.range.end)
    }

    pub fn has(&self, text: &str, words: &[&str]) -> bool {
        self.find(text, words).is_some()
    }

    /// Changes nothing that lasts: a setting, a savepoint, a bound of a transaction.
    pub fn is_setting(&self) -> bool {
        matches!(self.action, Action::Set(_) | Action::Pragma(_) | Action::Transaction(_))
    }

    /// Loses rows or columns for good: DROP TABLE, DROP COLUMN, TRUNCATE, DELETE without WHERE.
    pub fn is_destructive(&self) -> bool {
        match &self.action {
            Action::Drop(drop) => drop.loses_rows(),
            Action::Truncate(_) => true,
            Action::Delete(delete) => !delete.filtered,
            Action::AlterTable { alterations, .. } => {
                alterations.iter().any(|one| matches!(one.change, Change::DropColumn { .. }))
            }
            _ => false,
        }
    }

    /// The tables that the statement changes or removes; those it only reads are not among them.
    pub fn tables(&self) -> Vec<&Name> {
        match &self.action {
            Action::CreateTable(table) => vec![&table.name],
            Action::CreateIndex(index) => vec![&index.table],
            Action::Create(object) | Action::Alter(object) => object.on.iter().collect(),
            Action::AlterTable { table, .. } => vec![table],
            Action::RenameTables(pairs) => pairs.iter().map(|(from, _)| from).collect(),
            Action::Drop(drop) if drop.kind == "table" => drop.names.iter().collect(),
            Action::Truncate(tables) => tables.iter().collect(),
            Action::Insert(insert) => vec![&insert.table],
            Action::Update(update) => vec![&update.table],
            Action::Delete(delete) => vec![&delete.table],
            _ => Vec::new(),
        }
    }
}

impl Drop {
    pub fn loses_rows(&self) -> bool {
        matches!(self.kind.as_str(), "table" | "schema" | "database") && !self.temporary
    }
}
