//! One script and what it leaves in its session.

use plan_model::migration::Migration;
use plan_model::sql::{Dialect, Statement};

use super::{Going, script};
use crate::event::Failure;
use crate::world::database::Session;
use crate::world::error;

impl Going<'_> {
    /// The statements of a script, inside a transaction that is open.
    pub async fn run_script(
        &self,
        session: &mut Session,
        migration: &Migration,
    ) -> Result<(), Failure> {
        if self.goes_at_once(migration) {
            return self.run_at_once(session, migration, &[], &[]).await;
        }
        let works = script::works(migration, session.dialect());
        for (at, statement) in works.iter().enumerate() {
            let piece = &migration.sql.text[statement.range.clone()];
            let result = session.run_within(piece, &self.patience).await;
            result.map_err(|failure| self.at(migration, &works, at, failure))?;
        }
        Ok(())
    }

    /// It sets nothing, and no statement of it has a limit of its own.
    pub fn goes_at_once(&self, migration: &Migration) -> bool {
        self.patience.each.is_none() && script::is_plain(migration)
    }

    /// All in one question of the server, with what stands before and behind it: each question takes
    /// its time. Where it stopped is known by how many came to their end.
    pub async fn run_at_once(
        &self,
        session: &mut Session,
        migration: &Migration,
        before: &[&str],
        behind: &[String],
    ) -> Result<(), Failure> {
        let works = script::works(migration, session.dialect());
        let piece = |one: &&Statement| &migration.sql.text[one.range.clone()];
        let pieces = before.iter().copied().chain(works.iter().map(piece));
        let pieces: Vec<_> = pieces.chain(behind.iter().map(String::as_str)).collect();
        // A comment ends with its line.
        let result = session.run_within(&pieces.join("\n;\n"), &self.patience).await;
        result.map(drop).map_err(|failure| match session.reached.checked_sub(before.len()) {
            Some(at) => self.at(migration, &works, at, failure),
            None => failure,
        })
    }

    /// A failure with the place where it happened.
    fn at(
        &self,
        migration: &Migration,
        works: &[&Statement],
        at: usize,
        mut failure: Failure,
    ) -> Failure {
        let place = match works.get(at) {
            Some(statement) => {
                let line = migration.sql.text[..statement.range.start].matches('\n').count() + 1;
                format!("statement {} of {} (line {line})", at + 1, works.len())
            }
            None => format!("its record in {}", self.table),
        };
        failure.text = format!("{}: {place}: {}", migration.sql.name, failure.text);
        failure
    }

    /// What sets the session, as SQLite only does before a transaction begins.
    pub async fn settings(
        &self,
        session: &mut Session,
        migration: &Migration,
    ) -> Result<(), Failure> {
        let parts = &migration.sql.script;
        for statement in &parts.statements[..script::body(parts, session.dialect()).start] {
            session
                .run_within(&migration.sql.text[statement.range.clone()], &self.patience)
                .await?;
        }
        Ok(())
    }

    /// A script that turned foreign keys off must leave none that points nowhere.
    pub async fn hold_keys(
        &self,
        session: &mut Session,
        migration: &Migration,
    ) -> Result<(), Failure> {
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
    pub async fn find_the_way(&self, session: &mut Session) -> Result<(), Failure> {
        if session.dialect() == Dialect::PostgreSql {
            session.run("reset search_path; reset role").await?;
        }
        Ok(())
    }

    /// What a script sets is over with it.
    pub async fn as_before(&self, session: &mut Session) -> Result<(), Failure> {
        match session.dialect() {
            Dialect::Sqlite => {
                session.run("pragma foreign_keys = on").await?;
            }
            Dialect::PostgreSql => session.as_opened(self.patience.lock).await?,
            Dialect::MySql | Dialect::MariaDb => {}
        }
        Ok(())
    }
}
