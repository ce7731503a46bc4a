//! `retention-conflict`: one answer to how long backups of one thing are kept, and no short one.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::value::Time;
use crate::notation::Spoken;

pub const RULE: Rule = Rule {
    code: "retention-conflict",
    severity: Level::Warning,
    about: "backups of one thing are kept for one time, 30 days or more",
    why: "One page of a guide says 30 days and another 7, and whoever prunes follows the shorter one. \
          Damage by a conversion is often noticed at the end of the month, when the backup of before \
          has just gone.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - { step: save, backup: { database: main, to: backups/, keep: 30d } }
  - { step: save-again, backup: { database: main, to: backups/, keep: 60d } }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - { step: save, backup: { database: main, to: backups/, keep: 30d } }
  - { step: save-again, backup: { database: main, to: backups/, keep: 30d } }
",
    check,
};

const LEAST: Duration = Duration::from_secs(30 * 24 * 3600);

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let short = |time: &Time| time.fixed().filter(|time| *time < LEAST);
    if let Some(keep) = &lint.plan.plan.file.keep {
        let all = [("backups", &keep.backups), ("old versions", &keep.versions)];
        for (what, time) in all.into_iter().filter_map(|(what, time)| Some((what, time.as_ref()?)))
        {
            if let Some(kept) = short(time) {
                let message = format!("{what} are kept for {} only", Spoken(kept));
                found.push(Finding::new(time.span, message).help("keep them for 30d or more"));
            }
        }
    }
    let mut first: FxHashMap<String, (Duration, &Time)> = FxHashMap::default();
    for (at, entry) in ask::written(lint.plan) {
        let Some(Action::Backup(backup)) = entry.step().and_then(ask::action) else { continue };
        let Some(keep) = &backup.keep else { continue };
        let Some(kept) = keep.fixed() else { continue };
        if short(keep).is_some() {
            let message = format!("`{}` keeps its backup for {} only", entry.id, Spoken(kept));
            found.push(Finding::new(keep.span, message).about(at).help("keep it for 30d or more"));
            continue;
        }
        match first.get(&backup.subject()) {
            Some((other, place)) if *other != kept => {
                let message = format!(
                    "backups of {} are kept for {} here, and for {} elsewhere",
                    backup.subject(),
                    Spoken(kept),
                    Spoken(*other)
                );
                found.push(
                    Finding::new(keep.span, message)
                        .about(at)
                        .related(place.span, "the other time")
                        .help("write the same `keep` at both, or once for all under the plan's `keep: { backups: … }`"),
                );
            }
            Some(_) => {}
            None => drop(first.insert(backup.subject(), (kept, keep))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(first: &str, second: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }}, other: {{ file: b.db }} }}\nsteps:\n  - {{ step: a, backup: {{ database: main, to: b/, keep: {first} }} }}\n  - {{ step: b, backup: {{ database: {second} }} }}\n"
        )
    }

    #[test]
    fn times_must_agree_for_one_thing() {
        check(&RULE, &plan("30d", "main, to: b/, keep: 720h"), &[]);
        check(&RULE, &plan("30d", "other, to: b/, keep: 90d"), &[]);
        check(&RULE, &plan("30d", "main, to: b/"), &[]);
        let got = "90d|backups of main are kept for 90 d here, and for 30 d elsewhere";
        check(&RULE, &plan("30d", "main, to: b/, keep: 90d"), &[got]);
    }

    #[test]
    fn short_times_are_named() {
        check(&RULE, &plan("7d", "other, to: b/"), &["7d|`a` keeps its backup for 7 d only"]);
        let whole = "plan: p\nkeep: { versions: 7d }\nsteps: [{ step: look, run: uptime, read_only: true }]\n";
        check(&RULE, whole, &["7d|old versions are kept for 7 d only"]);
    }
}
