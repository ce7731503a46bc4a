//! A drawing as a picture for browsers and pull requests: lanes from top to bottom, boxes in rows,
//! lines that cross no box. Light and dark by the reader's choice; made of text only, so that the
//! same plan is always the same picture.

mod card;
mod columns;
pub(super) mod letters;
mod net;
mod order;
mod pen;
mod rows;
mod spread;
mod tracks;

use super::{Drawing, Lane, MOST_NODES, Node, Undo, Work, counted, spoken};
use card::Card;
use letters::Face;
use net::{Graph, Item};
use pen::{Path, Pen, escaped, rounded, short};
use rows::{Needs, Rows, TRACK};
use tracks::Run;

const MARGIN: f64 = 16.0;
/// The words beside a lane.
const SIDE: f64 = 168.0;
const INSIDE: f64 = 24.0;
const NARROWEST: f64 = 420.0;
const ROUND: f64 = 8.0;
const HEADING: Face = Face::bold(20.0);
const NAME: Face = Face::bold(14.0);
const FACTS: Face = Face::regular(12.0);
const PILL: Face = Face::bold(11.0);
const SMALL: Face = Face::regular(11.0);

pub fn draw(drawing: &Drawing) -> String {
    if drawing.nodes.len() > MOST_NODES {
        return picture(&drawing.collapsed(), Some(drawing.too_many()));
    }
    picture(drawing, None)
}

fn picture(drawing: &Drawing, note: Option<String>) -> String {
    let mut graph = Graph::new(drawing);
    order::order(&mut graph);
    Picture::new(drawing, &graph, note).draw()
}

struct Picture<'d> {
    drawing: &'d Drawing,
    graph: &'d Graph,
    cards: Vec<Card<'d>>,
    sides: Vec<Side>,
    x: Vec<f64>,
    runs: Vec<Vec<Run>>,
    rows: Rows,
    width: f64,
    note: Option<String>,
}

impl<'d> Picture<'d> {
    fn new(drawing: &'d Drawing, graph: &'d Graph, note: Option<String>) -> Self {
        let cards: Vec<Card<'_>> = drawing.nodes.iter().map(Card::new).collect();
        let sides: Vec<Side> = drawing.lanes.iter().map(Side::new).collect();
        let mut x = columns::columns(graph);
        let right = (0..x.len()).map(|item| x[item] + columns::half(graph.items[item]));
        let content = right.fold(0.0, f64::max);
        let inside = content.max(NARROWEST);
        let left = MARGIN + SIDE + INSIDE + ((inside - content) / 2.0).round();
        x.iter_mut().for_each(|x| *x += left);
        let layers = 0..graph.layers.len();
        let (runs, tracks): (Vec<_>, Vec<_>) =
            layers.map(|layer| tracks::tracks(graph, layer, &x)).unzip();
        let rows = rows::rows(&Needs {
            graph,
            drawing,
            heights: &cards.iter().map(|card| card.height).collect::<Vec<_>>(),
            sides: &sides.iter().map(|side| side.height).collect::<Vec<_>>(),
            tracks: &tracks,
            top: if note.is_some() { 104.0 } else { 84.0 },
        });
        let width = 2.0 * MARGIN + SIDE + 2.0 * INSIDE + inside;
        Picture { drawing, graph, cards, sides, x, runs, rows, width, note }
    }

