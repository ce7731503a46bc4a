//! What a plan starts: scripts and programs alike, each with its purpose and place.

use std::ops::Range;

use crate::lint::Lint;
use crate::scripts::{ProgramOf, Purpose, ScriptOf};
use crate::shell::Script;
use crate::source::{Sources, Span};

/// A script or a program with its arguments.
#[derive(Clone, Copy)]
pub struct Run<'l> {
    pub purpose: Purpose,
    pub entry: Option<usize>,
    pub script: &'l Script<'l>,
    from: From<'l>,
}

#[derive(Clone, Copy)]
enum From<'l> {
    Script(&'l ScriptOf<'l>),
    Program(&'l ProgramOf<'l>),
}

impl Run<'_> {
    /// The place of a range that a fact about the script names.
    pub fn place(&self, sources: &Sources, range: &Range<usize>) -> Span {
        match self.from {
            From::Script(script) => script.place(sources, range.clone()),
            From::Program(program) => program.place(range.clone()),
        }
    }

    /// Whether the command at a range names one of these programs.
    pub fn names(&self, range: &Range<usize>, programs: &[&str]) -> bool {
        let holds = |other: &Range<usize>| other.start <= range.start && range.end <= other.end;
        let commands = self.script.commands.iter().filter(|command| holds(&command.range));
        commands.flat_map(|command| &command.words).any(|word| programs.contains(&&*word.text))
    }
}

pub fn runs<'l>(lint: &'l Lint<'l>) -> impl Iterator<Item = Run<'l>> {
    let scripts = lint.scripts.scripts.iter().map(|of| Run {
        purpose: of.purpose,
        entry: of.entry,
        script: &of.script,
        from: From::Script(of),
    });
    let programs = lint.scripts.programs.iter().map(|of| Run {
        purpose: of.purpose,
        entry: of.entry,
        script: &of.script,
        from: From::Program(of),
    });
    scripts.chain(programs)
}
