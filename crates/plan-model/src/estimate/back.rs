//! The way back from any place of the file: every step above it that may have run is undone,
//! none before what depends on it, and none that an irreversible step has locked in.

use std::collections::BinaryHeap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::own::{EntryTime, Undo};
use super::schedule::{Nanos, Schedule};
use crate::graph::net::Mark;
use crate::resolve::Plan;

/// The way back from one place, at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WayBack {
    pub takes: Duration,
    /// The irreversible step that it ends at; without one it leads to the start.
    pub only_to: Option<usize>,
    /// Steps whose way back is assumed to take as long as they do.
    pub assumed: usize,
    /// Steps of which nobody said how long their way back takes: not counted.
    pub unknown: usize,
    /// Steps that people undo: their time is not counted.
    pub by_hand: usize,
}

/// What the way back is computed from.
pub struct Terrain<'e> {
    pub plan: &'e Plan,
    pub schedule: &'e Schedule,
    pub entries: &'e [EntryTime],
    /// Worst case of each phase that speaks for its silent steps.
    pub phase_worst: &'e [Option<Nanos>],
}

impl Terrain<'_> {
    /// The way back from above each entry, and at last from the end.
    ///
    /// What has run at a checkpoint are entries above it in the file: the gate holds back all
    /// that stands below. So one pass down the file is enough for all checkpoints.
    pub fn ways_back(&self) -> Vec<WayBack> {
        let locks = self.locks();
        let chains = self.chains(&locks);
        let mut locked: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        for at in 0..self.entries.len() {
            if locks[self.node(at)] != usize::MAX {
                locked.entry(locks[self.node(at)]).or_default().push(at);
            }
        }
        let mut longest: BinaryHeap<(Nanos, usize)> = BinaryHeap::new();
        let mut now = WayBack::default();
        // One after the other is always possible: a chain that a place was waited for in may pass
        // through what has not run yet, and is no longer than this.
        let mut serial: u128 = 0;
        let mut phase_counted = vec![false; self.phase_worst.len()];
        let mut ways = Vec::with_capacity(self.entries.len() + 1);
        for (at, entry) in self.entries.iter().enumerate() {
            ways.push(now);
            if entry.undo == Undo::Nothing {
                continue;
            }
            if entry.undo == Undo::Impossible {
                now.only_to = Some(at);
                let stay = locked.remove(&at).unwrap_or_default();
                stay.into_iter().filter(|stays| *stays < at).for_each(|stays| {
                    let tally = self.tally(stays);
                    serial -= tally.takes.as_nanos();
                    now.assumed -= tally.assumed;
                    now.unknown -= tally.unknown;
                    now.by_hand -= tally.by_hand;
                });
            }
            if locks[self.node(at)] > at {
                let tally = self.tally(at);
                serial += tally.takes.as_nanos();
                now.assumed += tally.assumed;
                now.unknown += tally.unknown;
                now.by_hand += tally.by_hand;
            }
            let phase = self.plan.entries[at].phase;
            if entry.undo == Undo::Unknown && !std::mem::replace(&mut phase_counted[phase], true) {
                serial += u128::from(self.phase_worst[phase].unwrap_or(0));
            }
            longest.push((chains[at], at));
            let is_locked = |at: usize, now: usize| locks[self.node(at)] <= now;
            while longest.peek().is_some_and(|(_, first)| is_locked(*first, at)) {
                longest.pop();
            }
            let chain = longest.peek().map_or(0, |(chain, _)| *chain);
            now.takes =
                Duration::from_nanos(chain.min(Nanos::try_from(serial).unwrap_or(Nanos::MAX)));
        }
        ways.push(now);
        ways
    }

    /// What one entry adds to the numbers of a way back.
    fn tally(&self, at: usize) -> WayBack {
        let entry = &self.entries[at];
        let covered = self.phase_worst[self.plan.entries[at].phase].is_some();
        let unknown = entry.undo == Undo::Unknown;
        WayBack {
            takes: entry.undo.takes(),
            assumed: usize::from(matches!(entry.undo, Undo::Assumed(_)) || unknown && covered),
            unknown: usize::from(unknown && !covered),
            by_hand: usize::from(entry.undone_by_people),
            ..WayBack::default()
        }
    }

    fn node(&self, entry: usize) -> usize {
        self.schedule.entry_at[entry] as usize
    }

    /// For each point the first irreversible entry that comes after it, or is it: once that has
    /// run, the point stays as it is. Each point is visited once.
    fn locks(&self) -> Vec<usize> {
        let mut locks = vec![usize::MAX; self.schedule.net.len()];
        let mut todo = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.undo != Undo::Impossible {
                continue;
            }
            todo.push(self.node(at));
            while let Some(node) = todo.pop() {
                if locks[node] == usize::MAX {
                    locks[node] = at;
                    todo.extend(self.schedule.needs(node).iter().map(|other| *other as usize));
                }
            }
        }
        locks
    }

    /// For each entry the longest chain of undoing from it back to the start, or back to what is
    /// locked by then.
    fn chains(&self, locks: &[usize]) -> Vec<Nanos> {
        let marks = &self.schedule.net.marks;
        let mut undone = vec![false; self.phase_worst.len()];
        for (entry, time) in self.plan.entries.iter().zip(self.entries) {
            undone[entry.phase] |= time.undo == Undo::Unknown;
        }
        let mut at: Vec<Nanos> = Vec::with_capacity(marks.len());
        let mut chains = vec![0; self.entries.len()];
        for (node, mark) in marks.iter().enumerate() {
            let here = self.file_place(*mark);
            let open = |other: &usize| locks[*other] >= here;
            let before = self.schedule.net.before.get(node).iter().map(|other| *other as usize);
            let rest: Nanos = before.filter(open).map(|other| at[other]).max().unwrap_or(0);
            at.push(match mark {
                Mark::Entry(entry) => {
                    let undo = self.entries[*entry].undo;
                    let chain = if undo == Undo::Impossible {
                        0
                    } else {
                        rest.saturating_add(nanos(undo.takes()))
                    };
                    chains[*entry] = chain;
                    if undo == Undo::Unknown {
                        let phase = self.plan.entries[*entry].phase;
                        let start = self.schedule.phase_start[phase] as usize;
                        let rest = if open(&start) { at[start] } else { 0 };
                        let whole = rest.saturating_add(self.phase_worst[phase].unwrap_or(0));
                        chains[*entry] = chain.max(whole);
                    }
                    chain
                }
                // The phase's own estimate stands for the way back only where a step needs it.
                Mark::Throughout(phase) if undone[*phase] => {
                    rest.saturating_add(self.phase_worst[*phase].unwrap_or(0))
                }
                Mark::Throughout(_) | Mark::PhaseStart(_) | Mark::PhaseEnd(_) => rest,
            });
        }
        chains
    }

    /// Above which entry of the file a point stands.
    fn file_place(&self, mark: Mark) -> usize {
        match mark {
            Mark::Entry(entry) => entry,
            Mark::PhaseStart(phase) | Mark::Throughout(phase) => {
                self.plan.phases[phase].entries.start
            }
            Mark::PhaseEnd(phase) => self.plan.phases[phase].entries.end,
        }
    }
}

pub fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}
