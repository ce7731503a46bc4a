//! `backup`: a database or files, proven before anything depends on it.

use super::{ActionFacts, Inverse};
use crate::model::check::Proof;
use crate::model::read::{record, words};
use crate::model::value::{ConnectionRef, Count, Flag, Size, Text, Time};

words! {
/// How a backup is compressed.
pub enum Compression {
    /// zstd: fast and small.
    Zstd = "zstd",
    /// gzip: every machine reads it.
    Gzip = "gzip",
    /// Not at all.
    None = "none",
}
}

record! {
/// A backup of a database or of files.
pub struct Backup {
    /// The connection whose database is saved. Example: `main`
    database: Option<ConnectionRef>,
    /// The files and folders that are saved. Example: `[app/, .env]`
    files: Option<Vec<Text>>,
    /// The folder that it goes into; made with mode 0700. Example: `backups/`
    to: Text,
    /// Its name; it must hold the time or the run. Unless said: what was saved, the time and the run. Example: `shop-{{ run.started }}`
    name: Option<Text>,
    /// How long it is kept at least; `plan backups prune` removes it after that. Example: `30d`
    keep: Option<Time>,
    /// How many of the newest ones are kept, however old. Example: `3`
    keep_last: Option<Count>,
    /// Of how many days the last one is kept. Example: `7`
    keep_daily: Option<Count>,
    /// Of how many weeks the last one is kept. Example: `4`
    keep_weekly: Option<Count>,
    /// Of how many months the last one is kept. Example: `12`
    keep_monthly: Option<Count>,
    /// How it is compressed; zstd unless said. Example: `gzip`
    compress: Option<Compression>,
    /// How far it is proven before the step is done; `parse` unless said. Example: `restore`
    proof: Option<Proof>,
    /// A smaller one counts as failed. Example: `10MB`
    min_size: Option<Size>,
    /// Where a second copy goes: a folder or an `s3://` address. Example: `s3://shop-backups/nightly/`
    copy_to: Option<Text>,
    /// The age recipient that it is encrypted for. Example: `age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p`
    encrypt_for: Option<Text>,
    /// Tables that are left out. Example: `[sessions]`
    except: Option<Vec<Text>>,
    /// Holds secrets, such as `.env`: written with mode 0600, never shown. Example: `true`
    secret: Option<Flag>,
}
}

impl Backup {
    pub fn subject(&self) -> String {
        let files = self.files.iter().flatten().map(|file| file.value.as_str());
        let all: Vec<_> = self.database.iter().map(|id| id.value.as_str()).chain(files).collect();
        all.join(", ")
    }
}

impl ActionFacts for Backup {
    fn line(&self) -> String {
        format!("back up {} to {}", self.subject(), self.to.value)
    }

    fn inverse(&self) -> Inverse {
        Inverse::NothingToUndo("the backup is kept")
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["id", "path", "size", "sha256"]
    }
}
