//! The scripts that are missing, oldest first, each with its record.

use plan_model::migration::{Migration, Version};
use plan_model::sql::Dialect;
use serde_json::Value as Json;

use super::records::{Applied, Recorded, Records, checksum};
use super::{Going, LOOK_PATIENCE, script};
use crate::event::{Failure, Outputs};
use crate::world::database::refusal::Why;
use crate::world::database::{Session, shape, stepwise};
use crate::world::{Broken, error};

impl Going<'_> {
    pub async fn up(&mut self, session: &mut Session) -> Result<Outputs, Broken> {
        let mut done = Vec::new();
        let result = self.up_to_target(session, &mut done).await;
        let Err(Broken::Failed(mut failure)) = result else { return result };
        if done.is_empty() {
            // Nothing of this step is there: nothing has to be taken back.
            // The old session may be lost, or stuck in the middle of something.
            let looking = async {
                let mut fresh = self.job.session(&session.at).await?;
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
        let mut records = Records::read(session, &self.table, &self.run).await?;
        let is_ours = |applied: &Applied| records.is_of_this_step(applied);
        if records.applied.iter().any(is_ours) || (records.made_here && !records.applied.is_empty())
        {
            return Ok(false);
        }
        for migration in &self.set.ups {
            if stepwise::read(session, &self.task_name(migration)).await?.is_some() {
                return Ok(false);
            }
        }
        // Only the tables that were made for records that never came.
        records.unmake(session).await?;
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
            script::can_run(session.dialect(), migration)?;
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

    async fn apply(
        &self,
        session: &mut Session,
        records: &mut Records,
        migration: &Migration,
    ) -> Result<(), Broken> {
        let sum = checksum(&migration.sql.text);
        if script::is_stepwise(&migration.sql.script, session.dialect()) {
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
        let is_plain = script::is_plain(migration);
        let says_its_table = migration.sql.text.to_lowercase().contains(&self.table.to_lowercase());
        let at_once = self.goes_at_once(migration) && !says_its_table;
        if at_once && session.dialect() == Dialect::Sqlite {
            return self.apply_at_once(session, records, migration, &sum).await;
        }
        self.settings(session, migration).await?;
        session.run_begin(&self.patience).await?;
        let done = async {
            if at_once {
                let row = Recorded::of(migration, &sum, false);
                let behind = records.added(session, &row);
                self.run_at_once(session, migration, &[], &behind).await?;
                return Ok(row);
            }
            let is_sqlite = session.dialect() == Dialect::Sqlite;
            if is_sqlite && records.count(session).await? != records.applied.len() {
                return Err(error(OTHERS));
            }
            self.run_script(session, migration).await?;
            if !is_plain {
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
            Err(failure) => {
                session.roll_back().await;
                return Err(nothing_is_left(failure).into());
            }
        };
        let Err(refusal) = session.commit().await else {
            records.note(&row);
            return match is_plain {
                true => Ok(()),
                false => Ok(self.as_before(session).await?),
            };
        };
        if refusal.why != Why::Lost {
            session.roll_back().await;
            let mut failure = Failure::from(refusal);
            failure.text = format!("{}: {}", migration.sql.name, failure.text);
            return Err(nothing_is_left(failure).into());
        }
        // Whether it was committed, the table says when the server can be asked again.
        Err(Broken::Failed(Failure::from(refusal)))
    }

    /// On SQLite the whole transaction is one question: each goes to another thread and back.
    async fn apply_at_once(
        &self,
        session: &mut Session,
        records: &mut Records,
        migration: &Migration,
        sum: &str,
    ) -> Result<(), Broken> {
        let row = Recorded::of(migration, sum, false);
        // No lock is held between two scripts: a row too many is somebody else's, and stops it.
        let count = records.applied.len();
        let table = shape::qualified(session, &self.table);
        let alone = format!(
            "select case count(*) when {count} then 0 else abs(-9223372036854775807 - 1) end from {table}"
        );
        let mut behind = records.added(session, &row);
        behind.push("commit".to_owned());
        let result =
            self.run_at_once(session, migration, &["begin immediate", &alone], &behind).await;
        let Err(mut failure) = result else {
            records.note(&row);
            return Ok(());
        };
        if session.reached == 1 {
            failure = error(OTHERS);
        }
        session.roll_back().await;
        Err(nothing_is_left(failure).into())
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
}

const OTHERS: &str = "somebody else migrates this database at the same time";

fn nothing_is_left(mut failure: Failure) -> Failure {
    failure.text += "; nothing of this script is left";
    failure
}
