//! One node as a box with its words: what is in it, how high that is, and how it is drawn.

use super::super::{Node, Undo, Work, counted, spoken};
use super::columns::BOX;
use super::letters::Face;
use super::pen::{Path, Pen, escaped};

const ID: Face = Face::bold(13.0);
const SAYS: Face = Face::regular(12.0);
const SMALL: Face = Face::regular(11.0);
/// The slanted ends of a gate.
const SLANT: f64 = 14.0;
const PADDING: f64 = 14.0;
const ICON: f64 = 12.0;

/// The words of a node, cut to what its box can hold.
pub struct Card<'d> {
    node: &'d Node,
    id: String,
    says: Vec<String>,
    kind: String,
    takes: String,
    asks_people: bool,
    pub height: f64,
}

impl<'d> Card<'d> {
    pub fn new(node: &'d Node) -> Card<'d> {
        let asks_people = match node.work {
            Work::Step { by_hand, .. } => by_hand,
            Work::Gate { by_people, .. } => by_people > 0,
            Work::Phase { .. } => false,
        };
        let room = BOX - 2.0 * side(node);
        let person = if asks_people { ICON + 6.0 } else { 0.0 };
        let says = SAYS.lines(&node.says, room, 2);
        let takes = node.takes.map_or(String::new(), spoken);
        let left = room - ICON - 5.0 - SMALL.width(&takes) - 10.0;
        let kind = match node.work {
            Work::Step { undo, .. } => short(undo).to_owned(),
            Work::Gate { checks, .. } => counted(checks, "check"),
            Work::Phase { .. } => node.kind(),
        };
        Card {
            node,
            id: ID.cut(&node.id, room - person),
            // Half a word says less than the icon beside it.
            kind: if SMALL.width(&kind) * 1.1 <= left { kind } else { String::new() },
            height: 46.0 + 15.0 * says.len() as f64,
            says,
            takes,
            asks_people,
        }
    }

    pub fn draw(&self, pen: &mut Pen, middle: f64, top: f64, is_no_return: bool) {
        let (left, height) = (middle - BOX / 2.0, self.height);
        pen.raw(&format!("<g class=\"{}\">", self.classes()));
        pen.raw(&format!("<title>{}</title>", escaped(&self.tooltip(is_no_return))));
        if self.node.is_gate() {
            pen.path("box", "", &hexagon(left, top, BOX, height));
        } else {
            pen.rect("box", left, top, BOX, height, 8.0);
            pen.path("bar", "", &bar(left, top, height));
        }
        let (from, to) = (left + side(self.node), left + BOX - side(self.node));
        let mut y = top + 19.0;
        pen.text("id", from, y, &self.id);
        if self.asks_people {
            pen.icon("icon person", to - ICON, top + 9.0, PERSON);
        }
        for line in &self.says {
            y += 15.0;
            pen.text("says", from, y, line);
        }
        y += 17.0;
        if let Some(icon) = icon(self.node) {
            pen.icon("icon", from, y - 10.0, icon);
        }
        if !self.kind.is_empty() {
            pen.text("small", from + ICON + 5.0, y, &self.kind);
        }
        if !self.takes.is_empty() {
            pen.text_before("small", to, y, &self.takes);
        }
        pen.raw("</g>");
    }

    fn classes(&self) -> String {
        let mut classes = vec!["node", class(self.node)];
        classes.extend(self.node.critical.then_some("critical"));
        classes.extend(self.node.may_be_skipped.then_some("skippable"));
        classes.join(" ")
    }

    /// All that the box had no room for.
    fn tooltip(&self, is_no_return: bool) -> String {
        let node = self.node;
        let mut facts = vec![node.kind()];
        facts.extend(node.takes.map(spoken));
        facts.extend(node.critical.then(|| "on the critical path".to_owned()));
        facts.extend(node.may_be_skipped.then(|| "may be skipped".to_owned()));
        facts.extend(is_no_return.then(|| "point of no return".to_owned()));
        let says = if node.says.is_empty() { String::new() } else { format!(": {}", node.says) };
        format!("{}{says} ({})", node.id, facts.join(", "))
    }
}

fn side(node: &Node) -> f64 {
    if node.is_gate() { SLANT + 6.0 } else { PADDING }
}

pub fn class(node: &Node) -> &'static str {
    match node.work {
        Work::Gate { .. } => "gate",
        Work::Phase { .. } => "phase",
        Work::Step { undo, .. } => undo_class(undo),
    }
}

