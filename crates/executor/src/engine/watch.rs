//! What a phase is watched by: checks that are asked all through it. One that trips fails the phase.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::*;
use crate::checks::{self, Looked};

/// How often a watch is looked at that says nothing itself.
const EVERY: Duration = Duration::from_secs(10);

/// The watches that are looked at now, by phase and place in it.
#[derive(Default)]
pub(super) struct Watches {
    looking: BTreeMap<(usize, usize), AbortHandle>,
    /// One of its tripped: none of them begins anew while others of the phase still run.
    tripped: BTreeSet<usize>,
    /// Of phases with watches: where they are. Found once, and then kept up.
    phases: Option<BTreeMap<usize, Stands>>,
}

#[derive(Default)]
struct Stands {
    began: Option<Moment>,
    /// How many of its entries have ended, from its first on.
    ended: usize,
}

impl Watches {
    fn stop(&mut self, ends: impl Fn(usize, usize) -> bool) {
        self.looking.retain(|(phase, number), handle| {
            let ends = ends(*phase, *number);
            if ends {
                handle.abort();
            }
            !ends
        });
    }
}

impl<S: Store> Engine<S> {
    /// Before anything is decided: a run that was taken up may have nothing left to do but look on.
    pub(super) fn watch_first(&mut self) {
        if self.watches.phases.is_none() {
            self.watch();
        }
    }

    /// Begins the watches of a phase with its first entry, and ends them with its last; those with a time
    /// of their own (`for`) when that is over, also behind the phase.
    pub(super) fn watch(&mut self) {
        let mut watches = std::mem::take(&mut self.watches);
        if self.course.state() != RunState::Running {
            watches.stop(|_, _| true);
            return;
        }
        self.keep_up(watches.phases.get_or_insert_with(|| self.all_phases()));
        let stands = watches.phases.take().unwrap_or_default();
        watches.stop(|phase, number| !self.is_due(&stands, phase, number));
        for phase in stands.keys().copied().filter(|phase| !watches.tripped.contains(phase)) {
            for number in 0..self.world.plan.plan.phases[phase].watch.len() {
                let is_new = !watches.looking.contains_key(&(phase, number));
                if is_new && self.is_due(&stands, phase, number) {
                    let (world, outcomes) = (self.world.clone(), self.outcomes.clone());
                    let looking = look(world, phase, number, outcomes);
                    let handle = tokio::task::spawn_local(looking).abort_handle();
                    watches.looking.insert((phase, number), handle);
                }
            }
        }
        watches.phases = Some(stands);
        self.watches = watches;
    }

    fn all_phases(&self) -> BTreeMap<usize, Stands> {
        let phases = self.world.plan.plan.phases.iter().enumerate();
        let watched = phases.filter(|(_, phase)| !phase.watch.is_empty());
        watched
            .map(|(at, phase)| {
                let began =
                    phase.entries.clone().filter_map(|at| self.course.entry(at).started).min();
                (at, Stands { began, ended: 0 })
            })
            .collect()
    }

    fn keep_up(&self, phases: &mut BTreeMap<usize, Stands>) {
        for at in self.course.running() {
            let phase = self.course.outline.items[at].phase;
            if let Some(stands) = phases.get_mut(&phase)
                && stands.began.is_none()
            {
                stands.began = self.course.entry(at).started;
            }
        }
        for (phase, stands) in phases {
            let entries = self.world.plan.plan.phases[*phase].entries.clone();
            let has_ended = |at: usize| {
                let state = self.course.entry(at).state;
                matches!(state, StepState::Done | StepState::Skipped | StepState::Failed)
            };
            let more = entries.skip(stands.ended).take_while(|at| has_ended(*at));
            stands.ended += more.count();
        }
    }

    /// Whether it is looked at now.
    fn is_due(&self, phases: &BTreeMap<usize, Stands>, phase: usize, number: usize) -> bool {
        let Some(stands) = phases.get(&phase) else { return false };
        let Some(began) = stands.began else { return false };
        match self.lasts(phase, number) {
            Some(lasts) => self.world.clock.now() < began.plus(lasts),
            None => stands.ended < self.world.plan.plan.phases[phase].entries.len(),
        }
    }

    /// The time of a watch that has one of its own.
    fn lasts(&self, phase: usize, number: usize) -> Option<Duration> {
        let watched = &self.world.plan.plan.phases[phase];
        let fill = self.world.filler(watched.entries.clone().next(), None);
        fill.optional_time(watched.watch[number].common().lasting.as_ref()).ok()?
    }

    /// Until when somebody looks on, when all else is done.
    pub(super) fn looked_on_until(&self) -> Option<Moment> {
        let phases = self.watches.phases.iter().flatten();
        let last = phases.filter_map(|(phase, stands)| {
            let lasts = 0..self.world.plan.plan.phases[*phase].watch.len();
            let longest = lasts.filter_map(|number| self.lasts(*phase, number)).max()?;
            Some(stands.began?.plus(longest))
        });
        last.max().filter(|last| self.world.clock.now() < *last)
    }

    pub(super) fn tripped(&mut self, phase: usize, failure: Failure) -> Result<(), Illegal> {
        // One whose time is over is no reason any more.
        self.watch();
        let is_looking = self.watches.looking.keys().any(|(one, _)| *one == phase);
        if self.course.state() != RunState::Running || !is_looking {
            return Ok(());
        }
        self.watches.stop(|one, _| one == phase);
        self.watches.tripped.insert(phase);
        let asks = failure.kind == FailureKind::NotMeasured && self.limits.attended;
        let then = if asks { Then::Pause } else { Then::Rollback };
        let failure = self.world.covered(failure);
        let phase = self.world.plan.plan.phases[phase].id.as_str().into();
        self.note(Event::Tripped { phase, failure, then })
    }
}

/// Looks until it trips: more often than it tolerates, one after the other.
async fn look(
    world: Rc<World>,
    phase: usize,
    number: usize,
    outcomes: mpsc::UnboundedSender<Outcome>,
) {
    let of = world.plan.plan.phases[phase].entries.clone().next();
    let check = &world.plan.plan.phases[phase].watch[number];
    let fill = world.filler(of, None);
    let common = check.common();
    let every = common.every.as_ref().and_then(|every| fill.time(every).ok()).unwrap_or(EVERY);
    let tolerate = common.tolerate.as_ref().and_then(|count| fill.count(count).ok()).unwrap_or(0);
    let id = format!("watch-{}-{}.{}", phase + 1, number + 1, world.keepers_before);
    let job = Job::new(world.clone(), of, id);
    let mut failed = 0;
    loop {
        let looked = checks::look(&job, check, number).await;
        let (kind, text) = match looked {
            Looked::Holds(_) => {
                failed = 0;
                sleep(every).await;
                continue;
            }
            Looked::Fails(text) | Looked::Declined(text) => (FailureKind::Tripped, text),
            Looked::Unmeasured(text) => {
                (FailureKind::NotMeasured, format!("could not be measured: {text}"))
            }
        };
        failed += 1;
        if failed > tolerate {
            let line = plan_model::model::check::line(check);
            let line = fill.text(&line).unwrap_or(line);
            let failure = Failure::new(kind, format!("{}: {text}", line.trim_end()));
            let _ = outcomes.send(Outcome::Tripped { phase, failure });
            return;
        }
        sleep(every).await;
    }
}
