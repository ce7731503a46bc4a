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
fn a_plan_without_window_or_estimates() {
    insta::assert_snapshot!(page(
        "plan: look\nsteps:\n  - { step: a, run: uptime, read_only: true }\n  - { checkpoint: b, checks: [{ port: 80 }] }\n"
    ));
}
