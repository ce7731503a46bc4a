//! The states of one step or checkpoint, and what may follow what.
//!
//! ```text
//! Waiting → Ready → Running → Done ─────────→ RollingBack → RolledBack → Waiting (resumed)
//!             ↑        │ ↘ Failed ───────────↗     │ ↑
//!             ├────────┤    ↓ (tried again)        ↓ │ (tried again, or settled by a person)
//!             ↑        ↓                     RollbackFailed
//!             └─ Interrupted → Done, Failed, Skipped
//! Waiting, Ready, Failed, Interrupted → Skipped
//! ```

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Something that it needs has not ended.
    Waiting,
    /// It may start.
    Ready,
    Running,
    Done,
    Failed,
    /// Its condition did not hold, or a person said so.
    Skipped,
    /// Found running after a crash: nobody knows yet whether it was done.
    Interrupted,
    RollingBack,
    RolledBack,
    RollbackFailed,
}

/// What can happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepChange {
    NeedsMet,
    Started,
    Succeeded,
    /// It failed and is tried again.
    WillRetry,
    GaveUp,
    Skipped,
    LostSight,
    FoundDone,
    FoundUndone,
    UndoStarted,
    Undone,
    UndoGaveUp,
    /// A run that was undone, or failed, starts over from here.
    Reset,
}

impl StepState {
    /// The state after a change; `None` where that cannot happen.
    pub fn next(self, change: StepChange) -> Option<StepState> {
        use StepChange as C;
        use StepState as S;
        Some(match (self, change) {
            (S::Waiting, C::NeedsMet) => S::Ready,
            (S::Ready, C::Started) => S::Running,
            (S::Running | S::Interrupted, C::Succeeded | C::FoundDone) => S::Done,
            (S::Running | S::Interrupted, C::WillRetry | C::FoundUndone) => S::Ready,
            (S::Running | S::Interrupted, C::GaveUp) => S::Failed,
            // Interrupted: whoever knows could not be asked.
            (S::Running | S::Interrupted, C::LostSight) => S::Interrupted,
            (S::Waiting | S::Ready | S::Failed | S::Interrupted, C::Skipped) => S::Skipped,
            (
                // Ready: an attempt failed, may have acted, and was to be tried again.
                S::Ready
                | S::Done
                | S::Failed
                | S::Interrupted
                | S::Skipped
                | S::RollingBack
                | S::RollbackFailed,
                C::UndoStarted,
            ) => S::RollingBack,
            (S::RollingBack | S::RollbackFailed, C::Undone) => S::RolledBack,
            (S::RollingBack, C::UndoGaveUp | C::LostSight) => S::RollbackFailed,
            (S::RolledBack | S::Failed | S::Ready, C::Reset) => S::Waiting,
            _ => return None,
        })
    }

    /// Whoever needs it may go on.
    pub fn has_ended_well(self) -> bool {
        matches!(self, StepState::Done | StepState::Skipped)
    }

    pub fn word(self) -> &'static str {
        match self {
            StepState::Waiting => "waiting",
            StepState::Ready => "ready",
            StepState::Running => "running",
            StepState::Done => "done",
            StepState::Failed => "failed",
            StepState::Skipped => "skipped",
            StepState::Interrupted => "interrupted",
            StepState::RollingBack => "rolling back",
            StepState::RolledBack => "rolled back",
            StepState::RollbackFailed => "rollback failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_never_done_without_having_run() {
        for state in [StepState::Waiting, StepState::Ready, StepState::Failed, StepState::Skipped] {
            assert_eq!(state.next(StepChange::Succeeded), None);
            assert_eq!(state.next(StepChange::FoundDone), None);
        }
    }

    #[test]
    fn what_is_done_is_only_left_by_undoing_it() {
        use StepChange as C;
        for change in
            [C::NeedsMet, C::Started, C::WillRetry, C::GaveUp, C::LostSight, C::Undone, C::Reset]
        {
            assert_eq!(StepState::Done.next(change), None, "{change:?}");
        }
        assert_eq!(StepState::Done.next(C::UndoStarted), Some(StepState::RollingBack));
    }
}
