//! Where a run stands, and what comes next: events in, decisions out. Pure: used live, in replay
//! and in simulation. Performs nothing, reads no clock, and knows no plan but its outline.

mod back;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use plan_model::graph::net::Mark;

use crate::clock::Moment;
use crate::event::{Answer, EntryId, Event, Failure, FailureKind, Pause, Then};
use crate::outline::{Lead, Outline, Undo};
use crate::state::run::RunChange;
use crate::state::{RunState, StepChange, StepState};
use back::Back;

/// Where one entry stands.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryCourse {
    pub state: StepState,
    /// How often it was started.
    pub attempt: u32,
    /// It was started and nobody found that it did nothing: it may have to be undone.
    pub may_have_acted: bool,
    /// The same, before its last attempt.
    pub acted_before: bool,
    /// The how-manieth entry it was to start.
    pub order: u32,
    pub undone_parts: u32,
    /// How often a rollback step of it was started: it never counts from the start again, so that
    /// no program is taken for an earlier one.
    pub undo_attempt: u32,
    /// The one of which nobody could tell whether it was done.
    pub undo_doubt: Option<u32>,
    /// A person heard that nobody can tell, and may go on all the same.
    pub undo_told: bool,
    /// Of these, those before the present round of tries.
    pub undo_before: u32,
    pub started: Option<Moment>,
    pub ended: Option<Moment>,
    pub undo_started: Option<Moment>,
    pub undo_ended: Option<Moment>,
    /// When it, or its rollback, is tried again.
    pub retry_at: Option<Moment>,
    /// A person did without its rollback, or did it by hand.
    pub settled: Option<Arc<str>>,
}

impl EntryCourse {
    /// What became of its rollback step is known.
    fn doubt_no_more(&mut self) {
        (self.undo_doubt, self.undo_told) = (None, false);
    }
}

/// Where a run stands as of the events that it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    pub outline: Arc<Outline>,
    state: RunState,
    entries: Vec<EntryCourse>,
    /// Of each point, how many of those that it waits for have not ended.
    unmet: Vec<u32>,
    ready: BTreeSet<(Reverse<Duration>, usize)>,
    /// Those that are tried again, and when.
    later: BTreeSet<(Moment, usize)>,
    running: BTreeSet<usize>,
    /// Of those that run: they wait for an answer.
    asking: BTreeSet<usize>,
    /// Which of their questions are open.
    open: BTreeSet<(usize, usize)>,
    interrupted: BTreeSet<usize>,
    /// Points that have not ended.
    left: usize,
    starts: u32,
    trouble: Option<Trouble>,
    pause_asked: Option<String>,
    back: Option<Back>,
    /// A person wanted it undone: nothing made the run turn back.
    pub goes_back_as_asked: bool,
    answers: BTreeMap<usize, BTreeMap<usize, Vec<Answer>>>,
    failures: Vec<(EntryId, Failure)>,
    pause: Option<Pause>,
    pub recorded_state: Option<serde_json::Value>,
    differences: Option<Vec<String>>,
    window_until: Option<Moment>,
}

/// What stops the way forward.
#[derive(Debug, Clone, PartialEq)]
struct Trouble {
    why: String,
    lead: Lead,
    entry: Option<EntryId>,
    past_irreversible: bool,
    by: Option<String>,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Journal this; if it starts something, perform it then.
    Record(Event),
    /// Compare the state with what was recorded before the run.
    Compare,
    /// Nothing before this moment, unless something happens.
    WaitUntil(Moment),
    /// Nothing until something happens.
    Wait,
    /// The run has ended or is paused.
    Rest,
}

/// Whether something outside of the graph lets an entry start now.
#[derive(Debug, Clone, PartialEq)]
pub enum Gate {
    Open,
    /// Its condition does not hold.
    Skip(String),
    NotBefore(Moment),
    /// Not before something else has ended.
    Busy,
    /// It may not start: the run is to pause, or to turn back.
    Stop(Box<Event>),
}