    fn draw(&self) -> String {
        let legend = legend(self.drawing, self.width - 2.0 * MARGIN);
        let height =
            self.rows.bottom + 24.0 + 20.0 * legend.last().map_or(0.0, |last| last.row + 1.0);
        let mut pen = Pen::default();
        let (w, h) = (short(self.width), short(height));
        pen.raw(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-labelledby=\"title desc\">"
        ));
        pen.raw(&format!("<title id=\"title\">{}</title>", escaped(&self.drawing.heading())));
        pen.raw(&format!("<desc id=\"desc\">{}</desc>", escaped(&described(self.drawing))));
        pen.raw(&format!("<style>\n{}</style>", include_str!("svg/style.css")));
        pen.rect("page", 0.5, 0.5, self.width - 1.0, height - 1.0, 10.0);
        self.head(&mut pen);
        for at in 0..self.drawing.lanes.len() {
            self.lane(at, &mut pen);
        }
        self.no_return(&mut pen);
        self.lines(&mut pen);
        for at in 0..self.cards.len() {
            let top = self.top(at);
            let is_no_return = self.drawing.no_return == Some(at);
            self.cards[at].draw(&mut pen, self.x[at], top, is_no_return);
        }
        for entry in &legend {
            entry.draw(&mut pen, MARGIN, self.rows.bottom + 28.0);
        }
        pen.raw("</svg>");
        pen.finish()
    }

    fn head(&self, pen: &mut Pen) {
        let room = self.width - 2.0 * MARGIN;
        pen.text("heading", MARGIN, 40.0, &HEADING.cut(&self.drawing.heading(), room));
        let takes = self.drawing.takes;
        let takes = takes
            .map_or(String::new(), |takes| format!(" · {} along the critical path", spoken(takes)));
        let facts = format!("{}{takes}", self.drawing.plan);
        pen.text("facts", MARGIN, 62.0, &FACTS.cut(&facts, room));
        if let Some(note) = &self.note {
            pen.text("facts", MARGIN, 82.0, &FACTS.cut(note, room));
        }
    }

    fn lane(&self, at: usize, pen: &mut Pen) {
        let (lane, band, side) = (&self.drawing.lanes[at], self.rows.lanes[at], &self.sides[at]);
        let class = if lane.maintenance { "lane out" } else { "lane" };
        let width = self.width - 2.0 * MARGIN;
        pen.rect(class, MARGIN, band.top, width, band.bottom - band.top, 8.0);
        pen.raw(if lane.maintenance { "<g class=\"out\">" } else { "<g>" });
        pen.raw(&format!("<title>{}</title>", escaped(&described_lane(lane, self.drawing))));
        pen.path("side", "", &side_shape(MARGIN, band.top, band.bottom));
        side.draw(pen, MARGIN + 14.0, band.top);
        pen.raw("</g>");
    }

    fn no_return(&self, pen: &mut Pen) {
        let Some((y, is_free_beside)) = self.rows.no_return else { return };
        let (left, right, words) = (MARGIN, self.width - MARGIN, "Point of no return");
        let from = if is_free_beside { left } else { left + SIDE };
        let line = Path::default().to('M', &[from, y]).to('L', &[right, y]).done();
        pen.path("no-return", "", &line);
        if is_free_beside {
            pen.text("no-return-text", left + 14.0, y - 8.0, words);
        } else {
            pen.text_before("no-return-text", right - 8.0, y - 5.0, words);
        }
    }

    fn top(&self, node: usize) -> f64 {
        let band = self.rows.layers[self.graph.layer[node]];
        band.top + ((band.bottom - band.top - self.cards[node].height) / 2.0).round()
    }

    /// The critical ones last, so that nothing lies on them.
    fn lines(&self, pen: &mut Pen) {
        let mut all = Vec::new();
        for (at, net) in self.graph.nets.iter().enumerate() {
            for from in &net.from {
                for to in &net.to {
                    let critical = self.is_critical(*from) && self.is_critical(*to);
                    all.push((critical, at, *from, *to));
                }
            }
        }
        all.sort_by_key(|line| line.0);
        for (critical, at, from, to) in &all {
            let class = if *critical { "line critical" } else { "line" };
            let ends =
                format!(" data-from=\"{}\" data-to=\"{}\"", self.name(*from), self.name(*to));
            let points = self.points(*at, *from, *to);
            pen.path(class, &ends, &rounded(&points, ROUND));
        }
        // Where several lines end in one arrow, it is as critical as the last of them.
        let mut heads = std::collections::BTreeMap::new();
        for (critical, at, from, to) in all {
            if let (Item::Node(_), Some(end)) =
                (self.graph.items[to], self.points(at, from, to).last())
            {
                heads.insert(to, (critical, *end));
            }
        }
        for (critical, (x, y)) in heads.into_values() {
            let class = if critical { "head critical" } else { "head" };
            let size = if critical { 5.5 } else { 4.5 };
            let head = Path::default()
                .to('M', &[x - size, y - 2.0 * size + 2.0])
                .to('L', &[x + size, y - 2.0 * size + 2.0])
                .to('L', &[x, y])
                .done();
            pen.path(class, "", &(head + "Z"));
        }
        self.lines_beside(pen);
        let joints =
            (0..self.graph.items.len()).filter(|item| self.graph.items[*item] == Item::Joint);
        for joint in joints {
            let class = if self.is_critical(joint) { "joint critical" } else { "joint" };
            let (x, y) = (self.x[joint], self.rows.layers[self.graph.layer[joint]].top);
            let (x, y) = (short(x), short(y));
            pen.raw(&format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\"/>"));
        }
    }

    /// From a box to the next in the same row.
    fn lines_beside(&self, pen: &mut Pen) {
        for (from, to) in &self.graph.beside {
            let critical = self.is_critical(*from) && self.is_critical(*to);
            let (line, head) =
                if critical { ("line critical", "head critical") } else { ("line", "head") };
            let ends =
                format!(" data-from=\"{}\" data-to=\"{}\"", self.name(*from), self.name(*to));
            let (left, right) =
                (self.x[*from] + columns::BOX / 2.0, self.x[*to] - columns::BOX / 2.0);
            let y = self.top(*to) + self.cards[*to].height / 2.0;
            pen.path(line, &ends, &rounded(&[(left, y), (right - 4.0, y)], ROUND));
            let size = if critical { 5.5 } else { 4.5 };
            let shape = Path::default()
                .to('M', &[right - 2.0 * size + 2.0, y - size])
                .to('L', &[right - 2.0 * size + 2.0, y + size])
                .to('L', &[right, y])
                .done();
            pen.path(head, "", &(shape + "Z"));
        }
    }

    /// A joint is critical if the path goes through it: in from one side, out to the other.
    fn is_critical(&self, item: usize) -> bool {
        if let Item::Node(node) = self.graph.items[item] {
            return self.drawing.nodes[node].critical;
        }
        let is_node = |item: &usize| matches!(self.graph.items[*item], Item::Node(node) if self.drawing.nodes[node].critical);
        let enters = |net: &&net::Net| net.to == [item] && net.from.iter().any(is_node);
        let leaves = |net: &&net::Net| net.from == [item] && net.to.iter().any(is_node);
        self.graph.nets.iter().any(|net| enters(&net))
            && self.graph.nets.iter().any(|net| leaves(&net))
    }

    fn name(&self, item: usize) -> String {
        match self.graph.items[item] {
            Item::Node(node) => escaped(&self.drawing.nodes[node].id),
            Item::Joint | Item::Bend => format!("({item})"),
        }
    }

    fn points(&self, net: usize, from: usize, to: usize) -> Vec<(f64, f64)> {
        let way = self.graph.way(&self.graph.nets[net], from, to);
        let mut points = Vec::new();
        for pair in way.windows(2) {
            let layer = self.graph.layer[pair[0]];
            let Some(run) = self.runs[layer].iter().find(|run| run.net == net) else { continue };
            let end = |ends: &[(usize, f64)], item: usize| {
                ends.iter().find(|(own, _)| *own == item).map_or(self.x[item], |(_, x)| *x)
            };
            let (above, below) = (end(&run.tops, pair[0]), end(&run.bottoms, pair[1]));
            let start = match self.graph.items[pair[0]] {
                Item::Node(node) => self.top(node) + self.cards[node].height,
                Item::Joint | Item::Bend => self.rows.layers[layer].bottom,
            };
            let stop = match self.graph.items[pair[1]] {
                Item::Node(node) => self.top(node),
                Item::Joint | Item::Bend => self.rows.layers[layer + 1].top,
            };
            points.push((above, start));
            if let Some(track) = run.track {
                let y = self.rows.tracks[layer] + track as f64 * TRACK;
                points.extend([(above, y), (below, y)]);
            }
            points.push((below, stop));
        }
        points
    }
}

