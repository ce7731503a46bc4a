//! `rollback-unrehearsed`: where users live, a plan runs only after its rollback has been tried.
//!
//! Asks only with a protected environment: a rehearsal needs no gate on a developer's machine.

use super::ask::users::is_felt;
use super::{Finding, Level, Lint, Rule};
use crate::model::check::{Check, GateKind};
use crate::resolve::What;

pub const RULE: Rule = Rule {
    code: "rollback-unrehearsed",
    severity: Level::ErrorWhenProtected,
    about: "a plan for a protected environment asks that it has been rehearsed",
    why: "\"Rollback plan ready\" is a box in every checklist, and a rollback that nobody has tried fails \
          when it is needed: the dump does not load, the old image is gone, the rights are missing. The \
          gate asks for a run of this very plan elsewhere that succeeded and was then taken back completely.",
    bad: "plan: p
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
requires:
  - { gate: rehearsed, max_age: 30d }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    let Some(environment) = plan.environment.as_ref().filter(|_| plan.is_protected()) else {
        return;
    };
    let checkpoints = plan.entries.iter().filter_map(|entry| match &entry.what {
        What::Checkpoint(checkpoint) => Some(&checkpoint.checks),
        What::Step(_) => None,
    });
    let asked = checkpoints.flatten().chain(&plan.requires).any(is_rehearsed);
    if !asked && is_felt(lint) {
        let id = &plan.file.plan;
        found.push(
            Finding::new(
                id.span,
                format!(
                    "`{}` may run in {} without its rollback ever having been tried",
                    id.value, environment.environment.value
                ),
            )
            .help("add to the `requires` of the environment: - { gate: rehearsed, max_age: 30d }")
            .help("elsewhere, `plan apply` and then `plan rollback` open it"),
        );
    }
}

fn is_rehearsed(check: &Check) -> bool {
    match check {
        Check::Gate(gate) => gate.gate == GateKind::Rehearsed,
        Check::AnyOf(any) => any.any_of.iter().all(is_rehearsed),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::MemoryFolder;
    use crate::lint::testing::{check, check_with};

    fn folder(requires: &str) -> MemoryFolder {
        let text = format!("environment: prod\nprotected: true\n{requires}");
        MemoryFolder::default().with("environments/prod.yaml", &text)
    }

    #[test]
    fn the_gate_may_stand_in_the_environment_or_in_a_checkpoint() {
        let message = "p|`p` may run in prod without its rollback ever having been tried";
        check_with(&RULE, RULE.bad, &folder(""), Some("prod"), &[message]);
        check_with(
            &RULE,
            RULE.bad,
            &folder("requires: [{ gate: rehearsed }]\n"),
            Some("prod"),
            &[],
        );
        let first = "steps:\n  - { checkpoint: ready, checks: [{ gate: rehearsed }] }\n";
        check_with(&RULE, &RULE.bad.replace("steps:\n", first), &folder(""), Some("prod"), &[]);
        let applied = "requires: [{ gate: applied, in: staging }]\n";
        check_with(&RULE, RULE.bad, &folder(applied), Some("prod"), &[message]);
    }

    #[test]
    fn elsewhere_and_for_a_plan_that_only_looks_it_is_quiet() {
        check(&RULE, RULE.bad, &[]);
        let looks = "plan: p\nsteps:\n  - { step: look, run: uptime, read_only: true }\n";
        check_with(&RULE, looks, &folder(""), Some("prod"), &[]);
    }
}
