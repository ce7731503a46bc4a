//! Inside a word: quotes, escapes, `$…` and backticks, as bash's lexer matches them.
//! Commands in substitutions are read in place by the same parser.

use super::parser::{Ambient, Parser, Step};
use super::template::HOLE;
use super::word::Draft;
use super::{Command, Context, Nesting};
use std::ops::Range;

impl Parser<'_, '_> {
    pub fn escape(&mut self, draft: &mut Draft) {
        draft.is_quoted = true;
        match self.at(self.pos + 1) {
            Some(b'\n') => self.pos += 2,
            Some(HOLE) => {
                self.pos += 1;
                draft.has_hole = true;
                draft.unknown();
                self.hole(Context::Unknown);
            }
            Some(byte) => {
                draft.text.push(byte);
                self.pos += 2;
            }
            None => {
                draft.text.push(b'\\');
                self.pos += 1;
            }
        }
    }

    pub fn single_quoted(&mut self, draft: &mut Draft) -> Step<()> {
        draft.is_quoted = true;
        let open = self.pos;
        self.pos += 1;
        loop {
            match self.byte() {
                Some(b'\'') => {
                    self.pos += 1;
                    return Ok(());
                }
                Some(HOLE) => {
                    draft.has_hole = true;
                    draft.unknown();
                    self.hole(Context::SingleQuoted);
                }
                Some(byte) => {
                    draft.text.push(byte);
                    self.pos += 1;
                }
                None => return Err(self.problem(open..open + 1, "this `'` is never closed")),
            }
        }
    }

