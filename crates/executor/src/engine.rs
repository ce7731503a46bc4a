//! The loop: decide, journal, perform, journal, tell. Everything that comes from outside meets here.
//! Knows no terminal: whoever listens hears events after they are durable.

mod begin;
mod found;
mod pool;
mod watch;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use plan_model::graph::CompiledPlan;
use plan_model::model::plan::AfterCrash;
use plan_model::notation::Spoken;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::actions::{self, Found};
use crate::clock::Moment;
use crate::course::{Course, Decision, Gate, Illegal, Limits};
use crate::event::{Answer, Event, Failure, FailureKind, Outputs, Record, Then};
use crate::fingerprint;
use crate::guard::Guard;
use crate::paper::Paper;
use crate::state::{RunState, StepState};
use crate::store::{Asked, Request, RunRow, Store, StoreError, Token};
use crate::world::{Broken, Job, Question, UNDO_QUESTIONS, World};

pub use begin::{BeginError, Begun, begin, take_up};

/// How often requests of other terminals are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How often the lease says that its owner lives.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// How often listeners may draw what goes on.
const TICK_EVERY: Duration = Duration::from_millis(120);
/// How often a store that failed is tried again.
const RETRY_STORE: Duration = Duration::from_secs(1);
/// Events of one commit, at most.
const BATCH: usize = 200;

/// Whoever hears what happens. Everything that is told is durable.
pub trait Listener {
    fn hear(&mut self, record: &Record, course: &Course, scene: &Scene<'_>);

    /// A little later: for what moves on a screen.
    fn tick(&mut self, _course: &Course, _scene: &Scene<'_>, _now: Moment) {}

    /// Somebody is to answer; whoever can does it through `Control::Answer`.
    fn ask(&mut self, _question: &Question) {}

    /// The question was answered, here or elsewhere.
    fn asked_no_more(&mut self, _entry: usize, _question: usize) {}

    /// Something that is no event of the run.
    fn say(&mut self, _text: &str) {}
}

/// What stands around a run while it is told.
pub struct Scene<'a> {
    pub run: &'a str,
    pub plan: &'a CompiledPlan,
    /// The run's own folder.
    pub folder: &'a Path,
    pub guard: Option<&'a Guard>,
}

/// What whoever started the engine may want of it.
#[derive(Debug)]
pub enum Control {
    Answer {
        entry: usize,
        question: usize,
        answer: Answer,
    },
    Pause {
        by: String,
    },
    Rollback {
        by: String,
        running_too: bool,
    },
    /// Start nothing new for now: somebody is deciding.
    Hold(bool),
    /// Leave at once; everything stays resumable.
    Leave,
    /// Nobody is there any more who could answer.
    Unattended,
}

/// Why the engine stopped.
#[derive(Debug)]
pub enum Stopped {
    /// The run has ended or is paused.
    Rested(RunState),
    /// The store cannot be written; what ran has finished.
    StoreFailed(String),
    TakenOver,
    Left,
    Illegal(Illegal),
}

/// Something that was performed, or looked at, has ended.
enum Outcome {
    Performed {
        entry: usize,
        result: Result<Outputs, Broken>,
    },
    Undone {
        entry: usize,
        part: u32,
        result: Result<(), Broken>,
    },
    Looked {
        entry: usize,
        found: Found,
    },
    LookedBack {
        entry: usize,
        part: u32,
        found: Found,
    },
    Tripped {
        phase: usize,
        failure: Failure,
    },
    /// Traces of something that is in the journal are gone.
    Settled,
}

/// Whether requests were looked for right before the run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastLook {
    NotYet,
    Wanted,
    Taken,
}

