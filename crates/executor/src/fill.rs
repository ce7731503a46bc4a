//! Texts of a plan, filled in with what the run knows. Whoever prints the result covers it first.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use minijinja::value::{Serde, Value};
use plan_model::folder::beside;
use plan_model::graph::CompiledPlan;
use plan_model::model::plan::Expression;
use plan_model::model::read::LeafKind;
use plan_model::model::value::{Count, Flag, Number, Percent, Setting, Size, Text, Time};
use plan_model::sql::Dialect;
use plan_model::{notation, template};
use serde_json::Value as Json;

use crate::clock::Moment;
use crate::event::{Failure, FailureKind, Outputs};
use crate::values::Values;

/// What the run itself is called, for templates.
#[derive(Debug, Clone, Default)]
pub struct RunNames {
    pub id: String,
    pub started: String,
    pub by: String,
    pub folder: String,
}

/// What later texts may name of an entry. A long run knows a great many, and few are named: they
/// become values only then.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// As JSON; empty where there are none.
    outputs: Box<str>,
    pub started: Option<Moment>,
    pub ended: Option<Moment>,
    pub skipped: Option<bool>,
}

impl Known {
    pub fn add(&mut self, outputs: &Outputs) {
        let mut all = self.outputs();
        all.extend(outputs.clone());
        self.outputs = Json::Object(all).to_string().into();
    }

    fn outputs(&self) -> Outputs {
        serde_json::from_str(&self.outputs).unwrap_or_default()
    }

    /// All of it by name.
    pub fn named(&self) -> Outputs {
        let text = |moment: Moment| Json::from(moment.timestamp().to_string());
        let mut named = self.outputs();
        named.extend(self.started.map(|moment| ("started".to_owned(), text(moment))));
        named.extend(self.ended.map(|moment| ("ended".to_owned(), text(moment))));
        named.extend(self.skipped.map(|skipped| ("skipped".to_owned(), skipped.into())));
        named
    }
}

/// Fills in the texts of one entry.
#[derive(Clone, Copy)]
pub struct Filler<'w> {
    pub plan: &'w CompiledPlan,
    pub values: &'w Values,
    pub run: &'w RunNames,
    /// What entries that have ended gave.
    pub known: &'w RefCell<BTreeMap<usize, Known>>,
    pub entry: Option<usize>,
    /// `self` in a rollback step.
    pub own: Option<&'w Outputs>,
    pub base: &'w Path,
}

fn wrong(text: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Error, text)
}

fn unfilled(text: &str, why: &str) -> Failure {
    wrong(format!("`{}` cannot be filled in: {why}", text.trim_end()))
}

