//! A plan as the deciding part sees it: what waits for what, and what each entry does when it fails
//! or must be undone. Knows no action, no text and no template.

use std::sync::Arc;
use std::time::Duration;

use plan_model::estimate::{self, Undo as TimeBack};
use plan_model::graph::net::{Lists, Mark, Net};
use plan_model::graph::{CompiledPlan, on_failure};
use plan_model::lint::ask;
use plan_model::model::plan::{AfterCrash, OnFailure, OnFailureWord, Retry as RetryKey};
use plan_model::model::value::OneOrMany;
use plan_model::resolve::What;
use rustc_hash::FxHashMap;

use crate::clock::Moment;
use crate::event::EntryId;

#[derive(Debug, Clone)]
pub struct Outline {
    pub items: Vec<Item>,
    pub net: Net,
    /// Of each point of the net those that wait for it.
    pub after: Lists,
    /// The point of each entry.
    pub point: Vec<u32>,
    by_id: FxHashMap<EntryId, usize>,
    /// Whether the plan declares a state that a rollback must bring back.
    pub has_state: bool,
}

/// One step or checkpoint.
#[derive(Debug, Clone)]
pub struct Item {
    pub id: EntryId,
    pub phase: usize,
    pub is_checkpoint: bool,
    pub on_failure: Lead,
    pub retry: Retry,
    pub undo: Undo,
    pub after_crash: AfterCrash,
    /// The longest way from its start to the end of the plan: among those that may start, the one
    /// with the longest way goes first.
    pub to_end: Duration,
    /// How long it takes, at worst; nothing where nobody said.
    pub takes: Duration,
    /// How long undoing it takes, at worst.
    pub undo_takes: Duration,
}

/// Where a failure leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    Rollback,
    Pause,
    Continue,
    To(usize),
}

/// How often something that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retry {
    pub times: u32,
    pub every: Duration,
    /// By what the wait grows each time.
    pub backoff: u32,
}

impl Retry {
    /// When to try again after so many attempts; `None` once it is enough.
    pub fn after(&self, attempts: u32, now: Moment) -> Option<Moment> {
        if attempts > self.times {
            return None;
        }
        let growth = self.backoff.max(1).saturating_pow(attempts.saturating_sub(1));
        Some(now.plus(self.every.saturating_mul(growth)))
    }

    pub fn of(keys: Option<&RetryKey>) -> Retry {
        let count = |count: &plan_model::model::value::Count| {
            u32::try_from(count.fixed().unwrap_or(0)).unwrap_or(u32::MAX)
        };
        match keys {
            None => Retry::default(),
            Some(RetryKey::Times(times)) => {
                Retry { times: count(times), every: Duration::ZERO, backoff: 1 }
            }
            Some(RetryKey::Full(keys)) => Retry {
                times: count(&keys.times),
                every: keys.every.as_ref().and_then(|every| every.fixed()).unwrap_or_default(),
                backoff: keys.backoff.as_ref().map_or(1, count),
            },
        }
    }
}

/// How an entry is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// There is nothing to undo.
    Nothing,
    /// So many rollback steps, in order, each with its own retries.
    Parts(Box<[Retry]>),
    /// Nothing can undo it, and nothing must: it is listed.
    Remains(Arc<str>),
    /// The way back ends here.
    Irreversible(Arc<str>),
}

impl Undo {
    pub fn parts(&self) -> u32 {
        match self {
            Undo::Parts(parts) => parts.len() as u32,
            _ => 0,
        }
    }
}

impl Outline {
    pub fn new(items: Vec<Item>, net: Net, has_state: bool) -> Outline {
        let mut point = vec![0; items.len()];
        for (at, mark) in net.marks.iter().enumerate() {
            if let Mark::Entry(entry) = mark {
                point[*entry] = at as u32;
            }
        }
        let by_id = items.iter().enumerate().map(|(at, item)| (item.id.clone(), at)).collect();
        let after = net.after();
        Outline { items, net, after, point, by_id, has_state }
    }

