//! Where each item stands from left to right: as near as may be to what it is joined with, in the
//! order that was found, and never nearer to its neighbours than it should. Knows no heights.

use super::net::{Graph, Item};
use super::spread::{Apart, spread};

pub const BOX: f64 = 220.0;
const BESIDE_BOX: f64 = 26.0;
const BESIDE_LINE: f64 = 18.0;
const LINES: f64 = 14.0;
const ROUNDS: usize = 80;
/// How strongly everything is drawn to the middle: enough to decide where nothing else does.
const GRAVITY: f64 = 0.1;

/// The middle of each item; the leftmost edge is at 0.
pub fn columns(graph: &Graph) -> Vec<f64> {
    let columns = Columns::new(graph);
    let at = columns.settle();
    let x: Vec<f64> = columns.of_item.iter().map(|column| at[*column].round()).collect();
    let left = |item: usize| x[item] - half(graph.items[item]);
    let least = (0..x.len()).map(left).fold(f64::INFINITY, f64::min);
    let least = if least.is_finite() { least } else { 0.0 };
    x.iter().map(|x| x - least).collect()
}

pub fn half(item: Item) -> f64 {
    match item {
        Item::Node(_) => BOX / 2.0,
        Item::Joint | Item::Bend => 0.0,
    }
}

fn distance(a: Item, b: Item) -> f64 {
    let between = match (a, b) {
        (Item::Node(_), Item::Node(_)) => BESIDE_BOX,
        (Item::Node(_), _) | (_, Item::Node(_)) => BESIDE_LINE,
        _ => LINES,
    };
    half(a) + between + half(b)
}

/// Items that stand exactly below each other share a column: what is joined with nobody else, and
/// each line that passes rows. What is alone in its row shares the first column, in the middle of
/// the picture, so that the eye goes straight down.
struct Columns {
    of_item: Vec<usize>,
    count: usize,
    apart: Vec<Apart>,
    /// Which columns draw each other nearer, and how strongly.
    pulls: Vec<(usize, usize, f64)>,
}

impl Columns {
    fn new(graph: &Graph) -> Columns {
        let mut joined: Vec<(usize, usize, f64)> = Vec::new();
        let mut together: Vec<(usize, usize)> = Vec::new();
        for layer in 0..graph.layers.len().saturating_sub(1) {
            let links = graph.links(layer);
            let leaving =
                |item: usize| links.iter().filter(|link| link.tops.contains(&item)).count();
            for link in &links {
                let alone = link.tops.len() == 1 && link.bottoms.len() == 1;
                for top in &link.tops {
                    for bottom in &link.bottoms {
                        let (a, b) = (graph.items[*top], graph.items[*bottom]);
                        let rail = a == Item::Bend && b == Item::Bend;
                        if rail || alone && leaving(*top) == 1 {
                            together.push((*top, *bottom));
                        }
                        joined.push((*top, *bottom, pull(a, b)));
                    }
                }
            }
        }
        let mut loose = vec![false; graph.items.len()];
        loop {
            let columns = Columns::sharing(graph, &together, &joined, &loose);
            let tangled = columns.tangled();
            if tangled.iter().all(|tangled| !tangled) {
                return columns;
            }
            // Two columns are each left of the other somewhere: their items go their own ways.
            for (item, column) in columns.of_item.iter().enumerate() {
                loose[item] |= tangled[*column];
            }
        }
    }

    fn sharing(
        graph: &Graph,
        together: &[(usize, usize)],
        joined: &[(usize, usize, f64)],
        loose: &[bool],
    ) -> Columns {
        let mut parent: Vec<usize> = (0..=graph.items.len()).collect();
        let middle = graph.items.len();
        let mut unite = |a: usize, b: usize| {
            let (a, b) = (root(&mut parent, a), root(&mut parent, b));
            parent[a.min(b)] = a.max(b);
        };
        graph.layers.iter().filter(|row| row.len() == 1).for_each(|row| unite(row[0], middle));
        for (a, b) in together.iter().filter(|(a, b)| !loose[*a] && !loose[*b]) {
            unite(*a, *b);
        }
        let mut number = vec![usize::MAX; middle + 1];
        number[root(&mut parent, middle)] = 0;
        let mut count = 1;
        let mut of_item = Vec::with_capacity(middle);
        for item in 0..middle {
            let root = root(&mut parent, item);
            if number[root] == usize::MAX {
                number[root] = count;
                count += 1;
            }
            of_item.push(number[root]);
        }
        let pairs = graph.layers.iter().flat_map(|row| row.windows(2));
        let apart = pairs
            .map(|pair| Apart {
                left: of_item[pair[0]],
                right: of_item[pair[1]],
                by: distance(graph.items[pair[0]], graph.items[pair[1]]),
            })
            .collect();
        let pulls = joined
            .iter()
            .map(|(a, b, pull)| (of_item[*a], of_item[*b], *pull))
            .filter(|(a, b, _)| a != b)
            .collect();
        Columns { of_item, count, apart, pulls }
    }

    /// Columns that would have to be left of themselves.
    fn tangled(&self) -> Vec<bool> {
        let mut waits = vec![0; self.count];
        self.apart.iter().for_each(|apart| waits[apart.right] += 1);
        let mut free: Vec<usize> = (0..self.count).filter(|column| waits[*column] == 0).collect();
        let mut tangled = vec![true; self.count];
        while let Some(column) = free.pop() {
            tangled[column] = false;
            for apart in self.apart.iter().filter(|apart| apart.left == column) {
                waits[apart.right] -= 1;
                if waits[apart.right] == 0 {
                    free.push(apart.right);
                }
            }
        }
        tangled
    }

    fn settle(&self) -> Vec<f64> {
        let mut x = vec![0.0; self.count];
        for _ in 0..ROUNDS {
            let mut sums = vec![(0.0, GRAVITY); self.count];
            for (a, b, pull) in &self.pulls {
                sums[*a] = (sums[*a].0 + pull * x[*b], sums[*a].1 + pull);
                sums[*b] = (sums[*b].0 + pull * x[*a], sums[*b].1 + pull);
            }
            // Half way: two that draw each other would change places for ever.
            let mut wanted: Vec<(f64, f64)> = sums
                .iter()
                .zip(&x)
                .map(|((sum, weight), x)| ((sum / weight + x) / 2.0, *weight))
                .collect();
            wanted[0] = (0.0, 1e6);
            let now = spread(&wanted, &self.apart);
            let moved = x.iter().zip(&now).any(|(before, now)| (before - now).abs() > 0.1);
            x = now;
            if !moved {
                break;
            }
        }
        x
    }
}

/// A line that passes rows stands where the boxes leave it room.
fn pull(a: Item, b: Item) -> f64 {
    match (a, b) {
        (Item::Bend, Item::Bend) => 4.0,
        (Item::Bend, _) | (_, Item::Bend) => 0.2,
        _ => 1.0,
    }
}

fn root(parent: &mut [usize], of: usize) -> usize {
    let mut at = of;
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}
