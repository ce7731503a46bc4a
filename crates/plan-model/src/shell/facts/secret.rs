//! Passwords where other users of the machine, or readers of the plan, can see them.

use super::{Line, Script, each_line, program};
use crate::shell::{UNKNOWN, Word};
use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The word that holds it.
    pub range: Range<usize>,
    pub about: &'static str,
    /// The secret itself is written there, not a variable or a template value.
    pub is_literal: bool,
    /// Visible in the list of processes; an assignment is not.
    pub on_command_line: bool,
}

pub fn secrets(script: &Script<'_>) -> Vec<Secret> {
    let mut found = Vec::new();
    for command in &script.commands {
        for assignment in &command.assignments {
            let value = assignment.value.as_ref().and_then(Word::literal).unwrap_or("");
            found.extend(assigned(&assignment.name, value, &assignment.range));
        }
        let exports = matches!(program::name(&command.words), "export" | "declare" | "local");
        for word in command.words.iter().skip(1).filter(|_| exports) {
            if let Some((name, value)) = word.text.split_once('=').filter(|_| word.is_literal) {
                found.extend(assigned(name, value, &word.range));
            }
        }
        if exports || matches!(program::name(&command.words), "echo" | "printf") {
            continue;
        }
        for word in &command.words {
            found.extend(in_url(&word.text).map(|is_literal| Secret {
                range: word.range.clone(),
                about: "a password in a URL",
                is_literal,
                on_command_line: true,
            }));
        }
    }
    for line in each_line(script) {
        in_options(&line, &mut found);
    }
    found.sort_by_key(|secret| secret.range.start);
    // `sudo mysql -pX` is one line in another.
    found.dedup_by(|one, other| one.range == other.range);
    found
}

fn assigned(name: &str, value: &str, range: &Range<usize>) -> Option<Secret> {
    let name = name.to_ascii_uppercase();
    let secret = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "_PWD", "API_KEY"];
    let secret = secret.iter().any(|part| name.contains(part)) && !name.ends_with("_FILE");
    let path = value.starts_with('/') || name.ends_with("_DIR") || name.ends_with("_PATH");
    let about = if secret && !value.is_empty() && !path {
        "a password in an assignment"
    } else if in_url(value) == Some(true) {
        "a password in a URL"
    } else {
        return None;
    };
    Some(Secret { range: range.clone(), about, is_literal: true, on_command_line: false })
}

/// Whether a text holds `scheme://user:password@`, and if so, whether it is written out.
fn in_url(text: &str) -> Option<bool> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', ' ', '"', '\'']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (!password.is_empty()).then(|| !password.contains(UNKNOWN))
}

fn in_options(line: &Line<'_, '_>, found: &mut Vec<Secret>) {
    let name = line.name();
    if matches!(name, "echo" | "printf" | "read" | "grep" | "sed" | "awk") {
        return;
    }
    let arguments = line.arguments();
    for (at, word) in arguments.iter().enumerate() {
        // `--password <FILE> 100`: what follows is not its value.
        let apart = |next: &Word<'_>| {
            let between = word.range.end..next.range.start;
            line.command.redirections.iter().any(|one| between.contains(&one.range.start))
        };
        let next = arguments.get(at + 1);
        let next = next.filter(|next| !next.text.starts_with('-') && !apart(next));
        let text = &*word.text;
        let value: Option<(&Word<'_>, &str)> = if let Some(long) = text.strip_prefix("--") {
            match long.split_once('=') {
                Some((option, value)) => names_secret(option).then_some((word, value)),
                None if names_secret(long) && takes_value(name) => {
                    next.map(|next| (next, &*next.text))
                }
                None => None,
            }
        } else {
            let attached = |letter: &str| text.strip_prefix(letter).filter(|one| !one.is_empty());
            match name {
                "mysql" | "mariadb" | "mysqldump" | "mariadb-dump" | "mysqladmin" => {
                    attached("-p").map(|value| (word, value))
                }
                "curl" if text == "-u" => with_colon(next),
                "sshpass" => match attached("-p") {
                    Some(value) => Some((word, value)),
                    None if text == "-p" => next.map(|next| (next, &*next.text)),
                    None => None,
                },
                "redis-cli" if text == "-a" => next.map(|next| (next, &*next.text)),
                _ => None,
            }
        };
        let value = match (name, text) {
            ("curl", "--user" | "--proxy-user") => with_colon(next),
            ("curl", "-H" | "--header") => next.and_then(|next| {
                let value = next.text.strip_prefix("Authorization: ")?;
                Some((next, value.split_once(' ').map_or(value, |(_, value)| value)))
            }),
            _ => value,
        };
        if let Some((holder, value)) = value.filter(|(_, value)| !value.is_empty()) {
            found.push(Secret {
                range: holder.range.clone(),
                about: "a password in an argument",
                is_literal: !value.contains(UNKNOWN),
                on_command_line: true,
            });
        }
    }
}

fn with_colon<'s, 'a>(word: Option<&'s Word<'a>>) -> Option<(&'s Word<'a>, &'s str)> {
    let word = word?;
    word.text.split_once(':').map(|(_, password)| (word, password))
}

pub(super) fn names_secret(option: &str) -> bool {
    let parts: [&str; 4] = ["password", "passwd", "secret", "token"];
    parts.iter().any(|part| option.ends_with(part)) && !option.starts_with("no-")
}

/// For these a bare `--password` asks.
fn takes_value(name: &str) -> bool {
    !name.starts_with("mysql")
        && !name.starts_with("mariadb")
        && !name.starts_with("pg_")
        && !matches!(name, "psql" | "createdb" | "dropdb" | "createuser")
}
