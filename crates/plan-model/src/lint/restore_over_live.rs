//! `restore-over-live`: a restore goes beside the live data first.

use super::{Finding, Level, Lint, Rule};
use crate::scripts::Purpose;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "restore-over-live",
    severity: Level::Error,
    about: "a restore goes beside the live data, and takes its place when it is complete",
    why: "A dump loaded into a database that is in use prints \"already exists\" for every table, \
          restores nothing and ends with 0; mysql stops half way with the one half replaced. A restore \
          beside the live data, compared and then swapped, leaves something to go back to.",
    bad: "plan: p
steps:
  - step: convert
    run: ./convert
    rollback: { run: gunzip -c backups/shop-41.sql.gz | psql shop }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/ }
  - step: convert
    run: ./convert
    changes: { databases: [main] }
    rollback: { restore: { step: save, database: main } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for script in lint.scripts.scripts.iter().filter(|script| script.purpose != Purpose::Check) {
        for fact in facts::plain_restores(&script.script) {
            let place = script.place(lint.sources, fact.range.clone());
            let mut finding = Finding::new(place, format!("this {}", fact.about)).help(
                "take a `restore:` step: it loads beside the live data, compares, then swaps",
            );
            finding.entry = script.entry;
            found.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn scripts_that_load_a_dump_into_a_live_database_are_refused() {
        let plan = |run: &str| {
            format!(
                "plan: p\nsteps:\n  - step: a\n    run: {run}\n    irreversible: \"it is so\"\n"
            )
        };
        check(
            &RULE,
            &plan("mysql shop < backups/shop-41.sql"),
            &["mysql shop|this puts a dump into a database that is in use"],
        );
        check(&RULE, &plan("mysql shop_scratch < backups/shop-41.sql"), &[]);
        check(&RULE, &plan("psql shop < seeds/roles.sql"), &[]);
    }
}
