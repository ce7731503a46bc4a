//! What a script does to a deployment: moves code, undoes a schema, keeps users out, takes long.
//! Knows the usual tools by name; a script of the plan's own says nothing here.

use super::database::task;
use super::{Fact, Line, Script, compose, each_line};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeedKind {
    /// The work tree becomes another commit.
    MovesCode,
    /// Migrations are undone by their own scripts, which live in the code.
    UndoesSchema,
    /// All migrations are undone, also those of years ago.
    UndoesEverything,
    UsersOut,
    UsersIn,
    /// A service that users may need ends.
    StopsService,
    /// Downloads, or builds something: its length depends on others.
    Slow,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub kind: DeedKind,
    pub fact: Fact,
}

pub fn deeds(script: &Script<'_>) -> Vec<Deed> {
    let mut deeds: Vec<Deed> = Vec::new();
    for line in each_line(script) {
        let Some((kind, about)) = deed(&line) else { continue };
        deeds.push(Deed { kind, fact: line.fact(about) });
    }
    deeds
}

fn deed(line: &Line<'_, '_>) -> Option<(DeedKind, &'static str)> {
    if let Some((tool, task)) = task(line) {
        match (tool, task) {
            ("artisan", "down") => return Some((DeedKind::UsersOut, "keeps users out")),
            ("artisan", "up") => return Some((DeedKind::UsersIn, "lets users in")),
            ("alembic", "downgrade") if line.has_word("base") => {
                return Some((DeedKind::UndoesEverything, "undoes every migration there ever was"));
            }
            ("django", "migrate")
                if line.operands().last().is_some_and(|word| word.text == "zero") =>
            {
                return Some((DeedKind::UndoesEverything, "undoes every migration there ever was"));
            }
            ("alembic", "downgrade")
            | ("artisan", "migrate:rollback")
            | ("rails", "db:rollback") => {
                return Some((DeedKind::UndoesSchema, "undoes migrations"));
            }
            _ => {}
        }
    }
    let operand = line.operand(0);
    let slow = |about| Some((DeedKind::Slow, about));
    match line.name() {
        "git" => match operand {
            "checkout" | "switch"
                if !line.has('b', "") && !line.has('B', "") && !line.has_word("--") =>
            {
                Some((DeedKind::MovesCode, "moves the code"))
            }
            "reset" if line.has('\0', "hard") => Some((DeedKind::MovesCode, "moves the code")),
            "fetch" | "pull" | "clone" => slow("downloads from a git server"),
            _ => None,
        },
        "docker" | "podman" | "docker-compose" => match compose(line) {
            Some("build") => slow("builds an image"),
            Some("pull") => slow("downloads images"),
            Some("stop" | "down") if !works_behind(line) => {
                Some((DeedKind::StopsService, "stops containers"))
            }
            Some(_) => None,
            None if operand == "build" || (operand == "buildx" && line.operand(1) == "build") => {
                slow("builds an image")
            }
            None if operand == "pull" => slow("downloads an image"),
            None => None,
        },
        "systemctl" | "supervisorctl" if operand == "stop" && !works_behind(line) => {
            Some((DeedKind::StopsService, "stops a service"))
        }
        "service" if line.operand(1) == "stop" && !works_behind(line) => {
            Some((DeedKind::StopsService, "stops a service"))
        }
        "composer" if matches!(operand, "install" | "update" | "require") => {
            (!offline(line)).then_some((DeedKind::Slow, "downloads packages"))
        }
        "npm" | "pnpm" | "yarn" => match operand {
            "ci" | "install" | "update" | "add" if !offline(line) => slow("downloads packages"),
            "run" if line.operand(1).starts_with("build") => slow("builds the application"),
            "build" => slow("builds the application"),
            _ => None,
        },
        "pip" | "pip3" if operand == "install" && !offline(line) => slow("downloads packages"),
        "bundle" if operand == "install" && !line.has('\0', "local") => slow("downloads packages"),
        "apt" | "apt-get" | "dnf" | "yum" | "apk" => match operand {
            "install" | "upgrade" | "dist-upgrade" | "full-upgrade" | "update" | "add"
                if !line.has('\0', "no-download") && !line.has('\0', "download-only") =>
            {
                slow("downloads and installs system packages")
            }
            _ => None,
        },
        "cargo" if matches!(operand, "build" | "install") => slow("builds the application"),
        "mvn" | "gradle" | "gradlew" => slow("builds the application"),
        "wget" if !line.has('\0', "spider") && !local(line) => slow("downloads a file"),
        "curl" if line.has('O', "remote-name") && !local(line) => slow("downloads a file"),
        _ => None,
    }
}

fn works_behind(line: &Line<'_, '_>) -> bool {
    line.operands().any(|word| is_behind(&word.text))
}

/// Users do not notice that it stands still, for a while.
pub fn is_behind(service: &str) -> bool {
    let service = service.to_lowercase();
    ["worker", "queue", "scheduler", "cron", "timer", "exporter", "backup"]
        .iter()
        .any(|word| service.contains(word))
}

fn offline(line: &Line<'_, '_>) -> bool {
    ["offline", "prefer-offline", "no-index", "dry-run"].iter().any(|option| line.has('\0', option))
}

fn local(line: &Line<'_, '_>) -> bool {
    line.arguments().iter().any(|word| {
        word.text.contains("://localhost")
            || word.text.contains("://127.")
            || word.text.contains("://[::1]")
    })
}
