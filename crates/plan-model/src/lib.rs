//! The plan language: text in, values and diagnostics out.
//!
//! Knows no files, clock, environment, terminal or colour. The modules stand in the order of the
//! flow; each uses only those above it.

pub mod source;
pub mod diagnostic;
pub mod document;
pub mod format;
pub mod notation;
pub mod shell;
pub mod sql;
pub mod migration;
pub mod folder;
pub mod model;
pub mod schema;
pub mod load;
pub mod template;
pub mod inputs;
pub mod resolve;
pub mod graph;
pub mod place;
pub mod refer;
pub mod named;
pub mod scripts;
pub mod lint;
pub mod explain;
pub mod validate;
