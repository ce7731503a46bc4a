//! `maintenance`: the application's maintenance mode.

use schemars::JsonSchema;

use super::{ActionFacts, Effect, Inverse};
use crate::document::{Node, View};
use crate::model::read::{Leaf, Read, Walk, record, words};
use crate::model::value::{ShellText, Text, Time};

words! {
/// Which way it goes.
pub enum Turn {
    /// Users are kept out.
    On = "on",
    /// Users come back.
    Off = "off",
}
}

words! {
/// How the application is told.
pub enum MaintenanceKind {
    /// `php artisan down` and `up`.
    Laravel = "laravel",
    /// A flag file that the web server looks for.
    File = "file",
    /// The commands that `commands` gives.
    Command = "command",
}
}

record! {
/// Commands that tell the application.
pub struct MaintenanceCommands {
    /// Turns it on. Example: `./maintenance on`
    on: ShellText,
    /// Turns it off. Example: `./maintenance off`
    off: ShellText,
    /// Exits with 0 when it is on. Example: `./maintenance is-on`
    status: ShellText,
}
}

record! {
/// Maintenance mode and how the application is told.
pub struct MaintenanceKeys {
    /// Which way it goes. Example: `on`
    turn: Turn,
    /// How the application is told; `laravel` where there is an artisan, else `file`. Example: `laravel`
    kind: Option<MaintenanceKind>,
    /// The application's folder. Example: `app/`
    dir as "in": Option<Text>,
    /// The flag file. Example: `/srv/shop/maintenance.flag`
    file: Option<Text>,
    /// What users read. Example: `We are back at 05:00`
    message: Option<Text>,
    /// What browsers are told to wait. Example: `60s`
    retry_after: Option<Time>,
    /// A path that testers may use meanwhile. Example: `{{ bypass }}`
    bypass: Option<Text>,
    /// The commands that tell the application. Example: `{ on: ./maintenance on, off: ./maintenance off, status: ./maintenance is-on }`
    commands: Option<MaintenanceCommands>,
}
}

/// The word alone, or with how the application is told.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Maintenance {
    /// `on` or `off`.
    Turn(Turn),
    /// With how the application is told.
    Full(Box<MaintenanceKeys>),
}

impl Maintenance {
    pub fn turn(&self) -> Turn {
        match self {
            Maintenance::Turn(turn) => *turn,
            Maintenance::Full(keys) => keys.turn,
        }
    }
}

impl Read for Maintenance {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Map(_) => Read::read(node).map(Maintenance::Full),
            _ => Turn::read(node).map(Maintenance::Turn),
        }
    }
}

impl Walk for Maintenance {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        if let Maintenance::Full(keys) = self {
            keys.walk(see);
        }
    }
}

impl ActionFacts for Maintenance {
    fn line(&self) -> String {
        format!("maintenance mode {}", self.turn().word())
    }

    fn inverse(&self) -> Inverse {
        Inverse::Natural(match self.turn() {
            Turn::On => "lifts maintenance mode, last and only when the checks hold".to_owned(),
            Turn::Off => "turns maintenance mode on again".to_owned(),
        })
    }

    fn by_hand(&self) -> String {
        "by hand: STEP.maintenance.json in the run's folder says whether it was on; kept/STEP holds the flag \
         as it was, where there was one"
            .to_owned()
    }

    fn effects(&self) -> Vec<Effect> {
        vec![Effect::Services { name: "maintenance mode".to_owned() }]
    }
}
