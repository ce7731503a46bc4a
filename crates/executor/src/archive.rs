//! Backups as files: what one is called, what stands beside it, how it becomes whole at once. Knows no
//! steps.

pub mod bucket;
pub mod catalogue;
pub mod dump;
pub mod encrypt;
pub mod files;
pub mod pack;
pub mod prove;
pub mod retention;
pub mod second;
pub mod swap;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use plan_model::model::action::backup::Compression;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::crash::{Point, point};
use crate::event::Failure;
use crate::world::database::snapshot::Snapshot;
use crate::world::{error, write_durable};
use retention::Policy;
use second::Second;

/// What is in a backup, and which tool brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `pg_restore` reads it.
    PostgresDump,
    /// `mariadb` or `mysql` reads it.
    SqlDump,
    /// It is the database.
    SqliteFile,
    /// `tar` reads it.
    Tar,
}

/// What is known of a backup: it lies beside it as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    pub id: String,
    pub kind: Kind,
    /// Whether it is packed with zstd, gzip or not at all.
    pub packed: String,
    pub plan: String,
    pub run: String,
    pub step: String,
    /// Of a database: its connection and where that led, without the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub began: Moment,
    pub ended: Moment,
    pub size: u64,
    pub sha256: String,
    pub proven: Option<String>,
    /// For whom it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_for: Option<String>,
    /// Where the second copy is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<Second>,
    /// How long it and those before it are to be kept.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub keep: Policy,
    /// What the data were when it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Snapshot>,
    /// Of a database: tables whose rows are not in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Each path with what it is, of files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, String>,
}

impl Kind {
    pub fn ending(self) -> &'static str {
        match self {
            Kind::PostgresDump => "dump",
            Kind::SqlDump => "sql",
            Kind::SqliteFile => "db",
            Kind::Tar => "tar",
        }
    }
}

pub fn ending(compression: Compression) -> &'static str {
    match compression {
        Compression::Zstd => ".zst",
        Compression::Gzip => ".gz",
        Compression::None => "",
    }
}

/// Its folder, made for its owner alone. One that is there keeps its rights, unless others may put
/// files into it.
pub fn folder(path: &Path) -> Result<(), Failure> {
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
    if !path.exists() {
        return DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(wrong);
    }
    let rights = fs::metadata(path).map_err(wrong)?.permissions().mode();
    match rights & 0o022 {
        0 => Ok(()),
        _ => Err(error(format!(
            "{} can be written by others (mode {:04o}): chmod go-w it, or name another folder",
            path.display(),
            rights & 0o7777
        ))),
    }
}

/// While it is being written.
pub fn partial(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.partial", path.display()))
}

/// What stands beside it.
pub fn manifest_path(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.json", path.display()))
}

/// From here on it is there, also after a power cut: first what it says of itself, then its name.
pub fn seal(path: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
    File::open(partial(path)).and_then(|file| file.sync_all()).map_err(wrong)?;
    write_manifest(path, manifest)?;
    point(Point::Swap);
    fs::rename(partial(path), path).map_err(wrong)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(wrong)
}

/// Also anew, of a backup that lies there.
pub fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(manifest).expect("a manifest is plain data");
    write_durable(&manifest_path(path), &text)
}

pub fn manifest(path: &Path) -> Result<Manifest, Failure> {
    let beside = manifest_path(path);
    let bytes =
        fs::read(&beside).map_err(|problem| error(format!("{}: {problem}", beside.display())))?;
    serde_json::from_slice(&bytes)
        .map_err(|problem| error(format!("{}: {problem}", beside.display())))
}

/// What is in a backup, unpacked.
pub fn open(path: &Path, manifest: &Manifest) -> std::io::Result<Box<dyn Read + Send>> {
    let file: Box<dyn Read + Send> = match manifest.encrypted_for {
        Some(_) => encrypt::open(path)?,
        None => Box::new(File::open(path)?),
    };
    pack::reader(file, &manifest.packed)
}
