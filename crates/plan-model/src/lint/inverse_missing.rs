//! `inverse-missing`: every step says how it is undone, or that it need not or cannot be.

use super::ask::Undo;
use super::{Finding, Level, Lint, Rule, ask};

pub const RULE: Rule = Rule {
    code: "inverse-missing",
    severity: Level::Error,
    about: "a step that changes something says how it is undone",
    why: "A rollback is only as good as its weakest step. The guides write \"restore the backup if there \
          is a problem\" and leave the services stopped, the links switched and the flags set. A script \
          is the one action whose inverse `plan` cannot know, so its author says it: rollback steps, \
          read_only, or irreversible with the reason.",
    bad: "plan: p
steps:
  - step: stop
    run: systemctl stop shop
",
    good: "plan: p
steps:
  - step: stop
    run: systemctl stop shop
    rollback: { run: systemctl start shop }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        if ask::undo(step) == Undo::Unsaid {
            found.push(
                Finding::new(entry.span, format!("nothing says how `{}` is undone", entry.id))
                    .about(at)
                    .help("add `rollback:`, `read_only: true`, or `irreversible: \"why\"`"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn scripts_must_say_how_they_are_undone() {
        let plan =
            |keys: &str| format!("plan: p\nsteps:\n  - step: a\n    run: ./change\n    {keys}\n");
        check(&RULE, &plan(""), &["a|nothing says how `a` is undone"]);
        check(&RULE, &plan("read_only: true"), &[]);
        check(&RULE, &plan("rollback: { run: ./back }"), &[]);
        check(&RULE, &plan("irreversible: the disk is gone"), &[]);
    }

    #[test]
    fn actions_that_undo_themselves_need_not() {
        check(&RULE, "plan: p\nsteps:\n  - { step: a, git: { checkout: v1, in: app } }\n", &[]);
        check(
            &RULE,
            "plan: p\nsteps:\n  - { step: a, manual: Unplug it }\n",
            &["a|nothing says how `a` is undone"],
        );
    }
}
