//! Begins a run, or takes up one that is there: the same engine either way.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;

use plan_model::graph::CompiledPlan;
use plan_model::model::action::Action;
use plan_model::model::action::wait::Wait;
use plan_model::model::check::{Check, Proof};
use plan_model::model::plan::Step;
use plan_model::resolve::What;

use super::*;
use crate::actions;
use crate::archive::catalogue::{Catalogue, Kept};
use crate::archive::{Manifest, prove};
use crate::checks::{self, Checked, Looked};
use crate::clock::Clock;
use crate::event::{LogEnd, RunStarted};
use crate::fill::RunNames;
use crate::keeper;
use crate::outline::Outline;
use crate::values::{NoValue, Values};
use crate::world::database::address::Address;
use crate::world::error;

/// So many events may have been written since the last one that was cleared up after.
const LAST: u64 = 20;

/// What an engine needs besides its store.
pub struct Begun {
    pub plan: CompiledPlan,
    pub values: Values,
    /// Inputs that have none.
    pub missing: Vec<NoValue>,
    /// What was reviewed is what runs: of the plan and all that it names.
    pub digest: String,
    /// The same with the environment and the typed inputs: what an approval is bound to.
    pub reviewed: String,
    /// Inputs that were typed.
    pub typed: Vec<String>,
    pub environment: Option<String>,
    /// The plan's folder.
    pub base: PathBuf,
    /// Files that the plan names, by their paths from there.
    pub files: BTreeMap<String, String>,
    /// The backups that the store knows of.
    pub backups: Vec<Kept>,
    /// The folder of the store: runs have theirs beside it.
    pub store_folder: PathBuf,
    /// What is asked outside of a run leaves its traces there, so long as it asks.
    pub scratch: PathBuf,
    /// This program, which is also the keeper.
    pub program: PathBuf,
    pub clock: Clock,
    pub by: String,
    pub attended: bool,
    /// How many steps may run at once.
    pub jobs: usize,
    /// What a rollback must bring back, once it was looked at.
    pub recorded: Option<serde_json::Value>,
}

#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the run's folder {path} cannot be made: {source}")]
    Folder { path: String, source: std::io::Error },
    #[error("the state cannot be recorded: {0}")]
    State(String),
    #[error("the journal does not fit the plan: {0}")]
    Illegal(#[from] Illegal),
}

impl Begun {
    fn world(
        self,
        run: RunNames,
        began: Moment,
        folder: PathBuf,
        keepers_before: usize,
        questions: mpsc::UnboundedSender<Question>,
    ) -> World {
        World {
            cover: self.values.secrets.cover(),
            run,
            plan: self.plan,
            values: self.values,
            digest: self.digest,
            reviewed: self.reviewed,
            typed: self.typed,
            environment: self.environment,
            store_folder: self.store_folder,
            base: self.base,
            files: self.files,
            clock: self.clock,
            began,
            log_ends: RefCell::default(),
            known: RefCell::default(),
            catalogue: Catalogue::of(self.backups),
            program: self.program,
            keeper: RefCell::default(),
            keepers_before,
            http: Default::default(),
            questions,
            awaited: RefCell::new(HashMap::new()),
            folder,
        }
    }

    /// Asks what the plan requires, and records its state, before there is a run; gives back what it
    /// was asked with.
    pub async fn requirements(self) -> Result<(Begun, Vec<Checked>), BeginError> {
        let missing = self.missing.iter().map(|one| Checked {
            line: format!("input {} has a value", one.input),
            looked: Looked::Fails(one.problem.clone()),
            hint: Some(one.help.clone()),
        });
        let missing: Vec<_> = missing.collect();
        let name = "requirements";
        let asked = self.apart(name, nameless(name), async |world| {
            let mut checked = missing;
            checked.extend(unready(&world));
            checked.extend(checks::host::all(&world).await);
            checked.extend(checks::script::all(&world).await);
            for (at, check) in world.plan.plan.requires.iter().enumerate() {
                let job = Job::new(world.clone(), None, format!("requirement-{}", at + 1));
                checked.push(checks::ask(&job, check, 0, None).await);
            }
            let is_ready = checked.iter().all(|one| matches!(one.looked, Looked::Holds(_)));
            let recorded = match is_ready && world.plan.plan.file.state.is_some() {
                true => Some(fingerprint::take(&world).await.map_err(|why| world.covered(why))),
                false => None,
            };
            (checked, recorded)
        });
        let (mut begun, (checked, recorded)) = asked.await?;
        let recorded = recorded.transpose().map_err(|failure| BeginError::State(failure.text))?;
        begun.recorded = recorded;
        Ok((begun, checked))
    }

