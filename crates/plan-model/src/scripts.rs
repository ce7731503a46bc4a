//! Every script of a plan, read once: those of steps, rollback steps, checks and script files.
//! Reports what bash would refuse and values in places where they could become code.

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::graph::CompiledPlan;
use crate::model::action::run::Command;
use crate::model::action::{Action, ActionKeys};
use crate::model::check::Check;
use crate::model::plan::Surroundings;
use crate::model::read::{Leaf, LeafKind, Walk};
use crate::model::value::Text;
use crate::named::NamedFiles;
use crate::place::within;
use crate::resolve::What;
use crate::shell::facts::Pipefail;
use crate::shell::{self, Context, Script};
use crate::source::{Sources, Span};
use crate::template;

/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The action of a step.
    Step,
    /// A rollback step.
    Rollback,
    /// It only looks: checks, probes, requirements.
    Check,
}

#[derive(Debug)]
pub struct ScriptOf<'p> {
    pub purpose: Purpose,
    /// The entry that it belongs to; none for requirements and the `watch` of a phase.
    pub entry: Option<usize>,
    pub phase: Option<usize>,
    pub text: &'p str,
    pub span: Span,
    pub script: Script<'p>,
    /// No fact is to be expected of it (`facts::is_plain`).
    pub is_plain: bool,
    /// `timeout` is given where it runs.
    pub has_timeout: bool,
    /// A failure inside a pipe fails the script, unless the script itself says otherwise.
    pub pipefail: Pipefail,
}

impl ScriptOf<'_> {
    /// The place of a range of the script in its file.
    pub fn place(&self, sources: &Sources, range: Range<usize>) -> Span {
        within(sources, self.span, self.text, range)
    }
}

/// A list of program and arguments: started without a shell, so nothing in it is code.
#[derive(Debug)]
pub struct ProgramOf<'p> {
    pub purpose: Purpose,
    pub entry: Option<usize>,
    pub phase: Option<usize>,
    pub words: Vec<(&'p str, Span)>,
    /// The words as one command; its ranges are places in the file.
    pub script: Script<'p>,
    pub has_timeout: bool,
}

impl ProgramOf<'_> {
    pub fn place(&self, range: Range<usize>) -> Span {
        let file = self.words.first().map_or_else(Default::default, |(_, span)| span.file);
        Span::new(file, range.start, range.end)
    }
}

#[derive(Debug, Default)]
pub struct Scripts<'p> {
    pub scripts: Vec<ScriptOf<'p>>,
    pub programs: Vec<ProgramOf<'p>>,
}

struct Place {
    purpose: Purpose,
    entry: Option<usize>,
    phase: Option<usize>,
    has_timeout: bool,
    /// Something else than a POSIX-like shell reads the scripts.
    foreign: bool,
    pipefail: Pipefail,
}

pub fn read<'p>(plan: &'p CompiledPlan, files: &'p NamedFiles) -> Scripts<'p> {
    let mut all = Scripts::default();
    let check = |entry, phase| Place {
        purpose: Purpose::Check,
        entry,
        phase,
        has_timeout: true,
        foreign: false,
        pipefail: Pipefail::On,
    };
    for requirement in &plan.plan.requires {
        all.check(requirement, files, &check(None, None));
    }
    for (at, phase) in plan.plan.phases.iter().enumerate() {
        for watched in &phase.watch {
            all.check(watched, files, &check(None, Some(at)));
        }
    }
    for (at, entry) in plan.entries().iter().enumerate() {
        // What a loop repeats is written once.
        if entry.beside_previous || entry.after_previous {
            continue;
        }
        match &entry.what {
            What::Checkpoint(checkpoint) => {
                for asked in &checkpoint.checks {
                    all.check(asked, files, &check(Some(at), None));
                }
            }
            What::Step(step) => {
                all.actions(&step.actions, &step.surroundings, Purpose::Step, at, files);
                for back in step.rollback.iter().flat_map(|many| many.iter()) {
                    all.actions(&back.actions, &back.surroundings, Purpose::Rollback, at, files);
                }
                if let Some(probe) = &step.probe {
                    all.check(probe, files, &check(Some(at), None));
                }
            }
        }
    }
    all
}

impl<'p> Scripts<'p> {
    fn actions(
        &mut self,
        keys: &'p ActionKeys,
        around: &'p Surroundings,
        purpose: Purpose,
        at: usize,
        files: &'p NamedFiles,
    ) {
        let foreign = around.shell.as_ref().is_some_and(|shell| !is_posix_like(&shell.value));
        let place = Place {
            purpose,
            entry: Some(at),
            phase: None,
            has_timeout: around.timeout.is_some(),
            foreign,
            pipefail: around.shell.as_ref().map_or(Pipefail::On, |shell| pipefail(&shell.value)),
        };
        for action in keys.iter() {
            match action {
                Action::Run(Command::Program(words)) => self.program(words, &place),
                _ => self.leaves_of_action(action, files, &place),
            }
        }
    }

    fn program(&mut self, words: &'p [Text], place: &Place) {
        let words: Vec<_> = words.iter().map(|word| (word.value.as_str(), word.span)).collect();
        self.programs.push(ProgramOf {
            purpose: place.purpose,
            entry: place.entry,
            phase: place.phase,
            script: shell::read_words(words.iter().map(|(text, span)| (*text, span.range()))),
            words,
            has_timeout: place.has_timeout,
        });
    }

