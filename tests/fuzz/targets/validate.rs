//! Everything that a plan file goes through before it may run, over whatever the fuzzer thinks of.
//! The text before the cut is the plan; the one behind it stands in every file that the plan names.
//! Knows no disk and judges no finding: what it refuses to see are panics, hangs, places outside
//! the text and a layout that changes what it lays out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plan_model::diagnostic::Severity;
use plan_model::diff::{self, Side};
use plan_model::folder::{FileProblem, Folder, decode};
use plan_model::graph::CompiledPlan;
use plan_model::source::Sources;
use plan_model::validate::{self, Outcome, Setting};
use plan_model::{estimate, format, lint, named, show};

const CUT: &str = "\n# ---- cut ----\n";

/// One text under every name. Not in deep folders: a file that includes a folder's file would find
/// itself there again and again.
struct Everywhere<'t>(&'t str);

impl Folder for Everywhere<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileProblem> {
        if self.0.is_empty() || path.matches('/').count() > 2 {
            return Err(FileProblem::Missing);
        }
        Ok(self.0.as_bytes().to_vec())
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileProblem> {
        self.read(path)?;
        Ok(["V1_0__first.sql", "V1_1__second.sql", "rollback/V1_0__rollback.sql"]
            .map(String::from)
            .into())
    }
}

fn check_places(outcome: &Outcome, sources: &Sources) {
    for diagnostic in &outcome.diagnostics {
        assert!(!diagnostic.message.is_empty() && !diagnostic.code.is_empty(), "{diagnostic:?}");
        let related = diagnostic.related.iter().map(|label| label.span);
        for span in related.chain([diagnostic.span]) {
            let text = &sources.file(span.file).text;
            // The end of a text may be marked as one character more.
            let end = (span.end as usize).min(text.len());
            assert!(text.get(span.start as usize..end).is_some(), "{span:?} in {diagnostic:?}");
        }
    }
}

/// Whether `plan diff` would take it: only rules have something against it.
fn is_comparable(outcome: &Outcome) -> bool {
    let mut errors = outcome.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.all(|error| lint::codes().any(|code| code == error.code))
}

/// A plan that was laid out anew is the same plan.
fn check_layout(compiled: &CompiledPlan, laid_out: String, folder: &dyn Folder, setting: &Setting) {
    let mut sources = Sources::default();
    let outcome = validate::text(&mut sources, folder, "plan.yaml", laid_out, setting);
    let again = outcome.plan.expect("a plan stays a plan when it is laid out");
    let mut files = |plan: &CompiledPlan| named::read(plan, &mut sources, folder, &mut Vec::new());
    let (old, new) = (files(compiled), files(&again));
    let changes =
        diff::diff(&Side { plan: compiled, files: &old }, &Side { plan: &again, files: &new });
    assert!(changes.is_empty(), "{changes:#?}");
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes.to_vec()) else { return };
    let (plan, other) = text.split_once(CUT).unwrap_or((&text, ""));
    let folder = Everywhere(other);
    let mut sources = Sources::default();
    if plan.starts_with("environment:") {
        let outcome = validate::environment(&mut sources, &Everywhere(plan), "prod.yaml");
        return check_places(&outcome, &sources);
    }
    let mut setting = Setting::default();
    if plan.starts_with("# args: --env") {
        setting.environment = Some("prod".to_owned());
    }
    let outcome = validate::text(&mut sources, &folder, "plan.yaml", plan.to_owned(), &setting);
    check_places(&outcome, &sources);
    let laid_out = format::format(plan);
    if let Ok(laid_out) = &laid_out {
        assert_eq!(format::format(laid_out).as_ref(), Ok(laid_out), "formatting must settle");
    }
    let Some(compiled) = &outcome.plan else { return };
    show::show(compiled);
    // The chances play the plan thousands of times and branch on nothing that the text says; and
    // a second validation teaches the fuzzer nothing that the first did not.
    match text.len() % 32 {
        0 => drop(estimate::estimate(compiled)),
        _ => drop(estimate::bounds(compiled)),
    }
    if let (Ok(laid_out), 0) = (laid_out, text.len() % 4)
        && is_comparable(&outcome)
    {
        check_layout(compiled, laid_out, &folder, &setting);
    }
});
