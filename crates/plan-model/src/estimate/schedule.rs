//! Who starts when, with so many at once: the longest way to the end first, as in a real run.
//! The order is fixed by the worst case; waiting for a free place becomes one more dependency.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::graph::net::{Lists, Mark, Net};

/// Nanoseconds: whole numbers, so that sums are exact and runs repeat.
pub type Nanos = u64;

const NONE: u32 = u32::MAX;

/// The points of a plan in the order in which they start.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub net: Net,
    /// The point whose end made a place free for this one, where that was waited for.
    pub queued_behind: Vec<Option<u32>>,
    /// Where each entry stands in `net`.
    pub entry_at: Vec<u32>,
    pub phase_start: Vec<u32>,
    pub phase_end: Vec<u32>,
}

impl Schedule {
    pub fn lay_out(
        net: &Net,
        takes: &[Nanos],
        needs_place: impl Fn(Mark) -> bool,
        jobs: usize,
    ) -> Schedule {
        let mut run = Run::new(net, takes, needs_place, jobs);
        run.go();
        let Run { order, behind, .. } = run;
        let mut place = vec![0u32; net.len()];
        for (at, node) in order.iter().enumerate() {
            place[*node as usize] = at as u32;
        }
        let mut marks = Vec::with_capacity(net.len());
        let mut before = Lists::with_capacity(net.len(), net.before.item_count());
        let mut queued_behind = Vec::with_capacity(net.len());
        for node in &order {
            let node = *node as usize;
            let queued = (behind[node] != NONE).then(|| place[behind[node] as usize]);
            let waits = net.before.get(node).iter().map(|other| place[*other as usize]);
            before.push(waits.chain(queued));
            marks.push(net.marks[node]);
            queued_behind.push(queued);
        }
        let mut schedule = Schedule {
            net: Net { marks, before },
            queued_behind,
            entry_at: Vec::new(),
            phase_start: Vec::new(),
            phase_end: Vec::new(),
        };
        schedule.note_places();
        schedule
    }

    fn note_places(&mut self) {
        let entries = self.net.marks.iter().filter(|mark| matches!(mark, Mark::Entry(_))).count();
        let phases = self.net.marks.iter().filter(|mark| matches!(mark, Mark::PhaseEnd(_))).count();
        self.entry_at = vec![0; entries];
        self.phase_start = vec![0; phases];
        self.phase_end = vec![0; phases];
        for (node, mark) in self.net.marks.iter().enumerate() {
            match mark {
                Mark::Entry(at) => self.entry_at[*at] = node as u32,
                Mark::PhaseStart(phase) => self.phase_start[*phase] = node as u32,
                Mark::PhaseEnd(phase) => self.phase_end[*phase] = node as u32,
                Mark::Throughout(_) => {}
            }
        }
    }

    /// When each point ends if each takes this long. Longer times never make anything end earlier.
    pub fn ends(&self, takes: &[Nanos], ends: &mut Vec<Nanos>) {
        ends.clear();
        for (node, takes) in takes.iter().enumerate() {
            let before = self.net.before.get(node).iter().map(|other| ends[*other as usize]);
            let start = before.max().unwrap_or(0);
            ends.push(start.saturating_add(*takes));
        }
    }

    /// What a point waits for by the plan, free places left aside.
    pub fn needs(&self, node: usize) -> &[u32] {
        let before = self.net.before.get(node);
        &before[..before.len() - usize::from(self.queued_behind[node].is_some())]
    }

    pub fn phase_takes(&self, phase: usize, ends: &[Nanos]) -> Nanos {
        ends[self.phase_end[phase] as usize] - ends[self.phase_start[phase] as usize]
    }

    /// The chain of points that makes the end what it is, first one first.
    pub fn critical_path(&self, takes: &[Nanos], ends: &[Nanos]) -> Vec<u32> {
        let mut path = Vec::new();
        let mut next = self.phase_end.last().copied();
        while let Some(node) = next {
            path.push(node);
            let latest = |other: &&u32| {
                let other = **other as usize;
                (ends[other], takes[other] > 0, Reverse(other))
            };
            next = self.net.before.get(node as usize).iter().max_by_key(latest).copied();
        }
        path.reverse();
        path
    }
}

/// The worst case, played through.
struct Run<'n, P> {
    net: &'n Net,
    takes: &'n [Nanos],
    needs_place: P,
    after: Lists,
    missing: Vec<u32>,
    ready_at: Vec<Nanos>,
    /// The longest way from the start of each point to the end of the plan.
    tail: Vec<Nanos>,
    ready: BinaryHeap<(Nanos, Reverse<u32>)>,
    running: BinaryHeap<Reverse<(Nanos, u32)>>,
    free: usize,
    /// Those that gave a place back at this very moment.
    gave_back: Vec<u32>,
    now: Nanos,
    order: Vec<u32>,
    behind: Vec<u32>,
}

impl<'n, P: Fn(Mark) -> bool> Run<'n, P> {
    fn new(net: &'n Net, takes: &'n [Nanos], needs_place: P, jobs: usize) -> Self {
        let after = net.after();
        let mut tail = vec![0; net.len()];
        for node in (0..net.len()).rev() {
            let rest = after.get(node).iter().map(|other| tail[*other as usize]).max();
            tail[node] = takes[node].saturating_add(rest.unwrap_or(0));
        }
        Run {
            net,
            takes,
            needs_place,
            missing: (0..net.len()).map(|node| net.before.get(node).len() as u32).collect(),
            after,
            ready_at: vec![0; net.len()],
            tail,
            ready: BinaryHeap::new(),
            running: BinaryHeap::new(),
            free: jobs,
            gave_back: Vec::new(),
            now: 0,
            order: Vec::with_capacity(net.len()),
            behind: vec![NONE; net.len()],
        }
    }

    fn go(&mut self) {
        for node in 0..self.net.len() {
            if self.missing[node] == 0 {
                self.make_ready(node as u32);
            }
        }
        loop {
            // Everything that ends now ends before anything starts: the choice is then among all.
            while let Some(Reverse((end, node))) = self.running.peek().copied()
                && end == self.now
            {
                self.running.pop();
                self.end(node);
            }
            while self.free > 0
                && let Some((_, Reverse(node))) = self.ready.pop()
            {
                self.start_in_place(node);
            }
            let Some(Reverse((next, _))) = self.running.peek() else { break };
            if *next > self.now {
                self.now = *next;
                self.gave_back.clear();
            }
        }
    }

    fn make_ready(&mut self, node: u32) {
        self.ready_at[node as usize] = self.now;
        if (self.needs_place)(self.net.marks[node as usize]) {
            self.ready.push((self.tail[node as usize], Reverse(node)));
        } else {
            self.start(node);
        }
    }

    fn start_in_place(&mut self, node: u32) {
        let from = self.gave_back.pop();
        if self.ready_at[node as usize] < self.now {
            self.behind[node as usize] = from.unwrap_or(NONE);
        }
        self.free -= 1;
        self.start(node);
    }

    fn start(&mut self, node: u32) {
        self.order.push(node);
        self.running.push(Reverse((self.now.saturating_add(self.takes[node as usize]), node)));
    }

    fn end(&mut self, node: u32) {
        if (self.needs_place)(self.net.marks[node as usize]) {
            self.free += 1;
            self.gave_back.push(node);
        }
        for at in 0..self.after.get(node as usize).len() {
            let next = self.after.get(node as usize)[at];
            self.missing[next as usize] -= 1;
            if self.missing[next as usize] == 0 {
                self.make_ready(next);
            }
        }
    }
}
