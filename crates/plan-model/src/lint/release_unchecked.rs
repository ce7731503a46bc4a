//! `release-unchecked`: after new code or a start, something asks whether the application works.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::after;
use crate::model::action::Action;
use crate::model::action::files::FileChange;
use crate::model::check::{Check, ServiceState};
use crate::resolve::EntryOf;

pub const RULE: Rule = Rule {
    code: "release-unchecked",
    severity: Level::Error,
    about: "after new code or a start, the application is asked whether it works",
    why: "`systemctl start` returns at once, also for a program that dies ten seconds later, and a \
          checkout says nothing of code that does not start. Without a request to the application, the \
          run ends as a success and users find the white page.",
    bad: "plan: p
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
  - { step: restart, service: { restart: shop } }
",
    good: "plan: p
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
  - { step: restart, service: { restart: shop } }
  - checkpoint: healthy
    within: 2m
    checks:
      - { http: \"http://127.0.0.1:8000/health\", status: 200 }
",
    check,
};

/// The application was asked.
const ASKED: usize = 0;
/// A query or a log line shows that what was started runs.
const RUNS: usize = 1;
/// A later step is to be checked all the more.
const RELEASED_LATER: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Release {
    Code,
    Start,
}

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    if !plan.entries().iter().any(|entry| release(entry).is_some()) {
        return;
    }
    let watched = checks::last_watched(&plan.plan, |check| proves(check) == Some(ASKED));
    let facts_after = after(plan, |at, facts| {
        let entry = plan.entry(at);
        checks::asked(entry).into_iter().filter_map(proves).for_each(|fact| facts.insert(fact));
        if let Some(Action::Http(_)) = entry.step().and_then(ask::action) {
            facts.insert(ASKED);
        }
        if release(entry).is_some() {
            facts.insert(RELEASED_LATER);
        }
    });
    for (at, entry) in ask::written(plan) {
        let Some(release) = release(entry) else { continue };
        let facts = &facts_after[at];
        let is_checked = facts.has(ASKED)
            || release == Release::Start && facts.has(RUNS)
            || watched.is_some_and(|phase| phase >= entry.phase);
        // The last one stands for those before it.
        if is_checked || facts.has(RELEASED_LATER) {
            continue;
        }
        let message = match release {
            Release::Code => format!("nothing asks whether the code of `{}` works", entry.id),
            Release::Start => format!("nothing asks whether what `{}` starts works", entry.id),
        };
        found.push(Finding::new(entry.span, message).about(at).help(
            "put a checkpoint below it, such as: within: 2m, checks: [{ http: \"http://127.0.0.1:8000/health\" }]",
        ));
    }
}

fn release(entry: &EntryOf) -> Option<Release> {
    match ask::action(entry.step()?)? {
        Action::Git(git) if git.checkout.is_some() || git.merge.is_some() => Some(Release::Code),
        Action::Files(files) => {
            files.iter().any(|one| matches!(one, FileChange::Link(_))).then_some(Release::Code)
        }
        Action::Service(service) if service.starts() => Some(Release::Start),
        _ => None,
    }
}

fn proves(check: &Check) -> Option<usize> {
    match check {
        Check::Http(_) | Check::Run(_) => Some(ASKED),
        Check::Port(check) => {
            let closed = check.closed.as_ref().and_then(|flag| flag.fixed()) == Some(true);
            (!closed).then_some(ASKED)
        }
        Check::Service(check) => (check.state != Some(ServiceState::Stopped)).then_some(ASKED),
        Check::Sql(_) => Some(RUNS),
        Check::Log(check) => check.matches.is_some().then_some(RUNS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    const START: &str = "  - { step: start, service: { start: shop } }\n";
    const CODE: &str = "  - { step: code, git: { checkout: v2, in: app } }\n";

    fn plan(steps: &[&str]) -> String {
        format!("plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n{}", steps.concat())
    }

    fn gate(check: &str) -> String {
        format!("  - {{ checkpoint: c, checks: [{{ {check} }}] }}\n")
    }

    #[test]
    fn the_last_step_that_nothing_checks_is_named() {
        check(&RULE, &plan(&[CODE]), &["code|nothing asks whether the code of `code` works"]);
        let message = "start|nothing asks whether what `start` starts works";
        check(&RULE, &plan(&[CODE, START]), &[message]);
        check(&RULE, &plan(&[&gate("port: 80"), CODE, START]), &[message]);
        check(&RULE, &plan(&[START, &gate("manual: Does it work?")]), &[message]);
    }

    #[test]
    fn the_application_or_what_was_started_is_asked() {
        check(&RULE, &plan(&[CODE, START, &gate("http: \"http://127.0.0.1/\"")]), &[]);
        check(
            &RULE,
            &plan(&[CODE, START, "  - { step: wait, wait: { until: { port: 80 } } }\n"]),
            &[],
        );
        check(&RULE, &plan(&[START, &gate("sql: select 1, on: main")]), &[]);
        check(
            &RULE,
            &plan(&[CODE, &gate("sql: select 1, on: main")]),
            &["code|nothing asks whether the code of `code` works"],
        );
    }

    #[test]
    fn a_stop_needs_no_answer() {
        check(&RULE, &plan(&["  - { step: stop, service: { stop: shop } }\n"]), &[]);
    }
}