    /// Whether a backup is one, by the server that it is of.
    pub async fn verify(
        self,
        manifest: &Manifest,
        path: &Path,
        proof: Proof,
    ) -> Result<Result<(), Failure>, BeginError> {
        let name = format!("verify-{}", manifest.id);
        let looked = self.apart(&name, nameless(&name), async |world| {
            let job = Job::new(world.clone(), None, name.clone());
            let at = Address::of(&job.filler(), manifest.database.as_deref())?;
            let around = job.around(None)?;
            let proven = prove::prove(&job, around, manifest, path, Some(&at), proof).await;
            proven.map_err(|broken| match broken {
                Broken::Failed(failure) => world.covered(failure),
                Broken::Lost | Broken::InDoubt(_) => error("its programs were lost: try again"),
            })
        });
        Ok(looked.await?.1)
    }

    /// Beside a run that somebody else has in hand, or nobody.
    pub async fn call<T>(
        self,
        run: RunNames,
        ask: impl AsyncFnOnce(Rc<World>) -> T,
    ) -> Result<T, BeginError> {
        let name = format!("call-{}", run.id);
        Ok(self.apart(&name, run, ask).await?.1)
    }

    /// Something that is asked outside of a run, in a folder of its own that goes again.
    async fn apart<T>(
        self,
        name: &str,
        names: RunNames,
        ask: impl AsyncFnOnce(Rc<World>) -> T,
    ) -> Result<(Begun, T), BeginError> {
        let folder = self.scratch.join(format!("{name}-{}", std::process::id()));
        let wrong = |source| BeginError::Folder { path: folder.display().to_string(), source };
        // One that is there may be somebody else's, or of a process of this number that was killed.
        if folder.metadata().is_ok_and(|found| found.uid() == rustix::process::geteuid().as_raw()) {
            let _ = std::fs::remove_dir_all(&folder);
        }
        DirBuilder::new().mode(0o700).create(&folder).map_err(wrong)?;
        DirBuilder::new().mode(0o700).create(folder.join("logs")).map_err(wrong)?;
        let (questions, _) = mpsc::unbounded_channel();
        let kept = (self.missing.clone(), self.by.clone(), self.attended, self.jobs);
        let scratch = self.scratch.clone();
        let now = self.clock.now();
        let world = Rc::new(self.world(names, now, folder.clone(), 0, questions));
        let found = ask(world.clone()).await;
        world.keeper.borrow_mut().take();
        // What its programs printed is told already.
        let _ = std::fs::remove_dir_all(&folder);
        let world = Rc::into_inner(world).expect("every job has ended");
        let (missing, by, attended, jobs) = kept;
        let begun = Begun {
            plan: world.plan,
            values: world.values,
            missing,
            digest: world.digest,
            reviewed: world.reviewed,
            typed: world.typed,
            environment: world.environment,
            base: world.base,
            files: world.files,
            backups: world.catalogue.into_known(),
            store_folder: world.store_folder,
            scratch,
            program: world.program,
            clock: world.clock,
            by,
            attended,
            jobs,
            recorded: None,
        };
        Ok((begun, found))
    }
}

fn nameless(name: &str) -> RunNames {
    RunNames { id: name.to_owned(), ..RunNames::default() }
}

