//! `backup-secret-mode`: a saved `.env` or key is readable by its owner only.

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::action::files::FileChange;
use crate::model::value::{Mode, Text};
use crate::shell::facts::{self, holds_secrets};

pub const RULE: Rule = Rule {
    code: "backup-secret-mode",
    severity: Level::Error,
    about: "copies of `.env` and of private keys are closed to others",
    why: "`cp .env backups/` keeps every password of the application in a second place, where nobody \
          looks after it: readable by each login of the machine, and sent along wherever the folder is \
          copied. A copy of a secret is as secret as the original.",
    bad: "plan: p
steps:
  - step: save-settings
    run: cp .env \"backups/env-$RUN\"
    read_only: true
",
    good: "plan: p
steps:
  - step: save-settings
    backup: { files: [.env], to: backups/, secret: true }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let finding = match entry.step().and_then(ask::action) {
            Some(Action::Backup(backup)) => {
                let secret = backup.secret.as_ref().map(|flag| flag.fixed());
                let leaves = backup.copy_to.is_some() && backup.encrypt_for.is_none();
                // The folder itself is closed (0700): only a copy elsewhere, or a plain no, is open.
                if !(secret == Some(Some(false)) || secret.is_none() && leaves) {
                    continue;
                }
                let mut files = backup.files.iter().flatten();
                let Some(path) = files.find(|path| holds_secrets(&path.value)) else { continue };
                let message =
                    format!("`{}` saves {} as if it were no secret", entry.id, path.value);
                Finding::new(path.span, message)
                    .help("add `secret: true`, and `encrypt_for:` where a copy leaves the machine")
            }
            Some(Action::Files(files)) => {
                let Some((path, mode)) = files.iter().find_map(open_copy) else { continue };
                let message = match mode {
                    Some(mode) => {
                        format!(
                            "`{}` lets others read {}: mode {}",
                            entry.id, path.value, mode.value
                        )
                    }
                    None => format!("`{}` does not say who may read {}", entry.id, path.value),
                };
                Finding::new(mode.map_or(path.span, |mode| mode.span), message)
                    .help("write mode: \"0600\"")
            }
            _ => continue,
        };
        found.push(finding.about(at));
    }
    for script in &lint.scripts.scripts {
        for fact in facts::copied_secrets(&script.script) {
            let place = script.place(lint.sources, fact.range.clone());
            let mut finding = Finding::new(place, format!("this {}", fact.about)).help(
                "take `backup: { files: [.env], to: backups/, secret: true }`, \
                 or begin the script with `umask 077`",
            );
            finding.entry = script.entry;
            found.push(finding);
        }
    }
}

/// A secret that is written with a mode for others, or saved beside with none at all.
fn open_copy(change: &FileChange) -> Option<(&Text, Option<&Mode>)> {
    let (path, mode, saves) = match change {
        FileChange::Copy(copy) if holds_secrets(&copy.copy.value) => {
            let to = copy.to.value.to_lowercase();
            let saves = ["backup", "sauvegarde", ".bak"].iter().any(|part| to.contains(part));
            (&copy.to, &copy.ownership.mode, saves)
        }
        FileChange::Copy(copy) => (&copy.to, &copy.ownership.mode, false),
        FileChange::Template(fill) => (&fill.to, &fill.ownership.mode, false),
        FileChange::Mode(set) => (&set.path, &set.ownership.mode, false),
        _ => return None,
    };
    match mode {
        Some(mode) if !mode.value.ends_with('0') => {
            (saves || holds_secrets(&path.value)).then_some((path, Some(mode)))
        }
        Some(_) => None,
        None => saves.then_some((path, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(action: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    {action}\n")
    }

    #[test]
    fn a_backup_that_leaves_the_machine_keeps_its_secrets() {
        let backup =
            |keys: &str| plan(&format!("backup: {{ files: [app/, app/.env], to: b/{keys} }}"));
        let message = "app/.env|`a` saves app/.env as if it were no secret";
        check(&RULE, &backup(""), &[]);
        check(&RULE, &backup(", copy_to: /mnt/b/"), &[message]);
        check(&RULE, &backup(", copy_to: /mnt/b/, secret: true"), &[]);
        check(&RULE, &backup(", secret: false"), &[message]);
    }

    #[test]
    fn copies_of_secrets_say_who_may_read_them() {
        let files = |keys: &str| plan(&format!("files: {{ {keys} }}"));
        check(
            &RULE,
            &files("copy: .env, to: backups/env"),
            &["backups/env|`a` does not say who may read backups/env"],
        );
        check(&RULE, &files("copy: .env, to: backups/env, mode: \"0600\""), &[]);
        check(
            &RULE,
            &files("copy: tls/server.key, to: /etc/ssl/server.key, mode: \"0644\""),
            &["\"0644\"|`a` lets others read /etc/ssl/server.key: mode 0644"],
        );
        check(&RULE, &files("copy: app.conf, to: /etc/app.conf, mode: \"0644\""), &[]);
        check(&RULE, &files("copy: .env.example, to: .env"), &[]);
    }
}
