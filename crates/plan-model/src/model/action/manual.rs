//! `manual`: something that a person does or confirms.

use schemars::JsonSchema;

use super::{ActionFacts, Inverse};
use crate::document::{Node, View};
use crate::model::check::Evidence;
use crate::model::read::{Leaf, Read, Walk, record};
use crate::model::value::{Flag, Text, Time};

record! {
/// Something that a person does, with who may do it and what is handed in.
pub struct ManualKeys {
    /// What is to be done. Example: `Unplug the old server`
    text: Text,
    /// Who does it. Example: `DBA`
    role: Option<Text>,
    /// What is handed in. Example: `text`
    evidence: Option<Evidence>,
    /// The answers to choose from; the first one goes on. Example: `[done, not possible]`
    choices: Option<Vec<Text>>,
    /// Two different people must answer. Example: `true`
    two_people: Option<Flag>,
    /// It may be done after the run has ended, until then it is listed as open. Example: `7d`
    due: Option<Time>,
}
}

/// The instructions alone, or with who and how.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Manual {
    /// The instructions.
    Text(Text),
    /// The instructions, and who and how.
    Full(Box<ManualKeys>),
}

impl Manual {
    pub fn text(&self) -> &Text {
        match self {
            Manual::Text(text) => text,
            Manual::Full(keys) => &keys.text,
        }
    }
}

impl Read for Manual {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Map(_) => Read::read(node).map(Manual::Full),
            _ => Text::read(node).map(Manual::Text),
        }
    }
}

impl Walk for Manual {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        match self {
            Manual::Text(text) => text.walk(see),
            Manual::Full(keys) => keys.walk(see),
        }
    }
}

impl ActionFacts for Manual {
    fn line(&self) -> String {
        let who = match self {
            Manual::Full(keys) => keys.role.as_ref().map(|role| role.value.as_str()),
            Manual::Text(_) => None,
        };
        format!("{}: {}", who.unwrap_or("by hand"), self.text().value.trim_end())
    }

    fn inverse(&self) -> Inverse {
        Inverse::None
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["answer", "by", "evidence"]
    }
}
