//! `packages`: dependencies from a lock file.

use super::{ActionFacts, Effect, Inverse};
use crate::model::read::{record, words};
use crate::model::value::{Flag, Text};

words! {
/// Who installs.
pub enum PackageManager {
    /// composer, from composer.lock.
    Composer = "composer",
    /// pip, from a requirements file with hashes or versions.
    Pip = "pip",
    /// npm, from package-lock.json.
    Npm = "npm",
}
}

record! {
/// Installs dependencies from a lock file.
pub struct Packages {
    /// Who installs. Example: `composer`
    manager: PackageManager,
    /// The folder of the lock file. Example: `app/`
    dir as "in": Option<Text>,
    /// The lock file, where it is not the manager's usual one. Example: `requirements.txt`
    lock: Option<Text>,
    /// The folder that they go to, where it is not the manager's usual one: `vendor`, `node_modules`, `.venv`. Example: `venv`
    into: Option<Text>,
    /// With what only developers and builds need; without it unless said. Example: `true`
    dev: Option<Flag>,
    /// Only fetches, so that nothing is downloaded inside the window: a later step of this run that installs from the same lock needs no network. Example: `true`
    fetch_only: Option<Flag>,
}
}

impl ActionFacts for Packages {
    fn line(&self) -> String {
        let verb = match self.fetch_only.as_ref().and_then(|flag| flag.fixed()) {
            Some(true) => "fetch",
            _ => "install",
        };
        let place = self.dir.as_ref().map_or(String::new(), |dir| format!(" in {}", dir.value));
        format!("{verb} packages of {}{place}", self.manager.word())
    }

    fn inverse(&self) -> Inverse {
        match self.fetch_only.as_ref().and_then(|flag| flag.fixed()) {
            Some(true) => Inverse::Natural("throws away what was fetched".to_owned()),
            _ => Inverse::Natural("puts the packages back that were there".to_owned()),
        }
    }

    fn effects(&self) -> Vec<Effect> {
        if self.fetch_only.as_ref().and_then(|flag| flag.fixed()) == Some(true) {
            return Vec::new();
        }
        let path = self.dir.as_ref().map_or(".".to_owned(), |dir| dir.value.clone());
        vec![Effect::Files { path }]
    }
}
