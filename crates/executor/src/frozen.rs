//! A plan with everything that it names, as it was when a run began: the run goes on with exactly
//! that, whatever becomes of the files. Knows no disk; files are asked for by `Folder`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use plan_model::folder::{FileProblem, Folder, MemoryFolder};
use plan_model::inputs::Given;
use plan_model::source::Sources;
use plan_model::validate::{self, Outcome, Setting};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Frozen {
    /// The plan file, as it was named.
    pub path: String,
    /// Its folder on the machine: where steps run.
    pub base: String,
    pub environment: Option<String>,
    /// Values of inputs that somebody gave; never secrets.
    pub set: Vec<(String, serde_json::Value, String)>,
    pub files: BTreeMap<String, String>,
}

impl Frozen {
    /// Of what the plan says and names: the same in every environment and for all inputs.
    pub fn digest(&self) -> String {
        let folder = self.path.rfind('/').map_or("", |at| &self.path[..=at]);
        let mut hash = Sha256::new();
        for (path, text) in &self.files {
            if text.lines().any(|line| line.starts_with("environment:")) {
                continue;
            }
            let name = path.strip_prefix(folder).unwrap_or(path);
            for part in [name, text] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn setting(&self) -> Setting {
        let set = self.set.iter().map(|(name, value, origin)| Given {
            name: name.clone(),
            value: value.clone(),
            span: None,
            name_span: None,
            origin: origin.clone(),
        });
        Setting { environment: self.environment.clone(), set: set.collect() }
    }

    /// Compiles the plan from what was kept.
    pub fn compile(&self, sources: &mut Sources) -> Outcome {
        let files = self.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes()));
        let folder = MemoryFolder(files.collect());
        validate::compiled(sources, &folder, &self.path, &self.setting())
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are plain data")
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Frozen> {
        serde_json::from_slice(bytes).ok()
    }
}

/// A folder that remembers what was read from it.
pub struct Recorder<'f> {
    folder: &'f dyn Folder,
    read: RefCell<BTreeMap<String, String>>,
}

impl<'f> Recorder<'f> {
    pub fn new(folder: &'f dyn Folder) -> Recorder<'f> {
        Recorder { folder, read: RefCell::default() }
    }

    pub fn files(self) -> BTreeMap<String, String> {
        self.read.into_inner()
    }
}

impl Folder for Recorder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileProblem> {
        let bytes = self.folder.read(path)?;
        // What is no text is refused by the model itself, and no run begins.
        if let Ok(text) = String::from_utf8(bytes.clone()) {
            self.read.borrow_mut().insert(path.to_owned(), text);
        }
        Ok(bytes)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileProblem> {
        self.folder.list(path)
    }
}
