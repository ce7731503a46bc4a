//! `prune-floor`: however old they are, the last good backups stay.

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "prune-floor",
    severity: Level::Error,
    about: "pruning always leaves the last good backups, however old",
    why: "`find backups -mtime +30 -delete` goes on deleting when the nightly dump has failed for a \
          month, until the last good backup is gone, without a word. Backups may go by age only where \
          a number of verified ones stays in any case.",
    bad: "plan: p
steps:
  - step: tidy
    run: find backups -name '*.sql.gz' -mtime +30 -delete
    irreversible: old backups are of no use
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/, keep: 30d, keep_last: 3 }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        let Some(Action::Backup(backup)) = ask::action(step) else { continue };
        if let Some(keep_last) = backup.keep_last.as_ref().filter(|one| one.fixed() == Some(0)) {
            let message = format!("`{}` keeps none of its backups for certain", entry.id);
            found.push(
                Finding::new(keep_last.span, message)
                    .about(at)
                    .help("write how many stay however old they are, such as `keep_last: 3`"),
            );
        }
    }
    for script in &lint.scripts.scripts {
        for fact in facts::pruned_by_age(&script.script) {
            let place = script.place(lint.sources, fact.range.clone());
            let mut finding = Finding::new(place, format!("this {}", fact.about))
                .label("the last good one goes too, once new ones fail")
                .help("leave it to `keep: 30d` and `keep_last: 3` of the `backup:` step and to `plan backups prune`");
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
    fn deleting_by_age_alone_is_refused() {
        let plan = |run: &str| {
            format!(
                "plan: p\nsteps:\n  - step: tidy\n    run: {run}\n    irreversible: they are old\n"
            )
        };
        check(
            &RULE,
            &plan("find /var/backups -mtime +30 -delete"),
            &["find /var/backups -mtime +30 -delete|this removes backups by their age alone"],
        );
        check(&RULE, &plan("find storage/logs -mtime +30 -delete"), &[]);
    }

    #[test]
    fn keeping_none_is_refused() {
        let plan = |keep: &str| {
            format!(
                "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - {{ step: save, backup: {{ database: main, to: b/{keep} }} }}\n"
            )
        };
        check(&RULE, &plan(", keep_last: 0"), &["0|`save` keeps none of its backups for certain"]);
        check(&RULE, &plan(", keep: 30d"), &[]);
        check(&RULE, &plan(", keep_last: 2"), &[]);
    }
}
