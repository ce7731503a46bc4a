//! `migrate`: versioned scripts up to a version, and back to the one before. What is applied is asked
//! of the database itself, so a crash needs no memory of ours: going on applies what is missing,
//! going back takes away what this very step applied.

mod lock;
mod records;
mod tool;

use std::ops::Range;
use std::time::Duration;

use plan_model::migration::{self, Direction, Migration, MigrationFile, MigrationSet, Version};
use plan_model::model::action::migrate::{Engine, Migrate};
use plan_model::model::plan::Surroundings;
use plan_model::source::FileId;
use plan_model::sql::{self, Action, Change, Dialect, Script, TransactionStep};
use serde_json::Value as Json;

use super::{Act, Found, Perform};
use crate::event::{Failure, Outputs};
use crate::world::database::address::Address;
use crate::world::database::refusal::Why;
use crate::world::database::stepwise::{self, Task};
use crate::world::database::{Patience, Rows, Session, shape};
use crate::world::{Broken, Job, error};
use records::{Applied, Recorded, Records, checksum};
use tool::ByTool;

/// How long to look, after a failure, whether anything is there.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);

/// Where what is applied is written down, unless the plan says otherwise.
const TABLE: &str = "schema_migrations";

impl Perform for Migrate {
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
                Some(Err(_)) => Found::InDoubt,
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
        let mut session = Session::open(&at, &job.session_name()).await?;
        session.counts = false;
        session.wait_for_locks(patience.lock).await?;
        let entry = job.entry.map_or(&*job.id, |entry| &*job.world.plan.entry(entry).id);
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

    // ---- there ----

    async fn up(&mut self, session: &mut Session) -> Result<Outputs, Broken> {
        let mut done = Vec::new();
        let result = self.up_to_target(session, &mut done).await;
        let Err(Broken::Failed(mut failure)) = result else { return result };
        if done.is_empty() {
            // Nothing of this step is there: nothing has to be taken back.
            // The old session may be lost, or stuck in the middle of something.
            let looking = async {
                let mut fresh = Session::open(&session.at, &self.job.session_name()).await?;
                let is_clean = self.is_clean(&mut fresh).await;
                fresh.close().await;
                is_clean
            };
            let looked = tokio::time::timeout(LOOK_PATIENCE, looking).await;
            failure.untouched = matches!(looked, Ok(Ok(true)));
        } else {
            failure.text += &format!("; applied before it: {}", done.join(", "));
        }
        Err(failure.into())
    }

