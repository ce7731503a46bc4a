//! `notice-missing`: users are told before they are kept out.
//!
//! Only for plans with a phase of maintenance in which something happens. A message counts unless
//! its audience is colleagues; a person who confirms that users know counts too.

use super::ask::{self, users};
use super::{Finding, Level, Lint, Rule};
use crate::model::action::Action;
use crate::model::check::Check;
use crate::resolve::{EntryOf, What};

pub const RULE: Rule = Rule {
    code: "notice-missing",
    severity: Level::Warning,
    about: "users are told before a maintenance phase begins",
    why: "\"Inform the users of planned downtime\" is the last line of a guide, after everything has been \
          done. Somebody was in the middle of an order, somebody else called support, and support had not \
          been told either. A message before the phase costs one step, and the plan knows when and how long.",
    bad: "plan: p
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
phases:
  - phase: prepare
    steps:
      - { step: tell, notify: { command: ./tell-users.sh, message: We are back at 05:00, audience: users } }
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let Some((at, phase)) = plan.plan.maintenance_phases().next() else { return };
    let inside = |entry: &EntryOf| entry.phase == at && users::acts(entry) && !tells(entry);
    let Some(first) = plan.order.iter().position(|entry| inside(plan.entry(*entry))) else {
        return;
    };
    let required = plan.plan.requires.iter().any(is_told);
    let told = plan.order[..first].iter().any(|entry| tells(plan.entry(*entry)));
    if !told && !required {
        found.push(
            Finding::new(phase.span, format!("users are out in `{}`, and nothing tells them before", phase.id))
                .about_phase(at)
                .help("add before it: notify: { message: …, email: …, audience: users }, or a `manual:` check that users know"),
        );
    }
}

fn tells(entry: &EntryOf) -> bool {
    if users::notice(entry).is_some_and(users::tells_users) {
        return true;
    }
    match &entry.what {
        What::Checkpoint(checkpoint) => checkpoint.checks.iter().any(is_told),
        What::Step(step) => match ask::action(step) {
            Some(Action::Manual(manual)) => users::asks_to_tell(&manual.text().value),
            _ => false,
        },
    }
}

fn is_told(check: &Check) -> bool {
    matches!(check, Check::Manual(manual) if users::asks_to_tell(&manual.manual.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn colleagues_are_not_users() {
        let plan = RULE.good.replace("audience: users", "audience: technical team");
        check(&RULE, &plan, &["switch|users are out in `switch`, and nothing tells them before"]);
        check(&RULE, &RULE.good.replace(", audience: users", ""), &[]);
    }

    #[test]
    fn a_person_may_confirm_that_users_know() {
        let asks = "plan: p\nphases:\n  - phase: prepare\n    steps:\n      - { checkpoint: ready, checks: [{ manual: Les utilisateurs sont prévenus }] }\n";
        check(&RULE, &RULE.bad.replace("plan: p\nphases:\n", asks), &[]);
    }

    #[test]
    fn a_message_in_the_phase_must_come_before_the_first_change() {
        let tell = "      - { step: tell, notify: { command: ./tell, message: Soon } }\n";
        let code = "      - { step: code, git: { checkout: v2.0.0, in: app/ } }\n";
        check(&RULE, &RULE.bad.replace(code, &format!("{tell}{code}")), &[]);
        check(
            &RULE,
            &RULE.bad.replace(code, &format!("{code}{tell}")),
            &["switch|users are out in `switch`, and nothing tells them before"],
        );
    }
}
