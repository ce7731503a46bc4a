//! What a script does with backups: overwrites them, restores over what is there, prunes them.
//! Tells backups by the names of files; does not open any.

use super::{Fact, Line, Script, each_line};
use crate::shell::program::{self, base};
use crate::shell::{Command, Word};

/// Most scripts have nothing to do with the question: those need no closer look.
fn mentions(script: &Script<'_>, words: &[&str]) -> bool {
    words.iter().any(|word| script.text.contains(word))
}

/// A dump whose name holds no more than the day: the second one destroys the first.
pub fn overwritten_backups(script: &Script<'_>) -> Vec<Fact> {
    if !mentions(script, &["dump", "tar ", "cp "]) {
        return Vec::new();
    }
    let days = super::day_names(script);
    let mut facts = Vec::new();
    for (at, command) in script.commands.iter().enumerate() {
        let Some(line) = program::lines(&command.words).find(|line| is_dump(line)) else {
            continue;
        };
        let Some(target) = target(script, at, line) else { continue };
        match naming(script, &days, target, 3) {
            Naming::Day => {
                facts.push(Fact::new(&target.range, "names the day, not the moment"));
            }
            Naming::Fixed if is_backup_path(script.slice(&target.range)) => {
                facts.push(Fact::new(&target.range, "is the same name at every run"));
            }
            _ => {}
        }
    }
    facts
}

fn is_dump(line: &[Word<'_>]) -> bool {
    let only = |text: &str| {
        matches!(text, "--schema-only" | "-s" | "--no-data" | "-d" | "--globals-only" | "-g")
    };
    match program::name(line) {
        // `-d` names the database of pg_dump.
        "pg_dump" => !line.iter().any(|word| only(&word.text) && word.text != "-d"),
        "mysqldump" | "mariadb-dump" => !line.iter().any(|word| only(&word.text)),
        "pg_dumpall" | "mongodump" => true,
        "tar" => line.get(1).is_some_and(|word| {
            let text = word.text.trim_start_matches('-');
            text == "create" || !word.text.starts_with("--") && text.contains('c')
        }),
        "cp" => true,
        _ => false,
    }
}

/// The file that a dump goes to: by redirection (also at the end of its pipe) or by option.
fn target<'s, 'a>(script: &'s Script<'a>, at: usize, line: &'s [Word<'a>]) -> Option<&'s Word<'a>> {
    let command = &script.commands[at];
    let last = match command.in_pipeline {
        Some((part, parts)) if part + 1 < parts => {
            script.commands[at + 1..].iter().find(|next| {
                next.level == command.level && next.in_pipeline == Some((parts - 1, parts))
            })?
        }
        _ => command,
    };
    let writes = |one: &&crate::shell::Redirection<'_>| {
        matches!(one.operator, ">" | ">|" | "&>") && one.descriptor.is_none_or(|one| one == 1)
    };
    if let Some(redirection) = last.redirections.iter().find(writes) {
        return Some(&redirection.target);
    }
    let arguments = line.get(1..)?;
    match program::name(line) {
        "cp" => arguments.last().filter(|word| is_backup_path(script.slice(&word.range))),
        "tar" => {
            let at = arguments.iter().position(|word| {
                word.text.ends_with('f') && !word.text.starts_with("--") || word.text == "--file"
            })?;
            arguments.get(at + 1)
        }
        _ => {
            let named = |word: &Word<'_>| matches!(&*word.text, "-f" | "--file" | "--result-file");
            let at = arguments.iter().position(named)?;
            arguments.get(at + 1)
        }
    }
}

enum Naming {
    Fixed,
    Day,
    Unknown,
}

