//! `[[ … ]]`: the one place with a grammar of its own.
//! Notes which operands bash evaluates as arithmetic, since a value there can run commands.

use super::parser::{Parser, Step, is_break};
use super::word::Kind;
use super::{Command, Word};
use std::borrow::Cow;
use std::ops::Range;

const UNARY: &str = "abcdefghknoprstuvwxzGLNORS";

impl<'a> Parser<'a, '_> {
    /// `[[` is passed; reads up to `]]`, as one command.
    pub fn condition(&mut self, start: usize) -> Step<()> {
        let index = self.commands.len();
        let mut command = Command::at(start, self.nesting, self.in_function, self.level);
        self.commands.push(command.clone());
        command.words.push(self.opaque_word(start..start + 2, "[["));
        self.either(start, &mut command.words)?;
        if !self.closes_condition() {
            return Err(self.condition_problem(start));
        }
        let end = self.pos;
        command.words.push(self.opaque_word(end..end + 2, "]]"));
        self.pos += 2;
        command.range = start..self.pos;
        self.commands[index] = command;
        Ok(())
    }

    fn condition_problem(&self, start: usize) -> Box<super::Problem> {
        if self.pos < self.end {
            return self.unexpected();
        }
        self.problem(start..start + 2, "this `[[` is never closed by `]]`")
    }

    fn closes_condition(&self) -> bool {
        self.follows(b"]]") && self.at(self.pos + 2).is_none_or(is_break)
    }

    fn either(&mut self, start: usize, words: &mut Vec<Word<'a>>) -> Step<()> {
        loop {
            self.term(start, words)?;
            if self.follows(b"&&") || self.follows(b"||") {
                self.pos += 2;
            } else {
                return Ok(());
            }
        }
    }

    fn term(&mut self, start: usize, words: &mut Vec<Word<'a>>) -> Step<()> {
        self.newlines()?;
        if self.byte() == Some(b'(') {
            let open = self.pos;
            self.deeper()?;
            self.pos += 1;
            self.either(start, words)?;
            self.close_parenthesis(open)?;
            self.depth -= 1;
            return self.newlines();
        }
        if self.closes_condition() {
            return Err(self.unexpected());
        }
        if self.byte() == Some(b'!') && self.at(self.pos + 1).is_none_or(is_break) {
            self.pos += 1;
            self.deeper()?;
            self.term(start, words)?;
            self.depth -= 1;
            return Ok(());
        }
        let Some(left) = self.word()? else { return Err(self.condition_problem(start)) };
        if is_unary(&left) {
            self.blanks();
            let before = self.pos;
            let arithmetic = matches!(&*left.text, "-v" | "-R");
            words.push(left);
            if self.closes_condition() {
                return Err(self.unexpected());
            }
            let Some(operand) = self.word()? else { return Err(self.condition_problem(start)) };
            if arithmetic {
                self.note_arithmetic(before..self.pos);
            }
            words.push(operand);
            return self.newlines();
        }
        self.blanks();
        self.comparison(start, left, words)
    }

    fn comparison(&mut self, start: usize, left: Word<'a>, words: &mut Vec<Word<'a>>) -> Step<()> {
        let at = self.pos;
        let (operator, kind): (Cow<'a, str>, Kind) = match self.byte() {
            Some(b'<') => (Cow::Borrowed("<"), Kind::Plain),
            Some(b'>') => (Cow::Borrowed(">"), Kind::Plain),
            Some(b')') => return self.alone(left, words),
            Some(b'&' | b'|') if self.follows(b"&&") || self.follows(b"||") => {
                return self.alone(left, words);
            }
            _ if self.closes_condition() => return self.alone(left, words),
            _ => {
                let Some(operator) = self.word()? else {
                    return Err(self.condition_problem(start));
                };
                match &*operator.text {
                    "=" | "==" | "!=" => (operator.text, Kind::Pattern),
                    "=~" => (operator.text, Kind::Regex),
                    "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot" | "-ef" => {
                        (operator.text, Kind::Plain)
                    }
                    _ => {
                        self.pos = at;
                        return Err(self.unexpected());
                    }
                }
            }
        };
        let operator_range: Range<usize> = at..if self.pos > at { self.pos } else { at + 1 };
        self.pos = operator_range.end;
        self.blanks();
        let right = self.pos;
        if self.closes_condition() {
            return Err(self.unexpected());
        }
        let Some(operand) = self.word_of(kind)? else { return Err(self.condition_problem(start)) };
        if matches!(&*operator, "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge") {
            self.note_arithmetic(left.range.clone());
            self.note_arithmetic(right..self.pos);
        }
        let operator = Word {
            range: operator_range,
            text: operator,
            is_literal: true,
            is_quoted: false,
            has_hole: false,
        };
        words.extend([left, operator, operand]);
        self.newlines()
    }

    fn alone(&mut self, word: Word<'a>, words: &mut Vec<Word<'a>>) -> Step<()> {
        words.push(word);
        Ok(())
    }
}

fn is_unary(word: &Word<'_>) -> bool {
    let Some(letter) = word.text.strip_prefix('-') else { return false };
    !word.is_quoted && letter.len() == 1 && UNARY.contains(letter)
}
