//! `staging-first`: where users live, this very plan has succeeded somewhere else before.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::before;
use crate::model::check::{Check, GateKind};

pub const RULE: Rule = Rule {
    code: "staging-first",
    severity: Level::ErrorWhenProtected,
    about: "where users live, a gate asks for a run of this plan elsewhere",
    why: "\"Test it in staging first\", say three of the guides, and nothing asks whether anybody did, \
          nor whether what was tested is what runs now. A gate holds only for this very plan, by its \
          digest, applied there within the days that you say.",
    bad: "plan: p
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
requires:
  - { gate: applied, in: staging, max_age: 14d }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    // Elsewhere the gate may stand in an environment that is not laid over now.
    let Some(environment) = plan.plan.environment.as_ref().filter(|_| plan.plan.is_protected())
    else {
        return;
    };
    let here = environment.environment.value.as_str();
    let opens = |check: &Check| match check {
        Check::Gate(gate) => {
            let elsewhere = gate.environment.as_ref().is_none_or(|other| other.value != here);
            gate.gate == GateKind::Applied && elsewhere
        }
        _ => false,
    };
    if checks::required(&plan.plan).into_iter().any(opens) {
        return;
    }
    let tried = before(plan, |at, facts| {
        if checks::asked(plan.entry(at)).into_iter().any(opens) {
            facts.insert(0);
        }
    });
    let mut changes = plan.order.iter().copied().filter(|at| ask::is_change(plan.entry(*at)));
    let Some(first) = changes.find(|at| !tried[*at].has(0)) else { return };
    let entry = plan.entry(first);
    found.push(
        Finding::new(
            environment.environment.span,
            format!(
                "`{}` changes {here}, and nothing asks whether this plan was tried elsewhere",
                entry.id
            ),
        )
        .about(first)
        .related(entry.span, "the first change")
        .help("add to this environment: requires: [{ gate: applied, in: staging, max_age: 14d }]"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::{check_with, example_folder};

    const CHANGE: &str = "  - { step: code, git: { checkout: v2, in: app } }\n";
    const MESSAGE: &str =
        "prod|`code` changes prod, and nothing asks whether this plan was tried elsewhere";

    fn check(requires: &str, steps: &str, environment: Option<&str>, expected: &[&str]) {
        let plan = format!("plan: p\n{requires}steps:\n{steps}");
        check_with(&RULE, &plan, &example_folder(), environment, expected);
    }

    #[test]
    fn a_gate_for_another_environment_is_asked_for_where_users_live() {
        check("", CHANGE, Some("prod"), &[MESSAGE]);
        check("requires: [{ gate: applied, in: staging }]\n", CHANGE, Some("prod"), &[]);
        check("requires: [{ gate: rehearsed }]\n", CHANGE, Some("prod"), &[MESSAGE]);
        check("", CHANGE, None, &[]);
        check("", "  - { step: look, run: uptime, read_only: true }\n", Some("prod"), &[]);
    }

    #[test]
    fn a_checkpoint_may_ask_before_the_first_change() {
        let gate = "  - { checkpoint: tried, checks: [{ gate: applied, in: staging }] }\n";
        check("", &format!("{gate}{CHANGE}"), Some("prod"), &[]);
        check("", &format!("{CHANGE}{gate}"), Some("prod"), &[MESSAGE]);
    }
}
