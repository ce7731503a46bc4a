//! Which programs a script needs on the machine, and which of its commands have a typed action.

use super::{Line, Script, compose, each_line};
use crate::shell::program;
use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// As written: a name to be found on the path, or an absolute path.
    pub name: String,
    /// Where it is first run.
    pub range: Range<usize>,
}

/// Programs that run on this machine, each once. Builtins, functions, scripts of the plan's own
/// directory and names known only at run time are left out.
pub fn tools(script: &Script<'_>) -> Vec<Tool> {
    let mut tools: Vec<Tool> = Vec::new();
    for line in each_line(script).filter(|line| !line.is_elsewhere) {
        let Some(name) = line.words.first().and_then(|word| word.literal()) else { continue };
        let relative = name.contains('/') && !name.starts_with('/');
        let own = script.functions.iter().any(|function| function == name);
        let known = tools.iter().any(|tool| tool.name == name);
        if !name.is_empty() && !relative && !own && !known && !is_builtin(name) {
            tools.push(Tool { name: name.to_owned(), range: line.words[0].range.clone() });
        }
    }
    tools
}

fn is_builtin(name: &str) -> bool {
    const BUILTINS: [&str; 64] = [
        "!",
        "((",
        ".",
        ":",
        "[",
        "[[",
        "alias",
        "bg",
        "bind",
        "break",
        "builtin",
        "caller",
        "cd",
        "command",
        "compgen",
        "complete",
        "compopt",
        "continue",
        "declare",
        "dirs",
        "disown",
        "echo",
        "enable",
        "eval",
        "exec",
        "exit",
        "export",
        "false",
        "fc",
        "fg",
        "getopts",
        "hash",
        "help",
        "history",
        "jobs",
        "kill",
        "let",
        "local",
        "logout",
        "mapfile",
        "popd",
        "printf",
        "pushd",
        "pwd",
        "read",
        "readarray",
        "readonly",
        "return",
        "set",
        "shift",
        "shopt",
        "source",
        "suspend",
        "test",
        "time",
        "times",
        "trap",
        "true",
        "type",
        "typeset",
        "ulimit",
        "umask",
        "unalias",
        "unset",
    ];
    BUILTINS.binary_search(&name).is_ok() || name == "wait"
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub range: Range<usize>,
    /// The key of a step that does the same and can be shown, undone and resumed.
    pub action: &'static str,
}

pub fn typed_actions(script: &Script<'_>) -> Vec<Suggestion> {
    let mut found: Vec<Suggestion> = Vec::new();
    for line in each_line(script) {
        if let Some(action) = action(&line) {
            let range = line.fact("").range;
            let inside = found.last().is_some_and(|last| {
                last.range.start <= range.start
                    && range.end <= last.range.end
                    && last.action == action
            });
            if !inside {
                found.push(Suggestion { range, action });
            }
        }
    }
    found
}

fn action(line: &Line<'_, '_>) -> Option<&'static str> {
    let operand = line.operand(0);
    let files = matches!(operand, "install" | "ci" | "update" | "upgrade");
    if let Some((tool, task)) = super::database::task(line) {
        return match (tool, task) {
            ("artisan", "down" | "up") => Some("maintenance"),
            ("alembic", "upgrade" | "downgrade") => Some("migrate"),
            (_, task) if task.starts_with("migrate") || task.starts_with("db:migrate") => {
                Some("migrate")
            }
            _ => None,
        };
    }
    match line.name() {
        "pg_dump" | "pg_dumpall" | "mysqldump" | "mariadb-dump" | "pg_basebackup" => Some("backup"),
        "pg_restore" => Some("restore"),
        "psql" | "mysql" | "mariadb" | "sqlite3" if line.is_fed() || line.has('f', "file") => {
            Some(if restores(line) { "restore" } else { "sql" })
        }
        "psql" if line.has('c', "command") => Some("sql"),
        "mysql" | "mariadb" if line.has('e', "execute") => Some("sql"),
        "git" if matches!(operand, "checkout" | "switch" | "reset" | "pull" | "tag" | "branch") => {
            Some("git")
        }
        "systemctl" | "service" | "supervisorctl" => {
            let verbs = ["start", "stop", "restart", "reload"];
            verbs.iter().any(|verb| line.has_word(verb)).then_some("service")
        }
        "docker" | "podman" | "docker-compose" => match compose(line) {
            Some("up" | "down" | "restart" | "stop" | "start") => Some("service"),
            _ => None,
        },
        "tar" | "zip" => {
            let letters = line.words.get(1).map_or("", |word| &*word.text);
            let makes = line.name() == "zip" || letters.contains('c') || line.has('\0', "create");
            Some(if makes { "backup" } else { "files" })
        }
        "cp" | "rsync" | "install" | "ln" | "chmod" | "chown" | "unzip" | "rm" | "mv" => {
            Some("files")
        }
        "curl" | "wget" => Some(if downloads(line) { "fetch" } else { "http" }),
        "sleep" | "pg_isready" | "nc" | "wait-for-it" | "wait-for-it.sh" => Some("wait"),
        "diff" | "cmp" | "sha256sum" | "md5sum" => Some("compare"),
        "mail" | "sendmail" | "notify-send" => Some("notify"),
        "apt" | "apt-get" | "dnf" | "yum" | "npm" | "composer" | "pip" | "pip3" | "yarn"
        | "pnpm"
            if files =>
        {
            Some("packages")
        }
        _ => None,
    }
}

/// A dump is read: from a pipe that unpacks it, or by a name that says so.
fn restores(line: &Line<'_, '_>) -> bool {
    let named = |text: &str| {
        ["backup", "dump", ".sql.gz", "sauvegarde"].iter().any(|part| text.contains(part))
    };
    let piped = line.command.in_pipeline.is_some_and(|(part, _)| part > 0);
    piped
        || line.command.redirections.iter().any(|one| named(&one.target.text))
        || line.arguments().iter().any(|word| named(&word.text))
}

fn downloads(line: &Line<'_, '_>) -> bool {
    let elsewhere = line.command.redirections.iter().any(|one| {
        one.operator.starts_with('>') && one.target.text != "/dev/null" && one.operator != ">&"
    });
    match line.name() {
        "wget" => !line.has('\0', "spider") && !line.has('q', "quiet"),
        _ => {
            let output = line.arguments().windows(2).find(|pair| {
                matches!(&*pair[0].text, "-o" | "--output")
                    || pair[0].text.ends_with('o')
                        && program::base(&pair[0].text).starts_with('-')
                        && !pair[0].text.starts_with("--")
            });
            let kept = output.is_some_and(|pair| pair[1].text != "/dev/null");
            kept || line.has('O', "remote-name") || elsewhere
        }
    }
}
