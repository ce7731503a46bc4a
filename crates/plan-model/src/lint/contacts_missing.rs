//! `contacts-missing`: when something fails there is somebody to call.
//!
//! Only for plans that people feel: a window, a phase or mode of maintenance, or a protected
//! environment. A plan of five lines is left alone.

use super::ask::{self, users};
use super::{Finding, Level, Lint, Rule};
use crate::model::action::Effect;
use crate::model::plan::FailureKind;

pub const RULE: Rule = Rule {
    code: "contacts-missing",
    severity: Level::Warning,
    about: "a plan that users feel names whom to call, and how, for every kind of failure",
    why: "At three in the morning the operator alone decides whether to go on, unless there is a number to \
          call. The guides end with a list of roles and no numbers, or send database problems to one \
          person and everything else to nobody. Contacts and escalation are shown at the moment of failure.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
contacts: [{ role: Lead developer, phone: \"+229 21 30 45 67\" }]
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    if !users::is_felt(lint) {
        return;
    }
    if plan.contacts.is_empty() {
        found.push(
            Finding::new(
                plan.file.plan.span,
                "nobody is named who can be called when something fails",
            )
            .help("add: contacts: [{ role: DBA, name: …, phone: … }]"),
        );
        return;
    }
    for contact in &plan.contacts {
        let ways = [&contact.phone, &contact.email];
        let is_reached = ways.iter().any(|way| way.is_some())
            || contact.webhook.is_some()
            || contact.command.is_some();
        if !is_reached {
            found.push(
                Finding::new(
                    contact.role.span,
                    format!("nothing says how `{}` can be reached", contact.role.value),
                )
                .help("add `phone:`, `email:` or `webhook:`"),
            );
        }
    }
    let escalation = plan.file.escalation.as_deref().unwrap_or_default();
    let Some(first) = escalation.first() else { return };
    let told = |kind: FailureKind| {
        escalation
            .iter()
            .any(|one| matches!(one.only, None | Some(FailureKind::Any)) || one.only == Some(kind))
    };
    for (kind, what) in [
        (FailureKind::Database, "on a database"),
        (FailureKind::Files, "on files"),
        (FailureKind::Services, "on services"),
    ] {
        if told(kind) {
            continue;
        }
        let used = ask::written(lint.plan).find(|(_, entry)| {
            ask::effects(entry).iter().any(|effect| match effect {
                Effect::Schema { .. } | Effect::Data { .. } => kind == FailureKind::Database,
                Effect::Files { .. } => kind == FailureKind::Files,
                Effect::Services { .. } => kind == FailureKind::Services,
                Effect::Outside => false,
            })
        });
        if let Some((_, entry)) = used {
            found.push(
                Finding::new(first.span, format!("nobody is told when a step that works {what} fails"))
                    .related(entry.span, "such as this one")
                    .help(format!("add to the escalation: - {{ after: 0m, tell: …, for: {} }}, or leave `for` out", kind.word())),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn a_plan_that_nobody_feels_needs_no_contacts() {
        let plan = RULE.bad.replace("window: { opens: \"02:00\", lasts: 3h, timezone: UTC }\n", "");
        check(&RULE, &plan, &[]);
        let looks =
            RULE.bad.replace("git: { checkout: v2.0.0, in: app/ }", "run: uptime, read_only: true");
        check(&RULE, &looks, &[]);
    }

    #[test]
    fn a_role_without_a_number_is_nobody() {
        let plan = RULE.good.replace("phone: \"+229 21 30 45 67\"", "name: A. Hounsou");
        check(&RULE, &plan, &["Lead developer|nothing says how `Lead developer` can be reached"]);
    }

    #[test]
    fn every_kind_of_failure_has_somebody() {
        let plan = |only: &str| {
            RULE.good.replace(
                "steps:",
                &format!("escalation: [{{ after: 0m, tell: Lead developer{only} }}]\nsteps:"),
            )
        };
        check(&RULE, &plan(""), &[]);
        check(&RULE, &plan(", for: files"), &[]);
        check(
            &RULE,
            &plan(", for: database"),
            &[
                "{ after: 0m, tell: Lead developer, for: database }|nobody is told when a step that works on files fails",
            ],
        );
    }
}
