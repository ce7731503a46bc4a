//! `plan apply`: everything that can be known is looked at before anything is touched; then the run.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plan_executor::archive::catalogue::Kept;
use plan_executor::checks::Looked;
use plan_executor::engine::{Begun, begin};
use plan_executor::frozen::{self, Frozen, Recorder};
use plan_executor::state::RunState;
use plan_executor::store::sqlite::SqliteStore;
use plan_executor::store::{NewRun, Store, Token};
use plan_executor::values::{self, NoValue};
use plan_executor::{lacking, owner};
use plan_model::diagnostic::Severity;
use plan_model::graph::CompiledPlan;
use plan_model::source::Sources;
use plan_model::validate;

use super::doctor;
use crate::args::{Apply, OutputFormat, Overlay};
use crate::disk::Disk;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::render;
use crate::terminal::Terminal;

pub fn run(args: &Apply, terminal: &mut Terminal) -> Exit {
    let (plan, frozen) = match read(&args.one.plan, &args.one.overlay, terminal) {
        Ok(read) => read,
        Err(refusal) => return refusal.tell(terminal),
    };
    let result = operate::wait_for(async {
        let at = &args.one.store.store;
        let store = SqliteStore::open(at).await?;
        carry_out(plan, frozen, store, at, args.jobs, args.output, terminal).await
    });
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

/// The plan as it will run, and everything that it was read from.
pub fn read(
    name: &str,
    overlay: &Overlay,
    terminal: &mut Terminal,
) -> Result<(CompiledPlan, Frozen), Refusal> {
    let wrong = |message: String, help: &str| Refusal::new(Exit::Wrong, message, help);
    let mut setting =
        super::setting(overlay).map_err(|message| wrong(message, "see `plan apply --help`"))?;
    if name == "-" {
        let help = "write it into a file: a run names its plan";
        return Err(wrong("a plan from standard input cannot be applied".to_owned(), help));
    }
    let base = base_of(name)?;
    // A second time where values come from outside: the plan is laid out with them.
    for is_last in [false, true] {
        let mut sources = Sources::keeping_trees();
        let recorder = Recorder::new(&Disk);
        let outcome = validate::errors(&mut sources, &recorder, name, &setting);
        let renderer = render::human::renderer();
        let mut diagnostics = outcome.diagnostics;
        if let Some(plan) = &outcome.plan {
            diagnostics.extend(lacking::of(&plan.plan));
        }
        diagnostics.retain(|one| one.severity == Severity::Error);
        for one in &diagnostics {
            terminal.tell(&format!("{}\n", render::human::one(&renderer, &sources, one)));
        }
        let Some(plan) = outcome.plan.filter(|_| diagnostics.is_empty()) else {
            let count = diagnostics.len();
            let word = if count == 1 { "error" } else { "errors" };
            let message = format!("{name}: {count} {word}; nothing was touched");
            return Err(wrong(message, "see what each means: plan explain RULE"));
        };
        let given = values::given(&plan, &base);
        if given.is_empty() || is_last {
            let set = setting.set.into_iter().map(|one| (one.name, one.value, one.origin));
            let files = recorder.files();
            // Whatever a file was named by, from the plan's folder it has one name.
            let here = called_from();
            let mut around = here.join(name);
            around.pop();
            let named = |path: &String| {
                let from_there = frozen::name_from(&around, &here.join(path));
                (path.clone(), from_there)
            };
            let names = files.keys().map(named).collect();
            let environment = plan.plan.environment.as_ref();
            let environment_file =
                environment.map(|file| sources.file(file.environment.span.file).name.clone());
            let frozen = Frozen {
                path: name.to_owned(),
                base: base.display().to_string(),
                environment: overlay.env.clone(),
                set: set.collect(),
                files,
                environment_file,
                names,
                trees: sources.into_trees(),
            };
            return Ok((plan, frozen));
        }
        setting.set.extend(given);
    }
    unreachable!("the second pass returns")
}

pub fn base_of(plan: &str) -> Result<PathBuf, Refusal> {
    let folder = Path::new(plan).parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    folder.canonicalize().map_err(|problem| {
        let message = format!("the folder of {plan} cannot be entered: {problem}");
        Refusal::new(Exit::Wrong, message, "is the path right?")
    })
}

/// All that is needed is there; of a run that is there already nothing else is asked.
pub fn complete(begun: Begun) -> Result<Begun, Refusal> {
    if begun.missing.is_empty() {
        return Ok(begun);
    }
    let messages: Vec<_> = begun.missing.iter().map(NoValue::to_string).collect();
    let helps: Vec<_> = begun.missing.iter().map(|one| one.help.clone()).collect();
    Err(Refusal::new(Exit::NotReady, messages.join("\n       "), helps.join("\n      ")))
}

/// A new run of a plan, to its rest.
pub async fn carry_out(
    plan: CompiledPlan,
    frozen: Frozen,
    mut store: SqliteStore,
    store_at: &Path,
    jobs: Option<u32>,
    output: OutputFormat,
    terminal: &mut Terminal,
) -> Result<Exit, Refusal> {
    let clock = operate::clock();
    let name = plan.plan.file.plan.value.clone();
    let backups = store.backups().await?;
    let begun = begun(plan, &frozen, jobs, store_at, backups, output)?;
    let environment = frozen.environment.clone();
    let token =
        operate::claim(&mut store, &name, environment.as_deref(), false, clock.now()).await?;
    let prepared = prepare(&mut store, &token, frozen, begun, terminal).await;
    let (begun, run) = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => {
            store.release(&token).await?;
            return Err(refusal);
        }
    };
    let engine = begin(store, token, run, begun).await?;
    Ok(operate::drive(engine, output, terminal).await)
}

