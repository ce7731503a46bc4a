//! What a person hands in with an answer: words, or a file that is kept with the run.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use plan_model::model::check::Evidence;

use crate::digest;

/// More is no screenshot and no signed list.
const MOST: u64 = 100 << 20;

/// What stands beside the answer; a file is copied into the run's folder first.
pub fn hand_in(
    wanted: Evidence,
    given: Option<&str>,
    run_folder: &Path,
) -> Result<Option<String>, String> {
    let given = given.map(str::trim).filter(|text| !text.is_empty());
    match (wanted, given) {
        (Evidence::None, given) => Ok(given.map(str::to_owned)),
        (Evidence::Text, Some(text)) => Ok(Some(text.to_owned())),
        (Evidence::Text, None) => {
            Err("say what you saw or did: it is kept with the answer".to_owned())
        }
        (Evidence::File, Some(path)) => keep(Path::new(path), run_folder).map(Some),
        (Evidence::File, None) => {
            Err("name a file, such as a screenshot: it is kept with the answer".to_owned())
        }
    }
}

fn keep(from: &Path, run_folder: &Path) -> Result<String, String> {
    let wrong = |path: &Path, problem: std::io::Error| format!("{}: {problem}", path.display());
    let found = fs::metadata(from).map_err(|problem| wrong(from, problem))?;
    if !found.is_file() || found.len() > MOST {
        return Err(format!("{} is no file of at most {} MiB", from.display(), MOST >> 20));
    }
    let folder = run_folder.join("evidence");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|problem| wrong(&folder, problem))?;
    let (sum, size) = digest::of_file(from).map_err(|problem| wrong(from, problem))?;
    let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    let name = format!("{}-{name}", &sum[..8]);
    let to = folder.join(&name);
    let mut options = fs::OpenOptions::new();
    let copied = (|| {
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&to)?;
        std::io::copy(&mut fs::File::open(from)?, &mut file)?;
        file.sync_all()
    })();
    copied.map_err(|problem| wrong(&to, problem))?;
    Ok(format!("evidence/{name} ({size} bytes, SHA-256 {sum})"))
}
