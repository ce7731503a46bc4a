//! What is applied: the tracking table that people and other tools read, in whatever form it was found,
//! and beside it a table of `plan`'s own with the checksum of each script and the run that applied it.

use std::collections::BTreeMap;
use std::str::FromStr;

use plan_model::migration::{Migration, Version};
use plan_model::sql::Dialect;

use crate::digest;
use crate::event::Failure;
use crate::world::database::refusal::Refusal;
use crate::world::database::shape::{self, SCRIPTS};
use crate::world::database::{Session, literal};
use crate::world::error;

/// The version under which it stands that a run made the tracking table.
const MADE: &str = "";

/// One tracking table and what is known of it.
pub struct Records {
    /// As the plan names it.
    pub table: String,
    /// The step of the run that asks, as `run/step`.
    pub run: String,
    columns: Vec<String>,
    pub applied: Vec<Applied>,
    /// Whether this very step made the tracking table.
    pub made_here: bool,
}

#[derive(Debug, Clone)]
pub struct Applied {
    pub version: Version,
    /// As it is written in the table.
    pub text: String,
    /// Of the script when it was applied, and who did; where `plan` did it.
    pub checksum: Option<String>,
    pub run: Option<String>,
}

/// Whatever an editor makes of the ends of lines, a script is the same.
pub fn checksum(text: &str) -> String {
    digest::sha256(text.replace("\r\n", "\n"))
}

impl Records {
    pub async fn read(session: &mut Session, table: &str, run: &str) -> Result<Records, Failure> {
        let mut records = Records {
            table: table.to_owned(),
            run: run.to_owned(),
            columns: shape::columns_if_any(session, table).await?,
            applied: Vec::new(),
            made_here: false,
        };
        records.read_again(session).await?;
        Ok(records)
    }

    pub async fn read_again(&mut self, session: &mut Session) -> Result<(), Failure> {
        self.applied.clear();
        let own = self.own_rows(session).await?;
        self.made_here = own.iter().any(|row| row.0 == MADE && row.2 == self.run);
        let own: BTreeMap<Version, &(String, String, String)> = own
            .iter()
            .rev()
            .filter_map(|row| Some((Version::from_str(&row.0).ok()?, row)))
            .collect();
        if self.columns.is_empty() {
            return Ok(());
        }
        if !self.columns.iter().any(|column| column == "version") {
            return Err(error(format!("the table {} has no column `version`", self.table)));
        }
        let query = format!("select version from {}", shape::qualified(session, &self.table));
        for line in session.lines(&query).await? {
            let text = line.into_iter().next().flatten().unwrap_or_default();
            let version = Version::from_str(&text).map_err(|_| {
                error(format!("the table {} holds `{text}`, which is no version", self.table))
            })?;
            let own = own.get(&version);
            self.applied.push(Applied {
                version,
                text,
                checksum: own.map(|row| row.1.clone()),
                run: own.map(|row| row.2.clone()),
            });
        }
        self.applied.sort_by(|one, other| one.version.cmp(&other.version));
        Ok(())
    }

    /// Version, checksum and run, of this tracking table.
    async fn own_rows(
        &self,
        session: &mut Session,
    ) -> Result<Vec<(String, String, String)>, Failure> {
        if shape::columns_if_any(session, SCRIPTS).await?.is_empty() {
            return Ok(Vec::new());
        }
        let table = session.literal(&self.table);
        let query =
            format!("select version, checksum, run from {SCRIPTS} where tracking = {table}");
        let lines = session.lines(&query).await?;
        let row = |line: Vec<Option<String>>| {
            let mut parts = line.into_iter().map(Option::unwrap_or_default);
            let mut next = || parts.next().unwrap_or_default();
            (next(), next(), next())
        };
        Ok(lines.into_iter().map(row).collect())
    }

