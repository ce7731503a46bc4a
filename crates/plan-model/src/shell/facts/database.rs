//! Dumps that fail unseen, SQL that goes on after errors, history that is forced or wiped.

use super::{Fact, Line, Script, each_line};
use crate::shell::Guard;

/// Whether the shell that runs the script starts with `-o pipefail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipefail {
    On,
    Off,
}

/// A dump the failure of which does not fail the step.
pub fn dump_status_hidden(script: &Script<'_>, pipefail: Pipefail) -> Vec<Fact> {
    let mut pipefail = pipefail == Pipefail::On;
    let mut facts = Vec::new();
    for line in each_line(script) {
        if line.name() == "set" && line.has_word("pipefail") {
            pipefail = !line.arguments().iter().any(|word| word.text.starts_with('+'));
        }
        let dumps = matches!(
            line.name(),
            "pg_dump" | "pg_dumpall" | "pg_basebackup" | "mysqldump" | "mariadb-dump" | "mongodump"
        );
        if !dumps {
            continue;
        }
        let inside = line.command.in_pipeline.is_some_and(|(part, parts)| part + 1 < parts);
        if inside && !pipefail {
            facts.push(line.fact("fails unseen in a pipe: only the last status counts"));
        }
        if let Some(Guard::Ignored(_)) = line.command.guard {
            facts.push(line.fact("fails unseen: its failure is forgotten"));
        }
        let mysql = matches!(line.name(), "mysqldump" | "mariadb-dump");
        if mysql && (line.has_word("--force") || line.has_word("-f")) {
            facts.push(line.fact("goes on after errors with `--force`"));
        }
    }
    facts
}

/// SQL from a file or a pipe that goes on after a failed statement.
pub fn sql_errors_pass(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in each_line(script) {
        match line.name() {
            // With `-c` what it is fed is data.
            "psql" if line.has('f', "file") || (line.is_fed() && !line.has('c', "command")) => {
                let said = line.arguments().iter().any(|word| word.text.contains("ON_ERROR_STOP"));
                let bodies = line.command.redirections.iter().filter_map(|one| one.body.as_ref());
                let inside =
                    bodies.into_iter().any(|body| script.slice(body).contains("ON_ERROR_STOP"));
                if !said && !inside {
                    facts.push(line.fact("returns 0 after a failed statement"));
                }
            }
            "mysql" | "mariadb" if line.has_word("--force") || line.has_word("-f") => {
                facts.push(line.fact("goes on after errors with `--force`"));
            }
            _ => {}
        }
    }
    facts
}

/// What a migration tool is asked to do: `artisan migrate:fresh`, `flask db stamp`.
pub(super) fn task<'s>(line: &Line<'s, '_>) -> Option<(&'s str, &'s str)> {
    let name = line.name();
    let at = |at: usize| line.operand(at);
    Some(match name {
        "artisan" => ("artisan", at(0)),
        "php" if at(0).ends_with("artisan") => ("artisan", at(1)),
        "flask" if at(0) == "db" => ("alembic", at(1)),
        "alembic" => ("alembic", at(0)),
        "manage.py" | "django-admin" => ("django", at(0)),
        "python" | "python3" if at(0).ends_with("manage.py") => ("django", at(1)),
        "rails" | "rake" => ("rails", at(0)),
        "bin/console" | "console" => ("console", at(0)),
        "flyway" | "liquibase" | "migrate" => {
            (name, line.operands().last().map_or("", |w| &w.text))
        }
        "prisma" if at(0) == "migrate" => ("prisma", at(1)),
        "npx" if at(0) == "prisma" && at(1) == "migrate" => ("prisma", at(2)),
        "npx" | "yarn" => (at(0), at(1)),
        "knex" | "sequelize" | "sequelize-cli" => (name, at(0)),
        _ => return None,
    })
}

/// The recorded version is set by hand: it may no longer be what the database is.
pub fn forced_state(script: &Script<'_>) -> Vec<Fact> {
    let forced = |line: &Line<'_, '_>| match task(line) {
        Some(("alembic", "stamp")) | Some(("flyway", "repair")) | Some(("prisma", "resolve")) => {
            true
        }
        Some(("django", "migrate")) => line.has('\0', "fake") || line.has('\0', "fake-initial"),
        Some(("migrate", _)) => line.has_word("force"),
        _ => false,
    };
    let found = each_line(script).filter(forced);
    found.map(|line| line.fact("sets the recorded version without migrating")).collect()
}

/// All tables go.
pub fn database_rebuilt(script: &Script<'_>) -> Vec<Fact> {
    let wiped = |line: &Line<'_, '_>| {
        matches!(
            task(line),
            Some(
                ("artisan", "migrate:fresh" | "migrate:refresh" | "migrate:reset" | "db:wipe")
                    | ("rails", "db:drop" | "db:reset" | "db:migrate:reset")
                    | ("prisma", "reset")
                    | ("django", "flush")
                    | ("flyway", "clean")
            )
        ) || line.name() == "dropdb"
    };
    each_line(script)
        .filter(wiped)
        .map(|line| line.fact("drops the tables and their rows"))
        .collect()
}
