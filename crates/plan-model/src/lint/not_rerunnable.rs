//! `not-rerunnable`: a script that is run a second time does no harm and does not fail.

use super::code::{Code, base, command_at, is_unknown, program};
use super::{Finding, Level, Lint, Rule, code};
use crate::scripts::Purpose;
use crate::shell::Command;
use crate::shell::facts::{self, Fact};

pub const RULE: Rule = Rule {
    code: "not-rerunnable",
    severity: Level::Warning,
    about: "a script can run twice: nothing fails because it is there already",
    why: "Retries, a resumed run and a second attempt the same evening all run a step again. \
          `git checkout -b backup-20240101` fails with status 128 the second time, `mkdir` as well, and \
          `cp .env .env.bak` overwrites the one good copy with the broken file.",
    bad: "plan: p
steps:
  - step: keep
    run: cp .env .env.bak
    irreversible: only a copy
",
    good: "plan: p
steps:
  - step: keep
    run: cp --no-clobber .env .env.bak
    irreversible: only a copy
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let ask = |script: &crate::shell::Script<'_>| {
        let mut all = facts::not_rerunnable(script);
        all.extend(facts::day_names(script));
        all
    };
    code::report(lint, found, ask, |code, fact| {
        if code.purpose() != Purpose::Step || has_probe(lint, code) {
            return None;
        }
        let command = command_at(code.script(), &fact.range)?;
        let name = code.name(lint);
        if fact.about.starts_with("names the day") {
            let around = around(code, command);
            return names_something(code, around?).then(|| {
                (
                    format!("{name} {}: the second one of the day has the same name", fact.about),
                    "use `{{ run.id }}`, or add the time: date +%Y%m%dT%H%M%S".to_owned(),
                )
            });
        }
        if is_provided_for(code, command) {
            return None;
        }
        if fact.about.starts_with("overwrites") && !saves(command) {
            return None;
        }
        Some((format!("{name} runs only once: it {}", fact.about), instead(fact).to_owned()))
    });
}

fn instead(fact: &Fact) -> &'static str {
    let about = fact.about.as_str();
    if about.contains("directory") {
        "write `mkdir -p`"
    } else if about.contains("branch") || about.contains("tag") {
        "use a `git:` step, which knows what it made; or ask first with `git show-ref --verify`"
    } else if about.contains("link") {
        "write `ln -sfn`, or use `files: { link: …, to: … }`"
    } else if about.contains("overwrites") {
        "write `cp --no-clobber`, or use a `backup:` step, which never reuses a name"
    } else {
        "ask first whether it is there, or add a `probe:`"
    }
}

/// The engine asks before it runs the step again.
fn has_probe(lint: &Lint<'_>, code: &Code<'_>) -> bool {
    let step = code.entry().and_then(|at| lint.plan.entry(at).step());
    step.is_some_and(|step| step.probe.is_some())
}

/// An earlier command asks about the same thing or clears it away: `[ -d x ] || mkdir x`.
fn is_provided_for(code: &Code<'_>, command: &Command<'_>) -> bool {
    let script = code.script();
    let written = |word: &crate::shell::Word<'_>| {
        let text = script.slice(&word.range);
        let text = if text.is_empty() { &*word.text } else { text };
        text.trim_matches(['"', '\'']).trim_end_matches('/').to_owned()
    };
    let operands = |command: &Command<'_>| -> Vec<String> {
        let words = command.words.iter().skip(1).filter(|word| !word.text.starts_with('-'));
        words.map(&written).filter(|text| !text.is_empty() && text != "]").collect()
    };
    let mine = operands(command);
    let temporary = script.text.contains("mktemp")
        && command.words.iter().skip(1).any(|word| is_unknown(&word.text));
    temporary
        || script.commands.iter().take_while(|other| other.range.start < command.range.start).any(
            |other| {
                let clears = matches!(program(other), "rm" | "rmdir" | "mv" | "userdel" | "dropdb")
                    || other
                        .words
                        .iter()
                        .any(|word| matches!(&*word.text, "-D" | "-d" | "--delete"));
                // `git show-ref "refs/tags/x"` asks about `x`.
                let asked = |text: &String| {
                    mine.iter().any(|one| {
                        one == text
                            || base(text) == one.as_str()
                            || (one.len() > 1 && text.contains(one.as_str()))
                    })
                };
                (other.in_condition || clears) && operands(other).iter().any(asked)
            },
        )
}

