//! Files beside the plan that it names: scripts, SQL, migrations, templates. Each must be there and
//! be a text; what they hold is kept for the rules that look inside.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::diagnostic::Diagnostic;
use crate::folder::{Folder, beside, decode};
use crate::graph::CompiledPlan;
use crate::load::unreadable;
use crate::model::read::{Leaf, LeafKind, Walk};
use crate::resolve::What;
use crate::source::{FileId, Sources, Span};
use crate::template;

/// A file that was read.
#[derive(Debug, Clone)]
pub struct NamedFile {
    pub path: String,
    /// As the plan names it; of a folder, its path below that folder.
    pub name: String,
    pub file: FileId,
    pub text: Arc<str>,
}

/// What the plan's files hold, by the place where they are named.
#[derive(Debug, Default)]
pub struct NamedFiles {
    pub scripts: FxHashMap<Span, NamedFile>,
    pub sql: FxHashMap<Span, NamedFile>,
    pub migrations: FxHashMap<Span, Vec<NamedFile>>,
    pub templates: FxHashMap<Span, NamedFile>,
}

pub fn read(
    plan: &CompiledPlan,
    sources: &mut Sources,
    folder: &dyn Folder,
    found: &mut Vec<Diagnostic>,
) -> NamedFiles {
    let mut leaves = named(plan);
    leaves.sort_by_key(|(_, _, span, _)| *span);
    leaves.dedup();
    let mut files = NamedFiles::default();
    let mut reader = Reader { plan, sources, folder, found, seen: FxHashMap::default() };
    for (kind, text, span, scope) in leaves {
        let Some(path) = reader.path(&text, span, scope) else { continue };
        match kind {
            LeafKind::MigrationsPath => {
                if let Some(list) = reader.folder(&path, span) {
                    files.migrations.insert(span, list);
                }
            }
            _ => {
                let Some(file) = reader.file(&path, &text, span) else { continue };
                match kind {
                    LeafKind::ScriptPath => drop(files.scripts.insert(span, file)),
                    LeafKind::SqlPath => drop(files.sql.insert(span, file)),
                    LeafKind::TemplatePath => drop(files.templates.insert(span, file)),
                    _ => {}
                }
            }
        }
    }
    files
}

/// Every path to a file that must be there, with the place and the scope that it stands in.
fn named(plan: &CompiledPlan) -> Vec<(LeafKind, String, Span, usize)> {
    let mut leaves = Vec::new();
    let mut see_in = |scope: usize, part: &dyn Walk| {
        part.walk(&mut |leaf: Leaf<'_>| {
            let is_path = matches!(
                leaf.kind,
                LeafKind::ScriptPath
                    | LeafKind::SqlPath
                    | LeafKind::MigrationsPath
                    | LeafKind::TemplatePath
            );
            if is_path {
                leaves.push((leaf.kind, leaf.text.to_owned(), leaf.span, scope));
            }
        });
    };
    see_in(0, &plan.plan.requires);
    for phase in &plan.plan.phases {
        see_in(phase.scope, &phase.watch);
    }
    for entry in plan.entries().iter().chain(&plan.plan.absent) {
        match &entry.what {
            What::Checkpoint(checkpoint) => see_in(entry.scope, &checkpoint.checks),
            What::Step(step) => {
                see_in(entry.scope, &step.actions);
                see_in(entry.scope, &step.probe);
                for rollback in step.rollback.iter().flat_map(|many| many.iter()) {
                    see_in(entry.scope, &rollback.actions);
                    see_in(entry.scope, &rollback.probe);
                }
            }
        }
    }
    leaves
}

struct Reader<'r> {
    plan: &'r CompiledPlan,
    sources: &'r mut Sources,
    folder: &'r dyn Folder,
    found: &'r mut Vec<Diagnostic>,
    seen: FxHashMap<String, NamedFile>,
}

impl Reader<'_> {
    /// The path with known inputs filled in; `None` where it is known only during the run.
    fn path(&self, text: &str, span: Span, scope: usize) -> Option<String> {
        let here = self.sources.file(span.file).name.clone();
        if !template::has_template(text) {
            return Some(beside(&here, text));
        }
        let scope = self.plan.plan.scopes.get(scope)?;
        let known = minijinja::value::Value::from_pairs(scope.known());
        let filled = template::render(text, LeafKind::Plain, &known).ok()?;
        Some(beside(&here, &filled))
    }

    fn file(&mut self, path: &str, name: &str, span: Span) -> Option<NamedFile> {
        if let Some(known) = self.seen.get(path) {
            return Some(NamedFile { name: name.to_owned(), ..known.clone() });
        }
        let bytes = match self.folder.read(path) {
            Ok(bytes) => bytes,
            Err(problem) => {
                self.found.push(unreadable(self.folder, path, &problem, span));
                return None;
            }
        };
        match decode(bytes) {
            Ok(text) => {
                let file = self.sources.add(path, text);
                let named = NamedFile {
                    path: path.to_owned(),
                    name: name.to_owned(),
                    file,
                    text: self.sources.file(file).text.clone(),
                };
                self.seen.insert(path.to_owned(), named.clone());
                Some(named)
            }
            Err((shown, problem)) => {
                let file = self.sources.add(path, shown);
                let place = Span::new(file, problem.at, problem.at + 1);
                self.found.push(
                    Diagnostic::error("not-text", place, problem.message)
                        .related(span, "named here")
                        .help(problem.help),
                );
                None
            }
        }
    }

    fn folder(&mut self, path: &str, span: Span) -> Option<Vec<NamedFile>> {
        let names = match self.folder.list(path) {
            Ok(names) => names,
            Err(problem) => {
                let mut diagnostic = unreadable(self.folder, path, &problem, span);
                diagnostic.message = diagnostic.message.replace("no such file", "no such folder");
                self.found.push(diagnostic);
                return None;
            }
        };
        let folder = path.trim_end_matches('/');
        let sql = names.iter().filter(|name| name.ends_with(".sql"));
        Some(sql.filter_map(|name| self.file(&format!("{folder}/{name}"), name, span)).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::folder::MemoryFolder;
    use crate::source::Sources;
    use crate::validate::{Setting, plan};

    #[test]
    fn scripts_of_checks_and_probes_must_be_there() {
        let text = "plan: p\nrequires: [{ run: { file: a.sh } }]\nphases:\n  - phase: q\n    \
            watch: [{ run: { file: b.sh } }]\n    steps:\n      \
            - { step: s, run: x, probe: { run: { file: c.sh } }, read_only: true }\n      \
            - { checkpoint: t, checks: [{ run: { file: d.sh } }] }\n";
        let folder = MemoryFolder::default().with("plan.yaml", text);
        let found = plan(&mut Sources::default(), &folder, "plan.yaml", &Setting::default());
        let missing = found.diagnostics.iter().filter(|found| found.code == "file-missing");
        let missing: Vec<_> = missing.map(|found| &found.message[12..16]).collect();
        assert_eq!(missing, ["a.sh", "b.sh", "c.sh", "d.sh"]);
    }
}
