//! Code that is run as it comes from the network, and doors opened to all of it.

use super::{Fact, Script, each_line, program};
use crate::shell::Nesting;

/// `curl … | sh`, `bash <(curl …)`, `sh -c "$(curl …)"`.
pub fn piped_download(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (at, command) in script.commands.iter().enumerate() {
        if !program::lines(&command.words).any(|line| is_download(program::name(line))) {
            continue;
        }
        if let Some((part, parts)) = command.in_pipeline {
            let later = script.commands[at + 1..].iter();
            let later = later
                .take_while(|other| other.range.start < script.text.len())
                .filter(|other| other.nesting == command.nesting)
                .take_while(|other| other.in_pipeline.is_some_and(|(p, n)| p > part && n == parts));
            for other in later {
                if program::lines(&other.words).any(|line| runs_input(program::name(line))) {
                    let range = command.range.start..other.range.end;
                    facts.push(Fact::new(&range, "runs or trusts what it downloads, unchecked"));
                    break;
                }
            }
        }
        if command.nesting == Nesting::Substitution {
            let around = script.commands[..at].iter().rev().find(|outer| {
                outer.range.start < command.range.start && outer.range.end > command.range.end
            });
            let runs = around.filter(|outer| {
                program::lines(&outer.words).any(|line| runs_input(program::name(line)))
            });
            facts.extend(
                runs.map(|outer| Fact::new(&outer.range, "runs what it downloads, unchecked")),
            );
        }
    }
    facts
}

fn is_download(name: &str) -> bool {
    matches!(name, "curl" | "wget" | "http" | "aria2c")
}

fn runs_input(name: &str) -> bool {
    program::is_shell(name)
        || matches!(
            name,
            "eval"
                | "source"
                | "."
                | "python"
                | "python3"
                | "perl"
                | "ruby"
                | "node"
                | "php"
                | "psql"
                | "mysql"
                | "apt-key"
        )
}

/// Rules that let any address in.
pub fn open_to_world(script: &Script<'_>) -> Vec<Fact> {
    const DATABASES: [&str; 6] = ["5432", "3306", "6379", "27017", "1433", "postgresql"];
    let mut facts = Vec::new();
    for command in &script.commands {
        for word in &command.words {
            let text = &*word.text;
            if text.contains("/0") && (text.contains("0.0.0.0/0") || text.contains("::/0")) {
                facts.push(Fact::new(&word.range, "lets any address in"));
            }
            if text.contains('*') && text.contains("listen_addresses") {
                facts.push(Fact::new(&word.range, "listens on every address"));
            }
        }
        for body in command.redirections.iter().filter_map(|one| one.body.as_ref()) {
            let text = script.slice(body);
            let found = text.find("0.0.0.0/0").map(|at| body.start + at..body.start + at + 9);
            facts.extend(found.map(|range| Fact::new(&range, "lets any address in")));
        }
    }
    for line in each_line(script) {
        let port = line.operand(1).split('/').next().unwrap_or("");
        let open = line.name() == "ufw" && line.operand(0) == "allow" && DATABASES.contains(&port);
        let public = line
            .arguments()
            .windows(2)
            .any(|pair| pair[0].text == "--publicly-accessible" && pair[1].text != "false");
        if open || (public && line.name() == "aws") {
            facts.push(line.fact("lets any address in"));
        }
    }
    facts
}
