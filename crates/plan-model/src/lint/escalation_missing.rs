//! `escalation-missing`: of several people, one is called first.
//!
//! Only for plans that people feel, and only where there is a choice: with one contact there is
//! nothing to order, and without any `contacts-missing` speaks.

use super::ask::users::is_felt;
use super::{Finding, Level, Lint, Rule};

pub const RULE: Rule = Rule {
    code: "escalation-missing",
    severity: Level::Warning,
    about: "several contacts come with an order: who is told when",
    why: "Five people on a list and no order means that the operator calls whoever they know best, and that \
          the one who may decide to turn back hears of it when the window is over. The order, and after \
          how many minutes the next one is told, is decided in daylight.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
contacts:
  - { role: Lead developer, phone: \"+229 21 30 45 67\" }
  - { role: DBA, phone: \"+229 21 30 45 68\" }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
contacts:
  - { role: Lead developer, phone: \"+229 21 30 45 67\" }
  - { role: DBA, phone: \"+229 21 30 45 68\" }
escalation:
  - { after: 0m, tell: Lead developer }
  - { after: 15m, tell: DBA }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    let ordered = plan.file.escalation.as_ref().is_some_and(|list| !list.is_empty());
    if ordered || plan.contacts.len() < 2 || !is_felt(lint) {
        return;
    }
    let (first, second) = (&plan.contacts[0].role, &plan.contacts[1].role);
    found.push(
        Finding::new(
            first.span,
            format!("{} people can be called, and nothing says who first", plan.contacts.len()),
        )
        .help(format!(
            "add: escalation: [{{ after: 0m, tell: {} }}, {{ after: 15m, tell: {} }}]",
            first.value, second.value
        )),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn one_contact_needs_no_order() {
        let plan = RULE.bad.replace("  - { role: DBA, phone: \"+229 21 30 45 68\" }\n", "");
        check(&RULE, &plan, &[]);
        check(
            &RULE,
            RULE.bad,
            &["Lead developer|2 people can be called, and nothing says who first"],
        );
    }
}
