//! Commands that wait for a person, or for ever.

use super::{Fact, Line, Script, compose, each_line};

/// Opens an editor, a pager, a prompt, another user's shell.
pub fn interactive(script: &Script<'_>) -> Vec<Fact> {
    each_line(script).filter_map(|line| asks(&line).map(|about| line.fact(about))).collect()
}

fn asks(line: &Line<'_, '_>) -> Option<&'static str> {
    let alone = line.arguments().is_empty() && !line.is_fed();
    let last = line.command.in_pipeline.is_none_or(|(part, parts)| part + 1 == parts);
    match line.name() {
        "nano" | "vi" | "vim" | "nvim" | "emacs" | "pico" | "visudo" | "vipw" | "sudoedit" => {
            Some("opens an editor")
        }
        "crontab" if line.has('e', "") => Some("opens an editor"),
        "less" | "more" | "man" if last => Some("opens a pager"),
        "top" if !line.has('b', "batch") => Some("takes over the terminal"),
        "htop" | "btop" | "atop" | "mc" | "tmux" | "screen" => Some("takes over the terminal"),
        "su" if !line.has('c', "command") && !line.is_fed() => Some("opens another user's shell"),
        "sudo" if line.has('i', "login") || line.has('s', "shell") => {
            let only_options = line.operands().next().is_none();
            (only_options && !line.is_fed()).then_some("opens another user's shell")
        }
        "passwd" if !line.has('l', "stdin") && !line.has('d', "") && !line.has('S', "") => {
            Some("asks for a password")
        }
        "read" if line.has('p', "") && !line.is_fed() => Some("asks a question"),
        "mysql" | "mariadb" | "mysqldump" | "mariadb-dump" | "mysqladmin" | "mysqlimport" => {
            if line.has_word("-p") || line.has_word("--password") {
                return Some("asks for a password");
            }
            let quiet = line.has('e', "execute") || line.has('V', "version") || line.is_fed();
            let client = matches!(line.name(), "mysql" | "mariadb");
            (client && !quiet).then_some("opens a prompt")
        }
        "psql" => {
            if line.has_word("-W") || line.has_word("--password") {
                return Some("asks for a password");
            }
            let quiet = line.has('c', "command") || line.has('f', "file") || line.has('l', "list");
            let quiet = quiet || line.has('V', "version") || line.has_word("--help");
            (!quiet && !line.is_fed()).then_some("opens a prompt")
        }
        "pg_dump" | "pg_restore" | "pg_dumpall" | "createdb" | "dropdb" => {
            let asked = line.has_word("-W") || line.has_word("--password");
            asked.then_some("asks for a password")
        }
        "ssh" if !line.has('N', "") && !line.has('V', "") && !line.has('O', "") => {
            let remote = crate::shell::program::lines(line.words).nth(1).is_some();
            (!remote && !line.is_fed()).then_some("opens a shell on another machine")
        }
        "bash" | "sh" | "zsh" if alone => Some("opens a shell"),
        "python" | "python3" | "node" | "irb" if alone => Some("opens a prompt"),
        "docker" | "podman" if line.has('t', "tty") && is_exec(line) => Some("needs a terminal"),
        "php" if line.operand(0) == "artisan" && line.operand(1) == "tinker" => {
            Some("opens a prompt")
        }
        "apt" | "apt-get" | "dnf" | "yum" => installs(line).then_some("asks for confirmation"),
        "ufw" if line.operand(0) == "enable" && !line.has('f', "force") => {
            Some("asks for confirmation over ssh")
        }
        "git" => git_asks(line),
        _ => None,
    }
}

fn is_exec(line: &Line<'_, '_>) -> bool {
    matches!(line.operand(0), "exec" | "run")
        && line.arguments().iter().any(|word| matches!(&*word.text, "-it" | "-ti" | "-t" | "--tty"))
}

fn installs(line: &Line<'_, '_>) -> bool {
    const VERBS: [&str; 6] =
        ["install", "upgrade", "remove", "full-upgrade", "dist-upgrade", "autoremove"];
    let agreed =
        line.has('y', "yes") || line.has('\0', "assume-yes") || line.has('\0', "assumeyes");
    // `yes | apt install` is answered.
    VERBS.contains(&line.operand(0)) && !agreed && !line.is_fed() && !line.has('s', "simulate")
}

fn git_asks(line: &Line<'_, '_>) -> Option<&'static str> {
    match line.operand(0) {
        "commit" => {
            let said =
                line.has('m', "message") || line.has('F', "file") || line.has('C', "no-edit");
            (!said).then_some("opens an editor")
        }
        "rebase" if line.has('i', "interactive") => Some("opens an editor"),
        "add" | "checkout" | "reset" if line.has('p', "patch") => Some("asks questions"),
        _ => None,
    }
}

/// Shows something for as long as nobody stops it.
pub fn never_ending(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in each_line(script) {
        let bounded = line.command.words.iter().any(|word| word.text == "timeout");
        if line.command.background || bounded {
            continue;
        }
        let about = match line.name() {
            "tail" if line.has('f', "follow") || line.has('F', "") => "follows a file",
            "journalctl" if line.has('f', "follow") => "follows the journal",
            "watch" if !line.has('g', "chgexit") => "repeats for ever",
            "top" if !line.has('n', "") => "shows until it is stopped",
            "htop" | "btop" => "shows until it is stopped",
            "ping" if !line.has('c', "") && !line.has('w', "") => "repeats for ever",
            "kubectl" | "oc" if line.operand(0) == "logs" && line.has('f', "follow") => {
                "follows logs"
            }
            "kubectl" | "oc" if line.operand(0) == "get" && line.has('w', "watch") => {
                "watches for ever"
            }
            "docker" | "podman" if line.operand(0) == "logs" && line.has('f', "follow") => {
                "follows logs"
            }
            "docker" | "podman" if line.operand(0) == "stats" && !line.has('\0', "no-stream") => {
                "shows until it is stopped"
            }
            "sleep" if line.operand(0) == "infinity" => "sleeps for ever",
            "docker" | "podman" | "docker-compose" => match compose(&line) {
                Some("logs") if follows_logs(&line) => "follows logs",
                Some("stats") if !line.has('\0', "no-stream") => "shows until it is stopped",
                Some("up") if !detaches(&line) => "stays in the foreground",
                _ => continue,
            },
            _ => continue,
        };
        facts.push(line.fact(about));
    }
    facts
}

/// `-f` before `logs` names a file.
fn follows_logs(line: &Line<'_, '_>) -> bool {
    let verb = line.arguments().iter().position(|word| word.text == "logs").unwrap_or(0);
    let after = line.arguments()[verb..].iter();
    after.map(|word| &*word.text).any(|text| {
        text == "--follow"
            || (text.starts_with('-') && !text.starts_with("--") && text.contains('f'))
    })
}

fn detaches(line: &Line<'_, '_>) -> bool {
    let words = line.arguments().iter().map(|word| &*word.text);
    words.into_iter().any(|text| {
        let long = ["--detach", "--wait", "--no-start", "--abort-on-container-exit"];
        long.contains(&text)
            || text.starts_with("--exit-code-from")
            || (text.starts_with('-') && !text.starts_with("--") && text.contains('d'))
    })
}
