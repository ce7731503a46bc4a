//! The rules one by one.

mod rules;

use super::{Outcome, format, outcome};

/// Formats as expected, for the layout's own sake, and leaves the result alone the next time.
#[track_caller]
fn check(input: &str, expected: &str) {
    match outcome(input).expect("the input is YAML") {
        Outcome::LaidOut(text) => assert_eq!(text, expected),
        Outcome::Kept(_) => panic!("the layout would have changed the meaning"),
    }
    assert_eq!(format(expected).as_deref(), Ok(expected));
}
