//! `if`, loops, `case`, groups, subshells, functions: what bash calls compound commands.
//! Leaves conditions between `[[` and `]]` to `condition`.

use super::parser::{Ambient, Keyword, Parser, Step};
use super::{Command, Context, Nesting, Word};
use std::borrow::Cow;
use std::ops::Range;

impl<'a> Parser<'a, '_> {
    pub fn compound(&mut self, keyword: Option<Keyword>) -> Step<()> {
        self.deeper()?;
        let (first, start) = (self.commands.len(), self.pos);
        match keyword {
            None => self.parentheses()?,
            Some(keyword) => {
                self.takes(keyword);
                match keyword {
                    Keyword::If => self.branches(start)?,
                    Keyword::While | Keyword::Until => {
                        let tested = self.commands.len();
                        self.filled_list()?;
                        self.tested(tested);
                        self.body(start)?;
                    }
                    Keyword::For | Keyword::Select => self.each(start)?,
                    Keyword::Case => self.case(start)?,
                    Keyword::Open => self.group(start)?,
                    Keyword::Condition => self.condition(start)?,
                    Keyword::Function => {
                        self.blanks();
                        let Some(name) = self.unclear_word()? else {
                            return Err(self.unexpected());
                        };
                        self.blanks();
                        if self.byte() == Some(b'(') {
                            self.function_after_name(name)?;
                        } else {
                            self.function_body(name.text)?;
                        }
                        self.depth -= 1;
                        return Ok(());
                    }
                    Keyword::Coproc => {
                        self.coprocess()?;
                        self.depth -= 1;
                        return Ok(());
                    }
                    _ => return Err(self.unexpected()),
                }
            }
        }
        self.compound_redirections(first)?;
        self.depth -= 1;
        Ok(())
    }

    /// After a compound command: redirections, then the end of it.
    fn compound_redirections(&mut self, first: usize) -> Step<()> {
        loop {
            self.blanks();
            match self.byte() {
                None | Some(b'\n' | b';' | b'|' | b')') => return Ok(()),
                Some(b'&') if self.at(self.pos + 1) != Some(b'>') => return Ok(()),
                _ => {}
            }
            let Some(found) = self.redirection(usize::MAX, 0)? else {
                // `} fi`, `fi done`: a closing word needs no `;` after another one.
                return match self.keyword() {
                    Some(_) => Ok(()),
                    None => Err(self.unexpected()),
                };
            };
            if !self.contexts.is_empty() {
                self.trace.feeds.push((found.range, first..self.commands.len()));
            }
        }
    }

    fn expect(&mut self, keyword: Keyword, start: usize, what: &str) -> Step<()> {
        if self.takes(keyword) {
            return Ok(());
        }
        if self.pos < self.end {
            return Err(self.unexpected());
        }
        Err(self.problem(start..self.word_end(start), what))
    }

    fn word_end(&self, start: usize) -> usize {
        let length = self.bytes[start..self.end]
            .iter()
            .position(|byte| super::parser::is_blank(*byte) || *byte == b';');
        length.map_or(self.end, |length| start + length.max(1))
    }

    fn tested(&mut self, from: usize) {
        let level = self.level;
        let mine = self.commands[from..].iter_mut().filter(|one| one.level == level);
        mine.for_each(|command| command.in_condition = true);
    }

    fn branches(&mut self, start: usize) -> Step<()> {
        loop {
            let tested = self.commands.len();
            self.filled_list()?;
            self.tested(tested);
            self.expect(Keyword::Then, start, "this `if` has no `then`")?;
            self.filled_list()?;
            if self.takes(Keyword::Elif) {
                continue;
            }
            if self.takes(Keyword::Else) {
                self.filled_list()?;
            }
            return self.expect(Keyword::Fi, start, "this `if` is never closed by `fi`");
        }
    }

    fn body(&mut self, start: usize) -> Step<()> {
        self.expect(Keyword::Do, start, "this loop has no `do`")?;
        self.filled_list()?;
        self.expect(Keyword::Done, start, "this loop is never closed by `done`")
    }

    fn each(&mut self, start: usize) -> Step<()> {
        self.blanks();
        if self.follows(b"((") {
            self.arithmetic_command_text()?;
            self.blanks();
            if self.byte() == Some(b';') {
                self.pos += 1;
            }
            self.newlines()?;
            return self.body_or_group(start);
        }
        let Some(name) = self.unclear_word()? else { return Err(self.unexpected()) };
        self.blanks();
        if self.byte() == Some(b';') {
            self.pos += 1;
            self.newlines()?;
            return self.body_or_group(start);
        }
        self.newlines()?;
        if self.takes_in() {
            self.blanks();
            let words = self.pos;
            while self.word()?.is_some() {
                self.blanks();
            }
            if !self.contexts.is_empty() {
                self.trace.loops.push((name.range, words..self.pos));
            }
            match self.byte() {
                Some(b';') => self.pos += 1,
                Some(b'\n') => {}
                _ => return Err(self.unexpected()),
            }
            self.newlines()?;
        }
        self.body_or_group(start)
    }

    fn body_or_group(&mut self, start: usize) -> Step<()> {
        if self.takes(Keyword::Open) { self.group(start) } else { self.body(start) }
    }

    fn takes_in(&mut self) -> bool {
        let found =
            self.follows(b"in") && self.at(self.pos + 2).is_none_or(super::parser::is_break);
        if found {
            self.pos += 2;
        }
        found
    }

    fn group(&mut self, start: usize) -> Step<()> {
        self.filled_list()?;
        self.expect(Keyword::Close, start, "this `{` is never closed")
    }

    fn case(&mut self, start: usize) -> Step<()> {
        const OPEN: &str = "this `case` is never closed by `esac`";
        self.blanks();
        if self.word()?.is_none() {
            return Err(self.unexpected());
        }
        self.newlines()?;
        if !self.takes_in() {
            return Err(self.unexpected());
        }
        loop {
            self.newlines()?;
            if self.takes(Keyword::Esac) {
                return Ok(());
            }
            if self.pos >= self.end {
                return Err(self.problem(start..self.word_end(start), OPEN));
            }
            if self.byte() == Some(b'(') {
                self.pos += 1;
                self.blanks();
            }
            loop {
                if self.pattern()?.is_none() {
                    return Err(self.unexpected());
                }
                self.blanks();
                match self.byte() {
                    Some(b'|') => self.pos += 1,
                    Some(b')') => break,
                    _ => return Err(self.unexpected()),
                }
                self.blanks();
            }
            self.pos += 1;
            self.list()?;
            if self.follows(b";;&") {
                self.pos += 3;
            } else if self.follows(b";;") || self.follows(b";&") {
                self.pos += 2;
            } else {
                return self.expect(Keyword::Esac, start, OPEN);
            }
        }
    }

    fn parentheses(&mut self) -> Step<()> {
        let start = self.pos;
        if self.at(start + 1) == Some(b'(') && self.closes_as_arithmetic(start + 2).is_some() {
            let mut command = Command::at(start, self.nesting, self.in_function, self.level);
            self.arithmetic_command_text()?;
            let range = start..self.pos;
            command.words.push(self.opaque_word(range.clone(), "(("));
            command.range = range;
            self.commands.push(command);
            return Ok(());
        }
        self.pos += 1;
        let outer = std::mem::replace(&mut self.nesting, Nesting::Subshell);
        self.filled_list()?;
        self.nesting = outer;
        self.close_parenthesis(start)
    }

    pub fn close_parenthesis(&mut self, start: usize) -> Step<()> {
        match self.byte() {
            Some(b')') => {
                self.pos += 1;
                Ok(())
            }
            None => Err(self.problem(start..start + 1, "this `(` is never closed")),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn arithmetic_command_text(&mut self) -> Step<()> {
        let start = self.pos;
        self.pos += 2;
        self.arithmetic(start)
    }

    /// A word that names something: no value can be a part of it.
    fn unclear_word(&mut self) -> Step<Option<Word<'a>>> {
        let before = std::mem::replace(&mut self.ambient, Ambient::Unclear);
        let word = self.word()?;
        self.ambient = before;
        Ok(word)
    }

    /// `name` is read, `(` is next.
    pub fn function_after_name(&mut self, name: Word<'a>) -> Step<()> {
        self.set_holes(&name.range, &Context::Unknown);
        let open = self.pos;
        self.pos += 1;
        self.blanks();
        if self.byte() != Some(b')') {
            self.pos = open;
            return Err(self.unexpected());
        }
        self.pos += 1;
        self.function_body(name.text)
    }

    fn function_body(&mut self, name: Cow<'a, str>) -> Step<()> {
        self.newlines()?;
        let keyword = self.keyword();
        let starts = match keyword {
            None => self.byte() == Some(b'('),
            Some(
                Keyword::If
                | Keyword::For
                | Keyword::Select
                | Keyword::While
                | Keyword::Until
                | Keyword::Case
                | Keyword::Open
                | Keyword::Condition,
            ) => true,
            Some(_) => false,
        };
        if !starts {
            return Err(self.unexpected());
        }
        self.functions.push(name);
        let outer = std::mem::replace(&mut self.in_function, true);
        self.compound(keyword)?;
        self.in_function = outer;
        Ok(())
    }

    fn coprocess(&mut self) -> Step<()> {
        self.blanks();
        let starts = |parser: &Self| parser.byte() == Some(b'(') || parser.keyword().is_some();
        if !starts(self) {
            // Either a name before a compound command, or a simple command.
            let start = self.pos;
            let commands = self.commands.len();
            let name = self.word()?;
            self.blanks();
            if name.is_none() || !starts(self) || self.byte() == Some(b'(') {
                self.pos = start;
                self.commands.truncate(commands);
                return self.simple();
            }
        }
        let keyword = self.keyword();
        self.compound(keyword)
    }

    pub fn opaque_word(&self, range: Range<usize>, text: &'static str) -> Word<'a> {
        Word {
            has_hole: self.bytes[range.clone()].contains(&super::template::HOLE),
            range,
            text: Cow::Borrowed(text),
            is_literal: true,
            is_quoted: false,
        }
    }
}
