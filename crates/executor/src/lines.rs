//! Files beside a run's journal that grow by one line of JSON at a time.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Durable: whoever said it need not say it again.
pub fn add(path: &Path, line: &impl Serialize) -> std::io::Result<()> {
    let mut bytes = serde_json::to_vec(line).expect("it is plain data");
    bytes.push(b'\n');
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(path)?;
    file.write_all(&bytes)?;
    file.sync_all()
}

/// All that can be read: the last one may have been cut.
pub fn all<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
