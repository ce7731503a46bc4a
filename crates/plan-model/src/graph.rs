//! Compiles a resolved plan into a dependency graph: implicit order, gates, phases, and back.
//! petgraph stays inside. Finds unknown needs, duplicate ids and cycles; runs nothing.

pub mod before;
pub mod net;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use petgraph::{Direction, Outgoing};
use rustc_hash::FxHashMap;

use crate::diagnostic::Diagnostic;
use crate::model::plan::{OnFailure, OnFailureWord};
use crate::resolve::{EntryOf, Plan, What};
use crate::source::Span;

/// Why one thing waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It says so, here.
    Need(Span),
    /// It stands below.
    Order,
    /// A checkpoint stands between.
    Gate,
    /// A phase begins or ends.
    Phase,
    /// One after the other of a `for_each`.
    Item,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Entry(usize),
    PhaseStart(usize),
    PhaseEnd(usize),
}

/// A plan whose every entry knows what it waits for: only such a plan can run.
#[derive(Debug)]
pub struct CompiledPlan {
    pub plan: Plan,
    graph: DiGraph<Node, Wait>,
    nodes: Vec<NodeIndex>,
    /// All nodes in a valid order: worked out once, walked by every pass.
    node_order: Vec<NodeIndex>,
    /// Entries in an order that respects every need; ties in the order of the file.
    pub order: Vec<usize>,
    by_id: FxHashMap<String, usize>,
    /// Every id is unique and no entry waits for itself: only then does the order mean something.
    is_sound: bool,
}

impl CompiledPlan {
    fn new(
        plan: Plan,
        graph: DiGraph<Node, Wait>,
        nodes: Vec<NodeIndex>,
        node_order: Vec<NodeIndex>,
        by_id: FxHashMap<String, usize>,
        is_sound: bool,
    ) -> Self {
        let entry = |node: &NodeIndex| match graph[*node] {
            Node::Entry(at) => Some(at),
            _ => None,
        };
        let order = node_order.iter().filter_map(entry).collect();
        CompiledPlan { plan, graph, nodes, node_order, order, by_id, is_sound }
    }

    pub fn entries(&self) -> &[EntryOf] {
        &self.plan.entries
    }

    pub fn entry(&self, at: usize) -> &EntryOf {
        &self.plan.entries[at]
    }

    pub fn is_sound(&self) -> bool {
        self.is_sound
    }

    /// With fewer, starting a thread for a pass over all costs more than it saves.
    pub fn has_many_entries(&self) -> bool {
        self.plan.entries.len() >= 500
    }

