//! `plan diff`: two plans, from files or git revisions, compared by risk.

use plan_model::diagnostic::{Diagnostic, Severity};
use plan_model::diff::figures::figures;
use plan_model::diff::{self, Side};
use plan_model::folder::Folder;
use plan_model::graph::CompiledPlan;
use plan_model::inputs::Given;
use plan_model::lint;
use plan_model::load;
use plan_model::model::plan::PlanFile;
use plan_model::named::{self, NamedFiles};
use plan_model::schema::FileRole;
use plan_model::source::Sources;
use plan_model::validate::{self, Setting};

use crate::args::{Diff, DiffFormat};
use crate::disk::Disk;
use crate::exit::Exit;
use crate::git_folder::{Address, GitError, GitFolder};
use crate::render::diff::{DiffReport, Version};
use crate::render::{diff as render, human};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub fn run(args: &Diff, terminal: &mut Terminal) -> Exit {
    let setting = match super::setting(&args.overlay) {
        Ok(setting) => setting,
        Err(message) => return super::wrong_call(terminal, &message, "see `plan diff --help`"),
    };
    let (old, new) = match (Origin::open(&args.old), Origin::open(&args.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => {
            return super::wrong_call(terminal, &told(&error), &remedy(&error));
        }
    };
    let declared = [old.declared(), new.declared()];
    let old = old.read(&known_to(&setting, &declared, 0));
    let new = new.read(&known_to(&setting, &declared, 1));
    let (old, new) = match (old, new) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            for (name, read) in [(&args.old, old), (&args.new, new)] {
                if let Err(invalid) = read {
                    refuse(name, &invalid, terminal);
                }
            }
            return Exit::Wrong;
        }
    };
    let changes = diff::diff(&old.side(), &new.side());
    let report =
        DiffReport { old: old.version(&args.old), new: new.version(&args.new), changes: &changes };
    match args.format {
        DiffFormat::Human => render::human::write(&report, terminal),
        DiffFormat::Json => render::json::write(&report, terminal),
        DiffFormat::Markdown => render::markdown::write(&report, terminal),
    }
    Exit::Done
}

/// Where the text of a plan comes from.
struct Origin {
    folder: Box<dyn Folder>,
    path: String,
}

/// A plan that is fit to be compared.
struct Comparable {
    sources: Sources,
    plan: CompiledPlan,
    files: NamedFiles,
}

impl Comparable {
    fn side(&self) -> Side<'_> {
        Side { plan: &self.plan, files: &self.files }
    }

    fn version<'r>(&'r self, name: &'r str) -> Version<'r> {
        Version { name, sources: &self.sources, figures: figures(&self.plan) }
    }
}

/// Why a plan cannot be compared.
struct Invalid {
    sources: Sources,
    errors: Vec<Diagnostic>,
}

impl Origin {
    fn open(name: &str) -> Result<Origin, GitError> {
        match Address::parse(name) {
            None => Ok(Origin { folder: Box::new(Disk), path: name.to_owned() }),
            Some(address) => {
                let (folder, path) = GitFolder::open(&address?)?;
                Ok(Origin { folder: Box::new(folder), path })
            }
        }
    }

    /// The names of the inputs that the file declares.
    fn declared(&self) -> Vec<String> {
        let (mut sources, mut ignored) = (Sources::default(), Vec::new());
        let loaded: Option<load::Loaded<PlanFile>> =
            load::file(&mut sources, &*self.folder, &self.path, FileRole::Plan, None, &mut ignored);
        let inputs = loaded.and_then(|loaded| loaded.value.inputs);
        inputs.iter().flat_map(|inputs| inputs.iter()).map(|(name, _)| name.value.clone()).collect()
    }

    /// Findings of rules do not stand in the way: they too may be what differs.
    fn read(&self, setting: &Setting) -> Result<Comparable, Invalid> {
        let mut sources = Sources::default();
        let outcome = validate::plan(&mut sources, &*self.folder, &self.path, setting);
        let is_finding = |found: &Diagnostic| lint::codes().any(|code| code == found.code);
        let errors = outcome.diagnostics.into_iter();
        let errors = errors.filter(|found| found.severity == Severity::Error);
        let errors: Vec<_> = errors.filter(|found| !is_finding(found)).collect();
        match outcome.plan {
            Some(plan) if errors.is_empty() => {
                let files = named::read(&plan, &mut sources, &*self.folder, &mut Vec::new());
                Ok(Comparable { sources, plan, files })
            }
            _ => Err(Invalid { sources, errors }),
        }
    }
}

/// An input that only one of the plans has is given to that one alone; one that neither has is an
/// error of both.
fn known_to(setting: &Setting, declared: &[Vec<String>; 2], which: usize) -> Setting {
    let knows = |side: usize, given: &Given| declared[side].contains(&given.name);
    let keep = |given: &&Given| knows(which, given) || !knows(1 - which, given);
    let set = setting.set.iter().filter(keep).cloned().collect();
    Setting { set, ..setting.clone() }
}

fn refuse(name: &str, invalid: &Invalid, terminal: &mut Terminal) {
    let renderer = human::renderer();
    for error in &invalid.errors {
        terminal.tell(&human::one(&renderer, &invalid.sources, error));
        terminal.tell("");
    }
    terminal.tell(&format!(
        "{} {name} is no valid plan, so it cannot be compared\n{} put the errors above right; \
         `plan validate` shows warnings too",
        paint(theme::BAD, "error:"),
        paint(theme::NAME, "help:")
    ));
}

fn told(error: &GitError) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn remedy(error: &GitError) -> String {
    match error {
        GitError::BadAddress(_) => {
            "write git:REVISION:PATH, such as git:main:plans/shop.yaml".to_owned()
        }
        GitError::Missing => "install git, or name two files".to_owned(),
        GitError::NotARepository => {
            "go into the repository of the plan, or name two files".to_owned()
        }
        GitError::UnknownRevision(_) => {
            "`git fetch` brings branches and tags; a shallow clone has few commits".to_owned()
        }
        GitError::NoSuchFile { beside: Some(path), .. } => {
            format!("paths are meant from the top of the repository; from here it is {path}")
        }
        GitError::NoSuchFile { revision, .. } => format!(
            "paths are meant from the top of the repository; \
             `git ls-tree -r --name-only {revision}` lists them"
        ),
        GitError::Failed(_) | GitError::Io(_) => "does `git status` work here?".to_owned(),
    }
}
