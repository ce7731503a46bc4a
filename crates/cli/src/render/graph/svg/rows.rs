//! Heights: where each row, lane and track lies from top to bottom.

use super::super::Drawing;
use super::net::{Graph, Item};

pub const TRACK: f64 = 10.0;
/// Room for the rounding above the first track, and for the arrows below the last.
const ABOVE_TRACKS: f64 = 12.0;
const BELOW_TRACKS: f64 = 18.0;
const LANE_TOP: f64 = 18.0;
const LANE_BOTTOM: f64 = 18.0;
const BETWEEN_LANES: f64 = 18.0;
/// Room for the line that marks the point of no return, and for its words.
const NO_RETURN: f64 = 22.0;

#[derive(Debug, Clone, Copy, Default)]
pub struct Band {
    pub top: f64,
    pub bottom: f64,
}

#[derive(Debug)]
pub struct Rows {
    pub layers: Vec<Band>,
    pub lanes: Vec<Band>,
    /// The first track between a layer and the next.
    pub tracks: Vec<f64>,
    /// The line that marks the point of no return, and whether its words have room beside the lane.
    pub no_return: Option<(f64, bool)>,
    pub bottom: f64,
}

/// What the rows must have room for.
pub struct Needs<'n> {
    pub graph: &'n Graph,
    pub drawing: &'n Drawing,
    /// Of each node.
    pub heights: &'n [f64],
    /// Of the words beside each lane.
    pub sides: &'n [f64],
    /// How many tracks there are below each layer.
    pub tracks: &'n [usize],
    pub top: f64,
}

pub fn rows(needs: &Needs<'_>) -> Rows {
    let count = needs.graph.layers.len();
    let lanes: Vec<Option<usize>> = (0..count).map(|layer| lane_of(needs, layer)).collect();
    let no_return_layer = needs.drawing.no_return.map(|node| needs.graph.layer[node]);
    let mut rows = Rows {
        layers: vec![Band::default(); count],
        lanes: vec![Band::default(); needs.drawing.lanes.len()],
        tracks: vec![0.0; count],
        no_return: None,
        bottom: needs.top,
    };
    let mut y = needs.top;
    for layer in 0..count {
        let before = layer.checked_sub(1);
        let spread = before.map_or(0, |before| needs.tracks[before].saturating_sub(1));
        let spread = spread as f64 * TRACK;
        let last = before.and_then(|before| lanes[before]);
        let same = before.is_some() && last == lanes[layer];
        if same {
            rows.tracks[layer - 1] = y + ABOVE_TRACKS;
            y += ABOVE_TRACKS + spread + BELOW_TRACKS;
        } else {
            // Tracks lie inside of a lane: in the next one, or below the last one's boxes.
            if let (Some(before), Some(lane)) = (before, last) {
                if lanes[layer].is_none() {
                    rows.tracks[before] = y + ABOVE_TRACKS;
                    y += ABOVE_TRACKS + spread;
                }
                y = close(&mut rows, needs, lane, y + LANE_BOTTOM) + BETWEEN_LANES / 2.0;
            }
            if let Some(lane) = lanes[layer] {
                y += if before.is_some() { BETWEEN_LANES / 2.0 } else { 0.0 };
                rows.lanes[lane].top = y;
                y += LANE_TOP;
                if let Some(before) = before {
                    rows.tracks[before] = y;
                    y += spread + BELOW_TRACKS;
                }
            }
        }
        if no_return_layer == Some(layer)
            && let Some(lane) = lanes[layer]
        {
            y += NO_RETURN;
            let line = y - NO_RETURN;
            let free_from = rows.lanes[lane].top + needs.sides[lane] + NO_RETURN;
            rows.no_return = Some((line, line >= free_from));
        }
        let height = |item: &usize| match needs.graph.items[*item] {
            Item::Node(node) => needs.heights[node],
            Item::Joint | Item::Bend => 0.0,
        };
        let height = needs.graph.layers[layer].iter().map(height).fold(0.0, f64::max);
        rows.layers[layer] = Band { top: y, bottom: y + height };
        y += height;
    }
    if let Some(lane) = lanes.last().copied().flatten() {
        y = close(&mut rows, needs, lane, y + LANE_BOTTOM);
    }
    rows.bottom = y;
    rows
}

fn close(rows: &mut Rows, needs: &Needs<'_>, lane: usize, y: f64) -> f64 {
    let band = &mut rows.lanes[lane];
    band.bottom = y.max(band.top + needs.sides[lane]);
    band.bottom
}

/// `None` for a joint between two lanes.
fn lane_of(needs: &Needs<'_>, layer: usize) -> Option<usize> {
    let lane_at = |layer: usize| {
        let nodes = needs.graph.layers.get(layer)?.iter();
        let node = nodes.filter_map(|item| match needs.graph.items[*item] {
            Item::Node(node) => Some(node),
            Item::Joint | Item::Bend => None,
        });
        let node = node.min()?;
        needs.drawing.lanes.iter().position(|lane| lane.nodes.contains(&node))
    };
    lane_at(layer).or_else(|| {
        let above = layer.checked_sub(1).and_then(lane_at);
        above.filter(|above| lane_at(layer + 1) == Some(*above))
    })
}
