//! A plan as a picture before anybody draws it: lanes, nodes, flows and marks.
//! Knows the plan, and no format; each format is a file beside and knows only the drawing.

pub mod dot;
pub mod flows;
pub mod mermaid;
pub mod svg;
pub mod text;
mod longest;
#[cfg(test)]
mod tests;

use std::ops::Range as Places;

use plan_model::graph::CompiledPlan;
use plan_model::model::check::{Check, GateKind};
use plan_model::notation::Range;
use plan_model::resolve::What;
use plan_model::show::{Shown, ShownEntry, ShownPhase, ShownUndo, show};

pub use flows::Flow;

/// More nodes than this nobody can follow in a picture: phases are drawn whole instead.
pub const MOST_NODES: usize = 400;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    pub plan: String,
    pub title: Option<String>,
    pub environment: Option<String>,
    /// In the order of time; each has at least one node.
    pub lanes: Vec<Lane>,
    /// Lane by lane, within a lane so that every flow goes forward.
    pub nodes: Vec<Node>,
    /// Who waits for whom inside a lane; lanes follow one another without being told.
    pub flows: Vec<Flow>,
    /// Along the critical path, waiting for people not counted.
    pub takes: Option<Range>,
    /// The first step that cannot be undone.
    pub no_return: Option<usize>,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    pub id: String,
    pub title: Option<String>,
    pub maintenance: bool,
    pub takes: Option<Range>,
    pub nodes: Places<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub id: String,
    /// Its title, or what it does, in one line.
    pub says: String,
    pub work: Work,
    pub takes: Option<Range>,
    pub critical: bool,
    /// A `when` decides during the run.
    pub may_be_skipped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Step {
        undo: Undo,
        by_hand: bool,
    },
    Gate {
        checks: usize,
        by_people: usize,
    },
    /// A whole phase, where its steps are too many.
    Phase {
        steps: usize,
        gates: usize,
        without_return: usize,
    },
}

/// How a step is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undo {
    ReadOnly,
    /// It leaves something behind that does no harm, such as a backup.
    Kept,
    ByItself,
    Rollback,
    Irreversible,
    Unsaid,
}

impl Undo {
    pub const ALL: [Undo; 6] = [
        Undo::ReadOnly,
        Undo::Kept,
        Undo::ByItself,
        Undo::Rollback,
        Undo::Irreversible,
        Undo::Unsaid,
    ];

    pub fn words(self) -> &'static str {
        match self {
            Undo::ReadOnly => "changes nothing",
            Undo::Kept => "nothing to undo",
            Undo::ByItself => "undone by itself",
            Undo::Rollback => "rollback steps",
            Undo::Irreversible => "cannot be undone",
            Undo::Unsaid => "undo not said",
        }
    }
}

impl Node {
    pub fn is_gate(&self) -> bool {
        matches!(self.work, Work::Gate { .. })
    }

    pub fn is_irreversible(&self) -> bool {
        matches!(self.work, Work::Step { undo: Undo::Irreversible, .. })
    }

    /// What kind of thing it is, in words: colour and shape never say more than this.
    pub fn kind(&self) -> String {
        match self.work {
            Work::Step { undo, by_hand: false } => undo.words().to_owned(),
            Work::Step { undo, by_hand: true } => format!("by hand, {}", undo.words()),
            Work::Gate { checks, by_people: 0 } => counted(checks, "check"),
            Work::Gate { checks, by_people } if checks == by_people => {
                format!("{} by people", counted(checks, "check"))
            }
            Work::Gate { checks, by_people } => {
                format!("{}, {by_people} by people", counted(checks, "check"))
            }
            Work::Phase { steps, gates, without_return } => {
                let mut words = counted(steps, "step");
                if gates > 0 {
                    words += &format!(", {}", counted(gates, "checkpoint"));
                }
                if without_return > 0 {
                    words += &format!(", {without_return} without a way back");
                }
                words
            }
        }
    }
}

impl Lane {
    pub fn name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.id)
    }
}

impl Drawing {
    pub fn of(plan: &CompiledPlan) -> Drawing {
        let shown = show(plan);
        let bounds = plan_model::estimate::bounds(plan);
        let longest = longest::longest(&bounds);
        // What takes no time worth naming is drawn without one.
        let times =
            |entry: usize| bounds.entries[entry].run.filter(|range| *range != Range::default());
        // The order of the plan goes phase by phase, because phases follow one another.
        let mut place = vec![0; plan.entries().len()];
        for (at, entry) in plan.order.iter().enumerate() {
            place[*entry] = at;
        }
        let mut nodes: Vec<Node> =
            plan.order.iter().map(|entry| node(plan, *entry, &shown, times(*entry))).collect();
        for entry in longest.critical {
            nodes[place[entry]].critical = true;
        }
        let waits: Vec<Vec<usize>> = plan
            .order
            .iter()
            .map(|entry| plan.waits_in_phase(*entry).iter().map(|before| place[*before]).collect())
            .collect();
        let mut lanes = Vec::new();
        let mut flows = Vec::new();
        for (at, phase) in plan.plan.phases.iter().enumerate() {
            // What a `when` took out leaves nothing to draw.
            let Some(first) = phase.entries.clone().map(|entry| place[entry]).min() else {
                continue;
            };
            let nodes = first..first + phase.entries.len();
            flows.extend(flows::reduced(nodes.clone(), &waits));
            lanes.push(Lane {
                id: phase.id.clone(),
                title: shown.phases.get(at).and_then(|phase| phase.title.clone()).map(one_line),
                maintenance: phase.maintenance,
                takes: longest.phases[at],
                nodes,
            });
        }
        Drawing {
            plan: shown.plan,
            title: shown.title.map(one_line),
            environment: shown.environment,
            lanes,
            nodes,
            flows,
            takes: longest.total,
            no_return: plan.point_of_no_return().map(|entry| place[entry]),
        }
    }