    pub fn of(plan: &CompiledPlan) -> Outline {
        let net = plan.net();
        let times = estimate::of_entries(plan);
        let to_end =
            ways_to_end(&net, |entry| times[entry].run.map_or(Duration::ZERO, |range| range.worst));
        let items = plan.entries().iter().enumerate().map(|(at, entry)| {
            let on_failure = match on_failure(entry) {
                OnFailure::Word(OnFailureWord::Rollback) => Lead::Rollback,
                OnFailure::Word(OnFailureWord::Pause) => Lead::Pause,
                OnFailure::Word(OnFailureWord::Continue) => Lead::Continue,
                OnFailure::To(to) => {
                    plan.by_id(&to.rollback_to.value).map_or(Lead::Rollback, Lead::To)
                }
            };
            let (retry, undo, after_crash) = match &entry.what {
                What::Step(step) => (
                    Retry::of(step.surroundings.retry.as_ref()),
                    undo_of(step),
                    step.after_crash.unwrap_or(AfterCrash::Ask),
                ),
                What::Checkpoint(_) => (Retry::default(), Undo::Nothing, AfterCrash::Rerun),
            };
            Item {
                id: entry.id.as_str().into(),
                phase: entry.phase,
                is_checkpoint: entry.checkpoint().is_some(),
                on_failure,
                retry,
                undo,
                after_crash,
                to_end: to_end[at],
                takes: times[at].run.map_or(Duration::ZERO, |range| range.worst),
                undo_takes: match times[at].undo {
                    TimeBack::Said(time) | TimeBack::Assumed(time) => time,
                    _ => Duration::ZERO,
                },
            }
        });
        Outline::new(items.collect(), net, plan.plan.file.state.is_some())
    }

    /// Where an entry stands in the plan.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub fn id(&self, entry: usize) -> EntryId {
        self.items[entry].id.clone()
    }

    /// The points that must have ended before a point starts, itself among them.
    pub fn up_to(&self, point: u32, mut see: impl FnMut(u32) -> bool) {
        let mut todo = vec![point];
        while let Some(point) = todo.pop() {
            if see(point) {
                todo.extend_from_slice(self.net.before.get(point as usize));
            }
        }
    }
}

fn undo_of(step: &plan_model::model::plan::Step) -> Undo {
    match ask::undo(step) {
        ask::Undo::Rollback => {
            let parts = step.rollback.iter().flat_map(OneOrMany::iter);
            Undo::Parts(parts.map(|part| Retry::of(part.surroundings.retry.as_ref())).collect())
        }
        // What may be tried again on its way may be on its way back.
        ask::Undo::Natural(_) => {
            Undo::Parts(Box::new([Retry::of(step.surroundings.retry.as_ref())]))
        }
        ask::Undo::ReadOnly => Undo::Nothing,
        ask::Undo::NothingToUndo(_) => Undo::Nothing,
        ask::Undo::Irreversible(why) => Undo::Irreversible(why.value.as_str().into()),
        ask::Undo::Unsaid => Undo::Remains("nothing says how it is undone".into()),
    }
}

/// Of each entry the longest way from its start to the end.
pub fn ways_to_end(net: &Net, takes: impl Fn(usize) -> Duration) -> Vec<Duration> {
    let mut ways = vec![Duration::ZERO; net.len()];
    let entries = net.marks.iter().filter(|mark| matches!(mark, Mark::Entry(_))).count();
    let mut of_entries = vec![Duration::ZERO; entries];
    for at in (0..net.len()).rev() {
        // Here stands the longest way behind the point; its own time comes on top.
        if let Mark::Entry(entry) = net.marks[at] {
            ways[at] += takes(entry);
            of_entries[entry] = ways[at];
        }
        for before in net.before.get(at) {
            ways[*before as usize] = ways[*before as usize].max(ways[at]);
        }
    }
    of_entries
}

/// Two runs of one plan share the outline: there is only one.
impl PartialEq for Outline {
    fn eq(&self, other: &Outline) -> bool {
        std::ptr::eq(self, other)
    }
}
