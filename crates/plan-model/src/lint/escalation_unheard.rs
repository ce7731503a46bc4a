//! `escalation-unheard`: somebody who is to be told of a failure can be told.
//!
//! Looks at the whole ladder: one person who is reached by a message can wake the others.

use super::ask::users::is_felt;
use super::{Finding, Level, Lint, Rule};
use crate::model::plan::Contact;

pub const RULE: Rule = Rule {
    code: "escalation-unheard",
    severity: Level::Warning,
    about: "a message reaches at least one of those who are to be told of a failure",
    why: "A telephone number is only shown: `plan` cannot call it. Where nobody on the ladder has an e-mail \
          address, a webhook or a command, a run that fails while its operator sleeps tells no one, and the \
          fifteen minutes after which the next one should hear of it pass in silence.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
contacts:
  - { role: Lead developer, phone: \"+229 21 30 45 67\" }
escalation:
  - { after: 0m, tell: Lead developer }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
contacts:
  - { role: Lead developer, phone: \"+229 21 30 45 67\", email: lead@punk-eco.ma }
escalation:
  - { after: 0m, tell: Lead developer }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    let Some(first) = plan.file.escalation.iter().flatten().next() else { return };
    let told = plan.file.escalation.iter().flatten().map(|rung| &rung.tell.value);
    let mut contacts = told
        .flat_map(|role| plan.contacts.iter().filter(move |contact| contact.role.value == *role));
    if contacts.any(hears) || !is_felt(lint) {
        return;
    }
    let role = &first.tell.value;
    found.push(
        Finding::new(
            first.tell.span,
            "a failure tells nobody: no message reaches anyone of the escalation".to_owned(),
        )
        .help(format!("give {role} an `email`, a `webhook` or a `command` that reaches them")),
    );
}

fn hears(contact: &Contact) -> bool {
    contact.email.is_some() || contact.webhook.is_some() || contact.command.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    const NOBODY: &str =
        "Lead developer|a failure tells nobody: no message reaches anyone of the escalation";

    #[test]
    fn one_who_hears_is_enough() {
        check(&RULE, RULE.bad, &[NOBODY]);
        let more = RULE.bad.replace(
            "escalation:",
            "  - { role: DBA, command: ./page.sh dba }\nescalation:\n  - { after: 15m, tell: DBA }",
        );
        check(&RULE, &more, &[]);
        // Whoever hears and is not on the ladder helps nobody.
        check(&RULE, &more.replace("  - { after: 15m, tell: DBA }\n", ""), &[NOBODY]);
    }
}
