//! Flows as nets of items in layers. An item is a node, a joint where several flow together and
//! apart again, or a bend where a line passes a layer. Knows no coordinates.

use std::collections::HashMap;

use super::super::Drawing;

/// Wider rows would make the picture too small to be read in a pull request.
const WIDEST: usize = 4;
/// How many nodes of a chain share a row, and from which length on a chain is folded.
const TRAIN: usize = 3;
const SHORTEST_CHAIN: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Node(usize),
    Joint,
    Bend,
}

/// From several items to one, or from one to several; through one bend in each layer between.
#[derive(Debug)]
pub struct Net {
    pub from: Vec<usize>,
    pub to: Vec<usize>,
    /// In the layers from `first_bend` on.
    pub bends: Vec<usize>,
    pub first_bend: usize,
}

#[derive(Debug)]
pub struct Graph {
    /// The first of them are the nodes of the drawing, by their numbers.
    pub items: Vec<Item>,
    pub layer: Vec<usize>,
    pub nets: Vec<Net>,
    /// Items from left to right.
    pub layers: Vec<Vec<usize>>,
    /// Nodes that follow one another in the same row, the second right of the first.
    pub beside: Vec<(usize, usize)>,
    /// Whether an item stands in such a row.
    pub in_train: Vec<bool>,
}

/// What a net joins between one layer and the next.
#[derive(Debug)]
pub struct Link {
    pub net: usize,
    pub tops: Vec<usize>,
    pub bottoms: Vec<usize>,
}

impl Graph {
    pub fn new(drawing: &Drawing) -> Graph {
        let mut graph = Graph {
            items: (0..drawing.nodes.len()).map(Item::Node).collect(),
            layer: vec![0; drawing.nodes.len()],
            nets: Vec::new(),
            layers: Vec::new(),
            beside: Vec::new(),
            in_train: Vec::new(),
        };
        graph.place(drawing);
        let unbent = graph.items.len();
        graph.bend();
        graph.fill_layers();
        graph.fold(drawing, unbent);
        graph.in_train = vec![false; graph.items.len()];
        for (a, b) in &graph.beside {
            graph.in_train[*a] = true;
            graph.in_train[*b] = true;
        }
        graph
    }

    /// Each node below all that it waits for, as high as there is room in a row.
    fn place(&mut self, drawing: &Drawing) {
        let flows: Vec<_> = drawing.flows.iter().cloned().chain(drawing.between()).collect();
        let mut incoming = vec![None; drawing.nodes.len()];
        for (at, flow) in flows.iter().enumerate() {
            flow.to.iter().for_each(|node| incoming[*node] = Some(at));
        }
        let starts = incoming.iter().filter(|flow| flow.is_none()).count();
        let mut joints = vec![None; flows.len()];
        let mut in_row: Vec<usize> = Vec::new();
        let mut of_groups: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
        for (node, incoming) in incoming.into_iter().enumerate() {
            let mut layer = 0;
            let mut beside = starts;
            if let Some(at) = incoming {
                let flow = &flows[at];
                beside = flow.to.len();
                layer = 1 + flow.from.iter().map(|from| self.layer[*from]).max().unwrap_or(0);
                if flow.from.len() > 1 && flow.to.len() > 1 {
                    let joint = *joints[at].get_or_insert_with(|| {
                        self.items.push(Item::Joint);
                        self.layer.push(layer);
                        self.items.len() - 1
                    });
                    layer = self.layer[joint] + 1;
                }
            }
            // Seven go as four and three rather than as four, two and one.
            let most = beside.div_ceil(beside.div_ceil(WIDEST).max(1)).max(1);
            let row = |rows: &mut Vec<usize>, layer: usize| {
                rows.resize(rows.len().max(layer + 1), 0);
                rows[layer]
            };
            let of_group = of_groups.entry(incoming).or_default();
            while row(&mut in_row, layer) >= WIDEST || row(of_group, layer) >= most {
                layer += 1;
            }
            of_group[layer] += 1;
            in_row[layer] += 1;
            self.layer[node] = layer;
        }
        for (flow, joint) in flows.into_iter().zip(joints) {
            match joint {
                Some(joint) => {
                    self.net(flow.from, vec![joint]);
                    self.net(vec![joint], flow.to);
                }
                None => self.net(flow.from, flow.to),
            }
        }
    }

    fn net(&mut self, from: Vec<usize>, to: Vec<usize>) {
        self.nets.push(Net { from, to, bends: Vec::new(), first_bend: 0 });
    }

