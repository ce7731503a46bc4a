//! What is shown, in every output format; one file each.

pub mod columns;
pub mod diff;
pub mod estimate;
pub mod github;
pub mod graph;
pub mod human;
pub mod json;
pub mod junit;
pub mod report;
pub mod run;
pub mod sarif;
pub mod schedule;
pub mod show;

use plan_model::diagnostic::{Diagnostic, Severity};
use plan_model::lint::Waived;
use plan_model::source::Sources;

/// What validation found in one or several plans.
pub struct Report<'r> {
    pub sources: &'r Sources,
    /// The plans that were looked at, with what was found in each.
    pub plans: &'r [PlanReport],
    pub strict: bool,
}

pub struct PlanReport {
    pub name: String,
    pub diagnostics: Vec<Diagnostic>,
    pub waived: Vec<Waived>,
}

impl Report<'_> {
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.plans.iter().flat_map(|plan| &plan.diagnostics)
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    pub fn fails(&self, diagnostic: &Diagnostic) -> bool {
        diagnostic.severity == Severity::Error
            || (self.strict && diagnostic.severity == Severity::Warning)
    }
}
