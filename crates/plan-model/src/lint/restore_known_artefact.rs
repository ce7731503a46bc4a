//! `restore-known-artefact`: what is restored is one named backup, not "the latest".

use super::ask::known;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "restore-known-artefact",
    severity: Level::Error,
    about: "a restore names one backup: no \"latest\", no pattern, no placeholder",
    why: "`ls -t backups | head -1` restores whatever was written last: the half-finished dump of the \
          attempt that just failed, or another database's. The guides leave `[DATE]` in the command, to \
          be filled in at three in the morning. A restore names the step that took the backup, or its id.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: back
    restore: { id: latest, database: main }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/ }
  - step: schema
    sql: { text: delete from sessions where 1, database: main }
    rollback: { restore: { step: save, database: main } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    for (at, entry) in ask::written(plan) {
        for action in ask::actions(entry) {
            let Action::Restore(restore) = action else { continue };
            let Some(id) = &restore.id else { continue };
            let Some(value) = known::text(&plan.plan.scopes[entry.scope], &id.value) else {
                continue;
            };
            if let Some(what) = unclear(&value) {
                let message = format!("`{}` restores {what}, not one certain backup", entry.id);
                found.push(Finding::new(id.span, message).about(at).help(
                    "name the step that took it with `step:`, or give its id from `plan backups` as an input",
                ));
            }
        }
    }
    for script in &lint.scripts.scripts {
        for fact in facts::restores_by_pattern(&script.script) {
            let place = script.place(lint.sources, fact.range.clone());
            let mut finding = Finding::new(place, format!("what is restored here {}", fact.about))
                .help(
                    "take a `restore:` step with the `step:` that took the backup, or with its id",
                );
            finding.entry = script.entry;
            found.push(finding);
        }
    }
}

fn unclear(id: &str) -> Option<&'static str> {
    let lower = id.trim().to_lowercase();
    let newest = ["latest", "last", "newest", "most-recent", "previous", "dernier", "dernière"];
    let bracketed = |open: char, close: char| lower.contains(open) && lower.contains(close);
    if newest.contains(&lower.as_str()) {
        Some("whatever was saved last")
    } else if lower.contains(['*', '?']) {
        Some("whatever a pattern finds")
    } else if bracketed('<', '>') || bracketed('[', ']') || lower.contains("xxxx") {
        Some("something that is still to be filled in")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn ids_that_are_no_ids_are_refused() {
        let plan = |id: &str| {
            format!(
                "plan: p\ninputs: {{ which: {{ default: latest }}, id: {{ about: backup }} }}\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - {{ step: back, restore: {{ id: {id}, database: main }} }}\n"
            )
        };
        check(&RULE, &plan("\"{{ id }}\""), &[]);
        check(&RULE, &plan("main-2026-11-21T02-00-07Z-r41"), &[]);
        let last = "|`back` restores whatever was saved last, not one certain backup";
        check(&RULE, &plan("latest"), &[&format!("latest{last}")]);
        check(&RULE, &plan("\"{{ which }}\""), &[&format!("\"{{{{ which }}}}\"{last}")]);
        let pattern = "\"main-*\"|`back` restores whatever a pattern finds, not one certain backup";
        check(&RULE, &plan("\"main-*\""), &[pattern]);
        let open = "\"db_[DATE]\"|`back` restores something that is still to be filled in, not one certain backup";
        check(&RULE, &plan("\"db_[DATE]\""), &[open]);
    }

    #[test]
    fn scripts_that_take_the_newest_file_are_refused() {
        let plan = "plan: p\nsteps:\n  - step: a\n    run: ./a\n    rollback: { run: mysql shop < backups/latest.sql }\n";
        check(
            &RULE,
            plan,
            &["backups/latest.sql|what is restored here is whatever was saved last"],
        );
    }
}
