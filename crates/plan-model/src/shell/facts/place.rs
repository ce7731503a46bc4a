//! What depends on where or how often a script runs, and commands whose time is over.

use super::{Fact, Line, Script, each_line};
use crate::shell::Nesting;

/// `cd` that later commands rely on, and paths that begin with somebody's home.
pub fn implicit_directory(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (at, command) in script.commands.iter().enumerate() {
        let first = command.words.first().filter(|word| matches!(&*word.text, "cd" | "pushd"));
        for word in command.words.iter().filter(|word| !word.is_quoted) {
            let home = word.text == "~" || word.text.starts_with("~/");
            let named = script.slice(&word.range).starts_with("$HOME");
            if home || named {
                facts.push(Fact::new(&word.range, "depends on whose home it is"));
            }
        }
        if first.is_none() || command.nesting != Nesting::Top {
            continue;
        }
        if command.words.len() == 1 {
            facts.push(Fact::new(&command.range, "goes to somebody's home"));
        } else if at + 1 < script.commands.len() {
            facts.push(Fact::new(&command.range, "moves all that follows to another directory"));
        }
    }
    facts
}

/// Fails, or does something else, the second time.
pub fn not_rerunnable(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in each_line(script) {
        if line.command.in_condition || line.command.guard.is_some() {
            continue;
        }
        let about = match (line.name(), line.operand(0)) {
            ("mkdir", _) if !line.has('p', "parents") => "fails if the directory is there",
            ("git", "checkout") if line.has('b', "") => "fails if the branch is there",
            ("git", "switch") if line.has('c', "create") => "fails if the branch is there",
            ("git", "branch") if makes_branch(&line) => "fails if the branch is there",
            ("git", "tag")
                if line.operands().count() > 1
                    && !line.has('f', "force")
                    && !line.has('d', "delete")
                    && !line.has('l', "list") =>
            {
                "fails if the tag is there"
            }
            ("ln", _) if line.has('s', "symbolic") && !line.has('f', "force") => {
                "fails if the link is there"
            }
            ("createdb" | "useradd" | "groupadd" | "createuser", _) => "fails if it is there",
            ("cp", _)
                if !line.has('n', "no-clobber")
                    && !line.has('b', "backup")
                    && !line.has('u', "update") =>
            {
                "overwrites what the first run saved"
            }
            _ => continue,
        };
        facts.push(line.fact(about));
    }
    facts
}

fn makes_branch(line: &Line<'_, '_>) -> bool {
    line.operands().count() > 1
        && !["d", "D", "m", "f", "l"].iter().any(|one| line.has_word(&format!("-{one}")))
}

/// `$(date +%Y%m%d)`: the second of the day has the same name.
pub fn day_names(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in each_line(script).filter(|line| line.name() == "date") {
        if line.command.nesting != Nesting::Substitution {
            continue;
        }
        let format = line.arguments().iter().find(|word| word.text.starts_with('+'));
        let Some(format) = format.filter(|word| word.is_literal) else { continue };
        let timed = ["%H", "%I", "%s", "%T", "%N", "%R", "%c", "%X", "%r", "%M", "%S", "%k", "%l"];
        let dated = ["%d", "%F", "%j", "%D", "%x", "%e"];
        let holds = |parts: &[&str]| parts.iter().any(|part| format.text.contains(part));
        if holds(&dated) && !holds(&timed) {
            facts.push(line.fact("names the day, not the moment"));
        }
    }
    facts
}

pub fn obsolete(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in each_line(script) {
        let Some(word) = line.words.first() else { continue };
        match line.name() {
            "docker-compose" => {
                facts.push(Fact::new(&word.range, "is the retired compose v1: `docker compose`"));
            }
            "apt-key" => {
                facts.push(Fact::new(&word.range, "is removed: `signed-by` in the source"))
            }
            _ => {}
        }
    }
    for command in &script.commands {
        for word in command.words.iter().filter(|word| is_md5_rule(&word.text)) {
            facts.push(Fact::new(&word.range, "asks for md5: `scram-sha-256`"));
        }
        for body in command.redirections.iter().filter_map(|one| one.body.as_ref()) {
            if script.slice(body).lines().any(is_md5_rule) {
                facts.push(Fact::new(body, "asks for md5: `scram-sha-256`"));
            }
        }
    }
    facts
}

/// A line of `pg_hba.conf`.
fn is_md5_rule(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace().rev();
    words.next() == Some("md5")
        && text.split_ascii_whitespace().any(|word| word == "local" || word.starts_with("host"))
}
