//! `estimate-missing`: what has to fit a window says how long it takes.
//!
//! Only for plans with a window: elsewhere nobody has to know.

use super::ask::times;
use super::{Finding, Level, Lint, Rule};
use crate::estimate::findings;

pub const RULE: Rule = Rule {
    code: "estimate-missing",
    severity: Level::Warning,
    about: "in a plan with a window, every step or its phase has an estimate",
    why: "One step without a time makes the sum of all others worthless: nobody can say whether the window \
          holds, nor when it is too late to turn back. A wide range is an answer, and once the plan has \
          run or been rehearsed the measured times replace it.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 5h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 5h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ }, estimate: 10s..2m }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    if lint.plan.plan.window.is_some() {
        times::report(lint, findings::estimate_missing, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn a_phase_may_speak_for_its_steps() {
        let message = "switch|nobody can tell how long `switch` takes: no estimate of `code`";
        check(&RULE, RULE.bad, &[message]);
        let spoken = RULE.bad.replace("maintenance: true", "maintenance: true\n    estimate: 5m");
        check(&RULE, &spoken, &[]);
        let unbound =
            RULE.bad.replace("window: { opens: \"02:00\", lasts: 5h, timezone: UTC }\n", "");
        check(&RULE, &unbound, &[]);
    }
}
