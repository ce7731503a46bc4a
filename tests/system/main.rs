//! Steps that work on files and on what runs on a machine, for real: each way there, and each way back.

#[path = "../support/place.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod place;

#[path = "../support/apart.rs"]
mod apart;

mod changelog;
mod compose;
mod every;
mod fetch;
mod files;
mod git;
mod maintenance;
mod packages;
mod service;
mod systemd;
mod tree;
mod unpack;
