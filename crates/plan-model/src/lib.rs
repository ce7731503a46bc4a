//! The plan language: text in, values and diagnostics out.
//!
//! Knows no files, clock, environment, terminal or colour. The modules stand in the order of the
//! flow; each uses only those above it.

pub mod source;
pub mod diagnostic;
pub mod shell;
