//! A corpus of wrong plans through the real binary: what people read, what machines read, how it
//! exits. Knows the program from outside only.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p plan-cli --test diagnostics` writes the snapshots anew: read the
//! difference as a tired operator would before it is committed.

mod corpus;
mod hostile;
mod program;
mod promises;
