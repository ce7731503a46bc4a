//! The SVG form: well formed, tidy, nothing overlapping.

use std::collections::BTreeSet;
use std::ops::Range;

use plan_model::notation::Range as Time;
use proptest::prelude::*;
use roxmltree::{Document, Node as Xml};

use super::super::{Drawing, Lane, Node, Undo, Work, flows, svg};
use super::{SHOP, drawing};

#[derive(Debug, Clone, Copy)]
struct Rect {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Rect {
    fn meets(&self, other: &Rect) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

fn number(node: Xml<'_, '_>, name: &str) -> f64 {
    node.attribute(name).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

fn numbers(path: &str) -> Vec<f64> {
    let parts = path.split(|c: char| c.is_ascii_alphabetic() || c == ' ');
    parts.filter(|part| !part.is_empty()).map(|part| part.parse().unwrap()).collect()
}

fn class<'x>(node: Xml<'x, '_>) -> &'x str {
    node.attribute("class").unwrap_or("")
}

/// The shapes of nodes, with their groups.
fn boxes<'x, 'i>(page: &'x Document<'i>) -> Vec<(Xml<'x, 'i>, Rect)> {
    let groups = page.descendants().filter(|node| class(*node).starts_with("node "));
    groups
        .map(|group| {
            let shape = group.children().find(|child| class(*child) == "box").unwrap();
            let rect = match shape.attribute("d") {
                Some(path) => {
                    let points = numbers(path);
                    let x = || points.iter().copied().step_by(2);
                    let y = || points.iter().copied().skip(1).step_by(2);
                    Rect {
                        left: x().fold(f64::MAX, f64::min),
                        right: x().fold(f64::MIN, f64::max),
                        top: y().fold(f64::MAX, f64::min),
                        bottom: y().fold(f64::MIN, f64::max),
                    }
                }
                None => {
                    let (left, top) = (number(shape, "x"), number(shape, "y"));
                    let (width, height) = (number(shape, "width"), number(shape, "height"));
                    Rect { left, top, right: left + width, bottom: top + height }
                }
            };
            (group, rect)
        })
        .collect()
}

/// Straight pieces of a line; round corners count as their two sides.
fn pieces(path: &str) -> Vec<Rect> {
    let points: Vec<_> = numbers(path).chunks(2).map(|pair| (pair[0], pair[1])).collect();
    let piece = |pair: &[(f64, f64)]| Rect {
        left: pair[0].0.min(pair[1].0),
        right: pair[0].0.max(pair[1].0),
        top: pair[0].1.min(pair[1].1),
        bottom: pair[0].1.max(pair[1].1),
    };
    points.windows(2).map(piece).collect()
}

/// As narrow as Helvetica really is: what fits with our reserve fits without it.
fn width(text: Xml<'_, '_>) -> f64 {
    let size = match class(text) {
        "id" => 13.0 * 1.15,
        "says" => 12.0 * 1.08,
        _ => 11.0 * 1.08,
    };
    let words = text.text().unwrap_or("");
    let face = svg::letters::Face { size, bold: false };
    face.width(words) / 1.08
}

fn hold(drawing: &Drawing) {
    let picture = svg::draw(drawing);
    let page = Document::parse(&picture).unwrap();
    let root = page.root_element();
    let (width_, height) = (number(root, "width"), number(root, "height"));
    let boxes = boxes(&page);
    assert_eq!(boxes.len(), drawing.nodes.len());

    for (at, (group, rect)) in boxes.iter().enumerate() {
        assert!(rect.left >= 0.0 && rect.right <= width_ && rect.bottom <= height);
        for (_, other) in &boxes[at + 1..] {
            assert!(!rect.meets(other), "{rect:?} lies on {other:?}");
        }
        for text in group.children().filter(|child| child.has_tag_name("text")) {
            let x = number(text, "x");
            let end = text.attribute("text-anchor") == Some("end");
            let (left, right) = if end { (x - width(text), x) } else { (x, x + width(text)) };
            let inside = rect.left <= left && right <= rect.right;
            assert!(inside, "{:?} is wider than its box", text.text());
            assert!(rect.top < number(text, "y") && number(text, "y") < rect.bottom);
        }
    }

    let mut drawn: BTreeSet<(String, String)> = BTreeSet::new();
    for line in page.descendants().filter(|node| node.attribute("data-from").is_some()) {
        let end = |name| line.attribute(name).unwrap().to_owned();
        drawn.insert((end("data-from"), end("data-to")));
        for piece in pieces(line.attribute("d").unwrap()) {
            // A line may touch the box that it leaves or enters, at its edge.
            let crossed = boxes.iter().find(|(_, rect)| {
                let inner = Rect {
                    left: rect.left + 0.5,
                    right: rect.right - 0.5,
                    top: rect.top + 0.5,
                    bottom: rect.bottom - 0.5,
                };
                inner.meets(&Rect {
                    right: piece.right + 0.01,
                    bottom: piece.bottom + 0.01,
                    ..piece
                })
            });
            assert!(crossed.is_none(), "{:?} crosses a box: {piece:?}", end("data-from"));
        }
    }
    let reaches = |from: &str, to: &str| {
        let next = |end: &str| {
            drawn.iter().filter(|line| line.0 == end).map(|line| line.1.clone()).collect::<Vec<_>>()
        };
        // At most one joint lies between two nodes.
        next(from)
            .iter()
            .any(|end| end == to || end.starts_with('(') && next(end).contains(&to.to_owned()))
    };
    for flow in drawing.flows.iter().cloned().chain(drawing.between()) {
        for (from, to) in flow.lines() {
            let (from, to) = (&drawing.nodes[from].id, &drawing.nodes[to].id);
            assert!(reaches(from, to), "{from} to {to} is not drawn");
        }
    }
}

#[test]
fn a_realistic_plan_is_well_formed_and_tidy() {
    let drawing = drawing(SHOP);
    hold(&drawing);
    let picture = svg::draw(&drawing);
    let page = Document::parse(&picture).unwrap();
    assert_eq!(page.root_element().attribute("role"), Some("img"));
    let said = |name: &str| {
        page.root_element().children().find(|node| node.has_tag_name(name)).unwrap().text().unwrap()
    };
    assert_eq!(said("title"), "Upgrade the shop to 2.0");
    insta::assert_snapshot!(said("desc"), @"3 phases, 15 min 55 to 46 min 25 along the critical path. Preparation: save-database, save-files, fetch-release, ready. Switch to the new version (users are out): stop, schema, code, warm-cache, convert-orders, start, healthy. Afterwards: tell-users, look. Point of no return: convert-orders.");
    assert!(picture.contains("prefers-color-scheme: dark"));
    assert_eq!(picture, svg::draw(&drawing), "the same plan is always the same picture");
}

fn node(id: String, says: &str, work: Work) -> Node {
    Node {
        id,
        says: says.to_owned(),
        work,
        takes: Time::parse("10h30m..12h45m"),
        critical: false,
        may_be_skipped: false,
    }
}

/// Lanes of nodes, each waiting for some of those before it.
fn built(lanes: Vec<Vec<(Vec<prop::sample::Index>, usize, bool)>>) -> Drawing {
    let words =
        ["", "short", "Vérifier <les> données & \"l’intégrité\" de chaque œuvre ÀÉÈ", "WWWW"];
    let mut nodes = Vec::new();
    let mut waits: Vec<Vec<usize>> = Vec::new();
    let mut places: Vec<Range<usize>> = Vec::new();
    for lane in &lanes {
        let first = nodes.len();
        for (before, kind, critical) in lane {
            let at = nodes.len();
            let work = match kind % 5 {
                0 => Work::Gate { checks: 12, by_people: 1 },
                kind => Work::Step { undo: Undo::ALL[kind], by_hand: kind == 2 },
            };
            let id = format!("step-{at}{}", "-and-more".repeat(kind % 7));
            waits.push(match at - first {
                0 => Vec::new(),
                count => before.iter().map(|before| first + before.index(count)).collect(),
            });
            let says = words[kind % words.len()].repeat(1 + kind % 3);
            nodes.push(Node { critical: *critical, ..node(id, &says, work) });
        }
        places.push(first..nodes.len());
    }
    let flows = places.iter().flat_map(|lane| flows::reduced(lane.clone(), &waits)).collect();
    let lane = |(at, nodes): (usize, Range<usize>)| Lane {
        id: format!("phase-{at}"),
        title: Some("Une phase <qui> a un titre bien trop long pour tenir à côté".to_owned()),
        maintenance: at % 2 == 1,
        takes: Time::parse("1h..2h"),
        nodes,
    };
    let no_return = nodes.iter().position(Node::is_irreversible);
    Drawing {
        plan: "built".to_owned(),
        title: None,
        environment: Some("prod".to_owned()),
        lanes: places.into_iter().enumerate().map(lane).collect(),
        nodes,
        flows,
        takes: None,
        no_return,
    }
}

fn alone(count: usize, needs: impl Fn(usize) -> Vec<usize>) -> Drawing {
    let lane = (0..count).map(|_| (Vec::new(), 1, false));
    let mut drawing = built(vec![lane.collect()]);
    let waits: Vec<Vec<usize>> = (0..count).map(needs).collect();
    drawing.flows = flows::reduced(0..count, &waits);
    drawing
}

#[test]
fn one_step_a_long_chain_and_many_at_once_are_tidy() {
    hold(&alone(1, |_| Vec::new()));
    hold(&alone(50, |at| at.checked_sub(1).into_iter().collect()));
    hold(&alone(30, |_| Vec::new()));
    hold(&alone(32, |at| match at {
        0 => Vec::new(),
        31 => (1..31).collect(),
        _ => vec![0],
    }));
    // All of one row for all of the next, three times.
    hold(&alone(21, |at| if at < 7 { Vec::new() } else { (at / 7 * 7 - 7..at / 7 * 7).collect() }));
}

#[test]
fn a_plan_that_is_too_large_is_drawn_phase_by_phase_and_says_so() {
    let drawing = alone(401, |at| at.checked_sub(1).into_iter().collect());
    let picture = svg::draw(&drawing);
    let page = Document::parse(&picture).unwrap();
    assert_eq!(boxes(&page).len(), 1);
    assert!(picture.contains("401 entries are too many for a picture: each phase is drawn whole"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_plan_is_drawn_tidily(lanes in prop::collection::vec(
        prop::collection::vec(
            (prop::collection::vec(any::<prop::sample::Index>(), 0..4), 0_usize..40, any::<bool>()),
            1..16,
        ),
        1..5,
    )) {
        hold(&built(lanes));
    }
}
