//! How long a plan takes, on paper: bounds, chances, the critical path, and whether the way there
//! and back from every checkpoint fits the window. Knows no clock and no history.

pub mod back;
pub mod chances;
pub mod findings;
mod known;
pub mod own;
mod promise;
mod schedule;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use back::WayBack;
pub use chances::{Chances, Percentiles};
pub use own::{EntryTime, People, Undo};
pub use promise::Mismatch;

use crate::graph::CompiledPlan;
use crate::graph::net::Mark;
use crate::model::action::Action;
use crate::notation::Range;
use crate::resolve::{EntryOf, Plan, What};
use back::{Terrain, nanos};
use known::Known;
use schedule::{Nanos, Schedule};

/// How many steps run at once where the plan does not say.
pub const JOBS: usize = 4;

/// Everything about time that can be said before a run.
#[derive(Debug)]
pub struct Estimates {
    pub bounds: Bounds,
    pub chances: Chances,
}

/// What holds for certain if the estimates do.
#[derive(Debug)]
pub struct Bounds {
    /// How many steps run at once.
    pub jobs: usize,
    pub entries: Vec<EntryTime>,
    pub phases: Vec<PhaseTime>,
    /// Along the critical path; waiting for people is not in it.
    pub total: Range,
    /// What the worst case hangs on, first one first; the times add up to the total.
    pub critical: Vec<Stop>,
    /// Entries of which nobody said how long they take.
    pub without: Vec<usize>,
    /// Where a phase has `maintenance: true`.
    pub window: Option<WindowTime>,
    pub checkpoints: Vec<CheckpointTime>,
    /// Phases that are looked at for a time of their own: the run lasts until the last of them is over.
    pub watched: Vec<Watched>,
    /// Declared times that are not what the steps add up to.
    pub mismatches: Vec<Mismatch>,
    schedule: Schedule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseTime {
    pub takes: Range,
    /// From the start of the plan to that of the phase, at worst.
    pub starts: Duration,
    /// The phase's own estimate, where something in it says nothing: the phase takes that long at
    /// least, or as long as the steps that do say something.
    pub spoken_for: Option<Range>,
    /// It lies between the opening of the window and the end of the last phase inside.
    pub in_window: bool,
    /// Entries without an estimate that the phase does not speak for either: not counted.
    pub uncounted: usize,
}

/// What takes time on the critical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Entry(usize),
    /// A phase whose own estimate speaks for its steps.
    Phase(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    pub place: Place,
    pub starts: Duration,
    pub takes: Duration,
    /// It waits for the one before only because no more may run at once.
    pub queued: bool,
}

/// The part of the plan for which users are out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowTime {
    /// `None` where the plan has no window, or one whose length only the run knows.
    pub length: Option<Duration>,
    /// From the first phase inside to the last; what stands between takes its time too.
    pub phases: RangeInclusive<usize>,
    pub inside: Range,
    /// From the end of the last phase inside.
    pub way_back: WayBack,
    /// What is left of the window after the worst case and the way back.
    pub slack: Option<Slack>,
    /// After the opening: later than this, the way back from the end does not fit any more.
    pub turn_back_by: Option<Duration>,
}

/// A phase with `watch: [{ for: 24h }]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    pub phase: usize,
    /// From the beginning of the phase.
    pub lasts: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slack {
    Left(Duration),
    /// It does not fit, by this much.
    Over(Duration),
}

impl Slack {
    fn of(length: Duration, needed: Duration) -> Slack {
        match length.checked_sub(needed) {
            Some(left) => Slack::Left(left),
            None => Slack::Over(needed - length),
        }
    }
}

/// Where something lies, as the window sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Before,
    Inside,
    After,
}

/// A checkpoint: the way there, the check, and the way back from it, each at worst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointTime {
    pub entry: usize,
    /// `None` where no phase has `maintenance: true`.
    pub side: Option<Side>,
    /// From the start of the plan.
    pub reached: Duration,
    /// From the opening of the window; only what runs inside counts.
    pub there: Duration,
    pub check: Duration,
    pub back: WayBack,
    /// Entries on the way there that could not be counted.
    pub uncounted: usize,
    /// `None` before the opening, where turning back keeps nobody out, and without a window.
    pub slack: Option<Slack>,
    /// After the opening: the latest moment at which the way back from here still fits.
    pub turn_back_by: Option<Duration>,
}

/// Bounds and chances. The plan is played through a bounded number of times.
pub fn estimate(plan: &CompiledPlan) -> Estimates {
    let bounds = bounds(plan);
    let chances = chances::chances(&bounds);
    Estimates { bounds, chances }
}

/// What each entry takes, and what undoing it takes: no more than running a plan asks for.
pub fn of_entries(compiled: &CompiledPlan) -> Vec<EntryTime> {
    let known = Known::new(&compiled.plan);
    compiled.plan.entries.iter().map(|entry| EntryTime::of(entry, &known)).collect()
}

