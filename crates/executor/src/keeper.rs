//! The keeper: a small process that starts the programs of a run and stays with them. The engine may
//! be killed at any time; what runs then goes on, and how it ended stands in the keeper's log.
//! Decides nothing, and knows no plan.

mod client;
mod log;
mod serve;
mod tree;

pub use client::Keeper;
pub use log::{Fate, Log, boot, logs, programs};
pub use serve::serve;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::secret::Secrets;

/// The variable by which everything that a program started is found again.
pub const MARK: &str = "PLAN_STEP";

/// How often a program whose keeper is gone is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(50);

/// Until nothing is left of a program that may have outlived its keeper.
pub async fn outlived(folder: &Path, id: &str) {
    let mark = mark(folder, id);
    while tree::lives(&mark) {
        tokio::time::sleep(FOLLOW_EVERY).await;
    }
}

/// The folder, since the runs of another store may have the same names.
fn mark(folder: &Path, id: &str) -> String {
    format!("{}/{id}", folder.display())
}

/// One program to start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Program {
    /// Unique in the run: the entry, the attempt. The log and the output bear it.
    pub id: String,
    pub arguments: Vec<String>,
    /// Added to what the engine itself has.
    pub env: Vec<(String, String)>,
    pub dir: PathBuf,
    /// What it reads; nothing unless said.
    pub input: Option<PathBuf>,
    /// Where its output goes, what it complains about too unless `errors` says otherwise.
    pub output: PathBuf,
    pub errors: Option<PathBuf>,
    /// After how long it is asked to end; a while later it is made to.
    pub timeout_ms: Option<u64>,
    pub grace_ms: u64,
}

/// What the engine says to its keeper.
#[derive(Debug, Serialize, Deserialize)]
enum Order {
    /// What is covered in all that programs print from now on.
    Cover(Secrets),
    Start(Program),
    /// End it and all that it started.
    End(String),
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    Exit(i32),
    Signal(i32),
    TimedOut,
    /// The engine asked for it.
    Stopped,
    /// It could not be started.
    NotStarted(String),
}

/// What the keeper says to the engine.
#[derive(Debug, Serialize, Deserialize)]
struct Word {
    id: String,
    ended: Ended,
}
