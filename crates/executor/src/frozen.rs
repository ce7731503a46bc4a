//! A plan with everything that it names, as it was when a run began: the run goes on with exactly
//! that, whatever becomes of the files. Knows no disk; files are asked for by `Folder`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem;
use std::path::{Component, Path};

use plan_model::document::Document;
use plan_model::folder::{FileProblem, Folder, MemoryFolder};
use plan_model::graph::CompiledPlan;
use plan_model::inputs::Given;
use plan_model::source::Sources;
use plan_model::validate::{self, Setting};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::digest::hex;

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
    /// Of these, the one that is laid over the plan for an environment.
    #[serde(default)]
    pub environment_file: Option<String>,
    /// What each is called from the plan's folder, whatever it was named by; itself, unless said.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// What was read of long files, so that a run that goes on need not read them again.
    #[serde(skip)]
    pub trees: BTreeMap<String, Vec<u8>>,
}

impl Frozen {
    /// Of what the plan says and names: the same in every environment and for all inputs.
    pub fn digest(&self) -> String {
        let texts =
            self.files.iter().filter(|(path, _)| Some(*path) != self.environment_file.as_ref());
        self.digest_of(texts)
    }

    /// The same with what is laid over it, and the inputs that were typed: all that somebody can have read.
    pub fn reviewed(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        };
        add(&self.digest_of(self.files.iter()));
        add(self.environment.as_deref().unwrap_or_default());
        // What comes from variables, files and commands of this machine is nobody's to review.
        let mut typed: Vec<_> = self.typed().collect();
        typed.sort_by_key(|(name, _)| *name);
        for (name, value) in typed {
            add(name);
            add(&value.to_string());
        }
        hex(&hash.finalize())
    }

    /// Inputs that were typed, with their values.
    pub fn typed(&self) -> impl Iterator<Item = (&str, &Json)> {
        let typed = self.set.iter().filter(|(.., origin)| origin == "--set");
        typed.map(|(name, value, _)| (name.as_str(), value))
    }

    fn digest_of<'f>(&self, texts: impl Iterator<Item = (&'f String, &'f String)>) -> String {
        let mut named: Vec<_> = texts.map(|(path, text)| (self.name_of(path), text)).collect();
        named.sort();
        let mut hash = Sha256::new();
        for (name, text) in named {
            for part in [name.as_str(), text] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        hex(&hash.finalize())
    }

    fn name_of(&self, path: &str) -> String {
        let folder = self.path.rfind('/').map_or("", |at| &self.path[..=at]);
        let named = self.names.get(path).map(String::as_str);
        named.unwrap_or(path.strip_prefix(folder).unwrap_or(path)).to_owned()
    }

    /// Files that the plan names, by their paths from its folder.
    pub fn named_files(&self) -> BTreeMap<String, String> {
        let others = self.files.iter().filter(|(path, _)| **path != self.path);
        others.map(|(path, text)| (self.name_of(path), text.clone())).collect()
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
    pub fn compile(&mut self) -> Option<CompiledPlan> {
        let files = self.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes()));
        let folder = MemoryFolder(files.collect());
        let mut sources = Sources::checked(mem::take(&mut self.trees));
        validate::compiled(&mut sources, &folder, &self.path, &self.setting()).plan
    }

    /// One line of JSON, and behind it each tree: its path and its length in a line, then its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("texts are plain data");
        for (path, tree) in &self.trees {
            bytes.push(b'\n');
            let head = serde_json::to_vec(&(path, tree.len())).expect("texts are plain data");
            bytes.extend(head);
            bytes.push(b'\n');
            bytes.extend(tree);
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Frozen> {
        let (first, mut rest) = line(bytes);
        let mut frozen: Frozen = serde_json::from_slice(first).ok()?;
        while !rest.is_empty() {
            let (head, behind) = line(rest);
            let (path, length): (String, usize) = serde_json::from_slice(head).ok()?;
            let (tree, behind) = behind.split_at_checked(length)?;
            frozen.trees.insert(path, tree.to_vec());
            rest = behind.strip_prefix(b"\n").unwrap_or(behind);
        }
        Some(frozen)
    }
}

