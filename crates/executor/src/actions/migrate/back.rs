//! Back to the version before the step: what this very step applied, newest first.

use plan_model::migration::{Migration, Version};
use plan_model::sql::{self, Action, Change};

use super::records::{Applied, Records};
use super::{Going, script};
use crate::event::Failure;
use crate::world::database::{Session, shape, stepwise};
use crate::world::{Broken, error};

impl Going<'_> {
    pub async fn down(&mut self, session: &mut Session) -> Result<(), Broken> {
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
        if script::is_stepwise(&down.sql.script, session.dialect()) {
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
            self.run_script(session, down).await?;
            if !script::is_plain(down) {
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
        if !script::is_plain(down) {
            self.as_before(session).await?;
        }
        Ok(result?)
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
