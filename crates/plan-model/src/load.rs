//! Files → plan files: decodes, parses, holds against the schema, follows includes.
//! Knows where files are named, not what the plan does.

use crate::diagnostic::Diagnostic;
use crate::document::{Document, Node, Scalar, View};
use crate::folder::{FileProblem, Folder, beside, decode};
use crate::model::plan::{Entry, EnvironmentFile, Include, PhaseEntry, PlanFile};
use crate::model::read::Read;
use crate::schema::{self, FileRole, Held};
use crate::source::{FileId, Sources, Span};
use crate::together;

const INCLUDE_DEPTH: usize = 16;
/// With fewer bytes, starting a thread costs more than it saves.
const LONG_TEXT: usize = 100_000;
/// From here on, reading YAML a second time is a wait that somebody notices.
const SLOW_TEXT: usize = 1_000_000;

/// Sixteen small files that each include the next one often would be read for years.
const INCLUDE_COUNT: usize = 1_000;

/// One file that was read, as a type.
#[derive(Debug)]
pub struct Loaded<T> {
    pub file: FileId,
    pub value: T,
    /// Something was refused and left out: absence proves nothing now.
    pub in_part: bool,
    /// Ids that stand in the text, also of entries that were refused.
    pub ids: Vec<String>,
}

/// Reads a text of the named role; every problem goes to `found`.
pub fn parse<T: Read + Send>(
    sources: &mut Sources,
    name: &str,
    text: String,
    role: FileRole,
    found: &mut Vec<Diagnostic>,
) -> Option<Loaded<T>> {
    let file = sources.add(name, text);
    let text = sources.file(file).text.clone();
    if sources.are_checked() {
        let known = sources.known_tree(name);
        let document = known.and_then(|tree| Document::unpack(file, &text, tree));
        let document = document.or_else(|| Document::parse(file, &text, found))?;
        let value = T::read(document.root())?;
        return Some(Loaded { file, value, in_part: false, ids: Vec::new() });
    }
    let is_long = text.len() > LONG_TEXT;
    let ((), document) =
        together::both(is_long, || schema::prepare(role), || Document::parse(file, &text, found));
    let mut document = document?;
    let in_duplicates = !found.is_empty();
    if matches!(document.root().view(), View::Scalar(Scalar::Null)) {
        found.push(
            Diagnostic::error("empty-file", Span::new(file, 0, 0), "this file holds nothing").help(
                match role {
                    FileRole::Plan => "`plan init` writes a first plan to begin with",
                    FileRole::Environment => "begin it with a line such as `environment: prod`",
                },
            ),
        );
        return None;
    }
    let ids = if in_duplicates { entry_ids(document.root()) } else { Vec::new() };
    // Nearly every text is right: it is read while it is held against its schema, and once more
    // without what was refused.
    let ((held, refused), value) = together::both(
        is_long,
        || schema::check(&document, role, found),
        || T::read(document.root()),
    );
    let ids = match held {
        Held::Unreadable => return None,
        Held::Whole if !in_duplicates => Vec::new(),
        _ if ids.is_empty() => entry_ids_of_text(file, &text),
        _ => ids,
    };
    let value = if refused.is_empty() {
        if text.len() > SLOW_TEXT && found.is_empty() {
            sources.keep_tree(name, || document.pack());
        }
        value
    } else {
        document.prune(refused);
        T::read(document.root())
    };
    Some(Loaded { file, value: value?, in_part: held == Held::InPart || in_duplicates, ids })
}

/// What is wrong with a path, with the name that was probably meant.
pub fn unreadable(
    folder: &dyn Folder,
    path: &str,
    problem: &FileProblem,
    span: Span,
) -> Diagnostic {
    let message = format!("cannot read {path}: {problem}");
    let mut diagnostic = Diagnostic::error(problem.code(), span, message);
    if *problem == FileProblem::Missing {
        let plain = path.trim_end_matches('/');
        let (parent, name) = plain.rsplit_once('/').unwrap_or((".", plain));
        let beside = folder.list(parent).unwrap_or_default();
        let names = beside.iter().map(|other| match path.ends_with('/') {
            true => other.split('/').next().unwrap_or(other),
            false => other.as_str(),
        });
        if let Some(near) = schema::nearest(name, names) {
            diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
        }
    }
    diagnostic.help(match problem {
        FileProblem::Missing => "paths are meant from the folder of the plan",
        FileProblem::IsFolder => "name a file in it",
        FileProblem::NotRegular => "name a regular file",
        FileProblem::TooBig(_) => "is this the right file? if so, split it",
        FileProblem::Refused(why) if why.contains("permission") => {
            "give the user who runs `plan` the right to read it"
        }
        FileProblem::Refused(_) => "look at the path and at what it names",
    })
}

