//! `interactive`: nothing waits for somebody who is not there.

use super::{Finding, Level, Lint, Rule, code};
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "interactive",
    severity: Level::Error,
    about: "no command opens an editor, a pager, a prompt or asks for a password",
    why: "The guides say `nano .env` and `mysqldump -u root -p` in the middle of the commands. Somebody \
          pastes the block, the prompt swallows the next lines, and nobody knows which of them ran. Under \
          `plan` no terminal is there to answer: the step would hang until its timeout, or fail at once.",
    bad: "plan: p
steps:
  - step: settings
    run: nano .env
    irreversible: edited by hand
",
    good: "plan: p
steps:
  - step: settings
    files: { set: { APP_ENV: production }, in: .env }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    code::report(lint, found, facts::interactive, |code, fact| {
        let message =
            format!("{} {}, and nobody is there during a run", code.name(lint), fact.about);
        Some((message, instead(&fact.about).to_owned()))
    });
}

fn instead(about: &str) -> &'static str {
    if about.contains("password") {
        "give the password by the environment, from a secret input: env: { MYSQL_PWD: \"{{ db_password }}\" }"
    } else if about.contains("editor") {
        "change the keys with `files: { set: …, in: … }`, or make it a `manual:` step"
    } else if about.contains("user's shell") {
        "name the user beside `run:`, such as `user: www-data`"
    } else if about.contains("another machine") {
        "name the machine beside `run:` with `on:`, or put the command behind the host"
    } else if about.contains("confirmation") {
        "agree beforehand: `-y` for packages, `--force` for ufw"
    } else if about.contains("pager") {
        "print it with `cat`"
    } else if about.contains("needs a terminal") {
        "leave `-t` out; for compose write `exec -T`"
    } else if about.contains("prompt") {
        "give it what to do: `-c`, `-e`, a file, or a `sql:` step"
    } else {
        "make it a `manual:` step, or find the command's way to run without questions"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    run: {run}\n    read_only: true\n")
    }

    #[test]
    fn questions_are_refused_in_scripts_and_argument_lists() {
        let message = |what: &str| format!("`a` {what}, and nobody is there during a run");
        for (run, marked) in [
            ("sudo nano /etc/x.conf", "nano /etc/x.conf|opens an editor"),
            ("mysql -u app -p shop < x.sql", "mysql -u app -p shop|asks for a password"),
            ("[sudo, -i]", "sudo, -i|opens another user's shell"),
            ("docker exec -it db psql -U app", "docker exec -it db psql -U app|needs a terminal"),
        ] {
            let (text, what) = marked.split_once('|').unwrap();
            check(&RULE, &plan(run), &[&format!("{text}|{}", message(what))]);
        }
    }

    #[test]
    fn answered_questions_are_fine() {
        for run in ["apt-get install -y nginx", "command -v nano", "psql shop -c 'select 1'"] {
            check(&RULE, &plan(run), &[]);
        }
    }

    #[test]
    fn checks_and_rollbacks_count() {
        check(
            &RULE,
            "plan: p\nsteps:\n  - step: a\n    run: ./x\n    rollback: { run: crontab -e }\n  - checkpoint: c\n    checks:\n      - any_of: [{ run: [less, x] }]\n",
            &[
                "crontab -e|the rollback of `a` opens an editor, and nobody is there during a run",
                "less, x|a check of `c` opens a pager, and nobody is there during a run",
            ],
        );
    }
}
