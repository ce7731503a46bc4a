//! `restore`: brings a named backup back, beside the live data, then swaps.

use super::{ActionFacts, Effect, Inverse};
use crate::model::read::{record, words};
use crate::model::value::{ConnectionRef, EntryRef, Flag, Text};

words! {
/// How the restored data takes its place.
pub enum RestoreMode {
    /// Loaded beside the live data, compared, then swapped.
    Swap = "swap",
    /// Loaded beside the live data and left there.
    Scratch = "scratch",
}
}

record! {
/// Brings a backup back.
pub struct Restore {
    /// The step of this plan that took it. Example: `save-database`
    step: Option<EntryRef>,
    /// Its id in the catalogue; there is no "latest". Example: `{{ backup_id }}`
    id: Option<Text>,
    /// The connection whose database it becomes. Example: `main`
    database: Option<ConnectionRef>,
    /// The folder that saved files are put back into; where they came from unless said. Example: `app/`
    to: Option<Text>,
    /// How it takes its place; `swap` unless said. Example: `swap`
    mode: Option<RestoreMode>,
    /// A person must type the name of the database first. Example: `true`
    confirm: Option<Flag>,
}
}

impl ActionFacts for Restore {
    fn line(&self) -> String {
        let what = match (&self.step, &self.id) {
            (Some(step), _) => format!("the backup of step {}", step.value),
            (None, Some(id)) => format!("backup {}", id.value),
            (None, None) => "a backup".to_owned(),
        };
        let into = self.database.as_ref().map_or(String::new(), |id| format!(" into {}", id.value));
        match self.mode {
            Some(RestoreMode::Scratch) => format!("restore {what} beside the live data"),
            _ => format!("restore {what}{into}"),
        }
    }

    fn inverse(&self) -> Inverse {
        Inverse::Natural(match self.mode {
            Some(RestoreMode::Scratch) => "removes the copy".to_owned(),
            _ => "swaps back to the data that was there, saved before".to_owned(),
        })
    }

    fn by_hand(&self) -> String {
        "by hand: what was live before bears another name (…_before_…, ….before-… or .plan-before-…; the \
         step's log tells it): give the restored data a name of their own, and that one back its name"
            .to_owned()
    }

    fn effects(&self) -> Vec<Effect> {
        if self.mode == Some(RestoreMode::Scratch) {
            return Vec::new();
        }
        match (&self.database, &self.to) {
            (Some(id), _) => vec![Effect::Data { database: id.value.clone() }],
            (None, Some(to)) => vec![Effect::Files { path: to.value.clone() }],
            (None, None) => Vec::new(),
        }
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["age", "lost_rows", "beside"]
    }
}
