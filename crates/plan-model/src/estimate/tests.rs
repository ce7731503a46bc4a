//! Times of small plans, worked out by hand.

mod properties;

use std::time::Duration;

use super::*;
use crate::folder::MemoryFolder;
use crate::notation::Spoken;
use crate::source::Sources;
use crate::validate::{self, Setting};

fn compiled(text: &str) -> CompiledPlan {
    let mut sources = Sources::default();
    let outcome = validate::text(
        &mut sources,
        &MemoryFolder::default(),
        "plan.yaml",
        text.to_owned(),
        &Setting::default(),
    );
    outcome.plan.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics))
}

/// The bounds of a plan that has one phase with these steps.
fn steps(steps: &str) -> (CompiledPlan, Bounds) {
    let plan = compiled(&format!("plan: p\nsteps:\n{steps}"));
    let bounds = bounds(&plan);
    (plan, bounds)
}

fn spoken(range: Range) -> String {
    range.to_string()
}

fn say(time: Duration) -> String {
    Spoken(time).to_string()
}

fn total(text: &str) -> String {
    spoken(steps(text).1.total)
}

fn path(plan: &CompiledPlan, bounds: &Bounds) -> String {
    let name = |stop: &Stop| match stop.place {
        Place::Entry(at) => plan.entry(at).id.clone(),
        Place::Phase(at) => format!("[{}]", plan.plan.phases[at].id),
    };
    bounds.critical.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn told(findings: &[findings::TimeFinding]) -> String {
    let one = |one: &findings::TimeFinding| {
        format!("{}\n  marked: {}\n  help: {}\n", one.message, one.label, one.help)
    };
    findings.iter().map(one).collect()
}

const STEP: &str = "run: 'true', read_only: true";

/// The guide's table of hours: 2-4 h, 1-3 h, 1-2 h, 30 min.
const G3: &str = "
plan: bm-migration
estimate: 4h..9h
window: { opens: \"22:00\", lasts: 6h, timezone: Europe/Paris }
phases:
  - phase: prepare
    estimate: 2h..4h
    steps: [{ step: look, run: 'true', read_only: true }]
  - phase: data
    maintenance: true
    estimate: 1h..3h
    steps: [{ step: convert, run: 'true', read_only: true }]
  - phase: tests
    maintenance: true
    estimate: 1h..2h
    steps: [{ checkpoint: tested, checks: [{ manual: The bookings are right }] }]
  - phase: deploy
    maintenance: true
    estimate: 30m
    steps: [{ step: open, run: 'true', read_only: true }]
";

#[test]
fn hours_of_the_guide_add_up_to_what_its_own_table_does_not_say() {
    let plan = compiled(G3);
    let Estimates { bounds, chances } = estimate(&plan);
    assert_eq!(spoken(bounds.total), "4 h 30 to 9 h 30");
    let window = bounds.window.clone().unwrap();
    assert_eq!(spoken(window.inside), "2 h 30 to 5 h 30");
    assert_eq!(path(&plan, &bounds), "[prepare] [data] [tests] [deploy]");
    assert!(bounds.total.best < chances.total.p50 && chances.total.p90 < bounds.total.worst);
    assert!(chances.inside.unwrap().p90 < window.inside.worst);
    let findings = findings::totals_mismatch(&plan, &bounds);
    let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["the phases add up to 4 h 30 to 9 h 30, not to 4 h to 9 h"]);
    assert!(findings[0].help.contains("estimate: 4h30m..9h30m"));
}

#[test]
fn steps_one_below_the_other_add_up_and_steps_beside_each_other_do_not() {
    let text = format!(
        "  - {{ step: a, {STEP}, estimate: 1m..2m }}
  - {{ step: b, {STEP}, needs: [], estimate: 5m..9m }}
  - {{ step: c, {STEP}, needs: [a], estimate: 1m..3m }}
  - {{ step: d, {STEP}, estimate: 1m }}
"
    );
    let (plan, bounds) = steps(&text);
    assert_eq!(spoken(bounds.total), "6 min to 10 min");
    assert_eq!(path(&plan, &bounds), "b d");
}

#[test]
fn no_more_than_jobs_run_at_once_and_the_longest_way_starts_first() {
    let three = |jobs: usize| {
        let text = format!(
            "plan: p\njobs: {jobs}\nsteps:
  - {{ step: short, {STEP}, needs: [], estimate: 1m }}
  - {{ step: middle, {STEP}, needs: [], estimate: 2m }}
  - {{ step: long, {STEP}, needs: [], estimate: 3m }}
"
        );
        let plan = compiled(&text);
        let bounds = bounds(&plan);
        (spoken(bounds.total), path(&plan, &bounds), bounds.critical)
    };
    assert_eq!(three(3).0, "3 min");
    assert_eq!(three(2).0, "3 min");
    let (total, path, critical) = three(1);
    assert_eq!((total.as_str(), path.as_str()), ("6 min", "long middle short"));
    assert_eq!(critical.iter().map(|stop| stop.queued).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn people_take_no_place_and_their_time_is_apart() {
    let (_, bounds) = steps(&format!(
        "  - {{ step: unplug, manual: Unplug the old server, estimate: 10m..1h }}
  - {{ step: a, {STEP}, estimate: 1m }}
  - checkpoint: sure
    within: 30m
    checks: [{{ manual: Everybody is sure }}]
  - checkpoint: mixed
    checks: [{{ manual: Really, within: 5m }}, {{ port: 80 }}]
  - {{ step: later, manual: {{ text: Write to the users, due: 7d }} }}
"
    ));
    assert_eq!(spoken(bounds.total), "1 min");
    let people: Vec<_> = bounds
        .entries
        .iter()
        .map(|entry| entry.people.map(|people| people.takes.map(spoken).unwrap()))
        .collect();
    let expected = [Some("10 min to 1 h"), None, Some("0 s to 30 min"), Some("0 s to 5 min"), None];
    assert_eq!(people, expected.map(|text| text.map(str::to_owned)));
    assert!(bounds.without.is_empty());
}

#[test]
fn waits_and_checks_have_times_without_an_estimate() {
    let step = |text: &str| total(&format!("  - {{ step: a, {text} }}\n"));
    assert_eq!(step("wait: 30s"), "30 s");
    assert_eq!(step("wait: 30s, estimate: 1s"), "30 s");
    assert_eq!(step("wait: { until: { port: 80 }, at_most: 2m, stable_for: 5s }"), "5 s to 2 min");
    let checkpoint = |text: &str| total(&format!("  - {{ checkpoint: a, {text} }}\n"));
    assert_eq!(checkpoint("within: 2m, checks: [{ port: 80 }]"), "0 s to 2 min");
    assert_eq!(checkpoint("within: 2m, estimate: 5s, checks: [{ port: 80 }]"), "5 s");
    assert_eq!(
        checkpoint("within: 2m, every: 5s, in_a_row: 3, checks: [{ port: 80 }]"),
        "10 s to 2 min"
    );
    assert_eq!(
        checkpoint("checks: [{ port: 80, within: 1m }, { run: x, timeout: 30s }, { port: 81 }]"),
        "0 s to 1 min 30"
    );
}

#[test]
fn what_nobody_estimated_is_listed_and_counts_nothing() {
    let (_, bounds) = steps(
        "  - { step: a, run: 'true', read_only: true }
  - { step: b, wait: { clock: \"03:00\" } }
  - { step: c, wait: 10s }
  - { checkpoint: d, checks: [{ run: ./suite.sh }] }
",
    );
    assert_eq!(bounds.without, [0, 1, 3]);
    assert_eq!(bounds.phases[0].uncounted, 3);
    assert_eq!(spoken(bounds.total), "10 s");
}

#[test]
fn times_may_come_from_inputs() {
    let plan = compiled(
        "plan: p
inputs: { pause: { type: duration, default: 90s }, jobs: { type: integer, default: 1 } }
jobs: \"{{ jobs }}\"
window: { opens: \"02:00\", lasts: \"{{ pause }}\", timezone: UTC }
phases:
  - phase: a
    maintenance: true
    steps: [{ step: a, wait: \"{{ pause }}\" }]
",
    );
    let bounds = bounds(&plan);
    assert_eq!((bounds.jobs, spoken(bounds.total).as_str()), (1, "1 min 30"));
    assert_eq!(bounds.window.unwrap().slack, Some(Slack::Left(Duration::ZERO)));
}

#[test]
fn a_step_that_may_be_skipped_takes_no_time_at_best() {
    let text = format!(
        "  - {{ step: look, run: 'true', read_only: true, estimate: 1s, outputs: {{ n: stdout }} }}
  - {{ step: a, {STEP}, when: steps.look.n != '0', estimate: 1m..2m }}
"
    );
    assert_eq!(total(&text), "1 s to 2 min 01");
}

#[test]
fn a_phase_speaks_for_its_silent_steps_only() {
    let phase = |estimate: &str, steps: &str| {
        let plan = compiled(&format!(
            "plan: p\nphases:\n  - phase: a\n    estimate: {estimate}\n    steps:\n{steps}"
        ));
        let bounds = bounds(&plan);
        let wrong = findings::totals_mismatch(&plan, &bounds).len();
        (spoken(bounds.total), bounds.phases[0].uncounted, wrong)
    };
    let silent = format!("      - {{ step: a, {STEP} }}\n");
    let said = format!("      - {{ step: b, {STEP}, estimate: 20m }}\n");
    let all = |total: &str, uncounted, wrong| (total.to_owned(), uncounted, wrong);
    assert_eq!(phase("1h..2h", &silent), all("1 h to 2 h", 0, 0));
    assert_eq!(phase("1h..2h", &(silent.clone() + &said)), all("1 h to 2 h", 0, 0));
    assert_eq!(phase("5m..10m", &(silent + &said)), all("20 min", 0, 1));
    assert_eq!(phase("1h..2h", &said), all("20 min", 0, 1));
    assert_eq!(phase("20m..20m30s", &said), all("20 min", 0, 0));
}

const SWITCH: &str = "
plan: p
window: { opens: \"02:00\", lasts: 1h, timezone: UTC }
phases:
  - phase: before
    steps:
      - { step: save, backup: { files: [a], to: b }, estimate: 10m }
      - { step: build, run: make, rollback: { run: make clean, estimate: 2m }, estimate: 20m }
      - { checkpoint: ready, checks: [{ port: 80 }] }
  - phase: switch
    maintenance: true
    steps:
      - { step: one, run: x, rollback: { run: y, estimate: 10m }, estimate: 5m }
      - { step: two, run: x, needs: [], rollback: { run: y }, estimate: 15m }
      - { checkpoint: half, within: 1m, checks: [{ port: 80 }] }
      - { step: three, run: x, rollback: [{ run: y, estimate: 12m }, { manual: Look }], estimate: 20m }
      - { checkpoint: whole, checks: [{ port: 80 }] }
  - phase: after
    steps:
      - { step: tell, run: x, read_only: true, estimate: 2h }
      - { checkpoint: told, checks: [{ port: 80 }] }
";

#[test]
fn way_there_check_and_way_back_of_each_checkpoint_are_held_against_the_window() {
    let plan = compiled(SWITCH);
    let bounds = bounds(&plan);
    let row = |at: usize| {
        let time = &bounds.checkpoints[at];
        let slack = match time.slack {
            None => "-".to_owned(),
            Some(Slack::Left(left)) => format!("+{}", say(left)),
            Some(Slack::Over(over)) => format!("-{}", say(over)),
        };
        let (there, check, back) = (say(time.there), say(time.check), say(time.back.takes));
        format!("{} {there} | {check} | {back} | {slack}", plan.entry(time.entry).id)
    };
    assert_eq!(row(0), "ready 0 s | 0 s | 2 min | -");
    // `two` is assumed to take as long back as there, beside `one`; then `build`.
    assert_eq!(row(1), "half 15 min | 1 min | 17 min | +27 min");
    assert_eq!(row(2), "whole 36 min | 0 s | 29 min | -5 min");
    assert_eq!(row(3), "told 36 min | 0 s | 29 min | -5 min");
    assert_eq!(bounds.checkpoints[1].back.assumed, 1);
    assert_eq!(bounds.checkpoints[2].back.by_hand, 1);
    assert_eq!(bounds.checkpoints[1].turn_back_by.map(say).as_deref(), Some("43 min"));
    let window = bounds.window.as_ref().unwrap();
    assert_eq!(window.slack, Some(Slack::Over(Duration::from_secs(300))));
    assert_eq!(window.turn_back_by.map(say).as_deref(), Some("31 min"));
    let late = findings::rollback_time(&plan, &bounds);
    assert_eq!(late.iter().filter_map(|one| one.entry).collect::<Vec<_>>(), [7, 9]);
    let short = findings::window_too_short(&plan, &bounds);
    insta::assert_snapshot!(told(&late) + &told(&short));
}

#[test]
fn the_way_back_ends_at_what_cannot_be_undone() {
    let (plan, bounds) = steps(
        "  - { step: a, run: x, rollback: [{ run: y }, { manual: Look }], estimate: 1h }
  - { step: side, run: x, needs: [], rollback: { run: y, estimate: 5m }, estimate: 1m }
  - { step: drop, run: x, needs: [a], irreversible: gone, estimate: 1m }
  - { checkpoint: one, needs: [drop], checks: [{ port: 80 }] }
  - { step: b, run: x, rollback: { run: y, estimate: 2m }, estimate: 1m }
  - { checkpoint: two, checks: [{ port: 80 }] }
",
    );
    let back = |at: usize| bounds.checkpoints[at].back;
    assert_eq!(back(0).only_to, plan.by_id("drop"));
    assert_eq!((back(0).assumed, back(0).by_hand), (0, 0));
    // `side` does not come before `drop`: it is undone, though `a` is not.
    assert_eq!((say(back(0).takes), say(back(1).takes)), ("5 min".to_owned(), "7 min".to_owned()));
}

#[test]
fn a_phase_that_speaks_for_its_steps_also_speaks_for_their_way_back() {
    let plan = compiled(
        "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
phases:
  - phase: data
    maintenance: true
    estimate: 1h..2h
    steps:
      - { checkpoint: first, checks: [{ port: 80 }] }
      - { step: convert, run: x, rollback: { run: y } }
      - { checkpoint: last, checks: [{ port: 80 }] }
",
    );
    let bounds = bounds(&plan);
    let [first, last] = &bounds.checkpoints[..] else { panic!() };
    assert_eq!((first.there, first.back.takes), (Duration::ZERO, Duration::ZERO));
    assert_eq!((say(last.there), say(last.back.takes)), ("2 h".to_owned(), "2 h".to_owned()));
    assert_eq!((last.back.assumed, last.back.unknown), (1, 0));
    assert_eq!(last.slack, Some(Slack::Over(Duration::from_secs(3600))));
}

#[test]
fn missing_estimates_are_named_by_phase_where_there_is_a_window() {
    let plan = |window: &str| {
        compiled(&format!(
            "plan: p\n{window}phases:
  - phase: one
    steps: [{{ step: a, {STEP} }}, {{ step: b, {STEP}, estimate: 1m }}]
  - phase: two
    estimate: 1h
    steps: [{{ step: c, {STEP} }}]
"
        ))
    };
    let with = plan("window: { opens: \"02:00\", lasts: 1h, timezone: UTC }\n");
    insta::assert_snapshot!(told(&findings::estimate_missing(&with, &bounds(&with))));
    let without = plan("");
    assert_eq!(findings::estimate_missing(&without, &bounds(&without)), []);
}

#[test]
fn plans_without_steps_or_windows_are_estimated_too() {
    let plan = compiled("plan: p\nsteps: []\n");
    let Estimates { bounds, chances } = estimate(&plan);
    assert_eq!((bounds.total, chances.total), (Range::default(), Percentiles::default()));
    assert!(bounds.critical.is_empty() && bounds.window.is_none() && bounds.checkpoints.is_empty());
}

#[test]
fn absurd_times_do_not_overflow() {
    let (_, bounds) = steps(&format!(
        "  - {{ step: a, {STEP}, estimate: 30000w..90000w }}
  - {{ step: b, {STEP}, estimate: 1m..90000w }}
  - {{ step: c, {STEP}, estimate: 5m..1m }}
"
    ));
    assert!(bounds.total.best <= bounds.total.worst);
    assert_eq!(bounds.entries[2].run.map(spoken).as_deref(), Some("1 min to 5 min"));
}
