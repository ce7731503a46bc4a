//! Files beside the plan that it names: scripts, SQL, migrations, templates. Each must be there and
//! be a text; what they hold is kept for the rules that look inside.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use minijinja::value::Value;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value as Json;

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
    /// Where the same words name a file for each item of a loop: those after the first.
    pub of_further_items: Vec<(Span, NamedFile)>,
}

pub fn read(
    plan: &CompiledPlan,
    sources: &mut Sources,
    folder: &dyn Folder,
    found: &mut Vec<Diagnostic>,
) -> NamedFiles {
    let mut leaves: Vec<Leaving> = Vec::new();
    let mut take = |scope: usize, item: Option<&Json>, leaf: Leaf<'_>| {
        let named = matches!(
            leaf.kind,
            LeafKind::ScriptPath
                | LeafKind::SqlPath
                | LeafKind::MigrationsPath
                | LeafKind::TemplatePath
        );
        if named {
            let (text, span) = (leaf.text.to_owned(), leaf.span);
            leaves.push(Leaving { kind: leaf.kind, text, span, scope, item: item.cloned() });
        }
    };
    plan.plan.requires.walk(&mut |leaf| take(0, None, leaf));
    for phase in &plan.plan.phases {
        phase.watch.walk(&mut |leaf| take(phase.scope, None, leaf));
    }
    for entry in plan.entries().iter().chain(&plan.plan.absent) {
        let mut see = |leaf: Leaf<'_>| take(entry.scope, entry.item.as_ref(), leaf);
        match &entry.what {
            What::Step(step) => step.walk(&mut see),
            What::Checkpoint(checkpoint) => checkpoint.walk(&mut see),
        }
    }
    // In the order of the text; the items of a loop keep theirs.
    leaves.sort_by_key(|leaf| leaf.span);
    let mut files = NamedFiles::default();
    let mut reader = Reader { plan, sources, folder, found, seen: FxHashMap::default() };
    let mut done: FxHashSet<(Span, String)> = FxHashSet::default();
    for leaf in leaves {
        let Some(path) = reader.path(&leaf) else { continue };
        let Leaving { kind, text, span, .. } = leaf;
        if !done.insert((span, path.clone())) {
            continue;
        }
        match kind {
            LeafKind::MigrationsPath => {
                if let Some(list) = reader.folder(&path, span) {
                    files.migrations.entry(span).or_insert(list);
                }
            }
            _ => {
                let Some(file) = reader.file(&path, &text, span) else { continue };
                let named = match kind {
                    LeafKind::ScriptPath => &mut files.scripts,
                    LeafKind::SqlPath => &mut files.sql,
                    _ => &mut files.templates,
                };
                match named.entry(span) {
                    Entry::Vacant(free) => drop(free.insert(file)),
                    Entry::Occupied(_) => files.of_further_items.push((span, file)),
                }
            }
        }
    }
    files
}

/// A path as it is written, and with which values it is filled in.
struct Leaving {
    kind: LeafKind,
    text: String,
    span: Span,
    scope: usize,
    item: Option<Json>,
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
    fn path(&self, leaf: &Leaving) -> Option<String> {
        let here = &self.sources.file(leaf.span.file).name;
        if !template::has_template(&leaf.text) {
            return Some(beside(here, &leaf.text));
        }
        let mut known = self.plan.plan.scopes.get(leaf.scope)?.known();
        if let Some(item) = &leaf.item {
            known.insert("item".to_owned(), Value::from(minijinja::value::Serde(item)));
        }
        let filled =
            template::render(&leaf.text, LeafKind::Plain, &Value::from_pairs(known)).ok()?;
        Some(beside(here, &filled))
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