/// What bounds the decisions.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub jobs: usize,
    /// Somebody is there who can answer.
    pub attended: bool,
}

/// An event that cannot happen in this state: the journal is not of this plan, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen to {subject}, which is {state}")]
pub struct Illegal {
    pub event: String,
    pub subject: String,
    pub state: &'static str,
}

impl Course {
    pub fn new(outline: Arc<Outline>) -> Course {
        let fresh = EntryCourse {
            state: StepState::Waiting,
            attempt: 0,
            may_have_acted: false,
            acted_before: false,
            order: 0,
            undone_parts: 0,
            undo_attempt: 0,
            undo_doubt: None,
            undo_told: false,
            undo_before: 0,
            started: None,
            ended: None,
            undo_started: None,
            undo_ended: None,
            retry_at: None,
            settled: None,
        };
        let mut course = Course {
            state: RunState::Running,
            entries: vec![fresh; outline.items.len()],
            unmet: Vec::new(),
            ready: BTreeSet::new(),
            later: BTreeSet::new(),
            running: BTreeSet::new(),
            asking: BTreeSet::new(),
            open: BTreeSet::new(),
            interrupted: BTreeSet::new(),
            left: 0,
            starts: 0,
            trouble: None,
            pause_asked: None,
            back: None,
            goes_back_as_asked: false,
            answers: BTreeMap::new(),
            failures: Vec::new(),
            pause: None,
            recorded_state: None,
            differences: None,
            window_until: None,
            outline,
        };
        course.line_up();
        course
    }

    pub fn state(&self) -> RunState {
        self.state
    }

    pub fn entry(&self, at: usize) -> &EntryCourse {
        &self.entries[at]
    }

    pub fn entries(&self) -> &[EntryCourse] {
        &self.entries
    }

