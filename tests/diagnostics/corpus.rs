//! The committed cases: a file, or a folder with `plan.yaml`, in the folder of its class. Beside each
//! stand `NAME.human` and `NAME.json`; a case without them, or they without a case, fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{self, Ran};
use crate::promises;

pub struct Case {
    /// `class/name`.
    pub name: String,
    /// Where `plan` is started.
    pub folder: PathBuf,
    pub arguments: Vec<String>,
    pub stdin: Vec<u8>,
    /// Where the snapshots stand; the end of the name is still missing.
    beside: PathBuf,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/diagnostics/cases")
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for class in sorted(&root()) {
        for path in sorted(&class) {
            if path.is_dir() {
                cases.push(case(&class, &path, &path, "plan.yaml"));
            } else if path.extension().is_some_and(|end| end == "yaml") {
                let file = path.file_name().unwrap().to_str().unwrap().to_owned();
                cases.push(case(&class, &class, &path.with_extension(""), &file));
            }
        }
    }
    cases
}

/// `# args: --env prod` on the first line are its options; `-` among them feeds it on stdin.
fn case(class: &Path, folder: &Path, snapshot: &Path, file: &str) -> Case {
    let text = fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first).into_owned();
    let options = first.trim_start_matches('\u{FEFF}').strip_prefix("# args:").unwrap_or("");
    let mut arguments: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
    let by_stdin = arguments.iter().any(|argument| argument == "-");
    if !by_stdin {
        arguments.push(file.to_owned());
    }
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    Case {
        name: format!("{}/{}", name(class), name(snapshot)),
        folder: folder.to_owned(),
        arguments,
        stdin: if by_stdin { text } else { Vec::new() },
        beside: snapshot.to_owned(),
    }
}

impl Case {
    pub fn run(&self, format: &str) -> Ran {
        let mut arguments = vec!["validate", "--format", format];
        arguments.extend(self.arguments.iter().map(String::as_str));
        program::plan(&self.folder, &arguments, &self.stdin)
    }

    pub fn snapshot(&self, end: &str) -> PathBuf {
        let name = self.beside.file_name().unwrap().to_str().unwrap();
        self.beside.with_file_name(format!("{name}.{end}"))
    }
}

/// What people see: the call, the answer, what went to stderr, the exit code.
fn page(case: &Case, ran: &Ran) -> String {
    let mut page = format!("$ plan validate {}\n{}", case.arguments.join(" "), ran.stdout);
    if !ran.stderr.is_empty() {
        page += &format!("--- stderr\n{}", ran.stderr);
    }
    page + &format!("--- exit code {}\n", ran.exit)
}

/// Compares with the committed text, or writes it.
fn compare(path: &Path, got: &str, problems: &mut Vec<String>) {
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(path, got).unwrap();
        return;
    }
    match fs::read_to_string(path) {
        Ok(wanted) if wanted == got => {}
        Ok(wanted) => problems
            .push(format!("{} differs\n=== committed\n{wanted}\n=== now\n{got}", path.display())),
        Err(_) => problems.push(format!("{} is missing", path.display())),
    }
}

/// Runs every case on two threads; what each of them finds comes back in the order of the cases.
fn every_case(check: impl Fn(&Case, &mut Vec<String>) + Sync) {
    let cases = cases();
    let half = cases.len().div_ceil(2);
    let problems: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = cases
            .chunks(half)
            .map(|part| {
                let check = &check;
                scope.spawn(move || {
                    let mut problems = Vec::new();
                    part.iter().for_each(|case| check(case, &mut problems));
                    problems
                })
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("a part ends")).collect()
    });
    assert!(
        problems.is_empty(),
        "{} problems\n{}\nUPDATE_SNAPSHOTS=1 writes the snapshots anew",
        problems.len(),
        problems.join("\n\n")
    );
}

#[test]
fn outputs_are_as_committed() {
    every_case(|case, problems| {
        let human = case.run("human");
        compare(&case.snapshot("human"), &page(case, &human), problems);
        let json = case.run("json");
        compare(&case.snapshot("json"), &json.stdout, problems);
        if human.exit != json.exit {
            problems.push(format!("{}: exits {} and {}", case.name, human.exit, json.exit));
        }
        if json.exit == 0 || !json.stdout.is_empty() {
            promises::check(case, &json, problems);
        }
    });
}

#[test]
fn no_snapshot_is_forgotten() {
    let known: BTreeSet<PathBuf> =
        cases().iter().flat_map(|case| [case.snapshot("human"), case.snapshot("json")]).collect();
    for class in sorted(&root()) {
        for path in sorted(&class) {
            let is_snapshot = path.extension().is_some_and(|end| end == "human" || end == "json");
            assert!(!is_snapshot || known.contains(&path), "{} has no case", path.display());
        }
    }
}

#[test]
fn the_corpus_is_large() {
    let count = cases().len();
    assert!(count >= 150, "{count} cases");
}
