//! `slow-step-in-downtime`: what can be fetched or built before is not done while users wait.

use rustc_hash::FxHashMap;

use super::ask::{self, runs::runs};
use super::{Finding, Level, Lint, Rule};
use crate::graph::before::before;
use crate::model::action::Action;
use crate::model::action::packages::Packages;
use crate::scripts::Purpose;
use crate::shell::facts::{DeedKind, deeds};

pub const RULE: Rule = Rule {
    code: "slow-step-in-downtime",
    severity: Level::Warning,
    about: "nothing is downloaded or built in a maintenance phase",
    why: "A guide stops the containers first and then fetches, rebuilds without cache and installs: users \
          wait for a mirror on another continent, and when it is down they wait for good. Images, packages \
          and commits can be there before the window opens; inside it they are only put in place.",
    bad: "plan: p
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: libraries, packages: { manager: composer, in: app/ } }
",
    good: "plan: p
phases:
  - phase: prepare
    steps:
      - { step: fetch, packages: { manager: composer, in: app/, fetch_only: true } }
  - phase: switch
    maintenance: true
    steps:
      - { step: libraries, packages: { manager: composer, in: app/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    if plan.plan.maintenance_phases().next().is_none() {
        return;
    }
    let in_downtime = |at: usize| plan.plan.phases[plan.entry(at).phase].maintenance;
    let mut fetched: FxHashMap<(&str, &str), usize> = FxHashMap::default();
    for entry in plan.entries() {
        if let Some(packages) = packages(entry).filter(|packages| fetches_only(packages)) {
            let number = fetched.len();
            fetched.entry(place(packages)).or_insert(number);
        }
    }
    let there = before(plan, |at, facts| {
        let packages = packages(plan.entry(at)).filter(|packages| fetches_only(packages));
        if let Some(number) = packages.and_then(|packages| fetched.get(&place(packages))) {
            facts.insert(*number);
        }
    });
    for (at, entry) in ask::written(plan).filter(|(at, _)| in_downtime(*at)) {
        let Some(step) = entry.step() else { continue };
        let (what, help) = match ask::action(step) {
            Some(Action::Packages(packages)) => {
                let known =
                    fetched.get(&place(packages)).is_some_and(|number| there[at].has(*number));
                if known {
                    continue;
                }
                (
                    "downloads packages",
                    "fetch them in a phase before: the same `packages:` with `fetch_only: true`",
                )
            }
            Some(Action::Git(git)) if git.fetch.is_some() => {
                ("fetches from a git server", "fetch in a phase before, and only check out here")
            }
            Some(Action::Fetch(fetch)) if fetch.url.is_some() => {
                ("downloads a file", "fetch it in a phase before, and only unpack it here")
            }
            Some(Action::Service(service)) if service.build.is_some() => {
                ("builds images", "build them in a phase before, and only start them here")
            }
            _ => continue,
        };
        found.push(slow(entry.span, &entry.id, what).about(at).help(help));
    }
    for run in runs(lint).filter(|run| run.purpose == Purpose::Step) {
        let Some(at) = run.entry.filter(|at| in_downtime(*at)) else { continue };
        // One word a script is enough.
        let slowest = deeds(run.script).into_iter().find(|deed| deed.kind == DeedKind::Slow);
        let Some(deed) = slowest else { continue };
        let place = run.place(lint.sources, &deed.fact.range);
        found.push(slow(place, &plan.entry(at).id, &deed.fact.about).about(at).help(
            "do it in a phase before the maintenance, and only put the result in place here",
        ));
    }
}

fn slow(span: crate::source::Span, id: &str, what: &str) -> Finding {
    Finding::new(span, format!("`{id}` {what} while users are out"))
}

fn packages(entry: &crate::resolve::EntryOf) -> Option<&Packages> {
    match entry.step().and_then(ask::action)? {
        Action::Packages(packages) => Some(packages),
        _ => None,
    }
}

fn fetches_only(packages: &Packages) -> bool {
    packages.fetch_only.as_ref().is_some_and(|flag| flag.fixed() != Some(false))
}

fn place(packages: &Packages) -> (&'static str, &str) {
    let dir = packages.dir.as_ref().map_or("", |dir| dir.value.trim_end_matches('/'));
    (packages.manager.word(), dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn downtime(step: &str) -> String {
        format!(
            "plan: p\nphases:\n  - phase: switch\n    maintenance: true\n    steps:\n      - {{ step: a, {step} }}\n"
        )
    }

    #[test]
    fn downloads_and_builds_are_seen() {
        for (step, message) in [
            (
                "git: { fetch: origin, checkout: v2, in: app/ }",
                "a|`a` fetches from a git server while users are out",
            ),
            (
                "service: { build: web, manager: compose }",
                "a|`a` builds images while users are out",
            ),
            (
                "run: docker compose build --no-cache, read_only: true",
                "docker compose build --no-cache|`a` builds an image while users are out",
            ),
            (
                "run: [sudo, apt-get, -y, upgrade], read_only: true",
                "apt-get, -y, upgrade|`a` downloads and installs system packages while users are out",
            ),
        ] {
            check(&RULE, &downtime(step), &[message]);
            check(&RULE, &downtime(step).replace("maintenance: true", "maintenance: false"), &[]);
        }
    }

    #[test]
    fn what_is_there_already_is_quick() {
        for step in [
            "git: { checkout: v2, in: app/ }",
            "run: pip install --no-index --find-links wheels shop, read_only: true",
            "run: docker compose up -d, read_only: true",
            "run: git checkout v2, read_only: true",
        ] {
            check(&RULE, &downtime(step), &[]);
        }
    }
}
