//! What a bash script does, as located facts; and how a template value gets into it as data.
//! A parser by hand: brush-parser 0.4 took 2.6-4.6 µs a line (here 0.4-0.7), 68 crates, and
//! overflowed the stack on 10,000 `$(`; tree-sitter-bash took 4.4-8.1 µs and a C compiler.
//! Runs no shell, knows no files, and does not follow values through files or other programs.

use std::borrow::Cow;
use std::ops::Range;

pub mod context;
pub mod facts;

mod compound;
mod condition;
mod heredoc;
mod parser;
pub(crate) mod program;
mod quoting;
mod reach;
mod template;
mod word;

pub use context::{Context, HeredocEnd, quote};

/// Nesting beyond this is reported, not read: the reader's own stack stays small.
pub const MAX_DEPTH: usize = 50;
/// Bytes beyond this are reported, not read.
pub const MAX_LENGTH: usize = 1 << 20;
/// In `Word::text`, what only a run can tell: an expansion, a substitution, a template value.
pub const UNKNOWN: char = '\u{FFFC}';

#[derive(Debug, Clone, Default)]
pub struct Script<'a> {
    pub text: &'a str,
    /// In the order of the text, those inside substitutions included.
    pub commands: Vec<Command<'a>>,
    /// Names of the functions that the script defines.
    pub functions: Vec<Cow<'a, str>>,
    pub holes: Vec<Hole>,
    /// The first thing that bash itself would refuse; reading ends there, as bash does.
    pub problem: Option<Problem>,
}

impl Script<'_> {
    pub fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or("")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub range: Range<usize>,
    pub message: String,
}

/// A template expression, or the place of a value in a rendered script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    pub range: Range<usize>,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word<'a> {
    pub range: Range<usize>,
    /// Quotes removed; `UNKNOWN` stands for each part that only a run can tell.
    pub text: Cow<'a, str>,
    /// No part is unknown: `text` is the value.
    pub is_literal: bool,
    /// Some part is quoted or escaped.
    pub is_quoted: bool,
    /// A template value is a part of it.
    pub has_hole: bool,
}

impl Word<'_> {
    pub fn literal(&self) -> Option<&str> {
        self.is_literal.then_some(&*self.text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment<'a> {
    pub range: Range<usize>,
    pub name: Cow<'a, str>,
    /// `None` for a list: `name=(…)`.
    pub value: Option<Word<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection<'a> {
    pub range: Range<usize>,
    /// `>`, `>>`, `<`, `<<`, `<<<`, `>&`, `&>` and the like.
    pub operator: &'static str,
    /// The descriptor that is written before the operator.
    pub descriptor: Option<u32>,
    pub target: Word<'a>,
    /// The text of a `<<` document.
    pub body: Option<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    Top,
    Subshell,
    Substitution,
}

/// What stands after the `||` that a failure leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// `|| true`, `|| :`: the failure is forgotten.
    Ignored(Range<usize>),
    /// Something is done about it.
    Handled(Range<usize>),
}

/// A simple command, a `[[ … ]]` or a `(( … ))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command<'a> {
    pub range: Range<usize>,
    pub words: Vec<Word<'a>>,
    pub assignments: Vec<Assignment<'a>>,
    pub redirections: Vec<Redirection<'a>>,
    /// Ends with `&`, or is inside something that does.
    pub background: bool,
    pub negated: bool,
    /// Which part of how many, for the innermost pipe around it.
    pub in_pipeline: Option<(usize, usize)>,
    pub guard: Option<Guard>,
    /// Its status is looked at (`if`, `while`, `!`, left of `&&` and `||`): `set -e` does not act.
    pub in_condition: bool,
    pub in_function: bool,
    pub nesting: Nesting,
    /// How many substitutions are around it.
    level: u16,
}

/// Reads a script as written in a plan: `{{ … }}` is a part of a word whatever it contains.
///
/// With `{% … %}` in it, what the shell will see depends on values. Commands are then those of all
/// branches one after another, nothing is called a problem, and every hole is `Context::Unknown`:
/// render first, then `read_rendered`.
pub fn read(script: &str) -> Script<'_> {
    read_visible(script, template::visible(script))
}

/// Reads a rendered script in which `holes` (in order, apart, none empty) stand for values. Braces
/// mean nothing here. This is the way to insert values into what will run.
pub fn read_rendered<'a>(script: &'a str, holes: &[Range<usize>]) -> Script<'a> {
    read_visible(script, template::rendered(script, holes))
}

/// Words that are started without a shell: nothing in them means anything but a template value.
/// Ranges are the caller's, and `text` is empty.
pub fn read_words<'a>(words: impl Iterator<Item = (&'a str, Range<usize>)>) -> Script<'a> {
    let mut command = Command::at(0, Nesting::Top, false, 0);
    command.words.reserve_exact(words.size_hint().0);
    for (text, range) in words {
        let has_hole = crate::template::has_template(text);
        let text = if has_hole { without_templates(text).into() } else { Cow::Borrowed(text) };
        command.words.push(Word { range, text, is_literal: !has_hole, is_quoted: true, has_hole });
    }
    if let (Some(first), Some(last)) = (command.words.first(), command.words.last()) {
        command.range = first.range.start..last.range.end.max(first.range.start);
    }
    Script { commands: vec![command], ..Script::default() }
}

fn without_templates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        out.push(UNKNOWN);
        rest = after.split_once("}}").map_or("", |(_, after)| after);
    }
    out + rest
}

fn read_visible<'a>(text: &'a str, seen: template::Visible<'a>) -> Script<'a> {
    let mut script = parser::parse(text, &seen);
    script.text = text;
    if seen.branches {
        script.problem = None;
    }
    if seen.branches || script.problem.is_some() {
        // The place of a value is only known in a script that is understood to its end.
        script.holes.iter_mut().for_each(|hole| hole.context = Context::Unknown);
    }
    script
}

/// Where the expression at `at` stands. `Context::Unknown` if there is none.
pub fn template_context(script: &str, at: Range<usize>) -> Context {
    let hole = read(script).holes.into_iter().find(|hole| hole.range == at);
    hole.map_or(Context::Unknown, |hole| hole.context)
}

#[cfg(test)]
mod against_bash;
#[cfg(test)]
mod tests;
