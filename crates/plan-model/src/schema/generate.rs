//! Types → JSON schema (draft 2020-12). Examples come from the doc comments of the types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::document::Document;
use crate::model::action::ACTION_KEYS;
use crate::model::plan::{EnvironmentFile, PlanFile};
use crate::source::FileId;

pub fn plan_schema() -> Value {
    generate::<PlanFile>("plan.schema.json", "A deployment plan for `plan`")
}

pub fn environment_schema() -> Value {
    generate::<EnvironmentFile>("environment.schema.json", "An environment for `plan`")
}

fn generate<T: JsonSchema>(id: &str, title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12();
    let mut schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), json!(id));
    schema.insert("title".to_owned(), json!(title));
    let mut value = schema.to_value();
    tidy(&mut value);
    if let Some(definitions) = value.get_mut("$defs").and_then(Value::as_object_mut) {
        for name in ["Step", "RollbackStep"] {
            if let Some(Value::Object(record)) = definitions.get_mut(name) {
                let choices: Vec<_> = ACTION_KEYS.iter().map(|key| has(key)).collect();
                record.insert("oneOf".to_owned(), Value::Array(choices));
            }
        }
    }
    if value["properties"].get("phases").is_some() {
        value["oneOf"] = json!([has("phases"), has("steps")]);
    }
    value
}

/// "It has this key". Strict validators want the key named where it is asked for.
fn has(key: &str) -> Value {
    let mut properties = Map::new();
    properties.insert(key.to_owned(), Value::Bool(true));
    json!({ "properties": properties, "required": [key] })
}

/// Makes of what the generator writes what editors read best.
fn tidy(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(object) => {
            tidy_object(object);
            object.values_mut().for_each(tidy);
            unwrap_optional(object);
        }
        _ => {}
    }
}

fn tidy_object(object: &mut Map<String, Value>) {
    // Flattened records leave this behind; all their keys stand in `properties`.
    if object.shift_remove("unevaluatedProperties").is_some() {
        object.insert("additionalProperties".to_owned(), json!(false));
    }
    // A key that may be absent is not a key that may be null.
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|word| word != "null");
        if types.len() == 1 {
            let only = types.remove(0);
            object.insert("type".to_owned(), only);
        }
    }
    // The key of a schema, not a property of that name.
    if object.get("format").is_some_and(Value::is_string) {
        object.shift_remove("format");
    }
    if let Some(Value::String(text)) = object.get("description") {
        let (text, examples) = split_example(text);
        object.insert("description".to_owned(), Value::String(text));
        if !examples.is_empty() {
            object.insert("examples".to_owned(), Value::Array(examples));
        }
    }
    // Words of an enum: one list for machines, the descriptions for people.
    let is_word = |branch: &Value| branch.get("const").is_some();
    if let Some(Value::Array(branches)) = object.get("oneOf")
        && !branches.is_empty()
        && branches.iter().all(is_word)
    {
        let words: Vec<Value> = branches.iter().map(|branch| branch["const"].clone()).collect();
        let about: Vec<Value> = branches
            .iter()
            .map(|branch| branch.get("description").cloned().unwrap_or_else(|| json!("")))
            .collect();
        object.shift_remove("oneOf");
        object.insert("type".to_owned(), json!("string"));
        object.insert("enum".to_owned(), Value::Array(words));
        object.insert("markdownEnumDescriptions".to_owned(), Value::Array(about));
    }
}

/// `anyOf: [X, null]` is how the generator writes an optional reference.
fn unwrap_optional(object: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = object.get_mut("anyOf") else { return };
    branches.retain(|branch| branch.get("type") != Some(&json!("null")));
    if branches.len() != 1 {
        return;
    }
    let only = branches.remove(0);
    object.shift_remove("anyOf");
    if let Value::Object(only) = only {
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

/// "… . Example: `x`" → the sentence, and `x` read as YAML.
fn split_example(text: &str) -> (String, Vec<Value>) {
    let Some((sentence, example)) = text.split_once("Example:") else {
        return (text.trim().to_owned(), Vec::new());
    };
    let example = example.trim().trim_start_matches('`').trim_end_matches('`');
    let mut found = Vec::new();
    let parsed =
        Document::parse(FileId(0), example, &mut found).map(|document| document.root().to_json());
    (sentence.trim().to_owned(), parsed.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_without(what: &str, value: &Value, path: &str, missing: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                // `true` only says that the key is there; it is described where it is defined.
                if property.is_object() && property.get(what).is_none() {
                    missing.push(format!("{path}.{key}"));
                }
            }
        }
        for (key, inner) in value.as_object().into_iter().flatten() {
            keys_without(what, inner, &format!("{path}/{key}"), missing);
        }
        for inner in value.as_array().into_iter().flatten() {
            keys_without(what, inner, path, missing);
        }
    }

    #[test]
    fn every_key_has_a_description_and_an_example() {
        for schema in [plan_schema(), environment_schema()] {
            for what in ["description", "examples"] {
                let mut missing = Vec::new();
                keys_without(what, &schema, "", &mut missing);
                assert_eq!(missing, Vec::<String>::new(), "{what}");
            }
        }
    }
}