/// The bounds alone: one pass over the plan, as rules want it.
pub fn bounds(compiled: &CompiledPlan) -> Bounds {
    let plan = &compiled.plan;
    let known = Known::new(plan);
    let entries: Vec<_> = plan.entries.iter().map(|entry| EntryTime::of(entry, &known)).collect();
    let jobs = plan.file.jobs.as_ref().and_then(|jobs| known.count(jobs, 0));
    let jobs = jobs.and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or(JOBS).max(1);
    let inside = inside(plan);
    let phases = phases(plan, &entries, inside.as_ref());

    let net = compiled.net();
    let range = |mark: &Mark| range_of(*mark, &entries, &phases);
    let worst: Vec<Nanos> = net.marks.iter().map(|mark| nanos(range(mark).worst)).collect();
    let needs_place = |mark| matches!(mark, Mark::Entry(at) if is_job(&plan.entries[at]));
    let schedule = Schedule::lay_out(&net, &worst, needs_place, jobs);
    let marks = &schedule.net.marks;
    let best: Vec<Nanos> = marks.iter().map(|mark| nanos(range(mark).best)).collect();
    let worst: Vec<Nanos> = marks.iter().map(|mark| nanos(range(mark).worst)).collect();
    let (mut best_ends, mut worst_ends) = (Vec::new(), Vec::new());
    schedule.ends(&best, &mut best_ends);
    schedule.ends(&worst, &mut worst_ends);
    let critical = stops(&schedule, &worst, &worst_ends);

    let phase_worst: Vec<_> =
        phases.iter().map(|phase| phase.spoken_for.map(|range| nanos(range.worst))).collect();
    let terrain =
        Terrain { plan, schedule: &schedule, entries: &entries, phase_worst: &phase_worst };
    let ways_back = terrain.ways_back();
    let mut bounds = Bounds {
        jobs,
        without: (0..entries.len()).filter(|at| entries[*at].run.is_none()).collect(),
        entries,
        phases,
        total: Range::default(),
        critical,
        window: None,
        checkpoints: Vec::new(),
        watched: watched(plan, &known),
        mismatches: Vec::new(),
        schedule,
    };
    bounds.add_up(&best_ends, &worst_ends);
    bounds.hold_against_window(plan, &known, inside, &ways_back);
    bounds.checkpoints = bounds.checkpoints(plan, &worst_ends, &ways_back);
    bounds.mismatches = promise::mismatches(plan, &bounds);
    bounds
}

/// The longest time of each phase that has one.
fn watched(plan: &Plan, known: &Known<'_>) -> Vec<Watched> {
    let one = |(phase, of): (usize, &crate::resolve::PhaseOf)| {
        let times = of.watch.iter().filter_map(|check| check.common().lasting.as_ref());
        let lasts = times.filter_map(|time| known.time(time, of.scope)).max()?;
        Some(Watched { phase, lasts })
    };
    plan.phases.iter().enumerate().filter_map(one).collect()
}

/// What a point of the order takes.
fn range_of(mark: Mark, entries: &[EntryTime], phases: &[PhaseTime]) -> Range {
    match mark {
        Mark::Entry(at) => entries[at].run.unwrap_or_default(),
        Mark::Throughout(phase) => phases[phase].spoken_for.unwrap_or_default(),
        Mark::PhaseStart(_) | Mark::PhaseEnd(_) => Range::default(),
    }
}

/// People and gates take no place among those that run at once.
fn is_job(entry: &EntryOf) -> bool {
    match &entry.what {
        What::Step(step) => !matches!(step.actions.iter().next(), Some(Action::Manual(_))),
        What::Checkpoint(_) => false,
    }
}

/// The phases from the opening of the window on to the last that must lie inside.
fn inside(plan: &Plan) -> Option<RangeInclusive<usize>> {
    let mut phases = plan.maintenance_phases().map(|(at, _)| at);
    let first = phases.next()?;
    Some(first..=phases.last().unwrap_or(first))
}

/// What is known of the phases before anything is added up.
fn phases(
    plan: &Plan,
    entries: &[EntryTime],
    inside: Option<&RangeInclusive<usize>>,
) -> Vec<PhaseTime> {
    let one = |(at, phase): (usize, &crate::resolve::PhaseOf)| {
        let entries = &entries[phase.entries.clone()];
        let silent = entries.iter().any(EntryTime::is_silent);
        let says = |entry: &EntryTime| entry.run.is_some_and(|run| !run.worst.is_zero());
        let none_says = !entries.is_empty() && !entries.iter().any(says);
        let spoken_for = phase.estimate.as_ref().filter(|_| silent || none_says).map(own::written);
        let uncounted = entries.iter().filter(|entry| entry.run.is_none()).count();
        PhaseTime {
            takes: Range::default(),
            starts: Duration::ZERO,
            spoken_for,
            in_window: inside.is_some_and(|inside| inside.contains(&at)),
            uncounted: if spoken_for.is_some() { 0 } else { uncounted },
        }
    };
    plan.phases.iter().enumerate().map(one).collect()
}

