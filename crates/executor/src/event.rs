//! What happened, as facts: the journal is made of these, and whoever listens hears the same.
//! Holds no secret: whoever makes an event has covered them.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Moment;
use crate::state::RunState;

/// The id of a step or checkpoint, as in the plan.
pub type EntryId = Arc<str>;

/// Values that later steps may name.
pub type Outputs = Map<String, Value>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first of every run.
    RunStarted(Box<RunStarted>),
    /// What a rollback must bring back, as it was before anything was touched.
    StateRecorded {
        state: Value,
    },
    /// Intent: durable before the step acts.
    Started {
        entry: EntryId,
        attempt: u32,
    },
    Done {
        entry: EntryId,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Outputs,
    },
    Failed {
        entry: EntryId,
        failure: Failure,
        then: Then,
    },
    Skipped {
        entry: EntryId,
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Found running after a crash.
    Interrupted {
        entry: EntryId,
        /// What is known about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    FoundDone {
        entry: EntryId,
        how: String,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Outputs,
    },
    FoundUndone {
        entry: EntryId,
        how: String,
        /// A part of it may be there all the same: it goes on from there, and the way back takes it along.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partly: bool,
    },
    /// A watch of a phase does not hold any more.
    Tripped {
        phase: Arc<str>,
        failure: Failure,
        then: Then,
    },
    /// It waits for a person.
    Asking {
        entry: EntryId,
        question: usize,
        text: String,
        /// What may be answered; the first one lets it go on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        choices: Vec<String>,
        /// The first one is typed out, and never taken for granted.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        typed: bool,
    },
    /// A person answered a question of this entry.
    Answered {
        entry: EntryId,
        question: usize,
        answer: Answer,
    },
    /// A person wants the run undone; it begins when nothing runs any more.
    RollbackAsked {
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<EntryId>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        past_irreversible: bool,
    },
    RollbackBegan {
        why: String,
        /// Only what does not lie before this checkpoint.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<EntryId>,
        /// Also what lies before a step that cannot be undone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        past_irreversible: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Intent: durable before the rollback step acts.
    UndoStarted {
        entry: EntryId,
        part: u32,
        attempt: u32,
    },
    UndoDone {
        entry: EntryId,
        part: u32,
    },
    UndoFailed {
        entry: EntryId,
        part: u32,
        failure: Failure,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Moment>,
    },
    /// A rollback step found running after a crash.
    UndoInterrupted {
        entry: EntryId,
        part: u32,
        /// What is known about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Whoever knows could not be asked.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unasked: bool,
        /// When they are asked again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Moment>,
    },
    /// A person says that a rollback is done by hand, or left out.
    UndoSettled {
        entry: EntryId,
        by: String,
        why: String,
    },
    StateCompared {
        differences: Vec<String>,
    },
    /// Somebody asked the run to pause.
    PauseAsked {
        by: String,
    },
    Paused {
        why: Pause,
    },
    Resumed {
        by: String,
    },
    /// More time than the window had.
    WindowExtended {
        by: String,
        why: String,
        until: Moment,
    },
    Ended {
        ending: RunState,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    pub plan: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Of everything that the plan says and names.
    pub digest: String,
    pub by: String,
    pub host: String,
    pub version: String,
    pub entries: usize,
    pub jobs: usize,
    /// Where each log that is looked at ended before the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logs: BTreeMap<String, LogEnd>,
}

/// Where a log ended, and which file it was then: a rotated one has another name later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LogEnd {
    pub length: u64,
    pub inode: u64,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    pub choice: String,
    /// The first choice of the question: it holds, or is done.
    pub holds: bool,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// Why something failed, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub kind: FailureKind,
    pub text: String,
    /// It is certain that nothing was changed: there is nothing to undo.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untouched: bool,
}

impl Failure {
    pub fn new(kind: FailureKind, text: impl Into<String>) -> Failure {
        Failure { kind, text: text.into(), untouched: false }
    }

    /// Of something that is known to have done nothing.
    pub fn untouched(self) -> Failure {
        Failure { untouched: true, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A program ended with another status than success.
    Exit,
    /// A program was ended by a signal.
    Signal,
    TimedOut,
    /// A check was measured and does not hold.
    NotHeld,
    /// A check could not be measured: neither held nor broken.
    NotMeasured,
    /// The host was not reached.
    Unreachable,
    /// A watch of the phase tripped.
    Tripped,
    /// A person answered no.
    Declined,
    /// After a crash nobody can tell whether it was done.
    InDoubt,
    /// Anything else that went wrong.
    Error,
}

/// What a failure leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    RetryAt(Moment),
    /// The run goes on without it.
    Continue,
    Pause,
    Rollback,
    RollbackTo(EntryId),
}

/// Why a run waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Pause {
    Asked {
        by: String,
    },
    Failed {
        entry: EntryId,
    },
    InDoubt {
        entries: Vec<EntryId>,
    },
    /// Questions that nobody here can answer.
    Questions {
        entries: Vec<EntryId>,
    },
    /// Back at a checkpoint, as the plan says.
    AtCheckpoint {
        entry: EntryId,
    },
    /// What lies before a step that cannot be undone is left alone.
    AtIrreversible {
        entries: Vec<EntryId>,
    },
    WindowTooShort,
}

impl Event {
    pub fn entry(&self) -> Option<&EntryId> {
        match self {
            Event::Started { entry, .. }
            | Event::Done { entry, .. }
            | Event::Failed { entry, .. }
            | Event::Skipped { entry, .. }
            | Event::Interrupted { entry, .. }
            | Event::FoundDone { entry, .. }
            | Event::FoundUndone { entry, .. }
            | Event::Asking { entry, .. }
            | Event::Answered { entry, .. }
            | Event::UndoStarted { entry, .. }
            | Event::UndoDone { entry, .. }
            | Event::UndoFailed { entry, .. }
            | Event::UndoInterrupted { entry, .. }
            | Event::UndoSettled { entry, .. } => Some(entry),
            _ => None,
        }
    }
}

/// The schema of one line of `--output json`: an event with its run, number and time.
pub fn line_schema() -> Value {
    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is wanted")]
    struct Line {
        /// The run. Example: `shop-upgrade-1`
        run: String,
        /// Its place in the journal of the run, from 1.
        number: u64,
        /// When it happened, as RFC 3339 in UTC.
        at: String,
        #[serde(flatten)]
        event: Event,
    }
    let mut schema = schemars::schema_for!(Line).to_value();
    schema["title"] = "One event of a run of plan".into();
    schema
}

/// An event with its place in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub number: u64,
    pub at: Moment,
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_that_of_the_events() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/events.schema.json");
        let text = serde_json::to_string_pretty(&line_schema()).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == text, "run: UPDATE_SCHEMAS=1 cargo test -p plan-executor committed");
    }
}