    pub fn by_id(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// What an entry waits for directly, starts and ends of phases skipped over.
    pub fn waits_for(&self, at: usize) -> Vec<(usize, Wait)> {
        self.neighbours(at, Direction::Incoming)
    }

    /// The same as far as it lies in the entry's own phase: enough for a picture, because phases
    /// follow one another, and never as many as a phase that starts with all ends of the one before.
    pub fn waits_in_phase(&self, at: usize) -> Vec<usize> {
        let before = self.graph.neighbors_directed(self.nodes[at], Direction::Incoming);
        let mut found: Vec<usize> = before
            .filter_map(|node| match self.graph[node] {
                Node::Entry(entry) => Some(entry),
                _ => None,
            })
            .filter(|entry| self.plan.entries[*entry].phase == self.plan.entries[at].phase)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What waits for an entry directly.
    pub fn needed_by(&self, at: usize) -> Vec<(usize, Wait)> {
        self.neighbours(at, Outgoing)
    }

    fn neighbours(&self, at: usize, direction: Direction) -> Vec<(usize, Wait)> {
        let mut found = Vec::new();
        let mut todo: Vec<(NodeIndex, Option<Wait>)> = vec![(self.nodes[at], None)];
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some((node, through)) = todo.pop() {
            for edge in self.graph.edges_directed(node, direction) {
                let other = if direction == Outgoing { edge.target() } else { edge.source() };
                let wait = through.unwrap_or(*edge.weight());
                if !seen.insert(other) {
                    continue;
                }
                match self.graph[other] {
                    Node::Entry(entry) => found.push((entry, wait)),
                    _ => todo.push((other, Some(Wait::Phase))),
                }
            }
        }
        found.sort_by_key(|(entry, _)| *entry);
        found
    }

    /// Edges between entries and phase marks, as the scheduler and drawings use them.
    pub fn edge_count(&self) -> usize {
        self.graph.edge_count()
    }

    /// Whether `first` has always ended before `then` starts.
    pub fn is_before(&self, first: usize, then: usize) -> bool {
        let (a, b) = (&self.plan.entries[first], &self.plan.entries[then]);
        if first == then {
            return false;
        }
        if a.phase != b.phase {
            return a.phase < b.phase;
        }
        if b.needs.is_none() && !b.beside_previous && first < then {
            return true;
        }
        let phase = a.phase;
        let mut todo = vec![self.nodes[then]];
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some(node) = todo.pop() {
            for other in self.graph.neighbors_directed(node, Direction::Incoming) {
                match self.graph[other] {
                    Node::Entry(entry) if entry == first => return true,
                    Node::Entry(entry)
                        if self.plan.entries[entry].phase == phase && seen.insert(other) =>
                    {
                        todo.push(other);
                    }
                    _ => {}
                }
            }
        }
        false
    }

    /// The order in which a complete rollback from the very end would undo: last started first.
    pub fn rollback_order(&self) -> Vec<usize> {
        self.order
            .iter()
            .rev()
            .copied()
            .filter(|at| self.plan.entries[*at].step().is_some())
            .collect()
    }

    /// The first step that cannot be undone, if there is one.
    pub fn point_of_no_return(&self) -> Option<usize> {
        let cannot = |at: &usize| {
            self.plan.entries[*at].step().is_some_and(|step| step.irreversible.is_some())
        };
        self.order.iter().copied().find(cannot)
    }

    /// Each entry with those that it waits for, in a valid order: for passes over the whole plan.
    pub fn walk(&self, mut see: impl FnMut(usize, &[usize])) {
        let mut waits = Vec::new();
        for at in &self.order {
            waits.clear();
            waits.extend(self.waits_for(*at).into_iter().map(|(entry, _)| entry));
            see(*at, &waits);
        }
    }

    /// Carries a value along every path: each node combines those of all it waits for.
    ///
    /// Starts and ends of phases are nodes of their own, so this is linear in the edges.
    pub fn flow<T: Clone>(
        &self,
        start: T,
        combine: impl Fn(&mut T, &T),
        mut at_entry: impl FnMut(usize, &T) -> T,
    ) -> Vec<T> {
        let mut values: Vec<Option<T>> = vec![None; self.graph.node_count()];
        let mut results: Vec<Option<T>> = vec![None; self.nodes.len()];
        for node in self.node_order.iter().copied() {
            let mut value = start.clone();
            for before in self.graph.neighbors_directed(node, Direction::Incoming) {
                if let Some(other) = &values[before.index()] {
                    combine(&mut value, other);
                }
            }
            values[node.index()] = Some(match self.graph[node] {
                Node::Entry(at) => {
                    results[at] = Some(value.clone());
                    at_entry(at, &value)
                }
                _ => value,
            });
        }
        results.into_iter().map(|value| value.unwrap_or_else(|| start.clone())).collect()
    }

    /// The same against the direction of time: each node combines those of all that wait for it.
    pub fn flow_back<T: Clone>(
        &self,
        start: T,
        combine: impl Fn(&mut T, &T),
        mut at_entry: impl FnMut(usize, &T) -> T,
    ) -> Vec<T> {
        let mut values: Vec<Option<T>> = vec![None; self.graph.node_count()];
        let mut results: Vec<Option<T>> = vec![None; self.nodes.len()];
        for node in self.node_order.iter().rev().copied() {
            let mut value = start.clone();
            for after in self.graph.neighbors_directed(node, Outgoing) {
                if let Some(other) = &values[after.index()] {
                    combine(&mut value, other);
                }
            }
            values[node.index()] = Some(match self.graph[node] {
                Node::Entry(at) => {
                    results[at] = Some(value.clone());
                    at_entry(at, &value)
                }
                _ => value,
            });
        }
        results.into_iter().map(|value| value.unwrap_or_else(|| start.clone())).collect()
    }
}

/// Orders a plan. `None` where it has no order: a cycle, or entries of the same id.
pub fn compile(plan: Plan, found: &mut Vec<Diagnostic>) -> Option<CompiledPlan> {
    Some(compile_anyway(plan, found)).filter(|compiled| compiled.is_sound)
}

/// The same for a plan that has no order: good enough to look for what else is wrong.
pub fn compile_anyway(plan: Plan, found: &mut Vec<Diagnostic>) -> CompiledPlan {
    let (by_id, unique) = unique_ids(&plan, found);
    let mut builder = Builder::new(&plan, &by_id, true, found);
    builder.build();
    let Builder { graph, nodes, .. } = builder;
    if let Some(node_order) = ordered(&graph) {
        return CompiledPlan::new(plan, graph, nodes, node_order, by_id, unique);
    }
    if unique {
        report_cycles(&graph, &plan, found);
    }
    let mut again = Vec::new();
    let mut builder = Builder::new(&plan, &by_id, false, &mut again);
    builder.build();
    let Builder { graph, nodes, .. } = builder;
    let node_order = ordered(&graph).expect("the order of the file has no cycle");
    CompiledPlan::new(plan, graph, nodes, node_order, by_id, false)
}

/// Each id with its first entry, and whether there is no second.
fn unique_ids(plan: &Plan, found: &mut Vec<Diagnostic>) -> (FxHashMap<String, usize>, bool) {
    let mut by_id: FxHashMap<String, usize> = FxHashMap::default();
    by_id.reserve(plan.entries.len());
    let mut unique = true;
    for (at, entry) in plan.entries.iter().enumerate() {
        if let Some(first) = by_id.get(&entry.id) {
            unique = false;
            found.push(duplicate_id(plan, &plan.entries[*first], entry));
        } else {
            by_id.insert(entry.id.clone(), at);
        }
    }
    let mut phases: FxHashMap<&str, Span> = FxHashMap::default();
    for phase in &plan.phases {
        if let Some(first) = phases.insert(&phase.id, phase.span) {
            found.push(
                Diagnostic::error(
                    "duplicate-id",
                    phase.span,
                    format!("the phase `{}` is there twice", phase.id),
                )
                .label("given again here")
                .related(first, "first given here")
                .help("give the phase another id"),
            );
        }
    }
    (by_id, unique)
}

fn duplicate_id(plan: &Plan, first: &EntryOf, again: &EntryOf) -> Diagnostic {
    let message = format!("the id `{}` is taken", again.id);
    let scope = &plan.scopes[again.scope];
    let diagnostic = match (plan.scopes[first.scope].included_at, scope.included_at) {
        // The same file twice: the two includes are what differs.
        (Some(before), Some(place))
            if before != place
                && (first.span.start, first.span.end) == (again.span.start, again.span.end) =>
        {
            Diagnostic::error("duplicate-id", place, message)
                .label("included again here")
                .related(before, "first included here")
                .related(again.span, "the id stands here")
                .help("give one of the includes a `prefix`")
        }
        _ => Diagnostic::error("duplicate-id", again.span, message)
            .label("given again here")
            .related(first.span, "first given here"),
    };
    match &again.item {
        Some(_) => {
            diagnostic.help("the steps of a `for_each` are named ID-ITEM: choose another id")
        }
        None if diagnostic.help.is_empty() => {
            diagnostic.help("an id is unique in the whole plan; an include can have a `prefix`")
        }
        None => diagnostic,
    }
}

struct Builder<'p> {
    plan: &'p Plan,
    by_id: &'p FxHashMap<String, usize>,
    with_needs: bool,
    found: &'p mut Vec<Diagnostic>,
    graph: DiGraph<Node, Wait>,
    nodes: Vec<NodeIndex>,
}

impl<'p> Builder<'p> {
    fn new(
        plan: &'p Plan,
        by_id: &'p FxHashMap<String, usize>,
        with_needs: bool,
        found: &'p mut Vec<Diagnostic>,
    ) -> Self {
        let (entries, phases) = (plan.entries.len(), plan.phases.len());
        let mut graph = DiGraph::with_capacity(entries + 2 * phases, 3 * entries + 2 * phases);
        let nodes = (0..entries).map(|at| graph.add_node(Node::Entry(at))).collect();
        Builder { plan, by_id, with_needs, found, graph, nodes }
    }

