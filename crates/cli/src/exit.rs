//! The exit-code table.

use plan_executor::state::RunState;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// It failed and was rolled back completely.
    RolledBack,
    /// The plan or the call is wrong.
    Wrong,
    /// A person is needed: a rollback failed, or something remains.
    Stuck,
    /// Paused, or waiting for a person.
    Paused,
    /// Another run holds this plan in this environment.
    Held,
    /// Requirements are not met; nothing was touched.
    NotReady,
}

impl From<RunState> for Exit {
    fn from(state: RunState) -> Exit {
        match state {
            RunState::Succeeded => Exit::Done,
            RunState::RolledBack => Exit::RolledBack,
            RunState::RolledBackWithRemainders | RunState::Stuck => Exit::Stuck,
            RunState::Running | RunState::Paused | RunState::RollingBack => Exit::Paused,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => 0.into(),
            Exit::RolledBack => 1.into(),
            Exit::Wrong => 2.into(),
            Exit::Stuck => 3.into(),
            Exit::Paused => 4.into(),
            Exit::Held => 5.into(),
            Exit::NotReady => 6.into(),
        }
    }
}
