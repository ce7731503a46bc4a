//! What rules ask about entries: what they change, save, check and start.
//! Judges nothing.

pub mod checks;
pub mod known;
pub mod statements;
pub mod times;
pub mod users;

use crate::graph::CompiledPlan;
use crate::model::action::maintenance::Turn;
use crate::model::action::{Action, Effect, Inverse};
use crate::model::plan::{Connection, ServerKind, Step};
use crate::model::value::Text;
use crate::resolve::{EntryOf, Plan};
use crate::sql::Dialect;

/// The action of a step.
pub fn action(step: &Step) -> Option<Action<'_>> {
    step.actions.first()
}

/// Every action of a step, its own first, then those that undo it.
pub fn actions(entry: &EntryOf) -> impl Iterator<Item = Action<'_>> {
    entry.step().into_iter().flat_map(Step::all_actions).map(|(action, _)| action)
}

/// What an entry changes, `changes:` and the connection beside `sql:` included.
pub fn effects(entry: &EntryOf) -> Vec<Effect> {
    let Some(step) = entry.step() else { return Vec::new() };
    if step.read_only == Some(true) {
        return Vec::new();
    }
    let mut effects: Vec<Effect> =
        step.actions.iter().flat_map(|action| action.facts().effects()).collect();
    if let (Some(Action::Sql(_)), Some(on)) = (action(step), &step.surroundings.on) {
        for effect in &mut effects {
            if let Effect::Data { database } = effect
                && database.is_empty()
            {
                database.clone_from(&on.value);
            }
        }
    }
    if let Some(changes) = &step.changes {
        let databases = changes
            .databases
            .iter()
            .flatten()
            .map(|id| Effect::Data { database: id.value.clone() });
        let files =
            changes.files.iter().flatten().map(|path| Effect::Files { path: path.value.clone() });
        let services = changes
            .services
            .iter()
            .flatten()
            .map(|name| Effect::Services { name: name.value.clone() });
        effects.extend(databases.chain(files).chain(services));
    }
    effects
}

/// The database that an entry changes in schema or data.
pub fn changed_databases(entry: &EntryOf) -> Vec<String> {
    let databases = effects(entry).into_iter().filter_map(|effect| match effect {
        Effect::Schema { database } | Effect::Data { database } => Some(database),
        _ => None,
    });
    databases.collect()
}

pub fn changed_files(entry: &EntryOf) -> Vec<String> {
    let files = effects(entry).into_iter().filter_map(|effect| match effect {
        Effect::Files { path } => Some(path),
        _ => None,
    });
    files.collect()
}

/// How the step is undone, the author's words before the action's nature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo<'p> {
    Rollback,
    ReadOnly,
    Irreversible(&'p Text),
    Natural(String),
    NothingToUndo(&'static str),
    Unsaid,
}

pub fn undo(step: &Step) -> Undo<'_> {
    if step.rollback.is_some() {
        return Undo::Rollback;
    }
    if let Some(why) = &step.irreversible {
        return Undo::Irreversible(why);
    }
    if step.read_only == Some(true) {
        return Undo::ReadOnly;
    }
    match action(step).map(|action| action.facts().inverse()) {
        Some(Inverse::Natural(how)) => Undo::Natural(how),
        Some(Inverse::ReadOnly) => Undo::ReadOnly,
        Some(Inverse::NothingToUndo(why)) => Undo::NothingToUndo(why),
        Some(Inverse::None) | None => Undo::Unsaid,
    }
}

/// The connection whose database a step saves.
pub fn saved_database(entry: &EntryOf) -> Option<&str> {
    match action(entry.step()?)? {
        Action::Backup(backup) => backup.database.as_ref().map(|id| id.value.as_str()),
        Action::Sql(sql) if sql.saves() => {
            sql.keys()?.database.as_ref().map(|id| id.value.as_str())
        }
        _ => None,
    }
}

pub fn saved_files(entry: &EntryOf) -> Vec<&str> {
    match entry.step().and_then(action) {
        Some(Action::Backup(backup)) => {
            backup.files.iter().flatten().map(|path| path.value.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a saved path holds a changed one.
pub fn covers(saved: &str, changed: &str) -> bool {
    let tidy = |path: &str| path.trim_start_matches("./").trim_end_matches('/').to_owned();
    let (saved, changed) = (tidy(saved), tidy(changed));
    saved.is_empty()
        || saved == "."
        || changed == saved
        || changed.starts_with(&format!("{saved}/"))
}

pub fn maintenance_turn(entry: &EntryOf) -> Option<Turn> {
    match action(entry.step()?)? {
        Action::Maintenance(maintenance) => Some(maintenance.turn()),
        _ => None,
    }
}

/// Something that the plan changes for good: a database, files or services, not only messages.
pub fn is_change(entry: &EntryOf) -> bool {
    effects(entry).iter().any(|effect| !matches!(effect, Effect::Outside))
}

/// The kind of server behind a connection, if the files tell.
pub fn dialect(plan: &Plan, connection: &str) -> Option<Dialect> {
    let connection = plan.connection(connection)?;
    dialect_of(connection)
}

pub fn dialect_of(connection: &Connection) -> Option<Dialect> {
    if let Some(kind) = connection.server {
        return Some(match kind {
            ServerKind::PostgreSql => Dialect::PostgreSql,
            ServerKind::MySql => Dialect::MySql,
            ServerKind::MariaDb => Dialect::MariaDb,
            ServerKind::Sqlite => Dialect::Sqlite,
        });
    }
    if connection.file.is_some() {
        return Some(Dialect::Sqlite);
    }
    match connection.url.as_ref()?.value.split(':').next()? {
        "postgres" | "postgresql" => Some(Dialect::PostgreSql),
        "mysql" => Some(Dialect::MySql),
        "mariadb" => Some(Dialect::MariaDb),
        "sqlite" => Some(Dialect::Sqlite),
        _ => None,
    }
}

/// Entries that are written once each: of a loop only the first.
pub fn written(plan: &CompiledPlan) -> impl Iterator<Item = (usize, &EntryOf)> {
    let entries = plan.entries().iter().enumerate();
    entries.filter(|(_, entry)| !entry.after_previous && !entry.beside_previous)
}
