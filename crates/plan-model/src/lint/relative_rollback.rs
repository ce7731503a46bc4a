//! `relative-rollback`: the way back names a version, not "the last one".

use super::ask::{self, runs::runs};
use super::{Finding, Level, Lint, Rule};
use crate::model::action::Action;
use crate::model::value::Text;
use crate::scripts::Purpose;
use crate::shell::facts::relative_rollback;

pub const RULE: Rule = Rule {
    code: "relative-rollback",
    severity: Level::Error,
    about: "the way back names a version, never \"the last one\"",
    why: "After a migration has failed, \"the last one\" that is recorded is the one before it: \
          `downgrade -1` then undid a healthy revision of the week before. In Laravel `migrate:rollback` \
          takes a whole batch. Which version is one back depends on what happened, and a rollback runs \
          when something did; a recorded version is the same on every day.",
    bad: "plan: p
steps:
  - step: schema
    run: flask db upgrade 4f2a
    rollback: { run: flask db downgrade -1 }
",
    good: "plan: p
steps:
  - step: schema
    run: flask db upgrade 4f2a
    rollback: { run: flask db downgrade 91c0 }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for run in runs(lint).filter(|run| run.purpose != Purpose::Check) {
        for fact in relative_rollback(run.script) {
            // Forward, the newest of a list and one commit back may well be meant.
            let meant = run.purpose == Purpose::Step && run.names(&fact.range, &["git", "ls"]);
            if meant || names_batch(run.script, &fact.range) {
                continue;
            }
            let place = run.place(lint.sources, &fact.range);
            let of =
                run.entry.map_or(String::new(), |at| format!(" of `{}`", lint.plan.entry(at).id));
            let mut finding = Finding::new(place, format!("this{of} {}", fact.about))
                .help("name the version or commit to go back to; `migrate:` and `git:` record it by themselves");
            finding.entry = run.entry;
            found.push(finding);
        }
    }
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        let back = step.rollback.iter().flat_map(|many| many.iter());
        let back = back.flat_map(|one| one.actions.iter()).map(|action| (action, true));
        for (action, is_back) in step.actions.iter().map(|action| (action, false)).chain(back) {
            let (target, shown): (Option<&Text>, _) = match action {
                Action::Migrate(migrate) => (migrate.to.as_ref(), "migrate"),
                Action::Git(git) if is_back => (git.checkout.as_ref(), "git"),
                _ => continue,
            };
            let Some(target) = target.filter(|target| is_relative(&target.value)) else { continue };
            found.push(
                Finding::new(
                    target.span,
                    format!("`{}` goes to `{}`, which depends on what was there", entry.id, target.value),
                )
                .about(at)
                .help(match shown {
                    "migrate" => "name the version, or leave the rollback to `migrate:`, which goes back to the one recorded before the run",
                    _ => "name the commit, or leave the rollback to `git:`, which goes back to the commit that was there",
                }),
            );
        }
    }
}

/// `migrate:rollback --batch=7` says which one.
fn names_batch(script: &crate::shell::Script<'_>, range: &std::ops::Range<usize>) -> bool {
    let inside =
        |other: &std::ops::Range<usize>| range.start <= other.start && other.end <= range.end;
    let words = script.commands.iter().flat_map(|command| &command.words);
    words.filter(|word| inside(&word.range)).any(|word| word.text.starts_with("--batch"))
}

fn is_relative(target: &str) -> bool {
    let target = target.trim();
    let counted =
        target.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    counted
        || ["HEAD~", "HEAD^", "@{"].iter().any(|start| target.starts_with(start))
        || matches!(target.to_lowercase().as_str(), "last" | "previous" | "prev" | "précédent")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn back(script: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    run: ./up\n    rollback: {{ run: {script} }}\n")
    }

    #[test]
    fn counting_back_is_refused() {
        check(
            &RULE,
            &back("php artisan migrate:rollback"),
            &["php artisan migrate:rollback|this of `a` undoes the last batch, whatever it was"],
        );
        check(
            &RULE,
            &back("[git, checkout, HEAD~1]"),
            &["git, checkout, HEAD~1|this of `a` goes back by a count, not to a commit"],
        );
        check(&RULE, &back("php artisan migrate:rollback --batch=7"), &[]);
        check(&RULE, &back("git checkout v1.9.0"), &[]);
    }

    #[test]
    fn a_step_may_look_at_the_newest_file() {
        let plan = "plan: p\nsteps:\n  - { step: a, run: ls -t logs | head -1, read_only: true }\n";
        check(&RULE, plan, &[]);
    }

    #[test]
    fn typed_targets_are_versions_too() {
        let plan = |to: &str| {
            format!(
                "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - step: a\n    migrate: {{ database: main, engine: flask, to: \"{to}\" }}\n"
            )
        };
        check(&RULE, &plan("-1"), &["\"-1\"|`a` goes to `-1`, which depends on what was there"]);
        check(&RULE, &plan("4f2a"), &[]);
    }
}
