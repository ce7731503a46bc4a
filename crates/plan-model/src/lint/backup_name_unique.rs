//! `backup-name-unique`: no backup overwrites the one before it.

use super::{Finding, Level, Lint, Rule, ask};
use crate::inputs::Held;
use crate::model::action::Action;
use crate::resolve::Plan;
use crate::scripts::Purpose;
use crate::shell::facts;
use crate::template;

pub const RULE: Rule = Rule {
    code: "backup-name-unique",
    severity: Level::Error,
    about: "the name of a backup holds the time or the run",
    why: "A backup named by the day is overwritten by the second attempt of that day: after a failed \
          migration, the good dump of before is replaced by one of the broken database. Two of the \
          guides name theirs so. The time to the second, or the run, keeps each of them.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/, name: shop-before-upgrade }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/, name: \"shop-{{ run.id }}\" }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        let Some(Action::Backup(backup)) = ask::action(step) else { continue };
        let Some(name) = &backup.name else { continue };
        if is_same_each_time(&lint.plan.plan, entry.scope, &name.value) {
            let message = format!("each run of `{}` gives its backup the same name", entry.id);
            found.push(Finding::new(name.span, message).about(at).help(
                "add `{{ run.id }}` or `{{ run.started }}` to the name, or leave `name` out",
            ));
        }
    }
    for script in lint.scripts.scripts.iter().filter(|script| script.purpose == Purpose::Step) {
        for fact in facts::overwritten_backups(&script.script) {
            let name = &script.text[fact.range.clone()];
            let place = script.place(lint.sources, fact.range.clone());
            let mut finding =
                Finding::new(place, format!("the name of this backup {}", fact.about)).help(
                    "take a `backup:` step, which names its backup by time and run, \
                     or write $(date +%Y%m%d-%H%M%S)",
                );
            finding.entry = script.entry;
            found
                .push(finding.label(format!("a second run overwrites {}", name.trim_matches('"'))));
        }
    }
}

fn is_same_each_time(plan: &Plan, scope: usize, name: &str) -> bool {
    let scanned = template::scan(name);
    if scanned.problem.is_some() {
        return false;
    }
    scanned.references.iter().all(|reference| {
        let (first, rest) = reference.path.split_once('.').unwrap_or((&reference.path, ""));
        match first {
            "run" => rest == "by",
            "plan" | "environment" | "item" | "host" => true,
            "steps" | "checkpoints" | "self" => false,
            input => plan.scopes[scope].get(input).is_some_and(|input| {
                // Somebody who gives a value may give another one each time.
                matches!(input.held, Held::Known(_)) && input.origin == "default"
            }),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn named(name: &str) -> String {
        format!(
            "plan: p\ninputs: {{ stamp: {{ about: when }}, app: {{ default: shop }} }}\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - step: save\n    backup: {{ database: main, to: b/, name: {name} }}\n"
        )
    }

    #[test]
    fn fixed_names_are_refused() {
        let message =
            |name: &str| format!("{name}|each run of `save` gives its backup the same name");
        check(&RULE, &named("before"), &[&message("before")]);
        check(
            &RULE,
            &named("\"{{ app }}-{{ plan.id }}\""),
            &[&message("\"{{ app }}-{{ plan.id }}\"")],
        );
        check(&RULE, &named("\"shop-{{ run.started }}\""), &[]);
        check(&RULE, &named("\"shop-{{ stamp }}\""), &[]);
    }

    #[test]
    fn dumps_of_scripts_named_by_the_day_are_refused() {
        let plan = |run: &str| {
            format!("plan: p\nsteps:\n  - step: save\n    run: {run}\n    read_only: true\n")
        };
        check(
            &RULE,
            &plan("mysqldump shop > backups/db_$(date +%Y%m%d).sql"),
            &[
                "backups/db_$(date +%Y%m%d).sql|the name of this backup names the day, not the moment",
            ],
        );
        check(&RULE, &plan("mysqldump shop > backups/db_$(date +%Y%m%d-%H%M%S).sql"), &[]);
    }
}
