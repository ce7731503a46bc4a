//! Restored data take the place of the live ones: everything is made beside them first, what was there
//! keeps a name of its own, and the swap itself is as short as the server can make it. Which of its
//! moments a crash left is told by the names that exist.

pub mod files;
pub mod mysql;
pub mod postgres;
pub mod sqlite;

use std::path::Path;

use super::{Kind, Manifest};
use crate::event::Failure;
use crate::world::database::address::Address;
use crate::world::database::left;
use crate::world::{Around, Broken, Job, error};

/// Where a swap stands, as the names tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// The live data are those of before.
    Before,
    /// What was live has its other name, and nothing bears the name of the live data.
    Between,
    /// The restored data are live.
    After,
}

/// What is restored, from what, to where.
pub struct Swap<'s> {
    pub job: &'s Job,
    pub around: Around,
    pub manifest: &'s Manifest,
    pub path: &'s Path,
    pub at: Option<&'s Address>,
    /// Where files go back to.
    pub base: &'s Path,
    /// Not where they came from: below the base, also what had a path of its own.
    pub is_elsewhere: bool,
    /// It only lies beside the live data, and never takes their place.
    pub is_scratch: bool,
    /// Tells this restore from all others.
    pub mark: String,
}

impl Swap<'_> {
    fn at(&self) -> Result<&Address, Failure> {
        self.at.ok_or_else(|| error("a database is restored to a connection: name it"))
    }

    /// What an engine that is gone had begun in a server, and is not over.
    pub async fn going_on(&self) -> Result<Option<String>, Failure> {
        match self.manifest.kind {
            Kind::Tar | Kind::SqliteFile => Ok(None),
            Kind::PostgresDump => postgres::going_on(self).await,
            Kind::SqlDump => left::going_on(self.job, self.at()?).await,
        }
    }

    pub async fn stands(&self) -> Result<Stands, Failure> {
        match self.manifest.kind {
            Kind::Tar => files::stands(self),
            Kind::SqliteFile => sqlite::stands(self),
            Kind::PostgresDump => postgres::stands(self).await,
            Kind::SqlDump => mysql::stands(self).await,
        }
    }

    /// Beside the live data, compared; they are not touched.
    pub async fn prepare(&self) -> Result<(), Broken> {
        match self.manifest.kind {
            Kind::Tar => Ok(files::prepare(self)?),
            Kind::SqliteFile => Ok(sqlite::prepare(self).await?),
            Kind::PostgresDump => postgres::prepare(self).await,
            Kind::SqlDump => mysql::prepare(self).await,
        }
    }

    pub async fn swap(&self) -> Result<(), Failure> {
        match self.manifest.kind {
            Kind::Tar => files::swap(self),
            Kind::SqliteFile => sqlite::swap(self).await,
            Kind::PostgresDump => postgres::swap(self).await,
            Kind::SqlDump => mysql::swap(self).await,
        }
    }

    /// What was prepared and is not wanted any more goes.
    pub async fn forget(&self) -> Result<(), Failure> {
        match self.manifest.kind {
            Kind::Tar => files::forget(self),
            Kind::SqliteFile => sqlite::forget(self),
            Kind::PostgresDump => postgres::forget(self).await,
            Kind::SqlDump => mysql::forget(self).await,
        }
    }

    /// The data of before are live again, and what was restored goes.
    pub async fn swap_back(&self) -> Result<(), Failure> {
        match self.manifest.kind {
            Kind::Tar => files::swap_back(self),
            Kind::SqliteFile => sqlite::swap_back(self).await,
            Kind::PostgresDump => postgres::swap_back(self).await,
            Kind::SqlDump => mysql::swap_back(self).await,
        }
    }

    /// What the restored data are called as long as they only lie beside.
    pub fn new_as(&self) -> Result<String, Failure> {
        Ok(match self.manifest.kind {
            Kind::Tar => files::new(self).display().to_string(),
            Kind::SqliteFile => sqlite::new(self)?.display().to_string(),
            Kind::PostgresDump | Kind::SqlDump => new_name(self.at()?, &self.mark),
        })
    }

    /// What the data of before are called from now on.
    pub fn kept_as(&self) -> Result<String, Failure> {
        Ok(match self.manifest.kind {
            Kind::Tar => files::kept(self),
            Kind::SqliteFile => sqlite::before(self)?.display().to_string(),
            Kind::PostgresDump | Kind::SqlDump => before_name(self.at()?, &self.mark),
        })
    }
}

/// Names of databases have 63 signs at most, of which the mark needs some.
pub fn before_name(at: &Address, mark: &str) -> String {
    named(at, "before", mark)
}

pub fn new_name(at: &Address, mark: &str) -> String {
    named(at, "new", mark)
}

fn named(at: &Address, what: &str, mark: &str) -> String {
    let short: String = at.database().unwrap_or_default().chars().take(24).collect();
    format!("{short}_{what}_{mark}")
}
