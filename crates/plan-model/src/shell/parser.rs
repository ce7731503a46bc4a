//! Lists, pipelines and simple commands, by recursive descent over bytes, as bash's grammar has
//! them. Knows nothing of quoting; stops at the first thing that bash would refuse.

use super::heredoc::Pending;
use super::template::Visible;
use super::{
    Assignment, Command, Context, Guard, Hole, MAX_DEPTH, MAX_LENGTH, Nesting, Problem,
    Redirection, Script, Word,
};
use std::borrow::Cow;
use std::ops::Range;

/// An answer, or the problem at which reading stops.
pub(super) type Step<T> = Result<T, Box<Problem>>;

/// What the places around a hole make of it, however it is quoted there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ambient {
    Clean,
    Arithmetic,
    Parameter,
    Backtick,
    /// Inside the text of a document, or where names are given.
    Unclear,
}

/// Where values can flow to; gathered only when there are holes.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Text that bash evaluates as arithmetic.
    pub arithmetic: Vec<Range<usize>>,
    /// `$name`, `${name…}`: place of the name.
    pub uses: Vec<Range<usize>>,
    /// A part of a pipe, and the commands of the parts after it.
    pub feeds: Vec<(Range<usize>, Range<usize>)>,
    /// `for name in …`: name, words.
    pub loops: Vec<(Range<usize>, Range<usize>)>,
    /// A `name=(…)` list: name, text.
    pub lists: Vec<(Range<usize>, Range<usize>)>,
}

pub(super) struct Parser<'a, 'b> {
    pub bytes: &'b [u8],
    /// The same text at the same places, if literal words can be borrowed from it.
    pub source: Option<&'a str>,
    pub pos: usize,
    pub end: usize,
    pub depth: usize,
    pub level: u16,
    pub nesting: Nesting,
    pub in_function: bool,
    pub ambient: Ambient,
    /// `extglob` is mentioned: `@(a|b)` may stand in any word.
    pub extglob: bool,
    pub pending: Vec<Pending>,
    pub hole_ranges: &'b [(Range<usize>, Range<usize>)],
    pub commands: Vec<Command<'a>>,
    pub functions: Vec<Cow<'a, str>>,
    pub contexts: Vec<Context>,
    pub trace: Trace,
}

pub(super) fn parse<'a>(text: &'a str, seen: &Visible<'a>) -> Script<'a> {
    let aligned = seen.aligned();
    let bytes = seen.bytes.as_ref();
    let mut parser = Parser {
        bytes,
        source: aligned.then_some(text),
        pos: 0,
        end: bytes.len(),
        depth: 0,
        level: 0,
        nesting: Nesting::Top,
        in_function: false,
        ambient: Ambient::Clean,
        extglob: memchr_extglob(bytes),
        pending: Vec::new(),
        hole_ranges: &seen.holes,
        // Most scripts of a large plan are one command: room for more would be kept for nothing.
        commands: Vec::with_capacity(1),
        functions: Vec::new(),
        contexts: vec![Context::Unknown; seen.holes.len()],
        trace: Trace::default(),
    };
    let mut problem = parser.script().err().map(|problem| *problem);
    if !parser.contexts.is_empty() {
        super::reach::restrict(&mut parser);
    }
    let Parser { mut commands, functions, contexts, .. } = parser;
    if !aligned {
        let place = |range: &mut Range<usize>| {
            let start = seen.source(range.start);
            let end = if range.end > range.start { seen.source(range.end - 1) + 1 } else { start };
            *range = start..end.max(start);
        };
        commands.iter_mut().for_each(|command| command.each_range(&place));
        if let Some(problem) = &mut problem {
            place(&mut problem.range);
        }
    }
    let holes = seen.holes.iter().zip(contexts);
    let holes = holes.map(|((_, range), context)| Hole { range: range.clone(), context }).collect();
    Script { text, commands, functions, holes, problem }
}

fn memchr_extglob(bytes: &[u8]) -> bool {
    bytes.len() > 14 && bytes.windows(7).any(|window| window == b"extglob")
}

