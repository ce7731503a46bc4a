//! Every code of a diagnostic, with why it exists: problems of the language here, rules beside theirs.

use crate::lint;

/// A code that can be explained.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    pub code: &'static str,
    pub about: &'static str,
    pub why: &'static str,
    pub bad: &'static str,
    pub good: &'static str,
}

pub fn code(name: &str) -> Option<Code> {
    lint::rule(name).map(|rule| Code {
        code: rule.code,
        about: rule.about,
        why: rule.why,
        bad: rule.bad,
        good: rule.good,
    })
}
