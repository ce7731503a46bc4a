//! Kills, races, full disks, closed terminals: the real binary, and what must hold whatever happens.
//! What each test holds is listed in `docs/reliability.md`.

#![allow(clippy::disallowed_methods, reason = "skipping must be seen, and captured output is not")]

mod clock;
mod disk;
mod folder;
mod graph;
mod keeper;
mod kills;
mod races;
mod terminal;
