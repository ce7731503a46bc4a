//! The whole flow, text to compiled plan: every problem of the files in one pass.
//! Decides nothing about output or exit codes.

use crate::diagnostic::{Diagnostic, Severity};
use crate::folder::Folder;
use crate::graph::{self, CompiledPlan};
use crate::inputs::Given;
use crate::lint;
use crate::load;
use crate::model::plan::PlanFile;
use crate::refer;
use crate::resolve;
use crate::schema::FileRole;
use crate::source::Sources;

/// What a caller adds to a plan file.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    pub environment: Option<String>,
    pub set: Vec<Given>,
}

/// What came of a plan file.
#[derive(Debug)]
pub struct Outcome {
    pub plan: Option<CompiledPlan>,
    pub diagnostics: Vec<Diagnostic>,
    /// Rules that would have fired, with the reason why they were waived.
    pub waived: Vec<lint::Waived>,
}

impl Outcome {
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

/// Reads, resolves, orders and lints the plan file at a path.
pub fn plan(sources: &mut Sources, folder: &dyn Folder, path: &str, setting: &Setting) -> Outcome {
    let mut found = Vec::new();
    let loaded = load::file(sources, folder, path, FileRole::Plan, None, &mut found);
    finish(sources, folder, loaded, setting, found)
}

/// The same for a text that is no file, such as standard input.
pub fn text(
    sources: &mut Sources,
    folder: &dyn Folder,
    name: &str,
    text: String,
    setting: &Setting,
) -> Outcome {
    let mut found = Vec::new();
    let loaded = load::parse(sources, name, text, FileRole::Plan, &mut found);
    finish(sources, folder, loaded, setting, found)
}

/// An environment file on its own.
pub fn environment(sources: &mut Sources, folder: &dyn Folder, path: &str) -> Outcome {
    let mut found = Vec::new();
    let loaded: Option<load::Loaded<crate::model::plan::EnvironmentFile>> =
        load::file(sources, folder, path, FileRole::Environment, None, &mut found);
    if let Some(loaded) = loaded {
        refer::environment(&loaded.value, sources, &mut found);
    }
    sort(&mut found);
    Outcome { plan: None, diagnostics: found, waived: Vec::new() }
}

fn finish(
    sources: &mut Sources,
    folder: &dyn Folder,
    loaded: Option<load::Loaded<PlanFile>>,
    setting: &Setting,
    mut found: Vec<Diagnostic>,
) -> Outcome {
    let Some(loaded) = loaded else {
        sort(&mut found);
        return Outcome { plan: None, diagnostics: found, waived: Vec::new() };
    };
    let environment = match &setting.environment {
        Some(name) => {
            let environment = load::environment(sources, folder, &loaded, name, &mut found);
            if environment.is_none() {
                sort(&mut found);
                return Outcome { plan: None, diagnostics: found, waived: Vec::new() };
            }
            environment
        }
        None => None,
    };
    let tree = load::follow_includes(sources, folder, loaded, &mut found);
    let plan = resolve::resolve(tree, environment, setting.set.clone(), &mut found);
    let compiled = graph::compile(plan, &mut found);
    let mut waived = Vec::new();
    if let Some(compiled) = &compiled {
        refer::check(compiled, sources, &mut found);
        let files = crate::named::read(compiled, sources, folder, &mut found);
        let scripts = crate::scripts::read(compiled, &files);
        crate::scripts::check(&scripts, sources, &mut found);
        // A rule about what is missing would be wrong where something was refused.
        if !compiled.plan.in_part {
            let findings = lint::run(compiled, &files, &scripts, sources);
            let (kept, waivers) = lint::waive(findings, compiled, &mut found);
            found.extend(kept);
            waived = waivers;
        }
    }
    sort(&mut found);
    Outcome { plan: compiled, diagnostics: found, waived }
}

/// In the order of the text; of the same place the worst first.
fn sort(found: &mut Vec<Diagnostic>) {
    found.sort_by(|a, b| {
        let place =
            |d: &Diagnostic| (d.span.file, d.span.start, std::cmp::Reverse(d.severity), d.code);
        place(a).cmp(&place(b))
    });
    found.dedup();
}
