//! What steps and checks do, seen from outside: the real program with real programs, databases and
//! requests.

mod checks;
mod hosts;
mod people;
mod place;
mod processes;
mod secrets;
mod server;
mod sql;
mod state;
