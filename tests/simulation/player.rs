//! Plays one random run to its end, the way the engine would, and holds every promise against what
//! really happened in the simulated world.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use plan_executor::clock::Moment;
use plan_executor::course::{Course, Decision, Gate, Limits};
use plan_executor::event::{Answer, EntryId, Event, Failure, FailureKind, Outputs, Then};
use plan_executor::outline::{Lead, Outline, Undo};
use plan_executor::state::{RunState, StepState};
use plan_model::graph::net::Mark;
use plan_model::model::plan::AfterCrash;

use crate::plans;
use crate::random::Random;

pub struct Played {
    pub steps: u64,
    pub ending: String,
}

/// What the simulated world holds: the truth, whatever the journal says.
#[derive(Default)]
struct World {
    /// Effects that are there, by entry, with the parts that were undone since.
    there: Vec<Option<u32>>,
    /// What runs: entry, whether it is an undo, and when it ends.
    at_work: Vec<(usize, bool, Moment)>,
}

struct Player {
    random: Random,
    outline: Arc<Outline>,
    /// Of each entry those that it waits for, through whatever stands between.
    needs: Vec<BTreeSet<usize>>,
    /// Of each entry those that wait for it.
    needed_by: Vec<BTreeSet<usize>>,
    course: Course,
    journal: Vec<(Event, Moment)>,
    world: World,
    now: Moment,
    limits: Limits,
    steps: u64,
    crashes: u32,
    /// How often something fails: once in so many times.
    luck: usize,
    /// Entries that ask a person, and those that wait for the answer now.
    asks: Vec<bool>,
    asking: BTreeSet<(usize, bool)>,
}

pub fn play(mut random: Random) -> Played {
    let outline = Arc::new(plans::outline(&mut random));
    let course = Course::new(outline.clone());
    let limits = Limits { jobs: 1 + random.below(4), attended: random.once_in(2) };
    let luck = [4, 12, 60, 1_000][random.below(4)];
    let world = World { there: vec![None; outline.items.len()], at_work: Vec::new() };
    let now = Moment(1_000_000);
    let all = 0..outline.items.len();
    let needs: Vec<_> = all.clone().map(|at| needs(&outline, at)).collect();
    let needed_by = all.map(|at| {
        let others = needs.iter().enumerate().filter(|(_, needs)| needs.contains(&at));
        others.map(|(other, _)| other).collect()
    });
    let needed_by = needed_by.collect();
    let asks = outline.items.iter().map(|_| random.once_in(15)).collect();
    let mut player = Player {
        asks,
        asking: BTreeSet::new(),
        random,
        needs,
        needed_by,
        outline,
        course,
        journal: Vec::new(),
        world,
        now,
        limits,
        steps: 0,
        crashes: 0,
        luck,
    };
    if player.outline.has_state {
        player.record(Event::StateRecorded { state: serde_json::json!({}) });
    }
    let ending = player.run();
    Played { steps: player.steps, ending }
}

