//! Every code of a diagnostic, with why it exists: problems of the language here, rules beside theirs.

mod language;

use crate::diagnostic::Severity;
use crate::lint::{self, Level, Rule};
use crate::migration;

/// A code that can be explained.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    pub code: &'static str,
    /// How much it matters; problems of the language are always errors.
    pub level: Option<&'static str>,
    pub about: &'static str,
    pub why: &'static str,
    pub bad: &'static str,
    pub good: &'static str,
    pub can_be_waived: bool,
}

pub fn code(name: &str) -> Option<Code> {
    all().find(|code| code.code == name)
}

/// Every code that a diagnostic may bear.
pub fn all() -> impl Iterator<Item = Code> {
    lints().chain(language::CODES.iter().map(|(code, why)| Code {
        code,
        level: None,
        about: "a problem of the plan's text",
        why,
        bad: "",
        good: "",
        can_be_waived: false,
    }))
}

/// The rules that look at what a plan does.
pub fn lints() -> impl Iterator<Item = Code> {
    let of_plans = lint::RULES.iter().map(|rule| of_plan(rule));
    let of_migrations = migration::RULES.iter().map(|rule| Code {
        code: rule.code,
        level: Some(match rule.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        }),
        about: first_sentence(rule.why),
        why: rule.why,
        bad: rule.example_bad,
        good: rule.example_good,
        can_be_waived: true,
    });
    of_plans.chain(of_migrations)
}

fn of_plan(rule: &Rule) -> Code {
    Code {
        code: rule.code,
        level: Some(match rule.severity {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Hint => "hint",
            Level::ErrorWhenProtected => "warning, an error in a protected environment",
        }),
        about: rule.about,
        why: rule.why,
        bad: rule.bad,
        good: rule.good,
        can_be_waived: true,
    }
}

fn first_sentence(text: &'static str) -> &'static str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}
