//! The graph as flat lists, for passes that are made many times over.
//! Knows no durations.

use petgraph::Direction;

use super::{CompiledPlan, Node};

/// One point in the order of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Entry(usize),
    PhaseStart(usize),
    /// What goes on all through a phase, beside its entries.
    Throughout(usize),
    PhaseEnd(usize),
}

/// Many short lists in one.
#[derive(Debug, Clone)]
pub struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    pub fn with_capacity(lists: usize, items: usize) -> Lists {
        let mut starts = Vec::with_capacity(lists + 1);
        starts.push(0);
        Lists { starts, items: Vec::with_capacity(items) }
    }

    pub fn push(&mut self, list: impl IntoIterator<Item = u32>) {
        self.items.extend(list);
        self.starts.push(self.items.len() as u32);
    }

    pub fn get(&self, at: usize) -> &[u32] {
        &self.items[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    pub fn item_count(&self) -> usize {
        self.items.len()
    }
}

/// The points of a plan, each behind all that it waits for.
#[derive(Debug, Clone)]
pub struct Net {
    pub marks: Vec<Mark>,
    /// Of each point those that it waits for directly, which all stand before it.
    pub before: Lists,
}

impl Net {
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Of each point those that wait for it directly.
    pub fn after(&self) -> Lists {
        let mut starts = vec![0u32; self.len() + 1];
        for before in &self.before.items {
            starts[*before as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut items = vec![0; self.before.items.len()];
        for node in 0..self.len() {
            for before in self.before.get(node) {
                let place = &mut next[*before as usize];
                items[*place as usize] = node as u32;
                *place += 1;
            }
        }
        Lists { starts, items }
    }
}

impl CompiledPlan {
    /// The order of the plan as flat lists.
    pub fn net(&self) -> Net {
        let order = &self.node_order;
        let phases = self.plan.phases.len();
        let mut marks = Vec::with_capacity(order.len() + phases);
        let mut before = Lists::with_capacity(order.len() + phases, self.edge_count() + 2 * phases);
        let mut place = vec![0u32; self.graph.node_count()];
        let mut throughout = vec![0u32; phases];
        for node in order.iter().copied() {
            let waits = self.graph.neighbors_directed(node, Direction::Incoming);
            let waits = waits.map(|other| place[other.index()]);
            let here = marks.len() as u32;
            match self.graph[node] {
                Node::Entry(at) => {
                    before.push(waits);
                    marks.push(Mark::Entry(at));
                }
                Node::PhaseStart(phase) => {
                    before.push(waits);
                    marks.push(Mark::PhaseStart(phase));
                    throughout[phase] = here + 1;
                    before.push([here]);
                    marks.push(Mark::Throughout(phase));
                }
                Node::PhaseEnd(phase) => {
                    before.push(waits.chain([throughout[phase]]));
                    marks.push(Mark::PhaseEnd(phase));
                }
            }
            place[node.index()] = here;
        }
        Net { marks, before }
    }
}
