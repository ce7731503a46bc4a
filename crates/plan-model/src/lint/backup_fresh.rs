//! `backup-fresh`: a plan that relies on a backup of before says how old it may be.

use rustc_hash::FxHashSet;

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::check::{BackupCheck, Check};

pub const RULE: Rule = Rule {
    code: "backup-fresh",
    severity: Level::ErrorWhenProtected,
    about: "a backup that the plan does not take itself has an age limit",
    why: "\"A recent backup exists\", says the checklist, and the newest one turns out to be three weeks \
          old: the nightly job has failed unseen since. A check that says nothing of the age holds for \
          any backup, however much has been written after it.",
    bad: "plan: p
connections: { main: { file: shop.db } }
requires:
  - backup: main
steps:
  - { step: look, run: uptime, read_only: true }
",
    good: "plan: p
connections: { main: { file: shop.db } }
requires:
  - { backup: main, max_age: 24h }
steps:
  - { step: look, run: uptime, read_only: true }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let mut asked: Vec<(Option<usize>, &BackupCheck)> = Vec::new();
    let ageless = |check: &&Check| matches!(check, Check::Backup(one) if one.max_age.is_none());
    for check in checks::required(&plan.plan).into_iter().filter(ageless) {
        let Check::Backup(check) = check else { continue };
        asked.push((None, check));
    }
    for (at, entry) in ask::written(plan) {
        for check in checks::asked(entry).into_iter().filter(ageless) {
            let Check::Backup(check) = check else { continue };
            asked.push((Some(at), check));
        }
    }
    if asked.is_empty() {
        return;
    }
    let taken: FxHashSet<&str> = plan.entries().iter().filter_map(ask::saved_database).collect();
    for (at, check) in asked {
        let name = check.backup.value.as_str();
        let is_step = plan.by_id(name).is_some() || plan.plan.connection(name).is_none();
        // What this run takes itself is fresh.
        if is_step || taken.contains(name) {
            continue;
        }
        let message = format!("any backup of {name} will do here, however old");
        let mut finding = Finding::new(check.backup.span, message)
            .help("add how old it may be, such as `max_age: 24h`, or take one in this plan");
        finding.entry = at;
        found.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(steps: &str) -> String {
        format!("plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n{steps}")
    }

    const ASK: &str = "  - { checkpoint: saved, checks: [{ backup: main }] }\n";
    const MESSAGE: &str = "main|any backup of main will do here, however old";

    #[test]
    fn a_backup_of_before_has_an_age_limit() {
        check(&RULE, &plan(ASK), &[MESSAGE]);
        check(&RULE, &plan(&ASK.replace("backup: main", "backup: main, max_age: 24h")), &[]);
    }

    #[test]
    fn a_backup_of_this_run_is_fresh() {
        let save = "  - { step: save, backup: { database: main, to: b/ } }\n";
        check(&RULE, &plan(&format!("{save}{ASK}")), &[]);
        check(&RULE, &plan(&format!("{save}{}", ASK.replace("main", "save"))), &[]);
    }
}
