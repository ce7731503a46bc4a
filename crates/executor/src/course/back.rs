//! The way back: what is undone, in which order, and how it ends.
//! Reverse order of need; among those that may be undone, the one that started last goes first.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use plan_model::graph::net::Mark;

use super::{Course, Decision, Illegal, Limits};
use crate::clock::Moment;
use crate::event::{Event, Pause};
use crate::outline::Undo;
use crate::state::{RunState, StepChange, StepState};

/// A way back that has begun.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Back {
    /// Only back to this checkpoint.
    to: Option<usize>,
    /// Entries that are undone on this way.
    chosen: Vec<bool>,
    /// Of each point, how many of those that wait for it are not undone yet.
    standing: Vec<u32>,
    ready: BTreeSet<(Reverse<u32>, usize)>,
    later: BTreeSet<(Moment, usize)>,
    pub(super) running: BTreeSet<usize>,
    /// Of those that run: they wait for an answer.
    pub(super) asking: BTreeSet<usize>,
    failed: BTreeSet<usize>,
    /// What would have to be undone, but lies before a step that cannot be.
    kept: Vec<usize>,
}

impl Course {
    pub(super) fn turn_back(&mut self, to: Option<usize>, past_irreversible: bool) {
        let outline = self.outline.clone();
        let mut kept = vec![false; outline.net.len()];
        let mut keep = |at: usize| {
            outline.up_to(outline.point[at], |point| {
                !std::mem::replace(&mut kept[point as usize], true)
            });
        };
        to.into_iter().for_each(&mut keep);
        if !past_irreversible {
            for (at, item) in outline.items.iter().enumerate() {
                if matches!(item.undo, Undo::Irreversible(_)) && self.entries[at].may_have_acted {
                    keep(at);
                }
            }
        }
        let entries = self.entries.len();
        let mut back = Back {
            to,
            chosen: vec![false; entries],
            standing: vec![0; outline.net.len()],
            ready: BTreeSet::new(),
            later: BTreeSet::new(),
            running: BTreeSet::new(),
            asking: BTreeSet::new(),
            failed: BTreeSet::new(),
            kept: Vec::new(),
        };
        for at in (0..entries).filter(|at| self.is_to_be_undone(*at)) {
            // What an earlier way back, a longer one, has begun to undo is not left half undone.
            let is_half = self.entries[at].undone_parts > 0
                || matches!(
                    self.entries[at].state,
                    StepState::RollingBack | StepState::RollbackFailed
                );
            if is_half || !kept[outline.point[at] as usize] {
                back.chosen[at] = true;
            } else if to.is_none() {
                back.kept.push(at);
            }
        }
        for point in (0..outline.net.len()).rev() {
            let is_clear = match outline.net.marks[point] {
                Mark::Entry(at) if back.chosen[at] => {
                    if back.standing[point] == 0 {
                        back.ready.insert((Reverse(self.entries[at].order), at));
                    }
                    false
                }
                _ => back.standing[point] == 0,
            };
            if !is_clear {
                for before in outline.net.before.get(point) {
                    back.standing[*before as usize] += 1;
                }
            }
        }
        self.back = Some(back);
        self.differences = None;
    }

    pub(super) fn undo_started(
        &mut self,
        at: usize,
        part: u32,
        attempt: u32,
        event: &Event,
    ) -> Result<(), Illegal> {
        if part != self.entries[at].undone_parts || self.back.is_none() {
            return Err(self.illegal(at, event));
        }
        // Between two parts, and between two attempts, it has been rolling back all along.
        if self.entries[at].state != StepState::RollingBack {
            self.change(at, StepChange::UndoStarted, event)?;
        }
        let order = self.entries[at].order;
        let back = self.back.as_mut().expect("looked at above");
        back.ready.remove(&(Reverse(order), at));
        if let Some(moment) = self.entries[at].retry_at.take() {
            back.later.remove(&(moment, at));
        }
        back.running.insert(at);
        self.interrupted.remove(&at);
        self.entries[at].undo_attempt = attempt;
        Ok(())
    }

    pub(super) fn undo_done(&mut self, at: usize, part: u32, event: &Event) -> Result<(), Illegal> {
        if part != self.entries[at].undone_parts {
            return Err(self.illegal(at, event));
        }
        let parts = self.outline.items[at].undo.parts();
        let entry = &mut self.entries[at];
        entry.undone_parts += 1;
        entry.undo_before = entry.undo_attempt;
        entry.doubt_no_more();
        let (is_last, order) = (entry.undone_parts >= parts, entry.order);
        if is_last {
            self.change(at, StepChange::Undone, event)?;
        }
        let Some(back) = self.back.as_mut() else { return Ok(()) };
        back.running.remove(&at);
        back.asking.remove(&at);
        if is_last {
            self.clear(at);
        } else {
            back.ready.insert((Reverse(order), at));
        }
        Ok(())
    }

    pub(super) fn undo_failed(
        &mut self,
        at: usize,
        part: u32,
        retry_at: Option<Moment>,
        event: &Event,
    ) -> Result<(), Illegal> {
        if part != self.entries[at].undone_parts {
            return Err(self.illegal(at, event));
        }
        if retry_at.is_none() {
            self.change(at, StepChange::UndoGaveUp, event)?;
        }
        self.entries[at].retry_at = retry_at;
        let Some(back) = self.back.as_mut() else { return Ok(()) };
        back.running.remove(&at);
        back.asking.remove(&at);
        match retry_at {
            Some(moment) => back.later.insert((moment, at)),
            None => back.failed.insert(at),
        };
        Ok(())
    }

