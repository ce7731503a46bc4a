//! `totals-mismatch`: a time that was promised is what the steps add up to.

use super::ask::times;
use super::{Finding, Level, Lint, Rule};
use crate::estimate::findings;

pub const RULE: Rule = Rule {
    code: "totals-mismatch",
    severity: Level::Warning,
    about: "a declared time is what the steps add up to",
    why: "The table of a guide ends with \"total 4 to 9 hours\"; its rows give four and a half to nine and a \
          half. Somebody changed a row and not the sum, and the promise to users was made of the sum. What \
          can be added up is compared with what is written.",
    bad: "plan: p
estimate: 1h
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ }, estimate: 30m }
",
    good: "plan: p
estimate: 30m
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ }, estimate: 30m }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    if plan.file.estimate.is_some() || plan.phases.iter().any(|phase| phase.estimate.is_some()) {
        times::report(lint, findings::totals_mismatch, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn phases_promise_too() {
        let plan = |promised: &str| {
            format!(
                "plan: p\nphases:\n  - phase: a\n    estimate: {promised}\n    steps:\n      - {{ step: x, run: ./a, read_only: true, estimate: 10m }}\n      - {{ step: y, run: ./b, read_only: true, estimate: 5m..20m }}\n"
            )
        };
        check(&RULE, &plan("15m..30m"), &[]);
        check(
            &RULE,
            &plan("10m"),
            &["10m|the steps of `a` add up to 15 min to 30 min, not to 10 min"],
        );
    }
}
