//! `rollback-beyond-run`: a rollback undoes this run, not the runs before it.
//!
//! Going back by a count (`-1`, `HEAD~1`) is `relative-rollback`.

use super::ask::{self, runs::runs};
use super::{Finding, Level, Lint, Rule};
use crate::model::action::Action;
use crate::scripts::Purpose;
use crate::shell::facts::{DeedKind, database_rebuilt, deeds};

pub const RULE: Rule = Rule {
    code: "rollback-beyond-run",
    severity: Level::Error,
    about: "a rollback undoes what this run did, and nothing that is older",
    why: "`migrate:reset`, `migrate:fresh` and `downgrade base` look like ways back and are none: they undo \
          every migration since the first day, and the rows go with the tables. A rollback that goes \
          further than the run has come turns a failed release into lost data.",
    bad: "plan: p
steps:
  - step: schema
    run: php artisan migrate --force
    rollback: { run: php artisan migrate:reset --force }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: schema
    migrate: { database: main, engine: laravel }
    in: app/
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for run in runs(lint).filter(|run| run.purpose == Purpose::Rollback) {
        // A database that the step made itself may be dropped again.
        let wiped = database_rebuilt(run.script);
        let wiped = wiped.into_iter().filter(|fact| !run.names(&fact.range, &["dropdb"]));
        let undone = deeds(run.script).into_iter();
        let undone = undone.filter(|deed| deed.kind == DeedKind::UndoesEverything);
        for fact in wiped.chain(undone.map(|deed| deed.fact)) {
            let of =
                run.entry.map_or(String::new(), |at| format!(" of `{}`", lint.plan.entry(at).id));
            let place = run.place(lint.sources, &fact.range);
            let finding = Finding::new(place, format!("the rollback{of} goes too far: it {}", fact.about))
                .help("go back to the version that was recorded before the run; `migrate:` does so by itself");
            found.push(Finding { entry: run.entry, ..finding });
        }
    }
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        for action in
            step.rollback.iter().flat_map(|many| many.iter()).flat_map(|one| one.actions.iter())
        {
            if let Action::Migrate(migrate) = action
                && let Some(to) = &migrate.to
                && matches!(to.value.as_str(), "base" | "zero" | "0")
            {
                found.push(
                    Finding::new(
                        to.span,
                        format!("the rollback of `{}` goes too far: it undoes every migration there ever was", entry.id),
                    )
                    .about(at)
                    .help("leave the rollback to `migrate:`, which goes back to the version recorded before the run"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn back(action: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - step: a\n    run: ./up\n    rollback: {{ {action} }}\n"
        )
    }

    #[test]
    fn going_back_to_the_first_day_is_refused() {
        check(
            &RULE,
            &back("run: flask db downgrade base"),
            &[
                "flask db downgrade base|the rollback of `a` goes too far: it undoes every migration there ever was",
            ],
        );
        check(
            &RULE,
            &back("run: php artisan migrate:fresh"),
            &[
                "php artisan migrate:fresh|the rollback of `a` goes too far: it drops the tables and their rows",
            ],
        );
        check(
            &RULE,
            &back("migrate: { database: main, engine: alembic, to: base }"),
            &["base|the rollback of `a` goes too far: it undoes every migration there ever was"],
        );
    }

    #[test]
    fn a_version_or_a_scratch_database_is_fine() {
        check(&RULE, &back("run: flask db downgrade 91c0"), &[]);
        check(&RULE, &back("run: dropdb scratch"), &[]);
    }
}
