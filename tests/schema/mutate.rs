//! A JSON schema → texts that it should accept, and the same texts broken in every systematic way.
//! Each record of the language is visited once, in the smallest plan that can hold it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// A text with what was done to it.
pub struct Mutant {
    /// `Step.needs: null`.
    pub name: String,
    pub value: Value,
}

/// Values of every kind, to be put in every place.
fn replacements() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(3),
        json!(-1),
        json!(1.5),
        json!(2.0),
        json!(1e12),
        json!(""),
        json!(" "),
        json!("x"),
        json!("X Y"),
        json!("a_b"),
        json!("a-b"),
        json!("5m"),
        json!("5 m"),
        json!("5m..15m"),
        json!("15m..5m"),
        json!("500MB"),
        json!("80%"),
        json!("101%"),
        json!("0600"),
        json!("02:00"),
        json!("25:00"),
        json!(">=14"),
        json!("{{ x }}"),
        json!("on"),
        json!("run"),
        json!([]),
        json!(["x"]),
        json!([["x"]]),
        json!([null]),
        json!({}),
        json!({ "x": "y" }),
        json!({ "x": null }),
        json!({ "X Y": "y" }),
        json!({ "run": "uptime" }),
        json!([{ "run": "uptime" }]),
    ]
}

pub fn mutants(schema: &Value) -> Vec<Mutant> {
    let mut maker = Maker { schema, seen: BTreeSet::new(), out: Vec::new() };
    let root = maker.sample(schema);
    maker.record("root", schema, &root, "");
    for value in replacements() {
        maker.out.push(Mutant { name: format!("root: {value}"), value });
    }
    maker.out
}

struct Maker<'s> {
    schema: &'s Value,
    seen: BTreeSet<String>,
    out: Vec<Mutant>,
}

impl<'s> Maker<'s> {
    fn resolved(&self, schema: &'s Value) -> (Option<&'s str>, &'s Value) {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let name = reference.trim_start_matches("#/$defs/");
                (Some(name), &self.schema["$defs"][name])
            }
            None => (None, schema),
        }
    }

    /// The smallest value that a schema accepts.
    fn sample(&self, schema: &'s Value) -> Value {
        let (_, schema) = self.resolved(schema);
        if let Some(first) = schema.get("anyOf").and_then(|branches| branches.get(0)) {
            return self.sample(first);
        }
        let mut record = Map::new();
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let choice = schema.get("oneOf").and_then(|choices| choices.get(0));
        let choice = choice.and_then(|choice| choice["required"].as_array()).into_iter().flatten();
        let properties = schema.get("properties").and_then(Value::as_object);
        if let Some(properties) = properties {
            for key in required.chain(choice).filter_map(Value::as_str) {
                let property = &properties[key];
                let example = property.get("examples").and_then(|examples| examples.get(0));
                record.insert(
                    key.to_owned(),
                    example.cloned().unwrap_or_else(|| self.sample(property)),
                );
            }
            return Value::Object(record);
        }
        match schema.get("examples").and_then(|examples| examples.get(0)) {
            Some(example) => example.clone(),
            None if schema.get("additionalProperties").is_some() => json!({}),
            None if schema.get("items").is_some() => json!([]),
            None => schema["enum"].get(0).cloned().unwrap_or_else(|| json!("x")),
        }
    }

    /// Breaks the record at `pointer` of `whole` in every way, then goes into its keys.
    fn record(&mut self, name: &str, schema: &'s Value, whole: &Value, pointer: &str) {
        let at = |value: Value| with(whole, pointer, value);
        let own = whole.pointer(pointer).cloned().unwrap_or_default();
        let Some(object) = own.as_object() else { return };
        self.push(name, "as it is", at(own.clone()));
        self.push(name, "an unknown key", at(set(object, "zzz", json!(1))));
        for key in object.keys() {
            let mut without = object.clone();
            let value = without.remove(key).expect("the key was there");
            self.push(name, &format!("without {key}"), at(Value::Object(without.clone())));
            self.push(
                name,
                &format!("{key} renamed"),
                at(set(&without, &format!("{key}x"), value)),
            );
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let example = property.get("examples").and_then(|examples| examples.get(0));
            let example = example.cloned().unwrap_or_else(|| self.sample(property));
            let place = |value| at(set(object, key, value));
            self.push(name, &format!("with {key}"), place(example.clone()));
            self.push(name, &format!("{key} in a list"), place(json!([example.clone()])));
            self.push(name, &format!("{key} in a map"), place(json!({ "x": example.clone() })));
            if let Some(text) = example.as_str() {
                for broken in [
                    format!("{text} "),
                    format!(" {text}"),
                    format!("{text}!"),
                    text.to_uppercase(),
                ] {
                    self.push(name, &format!("{key}: {broken:?}"), place(json!(broken)));
                }
            }
            for value in replacements() {
                self.push(name, &format!("{key}: {value}"), place(value));
            }
            let whole = place(example);
            self.inside(&format!("{name}.{key}"), property, &whole, &format!("{pointer}/{key}"));
        }
    }

    /// Finds the records below a value; each of the language is visited once.
    fn inside(&mut self, name: &str, schema: &'s Value, whole: &Value, pointer: &str) {
        let (definition, schema) = self.resolved(schema);
        if let Some(definition) = definition
            && !self.seen.insert(definition.to_owned())
        {
            return;
        }
        let name = definition.unwrap_or(name);
        for branch in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
            let sample = self.sample(branch);
            self.inside(name, branch, &with(whole, pointer, sample), pointer);
        }
        if schema.get("properties").is_some() {
            let sample = self.sample(schema);
            self.record(name, schema, &with(whole, pointer, sample), pointer);
        }
        if let Some(items) = schema.get("items") {
            let sample = self.sample(items);
            self.items(name, whole, pointer, &sample);
            let whole = with(whole, pointer, json!([sample]));
            self.inside(&format!("{name}[]"), items, &whole, &format!("{pointer}/0"));
        }
        if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
            let sample = self.sample(values);
            self.entries(name, whole, pointer, &sample);
            let whole = with(whole, pointer, json!({ "x": sample }));
            self.inside(&format!("{name}.*"), values, &whole, &format!("{pointer}/x"));
        }
    }

    fn items(&mut self, name: &str, whole: &Value, pointer: &str, sample: &Value) {
        for value in replacements() {
            let mixed = json!([sample, value]);
            self.push(name, &format!("second item {value}"), with(whole, pointer, mixed));
        }
    }

    fn entries(&mut self, name: &str, whole: &Value, pointer: &str, sample: &Value) {
        for key in ["", "x", "x-y", "x_y", "X", "x y", "9", "é", "x--y", "{{ x }}"] {
            let entry = json!({ key: sample });
            self.push(name, &format!("key {key:?}"), with(whole, pointer, entry));
        }
        for value in replacements() {
            let entry = json!({ "x": value });
            self.push(name, &format!("value {value}"), with(whole, pointer, entry));
        }
    }

    fn push(&mut self, name: &str, what: &str, value: Value) {
        self.out.push(Mutant { name: format!("{name}: {what}"), value });
    }
}

fn set(object: &Map<String, Value>, key: &str, value: Value) -> Value {
    let mut object = object.clone();
    object.insert(key.to_owned(), value);
    Value::Object(object)
}

/// The same value with another one at a place.
fn with(whole: &Value, pointer: &str, value: Value) -> Value {
    let mut whole = whole.clone();
    *whole.pointer_mut(pointer).expect("the place is there") = value;
    whole
}
