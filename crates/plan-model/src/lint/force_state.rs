//! `force-state`: no automatic step sets the recorded version by hand.

use super::ask::runs::runs;
use super::{Finding, Level, Lint, Rule};
use crate::scripts::Purpose;
use crate::shell::facts::forced_state;

pub const RULE: Rule = Rule {
    code: "force-state",
    severity: Level::Error,
    about: "no step sets the recorded version without migrating (stamp, fake, repair)",
    why: "`stamp`, `--fake` and `repair` write into the tracking table what the schema should be, whatever \
          it is. They are how a person gets out of a broken migration after having looked. In a step that \
          runs by itself they hide a half-applied script, and every later migration builds on it.",
    bad: "plan: p
steps:
  - step: schema
    run: flask db stamp 4f2a
    irreversible: nobody needs the old record
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: schema
    migrate: { database: main, engine: flask, to: 4f2a }
    in: app/
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for run in runs(lint).filter(|run| run.purpose != Purpose::Check) {
        for fact in forced_state(run.script) {
            let of =
                run.entry.map_or(String::new(), |at| format!(" of `{}`", lint.plan.entry(at).id));
            let place = run.place(lint.sources, &fact.range);
            let finding = Finding::new(place, format!("this{of} {}", fact.about))
                .help("migrate to the version; a new database without records takes `baseline:` of `migrate:`")
                .help("what is broken is repaired by a person: make it a `manual:` step");
            found.push(Finding { entry: run.entry, ..finding });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        format!(
            "plan: p\nsteps:\n  - step: a\n    run: {run}\n    irreversible: a test of this rule\n"
        )
    }

    #[test]
    fn forcing_is_refused_and_looking_is_not() {
        let message = "this of `a` sets the recorded version without migrating";
        for run in [
            "docker compose run --rm web flask db stamp 4f2a",
            "python manage.py migrate --fake shop 7",
        ] {
            check(
                &RULE,
                &plan(run),
                &[&format!("{}|{message}", run.trim_start_matches("docker compose run --rm web "))],
            );
        }
        check(&RULE, &plan("[flyway, repair]"), &[&format!("flyway, repair|{message}")]);
        check(&RULE, &plan("flask db current"), &[]);
    }
}
