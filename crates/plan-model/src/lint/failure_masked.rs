//! `failure-masked`: a command that fails is seen to fail.

use super::code::{Code, command_at, program};
use super::{Finding, Level, Lint, Rule, code};
use crate::scripts::Purpose;
use crate::shell::facts;
use crate::shell::{Command, Guard, Nesting};

pub const RULE: Rule = Rule {
    code: "failure-masked",
    severity: Level::Error,
    about: "no failure is thrown away with `|| true`, `set +e` or hidden output",
    why: "One guide compares `.env` with a file that nothing ever creates, and hides the error with \
          `|| true`: the check has never looked at anything. Another sends the output of `psql` to \
          /dev/null and then reports success. A step that cannot fail tells nothing, and its rollback \
          never comes.",
    bad: "plan: p
steps:
  - step: convert
    run: ./convert --all || true
    read_only: true
",
    good: "plan: p
steps:
  - step: convert
    run: ./convert --all
    read_only: true
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    code::report(lint, found, facts::masked_failures, |code, fact| {
        let command = command_at(code.script(), &fact.range).or_else(|| {
            // The fact reaches to the end of `|| true`.
            let mut all = code.script().commands.iter();
            all.find(|command| command.range.start == fact.range.start)
        })?;
        let help = if fact.about.starts_with("forgets") {
            if is_expected_to_fail(code, command) {
                return None;
            }
            "drop `|| true`; where one status is expected name it: `|| [ $? -eq 1 ]`"
        } else if fact.about.starts_with("hides why") {
            if !explains_itself(program(command)) || !leads_to_an_end(code, command) {
                return None;
            }
            "let the output through: `plan` keeps it with the step and shows it on failure"
        } else {
            if is_put_back(code, command) {
                return None;
            }
            "leave the shell strict, and look at the one status that matters: `if ! command; then …`"
        };
        let about = fact.about.replace("``", "it");
        Some((format!("{} {about}", code.name(lint)), help.to_owned()))
    });
}

/// Cleaning up what may be gone, and questions whose "no" is a status.
fn is_expected_to_fail(code: &Code<'_>, command: &Command<'_>) -> bool {
    let name = program(command);
    // Of a check the last status is the answer.
    let decides = code.purpose() == Purpose::Check
        && command.nesting == Nesting::Top
        && code.script().commands.last().is_some_and(|last| last.range == command.range
            || matches!(&command.guard, Some(Guard::Ignored(guard)) if guard.end >= last.range.end));
    if decides {
        return false;
    }
    let has = |text: &str| command.words.iter().any(|word| word.text == text);
    match name {
        // Other rules speak about dumps.
        "pg_dump" | "pg_dumpall" | "pg_basebackup" | "mysqldump" | "mariadb-dump" | "mongodump" => {
            true
        }
        "rm" | "rmdir" | "unlink" | "kill" | "pkill" | "killall" | "umount" | "wait" | "trap"
        | "fusermount" | "losetup" | "unset" | "unalias" | "shift" | "read" => true,
        "grep" | "egrep" | "fgrep" | "zgrep" | "rg" | "pgrep" | "which" | "command" | "type"
        | "hash" | "test" | "[" | "[[" | "((" | "let" | "expr" | "id" | "getent" | "stty"
        | "tput" | "ls" | "stat" | "readlink" | "head" => true,
        "echo" | "printf" | "logger" | "true" | ":" | "false" | "" => true,
        "systemctl" => {
            has("is-active") || has("is-enabled") || has("status") || has("reset-failed")
        }
        "docker" | "podman" => has("rm") || has("kill") || has("inspect") || has("rmi"),
        "git" => has("rev-parse") || has("show-ref") || has("abort") || has("--abort"),
        "crontab" => has("-l"),
        _ => false,
    }
}

/// Clients whose message is the only way to learn what went wrong.
fn explains_itself(name: &str) -> bool {
    matches!(
        name,
        "psql"
            | "mysql"
            | "mariadb"
            | "sqlite3"
            | "pg_restore"
            | "mysqlimport"
            | "flask"
            | "alembic"
            | "artisan"
            | "php"
            | "composer"
            | "npm"
            | "pip"
            | "pip3"
            | "tar"
            | "rsync"
            | "make"
    )
}

/// What comes after the failure gives up: a question would go another way.
fn leads_to_an_end(code: &Code<'_>, command: &Command<'_>) -> bool {
    let script = code.script();
    match &command.guard {
        Some(Guard::Handled(range)) => {
            let handler = script.slice(range);
            handler.contains("exit") || handler.contains("return") || handler.contains("die")
        }
        _ => true,
    }
}

/// `set +e; …; status=$?; set -e`
fn is_put_back(code: &Code<'_>, command: &Command<'_>) -> bool {
    let script = code.script();
    let off = command.words.iter().find_map(|word| word.text.strip_prefix('+'));
    let option = command.words.last().map_or("", |word| &*word.text);
    let later = script.commands.iter().filter(|other| other.range.start > command.range.start);
    let mut again = later.filter(|other| program(other) == "set").filter(|other| {
        other.words.iter().any(|word| match word.text.strip_prefix('-') {
            Some(letters) if off.is_some_and(|off| off.contains('e')) => letters.contains('e'),
            Some(_) => other.words.iter().any(|word| word.text == option),
            None => false,
        })
    });
    again.next().is_some() && script.text[command.range.end..].contains("$?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        let run = run.replace('\n', "\n      ");
        format!("plan: p\nsteps:\n  - step: a\n    run: |\n      {run}\n    read_only: true\n")
    }

    #[test]
    fn forgotten_failures_are_refused() {
        for (run, expected) in [
            ("git diff a b || true", "git diff a b || true|`a` forgets the failure of `git`"),
            ("sudo ./x || :", "sudo ./x || :|`a` forgets the failure of `sudo`"),
            ("set +e\n./x", "set +e|`a` goes on after a failure"),
            (
                "psql -c 'select 1' > /dev/null 2>&1\nif [ $? -ne 0 ]; then exit 1; fi",
                "psql -c 'select 1' > /dev/null 2>&1|`a` hides why `psql` fails, though its status is looked at",
            ),
        ] {
            check(&RULE, &plan(run), &[expected]);
        }
    }

    #[test]
    fn questions_and_cleaning_up_may_fail() {
        for run in [
            "rm -f x || true",
            "n=$(grep -c x y || true)\necho \"$n\"",
            "docker rm -f old || true",
            "set +e\n./x\nstatus=$?\nset -e\n[ \"$status\" -le 1 ]",
            "psql -c 'select 1' >/dev/null 2>&1 || createdb x",
            "curl -fsS http://x >/dev/null 2>&1 || exit 1",
            "./x || exit 1",
            "pg_dump x > y || true",
        ] {
            check(&RULE, &plan(run), &[]);
        }
    }

    #[test]
    fn a_check_that_cannot_fail_is_no_check() {
        check(
            &RULE,
            "plan: p\nsteps:\n  - checkpoint: c\n    checks:\n      - run: grep -q ready state || true\n",
            &["grep -q ready state || true|a check of `c` forgets the failure of `grep`"],
        );
    }
}