/// What makes up a name: its text, the variables and the dates in it.
fn naming(script: &Script<'_>, days: &[Fact], word: &Word<'_>, depth: usize) -> Naming {
    if word.is_literal {
        return Naming::Fixed;
    }
    if word.has_hole || depth == 0 {
        return Naming::Unknown;
    }
    let raw = script.slice(&word.range);
    let mut found = Naming::Fixed;
    let mut at = 0;
    while let Some(dollar) = raw[at..].find(['$', '`']).map(|found| at + found) {
        let rest = &raw[dollar + 1..];
        if rest.starts_with('(') {
            let inside = dollar + 2 + word.range.start;
            let day = days.iter().find(|day| {
                day.range.start >= inside
                    && raw[dollar + 2..day.range.start - word.range.start].trim().is_empty()
            });
            let Some(day) = day.filter(|day| day.range.end < word.range.end) else {
                return Naming::Unknown;
            };
            let close = day.range.end - word.range.start;
            if !raw[close..].trim_start().starts_with(')') {
                return Naming::Unknown;
            }
            found = Naming::Day;
            at = close;
            continue;
        }
        let name = rest.strip_prefix('{').unwrap_or(rest);
        let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = &name[..length.unwrap_or(name.len())];
        let assigned = script.commands.iter().flat_map(|command| &command.assignments);
        let assigned = assigned.filter(|one| one.name == name).find_map(|one| one.value.as_ref());
        let Some(value) = assigned.filter(|_| !name.is_empty()) else { return Naming::Unknown };
        match naming(script, days, value, depth - 1) {
            Naming::Fixed => {}
            Naming::Day => found = Naming::Day,
            Naming::Unknown => return Naming::Unknown,
        }
        at = dollar + 1 + name.len();
    }
    found
}

fn is_backup_path(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["backup", "dump", "sauvegarde", ".bak", "archive"].iter().any(|part| text.contains(part))
}

fn is_dump_path(text: &str) -> bool {
    is_backup_path(text) || text.contains(".sql.") || text.contains("restore")
}

/// A dump is put into a database that is there: what the dump does not know stays, the rest breaks.
pub fn plain_restores(script: &Script<'_>) -> Vec<Fact> {
    if !mentions(script, &["psql", "mysql", "mariadb", "pg_restore"]) {
        return Vec::new();
    }
    let mut facts = Vec::new();
    let mut made = false;
    for (at, command) in script.commands.iter().enumerate() {
        for line in program::lines(&command.words) {
            let text = script.slice(&command.range).to_ascii_lowercase();
            made |= program::name(line) == "createdb" || text.contains("create database");
            let arguments = line.get(1..).unwrap_or(&[]);
            let beside = arguments.iter().any(|word| is_scratch(script.slice(&word.range)));
            if made || beside {
                continue;
            }
            let whole = || Line { command, words: line, is_elsewhere: false };
            let live = match program::name(line) {
                "psql" | "mysql" | "mariadb" => inputs(script, at, line)
                    .iter()
                    .any(|word| is_dump_path(script.slice(&word.range))),
                "pg_restore" => {
                    let line = whole();
                    let lists = line.has('l', "list");
                    let makes = line.has('C', "create") && !line.has('c', "clean");
                    line.has('d', "dbname") && !lists && !makes
                }
                _ => false,
            };
            if live {
                facts.push(whole().fact("puts a dump into a database that is in use"));
            }
        }
    }
    facts
}

/// By its name not the database that users work with.
fn is_scratch(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words =
        ["scratch", "test", "tmp", "temp", "new", "verif", "check", "copy", "essai", "drill"];
    !is_dump_path(&text) && words.iter().any(|word| text.contains(word))
}

/// What a command reads: its files, its input, and the files of the one before it in the pipe.
fn inputs<'s, 'a>(script: &'s Script<'a>, at: usize, line: &'s [Word<'a>]) -> Vec<&'s Word<'a>> {
    let command = &script.commands[at];
    let mut all = files(command, line);
    if let Some((part, parts)) = command.in_pipeline.filter(|(part, _)| *part > 0) {
        let before = script.commands[..at].iter().rev();
        let before = before
            .filter(|one| one.level == command.level && one.in_pipeline == Some((part - 1, parts)));
        let unpacks = |name: &str| {
            matches!(
                name,
                "cat"
                    | "gunzip"
                    | "zcat"
                    | "gzip"
                    | "zstd"
                    | "zstdcat"
                    | "xz"
                    | "xzcat"
                    | "bzcat"
                    | "bunzip2"
                    | "pv"
                    | "pg_restore"
                    | "age"
                    | "gpg"
                    | "openssl"
                    | "aws"
            )
        };
        for one in before.take(1) {
            for line in program::lines(&one.words).filter(|line| unpacks(program::name(line))) {
                all.extend(files(one, line));
            }
        }
    }
    all
}

fn files<'s, 'a>(command: &'s Command<'a>, line: &'s [Word<'a>]) -> Vec<&'s Word<'a>> {
    let read = command.redirections.iter().filter(|one| one.operator == "<");
    let operands = line.iter().skip(1).filter(|word| !word.text.starts_with('-'));
    read.map(|one| &one.target).chain(operands).collect()
}

