//! Lines between two rows: straight down, across on a track of their own, straight down.
//! Chooses where lines leave and enter boxes and which track is above which; knows no heights.

use super::columns::BOX;
use super::net::{Graph, Item, Link};

/// Ports of one box that lead to different places.
const PORTS: f64 = 22.0;
/// So far a port may move from its place to save a line its corners.
const STRAIGHTEN: f64 = 44.0;
/// Nearer than this two lines look like one.
const APART: f64 = 8.0;

/// What one net does between two rows.
#[derive(Debug)]
pub struct Run {
    pub net: usize,
    /// Items above and below, with where the line meets them.
    pub tops: Vec<(usize, f64)>,
    pub bottoms: Vec<(usize, f64)>,
    /// `None` where it goes straight down.
    pub track: Option<usize>,
}

impl Run {
    fn xs(&self) -> impl Iterator<Item = f64> + '_ {
        self.tops.iter().chain(&self.bottoms).map(|(_, x)| *x)
    }

    fn span(&self) -> (f64, f64) {
        self.xs()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    }

    fn is_straight(&self) -> bool {
        let (low, high) = self.span();
        high - low < 0.5
    }
}

/// The lines between a layer and the next, and how many tracks they take.
pub fn tracks(graph: &Graph, layer: usize, x: &[f64]) -> (Vec<Run>, usize) {
    let links = graph.links(layer);
    let mut runs: Vec<Run> = links.iter().map(|link| with_ports(graph, link, &links, x)).collect();
    runs.iter_mut().for_each(|run| straighten(graph, run, &links));
    let mut across: Vec<usize> = (0..runs.len()).filter(|at| !runs[*at].is_straight()).collect();
    across.sort_by(|a, b| runs[*a].span().0.total_cmp(&runs[*b].span().0));
    arrange(&mut across, &runs);
    let mut count = 0;
    for (place, at) in across.iter().enumerate() {
        let (low, high) = runs[*at].span();
        let meets = |other: &&usize| {
            let (other_low, other_high) = runs[**other].span();
            other_low - 2.0 * APART < high && low < other_high + 2.0 * APART
        };
        let above = across[..place].iter().filter(meets).filter_map(|other| runs[*other].track);
        let track = above.max().map_or(0, |track| track + 1);
        runs[*at].track = Some(track);
        count = count.max(track + 1);
    }
    (runs, count)
}

/// Lines that leave one box for different places leave it side by side, in the order of the places.
fn with_ports(graph: &Graph, link: &Link, links: &[Link], x: &[f64]) -> Run {
    let middle = |link: &Link| {
        link.bottoms.iter().map(|item| x[*item]).sum::<f64>() / link.bottoms.len() as f64
    };
    let port = |item: usize| {
        if !matches!(graph.items[item], Item::Node(_)) {
            return x[item];
        }
        let mut same: Vec<&Link> =
            links.iter().filter(|other| other.tops.contains(&item)).collect();
        same.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
        let at = same.iter().position(|other| other.net == link.net).unwrap_or(0);
        let step = PORTS.min((BOX - 48.0) / same.len() as f64);
        x[item] + (at as f64 - (same.len() - 1) as f64 / 2.0) * step
    };
    Run {
        net: link.net,
        tops: link.tops.iter().map(|item| (*item, port(*item))).collect(),
        bottoms: link.bottoms.iter().map(|item| (*item, x[*item])).collect(),
        track: None,
    }
}

/// Where the other end lies almost below, the end at a box moves instead of the line.
fn straighten(graph: &Graph, run: &mut Run, links: &[Link]) {
    let is_node = |item: usize| matches!(graph.items[item], Item::Node(_));
    let most = if run.tops.len() == 1 && run.bottoms.len() == 1 { STRAIGHTEN } else { PORTS };
    let nearest = |x: f64, others: &[(usize, f64)]| {
        let near = others.iter().map(|(_, other)| *other).filter(|other| (other - x).abs() <= most);
        near.min_by(|a, b| (a - x).abs().total_cmp(&(b - x).abs()))
    };
    let leaves_alone =
        |item: usize| links.iter().filter(|link| link.tops.contains(&item)).count() == 1;
    match (run.tops.as_mut_slice(), run.bottoms.as_mut_slice()) {
        ([(top, from)], below) if is_node(*top) && leaves_alone(*top) => {
            *from = nearest(*from, below).unwrap_or(*from);
        }
        (above, [(bottom, to)]) if is_node(*bottom) => *to = nearest(*to, above).unwrap_or(*to),
        _ => {}
    }
}

/// Moves runs up and down while that saves crossings; lines on top of each other are worst.
fn arrange(across: &mut Vec<usize>, runs: &[Run]) {
    let cost = |order: &[usize]| -> usize {
        let pairs = order.iter().enumerate();
        pairs
            .map(|(at, above)| {
                order[at + 1..]
                    .iter()
                    .map(|below| price(&runs[*above], &runs[*below]))
                    .sum::<usize>()
            })
            .sum()
    };
    // Dozens of lines between two rows cannot be told apart anyway.
    if across.len() > 24 {
        return;
    }
    let mut now = cost(across);
    for _ in 0..4 {
        let before = now;
        for from in 0..across.len() {
            for to in 0..across.len() {
                let mut tried = across.clone();
                let run = tried.remove(from);
                tried.insert(to, run);
                let price = cost(&tried);
                if price < now {
                    now = price;
                    *across = tried;
                }
            }
        }
        if now == before {
            break;
        }
    }
}

fn price(above: &Run, below: &Run) -> usize {
    let within = |x: f64, span: (f64, f64)| span.0 - 1.0 < x && x < span.1 + 1.0;
    let down = above.bottoms.iter().filter(|(_, x)| within(*x, below.span())).count();
    let up = below.tops.iter().filter(|(_, x)| within(*x, above.span())).count();
    let mut price = down + up;
    for (_, bottom) in &above.bottoms {
        let on_it = below.tops.iter().filter(|(_, top)| (top - bottom).abs() < APART).count();
        price += 1000 * on_it;
    }
    price
}
