//! `implicit-cwd`: where a script works does not depend on who starts it, or from where.

use super::code::{Code, command_at};
use super::{Finding, Level, Lint, Rule, code};
use crate::scripts::Purpose;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "implicit-cwd",
    severity: Level::Warning,
    about: "no script depends on a home directory or on a chain of `cd`",
    why: "`cd ~/punk-eco` is another directory for root than for the one who wrote it, and a second \
          relative `cd` lands somewhere else as soon as the first one changes. Commands like \
          `git reset --hard` then work in the wrong place without any error.",
    bad: "plan: p
steps:
  - step: look
    run: cd ~/shop && ./status
    read_only: true
",
    good: "plan: p
steps:
  - step: look
    in: /srv/shop
    run: ./status
    read_only: true
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    code::report(lint, found, facts::implicit_directory, |code, fact| {
        let around = code.surroundings(lint);
        let name = code.name(lint);
        if fact.about.contains("home") {
            // With `user:` it is known whose home.
            return around.is_none_or(|around| around.user.is_none()).then(|| {
                (
                    format!("{name} {}", fact.about),
                    "write the whole path, or name the directory beside `run:` with `in:`"
                        .to_owned(),
                )
            });
        }
        let home = ["~", "$HOME"];
        if home.iter().any(|one| code.slice(lint, &fact.range).contains(one)) {
            return None;
        }
        let is_step = code.purpose() != Purpose::Check;
        let fixed = around.is_some_and(|around| around.dir.is_some());
        let earlier = is_second_move(code, fact.range.start);
        if is_explicit(code, fact.range.clone()) || !is_step || (fixed && !earlier) {
            return None;
        }
        Some((
            format!("{name} {}", fact.about),
            "name the directory beside `run:` with `in:`, or work in it as `(cd app && …)`"
                .to_owned(),
        ))
    });
}

/// An absolute path, or one that a value gives.
fn is_explicit(code: &Code<'_>, range: std::ops::Range<usize>) -> bool {
    let command = command_at(code.script(), &range);
    let target = command.and_then(|command| {
        command.words.iter().skip(1).find(|word| word.text == "-" || !word.text.starts_with('-'))
    });
    target.is_some_and(|word| {
        word.text.starts_with('/') || word.text.starts_with(crate::shell::UNKNOWN)
    })
}

fn is_second_move(code: &Code<'_>, start: usize) -> bool {
    let before = code.script().commands.iter().filter(|command| command.range.start < start);
    before.into_iter().any(|command| code::program(command) == "cd")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str, keys: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    run: {run}\n    {keys}\n    read_only: true\n")
    }

    #[test]
    fn homes_and_chains_are_seen() {
        for (run, keys, expected) in [
            ("ls ~/x", "", "~/x|`a` depends on whose home it is"),
            ("cd ~/x && ls", "", "~/x|`a` depends on whose home it is"),
            ("cd app && ls", "", "cd app|`a` moves all that follows to another directory"),
            (
                "cd /srv && cd app && ls",
                "",
                "cd app|`a` moves all that follows to another directory",
            ),
            (
                "cd app && ls && cd .. && ls",
                "in: /srv",
                "cd ..|`a` moves all that follows to another directory",
            ),
        ] {
            check(&RULE, &plan(run, keys), &[expected]);
        }
    }

    #[test]
    fn places_that_are_said_are_fine() {
        for (run, keys) in [
            ("cd /srv/app && ls", ""),
            ("cd app && ls", "in: /srv"),
            ("(cd app && ls)", ""),
            ("cd \"$(dirname \"$0\")\" && ls", ""),
            ("ls ~/x", "user: deploy"),
            ("ls app", ""),
        ] {
            let run = run.replace('"', "\\\"");
            check(&RULE, &plan(&format!("\"{run}\""), keys), &[]);
        }
    }
}
