//! `logs-unchecked`: after a restart the logs are read, by the machine.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::after;
use crate::model::action::Action;
use crate::model::check::Check;
use crate::resolve::EntryOf;

pub const RULE: Rule = Rule {
    code: "logs-unchecked",
    severity: Level::Warning,
    about: "after a service was started, its log is searched for errors",
    why: "A health page answers 200 while every second job fails: only the log shows it. The guides say \
          \"check the logs\" and open them with `-f`, which never ends and sees only what comes by. A \
          log check reads all lines since the run began, and knows which of them matter.",
    bad: "plan: p
steps:
  - { step: restart, service: { restart: shop } }
  - { checkpoint: up, checks: [{ port: 8000 }] }
",
    good: "plan: p
steps:
  - { step: restart, service: { restart: shop } }
  - { checkpoint: up, checks: [{ port: 8000 }, { log: \"unit:shop\" }] }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    const READ: usize = 0;
    const STARTED_LATER: usize = 1;
    let plan = lint.plan;
    if !plan.entries().iter().any(starts) {
        return;
    }
    let is_log = |check: &Check| matches!(check, Check::Log(_));
    let watched = checks::last_watched(&plan.plan, is_log);
    let facts_after = after(plan, |at, facts| {
        let entry = plan.entry(at);
        if checks::asked(entry).into_iter().any(is_log) {
            facts.insert(READ);
        }
        if starts(entry) {
            facts.insert(STARTED_LATER);
        }
    });
    for (at, entry) in ask::written(plan).filter(|(_, entry)| starts(entry)) {
        let facts = &facts_after[at];
        let is_read = facts.has(READ) || watched.is_some_and(|phase| phase >= entry.phase);
        // The last one stands for those before it.
        if !is_read && !facts.has(STARTED_LATER) {
            let message = format!("nobody reads the log after `{}`", entry.id);
            found.push(Finding::new(entry.span, message).about(at).help(
                "add a check below it, such as { log: \"unit:NAME\" } or { log: storage/logs/app.log }",
            ));
        }
    }
}

fn starts(entry: &EntryOf) -> bool {
    let action = entry.step().and_then(ask::action);
    matches!(action, Some(Action::Service(service)) if service.starts())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    const START: &str = "      - { step: start, service: { start: shop } }\n";

    #[test]
    fn the_log_is_read_after_the_last_start_or_watched() {
        let plan = |watch: &str, steps: &str| {
            format!("plan: p\nphases:\n  - phase: a\n{watch}    steps:\n{steps}")
        };
        let read = "      - { checkpoint: c, checks: [{ log: app.log }] }\n";
        let message = "start|nobody reads the log after `start`";
        check(&RULE, &plan("", START), &[message]);
        check(&RULE, &plan("", &format!("{read}{START}")), &[message]);
        check(&RULE, &plan("", &format!("{START}{read}")), &[]);
        check(&RULE, &plan("    watch: [{ log: app.log }]\n", START), &[]);
    }
}
