//! What every diagnostic promises, whatever it is about: a place that exists, a sentence, a remedy,
//! and nothing said twice. And that every code has a case.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use plan_model::lint;
use plan_model::notation::NOTATIONS;
use serde_json::Value;

use crate::corpus::{Case, cases};
use crate::program::Ran;

pub fn check(case: &Case, ran: &Ran, problems: &mut Vec<String>) {
    let report: Value = serde_json::from_str(&ran.stdout).expect("the answer is JSON");
    let errors = report["errors"].as_u64().unwrap();
    if ran.exit != if errors > 0 { 2 } else { 0 } && !case.arguments.contains(&"--strict".into()) {
        problems.push(format!("{}: exits {} with {errors} errors", case.name, ran.exit));
    }
    let mut seen = BTreeSet::new();
    for plan in report["plans"].as_array().unwrap() {
        for diagnostic in plan["diagnostics"].as_array().unwrap() {
            if let Some(broken) = broken_promise(case, diagnostic) {
                problems.push(format!("{}: {broken}\n{diagnostic:#}", case.name));
            }
            if !seen.insert(format!("{} {}", diagnostic["message"], diagnostic["place"])) {
                problems.push(format!("{}: said twice\n{diagnostic:#}", case.name));
            }
        }
    }
}

fn broken_promise(case: &Case, diagnostic: &Value) -> Option<String> {
    let message = diagnostic["message"].as_str().unwrap();
    let help: Vec<&str> =
        diagnostic["help"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if message.is_empty() || message.ends_with('.') || message.contains('\n') {
        return Some("the message is one sentence without a full stop".to_owned());
    }
    if message.starts_with(|c: char| c.is_uppercase()) && !message.starts_with("YAML") {
        return Some("the message starts in lower case".to_owned());
    }
    if help.is_empty() && diagnostic["label"].is_null() {
        return Some("nothing says what to do next".to_owned());
    }
    for text in help.iter().copied().chain([message]) {
        if text.is_empty() || text.contains('\u{0}') || text.contains('\u{1b}') {
            return Some(format!("{text:?} is no text for people"));
        }
    }
    let places = diagnostic["related"].as_array().into_iter().flatten();
    places.chain([&diagnostic["place"]]).find_map(|place| misplaced(case, place))
}

/// A place must be inside its file, and mark something unless the file is empty.
fn misplaced(case: &Case, place: &Value) -> Option<String> {
    let number = |key: &str| place[key].as_u64().unwrap() as usize;
    let start = (number("line"), number("column"));
    let end = (number("end_line"), number("end_column"));
    if start > end {
        return Some("the place ends before it starts".to_owned());
    }
    let name = place["file"].as_str().unwrap();
    let Ok(text) = fs::read_to_string(case.folder.join(name)) else { return None };
    let text = text.trim_start_matches('\u{FEFF}');
    let line = text.split('\n').nth(start.0 - 1).map(|line| line.trim_end_matches('\r'))?;
    if start.1 > line.chars().count() + 1 {
        return Some("the place is behind the end of its line".to_owned());
    }
    None
}

/// Every code that the language can give, taken from its sources; rules have tests of their own.
fn codes_of_the_language() -> BTreeSet<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plan-model/src");
    let mut todo = vec![sources.clone()];
    let mut codes: BTreeSet<String> = NOTATIONS.iter().map(|one| one.code.to_owned()).collect();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            let skipped: [PathBuf; 3] =
                ["lint", "migration", "sql"].map(|folder| sources.join(folder));
            if !skipped.contains(&path) {
                todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for opening in ["Diagnostic::error(", "Diagnostic::warning(", "wrong("] {
            for (at, _) in code.match_indices(opening) {
                let rest = code[at + opening.len()..].trim_start();
                if let Some(word) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                    codes.insert(word.to_owned());
                }
            }
        }
    }
    codes.retain(|code| !code.is_empty() && lint::rule(code).is_none());
    codes
}

#[test]
fn every_code_of_the_language_is_explained() {
    let codes = codes_of_the_language().into_iter();
    let unexplained: Vec<String> =
        codes.filter(|code| plan_model::explain::code(code).is_none()).collect();
    assert_eq!(unexplained, Vec::<String>::new(), "`plan explain` does not know these");
}

#[test]
fn every_code_of_the_language_has_a_case() {
    let mut shown = BTreeSet::new();
    for case in cases() {
        let path = case.snapshot("json");
        let text = fs::read_to_string(path).unwrap_or_default();
        let Ok(report) = serde_json::from_str::<Value>(&text) else { continue };
        for plan in report["plans"].as_array().unwrap() {
            for diagnostic in plan["diagnostics"].as_array().unwrap() {
                shown.insert(diagnostic["code"].as_str().unwrap().to_owned());
            }
        }
    }
    let without: Vec<String> = codes_of_the_language().difference(&shown).cloned().collect();
    assert_eq!(without, Vec::<String>::new(), "codes without a case");
}