impl Player {
    fn run(&mut self) -> String {
        let mut rests = 0;
        for turn in 0.. {
            assert!(turn < 100_000, "a run that never ends");
            let skips = self.random.once_in(200);
            let decision = self.course.next(self.now, self.limits, &mut |_, _| {
                if skips {
                    Gate::Skip("its condition does not hold".to_owned())
                } else {
                    Gate::Open
                }
            });
            match decision {
                Decision::Record(event) => {
                    self.check(&event);
                    self.record(event.clone());
                    if matches!(event, Event::RollbackBegan { .. }) {
                        self.asking.clear();
                    }
                    self.perform(&event);
                    if let Event::Ended { ending } = event {
                        return self.ended(ending);
                    }
                }
                Decision::Compare => {
                    let differences = (self.random.once_in(6)).then(|| "a file".to_owned());
                    self.record(Event::StateCompared {
                        differences: differences.into_iter().collect(),
                    });
                }
                Decision::WaitUntil(moment) if self.world.at_work.is_empty() => {
                    assert!(moment > self.now, "waiting for the past");
                    self.now = moment;
                }
                Decision::Wait if self.world.at_work.is_empty() && !self.asking.is_empty() => {
                    assert!(self.limits.attended, "nobody is there who could answer");
                    self.somebody_answers();
                }
                Decision::Wait | Decision::WaitUntil(_) => {
                    assert!(!self.world.at_work.is_empty(), "waits for nothing at all");
                    self.something_ends();
                }
                Decision::Rest => {
                    rests += 1;
                    self.asking.clear();
                    if rests > 3 || self.random.once_in(3) {
                        return "paused".to_owned();
                    }
                    self.a_person_acts();
                }
            }
            if self.random.once_in(60) && self.crashes < 5 {
                self.crash();
            }
            if self.random.once_in(500) {
                self.record(Event::PauseAsked { by: "ada".to_owned() });
            }
            if self.random.once_in(900) && self.course.state() == RunState::Running {
                let past_irreversible = self.random.once_in(2);
                let by = "ada".to_owned();
                self.record(Event::RollbackAsked { by, to: None, past_irreversible });
            }
            // The wall clock may jump either way.
            if self.random.once_in(100) {
                self.now = Moment(self.now.0 + self.random.below(100_000) as i64 - 50_000);
            }
        }
        unreachable!("the loop only ends by returning")
    }

    fn record(&mut self, event: Event) {
        self.course.apply(&event, self.now).unwrap_or_else(|illegal| {
            let last = self.journal.iter().rev().take(25).rev();
            let last: Vec<_> = last.map(|(event, at)| format!("{} {event:?}", at.0)).collect();
            panic!("{illegal}\nbehind:\n{}\nnow: {event:?}", last.join("\n"))
        });
        self.journal.push((event, self.now));
    }

    /// Promises about a decision, before it is carried out.
    fn check(&self, event: &Event) {
        let find = |entry: &Arc<str>| self.outline.find(entry).unwrap();
        match event {
            Event::Started { entry, .. } => {
                let at = find(entry);
                assert!(self.world.at_work.len() < self.limits.jobs, "more at once than allowed");
                assert!(!self.is_at_work(at), "{entry} runs twice at once");
                for other in self.needs[at].iter().copied() {
                    let ended = match self.course.entry(other).state {
                        StepState::Done | StepState::Skipped => true,
                        StepState::Failed => self.outline.items[other].on_failure == Lead::Continue,
                        _ => false,
                    };
                    assert!(ended, "{entry} started before entry-{other} had ended");
                }
            }
            Event::UndoStarted { entry, part, .. } => {
                let at = find(entry);
                assert!(self.world.at_work.len() < self.limits.jobs, "more at once than allowed");
                assert!(self.world.at_work.iter().all(|(_, undo, _)| *undo), "forward and back");
                let acted = self.course.entry(at).may_have_acted;
                assert!(acted, "{entry} never acted, and is undone");
                assert!(*part < self.outline.items[at].undo.parts());
                for other in self.needed_by[at].iter().copied() {
                    if !self.is_undone_or_idle(other) {
                        panic!("{entry} is undone before entry-{other}, which needs it");
                    }
                }
            }
            _ => {}
        }
    }

    fn is_undone_or_idle(&self, at: usize) -> bool {
        let entry = self.course.entry(at);
        let parts = self.outline.items[at].undo.parts();
        parts == 0
            || entry.settled.is_some()
            || !entry.may_have_acted
            || entry.undone_parts >= parts
    }

    fn is_at_work(&self, at: usize) -> bool {
        self.world.at_work.iter().any(|(other, ..)| *other == at)
    }

    fn ask(&mut self, entry: &EntryId, at: usize, back: bool) {
        let text = if back { "undone by hand?" } else { "really?" }.to_owned();
        let (entry, choices) = (entry.clone(), Vec::new());
        self.record(Event::Asking { entry, question: 0, text, choices, typed: false });
        self.asking.insert((at, back));
    }