fn stops(schedule: &Schedule, worst: &[Nanos], ends: &[Nanos]) -> Vec<Stop> {
    let path = schedule.critical_path(worst, ends);
    let stop = |(before, node): (Option<u32>, u32)| {
        let at = node as usize;
        let place = match schedule.net.marks[at] {
            Mark::Entry(entry) => Place::Entry(entry),
            Mark::Throughout(phase) => Place::Phase(phase),
            Mark::PhaseStart(_) | Mark::PhaseEnd(_) => return None,
        };
        Some(Stop {
            place,
            starts: Duration::from_nanos(ends[at].saturating_sub(worst[at])),
            takes: Duration::from_nanos(worst[at]),
            queued: before.is_some() && schedule.queued_behind[at] == before,
        })
    };
    let before = std::iter::once(None).chain(path.iter().copied().map(Some));
    before.zip(path.iter().copied()).filter_map(stop).collect()
}

impl Bounds {
    fn add_up(&mut self, best: &[Nanos], worst: &[Nanos]) {
        let time = Duration::from_nanos;
        for (at, phase) in self.phases.iter_mut().enumerate() {
            phase.starts = time(worst[self.schedule.phase_start[at] as usize]);
            phase.takes = Range {
                best: time(self.schedule.phase_takes(at, best)),
                worst: time(self.schedule.phase_takes(at, worst)),
            };
        }
        if let Some(end) = self.schedule.phase_end.last() {
            self.total =
                Range { best: time(best[*end as usize]), worst: time(worst[*end as usize]) };
        }
    }

    fn hold_against_window(
        &mut self,
        plan: &Plan,
        known: &Known<'_>,
        inside: Option<RangeInclusive<usize>>,
        ways_back: &[WayBack],
    ) {
        let Some(phases) = inside else { return };
        let length = plan.window.as_ref().and_then(|window| known.time(&window.lasts, 0));
        let inside = self.phases[phases.clone()].iter().map(|phase| phase.takes);
        let inside = inside.fold(Range::default(), |sum, takes| sum + takes);
        let way_back = ways_back[plan.phases[*phases.end()].entries.end];
        let needed = inside.worst.saturating_add(way_back.takes);
        self.window = Some(WindowTime {
            length,
            phases,
            inside,
            way_back,
            slack: length.map(|length| Slack::of(length, needed)),
            turn_back_by: length.and_then(|length| length.checked_sub(way_back.takes)),
        });
    }

    fn checkpoints(
        &self,
        plan: &Plan,
        ends: &[Nanos],
        ways_back: &[WayBack],
    ) -> Vec<CheckpointTime> {
        let mut found = Vec::new();
        // Up to here, inside the window if there is one, nobody knows how long these take.
        let mut uncounted = 0;
        for (at, phase) in plan.phases.iter().enumerate() {
            let time = &self.phases[at];
            // A phase may speak for entries of which each is known to take no time: then for all.
            let mut silent = !self.entries[phase.entries.clone()].iter().any(EntryTime::is_silent);
            for entry in phase.entries.clone() {
                if plan.entries[entry].checkpoint().is_some() {
                    let end = Duration::from_nanos(ends[self.schedule.entry_at[entry] as usize]);
                    let check = self.entries[entry].run.unwrap_or_default().worst;
                    let mut reached = end.saturating_sub(check);
                    if let Some(range) = time.spoken_for.filter(|_| silent) {
                        // The phase's estimate holds the check too.
                        let end = time.starts.saturating_add(range.worst);
                        reached = reached.max(end.saturating_sub(check));
                    }
                    found.push(self.checkpoint(entry, at, reached, ways_back[entry], uncounted));
                }
                silent |= self.entries[entry].is_silent();
                let counts = time.in_window || self.window.is_none();
                let counts = counts && time.spoken_for.is_none();
                uncounted += usize::from(counts && self.entries[entry].run.is_none());
            }
        }
        found
    }

    fn checkpoint(
        &self,
        entry: usize,
        phase: usize,
        reached: Duration,
        back: WayBack,
        uncounted: usize,
    ) -> CheckpointTime {
        let check = self.entries[entry].run.unwrap_or_default().worst;
        let mut time = CheckpointTime {
            entry,
            side: None,
            reached,
            there: Duration::ZERO,
            check,
            back,
            uncounted,
            slack: None,
            turn_back_by: None,
        };
        let Some(window) = &self.window else { return time };
        let opens = self.phases[*window.phases.start()].starts;
        let (side, there, check) = if phase < *window.phases.start() {
            (Side::Before, Duration::ZERO, Duration::ZERO)
        } else if phase <= *window.phases.end() {
            (Side::Inside, reached.saturating_sub(opens), check)
        } else {
            (Side::After, window.inside.worst, Duration::ZERO)
        };
        time.side = Some(side);
        time.there = there;
        if let Some(length) = window.length.filter(|_| side != Side::Before) {
            let needed = there.saturating_add(check).saturating_add(back.takes);
            time.slack = Some(Slack::of(length, needed));
            time.turn_back_by = length.checked_sub(back.takes);
        }
        time
    }
}

#[cfg(test)]
mod tests;
