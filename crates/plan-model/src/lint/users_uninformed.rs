//! `users-uninformed`: users are told when they may come back.
//!
//! Only for plans with a phase of maintenance in which something happens; what they are told
//! before is `notice-missing`.

use super::ask::users::{self, turns};
use super::{Finding, Level, Lint, Rule};
use crate::model::action::maintenance::Turn;

pub const RULE: Rule = Rule {
    code: "users-uninformed",
    severity: Level::Warning,
    about: "users are told when a maintenance phase is over",
    why: "The checklists end with \"announce the end\", and by then everybody is asleep. Users try again \
          every five minutes, or stay away for a day that nobody asked of them; whoever comes back early \
          meets a system that is not ready and reports errors that are none.",
    bad: "plan: p
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: tell, notify: { command: ./tell-users.sh, message: We start } }
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: tell, notify: { command: ./tell-users.sh, message: We start } }
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
  - phase: after
    steps:
      - { step: tell-the-end, notify: { command: ./tell-users.sh, message: We are back } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let Some((at, phase)) = plan.plan.maintenance_phases().last() else { return };
    let mut opens: Vec<usize> =
        turns(lint).into_iter().filter(|(_, turn)| *turn == Turn::Off).map(|(at, _)| at).collect();
    opens.sort_unstable();
    let over = match opens.is_empty() {
        false => plan.order.iter().rposition(|entry| opens.binary_search(entry).is_ok()),
        true => plan.order.iter().rposition(|entry| {
            let entry = plan.entry(*entry);
            entry.phase == at && users::acts(entry)
        }),
    };
    let Some(over) = over else { return };
    let told = plan.order[over..]
        .iter()
        .any(|entry| users::notice(plan.entry(*entry)).is_some_and(users::tells_users));
    if !told {
        let last = plan.entry(plan.order[over]);
        found.push(
            Finding::new(
                phase.span,
                format!("users are out in `{}`, and nothing tells them when it is over", phase.id),
            )
            .about_phase(at)
            .related(last.span, "after this they may come back")
            .help("add at the end: notify: { message: We are back, email: …, audience: users }"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn the_end_is_where_maintenance_mode_ends() {
        let plan = |end: &str| {
            format!(
                "plan: p\nphases:\n  - phase: switch\n    maintenance: true\n    steps:\n      - {{ step: out, maintenance: on }}\n      - {{ checkpoint: seen, checks: [{{ port: 80 }}] }}\n{end}"
            )
        };
        let (off, tell) = (
            "      - { step: in, maintenance: off }\n",
            "      - { step: tell, notify: { command: ./tell, message: Back } }\n",
        );
        check(&RULE, &plan(&format!("{off}{tell}")), &[]);
        check(
            &RULE,
            &plan(&format!("{tell}{off}")),
            &["switch|users are out in `switch`, and nothing tells them when it is over"],
        );
    }
}