    /// Makes the tables that are not there, before the first script.
    pub async fn make(&mut self, session: &mut Session) -> Result<(), Failure> {
        let text = if session.dialect() == Dialect::Sqlite { "text" } else { "varchar(190)" };
        let own = format!(
            "create table if not exists {SCRIPTS} (tracking {text} not null, version {text} not null,
             checksum {text} not null, run {text} not null, primary key (tracking, version))"
        );
        session.run(&own).await?;
        if !self.columns.is_empty() {
            return Ok(());
        }
        let made = format!(
            "insert into {SCRIPTS} (tracking, version, checksum, run) values ({}, '{MADE}', '', {})",
            session.literal(&self.table),
            session.literal(&self.run)
        );
        let table = shape::qualified(session, &self.table);
        // Who did it is told by the server where it has logins.
        let by = match session.dialect() {
            Dialect::Sqlite => "applied_by text",
            Dialect::PostgreSql => "applied_by varchar(100) default current_user",
            Dialect::MySql | Dialect::MariaDb => "applied_by varchar(100) default ''",
        };
        let table = format!(
            "create table {table} (version varchar(50) primary key, description text,
             applied_at timestamp default current_timestamp, {by})"
        );
        // The note first: a table that nobody remembers making would never be taken away. One that a
        // table left behind which somebody dropped is replaced.
        self.forget(session, MADE).await?;
        session.run(&made).await?;
        session.run(&table).await?;
        self.columns = shape::columns(session, &self.table).await?;
        self.made_here = true;
        Ok(())
    }

    /// The rows that say that a script is applied, unless it wrote its own.
    pub async fn add(&self, session: &mut Session, of: &Recorded<'_>) -> Result<(), Failure> {
        session.run(&self.added(session, of).join("; ")).await?;
        Ok(())
    }

    /// The statements that write them.
    pub fn added(&self, session: &Session, of: &Recorded<'_>) -> Vec<String> {
        let dialect = session.dialect();
        let table = shape::qualified(session, &self.table);
        let version = of.version.to_string();
        let mut known = vec![("version", literal(dialect, &version))];
        let has = |name: &str| self.columns.iter().any(|column| column == name);
        for column in ["description", "name"] {
            if has(column) {
                known.push((column, literal(dialect, of.description)));
            }
        }
        if has("checksum") {
            known.push(("checksum", literal(dialect, of.checksum)));
        }
        let (names, values): (Vec<_>, Vec<_>) = known.into_iter().unzip();
        let (names, values) = (names.join(", "), values.join(", "));
        let row = format!("insert into {table} ({names}) values ({values})");
        // A version that was taken back by hand left its row here.
        let gone = self.without(dialect, &version);
        let [tracking, version, checksum, run] =
            [&self.table[..], &version, of.checksum, &self.run].map(|text| literal(dialect, text));
        let own = format!(
            "insert into {SCRIPTS} (tracking, version, checksum, run)
             values ({tracking}, {version}, {checksum}, {run})"
        );
        [row].into_iter().filter(|_| !of.wrote_itself).chain([gone, own]).collect()
    }

    /// What was recorded, without asking for it again: it is committed.
    pub fn note(&mut self, of: &Recorded<'_>) {
        let applied = Applied {
            version: of.version.clone(),
            text: of.version.to_string(),
            checksum: Some(of.checksum.to_owned()),
            run: Some(self.run.clone()),
        };
        let at = self.applied.partition_point(|one| one.version < applied.version);
        self.applied.insert(at, applied);
    }

    /// The rows that say that a version is applied go, also where its script removed one itself.
    pub async fn remove(&self, session: &mut Session, applied: &Applied) -> Result<(), Failure> {
        let table = shape::qualified(session, &self.table);
        let version = session.literal(&applied.text);
        let own = self.without(session.dialect(), &applied.version.to_string());
        session.run(&format!("delete from {table} where version = {version}; {own}")).await?;
        Ok(())
    }

    async fn forget(&self, session: &mut Session, version: &str) -> Result<(), Failure> {
        session.run(&self.without(session.dialect(), version)).await?;
        Ok(())
    }

    fn without(&self, dialect: Dialect, version: &str) -> String {
        let (tracking, version) = (literal(dialect, &self.table), literal(dialect, version));
        format!("delete from {SCRIPTS} where tracking = {tracking} and version = {version}")
    }

    /// The version up to which no script was ever run here.
    pub fn baseline(&self) -> Option<&Version> {
        let is_baseline = |applied: &&Applied| applied.checksum.as_deref() == Some("");
        self.applied.iter().filter(is_baseline).map(|applied| &applied.version).max()
    }

    /// Tables that this step made go again, once nothing stands in them.
    pub async fn unmake(&mut self, session: &mut Session) -> Result<(), Failure> {
        if self.made_here && self.applied.is_empty() {
            let table = shape::qualified(session, &self.table);
            session.run(&format!("drop table if exists {table}")).await?;
            self.forget(session, MADE).await?;
        }
        if shape::columns_if_any(session, SCRIPTS).await?.is_empty() {
            return Ok(());
        }
        let left = session.value(&format!("select count(*) from {SCRIPTS}")).await?;
        if left.as_deref() == Some("0") {
            session.run(&format!("drop table {SCRIPTS}")).await?;
        }
        Ok(())
    }

    pub fn find(&self, version: &Version) -> Option<&Applied> {
        let at = self.applied.binary_search_by(|applied| applied.version.cmp(version));
        at.ok().map(|at| &self.applied[at])
    }

    pub fn highest(&self) -> Option<&Version> {
        self.applied.last().map(|applied| &applied.version)
    }

    pub fn is_of_this_step(&self, applied: &Applied) -> bool {
        applied.run.as_deref() == Some(&self.run)
    }

    /// The version that the database had before this step.
    pub fn before(&self) -> Option<&Version> {
        let others = self.applied.iter().filter(|applied| !self.is_of_this_step(applied));
        others.map(|applied| &applied.version).max()
    }

    /// The versions that were not applied before and stand in the table now, in the transaction at hand.
    pub async fn new_rows(
        &self,
        session: &mut Session,
        version: &Version,
    ) -> Result<Vec<Version>, Refusal> {
        let table = shape::qualified(session, &self.table);
        // There may be many, and this is asked for each script: one row holds them all. What MySQL makes
        // of that has an end.
        let query = match session.dialect() {
            Dialect::PostgreSql => {
                format!("select string_agg(version::text, chr(10)) from {table}")
            }
            Dialect::Sqlite => format!("select group_concat(version, char(10)) from {table}"),
            Dialect::MySql | Dialect::MariaDb => format!("select version from {table}"),
        };
        let lines = session.lines(&query).await?;
        let all: Vec<String> =
            lines.into_iter().filter_map(|line| line.into_iter().next().flatten()).collect();
        let all = all.iter().flat_map(|text| text.split('\n'));
        let known = |one: &Version| self.find(one).is_none() || one == version;
        Ok(all.filter_map(|text| Version::from_str(text).ok()).filter(known).collect())
    }

    /// How many rows the tracking table has now, as a query.
    pub async fn count(&self, session: &mut Session) -> Result<usize, Refusal> {
        let table = shape::qualified(session, &self.table);
        let count = session.value(&format!("select count(*) from {table}")).await?;
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or_default())
    }
}

/// What is written down of a script that was applied.
pub struct Recorded<'m> {
    pub version: &'m Version,
    pub description: &'m str,
    pub checksum: &'m str,
    pub wrote_itself: bool,
}

impl<'m> Recorded<'m> {
    pub fn of(migration: &'m Migration, checksum: &'m str, wrote_itself: bool) -> Recorded<'m> {
        Recorded {
            version: &migration.version,
            description: &migration.description,
            checksum,
            wrote_itself,
        }
    }
}
