//! The whole flow, text to compiled plan: every problem of the files in one pass.
//! Decides nothing about output or exit codes.

use crate::diagnostic::{Diagnostic, Severity};
use crate::folder::Folder;
use crate::graph::{self, CompiledPlan};
use crate::inputs::Given;
use crate::lint::{self, Wanted};
use crate::load;
use crate::model::plan::PlanFile;
use crate::named;
use crate::refer;
use crate::resolve;
use crate::schema::FileRole;
use crate::scripts;
use crate::source::Sources;
use crate::together;

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
    file(sources, folder, path, setting, Wanted::All)
}

/// The same for whoever is about to run it: errors, and no opinions.
pub fn errors(
    sources: &mut Sources,
    folder: &dyn Folder,
    path: &str,
    setting: &Setting,
) -> Outcome {
    file(sources, folder, path, setting, Wanted::Errors)
}

fn file(
    sources: &mut Sources,
    folder: &dyn Folder,
    path: &str,
    setting: &Setting,
    wanted: Wanted,
) -> Outcome {
    let mut found = Vec::new();
    let loaded = load::file(sources, folder, path, FileRole::Plan, None, &mut found);
    finish(sources, folder, loaded, setting, wanted, found)
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
    finish(sources, folder, loaded, setting, Wanted::All, found)
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

/// The plan at a path, in order, and no opinion about it: what was looked at before goes on.
pub fn compiled(
    sources: &mut Sources,
    folder: &dyn Folder,
    path: &str,
    setting: &Setting,
) -> Outcome {
    let mut found = Vec::new();
    let loaded = load::file(sources, folder, path, FileRole::Plan, None, &mut found);
    let plan = loaded.and_then(|loaded| lay_out(sources, folder, loaded, setting, &mut found));
    sort(&mut found);
    let plan = plan.filter(CompiledPlan::is_sound);
    Outcome { plan, diagnostics: found, waived: Vec::new() }
}

/// With its environment and includes, flat and in order.
fn lay_out(
    sources: &mut Sources,
    folder: &dyn Folder,
    loaded: load::Loaded<PlanFile>,
    setting: &Setting,
    found: &mut Vec<Diagnostic>,
) -> Option<CompiledPlan> {
    let environment = match &setting.environment {
        Some(name) => Some(load::environment(sources, folder, &loaded, name, found)?),
        None => None,
    };
    let tree = load::follow_includes(sources, folder, loaded, found);
    let plan = resolve::resolve(tree, environment, setting.set.clone(), found);
    Some(graph::compile_anyway(plan, found))
}

fn finish(
    sources: &mut Sources,
    folder: &dyn Folder,
    loaded: Option<load::Loaded<PlanFile>>,
    setting: &Setting,
    wanted: Wanted,
    mut found: Vec<Diagnostic>,
) -> Outcome {
    let compiled = loaded.and_then(|loaded| lay_out(sources, folder, loaded, setting, &mut found));
    let Some(compiled) = compiled else {
        sort(&mut found);
        return Outcome { plan: None, diagnostics: found, waived: Vec::new() };
    };
    let mut waived = Vec::new();
    let mut of_files = Vec::new();
    let files = named::read(&compiled, sources, folder, &mut of_files);
    let (scripts, ()) = together::both(
        compiled.has_many_entries(),
        || scripts::read(&compiled, &files),
        || {
            refer::check(&compiled, sources, &mut found);
            found.append(&mut of_files);
            refer::templates(&compiled, &files, sources, &mut found);
        },
    );
    scripts::check(&scripts, sources, &mut found);
    // A rule about what is missing would be wrong where something was refused.
    let is_part = compiled.plan.file.part == Some(true);
    if !compiled.plan.in_part && !is_part && compiled.is_sound() {
        let findings = lint::run(&compiled, &files, &scripts, sources, wanted);
        let (kept, waivers) = lint::waive(findings, &compiled, wanted, &mut found);
        found.extend(kept);
        waived = waivers;
    }
    sort(&mut found);
    let plan = Some(compiled).filter(CompiledPlan::is_sound);
    Outcome { plan, diagnostics: found, waived }
}

/// In the order of the text; of the same place the worst first. What a plan's text brings into a
/// sentence cannot move the cursor or change colours.
fn sort(found: &mut Vec<Diagnostic>) {
    for diagnostic in found.iter_mut() {
        let labels = diagnostic.related.iter_mut().map(|label| &mut label.text);
        let texts = diagnostic.help.iter_mut().chain(labels);
        for text in texts.chain([&mut diagnostic.message, &mut diagnostic.label]) {
            shorten(text);
            if text.contains(char::is_control) {
                *text = text.replace(char::is_control, "\u{FFFD}");
            }
        }
    }
    found.sort_by(|a, b| {
        let place =
            |d: &Diagnostic| (d.span.file, d.span.start, std::cmp::Reverse(d.severity), d.code);
        place(a).cmp(&place(b))
    });
    found.dedup();
}

/// A word of a plan may be as long as the plan; a sentence about it may not.
fn shorten(text: &mut String) {
    const LONGEST: usize = 1_000;
    if text.len() <= LONGEST {
        return;
    }
    let cut = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (head, tail) = (cut(LONGEST / 2), cut(text.len() - LONGEST / 4));
    *text = format!("{} … {}", &text[..head], &text[tail..]);
}