/// A new run, with its first events.
pub async fn begin<S: Store>(
    store: S,
    token: Token,
    run: RunRow,
    begun: Begun,
) -> Result<Engine<S>, BeginError> {
    let recorded = begun.recorded.clone();
    let mut engine = engine(store, token, run, begun)?;
    engine.store.expect(engine.course.entries().len()).await;
    engine.note_beginning(recorded).await?;
    Ok(engine)
}

impl<S: Store> Engine<S> {
    /// What must stand in the journal before the first step; of a run that was killed at its very
    /// beginning, what is missing.
    async fn note_beginning(
        &mut self,
        recorded: Option<serde_json::Value>,
    ) -> Result<(), BeginError> {
        if self.number == 0 {
            let (world, run) = (&self.world, &self.run);
            let logs = log_ends(world);
            let logs = logs.iter().map(|(path, end)| (path.display().to_string(), *end));
            let started = RunStarted {
                plan: run.plan.clone(),
                title: world.plan.plan.file.title.as_ref().map(|title| title.value.clone()),
                environment: run.environment.clone(),
                digest: run.digest.clone(),
                by: run.by.clone(),
                host: run.host.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                entries: world.plan.entries().len(),
                jobs: self.limits.jobs,
                logs: logs.collect(),
            };
            self.note(Event::RunStarted(Box::new(started)))?;
        }
        let is_untouched = self.course.entries().iter().all(|entry| entry.attempt == 0);
        let wants_state = self.course.outline.has_state && self.course.recorded_state.is_none();
        if wants_state && is_untouched {
            let state = match recorded {
                Some(state) => state,
                None => {
                    let state = fingerprint::take(&self.world).await;
                    state.map_err(|why| BeginError::State(self.world.covered(why).text))?
                }
            };
            self.note(Event::StateRecorded { state })?;
        }
        Ok(())
    }
}

/// A run that is there: its journal is played again, and what ran meanwhile is looked for. `records`
/// are those that were read already, from the first on.
pub async fn take_up<S: Store>(
    store: S,
    token: Token,
    run: RunRow,
    begun: Begun,
    mut records: Vec<Record>,
) -> Result<Engine<S>, BeginError> {
    let by = begun.by.clone();
    let mut engine = engine(store, token, run, begun)?;
    let mut settled = Vec::new();
    loop {
        for record in &records {
            if let Event::Done { entry, .. } | Event::FoundDone { entry, .. } = &record.event {
                settled.push((record.number, entry.clone(), None));
            } else if let Event::UndoDone { entry, part } = &record.event {
                settled.push((record.number, entry.clone(), Some(*part)));
            }
            engine.course.apply(&record.event, record.at)?;
            remember(&engine.course, &engine.world, &record.event, record.at);
            engine.paper.noted(&record.event);
            engine.number = record.number;
        }
        // Whoever was killed right behind one of these did not come to clear up after it.
        let last = engine.number.saturating_sub(LAST);
        settled.retain(|(number, ..)| *number > last);
        records = engine.store.read_on(&engine.run, engine.number).await?;
        if records.is_empty() {
            break;
        }
    }
    for (_, entry, part) in settled {
        let at = engine.course.outline.find(&entry);
        let rests = if part.is_some() { StepState::RolledBack } else { StepState::Done };
        if at.is_some_and(|at| engine.course.entry(at).state == rests) {
            engine.settle(&entry, part);
        }
    }
    let left = engine.course.entries().iter().filter(|entry| !entry.state.has_ended_well()).count();
    engine.store.expect(left).await;
    engine.note_beginning(None).await?;
    engine.wait_for_keepers().await;
    let requests = engine.store.asked(&engine.run).await?;
    engine.heed(requests);
    if engine.course.state() != RunState::Succeeded {
        engine.note(Event::Resumed { by })?;
    }
    engine.find_what_ran()?;
    Ok(engine)
}

