//! The files of this machine, read the way the model asks for them: regular files only, and bounded.

use std::fs;
use std::io::Read;
use std::path::Path;

use plan_model::folder::{FileProblem, Folder, SIZE_LIMIT};

pub struct Disk;

impl Disk {
    /// The first few lines of a regular file: enough to tell what it is.
    pub fn head(&self, path: &str) -> Option<String> {
        if !fs::metadata(path).ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        fs::File::open(path).ok()?.take(8192).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Folder for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileProblem> {
        // Looked at before it is opened: opening a pipe would wait for its other end.
        let meta = fs::metadata(path).map_err(problem)?;
        if meta.is_dir() {
            return Err(FileProblem::IsFolder);
        }
        if !meta.is_file() {
            return Err(FileProblem::NotRegular);
        }
        if meta.len() > SIZE_LIMIT {
            return Err(FileProblem::TooBig(meta.len()));
        }
        let mut bytes = Vec::with_capacity(meta.len() as usize + 1);
        fs::File::open(path)
            .map_err(problem)?
            .take(SIZE_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(problem)?;
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(FileProblem::TooBig(bytes.len() as u64));
        }
        Ok(bytes)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileProblem> {
        let mut names = Vec::new();
        below(Path::new(path), "", 2, &mut names)?;
        names.sort();
        Ok(names)
    }
}

fn below(
    folder: &Path,
    prefix: &str,
    depth: usize,
    names: &mut Vec<String>,
) -> Result<(), FileProblem> {
    for entry in fs::read_dir(folder).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
            continue;
        };
        let kind = entry.path().metadata().map_err(problem)?;
        if kind.is_dir() && depth > 1 {
            below(&entry.path(), &format!("{name}/"), depth - 1, names)?;
        } else if kind.is_file() {
            names.push(name);
        }
    }
    Ok(())
}

fn problem(error: std::io::Error) -> FileProblem {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => FileProblem::Missing,
        ErrorKind::NotADirectory => {
            FileProblem::Refused("a part of the path is a file, not a folder".to_owned())
        }
        ErrorKind::PermissionDenied => FileProblem::Refused("permission denied".to_owned()),
        _ => FileProblem::Refused(error.to_string()),
    }
}
