//! `rollback-time`: from every checkpoint the way back still fits the window.

use super::ask::times;
use super::{Finding, Level, Lint, Rule};
use crate::estimate::findings;

pub const RULE: Rule = Rule {
    code: "rollback-time",
    severity: Level::Warning,
    about: "from every checkpoint the way back fits what is left of the window",
    why: "None of the guides says how long its rollback takes, so nobody knows the last moment at which it \
          still can be done. A checkpoint whose failure is found when the way back has become longer than \
          the window leaves two bad choices: users wait, or the broken release stays.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 2h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - step: convert
        run: ./convert
        rollback: { run: ./convert --back, estimate: 1h }
        estimate: 90m
      - { checkpoint: converted, checks: [{ port: 8000 }], within: 1m }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - step: convert
        run: ./convert
        rollback: { run: ./convert --back, estimate: 1h }
        estimate: 90m
      - { checkpoint: converted, checks: [{ port: 8000 }], within: 1m }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    if lint.plan.plan.window.is_some() {
        times::report(lint, findings::rollback_time, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn the_way_back_is_counted_from_the_checkpoint() {
        check(
            &RULE,
            RULE.bad,
            &[
                "converted|from `converted` the way back does not fit the window of 2 h: 1 h 30 there, 1 min check and 1 h back are 31 min too much",
            ],
        );
        check(&RULE, &RULE.bad.replace("--back, estimate: 1h", "--back, estimate: 20m"), &[]);
    }
}