pub struct Engine<S: Store> {
    store: S,
    token: Token,
    pub run: RunRow,
    pub course: Course,
    pub world: Rc<World>,
    /// Entries, or parts of their way back, that were in doubt by themselves, and were looked at.
    doubted: HashSet<(usize, Option<u32>)>,
    guard: Option<Guard>,
    limits: Limits,
    paper: Paper,
    /// The number of the last event.
    number: u64,
    /// Events that are in the course and not yet in the journal.
    pending: Vec<Record>,
    /// What may only begin once they are.
    intents: Vec<Event>,
    /// Requests that led to them.
    taken: Vec<Asked>,
    /// What could not be done of what was asked, to be told.
    refused: Vec<String>,
    outcomes: mpsc::UnboundedSender<Outcome>,
    inbox: mpsc::UnboundedReceiver<Outcome>,
    questions: mpsc::UnboundedReceiver<Question>,
    /// What is performed now; the engine never waits for a program that it does not know of.
    at_work: usize,
    /// Of it, what clears up.
    settling: usize,
    store_problem: Option<String>,
    held: bool,
    last_look: LastLook,
    /// Steps of which it is looked what became of them.
    looking: usize,
    /// Tells whatever only waits that it is to end.
    stop: Rc<Notify>,
    watches: watch::Watches,
    /// All is done, and the watches are looked at until then.
    held_open: Option<Moment>,
    /// That was said.
    looks_on: bool,
}