/// Reads a file of the named role. `from` is where it is named, if it is.
pub fn file<T: Read + Send>(
    sources: &mut Sources,
    folder: &dyn Folder,
    path: &str,
    role: FileRole,
    from: Option<Span>,
    found: &mut Vec<Diagnostic>,
) -> Option<Loaded<T>> {
    let bytes = match folder.read(path) {
        Ok(bytes) => bytes,
        Err(problem) => {
            let span = from.unwrap_or_else(|| Span::new(sources.add(path, ""), 0, 0));
            let mut diagnostic = unreadable(folder, path, &problem, span);
            if from.is_none() && problem == FileProblem::Missing && diagnostic.label.is_empty() {
                diagnostic.help = vec!["look at the name, and at the folder you are in".to_owned()];
            }
            found.push(diagnostic);
            return None;
        }
    };
    match decode(bytes) {
        Ok(text) => parse(sources, path, text, role, found),
        Err((shown, problem)) => {
            let file = sources.add(path, shown);
            let span = Span::new(file, problem.at, problem.at + 1);
            let mut diagnostic = Diagnostic::error("not-text", span, problem.message);
            if let Some(from) = from {
                diagnostic = diagnostic.related(from, "named here");
            }
            found.push(diagnostic.help(problem.help));
            None
        }
    }
}

/// A plan file with those that it includes, by the place of the `include` key.
#[derive(Debug)]
pub struct PlanTree {
    pub plan: Loaded<PlanFile>,
    pub included: Vec<(Span, PlanTree)>,
}

impl PlanTree {
    pub fn in_part(&self) -> bool {
        self.plan.in_part || self.included.iter().any(|(_, tree)| tree.in_part())
    }

    pub fn known_ids(&self) -> Vec<String> {
        let below = self.included.iter().flat_map(|(_, tree)| tree.known_ids());
        self.plan.ids.iter().cloned().chain(below).collect()
    }
}

/// Follows the includes of a plan file; a file that includes itself is an error.
pub fn follow_includes(
    sources: &mut Sources,
    folder: &dyn Folder,
    plan: Loaded<PlanFile>,
    found: &mut Vec<Diagnostic>,
) -> PlanTree {
    let path = sources.file(plan.file).name.clone();
    follow(sources, folder, plan, &mut vec![(path, Span::default())], found)
}

fn follow(
    sources: &mut Sources,
    folder: &dyn Folder,
    plan: Loaded<PlanFile>,
    above: &mut Vec<(String, Span)>,
    found: &mut Vec<Diagnostic>,
) -> PlanTree {
    let here = sources.file(plan.file).name.clone();
    let mut tree = PlanTree { plan, included: Vec::new() };
    let wanted: Vec<(Span, String)> = includes(&tree.plan.value)
        .map(|include| (include.include.span, include.include.value.clone()))
        .collect();
    for (span, path) in wanted {
        let path = beside(&here, &path);
        if let Some(at) = above.iter().position(|(other, _)| *other == path) {
            let mut diagnostic =
                Diagnostic::error("include-cycle", span, format!("{path} includes itself"));
            for (name, place) in &above[at + 1..] {
                diagnostic = diagnostic.related(*place, format!("on the way: {name}"));
            }
            found.push(diagnostic.help("move what both need into a third file"));
            tree.plan.in_part = true;
            continue;
        }
        if above.len() >= INCLUDE_DEPTH {
            found.push(
                Diagnostic::error(
                    "include-cycle",
                    span,
                    format!("includes are nested deeper than {INCLUDE_DEPTH} files"),
                )
                .help("include the file at the bottom directly"),
            );
            tree.plan.in_part = true;
            continue;
        }
        if sources.files().count() > INCLUDE_COUNT {
            found.push(
                Diagnostic::error(
                    "include-cycle",
                    span,
                    format!("more than {INCLUDE_COUNT} files are included"),
                )
                .help(
                    "do files include each other again and again? include each where it is needed",
                ),
            );
            tree.plan.in_part = true;
            break;
        }
        match file(sources, folder, &path, FileRole::Plan, Some(span), found) {
            Some(loaded) => {
                above.push((path, span));
                let inner = follow(sources, folder, loaded, above, found);
                above.pop();
                tree.included.push((span, inner));
            }
            None => tree.plan.in_part = true,
        }
    }
    tree
}