    pub fn answers(&self, at: usize, question: usize) -> &[Answer] {
        self.answers.get(&at).and_then(|all| all.get(&question)).map_or(&[], Vec::as_slice)
    }

    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        self.running.iter().copied()
    }

    pub fn asking(&self) -> impl Iterator<Item = usize> + '_ {
        let back = self.back.iter().flat_map(|back| back.asking.iter().copied());
        self.asking.iter().copied().chain(back)
    }

    pub fn undoing(&self) -> impl Iterator<Item = usize> + '_ {
        self.back.iter().flat_map(|back| back.running.iter().copied())
    }

    pub fn interrupted(&self) -> impl Iterator<Item = usize> + '_ {
        self.interrupted.iter().copied()
    }

    pub fn is_going_back(&self) -> bool {
        self.back.is_some()
    }

    /// What failed so far, in the order of the journal.
    pub fn failures(&self) -> &[(EntryId, Failure)] {
        &self.failures
    }

    pub fn pause(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }

    pub fn differences(&self) -> Option<&[String]> {
        self.differences.as_deref()
    }

    pub fn window_until(&self) -> Option<Moment> {
        self.window_until
    }

    /// How long an entry ran, the last time.
    pub fn took(&self, at: usize) -> Option<Duration> {
        let entry = &self.entries[at];
        Some(entry.ended?.since(entry.started?))
    }

    /// How long undoing it took.
    pub fn undo_took(&self, at: usize) -> Option<Duration> {
        let entry = &self.entries[at];
        Some(entry.undo_ended?.since(entry.undo_started?))
    }

    /// What is still to be undone, in the order in which it will be, if the run went back now.
    pub fn to_undo(&self) -> Vec<usize> {
        let mut found: Vec<usize> =
            (0..self.entries.len()).filter(|at| self.is_to_be_undone(*at)).collect();
        found.sort_by_key(|at| Reverse(self.entries[*at].order));
        found
    }

    /// What acted and stays, with the reason.
    pub fn remainders(&self) -> Vec<(usize, Arc<str>)> {
        let mut found = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            match &self.outline.items[at].undo {
                _ if !entry.may_have_acted => {}
                _ if entry.settled.is_some() => {
                    found.push((at, entry.settled.clone().unwrap_or_default()));
                }
                Undo::Remains(why) | Undo::Irreversible(why) => found.push((at, why.clone())),
                _ => {}
            }
        }
        found
    }

    fn is_to_be_undone(&self, at: usize) -> bool {
        let entry = &self.entries[at];
        entry.may_have_acted
            && entry.settled.is_none()
            && entry.undone_parts < self.outline.items[at].undo.parts()
            && !matches!(entry.state, StepState::RolledBack)
    }

    /// What a failure leads to, retries included. `None` for the time of a checkpoint that cannot be
    /// measured while somebody is there.
    pub fn then(&self, at: usize, failure: &Failure, now: Moment, attended: bool) -> Then {
        let item = &self.outline.items[at];
        if matches!(failure.kind, FailureKind::Declined) {
            return Then::Pause;
        }
        if !matches!(failure.kind, FailureKind::InDoubt | FailureKind::Tripped)
            && let Some(moment) = item.retry.after(self.entries[at].attempt, now)
        {
            return Then::RetryAt(moment);
        }
        if failure.kind == FailureKind::NotMeasured && attended {
            return Then::Pause;
        }
        match item.on_failure {
            Lead::Rollback => Then::Rollback,
            Lead::Pause => Then::Pause,
            Lead::Continue => Then::Continue,
            Lead::To(checkpoint) => Then::RollbackTo(self.outline.id(checkpoint)),
        }
    }

    /// When a rollback step that failed is tried again.
    pub fn undo_retry(&self, at: usize, failure: &Failure, now: Moment) -> Option<Moment> {
        // A no of a person stays one, until the run goes on and asks again.
        if failure.kind == FailureKind::Declined {
            return None;
        }
        let entry = &self.entries[at];
        let Undo::Parts(parts) = &self.outline.items[at].undo else { return None };
        let tries = entry.undo_attempt - entry.undo_before;
        parts.get(entry.undone_parts as usize)?.after(tries, now)
    }

    // ---- what happened ----

    /// Takes in what happened. Everything that changes a state is here.
    pub fn apply(&mut self, event: &Event, at: Moment) -> Result<(), Illegal> {
        match event {
            Event::RunStarted(_) => {}
            Event::StateRecorded { state } => self.recorded_state = Some(state.clone()),
            Event::Started { entry, attempt } => {
                let entry = self.find(entry, event)?;
                self.change(entry, StepChange::Started, event)?;
                self.ready.remove(&self.rank(entry));
                self.forget_retry(entry);
                self.running.insert(entry);
                self.starts += 1;
                let course = &mut self.entries[entry];
                course.attempt = *attempt;
                course.acted_before = course.may_have_acted;
                course.may_have_acted = true;
                course.order = self.starts;
                course.started = Some(at);
                course.ended = None;
            }
            Event::Done { entry, .. } | Event::FoundDone { entry, .. } => {
                let entry = self.find(entry, event)?;
                self.change(entry, StepChange::Succeeded, event)?;
                self.stop(entry, at);
                self.release(self.outline.point[entry]);
            }
            Event::Failed { entry: id, failure, then } => {
                let entry = self.find(id, event)?;
                if let Then::RetryAt(moment) = then {
                    self.change(entry, StepChange::WillRetry, event)?;
                    self.stop(entry, at);
                    self.take_for_undone(entry, failure.untouched);
                    self.later.insert((*moment, entry));
                    self.entries[entry].retry_at = Some(*moment);
                    return Ok(());
                }
                self.change(entry, StepChange::GaveUp, event)?;
                self.stop(entry, at);
                self.take_for_undone(entry, failure.untouched);
                self.failures.push((id.clone(), failure.clone()));
                if failure.kind == FailureKind::Declined {
                    // Whoever goes on after a no is asked again.
                    self.answers.remove(&entry);
                }
                let lead = match then {
                    Then::Continue => {
                        self.release(self.outline.point[entry]);
                        return Ok(());
                    }
                    Then::Pause => Lead::Pause,
                    Then::RollbackTo(to) => Lead::To(self.find(to, event)?),
                    _ => Lead::Rollback,
                };
                self.add_trouble(Trouble {
                    why: format!("{id} failed: {}", failure.text),
                    lead,
                    entry: Some(id.clone()),
                    past_irreversible: false,
                    by: None,
                });
            }
            Event::Skipped { entry, .. } => {
                let entry = self.find(entry, event)?;
                self.change(entry, StepChange::Skipped, event)?;
                self.ready.remove(&self.rank(entry));
                self.forget_retry(entry);
                self.interrupted.remove(&entry);
                self.release(self.outline.point[entry]);
            }
            Event::Interrupted { entry, .. } => {
                let entry = self.find(entry, event)?;
                self.change(entry, StepChange::LostSight, event)?;
                self.stop(entry, at);
                self.interrupted.insert(entry);
            }
            Event::FoundUndone { entry, partly, .. } => {
                let entry = self.find(entry, event)?;
                self.change(entry, StepChange::FoundUndone, event)?;
                self.stop(entry, at);
                self.take_for_undone(entry, !partly);
                self.ready.insert(self.rank(entry));
            }
            Event::Tripped { phase, failure, then } => {
                self.failures.push((phase.clone(), failure.clone()));
                self.add_trouble(Trouble {
                    why: format!("{phase} tripped its watch: {}", failure.text),
                    lead: if *then == Then::Pause { Lead::Pause } else { Lead::Rollback },
                    entry: Some(phase.clone()),
                    past_irreversible: false,
                    by: None,
                });
            }
            Event::Asking { entry, question, .. } => {
                let entry = self.find(entry, event)?;
                if self.running.contains(&entry) {
                    self.asking.insert(entry);
                    self.open.insert((entry, *question));
                } else if let Some(back) = self.back.as_mut()
                    && back.running.contains(&entry)
                {
                    back.asking.insert(entry);
                    self.open.insert((entry, *question));
                }
            }
            Event::Answered { entry, question, answer } => {
                let entry = self.find(entry, event)?;
                self.open.remove(&(entry, *question));
                // While the run is paused nobody goes on with the answer: it is asked for again, and
                // found, when the run goes on.
                let is_answered = !self.open.iter().any(|(other, _)| *other == entry);
                if is_answered && self.state != RunState::Paused {
                    self.asking.remove(&entry);
                    if let Some(back) = self.back.as_mut() {
                        back.asking.remove(&entry);
                    }
                }
                let questions = self.answers.entry(entry).or_default();
                questions.entry(*question).or_default().push(answer.clone());
            }
            Event::RollbackAsked { by, to, past_irreversible } => {
                let lead = match to {
                    Some(to) => Lead::To(self.find(to, event)?),
                    None => Lead::Rollback,
                };
                self.pause_asked = None;
                self.trouble = Some(Trouble {
                    why: format!("{by} asked for it"),
                    lead,
                    entry: None,
                    past_irreversible: *past_irreversible,
                    by: Some(by.clone()),
                });
            }
            Event::RollbackBegan { to, past_irreversible, by, .. } => {
                self.change_run(RunChange::RollbackBegan, event)?;
                self.goes_back_as_asked = by.is_some();
                let to = to.as_ref().map(|to| self.find(to, event)).transpose()?;
                self.trouble = None;
                self.pause = None;
                self.pause_asked = None;
                self.ask_no_more();
                self.turn_back(to, *past_irreversible);
            }
            Event::UndoStarted { entry, part, attempt } => {
                let entry = self.find(entry, event)?;
                self.undo_started(entry, *part, *attempt, event)?;
                self.entries[entry].undo_started = Some(at);
            }
            Event::UndoDone { entry, part } => {
                let entry = self.find(entry, event)?;
                self.undo_done(entry, *part, event)?;
                self.entries[entry].undo_ended = Some(at);
            }
            Event::UndoFailed { entry: id, part, failure, retry_at } => {
                let entry = self.find(id, event)?;
                self.undo_failed(entry, *part, *retry_at, event)?;
                self.entries[entry].doubt_no_more();
                if retry_at.is_none() {
                    self.failures.push((id.clone(), failure.clone()));
                }
                if failure.kind == FailureKind::Declined {
                    self.answers.remove(&entry);
                }
                self.entries[entry].undo_ended = Some(at);
            }
            Event::UndoInterrupted { entry: id, part, why, unasked, retry_at } => {
                let entry = self.find(id, event)?;
                self.undo_failed(entry, *part, *retry_at, event)?;
                let attempt = self.entries[entry].undo_attempt;
                self.entries[entry].undo_doubt.get_or_insert(attempt);
                self.entries[entry].undo_told |= !unasked;
                let doubt = "its rollback was interrupted, and nobody can tell whether it was done";
                let text =
                    why.as_ref().map_or(doubt.to_owned(), |why| format!("its rollback: {why}"));
                if retry_at.is_none() {
                    self.failures.push((id.clone(), Failure::new(FailureKind::InDoubt, text)));
                }
            }
            Event::UndoSettled { entry, by, why } => {
                let entry = self.find(entry, event)?;
                self.undo_settled(entry, format!("{why} ({by})").into(), event)?;
            }
            Event::StateCompared { differences } => self.differences = Some(differences.clone()),
            Event::PauseAsked { by } => self.pause_asked = Some(by.clone()),
            Event::Paused { why } => {
                self.change_run(RunChange::Paused, event)?;
                self.pause = Some(why.clone());
            }
            Event::Resumed { .. } => {
                let was_killed = self.state == RunState::Running;
                self.change_run(RunChange::Resumed, event)?;
                self.resume(was_killed);
                // A kill uses up no try.
                for at in self.undoing().collect::<Vec<_>>() {
                    let entry = &mut self.entries[at];
                    entry.undo_before = entry.undo_attempt.saturating_sub(1);
                }
            }
            Event::WindowExtended { until, .. } => self.window_until = Some(*until),
            Event::Ended { ending } => self.change_run(RunChange::Ended(*ending), event)?,
        }
        Ok(())
    }

    fn find(&self, id: &EntryId, event: &Event) -> Result<usize, Illegal> {
        self.outline.find(id).ok_or_else(|| Illegal {
            event: name(event),
            subject: id.to_string(),
            state: "not in this plan",
        })
    }

    fn change(&mut self, at: usize, change: StepChange, event: &Event) -> Result<(), Illegal> {
        let state = self.entries[at].state;
        let Some(next) = state.next(change) else {
            return Err(self.illegal(at, event));
        };
        self.entries[at].state = next;
        Ok(())
    }

    fn illegal(&self, at: usize, event: &Event) -> Illegal {
        Illegal {
            event: name(event),
            subject: self.outline.items[at].id.to_string(),
            state: self.entries[at].state.word(),
        }
    }

    fn change_run(&mut self, change: RunChange, event: &Event) -> Result<(), Illegal> {
        let Some(next) = self.state.next(change, self.back.is_some()) else {
            return Err(Illegal {
                event: name(event),
                subject: "the run".to_owned(),
                state: self.state.word(),
            });
        };
        self.state = next;
        Ok(())
    }

    fn rank(&self, at: usize) -> (Reverse<Duration>, usize) {
        (Reverse(self.outline.items[at].to_end), at)
    }

    fn stop(&mut self, entry: usize, at: Moment) {
        self.running.remove(&entry);
        self.asking.remove(&entry);
        self.open.retain(|(other, _)| *other != entry);
        self.interrupted.remove(&entry);
        self.entries[entry].ended = Some(at);
    }

    fn forget_retry(&mut self, entry: usize) {
        if let Some(moment) = self.entries[entry].retry_at.take() {
            self.later.remove(&(moment, entry));
        }
    }

    fn add_trouble(&mut self, new: Trouble) {
        // A person who is to be asked is asked; two ways back become the longer one.
        let merged = match (self.trouble.take(), new) {
            (None, new) => new,
            (Some(old), new) => match (old.lead, new.lead) {
                (Lead::Pause, _) => old,
                (_, Lead::Pause) => new,
                (a, b) if a == b => old,
                _ => Trouble { lead: Lead::Rollback, ..old },
            },
        };
        self.trouble = Some(merged);
    }

    /// Counts anew what waits for what: at the start, and when a run goes forward again.
    fn line_up(&mut self) {
        let outline = self.outline.clone();
        let net = &outline.net;
        self.unmet = (0..net.len()).map(|point| net.before.get(point).len() as u32).collect();
        self.ready.clear();
        self.left = net.len();
        // Points stand behind what they wait for, so one pass meets each when its count is final.
        for point in 0..net.len() {
            if self.unmet[point] == 0 && self.arrive(point) {
                self.left -= 1;
                for after in outline.after.get(point) {
                    self.unmet[*after as usize] -= 1;
                }
            }
        }
    }

    /// Everything that a point waits for has ended. Whether the point has ended with it.
    fn arrive(&mut self, point: usize) -> bool {
        let Mark::Entry(entry) = self.outline.net.marks[point] else { return true };
        match self.entries[entry].state {
            StepState::Waiting | StepState::Ready => {
                self.entries[entry].state = StepState::Ready;
                self.ready.insert(self.rank(entry));
                false
            }
            StepState::Done | StepState::Skipped => true,
            StepState::Failed => self.outline.items[entry].on_failure == Lead::Continue,
            _ => false,
        }
    }

    fn release(&mut self, point: u32) {
        let outline = self.outline.clone();
        let mut ended = vec![point];
        while let Some(point) = ended.pop() {
            self.left -= 1;
            for after in outline.after.get(point as usize) {
                let unmet = &mut self.unmet[*after as usize];
                *unmet -= 1;
                if *unmet == 0 && self.arrive(*after as usize) {
                    ended.push(*after);
                }
            }
        }
    }

    fn resume(&mut self, was_killed: bool) {
        self.pause = None;
        self.pause_asked = None;
        // Whoever resumes has answered a pause. A way back that the plan or a person had decided on
        // is not called off by a crash.
        self.trouble.take_if(|trouble| !was_killed || trouble.lead == Lead::Pause);
        if self.back.is_some() {
            self.retry_undo();
            return;
        }
        self.ask_no_more();
        if self.trouble.is_none() {
            self.go_forward_again();
        }
    }

    /// What waits for an answer is let go: it asks again when it starts again.
    fn ask_no_more(&mut self) {
        self.open.clear();
        for at in std::mem::take(&mut self.asking) {
            self.running.remove(&at);
            if let Some(state) = self.entries[at].state.next(StepChange::WillRetry) {
                self.entries[at].state = state;
            }
        }
    }

    /// Its last attempt is known to have done nothing; an earlier one may have acted all the same.
    fn take_for_undone(&mut self, at: usize, is_known: bool) {
        if is_known {
            let entry = &mut self.entries[at];
            entry.may_have_acted = entry.acted_before;
            if !entry.may_have_acted {
                self.leave_out(at);
            }
        }
    }

    /// Entries that failed or were undone may start again.
    fn go_forward_again(&mut self) {
        for (at, entry) in self.entries.iter_mut().enumerate() {
            let again = match entry.state {
                StepState::Failed => self.outline.items[at].on_failure != Lead::Continue,
                StepState::RolledBack => true,
                StepState::Ready => true,
                _ => false,
            };
            if again && let Some(state) = entry.state.next(StepChange::Reset) {
                if entry.state == StepState::RolledBack {
                    entry.may_have_acted = false;
                    entry.acted_before = false;
                    entry.undone_parts = 0;
                    entry.undo_before = entry.undo_attempt;
                }
                entry.state = state;
            }
        }
        self.later.clear();
        self.entries.iter_mut().for_each(|entry| entry.retry_at = None);
        self.line_up();
    }

    // ---- what comes next ----

    /// The next thing to do. Ask again after each recorded event.
    pub fn next(
        &self,
        now: Moment,
        limits: Limits,
        gate: &mut dyn FnMut(&Course, usize) -> Gate,
    ) -> Decision {
        match self.state {
            RunState::Running => self.forward(now, limits, gate),
            RunState::RollingBack => self.backward(now, limits),
            _ => Decision::Rest,
        }
    }

    fn forward(
        &self,
        now: Moment,
        limits: Limits,
        gate: &mut dyn FnMut(&Course, usize) -> Gate,
    ) -> Decision {
        let at_work = self.running.len() - self.asking.len();
        let is_stopping =
            self.trouble.is_some() || self.pause_asked.is_some() || !self.interrupted.is_empty();
        if is_stopping {
            return if at_work > 0 { Decision::Wait } else { Decision::Record(self.stopped()) };
        }
        if self.left == 0 {
            return Decision::Record(Event::Ended { ending: RunState::Succeeded });
        }
        let mut wake: Option<Moment> = None;
        if at_work < limits.jobs {
            for (_, at) in &self.ready {
                match gate(self, *at) {
                    Gate::Open => return Decision::Record(self.start(*at)),
                    Gate::Skip(why) => {
                        let entry = self.outline.id(*at);
                        return Decision::Record(Event::Skipped { entry, why, by: None });
                    }
                    Gate::Busy => {}
                    Gate::NotBefore(moment) => {
                        wake = Some(wake.map_or(moment, |wake| wake.min(moment)));
                    }
                    Gate::Stop(event) => {
                        return if at_work > 0 { Decision::Wait } else { Decision::Record(*event) };
                    }
                }
            }
            if let Some((moment, at)) = self.later.first() {
                if self.is_due(*moment, *at, now) {
                    return Decision::Record(self.start(*at));
                }
                wake = Some(wake.map_or(*moment, |wake| wake.min(*moment)));
            }
        }
        match wake {
            Some(moment) => Decision::WaitUntil(moment),
            None if at_work == 0 && !self.asking.is_empty() && !limits.attended => {
                let entries = self.asking.iter().map(|at| self.outline.id(*at)).collect();
                Decision::Record(Event::Paused { why: Pause::Questions { entries } })
            }
            None => Decision::Wait,
        }
    }

    /// Whether something is to be tried again. A clock that stands before the failure was set back:
    /// nobody waits until it has caught up.
    fn is_due(&self, moment: Moment, at: usize, now: Moment) -> bool {
        moment <= now || self.entries[at].ended.is_some_and(|ended| now < ended)
    }

    fn start(&self, at: usize) -> Event {
        Event::Started { entry: self.outline.id(at), attempt: self.entries[at].attempt + 1 }
    }

    /// Nothing runs any more, and nothing may start.
    fn stopped(&self) -> Event {
        if let Some(by) = &self.pause_asked {
            return Event::Paused { why: Pause::Asked { by: by.clone() } };
        }
        match &self.trouble {
            Some(Trouble { lead: Lead::Pause, entry: Some(entry), .. }) => {
                Event::Paused { why: Pause::Failed { entry: entry.clone() } }
            }
            Some(trouble) => Event::RollbackBegan {
                why: trouble.why.clone(),
                to: match trouble.lead {
                    Lead::To(at) => Some(self.outline.id(at)),
                    _ => None,
                },
                past_irreversible: trouble.past_irreversible,
                by: trouble.by.clone(),
            },
            None => {
                let entries = self.interrupted.iter().map(|at| self.outline.id(*at)).collect();
                Event::Paused { why: Pause::InDoubt { entries } }
            }
        }
    }
}

fn name(event: &Event) -> String {
    let json = serde_json::to_value(event).unwrap_or_default();
    json["event"].as_str().unwrap_or("an event").to_owned()
}
