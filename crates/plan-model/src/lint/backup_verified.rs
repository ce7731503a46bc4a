//! `backup-verified`: a change relies on a backup that its own tool has read, not only on its bytes.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::before;
use crate::model::action::Action;
use crate::model::check::{Check, Proof};
use crate::resolve::EntryOf;

pub const RULE: Rule = Rule {
    code: "backup-verified",
    severity: Level::ErrorWhenProtected,
    about: "a change relies only on a backup that was read completely by the database's own tool",
    why: "A truncated dump has a size, a checksum and even a table of contents: `pg_restore --list` \
          says yes to half a file. It is found out when the backup is needed, and then it is too late. \
          `proof: parse` lets the database's own tool read the whole of it before anything depends on it.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/, proof: read }
  - step: schema
    migrate: { database: main, from: migrations/ }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/, proof: parse }
  - step: schema
    migrate: { database: main, from: migrations/ }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    if !plan.entries().iter().any(|entry| weakly_saved(entry).is_some()) {
        return;
    }
    let databases: Vec<&str> =
        plan.plan.connections.iter().map(|(id, _)| id.value.as_str()).collect();
    let number = |database: &str| databases.iter().position(|known| *known == database);
    let proven = before(plan, |at, facts| {
        let entry = plan.entry(at);
        let saved = ask::saved_database(entry).filter(|_| weakly_saved(entry).is_none());
        saved.and_then(number).into_iter().for_each(|number| facts.insert(number));
        weakly_saved(entry)
            .and_then(number)
            .into_iter()
            .for_each(|number| facts.insert(databases.len() + number));
        for check in checks::asked(entry) {
            let Check::Backup(check) = check else { continue };
            if matches!(check.proof, Some(Proof::Parse | Proof::Restore)) {
                let step = plan.by_id(&check.backup.value);
                let database = step.and_then(|at| ask::saved_database(plan.entry(at)));
                number(database.unwrap_or(&check.backup.value))
                    .into_iter()
                    .for_each(|number| facts.insert(number));
            }
        }
    });
    let mut relying = vec![None; databases.len()];
    for (at, entry) in ask::written(plan) {
        for number in ask::changed_databases(entry).iter().filter_map(|one| number(one)) {
            let weak = proven[at].has(databases.len() + number) && !proven[at].has(number);
            if weak && relying[number].is_none() {
                relying[number] = Some(at);
            }
        }
    }
    for (at, entry) in ask::written(plan) {
        let change = weakly_saved(entry).and_then(number).and_then(|number| relying[number]);
        let Some(change) = change.map(|at| plan.entry(at)) else { continue };
        found.push(
            Finding::new(
                entry.span,
                format!(
                    "`{}` relies on `{}`, which only reads its bytes back",
                    change.id, entry.id
                ),
            )
            .about(at)
            .related(change.span, "this change relies on it")
            .help("write `proof: parse`, or `proof: restore` for a trial restore"),
        );
    }
}

/// The database of a backup that is proven less than the default.
fn weakly_saved(entry: &EntryOf) -> Option<&str> {
    match ask::action(entry.step()?)? {
        Action::Backup(backup) if backup.proof == Some(Proof::Read) => {
            backup.database.as_ref().map(|id| id.value.as_str())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(between: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - {{ step: save, backup: {{ database: main, to: b/, proof: read }} }}\n{between}"
        )
    }

    const CHANGE: &str = "  - { step: change, sql: { text: delete from t where 1, database: main }, irreversible: old rows }\n";

    #[test]
    fn bytes_alone_prove_nothing_once_a_change_relies_on_them() {
        check(
            &RULE,
            &plan(CHANGE),
            &["save|`change` relies on `save`, which only reads its bytes back"],
        );
        check(&RULE, &plan(""), &[]);
    }

    #[test]
    fn a_better_backup_or_a_later_proof_is_enough() {
        let better = "  - { step: again, backup: { database: main, to: b/ } }\n";
        check(&RULE, &plan(&format!("{better}{CHANGE}")), &[]);
        let proof = "  - { checkpoint: proven, checks: [{ backup: save, proof: restore }] }\n";
        check(&RULE, &plan(&format!("{proof}{CHANGE}")), &[]);
    }
}