    fn build(&mut self) {
        let mut before: Option<NodeIndex> = None;
        for (at, phase) in self.plan.phases.iter().enumerate() {
            let start = self.graph.add_node(Node::PhaseStart(at));
            let end = self.graph.add_node(Node::PhaseEnd(at));
            if let Some(before) = before {
                self.graph.add_edge(before, start, Wait::Phase);
            }
            self.phase(phase.entries.clone(), start, end);
            before = Some(end);
        }
    }

    /// An entry without `needs` waits for all above it. It is enough to wait for those since the
    /// last such entry, because that one waited for everything before: each edge is made once.
    fn phase(&mut self, entries: std::ops::Range<usize>, start: NodeIndex, end: NodeIndex) {
        let mut open: Vec<NodeIndex> = vec![start];
        let mut waits_of_group: Vec<NodeIndex> = Vec::new();
        let mut gate: Option<NodeIndex> = None;
        for at in entries {
            let entry = &self.plan.entries[at];
            let node = self.nodes[at];
            if entry.after_previous {
                self.graph.add_edge(self.nodes[at - 1], node, Wait::Item);
                open.push(node);
                continue;
            }
            match &entry.needs {
                None if entry.beside_previous => {
                    for before in &waits_of_group {
                        self.graph.add_edge(*before, node, order_or_phase(*before, start));
                    }
                    open.push(node);
                }
                None => {
                    for before in &open {
                        self.graph.add_edge(*before, node, order_or_phase(*before, start));
                    }
                    waits_of_group = std::mem::replace(&mut open, vec![node]);
                }
                Some(needs) => {
                    self.graph.add_edge(
                        gate.unwrap_or(start),
                        node,
                        if gate.is_some() { Wait::Gate } else { Wait::Phase },
                    );
                    if self.with_needs {
                        for (id, span) in needs {
                            self.need(at, id, *span);
                        }
                    }
                    open.push(node);
                }
            }
            if entry.checkpoint().is_some() {
                gate = Some(node);
            }
        }
        for last in open {
            self.graph.add_edge(last, end, Wait::Phase);
        }
    }

