//! The states of a run, and what may follow what.
//! The ending never hides the failure that led to it: that stands in the journal beside it.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    Running,
    Paused,
    RollingBack,
    Succeeded,
    RolledBack,
    /// Rolled back, but something irreversible or done by hand remains, or the state differs.
    RolledBackWithRemainders,
    /// A rollback step failed.
    Stuck,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunChange {
    Paused,
    /// Goes on where it was: forward, or back.
    Resumed,
    RollbackBegan,
    Ended(RunState),
}

impl RunState {
    /// `back` says whether the run was on its way back when it paused or got stuck.
    pub fn next(self, change: RunChange, back: bool) -> Option<RunState> {
        use RunState as S;
        Some(match (self, change) {
            (S::Running | S::RollingBack, RunChange::Paused) => S::Paused,
            (S::Paused | S::Stuck, RunChange::Resumed) if back => S::RollingBack,
            (S::Paused, RunChange::Resumed) => S::Running,
            // An engine that was killed left no pause behind.
            (S::Running | S::RollingBack, RunChange::Resumed) => self,
            (
                S::Running | S::Paused | S::RollingBack | S::Stuck | S::Succeeded,
                RunChange::RollbackBegan,
            ) => S::RollingBack,
            (S::Running, RunChange::Ended(S::Succeeded)) => S::Succeeded,
            (
                S::RollingBack,
                RunChange::Ended(ending @ (S::RolledBack | S::RolledBackWithRemainders | S::Stuck)),
            ) => ending,
            _ => return None,
        })
    }

    pub fn is_ending(self) -> bool {
        !matches!(self, RunState::Running | RunState::Paused | RunState::RollingBack)
    }

    /// Nothing is left to do for it, by anybody.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            RunState::Succeeded | RunState::RolledBack | RunState::RolledBackWithRemainders
        )
    }

    pub fn word(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Paused => "paused",
            RunState::RollingBack => "rolling back",
            RunState::Succeeded => "succeeded",
            RunState::RolledBack => "rolled back",
            RunState::RolledBackWithRemainders => "rolled back with remainders",
            RunState::Stuck => "stuck",
        }
    }
}
