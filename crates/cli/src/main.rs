//! The binary `plan`. Short on purpose: reads what was typed, runs one command, exits with its code.
fn main() {}
