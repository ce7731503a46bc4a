//! `migrate-unchecked`: after a migration somebody looks at the data.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::{Facts, after};
use crate::model::action::Action;
use crate::model::check::Check;
use crate::resolve::EntryOf;

pub const RULE: Rule = Rule {
    code: "migrate-unchecked",
    severity: Level::Error,
    about: "after a migration the data is compared or asked, on every path",
    why: "A migration that ends without an error may still have emptied a column, doubled rows or lost \
          those that a join did not find. The guides go on to \"restart the application\" and hear of it \
          from users. A count before and after, or one query, tells within seconds.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: schema
    migrate: { database: main, from: migrations/ }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: schema
    migrate: { database: main, from: migrations/ }
  - checkpoint: whole
    checks:
      - { sql: select count(*) from orders where colour is null, on: main, equals: 0 }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    if !plan.entries().iter().any(|entry| migrated(entry).is_some()) {
        return;
    }
    let databases: Vec<&str> =
        plan.plan.connections.iter().map(|(id, _)| id.value.as_str()).collect();
    let number = |database: &str| databases.iter().position(|known| *known == database);
    let any = databases.len();
    let checked = after(plan, |at, facts| looks_at(plan.entry(at), any, &number, facts));
    for (at, entry) in ask::written(plan) {
        let Some(database) = migrated(entry) else { continue };
        let is_checked =
            checked[at].has(any) || number(database).is_some_and(|one| checked[at].has(one));
        if !is_checked {
            found.push(
                Finding::new(
                    entry.span,
                    format!("nothing looks at the data of {database} after `{}`", entry.id),
                )
                .about(at)
                .help(format!(
                    "put a checkpoint below it with a check such as {{ sql: select count(*) from …, on: {database}, equals: … }}"
                ))
                .help("or take a `compare:` snapshot before it, and compare with that after it"),
            );
        }
    }
}

fn migrated(entry: &EntryOf) -> Option<&str> {
    match ask::action(entry.step()?)? {
        Action::Migrate(migrate) => Some(migrate.database.value.as_str()),
        _ => None,
    }
}

/// Notes the databases at which an entry looks; `any` where it does not say which.
fn looks_at(
    entry: &EntryOf,
    any: usize,
    number: &dyn Fn(&str) -> Option<usize>,
    facts: &mut Facts,
) {
    let mut note = |database: Option<&str>| facts.insert(database.and_then(number).unwrap_or(any));
    for check in checks::asked(entry) {
        match check {
            Check::Sql(check) => note(check.on.as_ref().map(|on| on.value.as_str())),
            // The application's own test may look at anything.
            Check::Compare(_) | Check::Run(_) => note(None),
            _ => {}
        }
    }
    let Some(step) = entry.step() else { return };
    match ask::action(step) {
        Some(Action::Compare(compare)) if compare.with.is_some() => {
            note(compare.database.as_ref().map(|id| id.value.as_str()));
        }
        Some(Action::Sql(sql)) if sql.keys().is_some_and(|keys| keys.expect.is_some()) => {
            let database = sql.keys().and_then(|keys| keys.database.as_ref());
            let on = step.surroundings.on.as_ref().map(|on| on.value.as_str());
            note(database.map(|id| id.value.as_str()).or(on));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::{check_with, example_folder};

    fn check(below: &str, expected: &[&str]) {
        let plan = format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }}, other: {{ file: b.db }} }}\nsteps:\n  - {{ step: count, compare: {{ snapshot: before, database: main }} }}\n  - {{ step: schema, migrate: {{ database: main, from: migrations/ }} }}\n{below}"
        );
        check_with(&RULE, &plan, &example_folder(), None, expected);
    }

    const MESSAGE: &str = "schema|nothing looks at the data of main after `schema`";

    #[test]
    fn a_query_or_a_comparison_below_is_enough() {
        check("", &[MESSAGE]);
        check("  - { checkpoint: c, checks: [{ sql: select 1, on: main, equals: 1 }] }\n", &[]);
        check("  - { checkpoint: c, checks: [{ compare: count }] }\n", &[]);
        check("  - { step: c, compare: { with: count, database: main } }\n", &[]);
        check("  - { checkpoint: c, checks: [{ run: ./verify }] }\n", &[]);
    }

    #[test]
    fn another_database_or_a_question_to_people_is_not() {
        check(
            "  - { checkpoint: c, checks: [{ sql: select 1, on: other, equals: 1 }] }\n",
            &[MESSAGE],
        );
        check("  - { checkpoint: c, checks: [{ manual: Fine? }] }\n", &[MESSAGE]);
    }

    #[test]
    fn a_check_that_does_not_wait_for_it_is_not() {
        let beside = "  - { checkpoint: c, needs: [count], checks: [{ sql: select 1, on: main, equals: 1 }] }\n";
        check(beside, &[MESSAGE]);
    }
}
