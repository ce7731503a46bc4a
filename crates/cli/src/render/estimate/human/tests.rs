//! The page of a realistic plan, without colour.

use plan_model::estimate::estimate;
use plan_model::folder::MemoryFolder;
use plan_model::source::Sources;
use plan_model::validate::{self, Setting};

use super::*;

fn page(yaml: &str) -> String {
    let outcome = validate::text(
        &mut Sources::default(),
        &MemoryFolder::default(),
        "plan.yaml",
        yaml.to_owned(),
        &Setting::default(),
    );
    let plan = outcome.plan.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics));
    let page = text(&plan, &estimate(&plan));
    let plain = anstream::adapter::strip_str(&page).to_string();
    for line in plain.lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
    plain
}

#[test]
fn a_shop_upgrade_that_fits() {
    insta::assert_snapshot!(page(include_str!("tests/shop.yaml")));
}

#[test]
fn a_migration_whose_way_back_does_not_fit() {
    insta::assert_snapshot!(page(include_str!("tests/migration.yaml")));
}

#[test]
fn what_is_looked_at_afterwards_and_what_people_do_within_an_estimate() {
    let yaml = "plan: look
phases:
  - phase: after
    watch: [{ port: 80, for: 24h, every: 1m }, { port: 81, for: 2h, every: 1m }]
    steps:
      - { step: a, run: uptime, read_only: true, estimate: 1s }
      - { checkpoint: b, checks: [{ port: 80 }, { manual: Try it }], estimate: 1m..5m }
";
    let page = page(yaml);
    assert!(page.contains("  b (within its estimate)\n"), "{page}");
    let watched = "Looked at afterwards, added to nothing above\n  after: for 1 d from its beginning; the run is over then\n";
    assert!(page.contains(watched), "{page}");
}

#[test]
fn a_plan_without_window_or_estimates() {
    insta::assert_snapshot!(page(
        "plan: look\nsteps:\n  - { step: a, run: uptime, read_only: true }\n  - { checkpoint: b, checks: [{ port: 80 }] }\n"
    ));
}