fn engine<S: Store>(
    store: S,
    token: Token,
    run: RunRow,
    begun: Begun,
) -> Result<Engine<S>, BeginError> {
    let folder = begun.store_folder.join("runs").join(&run.run);
    let mut private = DirBuilder::new();
    private.recursive(true).mode(0o700);
    let made = private.create(folder.join("logs"));
    let wrong = |source| BeginError::Folder { path: folder.display().to_string(), source };
    made.map_err(wrong)?;
    let outline = Arc::new(Outline::of(&begun.plan));
    let guard = Guard::of(&begun.plan, None, run.started_at);
    let (ask, questions) = mpsc::unbounded_channel();
    let (outcomes, inbox) = mpsc::unbounded_channel();
    let names = RunNames {
        id: run.run.clone(),
        started: run.started_at.timestamp().to_string(),
        by: run.by.clone(),
        folder: folder.display().to_string(),
    };
    let (jobs, attended) = (begun.jobs, begun.attended);
    let keepers = keeper::logs(&folder).len();
    let world = begun.world(names, run.started_at, folder.clone(), keepers, ask);
    let paper = Paper::open(&folder, &world).map_err(wrong)?;
    Ok(Engine {
        store,
        token,
        run,
        course: Course::new(outline),
        world: Rc::new(world),
        guard,
        limits: Limits { jobs, attended },
        paper,
        number: 0,
        pending: Vec::new(),
        intents: Vec::new(),
        taken: Vec::new(),
        refused: Vec::new(),
        outcomes,
        inbox,
        questions,
        at_work: 0,
        settling: 0,
        store_problem: None,
        held: false,
        last_look: LastLook::NotYet,
        looking: 0,
        doubted: Default::default(),
        stop: Rc::default(),
        watches: Default::default(),
        held_open: None,
        looks_on: false,
    })
}

/// Where each log that is looked at ends now: only what comes later counts.
fn log_ends(world: &World) -> BTreeMap<PathBuf, LogEnd> {
    let mut ends = BTreeMap::new();
    for (at, entry) in world.plan.entries().iter().enumerate() {
        match &entry.what {
            What::Checkpoint(checkpoint) => {
                checkpoint.checks.iter().for_each(|check| see(check, Some(at), world, &mut ends));
            }
            What::Step(step) => {
                if let Some(Action::Wait(Wait::Full(keys))) = step.actions.first() {
                    keys.until.iter().for_each(|check| see(check, Some(at), world, &mut ends));
                }
                step.probe.iter().for_each(|check| see(check, Some(at), world, &mut ends));
            }
        }
    }
    for phase in &world.plan.plan.phases {
        let first = phase.entries.clone().next();
        phase.watch.iter().for_each(|check| see(check, first, world, &mut ends));
    }
    world.log_ends.borrow_mut().extend(ends.clone());
    ends
}

fn see(check: &Check, entry: Option<usize>, world: &World, ends: &mut BTreeMap<PathBuf, LogEnd>) {
    match check {
        Check::AnyOf(any) => any.any_of.iter().for_each(|one| see(one, entry, world, ends)),
        Check::Log(log) => {
            if let Ok(path) = world.filler(entry, None).path(&log.log.value) {
                let meta = std::fs::metadata(&path).ok();
                let end = meta.map(|meta| LogEnd { length: meta.len(), inode: meta.ino() });
                ends.insert(path, end.unwrap_or_default());
            }
        }
        _ => {}
    }
}

/// What the steps need of this machine and it has not.
fn unready(world: &World) -> Vec<Checked> {
    let mut found = Vec::new();
    for (at, entry) in world.plan.entries().iter().enumerate() {
        let fill = world.filler(Some(at), None);
        let actions = entry.step().into_iter().flat_map(Step::all_actions);
        let lacks =
            actions.flat_map(|(action, _)| actions::performer(action).unready(world, &fill));
        found.extend(lacks.map(|why| Checked {
            line: format!("`{}` has what it needs", entry.id),
            looked: Looked::Fails(why),
            hint: None,
        }));
    }
    found
}
