//! Where runs are remembered: their events, who runs them, and what people ask of them.
//! The trait that every kind of store keeps; it lives outside every database that a plan changes.

pub mod sqlite;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::archive::catalogue::{Kept, Mark};
use crate::clock::Moment;
use crate::event::{Event, Record};
use crate::state::RunState;

/// Why a store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store {path} was made by a newer plan (layout {found}, this one knows {known})")]
    Newer { path: String, found: i64, known: i64 },
    #[error("{path} is not a store of plan")]
    Foreign { path: String },
    #[error("the store {path} cannot be opened")]
    Open { path: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the disk of the store is full")]
    Full,
    #[error("the store can only be read")]
    ReadOnly,
    #[error("another operator took this run over")]
    TakenOver,
    #[error("the store failed: {text}")]
    Failed { text: String },
    #[error("record {number} of the run cannot be read: {text}")]
    Damaged { number: u64, text: String },
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRow {
    #[serde(skip)]
    pub key: i64,
    pub run: String,
    pub plan: String,
    pub environment: Option<String>,
    pub digest: String,
    pub state: RunState,
    pub by: String,
    pub host: String,
    pub started_at: Moment,
    pub changed_at: Moment,
}

/// What a new run is made of.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub plan: String,
    pub environment: Option<String>,
    pub digest: String,
    pub by: String,
    pub host: String,
    pub started_at: Moment,
    /// Everything that the plan says and names, to go on with exactly that.
    pub frozen: Vec<u8>,
}

/// Who runs a plan in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub by: String,
    pub host: String,
    pub process: u32,
    /// When the process started, in the ticks of its machine: a number is soon another process.
    pub process_started: u64,
    /// Of this start of the machine.
    pub boot: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub plan: String,
    pub environment: Option<String>,
    pub token: String,
    pub run: Option<String>,
    pub owner: Owner,
    pub since: Moment,
    pub beat: Moment,
    /// What the engine is doing.
    pub doing: String,
}

/// Somebody says that a plan, as it is, may run: it is bound to the digest of all that was reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    pub digest: String,
    pub plan: String,
    pub environment: Option<String>,
    pub role: Option<String>,
    pub by: String,
    pub at: Moment,
    pub note: Option<String>,
}

/// What came of asking for a lease.
#[derive(Debug)]
pub enum Claim {
    Granted(Token),
    Held(Box<Lease>),
}

/// Proof that a lease is held: nothing is written for a run without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(pub String);

/// What a person asks of a run from another terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    Pause,
    /// Stop what may be stopped, and undo.
    Abort {
        running_too: bool,
    },
    RollbackTo {
        checkpoint: String,
    },
    Retry {
        entry: String,
    },
    Skip {
        entry: String,
        reason: String,
    },
    Answer {
        entry: String,
        question: usize,
        choice: String,
        holds: bool,
        evidence: Option<String>,
    },
    Extend {
        until: Moment,
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub number: i64,
    pub by: String,
    pub at: Moment,
    pub request: Request,
}

/// One journal for all runs. Everything that is returned as done is durable.
#[allow(async_fn_in_trait, reason = "the engine runs on one thread")]
pub trait Store {
    /// Takes the right to run a plan in an environment; `instead_of` is a lease that is known to be
    /// dead.
    async fn claim(
        &mut self,
        plan: &str,
        environment: Option<&str>,
        owner: &Owner,
        now: Moment,
        instead_of: Option<&str>,
    ) -> Result<Claim, StoreError>;

    async fn release(&mut self, token: &Token) -> Result<(), StoreError>;

    /// Says that the owner is alive and what it does.
    async fn beat(&mut self, token: &Token, now: Moment, doing: &str) -> Result<(), StoreError>;

    async fn leases(&mut self) -> Result<Vec<Lease>, StoreError>;

    /// A new run under a lease.
    async fn create(&mut self, token: &Token, run: &NewRun) -> Result<RunRow, StoreError>;

    /// Takes up a run that is there under a lease.
    async fn adopt(&mut self, token: &Token, run: &RunRow) -> Result<(), StoreError>;

    /// So many commits are about to come: room for them may be taken in advance.
    async fn expect(&mut self, _commits: usize) {}

    /// Writes events, all or none, in one commit; the requests that led to them are taken with it.
    async fn append(
        &mut self,
        token: &Token,
        run: &RunRow,
        records: &[Record],
        taken: &[Asked],
    ) -> Result<(), StoreError>;

    /// The next events of a run behind a number, so many as are read at once; none at its end.
    async fn read_on(&mut self, run: &RunRow, behind: u64) -> Result<Vec<Record>, StoreError>;

    /// The events of a run behind a number.
    async fn read(&mut self, run: &RunRow, behind: u64) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        let mut last = behind;
        loop {
            let next = self.read_on(run, last).await?;
            let Some(record) = next.last() else { return Ok(records) };
            last = record.number;
            records.extend(next);
        }
    }

    /// A backup of a run: known to everybody who looks into this store.
    async fn catalogue(
        &mut self,
        token: &Token,
        run: &RunRow,
        kept: &Kept,
    ) -> Result<(), StoreError>;

    /// All that are not removed, the newest first.
    async fn backups(&mut self) -> Result<Vec<Kept>, StoreError>;

    /// What somebody found out about a backup, or that it was removed.
    async fn mark(&mut self, path: &Path, mark: &Mark) -> Result<(), StoreError>;

    async fn frozen(&mut self, run: &RunRow) -> Result<Vec<u8>, StoreError>;

    /// The newest first.
    async fn runs(&mut self) -> Result<Vec<RunRow>, StoreError>;

    async fn approve(&mut self, approval: &Approval) -> Result<(), StoreError>;

    /// Of a plan as it is, the newest first.
    async fn approvals(&mut self, digest: &str) -> Result<Vec<Approval>, StoreError>;

    async fn ask(
        &mut self,
        run: &RunRow,
        by: &str,
        now: Moment,
        request: &Request,
    ) -> Result<(), StoreError>;

    /// What was asked and not taken up yet.
    async fn asked(&mut self, run: &RunRow) -> Result<Vec<Asked>, StoreError>;
}

/// The state that a batch of events leads a run to, if it changes it.
pub fn state_after(records: &[Record]) -> Option<RunState> {
    records.iter().rev().find_map(|record| match &record.event {
        Event::RunStarted(_) => Some(RunState::Running),
        Event::RollbackBegan { .. } => Some(RunState::RollingBack),
        Event::Paused { .. } => Some(RunState::Paused),
        Event::Ended { ending } => Some(*ending),
        _ => None,
    })
}