impl Command<'_> {
    /// A word-less command at a place; what it holds is filled in later.
    pub(super) fn at(start: usize, nesting: Nesting, in_function: bool, level: u16) -> Self {
        Command {
            range: start..start,
            words: Vec::new(),
            assignments: Vec::new(),
            redirections: Vec::new(),
            background: false,
            negated: false,
            in_pipeline: None,
            guard: None,
            in_condition: false,
            in_function,
            nesting,
            level,
        }
    }

    pub(super) fn each_range(&mut self, place: &impl Fn(&mut Range<usize>)) {
        place(&mut self.range);
        self.words.iter_mut().for_each(|word| place(&mut word.range));
        for assignment in &mut self.assignments {
            place(&mut assignment.range);
            assignment.value.iter_mut().for_each(|word| place(&mut word.range));
        }
        for redirection in &mut self.redirections {
            place(&mut redirection.range);
            place(&mut redirection.target.range);
            redirection.body.iter_mut().for_each(place);
        }
        if let Some(Guard::Ignored(range) | Guard::Handled(range)) = &mut self.guard {
            place(range);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    If,
    Then,
    Else,
    Elif,
    Fi,
    For,
    Select,
    While,
    Until,
    Do,
    Done,
    Case,
    Esac,
    Function,
    Time,
    Coproc,
    Not,
    Open,
    Close,
    Condition,
    /// `in` and `]]`, which mean nothing where a command begins.
    Stray,
}

impl Keyword {
    /// Ends the list that it is found in.
    fn closes(self) -> bool {
        use Keyword::{Close, Do, Done, Elif, Else, Esac, Fi, Then};
        matches!(self, Then | Else | Elif | Fi | Do | Done | Esac | Close)
    }
}

/// How a list of commands goes on after one of them.
#[derive(PartialEq, Eq)]
enum Joint {
    And,
    Or,
}

impl<'a> Parser<'a, '_> {
    fn script(&mut self) -> Step<()> {
        if self.end > MAX_LENGTH {
            let message = format!("the script is longer than {MAX_LENGTH} bytes");
            return Err(Box::new(Problem { range: 0..0, message }));
        }
        self.list()?;
        if self.pos < self.end { Err(self.unexpected()) } else { Ok(()) }
    }

    pub fn byte(&self) -> Option<u8> {
        self.at(self.pos)
    }

    pub fn at(&self, pos: usize) -> Option<u8> {
        if pos < self.end { self.bytes.get(pos).copied() } else { None }
    }

    pub fn follows(&self, text: &[u8]) -> bool {
        self.bytes[self.pos..self.end].starts_with(text)
    }

    pub fn deeper(&mut self) -> Step<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(self.problem(self.pos..self.pos + 1, message));
        }
        Ok(())
    }

    pub fn problem(&self, range: Range<usize>, message: impl Into<String>) -> Box<Problem> {
        let range = range.start.min(self.end)..range.end.min(self.end);
        Box::new(Problem { range, message: message.into() })
    }

    pub fn unexpected(&self) -> Box<Problem> {
        let start = self.pos;
        let Some(byte) = self.byte() else {
            return self.problem(start..start, "the script ends in the middle of a command");
        };
        let mut end = start + 1;
        if byte == b'\n' {
            return self.problem(start..end, "the line ends in the middle of a command");
        }
        let operator = |byte: u8| matches!(byte, b';' | b'&' | b'|' | b'<' | b'>');
        let same = |at: usize| match self.at(at) {
            Some(next) if operator(byte) => operator(next),
            Some(next) => byte != b'(' && byte != b')' && !is_break(next),
            None => false,
        };
        while same(end) {
            end += 1;
        }
        let token = String::from_utf8_lossy(&self.bytes[start..end]).into_owned();
        self.problem(start..end, format!("unexpected `{token}`"))
    }

    /// Passes blanks, joined lines and a comment.
    pub fn blanks(&mut self) {
        loop {
            match self.byte() {
                Some(b' ' | b'\t') => self.pos += 1,
                Some(b'\\') if self.at(self.pos + 1) == Some(b'\n') => self.pos += 2,
                Some(b'#') => {
                    while self.byte().is_some_and(|byte| byte != b'\n') {
                        if self.byte() == Some(super::template::HOLE) {
                            // Inside a substitution a parenthesis or backtick could end it.
                            let clear = self.level == 0;
                            self.hole(if clear { Context::Comment } else { Context::Unknown });
                        } else {
                            self.pos += 1;
                        }
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    /// Passes the end of a line and the documents that follow it.
    pub fn newline(&mut self) -> Step<()> {
        self.pos += 1;
        if self.pending.is_empty() { Ok(()) } else { self.documents() }
    }

    pub fn newlines(&mut self) -> Step<()> {
        loop {
            self.blanks();
            if self.byte() != Some(b'\n') {
                return Ok(());
            }
            self.newline()?;
        }
    }

    /// The reserved word at this place, where a command may begin.
    pub fn keyword(&self) -> Option<Keyword> {
        use Keyword::*;
        let rest = &self.bytes[self.pos..self.end];
        let length = rest.iter().take(9).position(|byte| is_break(*byte)).unwrap_or(rest.len());
        Some(match rest.get(..length)? {
            b"if" => If,
            b"then" => Then,
            b"else" => Else,
            b"elif" => Elif,
            b"fi" => Fi,
            b"for" => For,
            b"select" => Select,
            b"while" => While,
            b"until" => Until,
            b"do" => Do,
            b"done" => Done,
            b"case" => Case,
            b"esac" => Esac,
            b"function" => Function,
            b"time" => Time,
            b"coproc" => Coproc,
            b"!" => Not,
            b"{" => Open,
            b"}" => Close,
            b"[[" => Condition,
            b"in" | b"]]" => Stray,
            _ => return None,
        })
    }

    pub fn takes(&mut self, keyword: Keyword) -> bool {
        let found = self.keyword() == Some(keyword);
        if found {
            while self.byte().is_some_and(|byte| !is_break(byte)) {
                self.pos += 1;
            }
        }
        found
    }

    /// Commands up to something that can begin none. Says whether there were any.
    pub fn list(&mut self) -> Step<bool> {
        let mut any = false;
        loop {
            self.newlines()?;
            match self.byte() {
                None | Some(b')') => return Ok(any),
                Some(b';') if any && matches!(self.at(self.pos + 1), Some(b';' | b'&')) => {
                    return Ok(any);
                }
                // An empty clause of a `case`; elsewhere whoever asked for the list refuses it.
                Some(b';' | b'&' | b'|') => return Ok(any),
                _ => {}
            }
            if self.keyword().is_some_and(Keyword::closes) {
                return Ok(any);
            }
            let first = self.commands.len();
            self.and_or()?;
            any = true;
            self.blanks();
            match self.byte() {
                Some(b'&') if self.at(self.pos + 1) != Some(b'&') => {
                    let level = self.level;
                    let mine = self.commands[first..].iter_mut();
                    mine.filter(|command| command.level == level)
                        .for_each(|command| command.background = true);
                    self.pos += 1;
                }
                Some(b';') if !matches!(self.at(self.pos + 1), Some(b';' | b'&')) => self.pos += 1,
                Some(b'\n') => {}
                _ => return Ok(any),
            }
        }
    }

    /// A list that must hold a command.
    pub fn filled_list(&mut self) -> Step<()> {
        if self.list()? { Ok(()) } else { Err(self.unexpected()) }
    }

    fn and_or(&mut self) -> Step<()> {
        let mut start = self.commands.len();
        let mut begin = self.pos;
        self.pipeline()?;
        let mut parts: Vec<(Range<usize>, Joint)> = Vec::new();
        let mut texts: Vec<Range<usize>> = Vec::new();
        loop {
            self.blanks();
            let joint = if self.follows(b"&&") {
                Joint::And
            } else if self.follows(b"||") {
                Joint::Or
            } else {
                break;
            };
            parts.push((start..self.commands.len(), joint));
            texts.push(begin..self.pos);
            self.pos += 2;
            self.newlines()?;
            start = self.commands.len();
            begin = self.pos;
            self.pipeline()?;
        }
        if !parts.is_empty() {
            texts.push(begin..self.pos);
            self.note_joints(&parts, start..self.commands.len(), &texts);
        }
        Ok(())
    }

    fn note_joints(
        &mut self,
        parts: &[(Range<usize>, Joint)],
        last: Range<usize>,
        texts: &[Range<usize>],
    ) {
        let level = self.level;
        let mut guard: Option<Guard> = None;
        for (at, (part, joint)) in parts.iter().enumerate().rev() {
            if *joint == Joint::Or {
                let next = parts.get(at + 1).map_or(&last, |(next, _)| next);
                let mut range = texts.get(at + 1).cloned().unwrap_or(0..0);
                while range.end > range.start && is_blank(self.bytes[range.end - 1]) {
                    range.end -= 1;
                }
                let forgets = next.len() == 1
                    && self.commands[next.clone()].iter().all(|command| {
                        command.words.len() == 1 && matches!(&*command.words[0].text, "true" | ":")
                    });
                guard = Some(if forgets { Guard::Ignored(range) } else { Guard::Handled(range) });
            }
            for command in self.commands[part.clone()].iter_mut().filter(|one| one.level == level) {
                command.in_condition = true;
                if command.guard.is_none() {
                    command.guard.clone_from(&guard);
                }
            }
        }
    }

    fn pipeline(&mut self) -> Step<()> {
        let mut negated = false;
        let first = self.commands.len();
        loop {
            self.blanks();
            match self.keyword() {
                Some(Keyword::Not) => negated = true,
                Some(Keyword::Time) => {
                    self.takes(Keyword::Time);
                    self.blanks();
                    if self.follows(b"-p") && self.at(self.pos + 2).is_none_or(is_break) {
                        self.pos += 2;
                    }
                    self.blanks();
                    if self.ends_command() {
                        return Ok(());
                    }
                    continue;
                }
                _ => break,
            }
            self.takes(Keyword::Not);
            self.blanks();
            if self.ends_command() {
                return Ok(());
            }
        }
        let begin = self.pos;
        self.command()?;
        self.blanks();
        if self.byte() == Some(b'|') && self.at(self.pos + 1) != Some(b'|') {
            self.rest_of_pipe(first, begin)?;
        }
        if negated {
            let level = self.level;
            for command in self.commands[first..].iter_mut().filter(|one| one.level == level) {
                command.negated = true;
                command.in_condition = true;
            }
        }
        Ok(())
    }

    fn rest_of_pipe(&mut self, first: usize, begin: usize) -> Step<()> {
        let mut starts = vec![first];
        let mut texts = vec![begin];
        while self.byte() == Some(b'|') && self.at(self.pos + 1) != Some(b'|') {
            self.pos += if self.at(self.pos + 1) == Some(b'&') { 2 } else { 1 };
            self.newlines()?;
            starts.push(self.commands.len());
            texts.push(self.pos);
            self.command()?;
            self.blanks();
        }
        starts.push(self.commands.len());
        let (level, parts) = (self.level, starts.len() - 1);
        for (part, ends) in starts.windows(2).enumerate() {
            let mine = self.commands[ends[0]..ends[1]].iter_mut();
            for command in mine.filter(|one| one.level == level && one.in_pipeline.is_none()) {
                command.in_pipeline = Some((part, parts));
            }
        }
        if !self.contexts.is_empty() {
            for part in 1..parts {
                let text = begin..texts[part];
                self.trace.feeds.push((text, starts[part]..starts[part + 1]));
            }
        }
        Ok(())
    }

    /// Whether `!` or `time` stand alone here.
    fn ends_command(&self) -> bool {
        matches!(self.byte(), None | Some(b'\n' | b';'))
    }

    fn command(&mut self) -> Step<()> {
        match self.byte() {
            None | Some(b'\n' | b';' | b'|' | b')') => return Err(self.unexpected()),
            Some(b'&') if self.at(self.pos + 1) != Some(b'>') => return Err(self.unexpected()),
            Some(b'(') => return self.compound(None),
            _ => {}
        }
        match self.keyword() {
            None | Some(Keyword::Time) => self.simple(),
            Some(keyword)
                if keyword.closes() || matches!(keyword, Keyword::Not | Keyword::Stray) =>
            {
                Err(self.unexpected())
            }
            Some(keyword) => self.compound(Some(keyword)),
        }
    }

    pub fn simple(&mut self) -> Step<()> {
        let index = self.commands.len();
        let start = self.pos;
        self.commands.push(Command::at(start, self.nesting, self.in_function, self.level));
        let mut words: Vec<Word<'a>> = Vec::with_capacity(4);
        let mut assignments = Vec::new();
        let mut redirections = Vec::new();
        let mut end = start;
        loop {
            self.blanks();
            match self.byte() {
                None | Some(b'\n' | b';' | b'|' | b')') => break,
                Some(b'&') if self.at(self.pos + 1) != Some(b'>') => break,
                Some(b'(') => {
                    if words.len() != 1 || !assignments.is_empty() || !redirections.is_empty() {
                        return Err(self.unexpected());
                    }
                    self.commands.truncate(index);
                    let name = words.swap_remove(0);
                    return self.function_after_name(name);
                }
                _ => {}
            }
            if let Some(redirection) = self.redirection(index, redirections.len())? {
                end = self.pos;
                redirections.push(redirection);
                continue;
            }
            let before = words.is_empty();
            let lists = before || words.first().is_some_and(|first| declares(&first.text));
            let (word, equals) = self.word_or_assignment(before, lists)?;
            end = self.pos;
            match equals {
                Some(at) if before => assignments.push(assignment(self, word, at)),
                _ => words.push(word),
            }
        }
        let command = &mut self.commands[index];
        command.range = start..end;
        command.words = words;
        command.assignments = assignments;
        command.redirections = redirections;
        Ok(())
    }

    /// A redirection if one begins here. `command` and `at` say where its document belongs.
    pub fn redirection(&mut self, command: usize, at: usize) -> Step<Option<Redirection<'a>>> {
        let start = self.pos;
        let mut pos = self.pos;
        if self.at(pos) == Some(b'{') {
            pos += 1;
            while self.at(pos).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                pos += 1;
            }
            if pos == start + 1 || self.at(pos) != Some(b'}') {
                return Ok(None);
            }
            pos += 1;
        } else {
            while self.at(pos).is_some_and(|byte| byte.is_ascii_digit()) {
                pos += 1;
            }
        }
        let rest = &self.bytes[pos..self.end];
        if !matches!(rest.first(), Some(b'<' | b'>' | b'&')) {
            return Ok(None);
        }
        const OPERATORS: [&str; 13] =
            ["&>>", "<<<", "<<-", "&>", "<<", ">>", ">|", "<>", "<&", ">&", "<", ">", "&"];
        let found = OPERATORS.into_iter().find(|one| rest.starts_with(one.as_bytes()));
        let Some(operator) = found.filter(|one| *one != "&") else { return Ok(None) };
        let digits = std::str::from_utf8(&self.bytes[start..pos]).ok();
        let descriptor = digits.and_then(|digits| digits.parse().ok());
        if matches!(operator, "<" | ">") && rest.get(1) == Some(&b'(') {
            // `<(…)` is a word; after a number it is two words.
            return Ok(None);
        }
        if operator.starts_with('&') && pos > start {
            return Ok(None);
        }
        self.pos = pos + operator.len();
        self.blanks();
        let document = matches!(operator, "<<" | "<<-");
        let before = self.ambient;
        if document {
            self.ambient = Ambient::Unclear;
        }
        let Some(target) = self.word()? else { return Err(self.unexpected()) };
        self.ambient = before;
        if document {
            let strips_tabs = operator == "<<-";
            self.expect_document(&target, strips_tabs, (command, at));
        }
        let range = start..self.pos;
        Ok(Some(Redirection { range, operator, descriptor, target, body: None }))
    }
}

/// Builtins whose arguments may be assignments.
pub(super) fn declares(name: &str) -> bool {
    matches!(name, "declare" | "typeset" | "local" | "export" | "readonly" | "alias" | "eval")
}

fn assignment<'a>(parser: &Parser<'a, '_>, word: Word<'a>, equals: usize) -> Assignment<'a> {
    let range = word.range.clone();
    let name_end = parser.name_end(range.start);
    let name = parser.literal_text(range.start..name_end);
    let value = if parser.at(equals + 1) == Some(b'(') && range.end > equals + 1 {
        None
    } else {
        let text = match word.text.find('=') {
            Some(at) => match word.text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[at + 1..]),
                Cow::Owned(text) => Cow::Owned(text[at + 1..].to_owned()),
            },
            None => Cow::Borrowed(""),
        };
        Some(Word { range: equals + 1..range.end, text, ..word })
    };
    Assignment { range, name, value }
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

/// Ends a word that has no quotes.
pub(super) fn is_break(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>')
}
