//! Versioned SQL scripts: which version a file is, which way it goes, and what is wrong with it.
//! Does not know folders, servers, or which versions are applied.

pub mod file_name;
pub mod tables;
pub mod version;

pub mod blocking_ddl;
pub mod copy_loses_constraints;
pub mod copy_select_star;
pub mod destructive;
pub mod down_loses_data;
pub mod down_not_idempotent;
pub mod down_present;
pub mod engine_syntax;
pub mod lock_timeout;
pub mod migration_name;
pub mod multi_ddl_non_atomic;
pub mod rename_with_fk;
pub mod resume_in_doubt;
pub mod seed_not_idempotent;
pub mod self_bookkeeping;
pub mod sql_unfinished;
pub mod tracking_width;
pub mod transaction_misuse;
pub mod version_duplicate;
pub mod version_form;

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, Span};
use crate::sql::{self, Dialect, Name, Script};

pub use file_name::Direction;
use file_name::FileName;
pub use version::{Version, VersionError};

#[derive(Debug, Clone)]
pub struct MigrationFile {
    /// The path below the folder of migrations: `rollback/V1_1__rollback.sql`.
    pub name: String,
    pub file: FileId,
    pub text: Arc<str>,
}

/// A script with what it does.
#[derive(Debug, Clone)]
pub struct SqlFile {
    pub name: String,
    pub file: FileId,
    pub text: Arc<str>,
    pub script: Script,
}

impl SqlFile {
    fn read(file: MigrationFile, dialect: Option<Dialect>) -> SqlFile {
        let dialect = dialect.unwrap_or_else(|| Dialect::likely(&file.text));
        let script = sql::read(&file.text, dialect);
        SqlFile { name: file.name, file: file.file, text: file.text, script }
    }

    pub fn span(&self, range: &Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end)
    }

    pub fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or("")
    }

    /// Where to point at when the fault is in the name of the file.
    pub fn first_line(&self) -> Span {
        let length = self.text.lines().next().unwrap_or("").trim_end().len();
        self.span(&(0..length))
    }
}

#[derive(Debug, Clone)]
pub struct Migration {
    pub version: Version,
    /// From the file name, with spaces: `add notifications push`.
    pub description: String,
    pub direction: Direction,
    pub sql: SqlFile,
}

/// All scripts of one folder, in the order of their versions.
#[derive(Debug, Clone)]
pub struct MigrationSet {
    /// None if the plan does not say: rules about one engine are silent then.
    pub dialect: Option<Dialect>,
    pub tracking_table: String,
    pub ups: Vec<Migration>,
    pub downs: Vec<Migration>,
    /// Scripts without a version, which may run more than once.
    pub seeds: Vec<SqlFile>,
    /// Files that end in `.sql` and whose names tell no version.
    pub misnamed: Vec<SqlFile>,
}

/// Sorts files into versions. Files that are not SQL are left out.
pub fn read_set(
    files: Vec<MigrationFile>,
    dialect: Option<Dialect>,
    tracking_table: &str,
) -> MigrationSet {
    let mut set = MigrationSet::empty(dialect, tracking_table);
    for file in files {
        if !file_name::is_sql(&file.name) {
            continue;
        }
        let parsed = file_name::parse(&file.name);
        let sql = SqlFile::read(file, dialect);
        let Some(FileName { version, description, direction }) = parsed else {
            set.misnamed.push(sql);
            continue;
        };
        let list = match direction {
            Direction::Up => &mut set.ups,
            Direction::Down => &mut set.downs,
        };
        list.push(Migration { version, description, direction, sql });
    }
    let order = |one: &Migration| (one.version.clone(), one.sql.name.clone());
    set.ups.sort_by_key(order);
    set.downs.sort_by_key(order);
    set.misnamed.sort_by(|one, other| one.name.cmp(&other.name));
    set
}