impl Filler<'_> {
    pub fn text(&self, text: &str) -> Result<String, Failure> {
        if !template::has_template(text) {
            return Ok(text.to_owned());
        }
        let scope = self.scope(text);
        template::render(text, LeafKind::Plain, &scope).map_err(|why| unfilled(text, &why))
    }

    pub fn of(&self, text: &Text) -> Result<String, Failure> {
        self.text(&text.value)
    }

    pub fn optional(&self, text: Option<&Text>) -> Result<Option<String>, Failure> {
        text.map(|text| self.of(text)).transpose()
    }

    /// Statements, as this server takes them.
    pub fn sql(&self, text: &str, dialect: Dialect) -> Result<String, Failure> {
        if !template::has_template(text) {
            return Ok(text.to_owned());
        }
        template::render_sql(text, dialect, &self.scope(text)).map_err(|why| unfilled(text, &why))
    }

    /// A file that is written out, with names that only it knows.
    pub fn template(&self, name: &str, text: &str, own: &Outputs) -> Result<String, Failure> {
        let scope = minijinja::value::merge_maps([object(own), self.scope(text)]);
        let filled = template::render(text, LeafKind::Plain, &scope);
        let mut filled =
            filled.map_err(|why| wrong(format!("{name} cannot be filled in: {why}")))?;
        if text.ends_with('\n') && !filled.ends_with('\n') {
            filled.push('\n');
        }
        Ok(filled)
    }

    /// A path, from the plan's folder.
    pub fn path(&self, text: &str) -> Result<PathBuf, Failure> {
        Ok(self.base.join(self.text(text)?))
    }

    /// A script, SQL or a template that a plan file names: it lies beside that file, from the plan's folder.
    pub fn named(&self, text: &str) -> Result<String, Failure> {
        let text = self.text(text)?;
        let scope = self.entry.map_or(0, |entry| self.plan.entry(entry).scope);
        Ok(match self.plan.plan.scopes[scope].folder.as_str() {
            "" => text,
            folder => beside(&format!("{folder}/plan"), &text),
        })
    }

    /// A script. Secrets are not written into it: it names variables, which come back with it.
    pub fn script(&self, text: &str) -> Result<(String, Vec<(String, String)>), Failure> {
        let mut hidden: Vec<(String, String)> = Vec::new();
        let scope = self.scope(text);
        let filled = template::render_script(text, &scope, &mut |value| {
            if !self.values.secrets.are_in(value) {
                return None;
            }
            let known = hidden.iter().find(|(_, other)| other == value);
            let name = known.map(|(name, _)| name.clone()).unwrap_or_else(|| {
                let name = format!("PLAN_SECRET_{}", hidden.len() + 1);
                hidden.push((name.clone(), value.to_owned()));
                name
            });
            Some(name)
        });
        let filled =
            filled.map_err(|why| wrong(format!("the script cannot be filled in: {why}")))?;
        Ok((filled, hidden))
    }

    /// Every text in a value.
    pub fn json(&self, json: &Json) -> Result<Json, Failure> {
        Ok(match json {
            Json::String(text) => Json::String(self.text(text)?),
            Json::Array(items) => {
                Json::Array(items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?)
            }
            Json::Object(map) => {
                let pairs = map.iter().map(|(key, value)| Ok((key.clone(), self.json(value)?)));
                Json::Object(pairs.collect::<Result<_, Failure>>()?)
            }
            other => other.clone(),
        })
    }

    pub fn time(&self, time: &Time) -> Result<Duration, Failure> {
        self.setting(&time.value, notation::parse_duration, "a duration such as 5m")
    }

    pub fn optional_time(&self, time: Option<&Time>) -> Result<Option<Duration>, Failure> {
        time.map(|time| self.time(time)).transpose()
    }

    pub fn size(&self, size: &Size) -> Result<u64, Failure> {
        self.setting(&size.value, notation::parse_size, "a size such as 5GiB")
    }

    pub fn percent(&self, percent: &Percent) -> Result<f64, Failure> {
        self.setting(&percent.value, notation::parse_percent, "a percentage such as 80%")
    }

    pub fn count(&self, count: &Count) -> Result<u64, Failure> {
        self.setting(&count.value, |text| text.trim().parse().ok(), "a whole number")
    }

    pub fn flag(&self, flag: Option<&Flag>, unless_said: bool) -> Result<bool, Failure> {
        let Some(flag) = flag else { return Ok(unless_said) };
        self.setting(&flag.value, |text| text.trim().parse().ok(), "`true` or `false`")
    }

    pub fn number(&self, number: &Number) -> Result<f64, Failure> {
        self.setting(&number.value, |text| text.trim().parse().ok(), "a number")
    }

    fn setting<T: Copy>(
        &self,
        setting: &Setting<T>,
        parse: impl Fn(&str) -> Option<T>,
        what: &str,
    ) -> Result<T, Failure> {
        match setting {
            Setting::Fixed(value) => Ok(*value),
            Setting::Template(text) => {
                let filled = self.text(text)?;
                parse(&filled).ok_or_else(|| wrong(format!("`{text}` gives no {what}")))
            }
        }
    }

    /// Whether a condition holds.
    pub fn holds(&self, expression: &Expression) -> Result<bool, Failure> {
        let scope = self.scope_of(template::scan_expression(&expression.value).references);
        match template::evaluate(&expression.value, &scope) {
            Ok(Some(value)) => Ok(value.is_true()),
            // What was skipped has no outputs: a condition over them does not hold.
            Ok(None) => Ok(false),
            Err(why) => Err(wrong(format!("the condition `{}`: {why}", expression.value))),
        }
    }

    fn scope(&self, text: &str) -> Value {
        self.scope_of(template::scan(text).references)
    }

    /// Only what a text names: a run may know the outputs of a great many steps.
    fn scope_of(&self, references: Vec<template::Reference<'_>>) -> Value {
        let scope = self.entry.map_or(0, |entry| self.plan.entry(entry).scope);
        let mut roots: Vec<(&str, Value)> = Vec::new();
        let mut earlier: BTreeMap<&str, Vec<(String, Value)>> = BTreeMap::new();
        for reference in &references {
            let mut parts = reference.path.split('.');
            let root = parts.next().unwrap_or_default();
            if matches!(root, "steps" | "checkpoints") {
                let inner = earlier.entry(root).or_default();
                if let Some(id) = parts.next()
                    && !inner.iter().any(|(known, _)| known == id)
                {
                    inner.push((id.to_owned(), self.outputs_of(id, scope)));
                }
                continue;
            }
            if roots.iter().any(|(known, _)| *known == root) {
                continue;
            }
            let value = match root {
                "item" => self
                    .entry
                    .and_then(|entry| self.plan.entry(entry).item.as_ref())
                    .map(|item| Value::from(Serde(item))),
                "self" => self.own.map(object),
                "run" => Some(Value::from_pairs([
                    ("id", self.run.id.as_str()),
                    ("started", self.run.started.as_str()),
                    ("by", self.run.by.as_str()),
                    ("folder", self.run.folder.as_str()),
                ])),
                "plan" => Some(self.plan_names()),
                "environment" => self.plan.plan.environment.as_ref().map(|environment| {
                    let id = environment.environment.value.as_str();
                    let title = environment.title.as_ref().map_or(id, |title| &title.value);
                    Value::from_pairs([("id", id), ("title", title)])
                }),
                name => self.values.scopes.get(scope).and_then(|known| known.get(name)).cloned(),
            };
            roots.extend(value.map(|value| (root, value)));
        }
        for (root, inner) in earlier {
            roots.push((root, Value::from_pairs(inner)));
        }
        Value::from_pairs(roots)
    }

    /// The entry that a name means here: in an included plan, first one of its own.
    pub fn entry(&self, name: &str) -> Option<usize> {
        let scope = self.entry.map_or(0, |entry| self.plan.entry(entry).scope);
        self.entry_in(name, scope)
    }

    fn entry_in(&self, name: &str, scope: usize) -> Option<usize> {
        let prefix = &self.plan.plan.scopes[scope].prefix;
        let own = (!prefix.is_empty()).then(|| format!("{prefix}-{name}"));
        own.and_then(|id| self.plan.by_id(&id)).or_else(|| self.plan.by_id(name))
    }

    fn outputs_of(&self, name: &str, scope: usize) -> Value {
        let at = self.entry_in(&name.replace('_', "-"), scope);
        let known = self.known.borrow();
        match at.and_then(|at| known.get(&at)) {
            Some(known) => object(&known.named()),
            None => Value::from_pairs(Vec::<(String, Value)>::new()),
        }
    }

    fn plan_names(&self) -> Value {
        let file = &self.plan.plan.file;
        let id = file.plan.value.as_str();
        let title = file.title.as_ref().map_or(id, |title| title.value.as_str());
        let version = file.change.as_ref().and_then(|change| change.version.as_ref());
        let version = version.map_or("", |version| version.value.as_str());
        Value::from_pairs([("id", id), ("title", title), ("version", version)])
    }
}

fn object(outputs: &Outputs) -> Value {
    Value::from_pairs(outputs.iter().map(|(name, value)| (name.clone(), Value::from(Serde(value)))))
}