    fn perform(&mut self, event: &Event) {
        let ends = self.now.plus(Duration::from_secs(1 + self.random.below(50) as u64));
        match event {
            Event::Started { entry, .. } => {
                let at = self.outline.find(entry).unwrap();
                self.steps += 1;
                if self.asks[at] {
                    self.ask(entry, at, false);
                    return;
                }
                self.world.at_work.push((at, false, ends));
            }
            Event::UndoStarted { entry, .. } => {
                let at = self.outline.find(entry).unwrap();
                self.steps += 1;
                if self.asks[at] {
                    self.ask(entry, at, true);
                    return;
                }
                self.world.at_work.push((at, true, ends));
            }
            _ => {}
        }
    }

    fn somebody_answers(&mut self) {
        let (at, undo) = self.asking.pop_first().expect("something asks");
        let entry = self.outline.id(at);
        let answer =
            Answer { choice: "yes".to_owned(), holds: true, by: "ada".to_owned(), evidence: None };
        self.record(Event::Answered { entry, question: 0, answer });
        self.world.at_work.push((at, undo, self.now));
    }

    fn something_ends(&mut self) {
        let next = (0..self.world.at_work.len())
            .min_by_key(|index| self.world.at_work[*index].2)
            .expect("something is at work");
        let (at, undo, ends) = self.world.at_work.remove(next);
        self.now = self.now.max(ends);
        let event = self.outcome(at, undo);
        self.record(event);
    }

    /// What comes of a step, and what it leaves in the world.
    fn outcome(&mut self, at: usize, undo: bool) -> Event {
        let entry = self.outline.id(at);
        let fails = self.random.once_in(self.luck);
        if undo {
            let part = self.course.entry(at).undone_parts;
            if fails {
                let failure = Failure::new(FailureKind::Exit, "exit status 1");
                return Event::UndoFailed {
                    retry_at: self.course.undo_retry(at, &failure, self.now),
                    failure,
                    entry,
                    part,
                };
            }
            if part + 1 == self.outline.items[at].undo.parts() {
                self.world.there[at] = None;
            }
            return Event::UndoDone { entry, part };
        }
        if !fails {
            let again = self.world.there[at].replace(0).is_some();
            let attempts = self.course.entry(at).attempt;
            assert!(!again || attempts > 1, "{entry} was done twice");
            return Event::Done { entry, outputs: Outputs::new() };
        }
        // What failed may have acted all the same.
        let acts = self.random.once_in(2);
        if acts {
            self.world.there[at] = Some(0);
        }
        let kinds = [FailureKind::Exit, FailureKind::TimedOut, FailureKind::NotMeasured];
        let kind = if self.random.once_in(15) {
            FailureKind::Declined
        } else {
            kinds[self.random.below(kinds.len())]
        };
        let untouched = !acts && self.random.once_in(2);
        let failure = Failure { untouched, ..Failure::new(kind, "it failed") };
        let then = self.course.then(at, &failure, self.now, self.limits.attended);
        if let Then::RetryAt(moment) = &then {
            assert!(*moment >= self.now);
        }
        Event::Failed { entry, failure, then }
    }