/// A copy that is kept in case something goes wrong.
fn saves(command: &Command<'_>) -> bool {
    let Some(last) = command.words.last() else { return false };
    let to = last.text.to_ascii_lowercase();
    ["backup", "sauvegarde", ".bak", ".old", ".orig", ".save", "avant", "before"]
        .iter()
        .any(|part| to.contains(part))
}

/// The command around a `$(date …)`.
fn around<'s, 'a>(code: &Code<'s>, date: &Command<'a>) -> Option<&'s Command<'s>> {
    let outer =
        code.script().commands.iter().filter(|other| {
            other.range.start < date.range.start && date.range.end <= other.range.end
        });
    outer.min_by_key(|other| other.range.len())
}

/// The date becomes a part of a name, not of a message.
fn names_something(code: &Code<'_>, command: &Command<'_>) -> bool {
    if command.redirections.iter().any(|one| one.operator == ">>") {
        return false;
    }
    match program(command) {
        "git" | "mkdir" | "cp" | "mv" | "tar" | "zip" | "ln" | "rsync" | "pg_dump"
        | "mysqldump" | "mariadb-dump" | "gzip" | "docker" => true,
        // `file=backup_$(date +%F).sql`
        "" => command.assignments.iter().filter_map(|one| one.value.as_ref()).any(|value| {
            let literal: String =
                value.text.chars().filter(|one| *one != crate::shell::UNKNOWN).collect();
            !code.script().text.is_empty()
                && literal.contains(['_', '-', '.', '/'])
                && !literal.contains(' ')
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str, keys: &str) -> String {
        let run = run.replace('\n', "\n      ");
        format!(
            "plan: p\nsteps:\n  - step: a\n    run: |\n      {run}\n    {keys}\n    read_only: true\n"
        )
    }

    #[test]
    fn what_fails_the_second_time_is_seen() {
        let day = "`a` names the day, not the moment: the second one of the day has the same name";
        for (run, expected) in [
            (
                "mkdir x",
                "mkdir x|`a` runs only once: it fails if the directory is there".to_owned(),
            ),
            (
                "git tag v1 abc",
                "git tag v1 abc|`a` runs only once: it fails if the tag is there".to_owned(),
            ),
            (
                "cp .env backups/env",
                "cp .env backups/env|`a` runs only once: it overwrites what the first run saved"
                    .to_owned(),
            ),
            ("tar czf app_$(date +%Y%m%d).tgz app", format!("date +%Y%m%d|{day}")),
            ("f=app_$(date +%F).tgz\n./save \"$f\"", format!("date +%F|{day}")),
        ] {
            check(&RULE, &plan(run, ""), &[&expected]);
        }
    }

    #[test]
    fn what_asks_first_is_fine() {
        for run in [
            "mkdir -p x",
            "[ -d x ] || mkdir x",
            "if ! git show-ref --verify -q refs/tags/v1; then git tag v1 abc; fi",
            "rm -rf x\nmkdir x",
            "t=$(mktemp -d)\nmkdir \"$t/x\"",
            "cp app.conf /etc/shop/app.conf",
            "echo \"$(date +%F) begun\"",
            "f=app_$(date +%Y%m%d_%H%M%S).tgz",
        ] {
            check(&RULE, &plan(run, ""), &[]);
        }
        check(&RULE, &plan("mkdir x", "probe: { file: x }"), &[]);
    }
}
