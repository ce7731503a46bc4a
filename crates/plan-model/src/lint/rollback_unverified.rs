//! `rollback-unverified`: a restored database is compared with what it was.
//!
//! Only databases that a rollback restores: what undoes itself is verified by its own action.

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;

pub const RULE: Rule = Rule {
    code: "rollback-unverified",
    severity: Level::Error,
    about: "a database that a rollback restores is listed under `state:`, so that it is compared",
    why: "\"Restore the backup\" ends the chapter in every guide; whether the restored data are the data of \
          before, nobody looks. A dump loaded over a changed schema printed nineteen errors, restored \
          nothing and ended with 0. With `state:` the fingerprint taken before the run is compared after \
          the rollback, and what differs is listed.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/ }
  - step: convert
    run: ./convert
    rollback: { restore: { step: save, database: main } }
",
    good: "plan: p
connections: { main: { file: shop.db } }
state: { databases: [main] }
steps:
  - step: save
    backup: { database: main, to: backups/ }
  - step: convert
    run: ./convert
    rollback: { restore: { step: save, database: main } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let state = lint.plan.plan.file.state.as_ref().and_then(|state| state.databases.as_ref());
    let compared = |id: &str| state.into_iter().flatten().any(|known| known.value == id);
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        for action in
            step.rollback.iter().flat_map(|many| many.iter()).flat_map(|one| one.actions.iter())
        {
            let Action::Restore(restore) = action else { continue };
            let Some(database) = &restore.database else { continue };
            if compared(&database.value) {
                continue;
            }
            found.push(
                Finding::new(
                    database.span,
                    format!("the rollback of `{}` restores {}, and nothing compares it with what it was", entry.id, database.value),
                )
                .about(at)
                .help(format!("add it to the plan: state: {{ databases: [{}] }}", database.value)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn another_database_in_the_state_does_not_help() {
        let plan = RULE.good.replace("{ main:", "{ other: { file: o.db }, main:");
        check(&RULE, &plan, &[]);
        let plan = plan.replace("[main]", "[other]");
        let message = "main|the rollback of `convert` restores main, and nothing compares it with what it was";
        check(&RULE, &plan, &[message]);
    }

    #[test]
    fn files_are_put_back_by_their_own_action() {
        let plan = "plan: p\nsteps:\n  - { step: a, files: { remove: x } }\n";
        check(&RULE, plan, &[]);
    }
}