/// The words beside a lane.
struct Side {
    name: Vec<String>,
    takes: Vec<String>,
    maintenance: bool,
    height: f64,
}

impl Side {
    fn new(lane: &Lane) -> Side {
        let room = SIDE - 28.0;
        let name = NAME.lines(lane.name(), room, 4);
        let takes = lane.takes.map_or(Vec::new(), |takes| FACTS.lines(&spoken(takes), room, 2));
        let pill = if lane.maintenance { 26.0 } else { 0.0 };
        let height = 24.0 + 18.0 * name.len() as f64 + 16.0 * takes.len() as f64 + pill;
        Side { name, takes, maintenance: lane.maintenance, height }
    }

    fn draw(&self, pen: &mut Pen, x: f64, top: f64) {
        let mut y = top + 10.0;
        for line in &self.name {
            y += 18.0;
            pen.text("name", x, y, line);
        }
        y += 2.0;
        for line in &self.takes {
            y += 16.0;
            pen.text("facts", x, y, line);
        }
        if self.maintenance {
            // With DejaVu, the widest of the usual fonts, the words still stay inside.
            pen.rect("pill", x, y + 10.0, PILL.width(OUT) * 1.15 + 14.0, 18.0, 9.0);
            pen.text("pill-text", x + 7.0, y + 23.0, OUT);
        }
    }
}

