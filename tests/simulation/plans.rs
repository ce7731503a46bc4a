//! Random outlines: phases, needs, checkpoints, retries, rollbacks of several parts, points of no
//! return.

use std::time::Duration;

use plan_executor::outline::{Item, Lead, Outline, Retry, Undo, ways_to_end};
use plan_model::graph::net::{Lists, Mark, Net};
use plan_model::model::plan::AfterCrash;

use crate::random::Random;

pub fn outline(random: &mut Random) -> Outline {
    let phases = 1 + random.below(4);
    let size = 1 + random.below(30);
    let mut items = Vec::new();
    let mut marks = Vec::new();
    let mut before = Lists::with_capacity(0, 0);
    let mut last_end: Option<u32> = None;
    let mut checkpoints: Vec<usize> = Vec::new();
    let mischief = 1 + random.below(4);
    for phase in 0..phases {
        let start = marks.len() as u32;
        marks.push(Mark::PhaseStart(phase));
        before.push(last_end);
        let first = items.len();
        for _ in 0..size.div_ceil(phases) {
            let at = items.len();
            let mut needs = vec![start];
            for other in first..at {
                // Chains, fans and layers alike.
                if random.once_in(1 + (at - other)) {
                    needs.push(place(&marks, other));
                }
            }
            let is_checkpoint = random.once_in(6);
            marks.push(Mark::Entry(at));
            before.push(needs);
            items.push(item(random, at, phase, is_checkpoint, &checkpoints, mischief));
            if is_checkpoint {
                checkpoints.push(at);
            }
        }
        let ends: Vec<u32> =
            (first..items.len()).map(|at| place(&marks, at)).chain([start]).collect();
        last_end = Some(marks.len() as u32);
        marks.push(Mark::PhaseEnd(phase));
        before.push(ends);
    }
    let net = Net { marks, before };
    let takes: Vec<u64> = items.iter().map(|_| random.below(100) as u64).collect();
    let ways = ways_to_end(&net, |at| Duration::from_secs(takes[at]));
    for (item, way) in items.iter_mut().zip(ways) {
        item.to_end = way;
    }
    Outline::new(items, net, random.once_in(2))
}

fn place(marks: &[Mark], entry: usize) -> u32 {
    marks.iter().position(|mark| *mark == Mark::Entry(entry)).unwrap() as u32
}

fn item(
    random: &mut Random,
    at: usize,
    phase: usize,
    is_checkpoint: bool,
    checkpoints: &[usize],
    mischief: usize,
) -> Item {
    let retry = |random: &mut Random| Retry {
        times: random.below(3) as u32,
        every: Duration::from_secs(random.below(20) as u64),
        backoff: 1 + random.below(2) as u32,
    };
    let undo = match random.below(8 * mischief) {
        _ if is_checkpoint => Undo::Nothing,
        0 => Undo::Irreversible("it is gone".into()),
        1 => Undo::Remains("done by hand".into()),
        2 => Undo::Nothing,
        3 => Undo::Parts((0..3).map(|_| retry(random)).collect()),
        _ => Undo::Parts([retry(random)].into()),
    };
    Item {
        id: format!("entry-{at}").into(),
        phase,
        is_checkpoint,
        on_failure: match random.below(8) {
            0 => Lead::Pause,
            1 => Lead::Continue,
            2 => checkpoints.last().map_or(Lead::Rollback, |at| Lead::To(*at)),
            _ => Lead::Rollback,
        },
        retry: retry(random),
        undo,
        after_crash: match random.below(3) {
            0 => AfterCrash::Rerun,
            1 => AfterCrash::Rollback,
            _ => AfterCrash::Ask,
        },
        to_end: Duration::ZERO,
        takes: Duration::ZERO,
        undo_takes: Duration::ZERO,
    }
}
