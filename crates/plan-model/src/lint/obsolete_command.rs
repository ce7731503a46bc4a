//! `obsolete-command`: no command whose time is over.

use super::{Finding, Level, Lint, Rule, code};
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "obsolete-command",
    severity: Level::Warning,
    about: "no retired command: compose v1, apt-key, md5 passwords",
    why: "A guide is copied for years. `docker-compose` as one word is no longer installed with Docker, \
          `apt-key` is gone from new releases of Debian and Ubuntu, and md5 passwords are on their way \
          out of PostgreSQL. The plan works on the old test machine and stops on the new server.",
    bad: "plan: p
steps:
  - step: look
    run: docker-compose ps
    read_only: true
",
    good: "plan: p
steps:
  - step: look
    run: docker compose ps
    read_only: true
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for code in code::telling(lint) {
        let facts = facts::obsolete(code.script());
        for (at, fact) in facts.iter().enumerate() {
            // Once a script is enough.
            if facts[..at].iter().any(|other| other.about == fact.about) {
                continue;
            }
            let (what, instead) = fact.about.split_once(": ").unwrap_or((&fact.about, ""));
            let written = code.slice(lint, &fact.range);
            let written = if written.len() > 20 { "a line" } else { &format!("`{written}`") };
            let message = format!("{}: {written} {what}", code.name(lint));
            let help = match instead {
                "" => "see the manual of its successor".to_owned(),
                instead => format!("write {instead}"),
            };
            found.push(code.finding(lint, &fact.range, message).help(help));
        }
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
    fn retired_commands_are_seen_once() {
        let compose = "docker-compose|`a`: `docker-compose` is the retired compose v1";
        check(&RULE, &plan("docker-compose ps && docker-compose top"), &[compose]);
        check(&RULE, &plan("[docker-compose, ps]"), &[compose]);
        check(
            &RULE,
            &plan("curl -fsS x | sudo apt-key add -"),
            &["apt-key|`a`: `apt-key` is removed"],
        );
    }

    #[test]
    fn their_successors_are_fine() {
        for run in ["docker compose ps", "command -v docker-compose", "echo docker-compose"] {
            check(&RULE, &plan(run), &[]);
        }
    }
}
