//! Documents after `<<`: where they end, what bash expands in them, which values fit in.
//! A document without an end is only a warning for bash, and nothing here.

use super::context::HeredocEnd;
use super::parser::{Ambient, Parser, Step};
use super::template::HOLE;
use super::word::Draft;
use super::{Context, Word};
use std::ops::Range;

/// A document announced in a line that is not over yet.
pub(super) struct Pending {
    delimiter: Vec<u8>,
    strips_tabs: bool,
    expands: bool,
    /// The command, and which of its redirections.
    owner: (usize, usize),
}

impl Parser<'_, '_> {
    pub fn expect_document(&mut self, word: &Word<'_>, strips_tabs: bool, owner: (usize, usize)) {
        let delimiter = if word.is_quoted || word.is_literal {
            word.text.as_bytes().to_vec()
        } else {
            self.bytes[word.range.clone()].to_vec()
        };
        self.pending.push(Pending { delimiter, strips_tabs, expands: !word.is_quoted, owner });
    }

    pub fn documents(&mut self) -> Step<()> {
        for pending in std::mem::take(&mut self.pending) {
            let body = self.document(&pending);
            let (command, at) = pending.owner;
            // The command is still being read when its own line holds a line break.
            if let Some(command) = self.commands.get_mut(command)
                && let Some(redirection) = command.redirections.get_mut(at)
            {
                redirection.body = Some(body);
            }
        }
        Ok(())
    }

    fn document(&mut self, pending: &Pending) -> Range<usize> {
        let start = self.pos;
        let mut line = start;
        let mut joined = false;
        let (end, after) = loop {
            if line >= self.end {
                break (self.end, self.end);
            }
            let length = self.bytes[line..self.end].iter().position(|byte| *byte == b'\n');
            let line_end = length.map_or(self.end, |length| line + length);
            let mut text = &self.bytes[line..line_end];
            let backslashes = text.iter().rev().take_while(|byte| **byte == b'\\').count();
            if pending.strips_tabs {
                let tabs = text.iter().take_while(|byte| **byte == b'\t').count();
                text = &text[tabs..];
            }
            if !joined && text == pending.delimiter {
                break (line, (line_end + 1).min(self.end));
            }
            // In `$( … )` bash also takes `EOF)` for the end of it.
            let inside = self.level > 0 && text.starts_with(&pending.delimiter);
            if inside && text[pending.delimiter.len()..].contains(&b')') {
                let skipped = line_end - line - text.len();
                break (line, line + skipped + pending.delimiter.len());
            }
            joined = pending.expands && backslashes % 2 == 1;
            line = line_end + 1;
        };
        if pending.expands || self.bytes[start..end].contains(&HOLE) {
            self.read_body(pending, start..end);
        }
        self.pos = after;
        start..end
    }

    fn read_body(&mut self, pending: &Pending, body: Range<usize>) {
        // Whose input the document of a compound command is, is not known here.
        let owned = pending.owner.0 != usize::MAX;
        let clear = owned && self.level == 0 && self.ambient == Ambient::Clean;
        let mut draft = Draft::default();
        self.pos = body.start;
        while self.pos < body.end {
            draft.text.clear();
            match self.bytes[self.pos] {
                HOLE => {
                    let context = self.in_document(pending, &body);
                    self.hole(if clear { context } else { Context::Unknown });
                }
                b'\\' if pending.expands => {
                    self.pos += 1;
                    match self.bytes.get(self.pos) {
                        Some(&HOLE) => self.hole(Context::Unknown),
                        _ => self.pos += 1,
                    }
                }
                byte @ (b'$' | b'`') if pending.expands => {
                    let from = self.pos;
                    self.aside(body.end, Ambient::Unclear, |parser| {
                        // The commands in it are one level in; `aside` has already gone there.
                        parser.level -= 1;
                        if byte == b'$' {
                            parser.dollar(true, &mut draft)
                        } else {
                            parser.backtick(&mut draft)
                        }
                    });
                    self.pos = self.pos.max(from + 1);
                }
                _ => self.pos += 1,
            }
        }
    }

    fn in_document(&self, pending: &Pending, body: &Range<usize>) -> Context {
        // A longer line is not looked at for every hole in it, nor for more holes than people write.
        const REACH: usize = 4096;
        const HOLES: usize = 1024;
        if self.hole_ranges.len() > HOLES {
            return Context::Unknown;
        }
        let hole = self.pos;
        let from = body.start.max(hole.saturating_sub(REACH));
        let until = body.end.min(hole + REACH);
        let is_end = |byte: &u8| *byte == b'\n';
        let line = match self.bytes[from..hole].iter().rposition(is_end) {
            Some(at) => from + at + 1,
            None if from == body.start => from,
            None => return Context::Unknown,
        };
        let end = match self.bytes[hole..until].iter().position(is_end) {
            Some(at) => hole + at,
            None if until == body.end => until,
            None => return Context::Unknown,
        };
        let tabs = self.bytes[line..hole].iter().take_while(|byte| **byte == b'\t').count();
        let start = if pending.strips_tabs { line + tabs } else { line };
        let delimiter = pending.delimiter.as_slice();
        let holds = |part: &[u8]| {
            part.is_empty() || delimiter.windows(part.len()).any(|window| window == part)
        };
        let foreign = |text: &[u8]| text.split(|byte| *byte == HOLE).any(|part| !holds(part));
        let literal = |text: &[u8]| -> Vec<u8> {
            text.iter().copied().filter(|byte| *byte != HOLE && *byte != b'\t').collect()
        };
        let (before, after) = (&self.bytes[start..hole], &self.bytes[hole..end]);
        let joins = line > body.start && self.bytes[..line - 1].ends_with(b"\\");
        let whole = literal(&self.bytes[start..end]);
        if joins
            || whole == delimiter
            || literal(before) == delimiter
            || literal(after) == delimiter
        {
            return Context::Unknown;
        }
        let Ok(text) = std::str::from_utf8(delimiter) else { return Context::Unknown };
        if text.is_empty() || text.contains('\n') {
            return Context::Unknown;
        }
        let end = HeredocEnd {
            delimiter: text.to_owned(),
            strips_tabs: pending.strips_tabs,
            safe_before: foreign(before),
            safe_after: foreign(after),
        };
        Context::Heredoc { expands: pending.expands, end }
    }
}
