//! `migrate`: versioned scripts up to a version.

use super::{ActionFacts, Effect, Inverse};
use crate::model::read::{record, words};
use crate::model::value::{
    ConnectionRef, Count, Flag, MigrationsPath, Name, ShellText, Text, Time,
};

words! {
/// Who applies the scripts.
pub enum Engine {
    /// `plan` itself: files named `V1_1__name.sql`.
    Builtin = "builtin",
    /// Flask-Migrate.
    Flask = "flask",
    /// Alembic.
    Alembic = "alembic",
    /// Laravel's artisan.
    Laravel = "laravel",
    /// Sqitch.
    Sqitch = "sqitch",
    /// The commands that `commands` gives.
    Command = "command",
}
}

record! {
/// Commands of a migration tool that `plan` does not know.
pub struct MigrateCommands {
    /// Goes to a version; `{{ target }}` is the version. Example: `./migrate up {{ target }}`
    up: ShellText,
    /// Goes back to a version; `{{ target }}` is the version. Example: `./migrate down {{ target }}`
    down: ShellText,
    /// Prints the version that the database has. Example: `./migrate current`
    current: ShellText,
}
}

record! {
/// Versioned scripts up to a version.
pub struct Migrate {
    /// The connection. Example: `main`
    database: ConnectionRef,
    /// The folder of scripts named `V1_1__name.sql`. Example: `migrations/`
    from: Option<MigrationsPath>,
    /// The version to reach; the newest one unless said. Example: `"1.1"`
    to: Option<Text>,
    /// The folder of the scripts that undo; `rollback/` among the others unless said. Example: `migrations/rollback/`
    rollbacks: Option<MigrationsPath>,
    /// The table that records what was applied. Example: `schema_versions`
    table: Option<Name>,
    /// Who applies the scripts. Example: `flask`
    engine: Option<Engine>,
    /// How the engine is called, where that is not its usual way. Example: `docker compose run --rm web flask db`
    call: Option<ShellText>,
    /// The commands of an engine that `plan` does not know. Example: `{ up: "./migrate up {{ target }}", down: "./migrate down {{ target }}", current: ./migrate current }`
    commands: Option<MigrateCommands>,
    /// A database without records counts as having this version. Example: `"1.0"`
    baseline: Option<Text>,
    /// How many scripts must be waiting; another number is an error. Example: `1`
    expect_pending: Option<Count>,
    /// How long to wait for a lock. Example: `2s`
    lock_timeout: Option<Time>,
    /// How long one statement may take. Example: `10m`
    statement_timeout: Option<Time>,
    /// A versioned script may be lower than one that is applied already. Example: `false`
    allow_out_of_order: Option<Flag>,
}
}

impl ActionFacts for Migrate {
    fn line(&self) -> String {
        let to = self
            .to
            .as_ref()
            .map_or("the newest version".to_owned(), |to| format!("version {}", to.value));
        let from = self.from.as_ref().map_or(String::new(), |from| format!(" with {}", from.value));
        let engine = match self.engine {
            None | Some(Engine::Builtin) => String::new(),
            Some(engine) => format!(" by {}", engine.word()),
        };
        format!("migrate {} to {to}{from}{engine}", self.database.value)
    }

    fn inverse(&self) -> Inverse {
        Inverse::Natural(
            "migrates back to the version recorded before the run, newest first".to_owned(),
        )
    }

    fn by_hand(&self) -> String {
        if !matches!(self.engine, None | Some(Engine::Builtin)) {
            return format!("by hand, take back: {}", self.line());
        }
        let table = self.table.as_ref().map_or("schema_migrations", |table| &table.value);
        let from = self.from.as_ref().map_or("", |from| from.value.as_str());
        let downs = match &self.rollbacks {
            Some(folder) => folder.value.clone(),
            None => format!("{}/rollback/, or beside", from.trim_end_matches('/')),
        };
        format!(
            "by hand, on {}: of each version that this step applied, newest first, the script that \
             undoes it ({downs}), then its row in {table} (which: select version, run from plan_scripts; \
             a script that ended in its middle: select * from plan_statements)",
            self.database.value
        )
    }

    fn effects(&self) -> Vec<Effect> {
        vec![Effect::Schema { database: self.database.value.clone() }]
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["before", "after", "applied"]
    }
}
