//! What a step wrote down before it acted: for whoever looks after a crash, and for the way back.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::Failure;
use crate::world::{Job, error, write_durable};

/// One file of a step in the run's folder.
pub struct Noted(PathBuf);

impl Noted {
    pub fn of(job: &Job, kind: &str) -> Noted {
        Noted(job.world.folder.join(format!("{}.{kind}.json", job.notes_name())))
    }

    fn wrong(&self, why: impl std::fmt::Display) -> Failure {
        error(format!("{}: {why}", self.0.display()))
    }

    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        match std::fs::read(&self.0) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|problem| self.wrong(problem))
            }
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(self.wrong(problem)),
        }
    }

    /// There from here on, also after a power cut.
    pub fn write<T: Serialize>(&self, what: &T) -> Result<(), Failure> {
        write_durable(&self.0, &serde_json::to_vec(what).expect("a note is plain data"))
    }

    pub fn forget(&self) -> Result<(), Failure> {
        match std::fs::remove_file(&self.0) {
            Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
                Err(self.wrong(problem))
            }
            _ => Ok(()),
        }
    }
}
