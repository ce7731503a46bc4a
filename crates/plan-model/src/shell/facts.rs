//! What lints want to know of a script, each a pure question to `Script`.
//! Says where and what in a few words; does not know which rule asks, nor how severe it is.

use super::{Command, Script, Word, program};
use std::ops::Range;

mod backups;
mod database;
mod deployment;
mod download;
mod masking;
mod placeholder;
mod place;
mod reference;
mod secret;
mod tool;
mod waiting;

pub use backups::{
    copied_secrets, holds_secrets, overwritten_backups, plain_restores, pruned_by_age,
    restores_by_pattern,
};
pub use database::{Pipefail, database_rebuilt, dump_status_hidden, forced_state, sql_errors_pass};
pub use deployment::{Deed, DeedKind, deeds, is_behind};
pub use download::{open_to_world, piped_download};
pub use masking::{background, masked_failures};
pub use place::{day_names, implicit_directory, not_rerunnable, obsolete};
pub use placeholder::{placeholders, placeholders_in};
pub use reference::{is_branch, moving_references, relative_rollback, tree_destroyed};
pub use secret::{Secret, secrets};
pub use tool::{Suggestion, Tool, tools, typed_actions};
pub use waiting::{interactive, never_ending};

/// Something seen at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub range: Range<usize>,
    /// A few words that go on from "this …": `opens an editor`.
    pub about: String,
}

impl Fact {
    fn new(range: &Range<usize>, about: impl Into<String>) -> Fact {
        Fact { range: range.clone(), about: about.into() }
    }
}

/// Nothing that a fact here could be about, save what has a typed action: most scripts of a large
/// plan are so, and need not be asked a dozen times.
pub fn is_plain(script: &Script<'_>) -> bool {
    script.commands.iter().all(|command| {
        command.guard.is_none()
            && !command.background
            && command.redirections.is_empty()
            && command.assignments.is_empty()
            && command.words.first().is_some_and(|word| runs_nothing_known(&word.text))
            && command.words.iter().all(says_nothing)
    })
}

fn runs_nothing_known(program: &str) -> bool {
    if let Some(own) = program.strip_prefix("./") {
        return !matches!(program::base(own), "artisan" | "manage.py" | "console");
    }
    matches!(
        program,
        "echo"
            | "printf"
            | "true"
            | "exit"
            | "set"
            | "cat"
            | "ls"
            | "uptime"
            | "systemctl"
            | "service"
    )
}

/// No address, pattern, home, assignment or option of a secret.
fn says_nothing(word: &Word<'_>) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'.' | b'/' | b'-');
    let unknown = |byte: u8| word.has_hole && !byte.is_ascii();
    word.text.bytes().all(|byte| plain(byte) || unknown(byte))
        && !(word.text.starts_with("--") && secret::names_secret(&word.text[2..]))
}

/// A command, and one of the command lines in it: `sudo psql` has two.
#[derive(Clone, Copy)]
struct Line<'s, 'a> {
    command: &'s Command<'a>,
    words: &'s [Word<'a>],
    /// Another machine or a container runs it.
    is_elsewhere: bool,
}

impl<'s, 'a> Line<'s, 'a> {
    fn name(&self) -> &'s str {
        program::name(self.words)
    }

    fn arguments(&self) -> &'s [Word<'a>] {
        self.words.get(1..).unwrap_or(&[])
    }

    /// Arguments that are not options.
    fn operands(&self) -> impl Iterator<Item = &'s Word<'a>> {
        self.asked().iter().filter(|word| !word.text.starts_with('-'))
    }

    /// Of `git -C app -c a=b checkout …` what stands from `checkout` on.
    fn asked(&self) -> &'s [Word<'a>] {
        let mut rest = self.arguments();
        while self.name() == "git"
            && rest.first().is_some_and(|word| matches!(&*word.text, "-C" | "-c"))
        {
            rest = rest.get(2..).unwrap_or(&[]);
        }
        rest
    }

    fn operand(&self, at: usize) -> &'s str {
        self.operands().nth(at).map_or("", |word| &*word.text)
    }

    /// `--name`, `--name=…`, or the letter in a cluster of letters: `-f`, `-rf`.
    fn has(&self, letter: char, long: &str) -> bool {
        self.asked().iter().any(|word| match word.text.strip_prefix("--") {
            Some(name) => !long.is_empty() && name.split('=').next() == Some(long),
            None => {
                let cluster = word.text.strip_prefix('-');
                letter != '\0' && cluster.is_some_and(|letters| letters.contains(letter))
            }
        })
    }

    fn has_word(&self, text: &str) -> bool {
        self.arguments().iter().any(|word| word.text == text)
    }

    /// Something other than the terminal is its input.
    fn is_fed(&self) -> bool {
        let reads = |operator: &str| operator.starts_with('<') && operator != "<&";
        self.command.in_pipeline.is_some_and(|(part, _)| part > 0)
            || self.command.redirections.iter().any(|one| reads(one.operator))
    }

    fn fact(&self, about: impl Into<String>) -> Fact {
        let end = self.words.last().map_or(self.command.range.end, |word| word.range.end);
        let start = self.words.first().map_or(self.command.range.start, |word| word.range.start);
        Fact::new(&(start..end), about)
    }
}

fn each_line<'s, 'a>(script: &'s Script<'a>) -> impl Iterator<Item = Line<'s, 'a>> {
    script.commands.iter().flat_map(|command| {
        let mut is_elsewhere = false;
        program::lines(&command.words).map(move |words| {
            let line = Line { command, words, is_elsewhere };
            is_elsewhere |= matches!(
                line.name(),
                "ssh" | "docker" | "podman" | "docker-compose" | "kubectl" | "oc" | "chroot"
            );
            line
        })
    })
}

/// What `docker compose …` and `docker-compose …` are asked to do, if that is what a line is.
fn compose<'s>(line: &Line<'s, '_>) -> Option<&'s str> {
    let mut words = line.operands().map(|word| &*word.text);
    match line.name() {
        "docker-compose" => {}
        "docker" | "podman" => {
            words.next().filter(|word| *word == "compose")?;
        }
        _ => return None,
    }
    // Options before it may have values.
    words.find(|word| {
        let known = ["up", "down", "logs", "run", "exec", "build", "pull", "restart", "stop"];
        known.contains(word) || ["start", "ps", "stats", "push", "kill", "rm"].contains(word)
    })
}

#[cfg(test)]
mod tests;
