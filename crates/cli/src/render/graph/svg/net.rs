//! Flows as nets of items in layers. An item is a node, a joint where several flow together and
//! apart again, or a bend where a line passes a layer. Knows no coordinates.

use std::collections::HashMap;

use super::super::Drawing;

/// Wider rows would make the picture too small to be read in a pull request.
const WIDEST: usize = 4;

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
        };
        graph.place(drawing);
        graph.bend();
        graph.fill_layers();
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
