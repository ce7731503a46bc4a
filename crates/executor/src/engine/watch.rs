//! What a phase is watched by: checks that are asked all through it. One that trips fails the phase.

use std::collections::BTreeMap;

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::*;
use crate::checks::{self, Looked};

/// How often a watch is looked at that says nothing itself.
const EVERY: Duration = Duration::from_secs(10);

/// The watches that are looked at now, by phase.
#[derive(Default)]
pub(super) struct Watches(BTreeMap<usize, Vec<AbortHandle>>);

impl Watches {
    fn stop(&mut self, phase: usize) {
        for watch in self.0.remove(&phase).unwrap_or_default() {
            watch.abort();
        }
    }
}

impl<S: Store> Engine<S> {
    /// Begins the watches of a phase with its first entry, and ends them with its last.
    pub(super) fn watch(&mut self) {
        let forward = self.course.state() == RunState::Running;
        let active: Vec<usize> = self.watches.0.keys().copied().collect();
        for phase in active {
            if !forward || self.has_ended(phase) {
                self.watches.stop(phase);
            }
        }
        if !forward {
            return;
        }
        let running: Vec<usize> = self.course.running().collect();
        for at in running {
            let phase = self.course.outline.items[at].phase;
            let watched = &self.world.plan.plan.phases[phase].watch;
            if watched.is_empty() || self.watches.0.contains_key(&phase) {
                continue;
            }
            let handles = (0..watched.len()).map(|number| {
                let (world, outcomes) = (self.world.clone(), self.outcomes.clone());
                let looking = look(world, phase, number, outcomes);
                tokio::task::spawn_local(looking).abort_handle()
            });
            let handles = handles.collect();
            self.watches.0.insert(phase, handles);
        }
    }

    fn has_ended(&self, phase: usize) -> bool {
        let entries = self.world.plan.plan.phases[phase].entries.clone();
        entries.into_iter().all(|at| {
            matches!(
                self.course.entry(at).state,
                StepState::Done | StepState::Skipped | StepState::Failed
            )
        })
    }

    pub(super) fn tripped(&mut self, phase: usize, failure: Failure) -> Result<(), Illegal> {
        if self.course.state() != RunState::Running || !self.watches.0.contains_key(&phase) {
            return Ok(());
        }
        self.watches.stop(phase);
        // Remembered as tripped: it does not begin anew while others of the phase still run.
        self.watches.0.insert(phase, Vec::new());
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
