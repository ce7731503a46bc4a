//! Where the second copy of a backup lies: in another folder, or in a bucket.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bucket::{self, Object};
use super::{Manifest, folder, manifest_path, partial, seal};
use crate::digest;
use crate::event::Failure;
use crate::world::error;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Second {
    File(PathBuf),
    Object(Object),
}

impl From<String> for Second {
    fn from(text: String) -> Second {
        match Object::from_address(&text) {
            Some(object) => Second::Object(object),
            None => Second::File(text.into()),
        }
    }
}

impl From<Second> for String {
    fn from(second: Second) -> String {
        second.to_string()
    }
}

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Second::File(path) => path.display().fmt(f),
            Second::Object(object) => object.fmt(f),
        }
    }
}

impl Second {
    /// What `copy_to` of a plan means for a file of this name.
    pub fn of(copy_to: &str, base: &Path, name: &str) -> Result<Second, Failure> {
        if !copy_to.contains("://") {
            return Ok(Second::File(base.join(copy_to).join(name)));
        }
        let folder = copy_to.trim_end_matches('/');
        Object::from_address(&format!("{folder}/{name}"))
            .map(Second::Object)
            .ok_or_else(|| error(unknown(copy_to)))
    }

    /// What can never be one.
    pub fn lacks(copy_to: &str) -> Option<String> {
        match copy_to.split_once("://") {
            None if copy_to.starts_with("s3:") => Some(unknown(copy_to)),
            None | Some(("s3", _)) => None,
            Some(_) => Some(unknown(copy_to)),
        }
    }

    /// What this machine lacks for it.
    pub fn unready(copy_to: &str) -> Option<String> {
        copy_to.starts_with("s3://").then(bucket::unready).flatten()
    }

    pub fn file(&self) -> Option<&Path> {
        match self {
            Second::File(path) => Some(path),
            Second::Object(_) => None,
        }
    }

    /// As whole as the first: read back, and what is said of it last.
    pub async fn make(&self, path: &Path, manifest: &Manifest) -> Result<(), Failure> {
        match self {
            Second::Object(object) => object.put(path, manifest).await,
            Second::File(to) => {
                let (from, to, manifest) = (path.to_owned(), to.clone(), manifest.clone());
                let copying = move || between(&from, &to, &manifest);
                let copied = tokio::task::spawn_blocking(copying).await;
                copied.map_err(|_| error("it could not be copied"))?
            }
        }
    }

    /// The first one again, from this.
    pub async fn bring_back(&self, path: &Path, manifest: &Manifest) -> Result<(), Failure> {
        match self {
            Second::Object(object) => {
                folder(path.parent().unwrap_or(Path::new(".")))?;
                object.get(path, manifest).await
            }
            Second::File(from) => {
                let (from, to, manifest) = (from.clone(), path.to_owned(), manifest.clone());
                let copying =
                    move || between(&from, &to, &super::manifest(&from).unwrap_or(manifest));
                let copied = tokio::task::spawn_blocking(copying).await;
                copied.map_err(|_| error("it could not be copied"))?
            }
        }
    }

    /// It is gone, or was not there.
    pub async fn remove(&self) -> Result<(), Failure> {
        match self {
            Second::Object(object) => object.remove().await,
            Second::File(path) => remove(path),
        }
    }
}

fn unknown(copy_to: &str) -> String {
    format!("`copy_to` knows folders and s3:// addresses, not {copy_to}")
}

/// A backup and what stands beside it; what is not there is gone already.
pub fn remove(path: &Path) -> Result<(), Failure> {
    for path in [path, &manifest_path(path)] {
        match std::fs::remove_file(path) {
            Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
                return Err(error(format!("{} cannot be removed: {problem}", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

fn between(from: &Path, to: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", to.display()));
    folder(to.parent().unwrap_or(Path::new(".")))?;
    let half = partial(to);
    let copied = (|| {
        crate::world::write_private(&half, b"")
            .map_err(|failure| std::io::Error::other(failure.text))?;
        let mut file = std::fs::OpenOptions::new().write(true).open(&half)?;
        std::io::copy(&mut std::fs::File::open(from)?, &mut file)?;
        digest::of_file(&half)
    })();
    let copied = copied.map_err(wrong).and_then(|found| {
        if found == (manifest.sha256.clone(), manifest.size) {
            return seal(to, manifest);
        }
        Err(error(format!("{} is not what was copied", to.display())))
    });
    if copied.is_err() {
        let _ = std::fs::remove_file(&half);
    }
    copied
}
