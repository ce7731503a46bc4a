//! What one entry takes by itself: machines, people, and the way back over it.
//! Knows no other entry.

use std::time::Duration;

use super::known::Known;
use crate::model::action::wait::{Wait, WaitKeys};
use crate::model::action::{Action, ActionKeys, Inverse};
use crate::model::check::{Check, CheckCommon};
use crate::model::plan::{Checkpoint, RollbackStep, Step};
use crate::model::value::{Estimate, Time};
use crate::notation::Range;
use crate::resolve::{EntryOf, What};

/// What an entry takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryTime {
    /// Time of machines; `None` where nobody said.
    pub run: Option<Range>,
    /// Time of people, if the run waits for any. Never added to the time of machines.
    pub people: Option<People>,
    pub undo: Undo,
    /// Some of its rollback steps are done by hand: their time is in no sum.
    pub undone_by_people: bool,
}

/// Somebody is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct People {
    /// `None` where nobody said.
    pub takes: Option<Range>,
}

/// How long the way back over an entry is, at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    Nothing,
    /// Its rollback steps have estimates of their own.
    Said(Duration),
    /// As long as the step itself, for want of anything better.
    Assumed(Duration),
    /// Neither the step nor its rollback says anything.
    Unknown,
    /// `irreversible`: the way back ends here.
    Impossible,
}

impl Undo {
    pub fn takes(self) -> Duration {
        match self {
            Undo::Said(time) | Undo::Assumed(time) => time,
            Undo::Nothing | Undo::Unknown | Undo::Impossible => Duration::ZERO,
        }
    }
}

impl EntryTime {
    pub fn of(entry: &EntryOf, known: &Known<'_>) -> EntryTime {
        let own = Own { known, scope: entry.scope };
        let mut time = match &entry.what {
            What::Step(step) => own.step(step),
            What::Checkpoint(checkpoint) => own.checkpoint(checkpoint),
        };
        if entry.conditional
            && let Some(run) = &mut time.run
        {
            // It may be skipped: at best it takes no time.
            run.best = Duration::ZERO;
        }
        time
    }

    /// Nothing can be added up here, though time goes by.
    pub fn is_silent(&self) -> bool {
        self.run.is_none() || self.people.is_some_and(|people| people.takes.is_none())
    }
}

struct Own<'k, 'p> {
    known: &'k Known<'p>,
    scope: usize,
}

impl Own<'_, '_> {
    fn step(&self, step: &Step) -> EntryTime {
        let said = step.estimate.as_ref().map(written);
        let by_hand = match step.actions.iter().next() {
            Some(Action::Manual(manual)) => Some(manual),
            _ => None,
        };
        let (run, people) = match by_hand {
            Some(manual) if is_due_later(manual) => (Some(NOTHING), None),
            Some(_) => (Some(NOTHING), Some(People { takes: said })),
            None => (self.waits(&step.actions).or(said), None),
        };
        let (undo, undone_by_people) = self.undo(step, run.filter(|_| by_hand.is_none()));
        EntryTime { run, people, undo, undone_by_people }
    }

    /// `wait: 30s` is a fact, whatever was estimated; a wait for something has a limit.
    fn waits(&self, actions: &ActionKeys) -> Option<Range> {
        match actions.wait()? {
            Wait::Time(time) => self.time(time).map(Range::exactly),
            Wait::Full(keys) => self.waits_for_something(keys),
        }
    }

    fn waits_for_something(&self, keys: &WaitKeys) -> Option<Range> {
        keys.until.as_ref()?;
        let least = keys.stable_for.as_ref().and_then(|time| self.time(time)).unwrap_or_default();
        let most = self.time(keys.at_most.as_ref()?)?;
        Some(Range { best: least, worst: most.max(least) })
    }

    fn checkpoint(&self, checkpoint: &Checkpoint) -> EntryTime {
        let said = checkpoint.estimate.as_ref().map(written);
        let least = || self.in_a_row(checkpoint.in_a_row.as_ref(), checkpoint.every.as_ref());
        let limit = checkpoint.within.as_ref().and_then(|within| self.up_to(least(), within));
        let automatic = checkpoint.checks.iter().any(|check| !matches!(check, Check::Manual(_)));
        let asks = || checkpoint.checks.iter().filter(|check| waits_for_answer(check));
        let (run, people) = if automatic {
            // One after the other: the estimate is to be pessimistic.
            let checks = || checkpoint.checks.iter().map(|check| self.check(check));
            let run =
                said.or(limit).or_else(|| checks().try_fold(NOTHING, |sum, one| Some(sum + one?)));
            (run, self.sum_of_answers(asks()))
        } else {
            (Some(NOTHING), said.or(limit).or_else(|| self.sum_of_answers(asks())))
        };
        let people = (asks().next().is_some()).then_some(People { takes: people });
        EntryTime { run, people, undo: Undo::Nothing, undone_by_people: false }
    }

