//! Cuts a text into the pieces that a layout moves about: indicators, scalars, comments.
//! Says where each stood, not where it should stand.

use granit_parser::{ScalarStyle, Scanner, Span, StrInput, TokenType};

use super::meaning::options;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    Square,
    Curly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// These four take no room: they say what the pieces after them belong to.
    MappingStart,
    SequenceStart,
    BlockEnd,
    SimpleKey,

    QuestionMark,
    Colon,
    Dash,
    Comma,
    Open(Bracket),
    Close(Bracket),
    /// An anchor or a tag.
    Property,
    Alias,
    Scalar,
    /// The first line of a block scalar: `|2-`.
    Header,
    /// The lines of a block scalar, the first `indent` columns of which are not content.
    Block {
        indent: usize,
    },
    Comment,
    Directive,
    /// `---` or `...`
    Marker,
}

impl Kind {
    pub(super) fn takes_room(self) -> bool {
        !matches!(self, Kind::MappingStart | Kind::SequenceStart | Kind::BlockEnd | Kind::SimpleKey)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: usize,
    pub(super) last_line: usize,
    /// Counted in characters.
    pub(super) column: usize,
}

/// `None` if the scanner says something that this module does not understand.
pub(super) fn cut(text: &str) -> Option<Vec<Piece>> {
    let mut cutter =
        Cutter { text, lines: line_starts(text), pieces: Vec::new(), reached: 0, block: None };
    for token in Scanner::with_options(StrInput::new(text), options()) {
        let (span, token) = token.ok()?.into_parts();
        cutter.take(span, &token)?;
    }
    cutter.end_block(cutter.lines.len())?;
    Some(cutter.pieces)
}

struct Cutter<'a> {
    text: &'a str,
    /// Where each line starts; what follows the last line end is a line only if it is not empty.
    lines: Vec<usize>,
    pieces: Vec<Piece>,
    /// The end of the last piece that takes room.
    reached: usize,
    block: Option<OpenBlock>,
}

/// A block scalar whose last line is not known yet.
struct OpenBlock {
    /// Where its lines belong in the list of pieces.
    slot: usize,
    header_line: usize,
    indent: usize,
    keeps_blank_lines: bool,
}

