//! A drawing for a terminal or a pipe: one line a node, with rails that show who waits for whom.
//! No wider than it is told; words and shapes carry everything, colour repeats some of it.

mod rails;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Drawing, Lane, Node, Undo, Work, counted, spoken};
use crate::theme::{self, paint};
use rails::Row;

/// Narrower than this the words would be nothing but dots.
const NARROWEST: usize = 60;
const LONGEST_ID: usize = 28;

pub fn draw(drawing: &Drawing, width: usize) -> String {
    let page = Page::new(drawing, width.max(NARROWEST));
    let mut out = String::new();
    page.head(&mut out);
    for lane in &drawing.lanes {
        page.lane(lane, &mut out);
    }
    page.legend(&mut out);
    out
}

struct Page<'d> {
    drawing: &'d Drawing,
    width: usize,
    id: usize,
    kind: usize,
    takes: usize,
}

impl<'d> Page<'d> {
    fn new(drawing: &'d Drawing, width: usize) -> Self {
        let most = |of: &dyn Fn(&Node) -> usize| drawing.nodes.iter().map(of).max().unwrap_or(0);
        Page {
            drawing,
            width,
            id: most(&|node| node.id.width()).min(LONGEST_ID),
            kind: most(&|node| mark_of(node).width()),
            takes: most(&|node| time_of(node).width()),
        }
    }

    fn head(&self, out: &mut String) {
        line(out, &paint(theme::STRONG, &cut(&self.drawing.heading(), self.width)));
        if let Some(takes) = self.drawing.takes {
            line(out, &format!("{} along the critical path", spoken(takes)));
        }
    }

    fn lane(&self, lane: &Lane, out: &mut String) {
        let takes = lane.takes.map_or(String::new(), spoken);
        let users = if lane.maintenance { "users are out" } else { "" };
        let facts: Vec<_> = [users, &takes].into_iter().filter(|text| !text.is_empty()).collect();
        let facts = facts.join(", ");
        let room = self.width.saturating_sub(facts.width() + 8).max(12);
        let name = cut(lane.name(), room);
        let rule = "─".repeat(self.width.saturating_sub(name.width() + facts.width() + 6).max(2));
        let style = if lane.maintenance { theme::WARN } else { theme::FAINT };
        let facts = if facts.is_empty() { "─".to_owned() } else { paint(style, &facts) };
        line(
            out,
            &format!(
                "\n{} {} {rule} {facts}",
                paint(theme::FAINT, "──"),
                paint(theme::STRONG, &name)
            ),
        );
        let rows = rails::rows(lane, &self.drawing.flows);
        // Rails and the gap behind them are as wide all through a lane, so that columns stand.
        let rails = rows.iter().map(|row| row.width()).max().unwrap_or(0);
        for row in &rows {
            if self.drawing.no_return == Some(row.node) {
                let text = " no way back from here ";
                let rule = "═".repeat(self.width.saturating_sub(rails + 6 + text.width()));
                let text = format!(
                    "  {}  {}",
                    row.above(rails),
                    paint(theme::BAD, &format!("══{text}{rule}"))
                );
                line(out, &text);
            }
            self.node(row, rails, out);
        }
    }

    fn node(&self, row: &Row, rails: usize, out: &mut String) {
        let node = &self.drawing.nodes[row.node];
        let style = style_of(node);
        let id = cut(&node.id, self.id);
        let id = format!("{}{}", paint(style, &id), " ".repeat(self.id - id.width()));
        let takes = time_of(node);
        let fixed = 2 + rails + 2 + self.id + 2 + 2 + self.kind + 2 + self.takes;
        let room = self.width.saturating_sub(fixed);
        let mut says = node.says.clone();
        if node.may_be_skipped {
            says = format!("(may be skipped) {says}");
        }
        if !row.after.is_empty() {
            let names: Vec<_> =
                row.after.iter().map(|node| self.drawing.nodes[*node].id.as_str()).collect();
            says = format!("after {}: {says}", names.join(", "));
        }
        let says = cut(&says, room);
        let mark = mark_of(node);
        let text = format!(
            "  {}  {id}  {says}{}  {}{}  {:>takes_width$}",
            row.drawn(node, rails),
            " ".repeat(room - says.width()),
            paint(kind_style(node), &mark),
            " ".repeat(self.kind - mark.width()),
            takes,
            takes_width = self.takes,
        );
        line(out, &text);
    }

    /// Only what stands in this picture.
    fn legend(&self, out: &mut String) {
        let nodes = &self.drawing.nodes;
        let mut words = Vec::new();
        let mut say = |is_there: bool, mark: &str, text: &str| {
            if is_there {
                words.push(format!("{mark} {text}"));
            }
        };
        say(nodes.iter().any(|node| !node.is_gate()), "○", "step");
        say(nodes.iter().any(Node::is_gate), "◇", "checkpoint");
        say(nodes.iter().any(|node| node.critical), "● ◆", "on the critical path");
        let mut marks = Vec::new();
        for undo in Undo::ALL {
            let has =
                |node: &Node| matches!(node.work, Work::Step { undo: own, .. } if own == undo);
            if nodes.iter().any(has) {
                marks.push(format!("{}: {}", short(undo), undo.words()));
            }
        }
        out.push('\n');
        for words in [words, marks] {
            for text in wrapped(&words, self.width) {
                line(out, &paint(theme::FAINT, &text));
            }
        }
    }
}

fn short(undo: Undo) -> &'static str {
    match undo {
        Undo::ReadOnly => "read",
        Undo::Kept => "keep",
        Undo::ByItself => "auto",
        Undo::Rollback => "back",
        Undo::Irreversible => "NEVER",
        Undo::Unsaid => "?",
    }
}

/// The word in the column before the times.
fn mark_of(node: &Node) -> String {
    match node.work {
        Work::Step { undo, by_hand: false } => short(undo).to_owned(),
        Work::Step { undo, by_hand: true } => format!("hand, {}", short(undo)),
        Work::Gate { checks, .. } => counted(checks, "check"),
        Work::Phase { .. } => node.kind(),
    }
}

/// The column of times: where a person decides, nobody can say how long.
fn time_of(node: &Node) -> String {
    match (node.takes, node.work) {
        (Some(takes), _) => spoken(takes),
        (None, Work::Gate { by_people: 1.., .. } | Work::Step { by_hand: true, .. }) => {
            "asks people".to_owned()
        }
        _ => String::new(),
    }
}

fn style_of(node: &Node) -> Style {
    match (node.critical, node.is_gate()) {
        (true, _) => theme::NAME.bold(),
        (false, _) => theme::NAME,
    }
}

fn kind_style(node: &Node) -> Style {
    match node.work {
        Work::Step { undo: Undo::Irreversible | Undo::Unsaid, .. } => theme::BAD,
        Work::Step { undo: Undo::ByItself | Undo::Rollback, .. } => theme::GOOD,
        Work::Gate { by_people, .. } if by_people > 0 => theme::WARN,
        Work::Step { by_hand: true, .. } => theme::WARN,
        _ => theme::FAINT,
    }
}

/// Cut to a number of columns; the dots say that something is missing.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(c);
    }
    if columns > 0 {
        out.truncate(out.trim_end().len());
        out.push('…');
    }
    out
}

fn wrapped(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.width() + 3 + word.width() <= width => {
                line.push_str("   ");
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}