    /// The engine dies. What runs may finish under its keeper, or be lost with the machine.
    fn crash(&mut self) {
        self.crashes += 1;
        let cut = self.journal.len();
        let mut replayed = Course::new(self.outline.clone());
        for (event, at) in &self.journal[..cut] {
            replayed.apply(event, *at).unwrap();
        }
        assert!(replayed == self.course, "the journal tells another story");
        self.course = replayed;
        if self.course.state().is_ending() {
            return;
        }
        self.asking.clear();
        if self.course.state() != RunState::Paused {
            self.record(Event::Resumed { by: "ada".to_owned() });
        }
        for (at, undo, _) in std::mem::take(&mut self.world.at_work) {
            let entry = self.outline.id(at);
            if self.random.once_in(2) {
                let event = self.outcome(at, undo);
                self.record(event);
                continue;
            }
            let acted = self.random.once_in(2);
            if undo {
                let part = self.course.entry(at).undone_parts;
                self.record(Event::UndoInterrupted {
                    entry,
                    part,
                    why: None,
                    unasked: false,
                    retry_at: None,
                });
                continue;
            }
            if acted {
                self.world.there[at] = Some(0);
            }
            self.record(Event::Interrupted { entry: entry.clone(), why: None });
            let how = "looked".to_owned();
            match (self.random.below(3), self.outline.items[at].after_crash) {
                (0, _) if acted => {
                    self.record(Event::FoundDone { entry, how, outputs: Outputs::new() });
                }
                (0, _) => self.record(Event::FoundUndone { entry, how, partly: false }),
                (_, AfterCrash::Rerun) => {
                    // To run it again does no harm; whether it is there nobody knows.
                    self.record(Event::FoundUndone { entry, how, partly: true });
                }
                (_, AfterCrash::Rollback) => {
                    let failure = Failure::new(FailureKind::InDoubt, "nobody can tell");
                    self.record(Event::Failed { entry, failure, then: Then::Rollback });
                }
                (_, AfterCrash::Ask) => {}
            }
        }
    }

    fn a_person_acts(&mut self) {
        let by = "ada".to_owned();
        let ids = |course: &Course, state: StepState| {
            let all = course.entries().iter().enumerate();
            all.filter(|(_, entry)| entry.state == state).map(|(at, _)| at).collect::<Vec<_>>()
        };
        match self.random.below(3) {
            0 => {
                for at in ids(&self.course, StepState::Interrupted) {
                    let entry = self.outline.id(at);
                    let how = "ada looked".to_owned();
                    self.record(Event::FoundUndone { entry, how, partly: true });
                }
                for at in ids(&self.course, StepState::RollbackFailed) {
                    let entry = self.outline.id(at);
                    let why = "done by hand".to_owned();
                    self.world.there[at] = None;
                    self.record(Event::UndoSettled { entry, by: by.clone(), why });
                }
                self.record(Event::Resumed { by });
            }
            1 => {
                for at in ids(&self.course, StepState::Failed) {
                    let entry = self.outline.id(at);
                    let why = "not needed tonight".to_owned();
                    if self.outline.items[at].on_failure != Lead::Continue {
                        self.record(Event::Skipped { entry, why, by: Some(by.clone()) });
                    }
                }
                self.record(Event::Resumed { by });
            }
            _ => {
                let past_irreversible = self.random.once_in(2);
                self.record(Event::RollbackBegan {
                    why: "ada asked for it".to_owned(),
                    to: None,
                    past_irreversible,
                    by: Some(by),
                });
            }
        }
    }

    /// Promises about the end.
    fn ended(&mut self, ending: RunState) -> String {
        assert!(self.world.at_work.is_empty(), "ended while something runs");
        match ending {
            RunState::Succeeded => {
                for entry in self.course.entries() {
                    assert!(matches!(
                        entry.state,
                        StepState::Done | StepState::Skipped | StepState::Failed
                    ));
                }
            }
            RunState::RolledBack => {
                for (at, there) in self.world.there.iter().enumerate() {
                    let left =
                        there.is_some() && !matches!(self.outline.items[at].undo, Undo::Nothing);
                    assert!(!left, "entry-{at} is still there after a complete rollback");
                }
            }
            _ => {}
        }
        let word = ending.word().to_owned();
        if self.crashes > 0 && ending == RunState::Succeeded && self.random.once_in(2) {
            return "crashed and resumed".to_owned();
        }
        word
    }
}

fn needs(outline: &Outline, at: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    outline.up_to(outline.point[at], |point| {
        if let Mark::Entry(other) = outline.net.marks[point as usize]
            && other != at
        {
            found.insert(other);
        }
        seen.insert(point)
    });
    found
}
