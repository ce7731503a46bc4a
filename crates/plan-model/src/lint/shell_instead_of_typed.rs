//! `shell-instead-of-typed`: what an action understands is not a script.

use super::{Finding, Level, Lint, Rule, code};
use crate::model::action::run::Command;
use crate::scripts::Purpose;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "shell-instead-of-typed",
    severity: Level::Hint,
    about: "a step uses the action that understands what it does",
    why: "Of a script `plan` knows nothing but its exit status: the author writes the way back, and after \
          a crash somebody must find out what happened. An action such as `service`, `git` or `backup` \
          knows both, shows what it will do, and looks at what it did.",
    bad: "plan: p
steps:
  - step: stop
    run: systemctl stop shop
    rollback: { run: systemctl start shop }
",
    good: "plan: p
steps:
  - step: stop
    service: { stop: shop }
",
    check,
};

/// Only steps whose whole script one action can do: a part of a longer one is better left where it is.
fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for code in code::each(lint).filter(|code| code.purpose() == Purpose::Step) {
        let script = code.script();
        let mut work = script.commands.iter().filter(|command| !is_around(code::program(command)));
        let (Some(first), second) = (work.next(), work.next()) else { continue };
        let one_pipe = |other: &crate::shell::Command<'_>| other.in_pipeline.is_some();
        if second.is_some_and(|second| !one_pipe(first) || !one_pipe(second)) {
            continue;
        }
        let Some(at) = code.entry() else { continue };
        let Some(step) = lint.plan.entry(at).step() else { continue };
        // A script that was worth a file is worth it.
        let is_inline =
            matches!(step.actions.run(), Some(Command::Script(_) | Command::Program(_)));
        if !is_inline || first.in_function {
            continue;
        }
        let all = facts::typed_actions(script);
        let [one] = all.as_slice() else { continue };
        // A program inside a container is out of reach for the actions of this machine.
        let outer = first.words.first().map_or("", |word| code::base(&word.text));
        // Logged in by being that user of the machine, which a connection cannot.
        let peer = one.action == "sql"
            && (step.surroundings.user.is_some() || matches!(outer, "sudo" | "su" | "runuser"));
        let inside = peer
            || matches!(outer, "ssh" | "kubectl" | "chroot")
            || (matches!(outer, "docker" | "podman" | "docker-compose") && one.action != "service");
        if inside {
            continue;
        }
        let message = format!("{} does by hand what `{}:` does", code.name(lint), one.action);
        let help = format!(
            "write it as `{}: …`: then it is checked, and where it has a way back undone by itself",
            one.action
        );
        found.push(code.finding(lint, &one.range, message).help(help));
    }
}

/// It changes nothing that the rest would not.
fn is_around(name: &str) -> bool {
    matches!(
        name,
        "" | "set" | "echo" | "printf" | "export" | "cd" | "true" | ":" | "date" | "exit"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    run: {run}\n    read_only: true\n")
    }

    #[test]
    fn whole_scripts_that_are_one_action_are_seen() {
        for (run, marked, action) in [
            ("sudo systemctl restart shop", "systemctl restart shop", "service"),
            ("[git, checkout, v2]", "git, checkout, v2", "git"),
            ("docker compose up -d", "docker compose up -d", "service"),
            ("pg_dump shop | gzip > x.gz", "pg_dump shop", "backup"),
        ] {
            let expected = format!("{marked}|`a` does by hand what `{action}:` does");
            check(&RULE, &plan(run), &[&expected]);
        }
    }

    #[test]
    fn scripts_that_do_more_are_left_alone() {
        for run in [
            "\"cp a b; ./x\"",
            "./build.sh",
            "docker compose exec db psql -c 'select 1'",
            "sudo -u postgres psql -c 'select 1'",
        ] {
            check(&RULE, &plan(run), &[]);
        }
    }
}
