//! `no-timeout`: a command that can hang has a time after which it is ended.

use rustc_hash::FxHashMap;

use super::code::{Code, program};
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::run::Command;
use crate::model::plan::Surroundings;
use crate::scripts::Purpose;
use crate::shell;
use crate::source::Span;

pub const RULE: Rule = Rule {
    code: "no-timeout",
    severity: Level::Warning,
    about: "a script that may hang has a `timeout`",
    why: "Commands hang: a lock that nobody lets go, a server that accepts and never answers, a download \
          at zero bytes a second. At night nobody sees that nothing moves, and the window runs out with \
          the step still `Running`. An estimate only tells when to worry; a timeout ends the command and \
          starts the way back while there is time for it.",
    bad: "plan: p
steps:
  - step: convert
    run: ./convert --all
    rollback: { run: ./convert --back, timeout: 10m }
",
    good: "plan: p
steps:
  - step: convert
    run: ./convert --all
    timeout: 30m
    rollback: { run: ./convert --back, timeout: 10m }
",
    check,
};

/// Only `run`: typed actions know how long they may wait. Scripts of nothing but commands that end
/// by themselves, such as `systemctl` (which has a timeout of its own) or `rm`, need none.
fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let scripts = lint.scripts.scripts.iter().filter(|one| !one.has_timeout);
    let scripts: FxHashMap<Span, Code<'_>> =
        scripts.map(|one| (one.span, Code::Script(one))).collect();
    let programs = lint.scripts.programs.iter().filter(|one| !one.has_timeout);
    let programs: FxHashMap<Span, Code<'_>> =
        programs.filter_map(|one| Some((one.words.first()?.1, Code::Program(one)))).collect();
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        let forward = step.actions.run().map(|run| (run, &step.surroundings, Purpose::Step));
        let back =
            step.rollback.iter().flat_map(|many| many.iter()).filter_map(|back| {
                Some((back.actions.run()?, &back.surroundings, Purpose::Rollback))
            });
        for (run, around, purpose) in forward.into_iter().chain(back) {
            let around: &Surroundings = around;
            if around.timeout.is_some() {
                continue;
            }
            let (place, code) = match run {
                Command::Script(text) => (text.span, scripts.get(&text.span)),
                Command::Program(words) => {
                    let Some(first) = words.first() else { continue };
                    (first.span, programs.get(&first.span))
                }
                Command::File(file) => (file.file.span, None),
            };
            let mut span = place;
            if let Some(code) = code {
                let commands = &code.script().commands;
                let Some(slow) = commands.iter().find(|command| !ends_by_itself(command)) else {
                    continue;
                };
                span = code.place(lint, &slow.range);
            }
            let whose = match purpose {
                Purpose::Rollback => format!("the rollback of `{}`", entry.id),
                _ => format!("`{}`", entry.id),
            };
            let finding =
                Finding::new(span, format!("{whose} may hang for ever: it has no timeout"));
            found.push(finding.about(at).help(
                "add `timeout:` beside `run:`, a few times what it takes on a bad day: timeout: 10m",
            ));
        }
    }
}

fn ends_by_itself(command: &shell::Command<'_>) -> bool {
    if command.words.iter().any(|word| word.text == "timeout") {
        return true;
    }
    let name = program(command);
    let asks = |words: &[&str]| command.words.iter().any(|word| words.contains(&&*word.text));
    match name {
        "systemctl" | "service" | "supervisorctl" | "sv" => !asks(&["--no-block"]),
        "" | ":" | "true" | "false" | "echo" | "printf" | "test" | "[" | "[[" | "((" | "set"
        | "export" | "local" | "declare" | "shopt" | "cd" | "exit" | "return" | "shift"
        | "unset" | "umask" | "trap" | "command" | "type" | "which" | "pwd" | "date" | "id"
        | "whoami" | "hostname" | "uname" | "uptime" | "free" | "nproc" | "basename"
        | "dirname" | "realpath" | "readlink" | "ls" | "stat" | "mkdir" | "rmdir" | "rm" | "mv"
        | "ln" | "touch" | "chmod" | "chown" | "chgrp" | "mktemp" | "kill" | "sleep" => true,
        // They wait for input unless a file is named.
        "cat" | "head" | "tail" | "wc" | "grep" | "sort" | "cut" | "tr" | "sed" => {
            !asks(&["-f", "-F", "--follow"])
                && (command.words.len() > 1
                    || command.in_pipeline.is_some_and(|(part, _)| part > 0))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str, keys: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    run: {run}\n    {keys}\n    read_only: true\n")
    }

    #[test]
    fn commands_that_may_hang_need_a_timeout() {
        let message = "`a` may hang for ever: it has no timeout";
        for (run, marked) in [
            ("./convert", "./convert"),
            ("\"cd x; npm run build\"", "npm run build"),
            ("[npm, test]", "npm, test"),
            ("sed -n 1p x | ssh host ./load", "ssh host ./load"),
        ] {
            check(&RULE, &plan(run, ""), &[&format!("{marked}|{message}")]);
            check(&RULE, &plan(run, "timeout: 5m"), &[]);
            check(&RULE, &plan(run, "estimate: 5m"), &[&format!("{marked}|{message}")]);
        }
    }

    #[test]
    fn what_ends_by_itself_needs_none() {
        for run in
            ["systemctl stop shop", "rm -f x; echo done", "timeout 5 ./x", "[sudo, mv, a, b]"]
        {
            check(&RULE, &plan(run, ""), &[]);
        }
    }

    #[test]
    fn rollback_steps_need_their_own() {
        check(
            &RULE,
            "plan: p\nsteps:\n  - step: a\n    run: ./x\n    timeout: 1m\n    rollback: [{ run: systemctl start shop }, { run: ./y }]\n",
            &["./y|the rollback of `a` may hang for ever: it has no timeout"],
        );
    }
}
