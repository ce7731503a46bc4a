//! Runs a compiled plan: decide, journal, perform, journal, tell.
//! Knows no terminal and no command line. The modules stand in the order of the flow; each uses
//! only those above it.

pub mod clock;
pub mod state;
pub mod event;
pub mod outline;
pub mod course;