    fn need(&mut self, at: usize, id: &str, span: Span) {
        if let Some(group) = self.plan.groups.get(id) {
            for other in group {
                self.graph.add_edge(self.nodes[*other], self.nodes[at], Wait::Need(span));
            }
            return;
        }
        if let Some(other) = self.by_id.get(id) {
            self.graph.add_edge(self.nodes[*other], self.nodes[at], Wait::Need(span));
            return;
        }
        if self.plan.left_out.contains(id) || self.plan.refused_ids.contains(id) {
            return;
        }
        self.found.push(unknown_entry("unknown-need", id, span, self.plan));
    }
}

/// "There is no step `x`", with the nearest one.
pub fn unknown_entry(code: &'static str, id: &str, span: Span, plan: &Plan) -> Diagnostic {
    let only_checkpoints = code == "unknown-checkpoint";
    let what = if only_checkpoints { "checkpoint" } else { "step or checkpoint" };
    let mut diagnostic = Diagnostic::error(code, span, format!("there is no {what} `{id}`"));
    if let Some(phase) = plan.phases.iter().find(|phase| phase.id == id) {
        return diagnostic
            .related(phase.span, "this is a phase")
            .help("phases follow one another by themselves: leave it out, or name a step");
    }
    let meant = |entry: &&EntryOf| !only_checkpoints || entry.checkpoint().is_some();
    let mut known = plan.entries.iter().filter(meant).map(|entry| entry.id.as_str());
    let suffix = format!("-{id}");
    let near = crate::schema::nearest(id, known.clone())
        .or_else(|| known.find(|known| known.ends_with(&suffix)));
    if let Some(near) = near {
        let place = plan.entries.iter().find(|entry| entry.id == near).map(|entry| entry.span);
        diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
        if let Some(place) = place {
            diagnostic = diagnostic.related(place, "it stands here");
        }
    }
    diagnostic.help(format!("name the id of a {what} of this plan"))
}

fn order_or_phase(before: NodeIndex, start: NodeIndex) -> Wait {
    if before == start { Wait::Phase } else { Wait::Order }
}

/// Topological, smallest place in the file first: the same plan always gives the same order.
fn ordered(graph: &DiGraph<Node, Wait>) -> Option<Vec<NodeIndex>> {
    use std::cmp::Reverse;
    let rank = |node: NodeIndex| match graph[node] {
        Node::PhaseStart(_) | Node::PhaseEnd(_) => (0, node.index()),
        Node::Entry(at) => (1, at),
    };
    let mut missing: Vec<u32> = vec![0; graph.node_count()];
    for edge in graph.edge_references() {
        missing[edge.target().index()] += 1;
    }
    let free = graph.node_indices().filter(|node| missing[node.index()] == 0);
    let mut ready: std::collections::BinaryHeap<_> =
        free.map(|node| Reverse((rank(node), node))).collect();
    let mut order = Vec::with_capacity(graph.node_count());
    while let Some(Reverse((_, node))) = ready.pop() {
        order.push(node);
        for next in graph.neighbors(node) {
            let left = &mut missing[next.index()];
            *left -= 1;
            if *left == 0 {
                ready.push(Reverse((rank(next), next)));
            }
        }
    }
    (order.len() == graph.node_count()).then_some(order)
}

/// Each knot once, every edge of it shown.
fn report_cycles(graph: &DiGraph<Node, Wait>, plan: &Plan, found: &mut Vec<Diagnostic>) {
    for knot in tarjan_scc(graph) {
        let is_cycle =
            knot.len() > 1 || knot.first().is_some_and(|node| graph.contains_edge(*node, *node));
        if !is_cycle {
            continue;
        }
        let path = shortest_cycle(graph, &knot);
        let entry_of = |node: NodeIndex| match graph[node] {
            Node::Entry(at) => Some(&plan.entries[at]),
            _ => None,
        };
        let named: Vec<&EntryOf> = path.iter().filter_map(|(node, _)| entry_of(*node)).collect();
        let Some(first) = named.first() else { continue };
        let route: Vec<_> =
            named.iter().chain([first]).map(|entry| format!("`{}`", entry.id)).collect();
        let needs: Vec<(Span, String)> = path
            .iter()
            .zip(path.iter().cycle().skip(1))
            .filter_map(|((from, wait), (to, _))| {
                let waits = entry_of(*to)?;
                match wait {
                    Wait::Need(span) => Some((*span, format!("`{}` waits for this", waits.id))),
                    Wait::Order | Wait::Gate | Wait::Item => {
                        let before = entry_of(*from)?;
                        Some((
                            waits.span,
                            format!(
                                "`{}` waits for `{}`, which stands above it",
                                waits.id, before.id
                            ),
                        ))
                    }
                    Wait::Phase => {
                        Some((waits.span, format!("the phase of `{}` comes later", waits.id)))
                    }
                }
            })
            .collect();
        let main =
            needs.iter().find(|(_, text)| text.ends_with("waits for this")).or(needs.first());
        let span = main.map_or(first.span, |(span, _)| *span);
        const SHOWN: usize = 6;
        let message = if named.len() == 1 {
            format!("`{}` waits for itself", first.id)
        } else if named.len() > SHOWN {
            let ends = format!(
                "{} ← … ← {}",
                route[..3].join(" ← "),
                route[route.len() - 2..].join(" ← ")
            );
            format!("these {} wait for each other: {ends}", named.len())
        } else {
            format!("these wait for each other: {}", route.join(" ← "))
        };
        let mut diagnostic = Diagnostic::error("cycle", span, message);
        for (place, text) in &needs {
            if *place == span && diagnostic.label.is_empty() {
                diagnostic = diagnostic.label(text.clone());
            } else {
                diagnostic = diagnostic.related(*place, text.clone());
            }
        }
        found.push(diagnostic.help("take one of the `needs` out, or move a step"));
    }
}

/// A shortest way round in a knot, each node with the edge that leaves it.
fn shortest_cycle(graph: &DiGraph<Node, Wait>, knot: &[NodeIndex]) -> Vec<(NodeIndex, Wait)> {
    let inside: rustc_hash::FxHashSet<NodeIndex> = knot.iter().copied().collect();
    // Starting at a written `need` gives the way round that the author can see.
    let start = graph
        .edge_references()
        .filter(|edge| inside.contains(&edge.source()) && inside.contains(&edge.target()))
        .find(|edge| matches!(edge.weight(), Wait::Need(_)));
    let Some(first) = start else { return Vec::new() };
    let (goal, from) = (first.source(), first.target());
    let mut came: FxHashMap<NodeIndex, (NodeIndex, Wait)> = FxHashMap::default();
    let mut todo = std::collections::VecDeque::from([from]);
    while let Some(node) = todo.pop_front() {
        if node == goal {
            break;
        }
        for edge in graph.edges(node) {
            let next = edge.target();
            if inside.contains(&next) && next != from && !came.contains_key(&next) {
                came.insert(next, (node, *edge.weight()));
                todo.push_back(next);
            }
        }
    }
    let mut path = vec![(goal, *first.weight())];
    let mut at = goal;
    while at != from {
        let Some((before, wait)) = came.get(&at) else { break };
        path.push((*before, *wait));
        at = *before;
    }
    path.reverse();
    path
}

/// What a failure of an entry leads to.
pub fn on_failure(entry: &EntryOf) -> OnFailure {
    let said = match &entry.what {
        What::Step(step) => step.on_failure.clone(),
        What::Checkpoint(checkpoint) => checkpoint.on_failure.clone(),
    };
    said.unwrap_or(OnFailure::Word(OnFailureWord::Rollback))
}
