//! What rules ask about scripts and argument lists: both as one thing, with findings at places in
//! them. Judges nothing.

use std::ops::Range;

use super::{Finding, Lint};
use crate::model::plan::Surroundings;
use crate::scripts::{ProgramOf, Purpose, ScriptOf};
use crate::shell::facts::Fact;
pub(super) use crate::shell::program::base;
use crate::shell::{Command, Script, UNKNOWN, program};
use crate::source::Span;

/// A script, or a program with its arguments.
#[derive(Clone, Copy)]
pub enum Code<'l> {
    Script(&'l ScriptOf<'l>),
    Program(&'l ProgramOf<'l>),
}

/// All that a shell or the system will start, as far as it can be read.
pub fn each<'l>(lint: &'l Lint<'_>) -> impl Iterator<Item = Code<'l>> {
    let scripts = lint.scripts.scripts.iter().filter(|one| one.script.problem.is_none());
    scripts.map(Code::Script).chain(lint.scripts.programs.iter().map(Code::Program))
}

/// Those of which something may be said; a plan of thousands of steps has few.
pub fn telling<'l>(lint: &'l Lint<'_>) -> impl Iterator<Item = Code<'l>> {
    each(lint).filter(|code| !matches!(code, Code::Script(one) if one.is_plain))
}

/// Each fact that `ask` sees, as a finding with the words of `say`; `None` says nothing.
pub fn report(
    lint: &Lint<'_>,
    found: &mut Vec<Finding>,
    ask: impl Fn(&Script<'_>) -> Vec<Fact>,
    say: impl Fn(&Code<'_>, &Fact) -> Option<(String, String)>,
) {
    for code in telling(lint) {
        let facts = ask(code.script());
        for (at, fact) in facts.iter().enumerate() {
            // `docker exec -it db psql` is one prompt, not two.
            let inside = |outer: &Fact| {
                outer.range.start <= fact.range.start && fact.range.end <= outer.range.end
            };
            if facts[..at].iter().any(inside) {
                continue;
            }
            if let Some((message, help)) = say(&code, fact) {
                found.push(code.finding(lint, &fact.range, message).help(help));
            }
        }
    }
}

impl<'l> Code<'l> {
    pub fn script(&self) -> &'l Script<'l> {
        match self {
            Code::Script(one) => &one.script,
            Code::Program(one) => &one.script,
        }
    }

    pub fn purpose(&self) -> Purpose {
        match self {
            Code::Script(one) => one.purpose,
            Code::Program(one) => one.purpose,
        }
    }

    pub fn entry(&self) -> Option<usize> {
        match self {
            Code::Script(one) => one.entry,
            Code::Program(one) => one.entry,
        }
    }

    fn phase(&self) -> Option<usize> {
        match self {
            Code::Script(one) => one.phase,
            Code::Program(one) => one.phase,
        }
    }

    pub fn place(&self, lint: &Lint<'_>, range: &Range<usize>) -> Span {
        match self {
            Code::Script(one) => one.place(lint.sources, range.clone()),
            Code::Program(one) => one.place(range.clone()),
        }
    }

    /// What is written at a range.
    pub fn slice(&self, lint: &Lint<'l>, range: &Range<usize>) -> &'l str {
        match self {
            Code::Script(one) => one.text.get(range.clone()).unwrap_or(""),
            Code::Program(one) => lint.sources.slice(one.place(range.clone())),
        }
    }

    pub fn finding(&self, lint: &Lint<'_>, range: &Range<usize>, message: String) -> Finding {
        let mut finding = Finding::new(self.place(lint, range), message);
        finding.entry = self.entry();
        finding.phase = self.phase();
        finding
    }

    /// How a message calls it.
    pub fn name(&self, lint: &Lint<'_>) -> String {
        let id = self.entry().map(|at| lint.plan.entry(at).id.as_str());
        match (self.purpose(), id, self.phase()) {
            (Purpose::Step, Some(id), _) => format!("`{id}`"),
            (Purpose::Rollback, Some(id), _) => format!("the rollback of `{id}`"),
            (Purpose::Check, Some(id), _) => format!("a check of `{id}`"),
            (_, None, Some(phase)) => {
                format!("the watch of phase `{}`", lint.plan.plan.phases[phase].id)
            }
            _ => "a requirement".to_owned(),
        }
    }

    /// Where and how it runs, for steps and their rollback steps.
    pub fn surroundings(&self, lint: &Lint<'l>) -> Option<&'l Surroundings> {
        let step = lint.plan.entry(self.entry()?).step()?;
        let rollback = step.rollback.iter().flat_map(|many| many.iter());
        let span = match self {
            Code::Script(one) => one.span,
            Code::Program(one) => one.words.first()?.1,
        };
        match self.purpose() {
            Purpose::Step => Some(&*step.surroundings),
            Purpose::Rollback => rollback
                .map(|back| (back.span, &*back.surroundings))
                .find(|(around, _)| holds(*around, span))
                .map(|(_, surroundings)| surroundings),
            Purpose::Check => None,
        }
    }
}

pub fn holds(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

/// The command that a range of a script lies in; of nested ones the innermost.
pub fn command_at<'s, 'a>(script: &'s Script<'a>, range: &Range<usize>) -> Option<&'s Command<'a>> {
    let around = script
        .commands
        .iter()
        .filter(|command| command.range.start <= range.start && range.end <= command.range.end);
    around.min_by_key(|command| command.range.len())
}

/// The program that does the work: behind `sudo`, `timeout`, `docker compose exec` and the like.
pub fn program<'s>(command: &'s Command<'_>) -> &'s str {
    program::lines(&command.words).last().map_or("", program::name)
}

/// It is known only during the run.
pub fn is_unknown(text: &str) -> bool {
    text.contains(UNKNOWN)
}

pub fn overlap(one: Span, other: Span) -> bool {
    one.file == other.file && one.start < other.end && other.start < one.end
}
