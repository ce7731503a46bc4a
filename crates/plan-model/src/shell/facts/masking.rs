//! Failures that go unseen, and processes that nobody waits for.

use super::{Fact, Line, Script, each_line, program};
use crate::shell::{Command, Guard};

/// `|| true`, `set +e`, and output thrown away where the status is the question.
pub fn masked_failures(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (at, command) in script.commands.iter().enumerate() {
        let name = program::name(&command.words);
        if let Some(Guard::Ignored(guard)) = &command.guard {
            let end = guard.end.max(command.range.end);
            facts.push(Fact::new(
                &(command.range.start..end),
                format!("forgets the failure of `{name}`"),
            ));
        }
        if name == "set" {
            facts.extend(unset_option(command));
        }
        let next = script.commands.get(at + 1);
        let asked = next.is_some_and(|next| script.slice(&next.range).contains("$?"));
        let failed = matches!(command.guard, Some(Guard::Handled(_)));
        if (asked || failed) && hides_output(command) && !is_question(name) {
            facts.push(Fact::new(
                &command.range,
                format!("hides why `{name}` fails, though its status is looked at"),
            ));
        }
    }
    facts
}

fn unset_option(command: &Command<'_>) -> Option<Fact> {
    let words = &command.words;
    let about = words.iter().enumerate().skip(1).find_map(|(at, word)| {
        let letters = word.text.strip_prefix('+')?;
        if letters.contains('e') {
            return Some("goes on after a failure");
        }
        match (letters, words.get(at + 1).map(|word| &*word.text)) {
            ("o", Some("errexit")) => Some("goes on after a failure"),
            ("o", Some("pipefail")) => Some("hides failures inside pipes"),
            _ => None,
        }
    })?;
    Some(Fact::new(&command.range, about))
}

fn hides_output(command: &Command<'_>) -> bool {
    let null = |operator: &str, descriptor: Option<u32>| {
        command.redirections.iter().any(|one| {
            one.operator == operator
                && (descriptor.is_none() || one.descriptor == descriptor)
                && one.target.text == "/dev/null"
        })
    };
    let joined = command
        .redirections
        .iter()
        .any(|one| one.operator == ">&" && one.descriptor == Some(2) && one.target.text == "1");
    null("&>", None) || null(">", Some(2)) || (null(">", None) && joined)
}

/// Commands that are only ever asked, and have nothing to say.
fn is_question(name: &str) -> bool {
    matches!(
        name,
        "command"
            | "which"
            | "type"
            | "hash"
            | "grep"
            | "egrep"
            | "test"
            | "["
            | "[["
            | "id"
            | "getent"
            | "pgrep"
            | "kill"
            | "diff"
            | "cmp"
    )
}

/// Left running by `&`, in a script that never waits.
pub fn background(script: &Script<'_>) -> Vec<Fact> {
    if each_line(script).any(|line: Line<'_, '_>| line.name() == "wait") {
        return Vec::new();
    }
    let left = script.commands.iter().filter(|command| command.background);
    left.map(|command| Fact::new(&command.range, "goes on when the step is over")).collect()
}