    fn sum_of_answers<'c>(&self, mut asks: impl Iterator<Item = &'c Check>) -> Option<Range> {
        asks.try_fold(NOTHING, |sum, check| {
            Some(sum + self.up_to(Duration::ZERO, check.common().within.as_ref()?)?)
        })
    }

    /// A check asked once takes no time, unless it runs or compares something: then nobody knows.
    fn check(&self, check: &Check) -> Option<Range> {
        let CheckCommon { within, every, in_a_row, .. } = check.common();
        let least = self.in_a_row(in_a_row.as_ref(), every.as_ref());
        if matches!(check, Check::Manual(_)) {
            return Some(NOTHING);
        }
        if let Some(within) = within {
            return self.up_to(least, within);
        }
        let up_to = |timeout: &Option<Time>| {
            timeout.as_ref().map_or(Some(Range::exactly(least)), |time| self.up_to(least, time))
        };
        match check {
            Check::Run(check) => self.up_to(least, check.timeout.as_ref()?),
            Check::Compare(_) => None,
            Check::Sql(check) => up_to(&check.timeout),
            Check::Http(check) => {
                let requests = std::iter::once(&**check).chain(check.then.iter().flatten());
                requests
                    .map(|one| up_to(&one.timeout))
                    .try_fold(NOTHING, |sum, one| Some(sum + one?))
            }
            Check::Service(check) => {
                let stable =
                    check.stable_for.as_ref().map_or(Some(least), |time| self.time(time))?;
                Some(Range::exactly(stable.max(least)))
            }
            Check::AnyOf(check) => {
                let mut each = check.any_of.iter().map(|check| self.check(check));
                let first = each.next().unwrap_or(Some(NOTHING))?;
                each.try_fold(first, |all, one| {
                    let one = one?;
                    Some(Range { best: all.best.min(one.best), worst: all.worst.max(one.worst) })
                })
            }
            _ => Some(Range::exactly(least)),
        }
    }

    /// Three times in a row, every 5 s: two pauses at least.
    fn in_a_row(
        &self,
        times: Option<&crate::model::value::Count>,
        every: Option<&Time>,
    ) -> Duration {
        let times = times.and_then(|times| self.known.count(times, self.scope)).unwrap_or(1);
        let every = every.and_then(|every| self.time(every)).unwrap_or_default();
        every.saturating_mul(u32::try_from(times.saturating_sub(1)).unwrap_or(u32::MAX))
    }

    fn up_to(&self, least: Duration, limit: &Time) -> Option<Range> {
        let worst = self.time(limit)?;
        Some(Range { best: least.min(worst), worst })
    }

    fn time(&self, time: &Time) -> Option<Duration> {
        self.known.time(time, self.scope)
    }

    /// The way back over a step that takes `run`, and whether people are needed for it.
    fn undo(&self, step: &Step, run: Option<Range>) -> (Undo, bool) {
        if step.irreversible.is_some() {
            return (Undo::Impossible, false);
        }
        if step.read_only == Some(true) {
            return (Undo::Nothing, false);
        }
        let as_long_as_itself = |said: Duration| match run {
            Some(run) => Undo::Assumed(said.saturating_add(run.worst)),
            None => Undo::Unknown,
        };
        let Some(rollback) = &step.rollback else {
            let inverse = step.actions.iter().next().map(|action| action.facts().inverse());
            return match inverse {
                Some(Inverse::Natural(_)) => (as_long_as_itself(Duration::ZERO), false),
                _ => (Undo::Nothing, false),
            };
        };
        let (mut said, mut people, mut open) = (Duration::ZERO, false, false);
        for one in rollback.iter() {
            match self.rollback_step(one) {
                Back::Takes(time) => said = said.saturating_add(time),
                Back::ByHand => people = true,
                Back::Open => open = true,
            }
        }
        (if open { as_long_as_itself(said) } else { Undo::Said(said) }, people)
    }

    fn rollback_step(&self, one: &RollbackStep) -> Back {
        if one.actions.manual().is_some() {
            return Back::ByHand;
        }
        let said = || one.estimate.as_ref().map(written);
        self.waits(&one.actions).or_else(said).map_or(Back::Open, |range| Back::Takes(range.worst))
    }
}

enum Back {
    Takes(Duration),
    ByHand,
    Open,
}

const NOTHING: Range = Range { best: Duration::ZERO, worst: Duration::ZERO };

/// A range as it was meant: nothing is better than its best.
pub fn written(estimate: &Estimate) -> Range {
    let Range { best, worst } = estimate.range;
    Range { best: best.min(worst), worst: best.max(worst) }
}

/// An answer that may come after the end of the run holds nothing up.
fn waits_for_answer(check: &Check) -> bool {
    matches!(check, Check::Manual(check) if check.due.is_none())
}

fn is_due_later(manual: &crate::model::action::manual::Manual) -> bool {
    use crate::model::action::manual::Manual;
    matches!(manual, Manual::Full(keys) if keys.due.is_some())
}
