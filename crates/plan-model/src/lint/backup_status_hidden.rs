//! `backup-status-hidden`: a dump that fails fails its step.

use super::{Finding, Level, Lint, Rule};
use crate::scripts::Purpose;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "backup-status-hidden",
    severity: Level::Error,
    about: "a dump that fails fails its step",
    why: "`pg_dump … | gzip > f` ends with the status of gzip, which is always content: the guide that \
          writes it calls a file of 20 bytes a success, and then prunes the older backups. `|| true`, \
          `--force` and a shell without pipefail hide the failure in the same way.",
    bad: "plan: p
steps:
  - step: save
    shell: bash -eu
    run: pg_dump shop | gzip > \"shop-$RUN.sql.gz\"
    read_only: true
",
    good: "plan: p
steps:
  - step: save
    run: pg_dump shop | gzip > \"shop-$RUN.sql.gz\"
    read_only: true
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for script in lint.scripts.scripts.iter().filter(|script| script.purpose != Purpose::Check) {
        for fact in facts::dump_status_hidden(&script.script, script.pipefail) {
            let place = script.place(lint.sources, fact.range.clone());
            let mut finding = Finding::new(place, format!("this dump {}", fact.about))
                .help(
                    "take a `backup:` step, which checks every process of the pipe and the result",
                )
                .help("in a script: keep `set -o pipefail`, and leave `|| true` and `--force` out");
            finding.entry = script.entry;
            found.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::MemoryFolder;
    use crate::lint::testing::{check, check_with};

    fn plan(run: &str) -> String {
        format!("plan: p\nsteps:\n  - step: save\n    run: |\n      {run}\n    read_only: true\n")
    }

    #[test]
    fn pipes_are_watched_unless_the_script_says_otherwise() {
        check(&RULE, &plan("pg_dump shop | gzip > $OUT"), &[]);
        check(
            &RULE,
            &plan("set +o pipefail; pg_dump shop | gzip > $OUT"),
            &["pg_dump shop|this dump fails unseen in a pipe: only the last status counts"],
        );
        check(
            &RULE,
            &plan("mysqldump shop > $OUT || true"),
            &["mysqldump shop|this dump fails unseen: its failure is forgotten"],
        );
    }

    #[test]
    fn a_script_file_says_itself_how_it_is_read() {
        let plan = "plan: p\nsteps:\n  - { step: save, run: { file: save.sh }, read_only: true }\n";
        let dump = "pg_dump shop | gzip > $OUT\n";
        let folder = |head: &str| MemoryFolder::default().with("save.sh", &format!("{head}{dump}"));
        check_with(&RULE, plan, &folder(""), None, &[]);
        check_with(&RULE, plan, &folder("#!/bin/bash\nset -euo pipefail\n"), None, &[]);
        check_with(
            &RULE,
            plan,
            &folder("#!/bin/bash\n"),
            None,
            &["pg_dump shop|this dump fails unseen in a pipe: only the last status counts"],
        );
    }
}
