//! `sql`: statements on a connection.

use schemars::JsonSchema;

use super::{ActionFacts, Effect, Inverse};
use crate::document::{Node, View};
use crate::model::read::{Leaf, Read, Walk, record, words};
use crate::model::value::{
    AnyKey, ConnectionRef, Count, Entries, Flag, SqlPath, SqlText, Time, Value,
};

/// The statements alone (the connection then stands in `on`), or with how they run.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Sql {
    /// The statements.
    Text(SqlText),
    /// The statements and how they run.
    Full(Box<SqlKeys>),
}

words! {
/// What one transaction holds.
pub enum Transaction {
    /// All statements, where the server can.
    Auto = "auto",
    /// None: for statements that cannot run in one.
    Off = "off",
    /// Each statement its own.
    Each = "each",
}
}

record! {
/// What the statements must have done.
pub struct SqlExpectation {
    /// How many rows the last query must give. Example: `1`
    rows: Option<Count>,
    /// The first value of the last query. Example: `0`
    value: Option<Value>,
    /// The last query must give no row. Example: `true`
    empty: Option<Flag>,
    /// How many rows must have changed, or from..to. Example: `1..5000`
    changed: Option<Value>,
}
}

record! {
/// SQL statements and how they run.
pub struct SqlKeys {
    /// The statements. Example: `update orders set state = 'new' where state is null`
    text: Option<SqlText>,
    /// A file of statements, from the plan's folder. Example: `seeds/01-roles.sql`
    file: Option<SqlPath>,
    /// The connection. Example: `main`
    database: Option<ConnectionRef>,
    /// Values that are bound as `:name`. Example: `{ state: new }`
    values: Option<Entries<AnyKey, Value>>,
    /// What one transaction holds. Example: `auto`
    transaction: Option<Transaction>,
    /// What the statements must have done; otherwise they are taken back. Example: `{ changed: 1..5000 }`
    expect: Option<SqlExpectation>,
    /// How long to wait for a lock; the one who holds it is named then. Example: `2s`
    lock_timeout: Option<Time>,
    /// How long one statement may take. Example: `5m`
    statement_timeout: Option<Time>,
    /// Keeps the rows before they change, so that the step undoes itself. Example: `true`
    save_rows: Option<Flag>,
}
}

impl Sql {
    pub fn keys(&self) -> Option<&SqlKeys> {
        match self {
            Sql::Text(_) => None,
            Sql::Full(keys) => Some(keys),
        }
    }

    pub fn text(&self) -> Option<&SqlText> {
        match self {
            Sql::Text(text) => Some(text),
            Sql::Full(keys) => keys.text.as_ref(),
        }
    }

    /// The statements do not share one transaction.
    pub fn is_outside_transaction(&self) -> bool {
        let said = self.keys().and_then(|keys| keys.transaction);
        matches!(said, Some(Transaction::Off | Transaction::Each))
    }
}

impl Sql {
    /// SQLite's own way to save a database: it copies the whole of it into a new file.
    pub fn saves(&self) -> bool {
        let mut words = self.text().map_or("", |text| &text.value).split_whitespace();
        let mut is = |word: &str| words.next().is_some_and(|next| next.eq_ignore_ascii_case(word));
        is("vacuum") && is("into")
    }
}

impl Read for Sql {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Map(_) => Read::read(node).map(Sql::Full),
            _ => SqlText::read(node).map(Sql::Text),
        }
    }
}

impl Walk for Sql {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        match self {
            Sql::Text(text) => text.walk(see),
            Sql::Full(keys) => keys.walk(see),
        }
    }
}

impl ActionFacts for Sql {
    fn line(&self) -> String {
        match self {
            Sql::Text(text) => text.value.trim_end().to_owned(),
            Sql::Full(keys) => match (&keys.file, &keys.text) {
                (Some(file), _) => format!("the statements of {}", file.value),
                (None, Some(text)) => text.value.trim_end().to_owned(),
                (None, None) => String::new(),
            },
        }
    }

    fn inverse(&self) -> Inverse {
        let saves =
            self.keys().and_then(|keys| keys.save_rows.as_ref()).and_then(|flag| flag.fixed());
        if saves == Some(true) {
            Inverse::Natural("puts the saved rows back".to_owned())
        } else {
            Inverse::None
        }
    }

    fn by_hand(&self) -> String {
        "by hand: the file STEP.rows.json in the run's folder holds each row as it was (`before`) and as it \
         was left (`after`): put them back from its end to its beginning"
            .to_owned()
    }

    fn effects(&self) -> Vec<Effect> {
        if self.saves() {
            return Vec::new();
        }
        let database = self.keys().and_then(|keys| keys.database.as_ref());
        let database = database.map(|id| id.value.clone()).unwrap_or_default();
        vec![Effect::Data { database }]
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["rows", "value", "changed"]
    }
}