    pub fn double_quoted(&mut self, draft: &mut Draft) -> Step<()> {
        draft.is_quoted = true;
        let open = self.pos;
        self.deeper()?;
        self.pos += 1;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.pos += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                b'\\' => match self.at(self.pos + 1) {
                    Some(b'\n') => self.pos += 2,
                    Some(HOLE) => self.escape(draft),
                    Some(next) => {
                        if !matches!(next, b'$' | b'`' | b'"' | b'\\') {
                            draft.text.push(b'\\');
                        }
                        draft.text.push(next);
                        self.pos += 2;
                    }
                    None => self.pos += 1,
                },
                b'$' => self.dollar(true, draft)?,
                b'`' => self.backtick(draft)?,
                HOLE => {
                    draft.has_hole = true;
                    draft.unknown();
                    self.hole(Context::DoubleQuoted);
                }
                _ => {
                    draft.text.push(byte);
                    self.pos += 1;
                }
            }
        }
        Err(self.problem(open..open + 1, "this `\"` is never closed"))
    }

    /// Whatever begins with `$`. `quoted`: inside double quotes or a document.
    pub fn dollar(&mut self, quoted: bool, draft: &mut Draft) -> Step<()> {
        let start = self.pos;
        self.pos += 1;
        match self.byte() {
            Some(b'(') => {
                draft.unknown();
                if self.at(start + 2) == Some(b'(')
                    && self.closes_as_arithmetic(start + 3).is_some()
                {
                    self.pos += 2;
                    return self.arithmetic(start);
                }
                self.pos += 1;
                self.substitution(start)
            }
            Some(b'{') => {
                draft.unknown();
                self.parameter()
            }
            Some(b'[') => {
                draft.unknown();
                let from = self.pos;
                self.within(Ambient::Arithmetic, |parser| parser.matched(b'[', b']'))?;
                self.note_arithmetic(from..self.pos);
                Ok(())
            }
            Some(b'\'') if !quoted => self.ansi_quoted(draft),
            Some(b'"') if !quoted => {
                // Translated before it is read: nothing is promised about a value in it.
                self.within(Ambient::Unclear, |parser| parser.double_quoted(draft))
            }
            Some(HOLE) => {
                // `$` and the value's own quote would become `$'…'`.
                draft.has_hole = true;
                draft.unknown();
                self.hole(Context::Unknown);
                Ok(())
            }
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                draft.unknown();
                let end = self.name_end(self.pos);
                self.note_use(self.pos..end);
                self.pos = end;
                if quoted && self.byte() == Some(HOLE) && self.ambient != Ambient::Clean {
                    self.hole(Context::Unknown);
                }
                Ok(())
            }
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => {
                draft.unknown();
                self.note_use(self.pos..self.pos + 1);
                self.pos += 1;
                Ok(())
            }
            _ => {
                draft.text.push(b'$');
                Ok(())
            }
        }
    }

    fn ansi_quoted(&mut self, draft: &mut Draft) -> Step<()> {
        draft.is_quoted = true;
        let open = self.pos - 1;
        self.pos += 1;
        while let Some(byte) = self.byte() {
            match byte {
                b'\'' => {
                    self.pos += 1;
                    return Ok(());
                }
                HOLE => {
                    draft.has_hole = true;
                    draft.unknown();
                    self.hole(Context::Unknown);
                }
                b'\\' => {
                    let text = match self.at(self.pos + 1) {
                        Some(b'n') => Some(b'\n'),
                        Some(b't') => Some(b'\t'),
                        Some(byte @ (b'\\' | b'\'' | b'"')) => Some(byte),
                        _ => None,
                    };
                    match text {
                        Some(byte) => draft.text.push(byte),
                        None => draft.unknown(),
                    }
                    self.pos += 1;
                    if self.byte().is_some_and(|byte| byte != HOLE) {
                        self.pos += 1;
                    }
                }
                _ => {
                    draft.text.push(byte);
                    self.pos += 1;
                }
            }
        }
        Err(self.problem(open..open + 2, "this `$'` is never closed"))
    }

    /// `{ … }` after `$`.
    fn parameter(&mut self) -> Step<()> {
        let open = self.pos;
        let mut at = open + 1;
        while matches!(self.at(at), Some(b'!' | b'#')) {
            at += 1;
        }
        let mut name_end = self.name_end(at);
        if name_end == at {
            while self.at(name_end).is_some_and(|byte| byte.is_ascii_digit()) {
                name_end += 1;
            }
        }
        if name_end == at && self.at(at).is_some_and(|byte| b"@*?-$".contains(&byte)) {
            name_end += 1;
        }
        self.note_use(at..name_end);
        let operator = self.at(name_end);
        let offset = operator == Some(b':')
            && !self.at(name_end + 1).is_some_and(|byte| b"-=?+".contains(&byte));
        if offset || operator == Some(b'[') || self.at(open + 1) == Some(b'!') {
            // An offset or a subscript, perhaps; a name read from a variable may hold one too.
            let end = self.bytes[name_end..self.end].iter().position(|byte| *byte == b'}');
            let start = if self.at(open + 1) == Some(b'!') { at } else { name_end };
            self.note_arithmetic(start..end.map_or(self.end, |end| name_end + end));
        }
        self.within(Ambient::Parameter, |parser| parser.matched(b'{', b'}'))
    }

    /// Passes a bracketed text, from its opening on. Only the closing bracket matters in it, and
    /// what may hide one. Single quotes do, even in `"${x:-it's}"`: bash refuses that.
    pub fn matched(&mut self, open: u8, close: u8) -> Step<()> {
        let start = self.pos;
        self.deeper()?;
        self.pos += 1;
        let mut draft = Draft::default();
        let mut count = 1usize;
        while let Some(byte) = self.byte() {
            draft.text.clear();
            match byte {
                _ if byte == close => {
                    self.pos += 1;
                    count -= 1;
                    if count == 0 {
                        self.depth -= 1;
                        return Ok(());
                    }
                }
                b'\\' => self.escape(&mut draft),
                b'\'' => self.single_quoted(&mut draft)?,
                b'"' => self.double_quoted(&mut draft)?,
                b'$' => self.dollar(false, &mut draft)?,
                b'`' => self.backtick(&mut draft)?,
                b'<' | b'>' if open == b'{' && self.at(self.pos + 1) == Some(b'(') => {
                    self.pos += 2;
                    self.substitution(self.pos - 2)?;
                }
                HOLE => self.hole(Context::Bare),
                _ => {
                    // `{` does not nest: the first `}` closes.
                    count += usize::from(byte == open && open != b'{');
                    self.pos += 1;
                }
            }
        }
        let text = format!("this `{}` is never closed", char::from(open));
        Err(self.problem(start..start + 1, text))
    }

    /// `((` is passed; reads up to `))`.
    pub fn arithmetic(&mut self, start: usize) -> Step<()> {
        self.pos -= 1;
        let from = self.pos;
        self.within(Ambient::Arithmetic, |parser| parser.matched(b'(', b')'))?;
        self.note_arithmetic(from..self.pos);
        if self.byte() == Some(b')') {
            self.pos += 1;
            return Ok(());
        }
        Err(self.problem(start..self.pos, "this `((` is never closed by `))`"))
    }

    /// Whether what begins after `((` closes with `))`, or is a subshell in parentheses. One look
    /// ahead that counts brackets, so that nesting cannot make it slow.
    pub fn closes_as_arithmetic(&self, from: usize) -> Option<usize> {
        let mut count = 1usize;
        let mut at = from;
        let mut quote = None;
        while let Some(byte) = self.at(at) {
            match (quote, byte) {
                (_, b'\\') if quote != Some(b'\'') => at += 1,
                (Some(open), _) if open == byte => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'' | b'`') => quote = Some(byte),
                (None, b'(') => count += 1,
                (None, b')') => {
                    count -= 1;
                    if count == 0 {
                        return (self.at(at + 1) == Some(b')')).then_some(at);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// `$(` or `<(` is passed; reads the commands and the `)`.
    pub fn substitution(&mut self, open: usize) -> Step<()> {
        self.deeper()?;
        let nesting = std::mem::replace(&mut self.nesting, Nesting::Substitution);
        let pending = std::mem::take(&mut self.pending);
        self.level += 1;
        self.list()?;
        self.level -= 1;
        self.pending = pending;
        self.nesting = nesting;
        self.depth -= 1;
        match self.byte() {
            Some(b')') => {
                self.pos += 1;
                Ok(())
            }
            None => Err(self.problem(open..open + 2, "this `$(` is never closed")),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// What is between backticks is read when it runs: no problem in it is one of the script.
    pub fn backtick(&mut self, draft: &mut Draft) -> Step<()> {
        let open = self.pos;
        let mut close = open + 1;
        let mut escaped = false;
        loop {
            match self.at(close) {
                Some(b'`') => break,
                Some(b'\\') => {
                    escaped = true;
                    close += 2;
                }
                Some(_) => close += 1,
                None => return Err(self.problem(open..open + 1, "this backtick is never closed")),
            }
        }
        draft.unknown();
        self.deeper()?;
        draft.has_hole |= self.set_holes(&(open..close), &Context::Backtick);
        if escaped {
            self.unescaped_backtick(open..close + 1);
        } else {
            self.pos = open + 1;
            self.aside(close, Ambient::Backtick, |parser| parser.list().map(|_| ()));
        }
        self.depth -= 1;
        self.pos = close + 1;
        Ok(())
    }

    fn unescaped_backtick(&mut self, range: Range<usize>) {
        let mut text = Vec::with_capacity(range.len());
        let mut inside = self.bytes[range.start + 1..range.end - 1].iter().copied().peekable();
        while let Some(byte) = inside.next() {
            let dropped = byte == b'\\' && matches!(inside.peek(), Some(b'$' | b'`' | b'\\'));
            text.push(if dropped { inside.next().unwrap_or(byte) } else { byte });
        }
        let mut parser = Parser {
            bytes: &text,
            source: None,
            pos: 0,
            end: text.len(),
            depth: self.depth,
            level: self.level + 1,
            nesting: Nesting::Substitution,
            in_function: self.in_function,
            ambient: Ambient::Backtick,
            extglob: self.extglob,
            pending: Vec::new(),
            hole_ranges: &[],
            commands: Vec::new(),
            functions: Vec::new(),
            contexts: Vec::new(),
            trace: super::parser::Trace::default(),
        };
        // A copy has its own places; for all that is in it the backticks are the place.
        let _ = parser.list();
        let mut commands = parser.commands;
        let place = |place: &mut Range<usize>| *place = range.clone();
        commands.iter_mut().for_each(|command: &mut Command<'_>| command.each_range(&place));
        self.commands.append(&mut commands);
    }

    /// Reads something that ends at `end` and is not a part of the script's own syntax.
    pub fn aside(&mut self, end: usize, ambient: Ambient, act: impl FnOnce(&mut Self) -> Step<()>) {
        let saved = (self.end, self.depth, self.level, self.nesting, self.ambient);
        let pending = std::mem::take(&mut self.pending);
        self.end = end;
        self.level += 1;
        self.nesting = Nesting::Substitution;
        if self.ambient == Ambient::Clean {
            self.ambient = ambient;
        }
        // Only the commands that could be read are of use; what is wrong shows when it runs.
        let _ = act(self);
        self.pending = pending;
        (self.end, self.depth, self.level, self.nesting, self.ambient) = saved;
    }

    fn note_use(&mut self, name: Range<usize>) {
        if !self.contexts.is_empty() && !name.is_empty() {
            self.trace.uses.push(name);
        }
    }

    pub fn note_arithmetic(&mut self, range: Range<usize>) {
        if !self.contexts.is_empty() {
            self.trace.arithmetic.push(range);
        }
    }
}
