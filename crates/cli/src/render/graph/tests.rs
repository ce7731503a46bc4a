//! Pictures of plans: what people see of a realistic one in each format, and what must hold of
//! any: texts in their boxes, boxes apart, every wait drawn, no line through a box.

mod pictures;
mod svg;

use plan_model::folder::MemoryFolder;
use plan_model::source::Sources;
use plan_model::validate::{self, Setting};

use super::Drawing;

pub const SHOP: &str = include_str!("tests/shop.yaml");

pub fn drawing(yaml: &str) -> Drawing {
    let migration = "alter table orders add column total integer;\n";
    let folder = MemoryFolder::default()
        .with("migrations/V1_1__total.sql", migration)
        .with("migrations/rollback/V1_1__rollback.sql", migration);
    let mut sources = Sources::default();
    let text = yaml.to_owned();
    let outcome = validate::text(&mut sources, &folder, "plan.yaml", text, &Setting::default());
    let plan = outcome.plan.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics));
    Drawing::of(&plan)
}
