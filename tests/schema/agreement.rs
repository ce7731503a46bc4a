//! The two verdicts side by side.

#![allow(clippy::disallowed_methods, reason = "a test looks at committed files")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use plan_model::document::Document;
use plan_model::notation::{NOTATIONS, is_template, parse_duration};
use plan_model::schema::{FileRole, check, environment_schema, plan_schema};
use plan_model::source::FileId;
use serde_json::Value;

use crate::mutate::mutants;

type Holds = fn(&str) -> bool;

/// What only code can see: the schema accepts these texts, the checker does not. Nothing else may
/// differ.
const ONLY_CODE_SEES: &[(&str, Holds)] =
    &[("a duration longer than a machine can count", |text| {
        text.len() > 15 && parse_duration(text).is_none() && !is_template(text)
    })];

struct Verdicts {
    ours: bool,
    theirs: bool,
    /// What we said.
    said: String,
}

/// `None` for texts that are no YAML, or that have doubled keys: a JSON schema cannot see those.
fn verdicts(text: &str, role: FileRole, validator: &jsonschema::Validator) -> Option<Verdicts> {
    let mut found = Vec::new();
    let document = Document::parse(FileId(0), text, &mut found)?;
    if !found.is_empty() {
        return None;
    }
    let theirs = validator.is_valid(&document.root().to_json());
    check(&document, role, &mut found);
    let said = found.iter().map(|one| format!("{}: {}", one.code, one.message));
    let said = said.collect::<Vec<_>>().join("; ");
    Some(Verdicts { ours: found.is_empty(), theirs, said })
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::draft202012::new(schema).expect("the generated schema is a schema")
}

fn only_code_sees(value: &Value) -> bool {
    match value {
        Value::String(text) => ONLY_CODE_SEES.iter().any(|(_, sees)| sees(text)),
        Value::Array(items) => items.iter().any(only_code_sees),
        Value::Object(object) => object.values().any(only_code_sees),
        _ => false,
    }
}

fn mutants_agree(schema: &Value, role: FileRole, at_least: usize) {
    let validator = validator(schema);
    let mut texts = BTreeSet::new();
    let (mut accepted, mut rejected) = (0, 0);
    let mut problems = Vec::new();
    for mutant in mutants(schema) {
        let text = mutant.value.to_string();
        if !texts.insert(text.clone()) {
            continue;
        }
        // JSON is YAML: the same text goes to both, by way of a reader of its own.
        let theirs = validator.is_valid(&mutant.value);
        let Some(verdicts) = verdicts(&text, role, &validator) else {
            problems.push(format!("{}: not read\n  {text}", mutant.name));
            continue;
        };
        if theirs != verdicts.theirs {
            problems.push(format!("{}: read as another value\n  {text}", mutant.name));
        }
        if verdicts.ours {
            accepted += 1
        } else {
            rejected += 1
        }
        if verdicts.ours != theirs && !(theirs && only_code_sees(&mutant.value)) {
            problems.push(format!(
                "{}: the schema {}, we {}\n  {text}\n  {}",
                mutant.name,
                if theirs { "accepts" } else { "refuses" },
                if verdicts.ours { "accept" } else { "refuse" },
                verdicts.said
            ));
        }
    }
    let shown = problems.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(problems.is_empty(), "{} of {} differ\n{shown}", problems.len(), texts.len());
    assert!(accepted >= at_least && rejected >= at_least, "{accepted} and {rejected} texts");
}

#[test]
fn mutated_plans_get_the_same_verdict() {
    mutants_agree(&plan_schema(), FileRole::Plan, 1_000);
}

#[test]
fn mutated_environments_get_the_same_verdict() {
    mutants_agree(&environment_schema(), FileRole::Environment, 300);
}

/// Every plan of the repository, right and wrong.
#[test]
fn plans_of_the_repository_get_the_same_verdict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let plans = validator(&plan_schema());
    let environments = validator(&environment_schema());
    let mut todo: Vec<PathBuf> =
        ["plans", "tests/diagnostics/cases", "crates/cli/src/commands/init"]
            .map(|folder| root.join(folder))
            .into();
    let mut count = 0;
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let text = text.trim_start_matches('\u{FEFF}');
        let is_environment = text.starts_with("environment:");
        let verdicts = match is_environment {
            true => verdicts(text, FileRole::Environment, &environments),
            false => verdicts(text, FileRole::Plan, &plans),
        };
        let Some(verdicts) = verdicts else { continue };
        count += 1;
        let excused =
            verdicts.theirs && text.contains("15m..5m") || text.contains("99999999999999999999w");
        assert!(
            verdicts.ours == verdicts.theirs || excused,
            "{}: the schema says {}, we say {}: {}",
            path.display(),
            verdicts.theirs,
            verdicts.ours,
            verdicts.said
        );
    }
    assert!(count >= 320, "{count} files");
}

/// The notations one by one: pattern and parser give the same verdict over spellings of all kinds.
#[test]
fn notations_are_their_patterns() {
    let samples = [
        "a",
        "a-b",
        "a--b",
        "-a",
        "a-",
        "A",
        "9",
        "a9",
        "9a",
        "a_b",
        "a__b",
        "_a",
        "é",
        "",
        "5m",
        "1h30m",
        "1.5h",
        "5 m",
        "5",
        "m",
        ".5h",
        "5.m",
        "0s",
        "00s",
        "5M",
        "5m5",
        "1d2h3m4s5ms",
        "5m..15m",
        "5m..",
        "..5m",
        "5m...6m",
        "5m .. 6m",
        "5GiB",
        "5 GiB",
        "5  GiB",
        "5gib",
        "5GB",
        "0.5TB",
        "80%",
        "100%",
        "100.0%",
        "100.1%",
        "101%",
        "007%",
        "07%",
        "7.5%",
        "7.%",
        "%",
        "-1%",
        "0600",
        "600",
        "0o600",
        "06000",
        "888",
        "7777",
        "02:00",
        "24:00",
        "2:00",
        "23:59",
        "00:60",
        "mon 04:00",
        "mon  04:00",
        "Mon 04:00",
        "moon 04:00",
        "2026-12-06 02:00",
        "2026-12-06T02:00",
        "2026-12-6 02:00",
        "2026-12-0602:00",
        ">=14",
        ">= 14",
        "14",
        "14.x",
        "x",
        "^8",
        "~8.1",
        ">=8.1, <9",
        ">=8.1,<9",
        ">=8.1 <9",
        ">=8.1,  <9",
        "<9,^8",
        "8.",
        ".8",
        "v8",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "e3b0",
        "{{ x }}",
        "a {{ x }} b",
        "{{",
        "}}",
        "{ { x } }",
        "a\nb",
        "a\n",
        "\u{a0}5m",
        "5\u{a0}GiB",
        "٣m",
    ];
    for notation in NOTATIONS {
        let schema = serde_json::json!({ "type": "string", "pattern": notation.pattern });
        let validator = validator(&schema);
        for sample in samples {
            let (ours, theirs) = ((notation.accepts)(sample), validator.is_valid(&sample.into()));
            let excused = theirs && only_code_sees(&sample.into());
            assert!(ours == theirs || excused, "{}: {sample:?}: {ours}, {theirs}", notation.name);
        }
    }
}
