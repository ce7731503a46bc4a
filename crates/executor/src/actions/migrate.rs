//! `migrate`: versioned scripts up to a version, and back to the one before. What is applied is asked
//! of the database itself, so a crash needs no memory of ours: going on applies what is missing,
//! going back takes away what this very step applied.

mod back;
mod lock;
mod one;
mod records;
mod script;
mod tool;
mod up;

use std::time::Duration;

use plan_model::migration::{self, Direction, Migration, MigrationFile, MigrationSet, Version};
use plan_model::model::action::migrate::{Engine, Migrate};
use plan_model::model::plan::Surroundings;
use plan_model::source::FileId;
use plan_model::sql::Dialect;

use super::{About, Act, Found, Perform};
use crate::event::{Failure, Outputs};
use crate::fill::Filler;
use crate::world::database::address::Address;
use crate::world::database::stepwise::Task;
use crate::world::database::{Patience, Session};
use crate::world::{Broken, Job, error};
use tool::ByTool;

/// How long to look, after a failure, whether anything is there.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);

/// Where what is applied is written down, unless the plan says otherwise.
const TABLE: &str = "schema_migrations";

pub const ABOUT: About = About {
    key: "migrate",
    verified: "the tracking table names the version that was wanted, checksums hold",
    undone: "the scripts' rollbacks, newest first, to what was there; by a tool: its own way back",
    after_crash: "asks the tracking table, and goes on there",
    tests: &["tests/data/migrate.rs", "tests/data/tools.rs", "tests/data/killed.rs"],
};

impl Perform for Migrate {
    fn tools(&self, _: &Filler<'_>) -> Vec<String> {
        match self.engine {
            // Called by another one, which may bring it along: a container.
            _ if self.call.is_some() => Vec::new(),
            Some(Engine::Laravel) => vec!["php".to_owned()],
            Some(Engine::Sqitch) => vec!["sqitch".to_owned()],
            Some(Engine::Flask) => vec!["flask".to_owned()],
            Some(Engine::Alembic) => vec!["alembic".to_owned()],
            Some(Engine::Command | Engine::Builtin) | None => Vec::new(),
        }
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            if let Some(engine) = by_tool(self) {
                let ready = ByTool::of(self, engine, job, around);
                return ready.map_err(Failure::untouched)?.up().await;
            }
            let ready = Going::begin(self, job, around).await.map_err(Failure::untouched)?;
            let (mut going, session) = ready;
            going.with(session, async |going, session| going.up(session).await).await
        })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            if let Some(engine) = by_tool(self) {
                return ByTool::of(self, engine, job, around)?.down().await;
            }
            let (mut going, session) = Going::begin(self, job, around).await?;
            going.with(session, async |going, session| going.down(session).await).await
        })
    }

    fn found<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async move {
            match by_tool(self).map(|engine| ByTool::of(self, engine, job, around)) {
                Some(Ok(ready)) => ready.found().await,
                Some(Err(failure)) => Found::Unasked { why: failure.text },
                None => goes_on(),
            }
        })
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async { goes_on() })
    }
}

fn goes_on() -> Found {
    Found::Partly { how: "the database knows what is applied: it goes on there".to_owned() }
}

/// The tool that does it, where it is not `plan` itself.
fn by_tool(migrate: &Migrate) -> Option<Engine> {
    migrate.engine.filter(|engine| *engine != Engine::Builtin)
}

/// A step under way.
struct Going<'j> {
    migrate: &'j Migrate,
    job: &'j Job,
    set: MigrationSet,
    target: Option<Version>,
    table: String,
    /// This step of this run, as the database knows it.
    run: String,
    patience: Patience,
}

impl<'j> Going<'j> {
    async fn begin(
        migrate: &'j Migrate,
        job: &'j Job,
        around: &Surroundings,
    ) -> Result<(Going<'j>, Session), Failure> {
        let fill = job.filler();
        let at = Address::of(&fill, Some(&migrate.database.value))?;
        let table = match &migrate.table {
            Some(table) => table.value.clone(),
            None => TABLE.to_owned(),
        };
        let set = scripts(migrate, job, at.dialect, &table)?;
        let target = match fill.optional(migrate.to.as_ref())? {
            Some(text) => Some(text.parse::<Version>().map_err(|wrong| error(wrong.to_string()))?),
            None => None,
        };
        if let Some(target) = target.as_ref().filter(|target| set.up(target).is_none()) {
            let latest = set.latest().map_or("none".to_owned(), Version::to_string);
            return Err(error(format!(
                "there is no script for version {target}; the newest is {latest}: correct `to:` in the \
                 plan, or add the script"
            )));
        }
        let time = |time: Option<_>| fill.optional_time(time);
        let patience = Patience::new(
            time(migrate.lock_timeout.as_ref())?,
            time(migrate.statement_timeout.as_ref())?,
            time(around.timeout.as_ref())?,
        );
        let mut session = job.session(&at).await?;
        session.counts = false;
        session.wait_for_locks(patience.lock).await?;
        let entry = job.entry_id();
        let run = format!("{}/{entry}", job.world.run_key());
        Ok((Going { migrate, job, set, target, table, run, patience }, session))
    }

    /// Under the lock, and whatever comes of it, the session ends with it.
    async fn with<T>(
        &mut self,
        mut session: Session,
        work: impl AsyncFnOnce(&mut Going<'j>, &mut Session) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let locked = lock::take(&mut session, self.job, &self.table, &self.patience).await;
        let result = match locked {
            Ok(()) => work(self, &mut session).await,
            Err(failure) => Err(failure.untouched().into()),
        };
        session.close().await;
        result
    }

    fn task_name(&self, migration: &Migration) -> String {
        let way = match migration.direction {
            Direction::Up => "up",
            Direction::Down => "down",
        };
        format!("{} {way} {}", self.table, migration.version)
    }

    fn task<'t>(&'t self, migration: &'t Migration, name: &'t str, lenient: bool) -> Task<'t> {
        let (title, text) = (&migration.sql.name[..], &migration.sql.text[..]);
        let script = &migration.sql.script;
        Task { title, name, run: &self.run, text, script, lenient }
    }
}

/// The scripts of the folders that the step names.
fn scripts(
    migrate: &Migrate,
    job: &Job,
    dialect: Dialect,
    table: &str,
) -> Result<MigrationSet, Failure> {
    let fill = job.filler();
    let Some(from) = &migrate.from else { return Err(error("`from:` names the scripts")) };
    let file =
        |(name, text): (String, String)| MigrationFile { name, file: FileId(0), text: text.into() };
    let mut files: Vec<MigrationFile> =
        job.world.frozen_scripts(&fill.named(&from.value)?)?.into_iter().map(file).collect();
    if let Some(folder) = &migrate.rollbacks {
        for (name, text) in job.world.frozen_scripts(&fill.named(&folder.value)?)? {
            let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
            let known = |file: &MigrationFile| file.name.rsplit('/').next() == Some(&name);
            if !files.iter().any(known) {
                files.push(file((format!("rollback/{name}"), text)));
            }
        }
    }
    let set = migration::read_set(files, Some(dialect), table);
    if let Some(odd) = set.misnamed.first() {
        return Err(error(format!("{}: its name tells no version", odd.name)));
    }
    for list in [&set.ups, &set.downs] {
        if let Some(pair) = list.windows(2).find(|pair| pair[0].version == pair[1].version) {
            return Err(error(format!(
                "{} and {} are one version",
                pair[0].sql.name, pair[1].sql.name
            )));
        }
    }
    Ok(set)
}
