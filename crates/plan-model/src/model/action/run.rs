//! `run`: a script, or a program with its arguments.

use schemars::JsonSchema;

use super::{ActionFacts, Inverse};
use crate::document::{Node, View};
use crate::model::read::{Leaf, Read, Walk, record};
use crate::model::value::{ScriptPath, ShellText, Text};

/// What is started: a script for the shell, a program with arguments, or a script file.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Command {
    /// A script; `bash -euo pipefail` reads it unless `shell` says otherwise.
    Script(ShellText),
    /// A program and its arguments, started without a shell.
    Program(#[schemars(length(min = 1))] Vec<Text>),
    /// A script that stands in a file beside the plan.
    File(ScriptFile),
}

record! {
/// A script in a file.
pub struct ScriptFile {
    /// The file, from the plan's folder. Example: `scripts/convert.sh`
    file: ScriptPath,
    /// Its arguments. Example: `[--all]`
    args: Option<Vec<Text>>,
}
}

pub type Run = Command;

impl Read for Command {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::Scalar(_) => ShellText::read(node).map(Command::Script),
            View::List(_) => Vec::read(node).map(Command::Program),
            View::Map(_) => ScriptFile::read(node).map(Command::File),
        }
    }
}

impl Walk for Command {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        match self {
            Command::Script(script) => script.walk(see),
            Command::Program(words) => words.walk(see),
            Command::File(file) => file.walk(see),
        }
    }
}

impl ActionFacts for Command {
    fn line(&self) -> String {
        match self {
            Command::Script(script) => script.value.trim_end().to_owned(),
            Command::Program(words) => {
                words.iter().map(|word| word.value.as_str()).collect::<Vec<_>>().join(" ")
            }
            Command::File(script) => {
                let args = script.args.iter().flatten().map(|arg| format!(" {}", arg.value));
                script.file.value.clone() + &args.collect::<String>()
            }
        }
    }

    fn inverse(&self) -> Inverse {
        Inverse::None
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["exit"]
    }
}
