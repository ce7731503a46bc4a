//! Puts each piece of a text where it should stand. Moves pieces, never changes them; the rules
//! are told at the head of `format`.

use super::nesting::{Nesting, Opening, Place};
use super::page::{COMMENT_GAP, CommentSource, Page};
use super::pieces::{Bracket, Kind, Piece, content};

/// `None` if the pieces do not fit together, which a parsed text's do.
pub(super) fn lay_out(text: &str, pieces: &[Piece]) -> Option<String> {
    let mut layout = Layout {
        text,
        page: Page::with_capacity(text.len() + text.len() / 4),
        nesting: Nesting::default(),
        waiting: Vec::new(),
        before: None,
        last: None,
    };
    for (at, piece) in pieces.iter().enumerate() {
        layout.nesting.note(piece.kind)?;
        match piece.kind {
            Kind::Comment => layout.comment(piece)?,
            Kind::Block { indent } => layout.block_scalar_lines(piece, indent)?,
            kind if kind.takes_room() => layout.place(piece, &pieces[at + 1..])?,
            _ => {}
        }
    }
    layout.write_waiting_comments(None);
    Some(layout.page.into_text())
}

struct Layout<'a> {
    text: &'a str,
    page: Page<'a>,
    nesting: Nesting,
    /// Comments on lines of their own, until it is known what follows them.
    waiting: Vec<WaitingComment<'a>>,
    /// The last piece that is no comment.
    before: Option<Kind>,
    last: Option<Last>,
}

struct WaitingComment<'a> {
    text: &'a str,
    source_column: usize,
    after_blank: bool,
}

/// Of the last piece, comments too.
struct Last {
    line: usize,
    /// The source column, if it is a comment behind something or goes on below such a one.
    line_end_comment: Option<usize>,
}

impl<'a> Layout<'a> {
    fn comment(&mut self, piece: &Piece) -> Option<()> {
        let text = self.slice(piece)?;
        let starts_line = self.starts_line(piece);
        let after_blank = self.is_after_blank(piece);
        let above = self.last.as_ref().and_then(|last| last.line_end_comment);
        let goes_on = starts_line && !after_blank && above == Some(piece.column);
        let ends_line = !starts_line || goes_on;
        if ends_line {
            if goes_on {
                self.page.start_line(0);
            }
            let before = self.text.get(..piece.start)?;
            let spaces = before.len() - before.trim_end_matches([' ', '\t']).len();
            let snug = !goes_on && spaces <= COMMENT_GAP;
            let source = CommentSource { line: piece.line, column: piece.column, snug };
            self.page.end_line_with_comment(text, source);
        } else {
            self.waiting.push(WaitingComment { text, source_column: piece.column, after_blank });
        }
        let line_end_comment = ends_line.then_some(piece.column);
        self.last = Some(Last { line: piece.line, line_end_comment });
        Some(())
    }

    fn place(&mut self, piece: &Piece, rest: &[Piece]) -> Option<()> {
        let starts_line = self.starts_line(piece) && !self.closes_empty_brackets(piece);
        if starts_line {
            let column = self.nesting.column(piece.kind, self.before);
            let place = Place { source: piece.column, column };
            self.write_waiting_comments(Some((place, piece.kind)));
            self.start_line(column, self.is_after_blank(piece));
            self.nesting.start_flow_line(column);
        } else {
            self.page.write(gap(self.before, piece.kind));
        }
        let column = self.page.column();
        self.nesting.placed(Place { source: piece.column, column });
        match piece.kind {
            Kind::Open(bracket) => {
                let next = rest.iter().find(|next| next.kind.takes_room());
                let items_follow = next.is_some_and(|next| {
                    next.line == piece.line && !matches!(next.kind, Kind::Comment | Kind::Close(_))
                });
                self.nesting.open(bracket, Opening { column, starts_line, items_follow });
            }
            Kind::Close(_) => self.nesting.close()?,
            _ => {}
        }
        let text = self.slice(piece)?;
        match piece.kind {
            Kind::Scalar => self.scalar(text),
            // The lines will stand two columns in from the block, whatever they did before.
            Kind::Header => self.page.write(&text.replace(|c: char| c.is_ascii_digit(), "2")),
            _ => self.page.write(text),
        }
        self.before = Some(piece.kind);
        self.last = Some(Last { line: piece.last_line, line_end_comment: None });
        Some(())
    }

    fn starts_line(&self, piece: &Piece) -> bool {
        self.last.as_ref().is_none_or(|last| last.line != piece.line)
    }

    fn is_after_blank(&self, piece: &Piece) -> bool {
        self.last.as_ref().is_some_and(|last| last.line + 1 < piece.line)
    }

    fn closes_empty_brackets(&self, piece: &Piece) -> bool {
        let without_comment = self.waiting.is_empty()
            && self.last.as_ref().is_some_and(|last| last.line_end_comment.is_none());
        matches!((self.before, piece.kind), (Some(Kind::Open(_)), Kind::Close(_)))
            && without_comment
    }

    fn scalar(&mut self, text: &str) {
        let Some((first, rest)) = text.split_once('\n') else { return self.page.write(text) };
        let column = self.nesting.later_lines_column();
        let escapes = text.starts_with('"');
        self.page.write(without_trailing_space(first, escapes));
        for line in rest.split('\n') {
            let line = line.trim_start_matches([' ', '\t']);
            self.line(column, without_trailing_space(line, escapes));
        }
    }

    fn block_scalar_lines(&mut self, piece: &Piece, indent: usize) -> Option<()> {
        let column = self.nesting.later_lines_column();
        for line in self.slice(piece)?.split('\n') {
            self.line(column, content(line, indent)?);
        }
        self.last = Some(Last { line: piece.last_line, line_end_comment: None });
        Some(())
    }

    fn line(&mut self, column: usize, text: &str) {
        self.page.start_line(if text.is_empty() { 0 } else { column });
        self.page.write(text);
    }

    fn write_waiting_comments(&mut self, next: Option<(Place, Kind)>) {
        for comment in std::mem::take(&mut self.waiting) {
            let column = self.nesting.comment_column(comment.source_column, next);
            self.start_line(column, comment.after_blank);
            self.page.write(comment.text);
        }
    }

    fn start_line(&mut self, column: usize, after_blank: bool) {
        if after_blank {
            self.page.start_line(0);
        }
        self.page.start_line(column);
    }

    fn slice(&self, piece: &Piece) -> Option<&'a str> {
        self.text.get(piece.start..piece.end)
    }
}

fn gap(before: Option<Kind>, kind: Kind) -> &'static str {
    let Some(before) = before else { return "" };
    match (before, kind) {
        (Kind::Open(_), Kind::Close(_)) => "",
        // Also before a comma: behind an empty node, it would join these.
        (Kind::Colon | Kind::QuestionMark | Kind::Property, _) => " ",
        (_, Kind::Comma) => "",
        (Kind::Open(Bracket::Square), _) | (_, Kind::Close(Bracket::Square)) => "",
        (Kind::Scalar | Kind::Close(_), Kind::Colon) => "",
        _ => " ",
    }
}

/// A space that a backslash escapes is content, even at the end of a line.
fn without_trailing_space(line: &str, escapes: bool) -> &str {
    let trimmed = line.trim_end_matches([' ', '\t']);
    let backslashes = trimmed.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let kept = trimmed.len() + usize::from(escapes && backslashes % 2 == 1);
    line.get(..kept).unwrap_or(trimmed)
}
