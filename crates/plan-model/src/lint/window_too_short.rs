//! `window-too-short`: the worst case and the way back from it fit the window.

use super::ask::times;
use super::{Finding, Level, Lint, Rule};
use crate::estimate::findings;

pub const RULE: Rule = Rule {
    code: "window-too-short",
    severity: Level::Error,
    about: "the window holds the worst case and the way back from its end",
    why: "A guide asks for a window of two to five hours; its own rows need up to five and a half, and the \
          rollback has no time at all. A window is long enough when everything has gone as slowly as \
          feared, the last check fails, and the old state is still back before users are.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 1h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ }, estimate: 30m..2h }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 5h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ }, estimate: 30m..2h }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    if lint.plan.plan.window.is_some() {
        times::report(lint, findings::window_too_short, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn only_what_lies_inside_counts() {
        let outside = RULE.bad.replace(
            "phases:\n",
            "phases:\n  - phase: prepare\n    steps:\n      - { step: save, backup: { files: [app/], to: b/ }, estimate: 9h }\n",
        );
        check(&RULE, &outside.replace("lasts: 1h", "lasts: 5h"), &[]);
        check(&RULE, &RULE.bad.replace("maintenance: true", "maintenance: false"), &[]);
        check(
            &RULE,
            RULE.bad,
            &["1h|the window of 1 h is too short: its phases alone take 2 h at worst"],
        );
    }
}
