//! One test for each kind of change: two plans in, the lines that a reviewer reads out.

mod entries;
mod order;
mod around;
mod inputs;
mod files;
mod same;
mod random;

use super::*;
use crate::folder::MemoryFolder;
use crate::named;
use crate::source::Sources;
use crate::validate::{self, Setting};

/// A plan that was read, with all that a comparison needs.
struct Read {
    plan: CompiledPlan,
    files: NamedFiles,
}

impl Read {
    fn side(&self) -> Side<'_> {
        Side { plan: &self.plan, files: &self.files }
    }
}

fn read(folder: &MemoryFolder, setting: &Setting) -> Result<Read, String> {
    let mut sources = Sources::default();
    let outcome = validate::plan(&mut sources, folder, "plan.yaml", setting);
    let errors = outcome.diagnostics.iter();
    let errors = errors.filter(|found| found.severity == crate::diagnostic::Severity::Error);
    let errors = errors.filter(|found| crate::lint::codes().all(|code| code != found.code));
    let errors: Vec<_> = errors.map(|found| found.message.clone()).collect();
    if !errors.is_empty() {
        return Err(errors.join("\n"));
    }
    let plan = outcome.plan.ok_or("there is no plan")?;
    let files = named::read(&plan, &mut sources, folder, &mut Vec::new());
    Ok(Read { plan, files })
}

fn folder(plan: &str) -> MemoryFolder {
    MemoryFolder::default().with("plan.yaml", plan)
}

fn lines(old: &MemoryFolder, new: &MemoryFolder, setting: &Setting) -> Vec<String> {
    let (old, new) = (read(old, setting).unwrap(), read(new, setting).unwrap());
    let changes = diff(&old.side(), &new.side());
    changes.iter().map(|change| format!("{}: {}", change.risk.word(), change.sentence)).collect()
}

/// The lines that tell one plan from another.
#[track_caller]
fn check(old: &str, new: &str, expected: &[&str]) {
    assert_eq!(lines(&folder(old), &folder(new), &Setting::default()), expected);
}

/// The same for what stands below the steps of one phase, or for one step's keys.
#[track_caller]
fn check_steps(old: &str, new: &str, expected: &[&str]) {
    let plan = |steps: &str| format!("plan: p\nsteps:\n{steps}");
    check(&plan(old), &plan(new), expected);
}

#[track_caller]
fn check_step(old: &str, new: &str, expected: &[&str]) {
    let step = |keys: &str| format!("  - {{ step: a, {keys} }}\n");
    check_steps(&step(old), &step(new), expected);
}

/// The same for one check of a checkpoint.
#[track_caller]
fn check_check(old: &str, new: &str, expected: &[&str]) {
    let plan = |check: &str| {
        format!(
            "plan: p\nconnections: {{ main: {{ server: sqlite, file: a.db }} }}\nsteps:\n  \
             - {{ step: a, run: x, read_only: true }}\n  - {{ checkpoint: b, checks: [{check}] }}\n"
        )
    };
    check(&plan(old), &plan(new), expected);
}
