//! Words: where they end, what they say once quotes are removed, and which part is unknown.
//! Most are plain, and are borrowed from the text without a copy.

use super::parser::{Ambient, Parser, Step, is_break};
use super::template::HOLE;
use super::{Context, UNKNOWN, Word};
use std::borrow::Cow;
use std::ops::Range;

/// What may be a part of a word at a place, besides the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// First in a command: `name[ … ]=` is one word, whatever stands in the brackets.
    Assignment,
    /// Right of `==` in `[[ … ]]`: extended patterns.
    Pattern,
    /// Right of `=~`: parentheses and bars.
    Regex,
}

/// A word being read.
#[derive(Default)]
pub(super) struct Draft {
    pub text: Vec<u8>,
    pub is_unknown: bool,
    pub is_quoted: bool,
    pub has_hole: bool,
}

impl Draft {
    pub fn unknown(&mut self) {
        self.is_unknown = true;
        self.text.extend_from_slice(UNKNOWN.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Neither ends a word nor begins anything in it.
const PLAIN: [bool; 256] = {
    let mut table = [true; 256];
    let special = b" \t\n;&|()<>\\'\"$`[";
    let mut at = 0;
    while at < special.len() {
        table[special[at] as usize] = false;
        at += 1;
    }
    table[HOLE as usize] = false;
    table
};

impl<'a> Parser<'a, '_> {
    pub fn word(&mut self) -> Step<Option<Word<'a>>> {
        self.word_of(Kind::Plain)
    }

    /// A pattern of a `case`.
    pub fn pattern(&mut self) -> Step<Option<Word<'a>>> {
        self.word_of(Kind::Plain)
    }

