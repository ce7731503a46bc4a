//! Rails beside a list of nodes, as `git log --graph` has them: one row a node, a rail for each
//! flow that is still to end. Where there would be too many, the row names what it waits for.

use super::super::{Flow, Lane, Node};

/// More rails than this nobody follows with a finger.
const MOST: usize = 8;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

pub struct Row {
    pub node: usize,
    /// Which sides of each cell a line leaves; two cells a rail, the second one between rails.
    cells: Vec<u8>,
    column: usize,
    /// What it waits for, where rails do not show it.
    pub after: Vec<usize>,
}

impl Row {
    pub fn width(&self) -> usize {
        self.cells.len().max(self.column + 1)
    }

    pub fn drawn(&self, node: &Node, width: usize) -> String {
        let mark = match (node.is_gate(), node.critical) {
            (true, true) => '◆',
            (true, false) => '◇',
            (false, true) => '●',
            (false, false) => '○',
        };
        let cell = |at: usize| {
            if at == self.column { mark } else { shape(self.cells.get(at).copied().unwrap_or(0)) }
        };
        (0..width).map(cell).collect()
    }

    /// The rails as they stand above this row.
    pub fn above(&self, width: usize) -> String {
        let cell = |at: usize| {
            let goes_up = self.cells.get(at).is_some_and(|cell| cell & UP != 0);
            if goes_up { '│' } else { ' ' }
        };
        (0..width).map(cell).collect()
    }
}

fn shape(sides: u8) -> char {
    const SHAPES: [char; 16] =
        [' ', '│', '│', '│', '─', '╯', '╮', '┤', '─', '╰', '╭', '├', '─', '┴', '┬', '┼'];
    SHAPES[usize::from(sides & (UP | DOWN | LEFT | RIGHT))]
}

/// A rail carries one flow, from its first source to its last target.
struct Rail {
    flow: usize,
    column: usize,
}

pub fn rows(lane: &Lane, flows: &[Flow]) -> Vec<Row> {
    let places = Places::new(lane, flows);
    with_rails(lane, flows, &places).unwrap_or_else(|| without_rails(lane, flows, &places))
}

/// Which flow leads to each node of a lane, and which leave it.
struct Places {
    first: usize,
    incoming: Vec<Option<usize>>,
    outgoing: Vec<Vec<usize>>,
}

impl Places {
    fn new(lane: &Lane, flows: &[Flow]) -> Self {
        let first = lane.nodes.start;
        let mut incoming = vec![None; lane.nodes.len()];
        let mut outgoing = vec![Vec::new(); lane.nodes.len()];
        for (at, flow) in flows.iter().enumerate() {
            let inside = |node: &&usize| lane.nodes.contains(node);
            flow.to.iter().filter(inside).for_each(|node| incoming[node - first] = Some(at));
            flow.from.iter().filter(inside).for_each(|node| outgoing[node - first].push(at));
        }
        Places { first, incoming, outgoing }
    }
}

/// `None` if there would be too many.
fn with_rails(lane: &Lane, flows: &[Flow], places: &Places) -> Option<Vec<Row>> {
    let mut rails: Vec<Rail> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for node in lane.nodes.clone() {
        let above: Vec<usize> = rails.iter().map(|rail| rail.column).collect();
        let incoming = places.incoming[node - places.first];
        let from = rails.iter().find(|rail| Some(rail.flow) == incoming).map(|rail| rail.column);
        let ends = incoming.is_some_and(|flow| flows[flow].to.last() == Some(&node));
        if ends {
            rails.retain(|rail| Some(rail.flow) != incoming);
        }
        let empty_from = |rails: &[Rail], first: usize| {
            let is_taken = |at| above.contains(&at) || rails.iter().any(|rail| rail.column == at);
            (first..).find(|at| !is_taken(*at)).expect("there is always one more column")
        };
        // It takes over the rail that ends with it, unless there is room further to the left.
        let column = match from.filter(|_| ends) {
            Some(column) => column.min(empty_from(&rails, 0)),
            None => empty_from(&rails, 0),
        };
        let mut reaches: Vec<usize> = from.into_iter().filter(|from| *from != column).collect();
        let mut is_below = false;
        for flow in &places.outgoing[node - places.first] {
            let known = rails.iter().find(|rail| rail.flow == *flow).map(|rail| rail.column);
            let at = match known {
                Some(at) => at,
                // What flows together gets its rail beside its sources: below the first one it
                // would look as if the others came after that.
                None if flows[*flow].from.len() == 1 && !is_below => {
                    is_below = true;
                    column
                }
                None => empty_from(&rails, column + 1),
            };
            if known.is_none() {
                rails.push(Rail { flow: *flow, column: at });
            }
            if at != column {
                reaches.push(at);
            }
        }
        if column >= MOST || rails.iter().any(|rail| rail.column >= MOST) {
            return None;
        }
        rows.push(row(node, column, &above, &rails, &reaches));
    }
    Some(rows)
}

fn row(node: usize, column: usize, above: &[usize], rails: &[Rail], reaches: &[usize]) -> Row {
    let below: Vec<usize> = rails.iter().map(|rail| rail.column).collect();
    let most = above.iter().chain(&below).chain([&column]).max().copied().unwrap_or(0);
    let mut cells = vec![0_u8; 2 * most + 1];
    above.iter().for_each(|rail| cells[2 * rail] |= UP);
    below.iter().for_each(|rail| cells[2 * rail] |= DOWN);
    let first = reaches.iter().chain([&column]).min().copied().unwrap_or(column);
    let last = reaches.iter().chain([&column]).max().copied().unwrap_or(column);
    for (at, cell) in cells.iter_mut().enumerate().take(2 * last + 1).skip(2 * first) {
        // A rail that has nothing to do with this node is crossed: it stays whole.
        if at % 2 == 0 && *cell != 0 && !reaches.contains(&(at / 2)) {
            continue;
        }
        if at > 2 * first {
            *cell |= LEFT;
        }
        if at < 2 * last {
            *cell |= RIGHT;
        }
    }
    Row { node, column: 2 * column, cells, after: Vec::new() }
}

fn without_rails(lane: &Lane, flows: &[Flow], places: &Places) -> Vec<Row> {
    let row = |node: usize| {
        let incoming = places.incoming[node - places.first];
        let mut after = incoming.map_or(Vec::new(), |flow| flows[flow].from.clone());
        // What stands right above needs no word.
        if after == [node.wrapping_sub(1)] {
            after.clear();
        }
        Row { node, column: 0, cells: vec![0], after }
    };
    lane.nodes.clone().map(row).collect()
}
