//! `workers-running`: workers that the plan knows are stopped before the schema changes.

use rustc_hash::FxHashMap;

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::{Facts, before};
use crate::model::action::Action;
use crate::model::action::maintenance::Turn;
use crate::model::check::{Check, ServiceState};
use crate::scripts::Purpose;
use crate::source::Span;

pub const RULE: Rule = Rule {
    code: "workers-running",
    severity: Level::Warning,
    about: "queue workers are stopped before the schema changes",
    why: "Users see the maintenance page, and the workers go on: they hold locks that the migration waits \
          for, write rows of the old form into the new table, and keep the old code in memory for hours. \
          What the plan starts again at the end, it must have stopped before.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - { step: schema, migrate: { database: main, from: migrations/ } }
  - { step: workers, service: { restart: shop-worker } }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - { step: quiet, service: { stop: shop-worker, drain: 5m } }
  - { step: schema, migrate: { database: main, from: migrations/ } }
  - { step: workers, service: { start: shop-worker } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let migrates = |action: Option<Action<'_>>| matches!(action, Some(Action::Migrate(_)));
    if !plan.entries().iter().any(|entry| migrates(entry.step().and_then(ask::action))) {
        return;
    }
    let workers = workers(lint);
    if workers.is_empty() {
        return;
    }
    // A script that stops something, or users out by maintenance mode, may have stopped any.
    let all = workers.len();
    let mut stops = vec![false; plan.entries().len()];
    for script in lint.scripts.scripts.iter().filter(|one| one.purpose == Purpose::Step) {
        let words = ["stop", "down", "terminate", "drain", "scale", "kill", "pause"];
        if let Some(at) =
            script.entry.filter(|_| words.iter().any(|word| script.text.contains(word)))
        {
            stops[at] = true;
        }
    }
    let stop = |at: usize, facts: &mut Facts| {
        let entry = plan.entry(at);
        if stops[at] || ask::maintenance_turn(entry) == Some(Turn::On) {
            facts.insert(all);
        }
        if let Some(Action::Service(service)) = entry.step().and_then(ask::action) {
            for name in service.stop.iter().flat_map(|names| names.iter()) {
                workers.get(name.value.as_str()).into_iter().for_each(|one| facts.insert(one.0));
            }
        }
        for check in checks::asked(entry) {
            if let Check::Service(check) = check
                && check.state == Some(ServiceState::Stopped)
            {
                workers
                    .get(check.service.value.as_str())
                    .into_iter()
                    .for_each(|one| facts.insert(one.0));
            }
        }
    };
    let stopped = before(plan, stop);
    // Who stops it later, for another phase, has thought of it: then only maintenance is judged.
    let mut somewhere = Facts::default();
    (0..stops.len()).for_each(|at| stop(at, &mut somewhere));
    for (at, entry) in ask::written(plan) {
        let closed = plan.plan.phases[entry.phase].maintenance;
        if !migrates(entry.step().and_then(ask::action)) || stopped[at].has(all) {
            continue;
        }
        let mut running: Vec<_> = workers
            .iter()
            .filter(|(_, (number, _))| {
                let later = somewhere.has(*number) || somewhere.has(all);
                !stopped[at].has(*number) && (closed || !later)
            })
            .collect();
        running.sort_by_key(|(_, (number, _))| *number);
        let Some((_, (_, place))) = running.first() else { continue };
        let names: Vec<_> = running.iter().map(|(name, _)| **name).collect();
        let message =
            format!("`{}` changes the schema while {} may run", entry.id, names.join(", "));
        found.push(
            Finding::new(entry.span, message)
                .about(at)
                .related(*place, "the plan knows it from here")
                .help(format!("put a step above it: service: {{ stop: {}, drain: 5m }}", names[0])),
        );
        // What stops them before the first stops them before all.
        break;
    }
}

/// Services that look like workers by their names, each with a number and where it is named.
fn workers<'p>(lint: &Lint<'p>) -> FxHashMap<&'p str, (usize, Span)> {
    let plan = lint.plan;
    let mut workers = FxHashMap::default();
    let mut note = |name: &'p str, span: Span| {
        let kinds =
            ["worker", "queue", "horizon", "celery", "sidekiq", "consumer", "resque", "cron"];
        if kinds.iter().any(|kind| name.contains(kind)) && !name.contains("{{") {
            let next = workers.len();
            workers.entry(name).or_insert((next, span));
        }
    };
    for service in plan.plan.file.state.iter().flat_map(|state| &state.services).flatten() {
        note(&service.value, service.span);
    }
    for entry in plan.entries() {
        if let Some(Action::Service(service)) = entry.step().and_then(ask::action) {
            let all = [&service.stop, &service.start, &service.restart, &service.reload];
            for name in all.into_iter().flatten().flat_map(|names| names.iter()) {
                note(&name.value, name.span);
            }
        }
    }
    workers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::{check_with, example_folder};

    fn check(above: &str, below: &str, expected: &[&str]) {
        let plan = format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - {{ step: look, run: uptime, read_only: true }}\n{above}  - {{ step: schema, migrate: {{ database: main, from: migrations/ }} }}\n{below}"
        );
        check_with(&RULE, &plan, &example_folder(), None, expected);
    }

    const START: &str = "  - { step: up, service: { start: [shop-worker, web] } }\n";
    const MESSAGE: &str = "schema|`schema` changes the schema while shop-worker may run";

    #[test]
    fn a_worker_that_the_plan_knows_is_stopped_before() {
        check("", START, &[MESSAGE]);
        check("  - { step: down, service: { stop: web } }\n", START, &[MESSAGE]);
        check("  - { step: down, service: { stop: [web, shop-worker] } }\n", START, &[]);
        check(
            "  - { step: down, run: ./stop-workers, rollback: { run: ./start-workers } }\n",
            START,
            &[],
        );
        check("  - { step: down, maintenance: on }\n", START, &[]);
        check(
            "  - { checkpoint: c, checks: [{ service: shop-worker, is: stopped }] }\n",
            START,
            &[],
        );
    }

    #[test]
    fn a_worker_that_is_stopped_later_was_thought_of() {
        let later = "  - { step: down, service: { stop: shop-worker } }\n  - { step: look-again, run: uptime, read_only: true }\n";
        check("", &format!("{later}{START}"), &[]);
    }

    #[test]
    fn plans_that_know_no_worker_are_left_alone() {
        check("", "  - { step: up, service: { restart: web } }\n", &[]);
        check("", "", &[]);
    }
}
