//! How the stages grow with the size of a plan: `cargo bench -p plan-model`.

#[path = "../../../tests/support/big_plan.rs"]
mod big_plan;

use plan_model::document::Document;
use plan_model::folder::MemoryFolder;
use plan_model::source::{FileId, Sources};
use plan_model::validate::{self, Setting};

const SIZES: [usize; 4] = [10, 1_000, 10_000, 100_000];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn parse_yaml(bencher: divan::Bencher<'_, '_>, steps: usize) {
    let text = big_plan::big_plan(steps);
    bencher.counter(divan::counter::BytesCount::of_str(&text)).bench_local(|| {
        let mut found = Vec::new();
        Document::parse(FileId(0), &text, &mut found).is_some()
    });
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn validate_all(bencher: divan::Bencher<'_, '_>, steps: usize) {
    let text = big_plan::big_plan(steps);
    bencher.counter(divan::counter::ItemsCount::new(steps)).bench_local(|| {
        let mut sources = Sources::default();
        let folder = MemoryFolder::default();
        let outcome =
            validate::text(&mut sources, &folder, "plan.yaml", text.clone(), &Setting::default());
        assert!(outcome.plan.is_some());
        outcome
    });
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn format(bencher: divan::Bencher<'_, '_>, steps: usize) {
    let text = big_plan::big_plan(steps);
    bencher.bench_local(|| plan_model::format::format(&text).is_ok());
}
