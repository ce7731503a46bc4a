//! `smoke-empty`: a checkpoint checks something.

use super::{Finding, Level, Lint, Rule, ask};

pub const RULE: Rule = Rule {
    code: "smoke-empty",
    severity: Level::Warning,
    about: "a checkpoint checks something",
    why: "\"Test the main features\", says the list, and the list below it is empty: it passes whatever \
          happened, and everybody who reads the report believes that something was tested. A checkpoint \
          without checks is a promise that nobody keeps.",
    bad: "plan: p
steps:
  - { step: look, run: uptime, read_only: true }
  - { checkpoint: smoke, checks: [] }
",
    good: "plan: p
steps:
  - { step: look, run: uptime, read_only: true }
  - checkpoint: smoke
    checks:
      - { http: \"http://127.0.0.1/login\", contains: Sign in }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        if entry.checkpoint().is_some_and(|checkpoint| checkpoint.checks.is_empty()) {
            let message = format!("`{}` passes whatever happened: it checks nothing", entry.id);
            found.push(Finding::new(entry.span, message).about(at).help(
                "add what must work for users, such as { http: \"http://127.0.0.1/\" }, or take it out",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn an_empty_list_is_named_and_any_check_is_enough() {
        let plan = |checks: &str| {
            format!("plan: p\nsteps:\n  - {{ checkpoint: c, checks: [{checks}] }}\n")
        };
        check(&RULE, &plan(""), &["c|`c` passes whatever happened: it checks nothing"]);
        check(&RULE, &plan("{ manual: Does it work? }"), &[]);
    }
}
