//! What steps and checks do, seen from outside: the real program with real programs, databases and
//! requests.

mod checks;
mod hosts;
mod mail;
mod parts;
mod people;
#[path = "../support/place.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod place;
mod processes;
mod ready;
mod report;
mod secrets;
mod server;
mod sql;
mod state;