/// Beside the icon; the legend has the long form.
fn short(undo: Undo) -> &'static str {
    match undo {
        Undo::ReadOnly => "read only",
        Undo::Kept => "nothing to undo",
        Undo::ByItself => "by itself",
        Undo::Rollback => "rollback",
        Undo::Irreversible => "irreversible",
        Undo::Unsaid => "not said",
    }
}

pub fn undo_class(undo: Undo) -> &'static str {
    match undo {
        Undo::ReadOnly | Undo::Kept => "nothing",
        Undo::ByItself => "itself",
        Undo::Rollback => "rollback",
        Undo::Irreversible => "never",
        Undo::Unsaid => "unsaid",
    }
}

fn icon(node: &Node) -> Option<&'static str> {
    match node.work {
        Work::Gate { .. } => Some(GATE),
        Work::Phase { .. } => Some(BOXES),
        Work::Step { undo, .. } => Some(undo_icon(undo)),
    }
}

/// Icons are drawn in a square of 12.
pub fn undo_icon(undo: Undo) -> &'static str {
    match undo {
        Undo::ReadOnly => "M1 6Q6 .6 11 6Q6 11.4 1 6ZM6 4.6A1.4 1.4 0 1 1 5.99 4.6",
        Undo::Kept => "M1.5 2H10.5V4.6H1.5ZM2.5 4.6V10.4H9.5V4.6M5 7H7",
        Undo::ByItself => "M2 4.4A4.6 4.6 0 1 1 1.6 7M1.6 1.4V4.6H4.8",
        Undo::Rollback => "M4.2 1.8L1.4 4.5L4.2 7.2M1.4 4.5H7.8A2.9 2.9 0 0 1 7.8 10.3H4.6",
        Undo::Irreversible => "M6 1.2A4.8 4.8 0 1 1 5.99 1.2M2.7 2.7L9.3 9.3",
        Undo::Unsaid => "M3.6 4A2.4 2.4 0 1 1 6 6.4V7.8M6 10.3V10.5",
    }
}

pub const GATE: &str = "M6 .8L11.2 6L6 11.2L.8 6ZM3.9 6L5.4 7.5L8.2 4.6";
pub const PERSON: &str = "M6 1.2A2.3 2.3 0 1 1 5.99 1.2M1.6 11C1.6 6.4 10.4 6.4 10.4 11";
const BOXES: &str = "M1.5 1.5H5V5H1.5ZM7 1.5H10.5V5H7ZM1.5 7H5V10.5H1.5ZM7 7H10.5V10.5H7Z";

pub fn hexagon(left: f64, top: f64, width: f64, height: f64) -> String {
    let slant = SLANT.min(width / 3.0);
    let (right, bottom, middle) = (left + width, top + height, top + height / 2.0);
    Path::default()
        .to('M', &[left + slant, top])
        .to('L', &[right - slant, top])
        .to('L', &[right, middle])
        .to('L', &[right - slant, bottom])
        .to('L', &[left + slant, bottom])
        .to('L', &[left, middle])
        .done()
        + "Z"
}

/// A stripe along the left side, inside the round corners.
fn bar(left: f64, top: f64, height: f64) -> String {
    let bottom = top + height;
    Path::default()
        .to('M', &[left + 6.0, top + 1.0])
        .to('Q', &[left + 1.0, top + 2.0, left + 1.0, top + 8.0])
        .to('L', &[left + 1.0, bottom - 8.0])
        .to('Q', &[left + 1.0, bottom - 2.0, left + 6.0, bottom - 1.0])
        .done()
        + "Z"
}