    async fn is_clean(&self, session: &mut Session) -> Result<bool, Failure> {
        let records = Records::read(session, &self.table, &self.run).await?;
        let is_ours = |applied: &Applied| records.is_of_this_step(applied);
        if records.made_here || records.applied.iter().any(is_ours) {
            return Ok(false);
        }
        for migration in &self.set.ups {
            if stepwise::read(session, &self.task_name(migration)).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn up_to_target(
        &mut self,
        session: &mut Session,
        done: &mut Vec<String>,
    ) -> Result<Outputs, Broken> {
        let mut records = Records::read(session, &self.table, &self.run).await?;
        self.hold_against(&records)?;
        let new_baseline = self.baseline(&records)?;
        let baseline = new_baseline.as_ref().or(records.baseline()).cloned();
        let counted_from = new_baseline.as_ref().or(records.highest()).cloned();
        let pending: Vec<Migration> = self
            .set
            .pending(None, self.target.as_ref())
            .into_iter()
            .filter(|one| records.find(&one.version).is_none())
            .filter(|one| baseline.as_ref().is_none_or(|baseline| one.version > *baseline))
            .cloned()
            .collect();
        self.in_order(&pending, counted_from.as_ref())?;
        let ours = records.applied.iter().filter(|one| records.is_of_this_step(one)).count();
        if let Some(expected) = &self.migrate.expect_pending {
            let expected = self.job.filler().count(expected)?;
            let waiting = pending.len() + ours;
            if waiting as u64 != expected {
                return Err(error(format!("{waiting} scripts are waiting, not {expected}")).into());
            }
        }
        for migration in &pending {
            self.can_run(session.dialect(), migration)?;
        }
        if !pending.is_empty() || new_baseline.is_some() {
            records.make(session).await?;
        }
        if let Some(version) = &new_baseline {
            let (description, checksum) = ("baseline", "");
            let row = Recorded { version, description, checksum, wrote_itself: false };
            session.run_begin(&self.patience).await?;
            records.add(session, &row).await?;
            session.commit().await.map_err(Failure::from)?;
            records.note(&row);
            self.job.say(&format!("counts as {version}: no script up to it is run"));
        }
        let total = pending.len();
        for (at, migration) in pending.iter().enumerate() {
            self.job.say(&format!("{} of {total}: {}", at + 1, migration.sql.name));
            self.apply(session, &mut records, migration).await?;
            done.push(migration.version.to_string());
        }
        records.read_again(session).await?;
        stepwise::tidy(session).await?;
        let text =
            |version: Option<&Version>| version.map_or(Json::Null, |one| one.to_string().into());
        let ours = records.applied.iter().filter(|one| records.is_of_this_step(one));
        let applied: Vec<Json> = ours.map(|one| one.version.to_string().into()).collect();
        let mut outputs = Outputs::new();
        outputs.insert("before".to_owned(), text(records.before()));
        outputs.insert("after".to_owned(), text(records.highest()));
        outputs.insert("applied".to_owned(), applied.into());
        Ok(outputs)
    }

    /// What is applied must be what the scripts say.
    fn hold_against(&self, records: &Records) -> Result<(), Failure> {
        let mut wrong = Vec::new();
        let lowest = self.set.ups.first().map(|one| &one.version);
        for applied in &records.applied {
            match self.set.up(&applied.version) {
                Some(up) => {
                    let known = applied.checksum.as_deref().filter(|known| !known.is_empty());
                    if known.is_some_and(|known| known != checksum(&up.sql.text)) {
                        wrong.push(format!("{} was edited after it was applied", up.sql.name));
                    }
                }
                // What lies before the first script was there before scripts were.
                None if lowest.is_none_or(|lowest| applied.version > *lowest) => wrong.push(format!(
                    "version {} is applied, and there is no script for it: are these the scripts of \
                     this release?",
                    applied.version
                )),
                None => {}
            }
        }
        match &self.target {
            Some(target) if records.highest().is_some_and(|highest| highest > target) => {
                let highest = records.highest().map_or(String::new(), Version::to_string);
                wrong.push(format!("the database has version {highest}, which is above {target}"));
            }
            _ => {}
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(error(wrong.join("; "))),
        }
    }

    /// The version that a database without records counts as.
    fn baseline(&self, records: &Records) -> Result<Option<Version>, Failure> {
        let Some(text) = self.job.filler().optional(self.migrate.baseline.as_ref())? else {
            return Ok(None);
        };
        let version: Version =
            text.parse().map_err(|_| error(format!("`{text}` is no version")))?;
        Ok(Some(version).filter(|_| records.applied.is_empty()))
    }

    fn in_order(&self, pending: &[Migration], highest: Option<&Version>) -> Result<(), Failure> {
        if self.job.filler().flag(self.migrate.allow_out_of_order.as_ref(), false)? {
            return Ok(());
        }
        let late = |one: &&Migration| highest.is_some_and(|highest| one.version < *highest);
        match pending.iter().find(late) {
            None => Ok(()),
            Some(one) => Err(error(format!(
                "{} was never applied, and {} was: give it a higher number, or write \
                 `allow_out_of_order: true`",
                one.sql.name,
                highest.map_or(String::new(), Version::to_string)
            ))),
        }
    }

    /// Seen before the first script of the step has run.
    fn can_run(&self, dialect: Dialect, migration: &Migration) -> Result<(), Failure> {
        let name = &migration.sql.name;
        let script = &migration.sql.script;
        if let Some(problem) = script.problems.first() {
            let line = migration.sql.text[..problem.range.start].matches('\n').count() + 1;
            return Err(error(format!("{name}: what is opened in line {line} is never closed")));
        }
        super::sql::sends_all(&migration.sql.text, script)
            .map_err(|failure| error(format!("{name}: {}", failure.text)))?;
        let late = script.statements[body(script, dialect)].iter().find(|one| {
            matches!(&one.action, Action::Pragma(name) if name == "foreign_keys" || name == "journal_mode")
        });
        if let Some(late) = late.filter(|_| dialect == Dialect::Sqlite) {
            let shown = migration.sql.text[late.range.clone()].trim();
            return Err(error(format!(
                "{name}: `{shown}` does nothing inside a transaction: put it before all else"
            )));
        }
        let locks = script.statements.iter().any(|one| {
            let word = |at: usize, word: &str| {
                one.tokens.get(at).is_some_and(|token| token.is(&migration.sql.text, word))
            };
            word(0, "lock") && (word(1, "tables") || word(1, "table"))
        });
        if locks && dialect.is_mysql_family() {
            return Err(error(format!(
                "{name}: LOCK TABLES would lock out what is written down of each statement: leave it out"
            )));
        }
        if bounds(script, dialect) == Bounds::Odd {
            return Err(error(format!(
                "{name}: it begins and ends transactions of its own: one BEGIN as its first and one \
                 COMMIT as its last statement will do, or none"
            )));
        }
        Ok(())
    }

    async fn apply(
        &self,
        session: &mut Session,
        records: &mut Records,
        migration: &Migration,
    ) -> Result<(), Broken> {
        let script = &migration.sql.script;
        let sum = checksum(&migration.sql.text);
        if is_stepwise(script, session.dialect()) {
            let name = self.task_name(migration);
            let task = self.task(migration, &name, false);
            stepwise::run(session, self.job, &task, &self.patience).await?;
            let recorded = async {
                session.run_begin(&self.patience).await?;
                let wrote_itself = self.wrote_itself(session, records, migration).await?;
                let row = Recorded::of(migration, &sum, wrote_itself);
                records.add(session, &row).await?;
                stepwise::forget(session, &name).await?;
                session.commit().await.map_err(Failure::from)?;
                records.note(&row);
                Ok::<_, Failure>(())
            };
            return Ok(recorded.await?);
        }
        self.settings(session, migration).await?;
        session.run_begin(&self.patience).await?;
        let done = async {
            // Others may have been here between two transactions.
            let others = || Err(error("somebody else migrates this database at the same time"));
            let is_sqlite = session.dialect() == Dialect::Sqlite;
            if self.goes_at_once(migration) {
                let row = Recorded::of(migration, &sum, false);
                let mut behind = records.added(session, &row);
                if is_sqlite {
                    behind += &format!("; {}", records.counted(session));
                }
                let rows = self.run_script(session, migration, &behind).await?;
                let count = rows.first.as_ref().and_then(Json::as_u64);
                return match is_sqlite && count != Some(records.applied.len() as u64 + 1) {
                    true => others(),
                    false => Ok(row),
                };
            }
            if is_sqlite && records.count(session).await? != records.applied.len() {
                return others();
            }
            self.run_script(session, migration, "").await?;
            if !is_plain(migration) {
                self.hold_keys(session, migration).await?;
                self.find_the_way(session).await?;
            }
            let wrote_itself = self.wrote_itself(session, records, migration).await?;
            let row = Recorded::of(migration, &sum, wrote_itself);
            records.add(session, &row).await?;
            Ok(row)
        };
        let row = match done.await {
            Ok(row) => row,
            Err(mut failure) => {
                session.roll_back().await;
                failure.text += "; nothing of this script is left";
                return Err(failure.into());
            }
        };
        let Err(refusal) = session.commit().await else {
            records.note(&row);
            return match is_plain(migration) {
                true => Ok(()),
                false => Ok(self.as_before(session).await?),
            };
        };
        if refusal.why != Why::Lost {
            session.roll_back().await;
            let mut failure = Failure::from(refusal);
            let name = &migration.sql.name;
            failure.text = format!("{name}: {}; nothing of this script is left", failure.text);
            return Err(failure.into());
        }
        // Whether it was committed, the table says when the server can be asked again.
        Err(Broken::Failed(Failure::from(refusal)))
    }

    /// The script and its record are one question of the server: nothing has to be asked in between.
    fn goes_at_once(&self, migration: &Migration) -> bool {
        let says_its_table =
            || migration.sql.text.to_lowercase().contains(&self.table.to_lowercase());
        self.patience.each.is_none() && is_plain(migration) && !says_its_table()
    }

    /// The statements of a script, and what comes behind them.
    async fn run_script(
        &self,
        session: &mut Session,
        migration: &Migration,
        behind: &str,
    ) -> Result<Rows, Failure> {
        let (text, script) = (&migration.sql.text, &migration.sql.script);
        let works: Vec<_> = script.statements[body(script, session.dialect())]
            .iter()
            .filter(|one| !is_bound(&one.action))
            .collect();
        let total = works.len();
        let piece = |statement: &&sql::Statement| &text[statement.range.clone()];
        let about = |at: usize, mut failure: Failure| {
            let name = &migration.sql.name;
            let place = match works.get(at) {
                Some(statement) => {
                    let line = text[..statement.range.start].matches('\n').count() + 1;
                    format!("statement {} of {total} (line {line})", at + 1)
                }
                None => format!("its record in {}", self.table),
            };
            failure.text = format!("{name}: {place}: {}", failure.text);
            failure
        };
        if is_plain(migration) && self.patience.each.is_none() {
            // It says at which statement it stopped. A comment ends with its line.
            let pieces = works.iter().map(piece).chain([behind]).filter(|piece| !piece.is_empty());
            let whole = pieces.collect::<Vec<_>>().join("\n;\n");
            let result = session.run_within(&whole, &self.patience).await;
            return result.map_err(|failure| about(session.reached, failure));
        }
        for (at, statement) in works.iter().enumerate() {
            let result = session.run_within(piece(statement), &self.patience).await;
            result.map_err(|failure| about(at, failure))?;
        }
        Ok(Rows::default())
    }

    /// Whether the script wrote its own row; one for another version is a script that was copied.
    async fn wrote_itself(
        &self,
        session: &mut Session,
        records: &Records,
        migration: &Migration,
    ) -> Result<bool, Failure> {
        let rows = records.new_rows(session, &migration.version).await?;
        if let Some(other) = rows.iter().find(|version| **version != migration.version) {
            return Err(error(format!(
                "{}: it says of itself that it is version {other}",
                migration.sql.name
            )));
        }
        Ok(!rows.is_empty())
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

    // ---- and back ----

    async fn down(&mut self, session: &mut Session) -> Result<(), Broken> {
        let mut records = Records::read(session, &self.table, &self.run).await?;
        // Newest first; what was begun and never ended is newer than all that is applied.
        let mut half = Vec::new();
        let is_any = stepwise::is_any(session).await?;
        for migration in self.set.ups.iter().rev().filter(|_| is_any) {
            let progress = stepwise::read(session, &self.task_name(migration)).await?;
            if progress.is_some_and(|progress| progress.run == self.run) {
                half.push(migration.clone());
            }
        }
        for migration in &half {
            self.take_back_half(session, &records, migration).await?;
        }
        let ours: Vec<Applied> = records
            .applied
            .iter()
            .rev()
            .filter(|applied| records.is_of_this_step(applied))
            .cloned()
            .collect();
        let newest = ours.first().map(|applied| applied.version.clone());
        let above = records.applied.iter().find(|applied| {
            !records.is_of_this_step(applied)
                && newest.as_ref().is_some_and(|newest| applied.version > *newest)
        });
        if let Some(above) = above {
            let by = above.run.as_deref().unwrap_or("somebody else");
            return Err(error(format!(
                "version {} was applied on top of it, by {by}: take that back first",
                above.version
            ))
            .into());
        }
        for applied in &ours {
            // A baseline ran nothing.
            if applied.checksum.as_deref() == Some("") {
                records.remove(session, applied).await?;
                continue;
            }
            self.take_back(session, &records, applied).await?;
        }
        records.read_again(session).await?;
        stepwise::tidy(session).await?;
        records.unmake(session).await?;
        Ok(())
    }

    fn way_back(&self, version: &Version) -> Result<&Migration, Failure> {
        self.set.down(version).ok_or_else(|| {
            let up = self.set.up(version);
            let why = up.and_then(|up| up.sql.script.header.irreversible.as_ref());
            error(match why {
                Some(why) => format!("{version} cannot be undone: {}", why.value),
                None => format!("there is no script that undoes {version}: restore the backup"),
            })
        })
    }

    async fn take_back(
        &self,
        session: &mut Session,
        records: &Records,
        applied: &Applied,
    ) -> Result<(), Broken> {
        let down = self.way_back(&applied.version)?;
        self.tell_losses(session, down).await;
        if is_stepwise(&down.sql.script, session.dialect()) {
            let name = self.task_name(down);
            let task = self.task(down, &name, false);
            stepwise::run(session, self.job, &task, &self.patience).await?;
            let recorded = async {
                session.run_begin(&self.patience).await?;
                records.remove(session, applied).await?;
                stepwise::forget(session, &name).await?;
                session.commit().await.map_err(Failure::from)
            };
            return Ok(recorded.await?);
        }
        self.settings(session, down).await?;
        session.run_begin(&self.patience).await?;
        let done = async {
            self.run_script(session, down, "").await?;
            if !is_plain(down) {
                self.hold_keys(session, down).await?;
                self.find_the_way(session).await?;
            }
            records.remove(session, applied).await?;
            session.commit().await.map_err(Failure::from)
        };
        let result = done.await;
        if result.is_err() {
            session.roll_back().await;
        }
        if !is_plain(down) {
            self.as_before(session).await?;
        }
        Ok(result?)
    }

    /// What sets the session, as SQLite only does before a transaction begins.
    async fn settings(&self, session: &mut Session, migration: &Migration) -> Result<(), Failure> {
        let script = &migration.sql.script;
        for statement in &script.statements[..body(script, session.dialect()).start] {
            session
                .run_within(&migration.sql.text[statement.range.clone()], &self.patience)
                .await?;
        }
        Ok(())
    }

    /// A script that turned foreign keys off must leave none that points nowhere.
    async fn hold_keys(&self, session: &mut Session, migration: &Migration) -> Result<(), Failure> {
        if session.dialect() != Dialect::Sqlite {
            return Ok(());
        }
        let is_on = session.value("pragma foreign_keys").await?;
        if is_on.as_deref() == Some("1") {
            return Ok(());
        }
        match session.lines("pragma foreign_key_check").await?.first() {
            None => Ok(()),
            Some(line) => {
                let part = |at: usize| line.get(at).cloned().flatten().unwrap_or_default();
                let (name, child, parent) = (&migration.sql.name, part(0), part(2));
                Err(error(format!("{name}: rows of {child} would point nowhere in {parent}")))
            }
        }
    }

    /// A script may have set where unqualified names are looked for, and as whom.
    async fn find_the_way(&self, session: &mut Session) -> Result<(), Failure> {
        if session.dialect() == Dialect::PostgreSql {
            session.run("reset search_path; reset role").await?;
        }
        Ok(())
    }

    /// What a script sets is over with it.
    async fn as_before(&self, session: &mut Session) -> Result<(), Failure> {
        match session.dialect() {
            Dialect::Sqlite => {
                session.run("pragma foreign_keys = on").await?;
            }
            Dialect::PostgreSql => session.as_opened(self.patience.lock).await?,
            Dialect::MySql | Dialect::MariaDb => {}
        }
        Ok(())
    }

    /// A script that ended in its middle, on a server that keeps what was done: its way back takes
    /// away what is there of it.
    async fn take_back_half(
        &self,
        session: &mut Session,
        records: &Records,
        up: &Migration,
    ) -> Result<(), Broken> {
        let up_name = self.task_name(up);
        let progress = stepwise::read(session, &up_name).await?.unwrap_or_default();
        if progress.begun > 0 {
            let down = self.way_back(&up.version)?;
            let (done, total) = (progress.begun, progress.total);
            self.job.say(&format!("{}: {done} of {total} statements are taken back", up.sql.name));
            let is_whole = progress.done == progress.total;
            let changes = |one: &&sql::Statement| {
                matches!(one.action, Action::Insert(_) | Action::Update(_) | Action::Delete(_))
            };
            if let Some(change) =
                down.sql.script.statements.iter().find(changes).filter(|_| !is_whole)
            {
                let shown = down.sql.text[change.range.clone()].lines().next().unwrap_or_default();
                return Err(error(format!(
                    "{}: {done} of {total} statements were done, and its way back changes rows (`{shown}`), \
                     which fits only the whole of it: take it back by hand, delete the rows of {} from \
                     plan_statements, then say so: plan skip",
                    up.sql.name,
                    self.run
                ))
                .into());
            }
            let name = self.task_name(down);
            let task = self.task(down, &name, !is_whole);
            stepwise::run(session, self.job, &task, &self.patience).await?;
        }
        let down_name = self.set.down(&up.version).map(|down| self.task_name(down));
        let recorded = async {
            session.run_begin(&self.patience).await?;
            if let Some(applied) = records.find(&up.version) {
                records.remove(session, applied).await?;
            }
            for name in down_name.iter().chain([&up_name]) {
                stepwise::forget(session, name).await?;
            }
            session.commit().await.map_err(Failure::from)
        };
        Ok(recorded.await?)
    }

    /// How many rows each statement of a way back will drop.
    async fn tell_losses(&self, session: &mut Session, down: &Migration) {
        for statement in &down.sql.script.statements {
            let mut counts: Vec<(String, String)> = Vec::new();
            match &statement.action {
                Action::Drop(drop) if drop.kind == "table" => {
                    let names = drop.names.iter();
                    counts.extend(names.map(|name| (name.shown.clone(), "*".to_owned())));
                }
                Action::Truncate(names) => {
                    counts.extend(names.iter().map(|name| (name.shown.clone(), "*".to_owned())));
                }
                Action::Delete(delete) if !delete.filtered => {
                    counts.push((delete.table.shown.clone(), "*".to_owned()));
                }
                Action::AlterTable { table, alterations } => {
                    for alteration in alterations {
                        if let Change::DropColumn { columns, .. } = &alteration.change {
                            let of_table = |column: &String| (table.shown.clone(), column.clone());
                            counts.extend(columns.iter().map(of_table));
                        }
                    }
                }
                _ => {}
            }
            for (table, column) in counts {
                let counted = match &column[..] {
                    "*" => "*".to_owned(),
                    column => session.identifier(column),
                };
                let from = shape::qualified(session, &table);
                let query = format!("select count({counted}) from {from}");
                // What is not there loses nothing.
                let Ok(Some(rows)) = session.value(&query).await else { continue };
                let what = match &column[..] {
                    "*" => format!("{rows} rows of {table}"),
                    column => format!("{rows} values of {table}.{column}"),
                };
                self.job.say(&format!("{}: drops {what}", down.sql.name));
            }
        }
    }
}

/// Only makes, changes and takes away tables and indexes: such a script sets nothing in its session.
fn is_plain(migration: &Migration) -> bool {
    migration.sql.script.statements.iter().all(|one| {
        matches!(
            one.action,
            Action::CreateTable(_)
                | Action::CreateIndex(_)
                | Action::AlterTable { .. }
                | Action::RenameTables(_)
                | Action::Drop(_)
                | Action::Comment
        )
    })
}

/// Scripts that the server cannot hold in one transaction.
fn is_stepwise(script: &Script, dialect: Dialect) -> bool {
    dialect.is_mysql_family() || script.statements.iter().any(|one| one.outside_transaction)
}

/// All but what sets the session before a transaction and after it, on a server that wants it there.
fn body(script: &Script, dialect: Dialect) -> Range<usize> {
    let count = script.statements.len();
    if dialect != Dialect::Sqlite {
        return 0..count;
    }
    let is_setting = |one: &&sql::Statement| matches!(one.action, Action::Pragma(_));
    let before = script.statements.iter().take_while(is_setting).count();
    let after = script.statements.iter().rev().take_while(is_setting).count();
    let ends = script.statements.iter().rev().nth(after).is_some_and(|one| is_bound(&one.action));
    before..if ends { count - after } else { count }
}

#[derive(Debug, PartialEq, Eq)]
enum Bounds {
    None,
    /// One transaction around all of it.
    Whole,
    Odd,
}

fn is_bound(action: &Action) -> bool {
    use TransactionStep::{Begin, Commit, Rollback};
    matches!(action, Action::Transaction(Begin | Commit | Rollback))
}

fn bounds(script: &Script, dialect: Dialect) -> Bounds {
    let body = &script.statements[body(script, dialect)];
    let bounds: Vec<_> = body
        .iter()
        .enumerate()
        .filter(|(_, statement)| is_bound(&statement.action))
        .map(|(at, statement)| (at, &statement.action))
        .collect();
    // Settings may stand before it.
    let first = body.iter().position(|one| !one.is_setting() || is_bound(&one.action));
    match bounds[..] {
        [] => Bounds::None,
        [
            (begin, Action::Transaction(TransactionStep::Begin)),
            (end, Action::Transaction(TransactionStep::Commit)),
        ] if Some(begin) == first && end + 1 == body.len() => Bounds::Whole,
        _ => Bounds::Odd,
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
        job.world.frozen_scripts(&fill.text(&from.value)?)?.into_iter().map(file).collect();
    if let Some(folder) = &migrate.rollbacks {
        for (name, text) in job.world.frozen_scripts(&fill.text(&folder.value)?)? {
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