/// Nothing else stands in the way, and what the plan requires is there: the run is made.
async fn prepare(
    store: &mut SqliteStore,
    token: &Token,
    frozen: Frozen,
    begun: Begun,
    terminal: &mut Terminal,
) -> Result<(Begun, plan_executor::store::RunRow), Refusal> {
    let name = begun.plan.plan.file.plan.value.clone();
    let unfinished = store.runs().await?.into_iter().find(|run| {
        run.plan == name && run.environment == frozen.environment && !run.state.is_over()
    });
    if let Some(run) = unfinished {
        let state = match run.state {
            RunState::Running => "it was killed in the middle".to_owned(),
            RunState::RollingBack => "it was killed on its way back".to_owned(),
            other => format!("it is {}", other.word()),
        };
        return Err(Refusal::new(
            Exit::Held,
            format!("{} of this plan has not ended: {state}", run.run),
            format!("plan resume {}, or plan rollback {}", run.run, run.run),
        ));
    }
    let (begun, checked) = begun.requirements().await?;
    if checked.iter().any(|one| !matches!(one.looked, Looked::Holds(_))) {
        return Err(doctor::unready(&checked, terminal));
    }
    let new = NewRun {
        plan: name,
        environment: frozen.environment.clone(),
        digest: frozen.digest(),
        by: begun.by.clone(),
        host: owner::host(),
        started_at: begun.clock.now(),
        frozen: frozen.to_bytes(),
    };
    let run = store.create(token, &new).await?;
    Ok((begun, run))
}

/// What an engine needs besides its store, and the plan's folder entered.
pub fn begun(
    plan: CompiledPlan,
    frozen: &Frozen,
    asked_jobs: Option<u32>,
    store: &Path,
    backups: Vec<Kept>,
    output: OutputFormat,
) -> Result<Begun, Refusal> {
    let base = PathBuf::from(&frozen.base);
    let (values, missing) = values::read_all(&plan, &base);
    let begun = Begun {
        jobs: jobs(asked_jobs, &plan),
        plan,
        values,
        missing,
        digest: frozen.digest(),
        reviewed: frozen.reviewed(),
        typed: frozen.typed().map(|(name, _)| name.to_owned()).collect(),
        environment: frozen.environment.clone(),
        base,
        files: frozen.named_files(),
        backups,
        scratch: absolute(store)?,
        store_folder: absolute(store)?,
        program: this_program()?,
        clock: operate::clock(),
        by: owner::who(),
        attended: operate::is_attended(output),
        recorded: None,
    };
    enter(&begun.base)?;
    Ok(begun)
}

/// Where `plan` was called, also when the plan's folder was entered since.
pub fn called_from() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::current_dir().unwrap_or_default())
}

/// Relative paths mean the plan's folder everywhere: in scripts, in SQL, in what either starts.
fn enter(base: &Path) -> Result<(), Refusal> {
    called_from();
    std::env::set_current_dir(base).map_err(|problem| {
        let message = format!("the plan's folder {} cannot be entered: {problem}", base.display());
        Refusal::new(Exit::NotReady, message, "is it still there, and may you enter it?")
    })
}

fn jobs(asked: Option<u32>, plan: &CompiledPlan) -> usize {
    let said = plan.plan.file.jobs.as_ref().and_then(|jobs| jobs.fixed());
    asked.map(|jobs| jobs as usize).or(said.map(|jobs| jobs as usize)).unwrap_or(4).max(1)
}

pub fn absolute(folder: &Path) -> Result<PathBuf, Refusal> {
    folder.canonicalize().map_err(|problem| {
        let message = format!("{} cannot be entered: {problem}", folder.display());
        Refusal::new(Exit::Wrong, message, "name another folder: --store FOLDER")
    })
}

pub fn this_program() -> Result<PathBuf, Refusal> {
    std::env::current_exe().map_err(|problem| {
        let message = format!("this program cannot find itself: {problem}");
        Refusal::new(Exit::Wrong, message, "call it by its whole path")
    })
}
