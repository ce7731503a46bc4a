//! `never-ends`: every command comes to an end by itself.

use super::code::{Code, command_at, program};
use super::{Finding, Level, Lint, Rule, code};
use crate::shell::facts::{self, Fact};

pub const RULE: Rule = Rule {
    code: "never-ends",
    severity: Level::Error,
    about: "no command follows a log or shows a view until it is stopped",
    why: "`docker-compose logs -f` and `docker stats` stand in the guides as checks: a person looks and \
          presses Ctrl-C. A plan has nobody to press it, so the run stands still in the middle of the \
          maintenance window until a timeout fails a step that found nothing wrong.",
    bad: "plan: p
steps:
  - step: logs
    run: docker compose logs -f web
    read_only: true
",
    good: "plan: p
steps:
  - step: logs
    run: docker compose logs --since 5m web
    read_only: true
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    code::report(lint, found, facts::never_ending, |code, fact| {
        if stops_at_a_match(code, fact) || is_asked_for_a_terminal(code, fact) {
            return None;
        }
        let message = format!("{} never ends: it {}", code.name(lint), fact.about);
        Some((message, instead(&fact.about).to_owned()))
    });
}

/// `tail -f log | grep -m1 started` ends.
fn stops_at_a_match(code: &Code<'_>, fact: &Fact) -> bool {
    let script = code.script();
    let Some(command) = command_at(script, &fact.range) else { return false };
    let Some((part, parts)) = command.in_pipeline.filter(|(part, parts)| part + 1 < *parts) else {
        return false;
    };
    let later = script.commands.iter().filter(|other| other.range.start > command.range.start);
    let mut later = later.take_while(|other| {
        other.in_pipeline.is_some_and(|(other, of)| other > part && of == parts)
    });
    later.any(|other| match program(other) {
        "head" => true,
        "grep" | "egrep" => other.words.iter().any(|word| {
            let letters = word.text.strip_prefix('-').unwrap_or("");
            letters.contains(['m', 'q']) || matches!(letters, "-quiet" | "-max-count")
        }),
        "sed" => other.words.iter().any(|word| word.text.ends_with('q')),
        _ => false,
    })
}

/// `interactive` says it already.
fn is_asked_for_a_terminal(code: &Code<'_>, fact: &Fact) -> bool {
    facts::interactive(code.script()).iter().any(|other| other.range == fact.range)
}

fn instead(about: &str) -> &'static str {
    if about.contains("follows") {
        "look at what is there: `--since 5m` or `-n 200`; to wait for a line use `wait: { until: { log: … } }`"
    } else if about.contains("foreground") {
        "start it with `-d`, or with a `service:` step"
    } else if about.contains("repeats") {
        "let it run once, or ask again and again with a checkpoint and `within:`"
    } else if about.contains("sleeps") {
        "say how long: wait: 30s"
    } else {
        "take one sample: `--no-stream` for docker stats, `-b -n 1` for top"
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
    fn views_and_followed_logs_are_refused() {
        check(&RULE, &plan("tail -f x.log"), &["tail -f x.log|`a` never ends: it follows a file"]);
        check(
            &RULE,
            &plan("[docker, stats]"),
            &["docker, stats|`a` never ends: it shows until it is stopped"],
        );
        check(&RULE, &plan("top -b"), &["top -b|`a` never ends: it shows until it is stopped"]);
    }

    #[test]
    fn what_ends_is_fine() {
        for run in [
            "docker stats --no-stream",
            "timeout 5 tail -f x.log",
            "tail -f x.log | grep -m1 started",
            "tail -n 5 x.log",
            "watch -g cat state",
            "htop",
        ] {
            check(&RULE, &plan(run), &[]);
        }
    }
}