impl Cutter<'_> {
    fn take(&mut self, span: Span, token: &TokenType<'_>) -> Option<()> {
        let start = span.start.byte_offset()?;
        let end = span.end.byte_offset()?;
        // A flow pair without brackets, `[a: b]`, is told by brackets without width.
        let bracket = |kind| (start < end).then_some((kind, start + 1));
        let (kind, end) = match token {
            TokenType::StreamStart | TokenType::StreamEnd => return Some(()),
            TokenType::BlockMappingStart => (Kind::MappingStart, start),
            TokenType::BlockSequenceStart => (Kind::SequenceStart, start),
            TokenType::BlockEnd => (Kind::BlockEnd, start),
            TokenType::Key if start == end => (Kind::SimpleKey, start),
            TokenType::Key => (Kind::QuestionMark, start + 1),
            TokenType::Value => (Kind::Colon, start + 1),
            TokenType::BlockEntry => return self.dash(span),
            TokenType::FlowEntry => (Kind::Comma, start + 1),
            TokenType::FlowSequenceStart => (Kind::Open(Bracket::Square), start + 1),
            TokenType::FlowSequenceEnd => (Kind::Close(Bracket::Square), start + 1),
            TokenType::FlowMappingStart => match bracket(Kind::Open(Bracket::Curly)) {
                Some(bracket) => bracket,
                None => return Some(()),
            },
            TokenType::FlowMappingEnd => match bracket(Kind::Close(Bracket::Curly)) {
                Some(bracket) => bracket,
                None => return Some(()),
            },
            TokenType::Anchor(_) | TokenType::Tag(..) => (Kind::Property, end),
            TokenType::Alias(_) => (Kind::Alias, end),
            TokenType::Scalar(ScalarStyle::Literal | ScalarStyle::Folded, value) => {
                return self.start_block(span, value);
            }
            TokenType::Scalar(..) => (Kind::Scalar, end),
            TokenType::Comment(_) => (Kind::Comment, end),
            TokenType::DocumentStart | TokenType::DocumentEnd => (Kind::Marker, start + 3),
            TokenType::VersionDirective(..)
            | TokenType::TagDirective(..)
            | TokenType::ReservedDirective(..) => (Kind::Directive, self.line_end(start)),
            _ => return None,
        };
        self.push(kind, start, end, span.start.line().checked_sub(1)?, span.start.col())
    }

    fn push(
        &mut self,
        kind: Kind,
        start: usize,
        end: usize,
        line: usize,
        column: usize,
    ) -> Option<()> {
        let slice = self.text.get(start..end)?;
        let slice =
            if kind.takes_room() { slice.trim_end_matches([' ', '\t', '\n']) } else { slice };
        let last_line = line + slice.bytes().filter(|byte| *byte == b'\n').count();
        let piece = Piece { kind, start, end: start + slice.len(), line, last_line, column };
        if !kind.takes_room() {
            self.pieces.push(piece);
            return Some(());
        }
        if kind == Kind::Comment {
            if let Some(block) = self.block.as_mut().filter(|block| block.header_line == line) {
                self.pieces.insert(block.slot, piece);
                block.slot += 1;
                self.reached = self.reached.max(piece.end);
                return Some(());
            }
            self.end_directive_before(piece);
        }
        self.end_block(line)?;
        self.reached = self.reached.max(piece.end);
        self.pieces.push(piece);
        Some(())
    }

    fn end_directive_before(&mut self, comment: Piece) {
        if let Some(last) = self.pieces.last_mut()
            && last.kind == Kind::Directive
            && last.line == comment.line
        {
            let words = self.text.get(last.start..comment.start).unwrap_or_default();
            last.end = last.start + words.trim_end_matches([' ', '\t']).len();
        }
    }

    /// For some pieces the scanner tells where it was when it had understood them. They are what
    /// follows the last piece.
    fn next_start(&self) -> Option<(usize, usize, usize)> {
        let rest = self.text.get(self.reached..)?;
        let start = self.text.len() - rest.trim_start_matches([' ', '\t', '\n']).len();
        let line = self.line_of(start);
        let column = self.text.get(*self.lines.get(line)?..start)?.chars().count();
        Some((start, line, column))
    }

    fn dash(&mut self, span: Span) -> Option<()> {
        self.end_block(span.start.line().checked_sub(1)?)?;
        let (start, line, column) = self.next_start()?;
        let is_dash = self.text.get(start..)?.starts_with('-');
        is_dash.then(|| self.push(Kind::Dash, start, start + 1, line, column))?
    }

    fn start_block(&mut self, span: Span, value: &str) -> Option<()> {
        let (start, line, column) = self.next_start()?;
        let header = self.text.get(start..)?;
        if !header.starts_with(['|', '>']) {
            return None;
        }
        let indicators = header.bytes().skip(1);
        let indicators = indicators.take_while(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'));
        let end = start + 1 + indicators.count();
        self.push(Kind::Header, start, end, line, column)?;
        let indent = span.indent.map_or_else(|| self.blank_block_indent(line, value), Some)?;
        self.block = Some(OpenBlock {
            slot: self.pieces.len(),
            header_line: line,
            indent,
            keeps_blank_lines: self.text.get(start..end)?.contains('+'),
        });
        Some(())
    }

    /// Of a block scalar without a visible character: how many of its first line's spaces are not
    /// content.
    fn blank_block_indent(&self, header_line: usize, value: &str) -> Option<usize> {
        let spaces = |text: &str| text.bytes().take_while(|byte| *byte == b' ').count();
        let content = value.trim_start_matches('\n');
        if content.is_empty() {
            return Some(usize::MAX);
        }
        let first = self.line(header_line + 1 + value.len() - content.len())?;
        spaces(first).checked_sub(spaces(content))
    }

    fn end_block(&mut self, next_line: usize) -> Option<()> {
        let Some(block) = self.block.take() else { return Some(()) };
        let first = block.header_line + 1;
        let mut end = next_line.max(first);
        while !block.keeps_blank_lines && end > first {
            if !content(self.line(end - 1)?, block.indent)?.is_empty() {
                break;
            }
            end -= 1;
        }
        if end == first {
            return Some(());
        }
        let start = *self.lines.get(first)?;
        let piece = Piece {
            kind: Kind::Block { indent: block.indent },
            start,
            end: self.line_end(*self.lines.get(end - 1)?),
            line: first,
            last_line: end - 1,
            column: 0,
        };
        self.reached = self.reached.max(piece.end);
        self.pieces.insert(block.slot, piece);
        Some(())
    }

    fn line(&self, line: usize) -> Option<&str> {
        let start = *self.lines.get(line)?;
        self.text.get(start..self.line_end(start))
    }

    fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    fn line_end(&self, byte: usize) -> usize {
        let line = self.line_of(byte);
        match self.lines.get(line + 1) {
            Some(next) => next - 1,
            None => byte + self.text.get(byte..).unwrap_or_default().trim_end_matches('\n').len(),
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let after_line_ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let mut starts = vec![0];
    starts.extend(after_line_ends.map(|(at, _)| at + 1));
    starts.pop_if(|last| *last == text.len());
    starts
}

/// What a line of a block scalar holds behind its indentation; `None` if it is no such line.
pub(super) fn content(line: &str, indent: usize) -> Option<&str> {
    let spaces = line.bytes().take_while(|byte| *byte == b' ').count();
    if spaces >= indent {
        line.get(indent..)
    } else if line.trim_matches([' ', '\t']).is_empty() {
        Some("")
    } else {
        None
    }
}
