//! `backup-offsite`: what users have written lies on more than one machine.

use rustc_hash::FxHashSet;

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::action::backup::Backup;

pub const RULE: Rule = Rule {
    code: "backup-offsite",
    severity: Level::Warning,
    about: "where users live, a second copy of each backup goes elsewhere",
    why: "A backup on the disk of the database is lost with that disk. One guide sends a copy to S3 \"if \
          the client is there\", and nobody noticed that it was not. `copy_to` makes the copy and \
          compares its checksum.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/ }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/, copy_to: \"s3://shop-backups/upgrades/\" }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    if !lint.plan.plan.is_protected() {
        return;
    }
    let backups = || {
        ask::written(lint.plan).filter_map(|(at, entry)| {
            let Action::Backup(backup) = ask::action(entry.step()?)? else { return None };
            (backup.database.is_some() || holds_uploads(backup)).then_some((at, entry, backup))
        })
    };
    let copied = backups().filter(|(_, _, backup)| backup.copy_to.is_some());
    let mut known: FxHashSet<String> = copied.map(|(_, _, backup)| backup.subject()).collect();
    for (at, entry, backup) in backups() {
        // Once for each thing that is saved.
        if known.insert(backup.subject()) {
            let message =
                format!("the only copy of {} lies where `{}` puts it", backup.subject(), entry.id);
            found.push(
                Finding::new(entry.span, message)
                    .about(at)
                    .help("add `copy_to:` with a folder of another machine or an s3:// address"),
            );
        }
    }
}

/// Files that users gave, by their names; code and settings have their origin elsewhere.
fn holds_uploads(backup: &Backup) -> bool {
    let names = ["upload", "media", "storage", "photo", "attachment", "document"];
    let mut files = backup.files.iter().flatten();
    files.any(|path| names.iter().any(|name| path.value.contains(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::{check_with, example_folder};

    #[test]
    fn one_copy_elsewhere_is_wanted_where_users_live() {
        let plan = |copy: &str| {
            format!(
                "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - {{ step: a, backup: {{ database: main, to: b/ }} }}\n  - {{ step: b, backup: {{ database: main, to: b/{copy} }} }}\n"
            )
        };
        let folder = example_folder().with("environments/staging.yaml", "environment: staging\n");
        let message = "a|the only copy of main lies where `a` puts it";
        check_with(&RULE, &plan(""), &folder, Some("prod"), &[message]);
        check_with(&RULE, &plan(", copy_to: /mnt/other/"), &folder, Some("prod"), &[]);
        check_with(&RULE, &plan(""), &folder, Some("staging"), &[]);
        check_with(&RULE, &plan(""), &folder, None, &[]);
    }
    #[test]
    fn files_count_where_users_gave_them() {
        let plan = |files: &str| {
            format!("plan: p\nsteps:\n  - {{ step: a, backup: {{ files: [{files}], to: b/ }} }}\n")
        };
        let folder = example_folder();
        check_with(
            &RULE,
            &plan("app/media"),
            &folder,
            Some("prod"),
            &["a|the only copy of app/media lies where `a` puts it"],
        );
        check_with(&RULE, &plan("app/.env, app/src"), &folder, Some("prod"), &[]);
    }
}
