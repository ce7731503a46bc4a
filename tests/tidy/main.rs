//! The rules of the house, as tests: what a reviewer would otherwise have to remember.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                files(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["crates", "tests"] {
        files(&root().join(folder), ".rs", &mut found);
    }
    assert!(found.len() > 50, "the sources were not found");
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_file_opens_with_what_it_does() {
    let without: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn no_test_is_switched_off() {
    let mark = format!("#[{}", "ignore");
    let off: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| text.contains(&mark))
        .map(|(path, _)| path)
        .collect();
    assert!(off.is_empty(), "{off:#?}");
}

#[test]
fn files_bear_the_name_of_their_one_idea() {
    let vague = ["utils.rs", "util.rs", "helpers.rs", "manager.rs", "common.rs", "misc.rs"];
    for (path, _) in sources() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!vague.contains(&name.as_str()), "{}", path.display());
    }
}

#[test]
fn every_module_of_the_model_stands_in_the_map() {
    let lib = std::fs::read_to_string(root().join("crates/plan-model/src/lib.rs")).unwrap();
    let map = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    for line in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = line.trim_end_matches(';');
        assert!(
            map.contains(&format!("`{module}`")),
            "docs/ARCHITECTURE.md does not name `{module}`"
        );
    }
}

/// Every code that the sources give to a diagnostic can be explained.
#[test]
fn every_code_is_explained() {
    let known: Vec<&str> = plan_model::explain::all().map(|code| code.code).collect();
    let mut missing = Vec::new();
    for (path, text) in sources() {
        if !path.to_string_lossy().contains("plan-model/src") {
            continue;
        }
        for (at, _) in text
            .match_indices("Diagnostic::error(")
            .chain(text.match_indices("Diagnostic::warning("))
        {
            let rest = text[at..].split_once('(').unwrap().1.trim_start();
            let Some(rest) = rest.strip_prefix('"') else { continue };
            let code = rest.split('"').next().unwrap();
            if !code.is_empty() && !known.contains(&code) {
                missing.push(format!("{code} in {}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