pub fn includes(plan: &PlanFile) -> impl Iterator<Item = &Include> {
    let phases = plan.phases.iter().flatten();
    let of_phases = phases.flat_map(|phase| match phase {
        PhaseEntry::Include(include) => vec![&**include],
        PhaseEntry::Phase(phase) => entry_includes(&phase.steps),
    });
    of_phases.chain(plan.steps.iter().flat_map(|steps| entry_includes(steps)))
}

fn entry_includes(entries: &[Entry]) -> Vec<&Include> {
    fn include(entry: &Entry) -> Option<&Include> {
        match entry {
            Entry::Include(include) => Some(include),
            _ => None,
        }
    }
    entries.iter().filter_map(include).collect()
}

/// Lays out the environment of a name beside the plan.
pub fn environment(
    sources: &mut Sources,
    folder: &dyn Folder,
    plan: &Loaded<PlanFile>,
    name: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<Loaded<EnvironmentFile>> {
    let here = sources.file(plan.file).name.clone();
    let place =
        plan.value.environments.as_ref().map_or("environments/", |text| text.value.as_str());
    let path = beside(&here, &format!("{}/{name}.yaml", place.trim_end_matches('/')));
    if folder.read(&path) == Err(crate::folder::FileProblem::Missing) {
        let known = folder.list(&beside(&here, place)).unwrap_or_default();
        let known: Vec<_> = known.iter().filter_map(|name| name.strip_suffix(".yaml")).collect();
        let mut diagnostic = Diagnostic::error(
            "unknown-environment",
            plan.value.plan.span,
            format!("there is no environment `{name}`: {path} is missing"),
        );
        diagnostic = if known.is_empty() {
            diagnostic.help(format!("write {path}, or leave --env out"))
        } else {
            diagnostic.help(format!("there are: {}", known.join(", ")))
        };
        found.push(diagnostic);
        return None;
    }
    let loaded: Loaded<EnvironmentFile> =
        file(sources, folder, &path, FileRole::Environment, None, found)?;
    if loaded.value.environment.value != name {
        let span = loaded.value.environment.span;
        let message = format!(
            "this file is of environment `{}`, its name says `{name}`",
            loaded.value.environment.value
        );
        found.push(Diagnostic::error("environment-name", span, message).help("make the two agree"));
    }
    Some(loaded)
}

fn entry_ids_of_text(file: FileId, text: &str) -> Vec<String> {
    let mut ignored = Vec::new();
    Document::parse(file, text, &mut ignored)
        .map(|document| entry_ids(document.root()))
        .unwrap_or_default()
}

/// Every value of a `step` or `checkpoint` key, however broken what stands around it is.
fn entry_ids(root: Node<'_, '_>) -> Vec<String> {
    let mut ids = Vec::new();
    let mut todo = vec![root];
    while let Some(node) = todo.pop() {
        match node.view() {
            View::Map(map) => {
                for (key, value) in map.iter() {
                    if matches!(key.raw(), Some("step" | "checkpoint"))
                        && let Some(id) = value.raw()
                    {
                        ids.push(id.to_owned());
                    }
                    todo.push(value);
                }
            }
            View::List(list) => todo.extend(list.iter()),
            View::Scalar(_) => {}
        }
    }
    ids.extend(declared_names(root));
    ids
}

/// `inputs.tag`, `connections.main`: names that stand in the text, however broken what they hold.
/// `inputs.*` where not even the names can be read.
fn declared_names(root: Node<'_, '_>) -> Vec<String> {
    let mut names = Vec::new();
    for place in ["inputs", "connections", "hosts"] {
        let Some(node) = root.get(place) else { continue };
        match node.map() {
            Some(map) => {
                let keys = map.iter().filter_map(|(key, _)| key.raw());
                names.extend(keys.map(|key| format!("{place}.{key}")));
            }
            None => names.push(format!("{place}.*")),
        }
    }
    names
}
