//! `backup-before-change`: what a plan changes is saved before, in the same run.

use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::before;

pub const RULE: Rule = Rule {
    code: "backup-before-change",
    severity: Level::Error,
    about: "a database is saved in the same run before it is changed",
    why: "All five guides that this tool grew from demand a backup before anything else, and leave it \
          to memory. A migration that goes wrong on MySQL, or data that is converted wrongly, comes \
          back from a backup only; one of last night has lost a day. The backup must come before the \
          change on every path through the plan, not merely stand above it.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: schema
    migrate: { database: main, from: migrations/ }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/ }
  - step: schema
    migrate: { database: main, from: migrations/ }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let databases: Vec<&str> =
        plan.plan.connections.iter().map(|(id, _)| id.value.as_str()).collect();
    let number = |database: &str| databases.iter().position(|known| *known == database);
    let saved = before(plan, |at, facts| {
        if let Some(number) = ask::saved_database(plan.entry(at)).and_then(number) {
            facts.insert(number);
        }
    });
    // The first backup of each, to point at where it does not come first.
    let mut backups: Vec<Option<usize>> = vec![None; databases.len()];
    for (at, entry) in plan.entries().iter().enumerate() {
        if let Some(number) = ask::saved_database(entry).and_then(number) {
            backups[number].get_or_insert(at);
        }
    }
    for (at, entry) in ask::written(plan) {
        for database in ask::changed_databases(entry) {
            let Some(number) = number(&database).filter(|number| !saved[at].has(*number)) else {
                continue;
            };
            let mut finding = Finding::new(
                entry.span,
                format!("`{}` changes {database}, which is not saved before", entry.id),
            )
            .about(at)
            .help(format!("put a step above it: backup: {{ database: {database}, to: backups/ }}"));
            if let Some(other) = backups[number] {
                finding = finding
                    .related(plan.entry(other).span, "this backup does not always come first");
            }
            found.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(steps: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }}, other: {{ file: b.db }} }}\nsteps:\n{steps}"
        )
    }

    const SAVE: &str = "  - { step: save, backup: { database: main, to: b/ } }\n";
    const CHANGE: &str = "  - { step: change, sql: { text: delete from t where 1, database: main }, irreversible: old rows }\n";

    #[test]
    fn a_backup_above_is_enough() {
        check(&RULE, &plan(&format!("{SAVE}{CHANGE}")), &[]);
    }

    #[test]
    fn sqlite_saves_itself_into_another_file() {
        let save = "  - { step: save, sql: { text: VACUUM  into 'b.db', database: main, transaction: off } }\n";
        check(&RULE, &plan(&format!("{save}{CHANGE}")), &[]);
    }

    #[test]
    fn a_backup_below_beside_or_of_another_database_is_not() {
        let message = "change|`change` changes main, which is not saved before";
        check(&RULE, &plan(&format!("{CHANGE}{SAVE}")), &[message]);
        let beside = CHANGE.replace("step: change", "step: change, needs: []");
        check(&RULE, &plan(&format!("{SAVE}{beside}")), &[message]);
        check(&RULE, &plan(&format!("{}{CHANGE}", SAVE.replace("main", "other"))), &[message]);
    }

    #[test]
    fn a_backup_that_may_be_skipped_is_none() {
        let look = "  - { step: look, run: uptime, read_only: true, outputs: { n: stdout } }\n";
        let sometimes = SAVE.replace("step: save", "step: save, when: steps.look.n != '0'");
        check(
            &RULE,
            &plan(&format!("{look}{sometimes}{CHANGE}")),
            &["change|`change` changes main, which is not saved before"],
        );
    }
}