/// A restore by itself, of a backup that this plan took.
#[derive(Debug, Clone)]
pub struct OneRestore {
    pub plan: String,
    pub path: String,
    pub database: Option<String>,
    pub to: Option<String>,
    pub confirm: bool,
}

impl Frozen {
    /// The plan's databases and values, with one step: what was backed up is brought back.
    pub fn for_one_restore(mut self, one: &OneRestore) -> Option<Frozen> {
        let mut restore = json!({ "id": one.path, "confirm": one.confirm });
        restore["database"] = one.database.as_deref().map_or(Json::Null, Json::from);
        restore["to"] = one.to.as_deref().map_or(Json::Null, Json::from);
        restore.as_object_mut()?.retain(|_, value| !value.is_null());
        let name = format!("{}-restore", one.plan);
        let mut plan =
            only(self.files.get(&self.path)?, &["inputs", "connections", "environments"])?;
        plan.insert("plan".to_owned(), name.into());
        plan.insert("steps".to_owned(), json!([{ "step": "restore", "restore": restore }]));
        let known = ["environment", "title", "protected", "inputs", "connections"];
        for (path, text) in &mut self.files {
            if *path == self.path {
                *text = Json::Object(plan.clone()).to_string();
            } else if let Some(environment) = only(text, &known)
                && environment.contains_key("environment")
                && path.ends_with(".yaml")
            {
                *text = Json::Object(environment).to_string();
            }
        }
        self.trees.clear();
        Some(self)
    }
}

/// These keys of a YAML file, as JSON: it is YAML as well.
fn only(text: &str, keys: &[&str]) -> Option<serde_json::Map<String, Json>> {
    let mut sources = Sources::default();
    let file = sources.add("plan.yaml", text);
    let document = Document::parse(file, text, &mut Vec::new())?;
    let Json::Object(mut all) = document.root().to_json() else { return None };
    all.retain(|key, _| keys.contains(&key.as_str()));
    Some(all)
}

/// What a path is called from a folder; both are absolute.
pub fn name_from(folder: &Path, path: &Path) -> String {
    let plain = |path: &Path| {
        let mut parts: Vec<Component<'_>> = Vec::new();
        for part in path.components() {
            match part {
                Component::ParentDir => drop(parts.pop()),
                Component::CurDir => {}
                part => parts.push(part),
            }
        }
        parts.iter().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>()
    };
    let (folder, path) = (plain(folder), plain(path));
    let same = folder.iter().zip(&path).take_while(|(one, other)| one == other).count();
    let up = folder[same..].iter().map(|_| "..".into());
    let down = path[same..].iter().map(|part| part.to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<String>>().join("/")
}

/// Up to the end of its first line, and what comes behind it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_plan_comes_back_with_what_was_read_of_it() {
        let steps = "    steps: [{ step: s, run: [\"true\"], read_only: true }]\n";
        let text = format!("plan: p\nphases:\n  - phase: only\n{steps}");
        let text = text + &"# a long plan\n".repeat(100_000);
        let folder = MemoryFolder([("p.yaml".to_owned(), text.clone().into_bytes())].into());
        let mut sources = Sources::keeping_trees();
        let outcome = validate::errors(&mut sources, &folder, "p.yaml", &Setting::default());
        let mut frozen = Frozen {
            path: "p.yaml".to_owned(),
            base: "/base".to_owned(),
            environment: None,
            set: Vec::new(),
            files: [("p.yaml".to_owned(), text)].into(),
            environment_file: None,
            names: BTreeMap::new(),
            trees: sources.into_trees(),
        };
        assert_eq!(frozen.trees.len(), 1);
        let mut again = Frozen::from_bytes(&frozen.to_bytes()).expect("it was just written");
        assert_eq!(again.trees, frozen.trees);
        // With the tree, without it, and with a damaged one.
        let plan = format!("{:?}", outcome.plan.expect("it is sound").plan.file);
        let compiled = |frozen: &mut Frozen| format!("{:?}", frozen.compile().unwrap().plan.file);
        assert!(compiled(&mut again) == plan);
        frozen.trees.get_mut("p.yaml").unwrap().truncate(1_000);
        assert!(compiled(&mut frozen) == plan);
        frozen.trees.clear();
        assert!(compiled(&mut frozen) == plan);
    }
}
