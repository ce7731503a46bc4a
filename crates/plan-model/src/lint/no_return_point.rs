//! `no-return-point`: once users write again, a failure does not bring an old database back.
//!
//! Users are let in by the step that ends maintenance mode; where the plan has none, by the end of
//! its last maintenance phase. Only databases that a rollback restores count: migrations go back
//! by scripts that keep the rows.

use rustc_hash::FxHashSet;

use super::ask::{self, users::turns};
use super::{Finding, Level, Lint, Rule};
use crate::graph::before::ended_before;
use crate::graph::on_failure;
use crate::model::action::Action;
use crate::model::action::maintenance::Turn;
use crate::model::plan::{OnFailure, OnFailureWord};

pub const RULE: Rule = Rule {
    code: "no-return-point",
    severity: Level::Warning,
    about: "after users are let in, no failure restores a database over what they write",
    why: "Until users are back, a rollback can restore the database and nothing is lost. From their first \
          click on it loses what they wrote. A failed changelog entry or a slow page an hour later is no \
          reason for that: what comes after the opening should stop and ask, or go back to a checkpoint \
          after the opening.",
    bad: "plan: p
connections: { main: { file: shop.db } }
state: { databases: [main] }
steps:
  - { step: out, maintenance: on }
  - { step: save, backup: { database: main, to: backups/ } }
  - step: convert
    run: ./convert
    rollback: { restore: { step: save, database: main } }
  - { step: in, maintenance: off }
  - { checkpoint: used, checks: [{ log: app.log, within: 10m }] }
",
    good: "plan: p
connections: { main: { file: shop.db } }
state: { databases: [main] }
steps:
  - { step: out, maintenance: on }
  - { step: save, backup: { database: main, to: backups/ } }
  - step: convert
    run: ./convert
    rollback: { restore: { step: save, database: main } }
  - { step: in, maintenance: off }
  - { checkpoint: used, checks: [{ log: app.log, within: 10m }], on_failure: pause }
",
    check,
};

const USERS_IN: usize = 0;
const RESTORES: usize = 1;

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let Some(restores) = plan.order.iter().copied().find(|at| restores_when_undone(lint, *at))
    else {
        return;
    };
    let last_out = plan.plan.maintenance_phases().map(|(at, _)| at).last();
    let opens: FxHashSet<usize> =
        turns(lint).into_iter().filter(|(_, turn)| *turn == Turn::Off).map(|(at, _)| at).collect();
    if opens.is_empty() && last_out.is_none() {
        return;
    }
    let ended = ended_before(plan, |at, marks| {
        if opens.contains(&at) {
            marks.insert(USERS_IN);
        }
        if restores_when_undone(lint, at) {
            marks.insert(RESTORES);
        }
    });
    let after_opening = |at: usize| match opens.is_empty() {
        false => ended[at].has(USERS_IN),
        true => last_out.is_some_and(|last| plan.entry(at).phase > last),
    };
    let first = plan.order.iter().copied().find(|at| {
        after_opening(*at) && ended[*at].has(RESTORES) && can_fail(lint, *at) && {
            match on_failure(plan.entry(*at)) {
                OnFailure::Word(word) => word == OnFailureWord::Rollback,
                OnFailure::To(to) => {
                    plan.by_id(&to.rollback_to.value).is_some_and(|goal| !after_opening(goal))
                }
            }
        }
    });
    let Some(at) = first else { return };
    let (entry, undone) = (plan.entry(at), plan.entry(restores));
    let mut finding = Finding::new(
        entry.span,
        format!(
            "if `{}` fails, a rollback restores a database that users write to again",
            entry.id
        ),
    )
    .about(at)
    .related(undone.span, "undoing this restores it");
    if let Some(open) = opens.iter().min() {
        finding = finding.related(plan.entry(*open).span, "users are let in here");
    }
    found.push(finding.help(
        "give what follows the opening `on_failure: pause`, or `on_failure: { rollback_to: … }` with a checkpoint after it",
    ));
}

fn restores_when_undone(lint: &Lint<'_>, at: usize) -> bool {
    let step = lint.plan.entry(at).step();
    let back = step.into_iter().flat_map(|step| &step.rollback).flat_map(|many| many.iter());
    back.flat_map(|one| one.actions.iter())
        .any(|action| matches!(action, Action::Restore(restore) if restore.database.is_some()))
}

/// A message that cannot be sent is a warning.
fn can_fail(lint: &Lint<'_>, at: usize) -> bool {
    ask::users::notice(lint.plan.entry(at)).is_none_or(|notify| {
        notify.required.as_ref().is_some_and(|required| required.fixed() != Some(false))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn what_follows_may_go_back_to_a_checkpoint_after_the_opening() {
        let plan = |to: &str| {
            RULE.bad.replace(
                "  - { checkpoint: used, checks: [{ log: app.log, within: 10m }] }\n",
                &format!("  - {{ checkpoint: open, checks: [{{ port: 80 }}], on_failure: pause }}\n  - {{ step: enter, changelog: {{ file: C.md, text: t }}, on_failure: {to} }}\n"),
            )
        };
        check(&RULE, &plan("{ rollback_to: open }"), &[]);
        check(
            &RULE,
            &plan("rollback"),
            &["enter|if `enter` fails, a rollback restores a database that users write to again"],
        );
    }

    #[test]
    fn without_maintenance_mode_users_are_back_after_the_last_such_phase() {
        let plan = |maintenance: bool| {
            format!(
                "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nphases:\n  - phase: change\n    maintenance: {maintenance}\n    steps:\n      - {{ step: save, backup: {{ database: main, to: b/ }} }}\n      - {{ step: convert, run: ./c, rollback: {{ restore: {{ step: save, database: main }} }} }}\n  - phase: after\n    steps:\n      - {{ step: tell, notify: {{ message: Done, command: ./tell }} }}\n      - {{ step: enter, changelog: {{ file: C.md, text: t }} }}\n"
            )
        };
        check(
            &RULE,
            &plan(true),
            &["enter|if `enter` fails, a rollback restores a database that users write to again"],
        );
        check(&RULE, &plan(false), &[]);
    }
}