    pub fn word_of(&mut self, kind: Kind) -> Step<Option<Word<'a>>> {
        let start = self.pos;
        while self.byte().is_some_and(|byte| PLAIN[usize::from(byte)]) {
            self.pos += 1;
        }
        let ends = match self.byte() {
            None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b')') => true,
            Some(b'<' | b'>') => self.at(self.pos + 1) != Some(b'('),
            Some(b'|') => kind != Kind::Regex,
            Some(b'(') => !self.opens_group(kind),
            Some(_) => false,
        };
        if ends {
            if self.pos == start {
                return Ok(None);
            }
            let range = start..self.pos;
            let text = self.literal_text(range.clone());
            let (is_literal, is_quoted, has_hole) = (true, false, false);
            return Ok(Some(Word { range, text, is_literal, is_quoted, has_hole }));
        }
        let mut draft = Draft { text: self.bytes[start..self.pos].to_vec(), ..Draft::default() };
        self.rest_of_word(kind, start, &mut draft)?;
        let range = start..self.pos;
        let text = match String::from_utf8(draft.text) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        Ok(Some(Word {
            range,
            text: Cow::Owned(text),
            is_literal: !draft.is_unknown,
            is_quoted: draft.is_quoted,
            has_hole: draft.has_hole,
        }))
    }

    fn rest_of_word(&mut self, kind: Kind, start: usize, draft: &mut Draft) -> Step<()> {
        while let Some(byte) = self.byte() {
            match byte {
                b'\\' => self.escape(draft),
                b'\'' => self.single_quoted(draft)?,
                b'"' => self.double_quoted(draft)?,
                b'$' => self.dollar(false, draft)?,
                b'`' => self.backtick(draft)?,
                HOLE => {
                    draft.has_hole = true;
                    draft.unknown();
                    self.hole(Context::Bare);
                }
                b'[' if kind == Kind::Assignment
                    && self.pos > start
                    && self.name_end(start) == self.pos =>
                {
                    self.within(Ambient::Arithmetic, |parser| parser.matched(b'[', b']'))?;
                    draft.unknown();
                }
                b'<' | b'>' if self.at(self.pos + 1) == Some(b'(') => {
                    self.pos += 2;
                    self.substitution(self.pos - 2)?;
                    draft.unknown();
                }
                b'|' if kind == Kind::Regex => {
                    draft.text.push(byte);
                    self.pos += 1;
                }
                b'(' if self.opens_group(kind) => {
                    let from = self.pos;
                    self.matched(b'(', b')')?;
                    draft.text.extend_from_slice(&self.bytes[from..self.pos]);
                    draft.is_unknown |= draft.text.contains(&HOLE);
                    draft.text.retain(|byte| *byte != HOLE);
                }
                _ if is_break(byte) => break,
                _ => {
                    draft.text.push(byte);
                    self.pos += 1;
                }
            }
        }
        Ok(())
    }

    fn opens_group(&self, kind: Kind) -> bool {
        match kind {
            Kind::Regex => true,
            Kind::Plain | Kind::Assignment if !self.extglob => false,
            _ => {
                let before = self.pos.checked_sub(1).and_then(|at| self.at(at));
                matches!(before, Some(b'?' | b'*' | b'+' | b'@' | b'!'))
            }
        }
    }

    /// A word, and where its `=` is if it is an assignment. `lists`: `name=(…)` may stand here.
    pub fn word_or_assignment(
        &mut self,
        first: bool,
        lists: bool,
    ) -> Step<(Word<'a>, Option<usize>)> {
        let start = self.pos;
        let kind = if first || lists { Kind::Assignment } else { Kind::Plain };
        let Some(mut word) = self.word_of(kind)? else { return Err(self.unexpected()) };
        if !lists {
            return Ok((word, None));
        }
        let Some(equals) = self.assignment_sign(start, word.range.end) else {
            return Ok((word, None));
        };
        if self.byte() == Some(b'(') && equals + 1 == self.pos {
            self.list_of_values()?;
            word.range.end = self.pos;
            word.is_literal = false;
            if !self.contexts.is_empty() {
                let name = start..self.name_end(start);
                self.trace.lists.push((name, start..self.pos));
            }
        }
        Ok((word, Some(equals)))
    }

    /// Where the `=` of `name=`, `name+=` or `name[…]=` is.
    fn assignment_sign(&self, start: usize, end: usize) -> Option<usize> {
        let mut at = self.name_end(start);
        if at == start {
            return None;
        }
        if self.at(at) == Some(b'[') {
            let mut open = 0usize;
            while at < end {
                match self.bytes[at] {
                    b'[' => open += 1,
                    b']' => open -= 1,
                    _ => {}
                }
                at += 1;
                if open == 0 {
                    break;
                }
            }
        }
        if self.at(at) == Some(b'+') {
            at += 1;
        }
        (at < end && self.at(at) == Some(b'=')).then_some(at)
    }

    pub fn name_end(&self, start: usize) -> usize {
        let mut at = start;
        if self.at(at).is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            while self.at(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                at += 1;
            }
        }
        at
    }

    /// `( … )` after `name=`.
    fn list_of_values(&mut self) -> Step<()> {
        let open = self.pos;
        self.deeper()?;
        self.pos += 1;
        loop {
            self.newlines()?;
            let keyed = self.byte() == Some(b'[');
            let before = self.ambient;
            if keyed && before == Ambient::Clean {
                // A key of an indexed list is arithmetic, and arithmetic can run commands.
                self.ambient = Ambient::Arithmetic;
            }
            let word = self.word()?;
            self.ambient = before;
            if word.is_none() {
                break;
            }
        }
        self.depth -= 1;
        self.close_parenthesis(open)
    }

    pub fn literal_text(&self, range: Range<usize>) -> Cow<'a, str> {
        match self.source.and_then(|source| source.get(range.clone())) {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(String::from_utf8_lossy(&self.bytes[range]).into_owned()),
        }
    }

    /// Passes the hole at this place and notes what stands around it.
    pub fn hole(&mut self, context: Context) {
        let index = self.hole_ranges.partition_point(|(here, _)| here.end <= self.pos);
        let Some((here, _)) =
            self.hole_ranges.get(index).filter(|(here, _)| here.start <= self.pos)
        else {
            self.pos += 1;
            return;
        };
        self.pos = here.end.min(self.end);
        let context = match self.ambient {
            Ambient::Clean => context,
            Ambient::Arithmetic => Context::Arithmetic,
            Ambient::Parameter => Context::Parameter,
            Ambient::Backtick => Context::Backtick,
            Ambient::Unclear => Context::Unknown,
        };
        if let Some(known) = self.contexts.get_mut(index) {
            *known = context;
        }
    }

    /// Gives all holes that begin in a range one context. Says whether there are any.
    pub fn set_holes(&mut self, range: &Range<usize>, context: &Context) -> bool {
        let first = self.hole_ranges.partition_point(|(here, _)| here.start < range.start);
        let last = self.hole_ranges.partition_point(|(here, _)| here.start < range.end);
        let some = first < last;
        let mine = self.contexts.get_mut(first..last.max(first)).unwrap_or(&mut []);
        mine.iter_mut().for_each(|known| known.clone_from(context));
        some
    }

    /// Does something in a place that makes holes unsafe. The outermost such place decides.
    pub fn within<T>(
        &mut self,
        ambient: Ambient,
        act: impl FnOnce(&mut Self) -> Step<T>,
    ) -> Step<T> {
        let before = self.ambient;
        if before == Ambient::Clean {
            self.ambient = ambient;
        }
        let result = act(self);
        self.ambient = before;
        result
    }
}
