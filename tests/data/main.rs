//! Steps that work on data, against real servers: each is started by its test.

#[path = "../support/place.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod place;
#[path = "../support/servers.rs"]
mod servers;

mod awkward;
mod backup;
mod backups;
mod buckets;
mod compare;
mod connections;
mod killed;
mod migrate;
mod restore;
mod samples;
mod saved_rows;
mod sql;
mod told;
mod tools;
