//! Who stands left of whom: barycentres, swept down and up, the best found is kept.

use super::net::{Graph, Link};

const SWEEPS: usize = 12;

pub fn order(graph: &mut Graph) {
    let links: Vec<Vec<Link>> =
        (0..graph.layers.len().saturating_sub(1)).map(|layer| graph.links(layer)).collect();
    let mut best = graph.layers.clone();
    let mut fewest = crossings(&best, &links, graph.items.len());
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let down = sweep % 2 == 0;
        let count = graph.layers.len();
        for step in 1..count {
            let layer = if down { step } else { count - 1 - step };
            sort(graph, &links, layer, down);
        }
        let now = crossings(&graph.layers, &links, graph.items.len());
        if now < fewest {
            fewest = now;
            best = graph.layers.clone();
        }
    }
    graph.layers = best;
}

fn sort(graph: &mut Graph, links: &[Vec<Link>], layer: usize, down: bool) {
    let (fixed, between) = if down { (layer - 1, layer - 1) } else { (layer + 1, layer) };
    let place = places(&graph.layers[fixed], graph.items.len());
    let mut sums = vec![(0.0, 0.0); graph.items.len()];
    for link in &links[between] {
        let (own, other) =
            if down { (&link.bottoms, &link.tops) } else { (&link.tops, &link.bottoms) };
        for item in own {
            for neighbour in other {
                sums[*item].0 += place[*neighbour];
                sums[*item].1 += 1.0;
            }
        }
    }
    // What has no neighbour there keeps its place among the others.
    let scale = graph.layers[fixed].len() as f64 / graph.layers[layer].len().max(1) as f64;
    let mut keyed: Vec<(f64, usize)> = graph.layers[layer]
        .iter()
        .enumerate()
        .map(|(at, item)| match sums[*item] {
            (_, 0.0) => (at as f64 * scale, *item),
            (sum, count) => (sum / count, *item),
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    graph.layers[layer] = keyed.into_iter().map(|(_, item)| item).collect();
}

fn places(row: &[usize], count: usize) -> Vec<f64> {
    let mut place = vec![0.0; count];
    row.iter().enumerate().for_each(|(at, item)| place[*item] = at as f64);
    place
}

fn crossings(layers: &[Vec<usize>], links: &[Vec<Link>], count: usize) -> usize {
    let mut crossed = 0;
    for (layer, links) in links.iter().enumerate() {
        let above = places(&layers[layer], count);
        let below = places(&layers[layer + 1], count);
        let mut lines: Vec<(f64, f64, usize)> = Vec::new();
        for link in links {
            for top in &link.tops {
                lines.extend(
                    link.bottoms.iter().map(|bottom| (above[*top], below[*bottom], link.net)),
                );
            }
        }
        for (at, a) in lines.iter().enumerate() {
            let crosses = |b: &&(f64, f64, usize)| a.2 != b.2 && (a.0 - b.0) * (a.1 - b.1) < 0.0;
            crossed += lines[at + 1..].iter().filter(crosses).count();
        }
    }
    crossed
}
