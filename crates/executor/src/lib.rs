//! Runs a compiled plan: decide, journal, perform, journal, tell.
//! Knows no terminal and no command line. The modules stand in the order of the flow; each uses
//! only those above it.

pub mod clock;
mod crash;
pub mod secret;
pub mod keeper;
pub mod printed;
pub mod state;
pub mod event;
pub mod outline;
pub mod course;
pub mod digest;
mod lines;
pub mod store;
pub mod owner;
pub mod frozen;
pub mod values;
pub mod fill;
pub mod keep;
pub mod evidence;
pub mod world;
pub mod tell;
pub mod ladder;
pub mod open;
pub mod guard;
pub mod checks;
pub mod fingerprint;
pub mod archive;
pub mod actions;
pub mod report;
pub mod lacking;
pub mod tools;
pub mod paper;
pub mod engine;