    fn check(&mut self, check: &'p Check, files: &'p NamedFiles, place: &Place) {
        match check {
            Check::AnyOf(any) => any.any_of.iter().for_each(|one| self.check(one, files, place)),
            Check::Run(run) => match &run.run {
                Command::Program(words) => self.program(words, place),
                command => self.leaves(command, files, place),
            },
            _ => self.leaves(check, files, place),
        }
    }

    fn leaves_of_action(&mut self, action: Action<'p>, files: &'p NamedFiles, place: &Place) {
        let mut found = Vec::new();
        action.walk(&mut |leaf| found.push(leaf));
        self.take(found, files, place);
    }

    fn leaves(&mut self, of: &'p impl Walk, files: &'p NamedFiles, place: &Place) {
        let mut found = Vec::new();
        of.walk(&mut |leaf| found.push(leaf));
        self.take(found, files, place);
    }

    fn take(&mut self, leaves: Vec<Leaf<'p>>, files: &'p NamedFiles, place: &Place) {
        for leaf in leaves {
            let mut starts_with = place.pipefail;
            let (text, span) = match leaf.kind {
                LeafKind::Shell if !place.foreign => (leaf.text, leaf.span),
                LeafKind::ScriptPath => match files.scripts.get(&leaf.span) {
                    Some(file) if !is_foreign_script(&file.text) => {
                        if file.text.starts_with("#!") {
                            starts_with = pipefail(file.text.lines().next().unwrap_or(""));
                        }
                        (&*file.text, Span::new(file.file, 0, file.text.len()))
                    }
                    _ => continue,
                },
                _ => continue,
            };
            let script = if leaf.kind == LeafKind::Shell {
                shell::read(text)
            } else {
                shell::read_rendered(text, &[])
            };
            self.scripts.push(ScriptOf {
                purpose: place.purpose,
                entry: place.entry,
                phase: place.phase,
                text,
                span,
                is_plain: shell::facts::is_plain(&script),
                script,
                has_timeout: place.has_timeout,
                pipefail: starts_with,
            });
        }
    }
}

fn pipefail(shell: &str) -> Pipefail {
    if shell.contains("pipefail") { Pipefail::On } else { Pipefail::Off }
}

fn is_posix_like(shell: &str) -> bool {
    let program = shell.split_whitespace().next().unwrap_or("");
    matches!(program.rsplit('/').next(), Some("bash" | "sh" | "dash" | "ash" | "ksh" | "zsh"))
}

/// A script file names its own reader in the first line.
fn is_foreign_script(text: &str) -> bool {
    let first = text.lines().next().unwrap_or("");
    first.starts_with("#!")
        && !["bash", "/sh", "dash", "ksh", "env sh"].iter().any(|shell| first.contains(shell))
}

/// What bash would refuse, and values that could become code.
pub fn check(scripts: &Scripts<'_>, sources: &Sources, found: &mut Vec<Diagnostic>) {
    for one in &scripts.scripts {
        if let Some(problem) = &one.script.problem {
            let place = one.place(sources, problem.range.clone());
            found.push(
                Diagnostic::error(
                    "shell-syntax",
                    place,
                    format!("the shell will refuse this script: {}", problem.message),
                )
                .help("try it with `bash -n`; for another language say which with `shell:`"),
            );
            continue;
        }
        for hole in &one.script.holes {
            let Some(why) = why_unsafe(&hole.context) else { continue };
            let text = &one.text[hole.range.clone()];
            let is_raw = !template::scan(text).raw.is_empty();
            if is_raw || text.starts_with("{%") {
                continue;
            }
            found.push(
                Diagnostic::error("value-as-code", one.place(sources, hole.range.clone()), format!("a value cannot be put here as data: {why}"))
                    .help("give it as an environment variable (env:) and use \"$NAME\", or take a typed action such as `sql:`")
                    .help("`| raw` puts it in unquoted, at your own risk"),
            );
        }
    }
}

fn why_unsafe(context: &Context) -> Option<String> {
    match context {
        Context::Backtick => Some("it stands between backticks".to_owned()),
        Context::Parameter => Some("it stands inside ${…}".to_owned()),
        Context::Evaluated { by } => Some(format!("`{by}` reads it as code")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::MemoryFolder;
    use crate::validate::{Setting, text};

    fn check(run: &str, expected: &[&str]) {
        let plan = format!(
            "plan: p\ninputs: {{ v: {{ default: x }} }}\nsteps:\n  - step: a\n    run: |\n      {}\n    read_only: true\n",
            run.replace('\n', "\n      ")
        );
        let mut sources = Sources::default();
        let outcome = text(&mut sources, &MemoryFolder::default(), "p", plan, &Setting::default());
        let mine = outcome
            .diagnostics
            .iter()
            .filter(|d| ["shell-syntax", "value-as-code"].contains(&d.code));
        let got: Vec<_> = mine.map(|d| format!("{}|{}", d.code, sources.slice(d.span))).collect();
        assert_eq!(got, expected, "{run}");
    }

    #[test]
    fn scripts_that_bash_refuses_are_errors() {
        check("if true; then\n  echo a\n", &["shell-syntax|if"]);
        check("echo 'a", &["shell-syntax|'"]);
        check("for f in *; do\n  echo \"$f\"\ndone", &[]);
    }

    #[test]
    fn values_must_stay_data() {
        check("echo {{ v }} \"a {{ v }}\" 'b {{ v }}'", &[]);
        check("eval \"echo {{ v }}\"", &["value-as-code|{{ v }}"]);
        check("bash -c 'echo {{ v }}'", &["value-as-code|{{ v }}"]);
        check("echo `echo {{ v }}`", &["value-as-code|{{ v }}"]);
        check("bash -c 'echo {{ v | raw }}'", &[]);
    }
}