/// Scripts that fill tables and have no version: the rules about seeds look at these.
pub fn read_seeds(files: Vec<MigrationFile>, dialect: Option<Dialect>) -> MigrationSet {
    let mut set = MigrationSet::empty(dialect, "");
    let scripts = files.into_iter().filter(|file| file_name::is_sql(&file.name));
    set.seeds = scripts.map(|file| SqlFile::read(file, dialect)).collect();
    set
}

impl MigrationSet {
    fn empty(dialect: Option<Dialect>, tracking_table: &str) -> MigrationSet {
        MigrationSet {
            dialect,
            tracking_table: tracking_table.to_owned(),
            ups: Vec::new(),
            downs: Vec::new(),
            seeds: Vec::new(),
            misnamed: Vec::new(),
        }
    }

    pub fn up(&self, version: &Version) -> Option<&Migration> {
        self.ups.iter().find(|one| one.version == *version)
    }

    pub fn down(&self, version: &Version) -> Option<&Migration> {
        self.downs.iter().find(|one| one.version == *version)
    }

    pub fn latest(&self) -> Option<&Version> {
        self.ups.last().map(|one| &one.version)
    }

    /// What leads from one version, itself excluded, up to another, itself included.
    pub fn pending(&self, from: Option<&Version>, to: Option<&Version>) -> Vec<&Migration> {
        let after = |one: &&Migration| from.is_none_or(|from| one.version > *from);
        let until = |one: &&Migration| to.is_none_or(|to| one.version <= *to);
        self.ups.iter().filter(after).filter(until).collect()
    }

    pub fn migrations(&self) -> impl Iterator<Item = &Migration> {
        self.ups.iter().chain(&self.downs)
    }

    pub fn scripts(&self) -> impl Iterator<Item = &SqlFile> {
        self.migrations().map(|one| &one.sql).chain(&self.seeds)
    }

    pub fn is_tracking_table(&self, name: &Name) -> bool {
        let (key, tracking) = (name.key.as_str(), self.tracking_table.to_lowercase());
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        !tracking.is_empty() && (key == tracking || last(key) == last(&tracking))
    }
}

/// Every fault of the scripts, up to a version if one is given, in the order of files and places.
pub fn check(set: &MigrationSet, target: Option<&Version>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in RULES {
        (rule.check)(set, &mut found);
    }
    if let Some(target) = target {
        let beyond = set.migrations().filter(|one| one.version > *target);
        let beyond: Vec<FileId> = beyond.map(|one| one.sql.file).collect();
        found.retain(|one| !beyond.contains(&one.span.file));
    }
    found.sort_by_key(|one| (one.span.file, one.span.start));
    found
}

/// One rule, with what `explain` shows of it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub code: &'static str,
    pub severity: Severity,
    pub why: &'static str,
    /// One or more files, each after a line `-- file: NAME`.
    pub example_bad: &'static str,
    pub example_good: &'static str,
    pub check: fn(&MigrationSet, &mut Vec<Diagnostic>),
}

macro_rules! rules {
    ($($name:ident),* $(,)?) => {
        &[$(Rule {
            code: $name::CODE,
            severity: $name::SEVERITY,
            why: $name::WHY,
            example_bad: $name::EXAMPLE_BAD,
            example_good: $name::EXAMPLE_GOOD,
            check: $name::check,
        }),*]
    };
}

pub const RULES: &[Rule] = rules![
    blocking_ddl,
    copy_loses_constraints,
    copy_select_star,
    destructive,
    down_loses_data,
    down_not_idempotent,
    down_present,
    engine_syntax,
    lock_timeout,
    migration_name,
    multi_ddl_non_atomic,
    rename_with_fk,
    resume_in_doubt,
    seed_not_idempotent,
    self_bookkeeping,
    sql_unfinished,
    tracking_width,
    transaction_misuse,
    version_duplicate,
    version_form,
];

/// How a rule is waived, for the last line of help.
fn waiver(code: &str) -> String {
    format!("if it is meant, say why on the migrate step: `allow: {{ {code}: \"why\" }}`")
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
