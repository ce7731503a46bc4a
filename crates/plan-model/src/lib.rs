//! The plan language: text in, values and diagnostics out.
//!
//! Knows no files, clock, environment, terminal or colour. The modules stand in the order of the
//! flow; each uses only those above it.

// Tests may ask a real shell and look at committed files.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod together;
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
pub mod estimate;
pub mod place;
pub mod refer;
pub mod named;
pub mod scripts;
pub mod lint;
pub mod show;
pub mod diff;
pub mod explain;
pub mod validate;