    pub(super) fn undo_settled(
        &mut self,
        at: usize,
        why: Arc<str>,
        event: &Event,
    ) -> Result<(), Illegal> {
        self.change(at, StepChange::Undone, event)?;
        self.entries[at].settled = Some(why);
        self.entries[at].doubt_no_more();
        self.entries[at].retry_at = None;
        self.leave_out(at);
        Ok(())
    }

    /// There is nothing to undo of it any more.
    pub(super) fn leave_out(&mut self, at: usize) {
        let point = self.outline.point[at] as usize;
        let order = self.entries[at].order;
        if let Some(back) = self.back.as_mut()
            && std::mem::take(&mut back.chosen[at])
        {
            back.failed.remove(&at);
            back.ready.remove(&(Reverse(order), at));
            back.later.retain(|(_, other)| *other != at);
            // Where something that needs it still stands, its turn comes with that.
            if back.standing[point] == 0 {
                self.clear(at);
            }
        }
    }

    /// Rollback steps that failed are tried again; a way back that had ended goes on.
    pub(super) fn retry_undo(&mut self) {
        let Some(back) = self.back.as_mut() else { return };
        if back.is_over() && (back.to.is_some() || !back.kept.is_empty()) {
            // It had come to where it was to end: from there the run goes forward again.
            self.back = None;
            self.state = RunState::Running;
            self.go_forward_again();
            return;
        }
        // What waited for an answer asks again.
        for at in std::mem::take(&mut back.asking) {
            back.running.remove(&at);
            back.ready.insert((Reverse(self.entries[at].order), at));
        }
        for at in std::mem::take(&mut back.failed) {
            self.entries[at].undo_before = self.entries[at].undo_attempt;
            back.ready.insert((Reverse(self.entries[at].order), at));
        }
    }

    /// An entry stands no longer: what it needed may be undone.
    fn clear(&mut self, at: usize) {
        let outline = self.outline.clone();
        let Some(back) = self.back.as_mut() else { return };
        let mut cleared = vec![outline.point[at]];
        while let Some(point) = cleared.pop() {
            for before in outline.net.before.get(point as usize) {
                let standing = &mut back.standing[*before as usize];
                *standing -= 1;
                if *standing > 0 {
                    continue;
                }
                match outline.net.marks[*before as usize] {
                    Mark::Entry(entry) if back.chosen[entry] => {
                        let order = self.entries[entry].order;
                        back.ready.insert((Reverse(order), entry));
                    }
                    _ => cleared.push(*before),
                }
            }
        }
    }

    pub(super) fn backward(&self, now: Moment, limits: Limits) -> Decision {
        let Some(back) = &self.back else { return Decision::Rest };
        let at_work = back.running.len() - back.asking.len();
        if let Some(by) = &self.pause_asked {
            return match at_work == 0 {
                true => Decision::Record(Event::Paused { why: Pause::Asked { by: by.clone() } }),
                false => Decision::Wait,
            };
        }
        if at_work < limits.jobs {
            let later = back.later.first().filter(|(moment, at)| self.is_due(*moment, *at, now));
            let due = later.map(|(_, at)| *at);
            let next = due.or_else(|| back.ready.first().map(|(_, at)| *at));
            if let Some(at) = next {
                let entry = &self.entries[at];
                return Decision::Record(Event::UndoStarted {
                    entry: self.outline.id(at),
                    part: entry.undone_parts,
                    attempt: entry.undo_attempt + 1,
                });
            }
        }
        if at_work > 0 {
            return Decision::Wait;
        }
        if let Some((moment, _)) = back.later.first() {
            return Decision::WaitUntil(*moment);
        }
        if !back.asking.is_empty() {
            if limits.attended {
                return Decision::Wait;
            }
            let entries = back.asking.iter().map(|at| self.outline.id(*at)).collect();
            return Decision::Record(Event::Paused { why: Pause::Questions { entries } });
        }
        let ending = |ending| Decision::Record(Event::Ended { ending });
        if !back.failed.is_empty() {
            return ending(RunState::Stuck);
        }
        if let Some(to) = back.to {
            let why = Pause::AtCheckpoint { entry: self.outline.id(to) };
            return Decision::Record(Event::Paused { why });
        }
        if !back.kept.is_empty() {
            let cannot = |at: &usize| {
                matches!(self.outline.items[*at].undo, Undo::Irreversible(_))
                    && self.entries[*at].may_have_acted
            };
            let entries = (0..self.entries.len()).filter(cannot);
            let entries = entries.map(|at| self.outline.id(at)).collect();
            return Decision::Record(Event::Paused { why: Pause::AtIrreversible { entries } });
        }
        if self.outline.has_state && self.recorded_state.is_some() && self.differences.is_none() {
            return Decision::Compare;
        }
        let differs = self.differences.as_ref().is_some_and(|differences| !differences.is_empty());
        if differs || !self.remainders().is_empty() {
            return ending(RunState::RolledBackWithRemainders);
        }
        ending(RunState::RolledBack)
    }
}

impl Back {
    fn is_over(&self) -> bool {
        self.ready.is_empty()
            && self.later.is_empty()
            && self.running.is_empty()
            && self.failed.is_empty()
    }
}
