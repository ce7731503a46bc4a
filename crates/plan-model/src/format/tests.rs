//! The rules one by one, then the guarantees over texts that nobody would write.

mod messy;
mod rules;

use proptest::prelude::*;

use super::meaning::Meaning;
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn messy_text_is_laid_out_and_keeps_its_meaning(
        rolls in proptest::collection::vec(any::<u8>(), 0..400)
    ) {
        let (text, comments) = messy::text(rolls);
        let tidy = match outcome(&text) {
            Ok(Outcome::LaidOut(tidy)) => tidy,
            Ok(Outcome::Kept(_)) => panic!("kept as it was:\n{text}"),
            Err(error) => panic!("{error} at {}:\n{text}", error.at()),
        };
        prop_assert!(Meaning::read(&text).unwrap().is_that_of(&tidy));
        for comment in 1..=comments {
            prop_assert_eq!(tidy.matches(&format!("# c{comment};")).count(), 1);
        }
        prop_assert!(!tidy.contains('\r') && !tidy.starts_with('\n'));
        prop_assert!(strictly_valid(&tidy));
        prop_assert_eq!(format(&tidy), Ok(tidy));
    }

    #[test]
    fn any_text_is_refused_or_keeps_its_meaning(text in any_text()) {
        match format(&text) {
            Ok(tidy) => {
                prop_assert!(Meaning::read(&text).unwrap().is_that_of(&tidy));
                prop_assert_eq!(format(&tidy), Ok(tidy));
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.at()));
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let indicators = "[-?:,\\[\\]{}#&*!|>'\"%@ \\t\\r\\na-c0-2é\u{feff}]{0,40}";
    let lines = "(( ){0,4}(- |\\? |: |a: |b:|# c|x|\\||>-|\\[|\\]|\\{|\\}|, |\"|'|&a |\\*a|!t )\
                 {0,5}\n){0,6}";
    prop_oneof![any::<String>(), indicators, lines]
}

fn strictly_valid(text: &str) -> bool {
    let mut options = super::meaning::options();
    options.strict_indentation = true;
    granit_parser::Parser::new_from_str_with_options(text, options).all(|event| event.is_ok())
}