    /// From the last nodes of each lane to the first ones of the next.
    pub fn between(&self) -> Vec<Flow> {
        let mut waits = vec![false; self.nodes.len()];
        let mut needed = vec![false; self.nodes.len()];
        for flow in &self.flows {
            flow.to.iter().for_each(|node| waits[*node] = true);
            flow.from.iter().for_each(|node| needed[*node] = true);
        }
        let pairs = self.lanes.iter().zip(self.lanes.iter().skip(1));
        pairs
            .map(|(lane, next)| Flow {
                from: lane.nodes.clone().filter(|node| !needed[*node]).collect(),
                to: next.nodes.clone().filter(|node| !waits[*node]).collect(),
            })
            .collect()
    }

    /// What people call it, and where it runs.
    pub fn heading(&self) -> String {
        let title = self.title.as_deref().unwrap_or(&self.plan);
        match &self.environment {
            Some(environment) => format!("{title} ({environment})"),
            None => title.to_owned(),
        }
    }

    /// Each phase as one node: for pictures that would be too large to be read.
    pub fn collapsed(&self) -> Drawing {
        let whole = |lane: &Lane| {
            let nodes = &self.nodes[lane.nodes.clone()];
            let gates = nodes.iter().filter(|node| node.is_gate()).count();
            Node {
                id: lane.id.clone(),
                says: lane.title.clone().unwrap_or_default(),
                work: Work::Phase {
                    steps: nodes.len() - gates,
                    gates,
                    without_return: nodes.iter().filter(|node| node.is_irreversible()).count(),
                },
                takes: lane.takes,
                critical: nodes.iter().any(|node| node.critical),
                may_be_skipped: false,
            }
        };
        let in_lane = |node| self.lanes.iter().position(|lane| lane.nodes.contains(&node));
        Drawing {
            plan: self.plan.clone(),
            title: self.title.clone(),
            environment: self.environment.clone(),
            lanes: self
                .lanes
                .iter()
                .enumerate()
                .map(|(at, lane)| Lane { nodes: at..at + 1, ..lane.clone() })
                .collect(),
            nodes: self.lanes.iter().map(whole).collect(),
            flows: Vec::new(),
            takes: self.takes,
            no_return: self.no_return.and_then(in_lane),
        }
    }

    /// Why the phases are drawn whole.
    pub fn too_many(&self) -> String {
        format!(
            "{} entries are too many for a picture: each phase is drawn whole",
            self.nodes.len()
        )
    }
}

fn node(plan: &CompiledPlan, entry: usize, shown: &Shown, takes: Option<Range>) -> Node {
    let of = plan.entry(entry);
    let phase = &plan.plan.phases[of.phase];
    let texts = shown
        .phases
        .get(of.phase)
        .and_then(|shown: &ShownPhase| shown.entries.get(entry - phase.entries.start));
    let work = match &of.what {
        What::Step(step) => Work::Step {
            undo: undo(texts.and_then(|texts| texts.undo.as_ref())),
            by_hand: step.actions.manual().is_some(),
        },
        What::Checkpoint(checkpoint) => Work::Gate {
            checks: checkpoint.checks.len(),
            by_people: checkpoint.checks.iter().filter(|check| asks_people(check)).count(),
        },
    };
    Node {
        id: of.id.clone(),
        says: texts.map(says).unwrap_or_default(),
        work,
        takes,
        critical: false,
        may_be_skipped: of.conditional,
    }
}

fn undo(shown: Option<&ShownUndo>) -> Undo {
    match shown {
        Some(ShownUndo::Rollback { .. }) => Undo::Rollback,
        Some(ShownUndo::ByItself { .. }) => Undo::ByItself,
        Some(ShownUndo::NothingToUndo { .. }) => Undo::Kept,
        Some(ShownUndo::ReadOnly) => Undo::ReadOnly,
        Some(ShownUndo::Irreversible { .. }) => Undo::Irreversible,
        Some(ShownUndo::Unsaid) | None => Undo::Unsaid,
    }
}

fn says(texts: &ShownEntry) -> String {
    if let Some(title) = &texts.title {
        return one_line(title.clone());
    }
    match &texts.action {
        Some(action) => one_line(action.does.clone()),
        None => one_line(texts.checks.join("; ")),
    }
}

fn asks_people(check: &Check) -> bool {
    match check {
        Check::Manual(_) => true,
        Check::Gate(gate) => gate.gate == GateKind::Approved,
        Check::AnyOf(any) => any.any_of.iter().all(asks_people),
        _ => false,
    }
}

/// The first line that says something; that there is more is shown. Control characters have no
/// shape, and XML forbids them.
fn one_line(text: String) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first: Vec<_> = lines.next().unwrap_or("").split_whitespace().collect();
    let more = if lines.next().is_some() { " …" } else { "" };
    let line = first.join(" ").replace(|c: char| c.is_control(), "\u{FFFD}");
    line + more
}

pub fn counted(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// "up to 2 min" where the best case is nothing.
pub fn spoken(takes: Range) -> String {
    if takes.best.is_zero() && !takes.worst.is_zero() {
        return format!("up to {}", plan_model::notation::Spoken(takes.worst));
    }
    takes.to_string()
}