/// "The newest one", or whatever a pattern finds, is restored.
pub fn restores_by_pattern(script: &Script<'_>) -> Vec<Fact> {
    if !mentions(script, &["psql", "mysql", "mariadb", "pg_restore", "tar "]) {
        return Vec::new();
    }
    let mut facts = Vec::new();
    for (at, command) in script.commands.iter().enumerate() {
        for line in program::lines(&command.words) {
            let restores = match program::name(line) {
                "psql" | "mysql" | "mariadb" => {
                    let all = inputs(script, at, line);
                    all.iter().any(|word| is_dump_path(script.slice(&word.range)))
                        || all
                            .iter()
                            .any(|word| word.text.ends_with(".sql") && word.text.contains('*'))
                }
                "pg_restore" => true,
                "tar" => line.get(1).is_some_and(|word| {
                    let text = word.text.trim_start_matches('-');
                    text == "extract" || !word.text.starts_with("--") && text.contains('x')
                }),
                _ => false,
            };
            if !restores {
                continue;
            }
            for word in inputs(script, at, line) {
                let raw = script.slice(&word.range);
                let newest = raw.to_ascii_lowercase();
                let about = if newest.contains("latest") || newest.contains("newest") {
                    "is whatever was saved last"
                } else if newest.contains("$(ls") || newest.contains("`ls") {
                    "is whatever stands first in a list"
                } else if raw.contains('*') && !word.is_quoted && is_dump_path(raw) {
                    "is whatever the pattern finds"
                } else {
                    continue;
                };
                facts.push(Fact::new(&word.range, about));
            }
        }
    }
    facts
}

/// Backups go by age alone: when new ones fail, the last good one goes too.
pub fn pruned_by_age(script: &Script<'_>) -> Vec<Fact> {
    if !mentions(script, &["find"]) {
        return Vec::new();
    }
    // Somebody who counts before has thought of a floor.
    if each_line(script).any(|line| line.name() == "wc") {
        return Vec::new();
    }
    let mut facts = Vec::new();
    for line in each_line(script).filter(|line| line.name() == "find") {
        let has = |text: &str| line.has_word(text);
        let aged = has("-mtime") || has("-mmin") || has("-ctime");
        let piped = line.command.in_pipeline.is_some_and(|(part, parts)| part + 1 < parts);
        let removes = has("-delete")
            || has("rm")
            || piped && each_line(script).any(|other| other.name() == "rm");
        let end = line.command.range.end;
        if aged && removes && is_dump_path(script.slice(&(line.command.range.start..end))) {
            facts.push(line.fact("removes backups by their age alone"));
        }
    }
    facts
}

/// `.env` or a private key is copied beside backups, and nothing says who may read the copy.
pub fn copied_secrets(script: &Script<'_>) -> Vec<Fact> {
    if !mentions(script, &["cp "]) {
        return Vec::new();
    }
    let narrowed = each_line(script).any(|line| {
        let modes = ["077", "0077", "600", "0600", "400", "0400", "go-rwx", "go=", "u=rw,go="];
        matches!(line.name(), "umask" | "chmod" | "install")
            && modes.iter().any(|mode| line.has_word(mode))
    });
    if narrowed {
        return Vec::new();
    }
    let mut facts = Vec::new();
    for line in each_line(script).filter(|line| line.name() == "cp") {
        let operands: Vec<_> = line.operands().collect();
        let Some((to, from)) = operands.split_last() else { continue };
        let secret = from.iter().any(|word| holds_secrets(&word.text));
        if secret && is_backup_path(script.slice(&to.range)) {
            facts.push(line.fact("copies secrets, and others may read the copy"));
        }
    }
    facts
}

/// A file that is secret by its name: `.env`, a private key, a file of passwords.
pub fn holds_secrets(path: &str) -> bool {
    let name = base(path.trim_end_matches('/'));
    let sample = [".example", ".dist", ".sample", ".template", ".testing", ".ci"];
    let env = name == ".env" || name.starts_with(".env.");
    env && !sample.iter().any(|end| name.ends_with(end))
        || matches!(
            name,
            "id_rsa" | "id_ed25519" | "id_ecdsa" | "privkey.pem" | ".pgpass" | ".my.cnf"
        )
        || [".key", ".p12", ".pfx"].iter().any(|end| name.ends_with(end) && name.len() > end.len())
}