const OUT: &str = "users are out";

/// The left end of a lane, round where the lane is.
fn side_shape(left: f64, top: f64, bottom: f64) -> String {
    let right = left + SIDE;
    Path::default()
        .to('M', &[right, top + 0.5])
        .to('L', &[left + 8.0, top + 0.5])
        .to('Q', &[left + 0.5, top + 0.5, left + 0.5, top + 8.0])
        .to('L', &[left + 0.5, bottom - 8.0])
        .to('Q', &[left + 0.5, bottom - 0.5, left + 8.0, bottom - 0.5])
        .to('L', &[right, bottom - 0.5])
        .done()
        + "Z"
}

/// What the shapes and icons mean; only those that are there.
struct Entry {
    x: f64,
    row: f64,
    sign: Sign,
    words: String,
}

enum Sign {
    Gate,
    Person,
    Critical,
    Skippable,
    Undo(Undo),
}

fn legend(drawing: &Drawing, room: f64) -> Vec<Entry> {
    let any = |is: &dyn Fn(&Node) -> bool| drawing.nodes.iter().any(is);
    let mut signs = Vec::new();
    if any(&|node| node.critical) {
        signs.push((Sign::Critical, "critical path".to_owned()));
    }
    if any(&Node::is_gate) {
        signs.push((Sign::Gate, "checkpoint".to_owned()));
    }
    for undo in Undo::ALL {
        if any(&|node| matches!(node.work, Work::Step { undo: own, .. } if own == undo)) {
            signs.push((Sign::Undo(undo), undo.words().to_owned()));
        }
    }
    let people = |node: &Node| {
        matches!(node.work, Work::Step { by_hand: true, .. } | Work::Gate { by_people: 1.., .. })
    };
    if any(&people) {
        signs.push((Sign::Person, "done or confirmed by people".to_owned()));
    }
    if any(&|node| node.may_be_skipped) {
        signs.push((Sign::Skippable, "may be skipped".to_owned()));
    }
    let (mut x, mut row) = (0.0, 0.0);
    let mut entries = Vec::new();
    for (sign, words) in signs {
        let width = 28.0 + SMALL.width(&words) + 16.0;
        if x > 0.0 && x + width > room {
            (x, row) = (0.0, row + 1.0);
        }
        entries.push(Entry { x, row, sign, words });
        x += width;
    }
    entries
}

impl Entry {
    fn draw(&self, pen: &mut Pen, left: f64, top: f64) {
        let (x, y) = (left + self.x, top + 20.0 * self.row);
        let line = |y: f64| Path::default().to('M', &[x, y]).to('L', &[x + 20.0, y]).done();
        match self.sign {
            Sign::Gate => {
                pen.raw("<g class=\"gate\">");
                pen.path("box", "", &card::hexagon(x, y - 10.0, 20.0, 12.0));
                pen.raw("</g>");
            }
            Sign::Person => pen.icon("icon person", x + 4.0, y - 10.0, card::PERSON),
            Sign::Critical => pen.path("line critical", "", &line(y - 4.0)),
            Sign::Skippable => {
                pen.raw("<g class=\"skippable\">");
                pen.rect("box", x, y - 10.0, 20.0, 12.0, 3.0);
                pen.raw("</g>");
            }
            Sign::Undo(undo) => {
                pen.raw(&format!("<g class=\"{}\">", card::undo_class(undo)));
                pen.icon("icon", x + 4.0, y - 10.0, card::undo_icon(undo));
                pen.raw("</g>");
            }
        }
        pen.text("small", x + 26.0, y, &self.words);
    }
}

/// The picture for those who do not see it.
fn described(drawing: &Drawing) -> String {
    let mut text = counted(drawing.lanes.len(), "phase");
    if let Some(takes) = drawing.takes {
        text += &format!(", {} along the critical path", spoken(takes));
    }
    text.push('.');
    for lane in &drawing.lanes {
        text += &format!(" {}", described_lane(lane, drawing));
    }
    if let Some(node) = drawing.no_return {
        text += &format!(" Point of no return: {}.", drawing.nodes[node].id);
    }
    text
}

fn described_lane(lane: &Lane, drawing: &Drawing) -> String {
    let ids: Vec<_> =
        drawing.nodes[lane.nodes.clone()].iter().map(|node| node.id.as_str()).collect();
    let users = if lane.maintenance { " (users are out)" } else { "" };
    format!("{}{users}: {}.", lane.name(), ids.join(", "))
}
