//! `wait`: for a time, or until a check holds.

use schemars::JsonSchema;

use super::{ActionFacts, Inverse};
use crate::document::{Node, View};
use crate::model::check::Check;
use crate::model::read::{Leaf, Read, Walk, record};
use crate::model::value::{OpensAt, Setting, Time};

record! {
/// Waits until a check holds or a clock time comes.
pub struct WaitKeys {
    /// The check that must hold. Example: `{ port: 5432 }`
    until: Option<Check>,
    /// A clock time, in the zone of the window, or of this machine where none is told. Example: `"03:00"`
    clock: Option<OpensAt>,
    /// After how long it has failed. Example: `2m`
    at_most: Option<Time>,
    /// How long the check must have held. Example: `5s`
    stable_for: Option<Time>,
}
}

/// A time, or what is waited for.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Wait {
    /// This long.
    Time(Time),
    /// Until something holds.
    Full(Box<WaitKeys>),
}

impl Read for Wait {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Map(_) => Read::read(node).map(Wait::Full),
            _ => Time::read(node).map(Wait::Time),
        }
    }
}

impl Walk for Wait {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        match self {
            Wait::Time(time) => time.walk(see),
            Wait::Full(keys) => keys.walk(see),
        }
    }
}

impl ActionFacts for Wait {
    fn line(&self) -> String {
        match self {
            Wait::Time(time) => match &time.value {
                Setting::Fixed(time) => format!("wait {}", crate::notation::Spoken(*time)),
                Setting::Template(text) => format!("wait {text}"),
            },
            Wait::Full(keys) => match (&keys.until, &keys.clock) {
                (Some(check), _) => format!("wait until {}", crate::model::check::line(check)),
                (None, Some(clock)) => format!("wait until {}", clock.value),
                (None, None) => "wait".to_owned(),
            },
        }
    }

    fn inverse(&self) -> Inverse {
        Inverse::ReadOnly
    }
}
