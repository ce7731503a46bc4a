//! The blocks and brackets that are open, and the columns they give to what is inside them.
//! Writes nothing.

use super::pieces::{Bracket, Kind};

const STEP: usize = 2;

#[derive(Default)]
pub(super) struct Nesting {
    blocks: Vec<Block>,
    /// Blocks that ended since a piece was placed.
    ended: Vec<Place>,
    flows: Vec<Flow>,
    /// Where the current line of a flow collection starts.
    flow_line: usize,
    /// The next piece starts an entry of the innermost mapping.
    simple_key: bool,
}

struct Block {
    holds: Holds,
    /// Unknown until its first piece is placed.
    place: Option<Place>,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Holds {
    Pairs,
    Entries,
    /// A sequence in its key's column, of which the scanner tells neither start nor end.
    UnindentedEntries,
}

/// A column then and now.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) source: usize,
    pub(super) column: usize,
}

struct Flow {
    items: usize,
    close: usize,
}

impl Nesting {
    /// Takes note of a piece before it is placed; `None` if more ends than began.
    pub(super) fn note(&mut self, kind: Kind) -> Option<()> {
        if self.flows.is_empty() {
            self.infer_unindented_sequence(kind);
        }
        match kind {
            Kind::MappingStart => self.start_block(Holds::Pairs),
            Kind::SequenceStart => self.start_block(Holds::Entries),
            Kind::BlockEnd => {
                let block = self.blocks.pop()?;
                self.ended.extend(block.place);
            }
            Kind::SimpleKey => self.simple_key = true,
            _ => {}
        }
        Some(())
    }

    fn start_block(&mut self, holds: Holds) {
        self.blocks.push(Block { holds, place: None });
    }

    fn infer_unindented_sequence(&mut self, kind: Kind) {
        match (kind, self.blocks.last().map(|innermost| innermost.holds)) {
            (Kind::Dash, Some(Holds::Pairs)) => self.start_block(Holds::UnindentedEntries),
            (
                Kind::SimpleKey | Kind::QuestionMark | Kind::Colon | Kind::BlockEnd,
                Some(Holds::UnindentedEntries),
            ) => {
                let place = self.blocks.pop().and_then(|block| block.place);
                self.ended.extend(place);
            }
            _ => {}
        }
    }

    /// Where a piece stands that is the first on its line.
    pub(super) fn column(&self, kind: Kind, before: Option<Kind>) -> usize {
        if let Some(flow) = self.flows.last() {
            return match (kind, before) {
                (Kind::Close(_), _) => flow.close,
                (_, Some(Kind::Colon | Kind::QuestionMark | Kind::Property)) => flow.items + STEP,
                _ => flow.items,
            };
        }
        let starts_entry =
            self.simple_key || matches!(kind, Kind::Dash | Kind::QuestionMark | Kind::Colon);
        match self.blocks.as_slice() {
            _ if matches!(kind, Kind::Marker | Kind::Directive) => 0,
            [.., Block { place: Some(outer), .. }, Block { place: None, .. }] => {
                outer.column + STEP
            }
            [.., Block { place: Some(block), .. }] if starts_entry => block.column,
            _ => self.inside_block().unwrap_or(0),
        }
    }

    /// One level in from the innermost block; `None` if there is none.
    fn inside_block(&self) -> Option<usize> {
        Some(self.blocks.last()?.place?.column + STEP)
    }

    /// Where the later lines of a scalar stand, always to the right of column 0: there, they could
    /// be read as the document's end.
    pub(super) fn later_lines_column(&self) -> usize {
        match self.flows.last() {
            Some(flow) => flow.items + STEP,
            None => self.inside_block().unwrap_or(STEP),
        }
    }

    pub(super) fn placed(&mut self, place: Place) {
        if let Some(block @ Block { place: None, .. }) = self.blocks.last_mut() {
            block.place = Some(place);
        }
        self.ended.clear();
        self.simple_key = false;
    }

    pub(super) fn start_flow_line(&mut self, column: usize) {
        self.flow_line = column;
    }

    pub(super) fn open(&mut self, bracket: Bracket, opening: Opening) {
        if self.flows.is_empty() && !opening.starts_line {
            self.flow_line = self.inside_block().unwrap_or(0);
        }
        let close = if opening.items_follow { opening.column } else { self.flow_line };
        let items = match bracket {
            Bracket::Square if opening.items_follow => close + "[".len(),
            Bracket::Curly if opening.items_follow => close + "{ ".len(),
            _ => close + STEP,
        };
        self.flows.push(Flow { items, close });
    }

    /// `None` if nothing is open.
    pub(super) fn close(&mut self) -> Option<()> {
        self.flows.pop().map(|_| ())
    }

    /// Where a comment stands that has its line to itself: with what comes next, unless it stood
    /// further in, with a block that ends before that.
    pub(super) fn comment_column(&self, source: usize, next: Option<(Place, Kind)>) -> usize {
        match (self.flows.last(), next) {
            (Some(flow), Some((_, Kind::Close(_)))) => return flow.items,
            (Some(_), Some((place, _))) => return place.column,
            _ => {}
        }
        let next = next.map(|(place, _)| place);
        let ended = self.ended.iter().filter(|place| place.source <= source);
        let ended = ended.max_by_key(|place| place.source);
        match (ended, next) {
            (Some(ended), Some(next)) if ended.source <= next.source => next.column,
            (Some(ended), _) => ended.column,
            (None, next) => next.map_or(0, |next| next.column),
        }
    }
}

/// How a bracket was opened.
pub(super) struct Opening {
    pub(super) column: usize,
    pub(super) starts_line: bool,
    /// On the same line.
    pub(super) items_follow: bool,
}
