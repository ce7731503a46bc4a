//! The states of steps and runs, and the pure functions that change them. Nothing else may.

pub mod run;
pub mod step;

pub use run::RunState;
pub use step::{StepChange, StepState};
