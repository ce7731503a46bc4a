//! How likely: the plan played through many times with times drawn at random, always the same.
//! Each entry is independent; its time is triangular between best and worst, its mode at a third.

use std::time::Duration;

use super::back::nanos;
use super::schedule::Nanos;
use super::{Bounds, range_of};

/// How the times are drawn, in words for the output.
pub const DISTRIBUTION: &str =
    "each step by itself, triangular from best to worst with the peak at one third";

/// Half of all draws and nine in ten take no longer than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Percentiles {
    pub p50: Duration,
    pub p90: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chances {
    /// How many times the plan was played through.
    pub draws: usize,
    pub total: Percentiles,
    /// Inside the window, if a phase lies there.
    pub inside: Option<Percentiles>,
    pub phases: Vec<Percentiles>,
}

/// Points and dependencies that all draws together may look at.
const BUDGET: usize = 30_000_000;
const FEWEST: usize = 200;
const MOST: usize = 10_000;
const SEED: u64 = 0x706c_616e;

/// Large plans are drawn less often: the more steps, the less their sum varies.
pub fn draws(size: usize) -> usize {
    (BUDGET / size.max(1)).clamp(FEWEST, MOST)
}

pub fn chances(bounds: &Bounds) -> Chances {
    let schedule = &bounds.schedule;
    let size = schedule.net.len() + schedule.net.before.item_count();
    let draws = draws(size);
    let ranges: Vec<(Nanos, Nanos)> = schedule
        .net
        .marks
        .iter()
        .map(|mark| {
            let range = range_of(*mark, &bounds.entries, &bounds.phases);
            let best = nanos(range.best);
            (best, nanos(range.worst).saturating_sub(best))
        })
        .collect();
    let phase_count = bounds.phases.len();
    let (triangle, mut dice) = (Triangle::new(), Dice { state: SEED, word: 0, left: 0 });
    let mut takes = vec![0; ranges.len()];
    let mut ends = Vec::with_capacity(ranges.len());
    let (mut totals, mut insides) = (Vec::with_capacity(draws), Vec::with_capacity(draws));
    let mut phases = vec![Vec::with_capacity(draws); phase_count];
    for _ in 0..draws {
        for (takes, (best, more)) in takes.iter_mut().zip(&ranges) {
            *takes = if *more == 0 { *best } else { triangle.between(*best, *more, &mut dice) };
        }
        schedule.ends(&takes, &mut ends);
        totals.push(schedule.phase_end.last().map_or(0, |end| ends[*end as usize]));
        for (phase, drawn) in phases.iter_mut().enumerate() {
            drawn.push(schedule.phase_takes(phase, &ends));
        }
        if let Some(window) = &bounds.window {
            let inside = window.phases.clone().map(|phase| schedule.phase_takes(phase, &ends));
            insides.push(inside.fold(0, Nanos::saturating_add));
        }
    }
    Chances {
        draws,
        total: percentiles(totals),
        inside: bounds.window.is_some().then(|| percentiles(insides)),
        phases: phases.into_iter().map(percentiles).collect(),
    }
}

/// By nearest rank: a time that really was drawn.
fn percentiles(mut drawn: Vec<Nanos>) -> Percentiles {
    drawn.sort_unstable();
    let at = |percent: usize| {
        let rank = (drawn.len() * percent).div_ceil(100).max(1);
        drawn.get(rank - 1).copied().map_or(Duration::ZERO, Duration::from_nanos)
    };
    Percentiles { p50: at(50), p90: at(90) }
}

/// The triangle, looked up: how far from best to worst each of equally likely draws lies.
struct Triangle(Vec<u32>);

impl Triangle {
    const BITS: u32 = 12;

    fn new() -> Triangle {
        const MODE: f64 = 1.0 / 3.0;
        let count = 1u32 << Triangle::BITS;
        let share = |at: u32| {
            let even = (f64::from(at) + 0.5) / f64::from(count);
            let share = if even < MODE {
                (even * MODE).sqrt()
            } else {
                1.0 - ((1.0 - even) * (1.0 - MODE)).sqrt()
            };
            (share * f64::from(u32::MAX)) as u32
        };
        Triangle((0..count).map(share).collect())
    }

    fn between(&self, best: Nanos, more: Nanos, dice: &mut Dice) -> Nanos {
        let share = self.0[dice.next() as usize];
        let part = (u128::from(more) * u128::from(share)) >> u32::BITS;
        best.saturating_add(part as Nanos)
    }
}

/// SplitMix64: the same draws on every machine. Each word is good for five of them.
struct Dice {
    state: u64,
    word: u64,
    left: u32,
}

impl Dice {
    fn next(&mut self) -> u32 {
        if self.left == 0 {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            self.word = word ^ (word >> 31);
            self.left = u64::BITS / Triangle::BITS;
        }
        self.left -= 1;
        let drawn = self.word & ((1 << Triangle::BITS) - 1);
        self.word >>= Triangle::BITS;
        drawn as u32
    }
}
