//! `maintenance-unbalanced`: whoever keeps users out lets them in again, after a look.

use rustc_hash::FxHashMap;

use super::ask::{self, users::turns};
use super::{Finding, Level, Lint, Rule};
use crate::graph::before::{after, ended_before, still_to_come};
use crate::model::action::Action;
use crate::model::action::maintenance::{Maintenance, Turn};
use crate::model::check::Check;
use crate::resolve::{EntryOf, What};

pub const RULE: Rule = Rule {
    code: "maintenance-unbalanced",
    severity: Level::Error,
    about: "maintenance mode ends on every path, and only after a check",
    why: "One guide stops access to the application and never opens it again; another lets users in before \
          anybody has looked whether it works, and they found the error. Every path that turns \
          maintenance mode on must turn it off, and something must have looked at the application \
          in between.",
    bad: "plan: p
steps:
  - { step: out, maintenance: on }
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
  - { step: in, maintenance: off }
",
    good: "plan: p
steps:
  - { step: out, maintenance: on }
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
  - { checkpoint: healthy, checks: [{ http: \"http://127.0.0.1:8000/health\" }] }
  - { step: in, maintenance: off }
",
    check,
};

const OUT: usize = 0;
const LOOKED: usize = 1;

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let turns: FxHashMap<usize, Turn> = turns(lint).into_iter().collect();
    if turns.is_empty() {
        return;
    }
    let mut subjects: Vec<&str> = Vec::new();
    for at in turns.keys() {
        let subject = subject(plan.entry(*at));
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    let number = |at: usize| subjects.iter().position(|known| *known == subject(plan.entry(at)));
    let ends = |at: usize, facts: &mut crate::graph::before::Facts| {
        if turns.get(&at) == Some(&Turn::Off)
            && let Some(number) = number(at)
        {
            facts.insert(number);
        }
    };
    let (certain, possible) = (after(plan, ends), still_to_come(plan, ends));
    let out = ended_before(plan, |at, facts| {
        if turns.get(&at) == Some(&Turn::On) {
            facts.insert(OUT);
        }
    });
    let looked = ended_before(plan, |at, facts| {
        if out[at].has(OUT) && looks(plan.entry(at)) {
            facts.insert(LOOKED);
        }
    });
    for (at, entry) in ask::written(plan) {
        match turns.get(&at) {
            Some(Turn::On) => {
                // What may be skipped needs an end only where it was not.
                let ends = if entry.conditional { &possible[at] } else { &certain[at] };
                let own = subject(entry);
                let ended = subjects.iter().enumerate().any(|(number, other)| {
                    ends.has(number) && (own.is_empty() || other.is_empty() || *other == own)
                });
                if !ended {
                    found.push(unended(lint, at, possible[at] != certain[at]));
                }
            }
            Some(Turn::Off) if out[at].has(OUT) && !looked[at].has(LOOKED) => found.push(
                Finding::new(
                    entry.span,
                    format!("`{}` lets users in, and nothing has looked at the application before", entry.id),
                )
                .about(at)
                .help("put a checkpoint above it, such as: checks: [{ http: \"http://127.0.0.1:8000/health\" }]"),
            ),
            _ => {}
        }
    }
}

fn unended(lint: &Lint<'_>, at: usize, may_end: bool) -> Finding {
    let entry = lint.plan.entry(at);
    let message = if may_end {
        format!("`{}` keeps users out, and what lets them in may be skipped", entry.id)
    } else {
        format!("`{}` keeps users out, and nothing lets them in again", entry.id)
    };
    Finding::new(entry.span, message)
        .about(at)
        .help("end the plan's maintenance with a step that waits for this one: maintenance: off")
}

/// Which application is meant, where several are told apart.
fn subject(entry: &EntryOf) -> &str {
    match entry.step().and_then(ask::action) {
        Some(Action::Maintenance(Maintenance::Full(keys))) => {
            let named = keys.file.as_ref().or(keys.dir.as_ref());
            named.map_or("", |path| path.value.trim_end_matches('/'))
        }
        _ => "",
    }
}

/// Something that could find the application broken: not the room on a disk, nor a gate.
fn looks(entry: &EntryOf) -> bool {
    match &entry.what {
        What::Checkpoint(checkpoint) => checkpoint.checks.iter().any(|check| {
            !matches!(
                check,
                Check::Disk(_)
                    | Check::Memory(_)
                    | Check::Tool(_)
                    | Check::Os(_)
                    | Check::Variable(_)
                    | Check::Gate(_)
                    | Check::Backup(_)
            )
        }),
        What::Step(step) => match ask::action(step) {
            Some(Action::Http(_) | Action::Compare(_) | Action::Manual(_)) => true,
            Some(Action::Wait(crate::model::action::wait::Wait::Full(keys))) => {
                keys.until.is_some()
            }
            Some(Action::Run(_)) => step.read_only == Some(true),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    const LOOK: &str = "  - { step: look, run: uptime, read_only: true, outputs: { n: stdout } }\n";
    const OUT: &str = "  - { step: out, maintenance: on }\n";
    const SEE: &str = "  - { checkpoint: healthy, checks: [{ port: 80 }] }\n";
    const IN: &str = "  - { step: in, maintenance: off }\n";

    fn plan(parts: &[&str]) -> String {
        format!("plan: p\nsteps:\n{}", parts.concat())
    }

    #[test]
    fn users_are_let_in_on_every_path() {
        check(&RULE, &plan(&[OUT, SEE, IN]), &[]);
        check(
            &RULE,
            &plan(&[OUT, SEE]),
            &["out|`out` keeps users out, and nothing lets them in again"],
        );
        let beside = IN.replace("step: in", "step: in, needs: []");
        check(&RULE, &plan(&[OUT, SEE, LOOK, &beside]), &[]);
        let beside = plan(&[OUT, LOOK, &beside]);
        check(&RULE, &beside, &["out|`out` keeps users out, and nothing lets them in again"]);
    }

    #[test]
    fn what_may_be_skipped_lets_nobody_in_for_certain() {
        let when =
            |step: &str, id: &str| step.replace(id, &format!("{id}, when: steps.look.n != '0'"));
        let sometimes = when(IN, "step: in");
        check(
            &RULE,
            &plan(&[LOOK, OUT, SEE, &sometimes]),
            &["out|`out` keeps users out, and what lets them in may be skipped"],
        );
        check(&RULE, &plan(&[LOOK, &when(OUT, "step: out"), SEE, &sometimes]), &[]);
    }

    #[test]
    fn a_check_must_lie_between() {
        let message = "in|`in` lets users in, and nothing has looked at the application before";
        check(&RULE, &plan(&[SEE, OUT, IN]), &[message]);
        check(
            &RULE,
            &plan(&[OUT, &SEE.replace("port: 80", "disk: /, free: 1GiB"), IN]),
            &[message],
        );
        check(&RULE, &plan(&[OUT, LOOK, IN]), &[]);
    }

    #[test]
    fn two_applications_end_each_for_itself() {
        let of = |step: &str, turn: &str, dir: &str| {
            step.replace(
                &format!("maintenance: {turn}"),
                &format!("maintenance: {{ turn: {turn}, in: {dir} }}"),
            )
        };
        check(&RULE, &plan(&[&of(OUT, "on", "a"), SEE, &of(IN, "off", "a/")]), &[]);
        check(
            &RULE,
            &plan(&[&of(OUT, "on", "a"), SEE, &of(IN, "off", "b")]),
            &["out|`out` keeps users out, and nothing lets them in again"],
        );
        check(&RULE, &plan(&[&of(OUT, "on", "a"), SEE, IN]), &[]);
    }

    #[test]
    fn the_command_of_laravel_counts() {
        let by_hand =
            "  - { step: out, run: php artisan down, rollback: { run: php artisan up } }\n";
        check(&RULE, &plan(&[by_hand, SEE, IN]), &[]);
        check(
            &RULE,
            &plan(&[by_hand, SEE]),
            &["out|`out` keeps users out, and nothing lets them in again"],
        );
    }
}