impl<S: Store> Engine<S> {
    pub fn scene(&self) -> Scene<'_> {
        Scene {
            run: &self.run.run,
            plan: &self.world.plan,
            folder: &self.world.folder,
            guard: self.guard.as_ref(),
        }
    }

    /// The way back, asked for by whoever took the run up.
    pub fn turn_back(
        &mut self,
        by: String,
        to: Option<usize>,
        past_irreversible: bool,
    ) -> Result<(), Illegal> {
        let to = to.map(|at| self.course.outline.id(at));
        if self.course.state() == RunState::Running {
            return self.note(Event::RollbackAsked { by, to, past_irreversible });
        }
        if self.course.state() == RunState::Succeeded {
            let why = format!("{by} asked for it");
            return self.note(Event::RollbackBegan { why, to, past_irreversible, by: Some(by) });
        }
        Ok(())
    }

    pub fn into_store(self) -> (S, Token) {
        (self.store, self.token)
    }

    /// Runs until the run rests. Must be called on a local task set.
    pub async fn run(
        &mut self,
        listener: &mut dyn Listener,
        control: &mut mpsc::UnboundedReceiver<Control>,
    ) -> Stopped {
        self.say_refused(listener);
        let mut look_at = Instant::now();
        let mut beat_at = Instant::now() + BEAT_EVERY;
        let mut tick_at = Instant::now();
        loop {
            let wake = match self.decide().await {
                Ok(wake) => wake,
                Err(illegal) => return Stopped::Illegal(illegal),
            };
            match self.commit(listener).await {
                Ok(()) => {}
                Err(StoreError::TakenOver) => return Stopped::TakenOver,
                Err(problem) => {
                    let text = problem.to_string();
                    if self.store_problem.is_none() {
                        listener.say(&format!(
                            "the journal cannot be written ({text}): nothing new starts"
                        ));
                    }
                    self.store_problem = Some(text.clone());
                    if self.is_idle() {
                        return Stopped::StoreFailed(text);
                    }
                }
            }
            self.let_go(listener);
            self.say_that_it_looks_on(listener);
            let rests = self.course.state().is_ending() || self.course.state() == RunState::Paused;
            if rests && self.pending.is_empty() && self.is_idle() {
                return Stopped::Rested(self.course.state());
            }
            let wake = match wake {
                Some(moment) => {
                    let wait = moment.since(self.world.clock.now()).min(Duration::from_secs(1));
                    Instant::now() + wait + Duration::from_millis(1)
                }
                None => Instant::now() + Duration::from_secs(3600),
            };
            let wake = if self.store_problem.is_some() {
                wake.min(Instant::now() + RETRY_STORE)
            } else {
                wake
            };
            tokio::select! {
                biased;
                outcome = self.inbox.recv() => {
                    // All that is there: one commit for several steps.
                    let mut next = outcome;
                    while let Some(outcome) = next {
                        if let Err(illegal) = self.take(outcome) {
                            return Stopped::Illegal(illegal);
                        }
                        if self.pending.len() >= BATCH {
                            break;
                        }
                        next = self.inbox.try_recv().ok();
                    }
                }
                question = self.questions.recv() => {
                    // All that is there: a checkpoint may ask several at once.
                    let mut next = question;
                    while let Some(question) = next {
                        if let Err(illegal) = self.put(question, listener) {
                            return Stopped::Illegal(illegal);
                        }
                        next = self.questions.try_recv().ok();
                    }
                }
                wanted = control.recv() => match wanted {
                    Some(wanted) => match self.obey(wanted) {
                        Ok(true) => {}
                        Ok(false) => return Stopped::Left,
                        Err(illegal) => return Stopped::Illegal(illegal),
                    },
                    None => self.limits.attended = false,
                },
                () = sleep_until(wake) => {}
                () = sleep_until(tick_at) => {
                    tick_at = Instant::now() + TICK_EVERY;
                    listener.tick(&self.course, &self.scene(), self.world.clock.now());
                }
                () = sleep_until(look_at) => {}
            }
            if Instant::now() >= look_at || self.last_look == LastLook::Wanted {
                if self.last_look == LastLook::Wanted {
                    self.last_look = LastLook::Taken;
                }
                look_at = Instant::now() + LOOK_EVERY;
                self.look_for_requests(listener).await;
            }
            if Instant::now() >= beat_at {
                beat_at = Instant::now() + BEAT_EVERY;
                let doing = self.doing();
                let now = self.world.clock.now();
                if let Err(StoreError::TakenOver) = self.store.beat(&self.token, now, &doing).await
                {
                    return Stopped::TakenOver;
                }
            }
        }
    }

    /// Questions that nobody waits for any more: the run went back meanwhile.
    fn let_go(&self, listener: &mut dyn Listener) {
        let mut awaited = self.world.awaited.borrow_mut();
        let waits = |at: usize| {
            let state = self.course.entry(at).state;
            matches!(state, StepState::Running | StepState::RollingBack | StepState::Interrupted)
        };
        awaited.retain(|(at, question), _| {
            let waits = waits(*at);
            if !waits {
                listener.asked_no_more(*at, *question);
            }
            waits
        });
    }

    fn say_that_it_looks_on(&mut self, listener: &mut dyn Listener) {
        let Some(until) = self.held_open.filter(|_| !self.looks_on) else { return };
        self.looks_on = true;
        let left = Duration::from_secs(until.since(self.world.clock.now()).as_secs().max(1));
        listener.say(&format!(
            "all is done; the watches are looked at for another {}: you may leave it, `plan watch {}` shows \
             it again",
            Spoken(left),
            self.run.run
        ));
    }

    fn is_idle(&self) -> bool {
        self.at_work == self.course.asking().count()
    }

    fn doing(&self) -> String {
        if self.looks_on {
            return "the watches, when all else is done".to_owned();
        }
        let mut at = self.course.running().chain(self.course.undoing());
        at.next().map_or_else(String::new, |at| self.course.outline.items[at].id.to_string())
    }

    /// Everything that may be decided now; when to ask again.
    async fn decide(&mut self) -> Result<Option<Moment>, Illegal> {
        // While somebody decides, or while it is looked what became of a step, nothing is decided.
        if self.store_problem.is_some() || self.held || self.looking > 0 {
            return Ok(None);
        }
        self.watch_first();
        while self.pending.len() < BATCH {
            let now = self.world.clock.now();
            let (world, guard, attended) =
                (self.world.clone(), self.guard.as_ref(), self.limits.attended);
            let mut gate =
                |course: &Course, at: usize| gate(course, at, &world, guard, now, attended);
            match self.course.next(now, self.limits, &mut gate) {
                // Nobody would clear up after a run that has ended.
                Decision::Record(Event::Ended { .. }) if self.settling > 0 => return Ok(None),
                // All is done, and somebody still looks on: it is not over before that is.
                Decision::Record(Event::Ended { ending: RunState::Succeeded })
                    if self.looked_on_until().is_some() =>
                {
                    self.watch();
                    self.held_open = self.looked_on_until();
                    return Ok(self.held_open);
                }
                // What was asked in the last moment counts: once ended, it could not be taken up.
                Decision::Record(Event::Ended { .. }) if self.last_look != LastLook::Taken => {
                    self.last_look = LastLook::Wanted;
                    return Ok(Some(now));
                }
                Decision::Record(event) => {
                    let starts = matches!(event, Event::Started { .. } | Event::UndoStarted { .. });
                    if starts {
                        self.intents.push(event.clone());
                    }
                    self.note(event)?;
                }
                Decision::Compare => {
                    let differences = self.compare().await;
                    self.note(Event::StateCompared { differences })?;
                }
                Decision::WaitUntil(moment) => return Ok(Some(moment)),
                Decision::Wait | Decision::Rest => return Ok(None),
            }
        }
        Ok(Some(self.world.clock.now()))
    }

    async fn compare(&self) -> Vec<String> {
        let Some(before) = &self.course.recorded_state else { return Vec::new() };
        match fingerprint::take(&self.world).await {
            Ok(now) => fingerprint::differences(before, &now),
            Err(failure) => {
                let failure = self.world.covered(failure);
                vec![format!("the state could not be compared: {}", failure.text)]
            }
        }
    }

    /// Takes an event in; it becomes durable with the next commit.
    fn note(&mut self, event: Event) -> Result<(), Illegal> {
        let now = self.world.clock.now();
        self.course.apply(&event, now)?;
        remember(&self.course, &self.world, &event, now);
        self.last_look = LastLook::NotYet;
        self.number += 1;
        self.pending.push(Record { number: self.number, at: now, event });
        Ok(())
    }

    /// Journals what is pending, tells it, and performs what was only intended until now.
    async fn commit(&mut self, listener: &mut dyn Listener) -> Result<(), StoreError> {
        if self.pending.is_empty() && self.taken.is_empty() {
            return Ok(());
        }
        // A backup that is there stands in the catalogue before its step is done: none is forgotten.
        while let Some(kept) = self.world.catalogue.next_new() {
            self.store.catalogue(&self.token, &self.run, &kept).await?;
            self.world.catalogue.is_known(kept);
        }
        self.store.append(&self.token, &self.run, &self.pending, &self.taken).await?;
        self.taken.clear();
        if self.store_problem.take().is_some() {
            listener.say("the journal can be written again");
        }
        let records = std::mem::take(&mut self.pending);
        for record in &records {
            // The page is written before the step acts; that it cannot be is said, and no reason to
            // stop: the journal has it all.
            if let Err(problem) = self.paper.note(&record.event, &self.course.outline, &self.world)
            {
                listener.say(&format!("the rollback page cannot be written: {problem}"));
            }
        }
        for intent in std::mem::take(&mut self.intents) {
            self.perform(&intent);
        }
        self.watch();
        // Programs start while this thread tells what happened, not after it.
        tokio::task::yield_now().await;
        for record in &records {
            listener.hear(record, &self.course, &self.scene());
            match &record.event {
                Event::Done { entry, .. } | Event::FoundDone { entry, .. } => {
                    self.settle(entry, None);
                }
                Event::UndoDone { entry, part } => self.settle(entry, Some(*part)),
                Event::Answered { entry, question, .. } => {
                    if let Some(entry) = self.course.outline.find(entry) {
                        listener.asked_no_more(entry, *question);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Traces that only a crash would have needed may go.
    fn settle(&mut self, entry: &str, part: Option<u32>) {
        let Some(at) = self.course.outline.find(entry) else { return };
        if !actions::leaves_traces(self.world.plan.entry(at), part) {
            return;
        }
        let mut job = Job::new(self.world.clone(), Some(at), String::new());
        job.own = part.map(|_| self.world.known_of(at));
        job.part = self.written(at, part);
        let outcomes = self.outcomes.clone();
        self.at_work += 1;
        self.settling += 1;
        tokio::task::spawn_local(async move {
            actions::settled(&job, job.world.plan.entry(at), part).await;
            let _ = outcomes.send(Outcome::Settled);
        });
    }

    /// Whether users may have written since an entry was done: they are out in phases of maintenance
    /// only, and in again once anything behind those has begun.
    fn users_were_in(&self, at: usize) -> bool {
        let plan = &self.world.plan;
        let is_maintenance = |at: usize| plan.plan.phases[plan.entry(at).phase].maintenance;
        let phase = plan.entry(at).phase;
        let has_begun = |at: usize| self.course.entry(at).attempt > 0;
        !is_maintenance(at)
            || (0..plan.entries().len()).any(|other| {
                plan.entry(other).phase > phase && !is_maintenance(other) && has_begun(other)
            })
    }

    fn written(&self, at: usize, part: Option<u32>) -> Option<u32> {
        actions::written(self.world.plan.entry(at).step()?, part?)
    }

    fn perform(&mut self, intent: &Event) {
        let outcomes = self.outcomes.clone();
        match intent {
            Event::Started { entry, attempt } => {
                let Some(at) = self.course.outline.find(entry) else { return };
                let mut job = Job::new(self.world.clone(), Some(at), program_id(entry, *attempt));
                job.answers = self.answers(at);
                self.at_work += 1;
                let stop = self.stop.clone();
                tokio::task::spawn_local(async move {
                    let entry = job.world.plan.entry(at);
                    let performing = unbroken(actions::perform(&job, entry));
                    // A program is ended by its keeper, which then tells; waiting is just left.
                    let result = if actions::may_be_left(entry) {
                        tokio::select! {
                            result = performing => result,
                            () = stop.notified() => {
                                let text = "was ended on request";
                                Err(Failure::new(FailureKind::Signal, text).into())
                            }
                        }
                    } else {
                        performing.await
                    };
                    let _ = outcomes.send(Outcome::Performed { entry: at, result });
                });
            }
            Event::UndoStarted { entry, part, attempt } => {
                let Some(at) = self.course.outline.find(entry) else { return };
                let part = *part;
                // It may have been done: that is looked at before it is done again.
                if self.course.entry(at).undo_doubt.is_some() {
                    return self.look_back(at, part);
                }
                let mut job =
                    Job::new(self.world.clone(), Some(at), undo_id(entry, part, *attempt));
                job.own = Some(self.world.known_of(at));
                job.part = self.written(at, Some(part));
                job.users_were_in = self.users_were_in(at);
                job.first_question = UNDO_QUESTIONS * (part as usize + 1);
                job.answers = vec![self.course.answers(at, job.first_question).to_vec()];
                self.at_work += 1;
                tokio::task::spawn_local(async move {
                    let result = match job.world.plan.entry(at).step() {
                        Some(step) => unbroken(actions::undo(&job, step, part)).await,
                        None => Ok(()),
                    };
                    let _ = outcomes.send(Outcome::Undone { entry: at, part, result });
                });
            }
            _ => {}
        }
    }

    fn answers(&self, at: usize) -> Vec<Vec<Answer>> {
        let entry = self.world.plan.entry(at);
        let questions = entry.checkpoint().map_or(1, |checkpoint| checkpoint.checks.len());
        (0..questions).map(|question| self.course.answers(at, question).to_vec()).collect()
    }

    /// What came of something, as events.
    fn take(&mut self, outcome: Outcome) -> Result<(), Illegal> {
        let now = self.world.clock.now();
        if let Outcome::Tripped { phase, failure } = outcome {
            return self.tripped(phase, failure);
        }
        self.at_work -= 1;
        match outcome {
            Outcome::Tripped { .. } => Ok(()),
            Outcome::Settled => {
                self.settling -= 1;
                Ok(())
            }
            Outcome::Performed { entry: at, result } => {
                // Whoever waits for an answer when a run pauses is asked again later.
                if self.course.entry(at).state != StepState::Running {
                    return Ok(());
                }
                let entry = self.course.outline.id(at);
                match result {
                    Ok(outputs) => {
                        let outputs = self.covered(outputs);
                        self.note(Event::Done { entry, outputs })
                    }
                    Err(Broken::Failed(failure)) => {
                        let failure = self.world.covered(failure);
                        let then = self.course.then(at, &failure, now, self.limits.attended);
                        self.note(Event::Failed { entry, failure, then })
                    }
                    Err(Broken::Lost) => self.lost(at, None),
                    Err(Broken::InDoubt(why)) => self.doubt(at, None, Some(why)),
                }
            }
            Outcome::Undone { entry: at, part, result } => {
                if !self.course.undoing().any(|other| other == at) {
                    return Ok(());
                }
                let entry = self.course.outline.id(at);
                match result {
                    Ok(()) => self.note(Event::UndoDone { entry, part }),
                    Err(Broken::Failed(failure)) => {
                        let failure = self.world.covered(failure);
                        let retry_at = self.course.undo_retry(at, &failure, now);
                        self.note(Event::UndoFailed { entry, part, failure, retry_at })
                    }
                    Err(Broken::Lost) => self.lost(at, Some(part)),
                    Err(Broken::InDoubt(why)) => self.doubt(at, Some(part), Some(why)),
                }
            }
            Outcome::Looked { entry: at, found } => {
                self.looking -= 1;
                // A person was quicker.
                if self.course.entry(at).state != StepState::Interrupted {
                    return Ok(());
                }
                let entry = self.course.outline.id(at);
                match found {
                    Found::Done { how, outputs } => {
                        let (how, outputs) = (self.world.cover.text(&how), self.covered(outputs));
                        self.note(Event::FoundDone { entry, how, outputs })
                    }
                    Found::Undone { how } => {
                        let how = self.world.cover.text(&how);
                        self.note(Event::FoundUndone { entry, how, partly: false })
                    }
                    Found::Partly { how } => {
                        let how = self.world.cover.text(&how);
                        self.note(Event::FoundUndone { entry, how, partly: true })
                    }
                    // It stays interrupted, and the run pauses.
                    Found::GoesOn { why } => {
                        let why = Some(self.world.cover.text(&why));
                        self.note(Event::Interrupted { entry, why })
                    }
                    Found::Unasked { why } => {
                        let why = Some(self.world.cover.text(&why));
                        self.note(Event::Interrupted { entry, why })?;
                        self.in_doubt(at)
                    }
                    Found::InDoubt => self.in_doubt(at),
                }
            }
            Outcome::LookedBack { entry: at, part, found } => {
                self.looking -= 1;
                if !self.course.undoing().any(|other| other == at) {
                    return Ok(());
                }
                let entry = self.course.outline.id(at);
                match found {
                    Found::Done { .. } => self.note(Event::UndoDone { entry, part }),
                    Found::Undone { how } | Found::Partly { how } => {
                        let how = self.world.cover.text(&how);
                        let failure = Failure::new(FailureKind::InDoubt, how);
                        let retry_at = Some(now);
                        self.note(Event::UndoFailed { entry, part, failure, retry_at })
                    }
                    Found::GoesOn { ref why } | Found::Unasked { ref why } => {
                        let why = self.world.cover.text(why);
                        let failure = Failure::new(FailureKind::Unreachable, why.clone());
                        // Nothing is done beside itself.
                        if !matches!(found, Found::GoesOn { .. })
                            && let Some(moment) = self.undone_again(at, part, now)
                        {
                            let retry_at = Some(moment);
                            return self.note(Event::UndoFailed { entry, part, failure, retry_at });
                        }
                        let retry_at = self.course.undo_retry(at, &failure, now);
                        let (why, unasked) = (Some(why), true);
                        self.note(Event::UndoInterrupted { entry, part, why, unasked, retry_at })
                    }
                    Found::InDoubt => {
                        let told = self.course.entry(at).undo_told.then_some(now);
                        let again = told.or_else(|| self.undone_again(at, part, now));
                        let text = "nobody can tell whether it was done: it is done again";
                        let failure = Failure::new(FailureKind::InDoubt, text);
                        self.note(match again {
                            Some(_) => Event::UndoFailed { entry, part, failure, retry_at: again },
                            None => {
                                let (why, unasked, retry_at) = (None, false, None);
                                Event::UndoInterrupted { entry, part, why, unasked, retry_at }
                            }
                        })
                    }
                }
            }
        }
    }

    /// When a rollback step in doubt is done again, where the plan says that this does no harm: once at least,
    /// and as often as its `retry:` says.
    pub(super) fn undone_again(&self, at: usize, part: u32, now: Moment) -> Option<Moment> {
        let step = self.world.plan.entry(at).step()?;
        if !actions::reruns(step, part) {
            return None;
        }
        let entry = self.course.entry(at);
        let is_first = entry.undo_attempt - entry.undo_before <= 1;
        let failure = Failure::new(FailureKind::InDoubt, "");
        self.course.undo_retry(at, &failure, now).or(is_first.then_some(now))
    }

    /// Neither the action nor a probe can tell.
    pub(super) fn in_doubt(&mut self, at: usize) -> Result<(), Illegal> {
        let entry = self.course.outline.id(at);
        match self.course.outline.items[at].after_crash {
            AfterCrash::Rerun => {
                let how = "after_crash says that running it again does no harm".to_owned();
                self.note(Event::FoundUndone { entry, how, partly: true })
            }
            AfterCrash::Rollback => {
                let text = "it was interrupted, and nobody can tell whether it was done";
                let failure = Failure::new(FailureKind::InDoubt, text);
                self.note(Event::Failed { entry, failure, then: Then::Rollback })
            }
            // It stays interrupted; the run pauses and says so.
            AfterCrash::Ask => Ok(()),
        }
    }

    fn covered(&self, outputs: Outputs) -> Outputs {
        let mut value = serde_json::Value::Object(outputs);
        self.world.cover.json(&mut value);
        match value {
            serde_json::Value::Object(outputs) => outputs,
            _ => Outputs::new(),
        }
    }

    /// Somebody is to be asked.
    fn put(&mut self, mut question: Question, listener: &mut dyn Listener) -> Result<(), Illegal> {
        question.text = self.world.cover.text(&question.text);
        let state = self.course.entry(question.entry).state;
        if matches!(state, StepState::Running | StepState::RollingBack) {
            self.note(Event::Asking {
                entry: self.course.outline.id(question.entry),
                question: question.number,
                text: question.text.clone(),
                choices: question.choices.iter().map(|one| self.world.cover.text(one)).collect(),
                typed: question.typed,
            })?;
        }
        listener.ask(&question);
        Ok(())
    }

    fn answer(&mut self, at: usize, question: usize, answer: Answer) -> Result<(), Illegal> {
        let entry = self.course.outline.id(at);
        let waiting = self.world.awaited.borrow_mut().remove(&(at, question));
        self.note(Event::Answered { entry, question, answer: answer.clone() })?;
        if let Some(waiting) = waiting {
            let _ = waiting.send(answer);
        }
        Ok(())
    }

    /// False: leave at once.
    fn obey(&mut self, wanted: Control) -> Result<bool, Illegal> {
        match wanted {
            Control::Answer { entry, question, answer } => self.answer(entry, question, answer)?,
            Control::Pause { by } => self.note(Event::PauseAsked { by })?,
            Control::Rollback { by, running_too } => self.abort(by, None, running_too)?,
            Control::Hold(held) => self.held = held,
            Control::Leave => return Ok(false),
            Control::Unattended => self.limits.attended = false,
        }
        Ok(true)
    }

    fn abort(&mut self, by: String, to: Option<&str>, running_too: bool) -> Result<(), Illegal> {
        let to = to.and_then(|to| self.course.outline.find(to));
        if running_too && let Some(keeper) = &*self.world.keeper.borrow() {
            for at in self.course.running() {
                let id =
                    program_id(&self.course.outline.items[at].id, self.course.entry(at).attempt);
                keeper.end(&id);
            }
        }
        if running_too {
            self.stop.notify_waiters();
        }
        let to = to.map(|at| self.course.outline.id(at));
        if matches!(self.course.state(), RunState::Running) {
            self.note(Event::RollbackAsked { by, to, past_irreversible: false })?;
        }
        Ok(())
    }

    async fn look_for_requests(&mut self, listener: &mut dyn Listener) {
        if self.store_problem.is_some() {
            return;
        }
        let Ok(asked) = self.store.asked(&self.run).await else { return };
        self.heed(asked);
        self.say_refused(listener);
    }

    /// Does what was asked for, once. What the run's state does not allow any more is refused, and does
    /// not come again.
    fn heed(&mut self, asked: Vec<Asked>) {
        for one in asked {
            if self.taken.iter().any(|taken| taken.number == one.number) {
                continue;
            }
            let granted = self.grant(&one).unwrap_or_else(|illegal| Err(illegal.to_string()));
            if let Err(why) = granted {
                let text = format!("{} asked for something that cannot be done: {why}", one.by);
                self.refused.push(text);
            }
            self.taken.push(one);
        }
    }

    fn say_refused(&mut self, listener: &mut dyn Listener) {
        self.refused.drain(..).for_each(|text| listener.say(&text));
    }

    /// What somebody asked for from another terminal; `Err` says why it cannot be.
    fn grant(&mut self, asked: &Asked) -> Result<Result<(), String>, Illegal> {
        let by = asked.by.clone();
        let find = |engine: &Self, id: &str| {
            engine.course.outline.find(id).ok_or_else(|| format!("there is no step {id}"))
        };
        match &asked.request {
            Request::Pause => self.note(Event::PauseAsked { by })?,
            Request::Abort { running_too } => self.abort(by, None, *running_too)?,
            Request::RollbackTo { checkpoint } => self.abort(by, Some(checkpoint), false)?,
            Request::Extend { until, reason } => {
                self.note(Event::WindowExtended { by, why: reason.clone(), until: *until })?;
            }
            Request::Retry { entry } => match find(self, entry) {
                Err(why) => return Ok(Err(why)),
                Ok(at) => return self.retry(at, &by),
            },
            Request::Skip { entry, reason } => match find(self, entry) {
                Err(why) => return Ok(Err(why)),
                Ok(at) => return self.skip(at, by, reason.clone()),
            },
            Request::Answer { entry, question, choice, holds, evidence } => {
                match find(self, entry) {
                    Err(why) => return Ok(Err(why)),
                    Ok(at) => {
                        let answer = Answer {
                            choice: choice.clone(),
                            holds: *holds,
                            by,
                            evidence: evidence.clone(),
                        };
                        self.answer(at, *question, answer)?;
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    fn retry(&mut self, at: usize, by: &str) -> Result<Result<(), String>, Illegal> {
        let entry = self.course.outline.id(at);
        match self.course.entry(at).state {
            StepState::Interrupted => {
                let how = format!("{by} says that it may run again");
                self.note(Event::FoundUndone { entry, how, partly: true })?;
                Ok(Ok(()))
            }
            // What failed is tried again whenever the run goes on.
            StepState::Failed | StepState::RollbackFailed => Ok(Ok(())),
            state => Ok(Err(format!("{entry} is {}: there is nothing to retry", state.word()))),
        }
    }

    fn skip(&mut self, at: usize, by: String, why: String) -> Result<Result<(), String>, Illegal> {
        let entry = self.course.outline.id(at);
        match self.course.entry(at).state {
            StepState::RollbackFailed => self.note(Event::UndoSettled { entry, by, why })?,
            StepState::Waiting
            | StepState::Done
            | StepState::Running
            | StepState::Skipped
            | StepState::RollingBack
            | StepState::RolledBack => {
                let state = self.course.entry(at).state.word();
                return Ok(Err(format!("{entry} is {state}: it cannot be skipped")));
            }
            _ => self.note(Event::Skipped { entry, why, by: Some(by) })?,
        }
        Ok(Ok(()))
    }
}

/// What a program of a step is called.
pub fn program_id(entry: &str, attempt: u32) -> String {
    format!("{entry}.{attempt}")
}

pub fn undo_id(entry: &str, part: u32, attempt: u32) -> String {
    format!("{entry}.undo{}.{attempt}", part + 1)
}

/// A fault of ours in the middle of a step: nobody knows how far it came, and the run must not wait for
/// it for ever.
async fn unbroken<T>(work: impl Future<Output = Result<T, Broken>>) -> Result<T, Broken> {
    match std::panic::AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(_) => Err(Broken::InDoubt(
            "plan itself broke while it did this, which is a fault of plan: look what was done"
                .to_owned(),
        )),
    }
}

/// Whether something besides the graph holds an entry back.
fn gate(
    course: &Course,
    at: usize,
    world: &World,
    guard: Option<&Guard>,
    now: Moment,
    attended: bool,
) -> Gate {
    let entry = world.plan.entry(at);
    if entry.conditional
        && let Some(when) = entry.when()
    {
        match world.filler(Some(at), None).holds(when) {
            Ok(true) => {}
            Ok(false) => return Gate::Skip(format!("`{}` does not hold", when.value)),
            // The step itself will say what is wrong with it.
            Err(_) => {}
        }
    }
    if pool::is_full(course, at, world) {
        return Gate::Busy;
    }
    match guard {
        Some(guard) => guard.gate(course, at, now, attended),
        None => Gate::Open,
    }
}

/// What later texts may name.
fn remember(course: &Course, world: &World, event: &Event, now: Moment) {
    let mut known = world.known.borrow_mut();
    let of = |id: &str| course.outline.find(id);
    match event {
        Event::Started { entry, .. } => {
            if let Some(at) = of(entry) {
                let known = known.entry(at).or_default();
                known.started = Some(now);
                known.skipped = Some(false);
            }
        }
        Event::Done { entry, outputs } | Event::FoundDone { entry, outputs, .. } => {
            if let Some(at) = of(entry) {
                let known = known.entry(at).or_default();
                known.add(outputs);
                known.ended = Some(now);
            }
        }
        Event::RunStarted(started) => {
            let logs = started.logs.iter().map(|(path, end)| (path.into(), *end));
            world.log_ends.borrow_mut().extend(logs);
        }
        Event::Skipped { entry, .. } => {
            if let Some(at) = of(entry) {
                known.entry(at).or_default().skipped = Some(true);
            }
        }
        _ => {}
    }
}
