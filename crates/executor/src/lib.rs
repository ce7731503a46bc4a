//! Runs a compiled plan: decide, journal, perform, journal, tell.
//! Knows no terminal and no command line. The engine itself is not written yet.
