//! The schema as a page for people: docs/reference.md. Made by a test, so that it cannot be stale.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Records in the order in which a newcomer meets them; whatever is not named follows.
const FIRST: &[&str] =
    &["Input", "Connection", "Window", "Phase", "Step", "Checkpoint", "RollbackStep", "Include"];

pub fn reference(plan: &Value, environment: &Value) -> String {
    let mut out = String::from(HEAD);
    section(&mut out, "The plan file", plan);
    section(&mut out, "The environment file", environment);
    let empty = Map::new();
    let definitions = plan["$defs"].as_object().unwrap_or(&empty);
    let named = FIRST.iter().filter_map(|name| Some((*name, definitions.get(*name)?)));
    let mut rest: Vec<_> = definitions
        .iter()
        .filter(|(name, _)| !FIRST.contains(&name.as_str()))
        .map(|(name, schema)| (name.as_str(), schema))
        .collect();
    rest.sort_by_key(|(name, _)| *name);
    for (name, schema) in named.chain(rest) {
        section(&mut out, name, schema);
    }
    out
}

fn section(out: &mut String, title: &str, schema: &Value) {
    let _ = write!(out, "\n## {title}\n\n");
    if let Some(text) = schema["description"].as_str() {
        let _ = writeln!(out, "{text}\n");
    }
    if let Some(branches) = schema["anyOf"].as_array() {
        for branch in branches {
            let about = branch["description"].as_str().unwrap_or("");
            let _ = writeln!(out, "- {} {about}", kind(branch));
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        let about = schema["markdownEnumDescriptions"].as_array();
        for (at, word) in words.iter().enumerate() {
            let about = about.and_then(|about| about.get(at)).and_then(Value::as_str).unwrap_or("");
            let _ = writeln!(out, "- `{}`: {about}", word.as_str().unwrap_or(""));
        }
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let _ = writeln!(out, "| key | value | meaning | example |\n| --- | --- | --- | --- |");
    for (key, property) in properties {
        let must = if required.contains(&key.as_str()) { " (needed)" } else { "" };
        let about =
            property["description"].as_str().unwrap_or("").replace('|', "\\|").replace('\n', " ");
        let example = property["examples"].get(0).map_or(String::new(), example);
        let _ = writeln!(out, "| `{key}`{must} | {} | {about} | {example} |", kind(property));
    }
}

fn example(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!("`{}`", text.replace('|', "\\|").replace('`', "'"))
}

fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(branches) = schema["anyOf"].as_array() {
        return branches.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(notation) = schema["pattern"].as_str().and_then(crate::notation::by_pattern) {
        return notation.name.to_owned();
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(word) if word == "object" => match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => format!("map of {}", kind(values)),
            _ => "map".to_owned(),
        },
        Value::String(word) => plain(word).to_owned(),
        Value::Array(words) => {
            words.iter().filter_map(Value::as_str).map(plain).collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn plain(word: &str) -> &str {
    match word {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        "array" => "list",
        "object" => "map",
        other => other,
    }
}

const HEAD: &str = "# The plan language, key by key

Made from the types; do not edit by hand. `plan schema` gives the same to editors.

Any text may hold templates: `{{ name }}` is an input; `{{ steps.ID.NAME }}` is what an earlier step
gave (hyphens of an id are written as underscores); `{{ checkpoints.ID.NAME }}` is what a check kept
with `as: NAME`; in rollback steps `{{ self.previous }}` is what the step found. `{{ run.id }}`,
`{{ run.started }}`, `{{ run.by }}`, `{{ plan.id }}`, `{{ plan.version }}` and `{{ environment.id }}`
are always there, `{{ item }}` in a step with `for_each`. Filters are those of minijinja (`default`, `upper`, `lower`, `trim`,
`replace`, `join`, `length`, `first`, `last`, `round`, `int` and more); `| raw` puts
a value into a script or SQL without quoting it. In scripts and SQL every other value is quoted.

Notations: a *duration* is `90s`, `5m`, `1h30m`, `30d`; a *range* is a duration or `5m..15m`; a *size*
is `500MB` or `5GiB`; a *percent* is `80%`; a *mode* is `\"0600\"`; an *opening* is `\"02:00\"`,
`\"mon 04:00\"` or `\"2026-12-06 02:00\"`; an *id* is words joined by hyphens; a *name* is words joined
by underscores; a *version-range* is `\">=14\"` or `\"2.x\"`.
";
