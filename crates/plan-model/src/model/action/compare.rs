//! `compare`: a snapshot of data or files, or a comparison with one.

use schemars::JsonSchema;

use super::{ActionFacts, Inverse};
use crate::document::{Node, View};
use crate::model::read::{Leaf, Read, Walk, record, words};
use crate::model::value::{AnyKey, ConnectionRef, Entries, EntryRef, Id, SqlText, Text};

words! {
/// What may have become of a table.
pub enum RuleWord {
    /// Nothing may differ.
    Equal = "equal",
    /// It may only have more rows.
    Grows = "grows",
}
}

record! {
/// A table that became bigger or smaller by a known ratio.
pub struct RatioRule {
    /// The number of rows, divided by that of before, as from..to. Example: `0.95..1.05`
    ratio: Text,
}
}

/// What may have become of a table.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Rule {
    /// `equal` or `grows`.
    Word(RuleWord),
    /// A ratio.
    Ratio(RatioRule),
}

impl Read for Rule {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Map(_) => RatioRule::read(node).map(Rule::Ratio),
            _ => RuleWord::read(node).map(Rule::Word),
        }
    }
}

impl Walk for Rule {
    fn walk<'p>(&'p self, _: &mut dyn FnMut(Leaf<'p>)) {}
}

record! {
/// Takes a snapshot of data or files, or compares with one.
pub struct Compare {
    /// Takes a snapshot under this name. Example: `before`
    snapshot: Option<Id>,
    /// Compares with the snapshot that this step took. Example: `count-before`
    with: Option<EntryRef>,
    /// The connection. Example: `main`
    database: Option<ConnectionRef>,
    /// Tables; all of them unless said. Example: `[orders, customers]`
    tables: Option<Vec<Text>>,
    /// Files and folders. Example: `[storage/]`
    files: Option<Vec<Text>>,
    /// Sums and other values of the business that must stay, by name. Example: `{ revenue: "select sum(total) from orders" }`
    values: Option<Entries<AnyKey, SqlText>>,
    /// What may differ, table by table. Example: `{ audit_log: grows }`
    rules: Option<Entries<AnyKey, Rule>>,
    /// Tables or columns that are not compared. Example: `[sessions]`
    except: Option<Vec<Text>>,
}
}

impl ActionFacts for Compare {
    fn line(&self) -> String {
        let subject = match (&self.database, &self.files) {
            (Some(id), _) => id.value.clone(),
            (None, Some(files)) => {
                files.iter().map(|file| file.value.as_str()).collect::<Vec<_>>().join(", ")
            }
            (None, None) => "the data".to_owned(),
        };
        match (&self.snapshot, &self.with) {
            (_, Some(with)) => format!("compare {subject} with the snapshot of {}", with.value),
            (Some(name), None) => format!("take snapshot {} of {subject}", name.value),
            (None, None) => format!("compare {subject}"),
        }
    }

    fn inverse(&self) -> Inverse {
        Inverse::ReadOnly
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["rows", "tables", "differences"]
    }
}
