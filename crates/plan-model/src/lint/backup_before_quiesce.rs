//! `backup-before-quiesce`: the backup to go back to is taken when nobody writes any more.

use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::before;
use crate::model::action::Action;
use crate::model::action::maintenance::Turn;
use crate::resolve::EntryOf;

pub const RULE: Rule = Rule {
    code: "backup-before-quiesce",
    severity: Level::ErrorWhenProtected,
    about: "in maintenance, a backup is taken after users and workers are out",
    why: "A backup taken in the preparation lacks what users wrote until maintenance began. Going back \
          to it loses those orders, and nobody can say which they were. The backup of before proves that \
          backups work; the one to return to is taken once nobody writes.",
    bad: "plan: p
connections: { main: { file: shop.db } }
window: { opens: \"02:00\", lasts: 1h, timezone: UTC }
phases:
  - phase: prepare
    steps:
      - { step: save, backup: { database: main, to: backups/ } }
  - phase: switch
    maintenance: true
    steps:
      - { step: close, maintenance: { turn: on, kind: file, file: down.flag } }
      - { step: schema, migrate: { database: main, from: migrations/ } }
",
    good: "plan: p
connections: { main: { file: shop.db } }
window: { opens: \"02:00\", lasts: 1h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: close, maintenance: { turn: on, kind: file, file: down.flag } }
      - { step: save, backup: { database: main, to: backups/ } }
      - { step: schema, migrate: { database: main, from: migrations/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let in_maintenance = |entry: &EntryOf| plan.plan.phases[entry.phase].maintenance;
    let closes = plan.entries().iter().any(|entry| stops_writers(entry).is_some());
    if !closes && plan.plan.maintenance_phases().next().is_none() {
        return;
    }
    let databases: Vec<&str> =
        plan.plan.connections.iter().map(|(id, _)| id.value.as_str()).collect();
    let number = |database: &str| databases.iter().position(|known| *known == database);
    let count = databases.len();
    let quiet = before(plan, |at, facts| {
        if stops_writers(plan.entry(at)).is_some() {
            facts.insert(0);
        }
    });
    // A phase of maintenance may begin with users out already: only its own steps can tell.
    let closed_by_steps: Vec<bool> = plan
        .plan
        .phases
        .iter()
        .map(|phase| phase.entries.clone().any(|at| stops_writers(plan.entry(at)).is_some()))
        .collect();
    let is_quiet = |at: usize| {
        let entry = plan.entry(at);
        quiet[at].has(0) || in_maintenance(entry) && !closed_by_steps[entry.phase]
    };
    let saved = before(plan, |at, facts| {
        if let Some(number) = ask::saved_database(plan.entry(at)).and_then(number) {
            facts.insert(number);
            if is_quiet(at) {
                facts.insert(count + number);
            }
        }
    });
    let mut said = vec![false; count];
    for (at, entry) in ask::written(plan) {
        if !is_quiet(at) {
            continue;
        }
        for number in ask::changed_databases(entry).iter().filter_map(|one| number(one)) {
            let early = saved[at].has(number) && !saved[at].has(count + number);
            if !early || std::mem::replace(&mut said[number], true) {
                continue;
            }
            let database = databases[number];
            let message = format!(
                "`{}` changes {database}, whose backup is from before users and workers were out",
                entry.id
            );
            let mut finding = Finding::new(entry.span, message).about(at).help(format!(
                "take a second one right before it: backup: {{ database: {database}, to: backups/ }}"
            ));
            let taken = plan.entries().iter();
            let mut taken = taken.filter(|other| ask::saved_database(other) == Some(database));
            if let Some(taken) = taken.next_back() {
                finding = finding.related(taken.span, "what is written after this would be lost");
            }
            found.push(finding);
        }
    }
}

/// Users or workers are out once this has ended.
fn stops_writers(entry: &EntryOf) -> Option<()> {
    match ask::action(entry.step()?)? {
        Action::Maintenance(maintenance) => (maintenance.turn() == Turn::On).then_some(()),
        Action::Service(service) => service.stop.as_ref().map(|_| ()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(prepare: &str, switch: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nwindow: {{ opens: \"02:00\", lasts: 1h, timezone: UTC }}\nphases:\n  - phase: prepare\n    steps:\n      - {{ step: look, run: uptime, read_only: true }}\n{prepare}  - phase: switch\n    maintenance: true\n    steps:\n{switch}"
        )
    }

    const SAVE: &str = "      - { step: save, backup: { database: main, to: b/ } }\n";
    const STOP: &str = "      - { step: stop, service: { stop: worker } }\n";
    const CHANGE: &str = "      - { step: change, sql: { text: delete from t where 1, database: main }, irreversible: old rows }\n";
    const MESSAGE: &str =
        "change|`change` changes main, whose backup is from before users and workers were out";

    #[test]
    fn the_backup_to_return_to_is_taken_in_the_quiet() {
        check(&RULE, &plan(SAVE, &format!("{STOP}{CHANGE}")), &[MESSAGE]);
        check(&RULE, &plan(SAVE, CHANGE), &[MESSAGE]);
        check(&RULE, &plan("", &format!("{STOP}{SAVE}{CHANGE}")), &[]);
        check(&RULE, &plan("", &format!("{SAVE}{CHANGE}")), &[]);
    }

    #[test]
    fn changes_before_maintenance_and_plans_without_backup_are_other_rules_business() {
        check(&RULE, &plan(&format!("{SAVE}{CHANGE}"), STOP), &[]);
        check(&RULE, &plan("", &format!("{STOP}{CHANGE}")), &[]);
    }
}