    fn bend(&mut self) {
        for net in &mut self.nets {
            let first = net.from.iter().map(|item| self.layer[*item]).min().unwrap_or(0);
            let last = net.to.iter().map(|item| self.layer[*item]).max().unwrap_or(0);
            net.first_bend = first + 1;
            for layer in first + 1..last {
                net.bends.push(self.items.len());
                self.items.push(Item::Bend);
                self.layer.push(layer);
            }
        }
    }

    /// Bends start in the middle of their row: lines that pass many boxes pass between them.
    fn fill_layers(&mut self) {
        let count = self.layer.iter().max().map_or(0, |last| last + 1);
        self.layers = vec![Vec::new(); count];
        for (item, layer) in self.layer.iter().enumerate() {
            let row = &mut self.layers[*layer];
            match self.items[item] {
                Item::Bend => row.insert(row.len() / 2, item),
                Item::Node(_) | Item::Joint => row.push(item),
            }
        }
    }

    /// Where nodes follow one another alone, row by row, several share a row, as words share a
    /// line: most real plans are such chains, and would be towers otherwise.
    fn fold(&mut self, drawing: &Drawing, unbent: usize) {
        let lane_of =
            |node: usize| drawing.lanes.iter().position(|lane| lane.nodes.contains(&node));
        let mut chains: Vec<Vec<usize>> = Vec::new();
        for row in &self.layers {
            let [item] = row.as_slice() else {
                chains.push(Vec::new());
                continue;
            };
            // What stands below the point of no return must not stand beside it.
            let goes_on = matches!(self.items[*item], Item::Node(node)
                if drawing.no_return != Some(node)
                    && chains.last().and_then(|chain| chain.last())
                        .is_some_and(|last| lane_of(*last) == lane_of(node)));
            match chains.last_mut() {
                Some(chain) if goes_on => chain.push(*item),
                _ if *item < drawing.nodes.len() => chains.push(vec![*item]),
                _ => chains.push(Vec::new()),
            }
        }
        let mut above = vec![0; self.layers.len() + 1];
        for chain in chains.iter().filter(|chain| chain.len() >= SHORTEST_CHAIN) {
            let rows = chain.len().div_ceil(TRAIN);
            let (least, longer) = (chain.len() / rows, chain.len() % rows);
            let mut rest = chain.as_slice();
            for row in 0..rows {
                let (train, after) = rest.split_at(least + usize::from(row < longer));
                rest = after;
                for pair in train.windows(2) {
                    self.beside.push((pair[0], pair[1]));
                    above[self.layer[pair[1]]] = 1;
                }
            }
        }
        let mut saved = 0;
        for layer in &mut above {
            saved += *layer;
            *layer = saved;
        }
        self.items.truncate(unbent);
        self.layer.truncate(unbent);
        self.layer.iter_mut().for_each(|layer| *layer -= above[*layer]);
        let is_beside = |net: &Net| matches!((net.from.as_slice(), net.to.as_slice()), ([a], [b]) if self.beside.contains(&(*a, *b)));
        self.nets.retain(|net| !is_beside(net));
        self.nets.iter_mut().for_each(|net| net.bends.clear());
        self.bend();
        self.fill_layers();
    }

    /// What is joined between a layer and the next.
    pub fn links(&self, layer: usize) -> Vec<Link> {
        let mut links = Vec::new();
        for (at, net) in self.nets.iter().enumerate() {
            let bend = |layer: usize| {
                layer.checked_sub(net.first_bend).and_then(|at| net.bends.get(at)).copied()
            };
            let here = |items: &[usize], layer: usize| -> Vec<usize> {
                items.iter().copied().filter(|item| self.layer[*item] == layer).collect()
            };
            let mut tops = here(&net.from, layer);
            let mut bottoms = here(&net.to, layer + 1);
            tops.extend(bend(layer));
            bottoms.extend(bend(layer + 1));
            if !tops.is_empty() && !bottoms.is_empty() {
                links.push(Link { net: at, tops, bottoms });
            }
        }
        links
    }

    /// The items on the way through a net, from one of its sources to one of its targets.
    pub fn way(&self, net: &Net, from: usize, to: usize) -> Vec<usize> {
        let between = self.layer[from] + 1..self.layer[to];
        let mut way = vec![from];
        way.extend(between.map(|layer| net.bends[layer - net.first_bend]));
        way.push(to);
        way
    }
}
