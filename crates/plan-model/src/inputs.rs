//! Inputs: which value each has, from the plan, an environment, the caller or an include.
//! Never reads a secret.

use minijinja::value::Value as Filled;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use crate::diagnostic::Diagnostic;
use crate::model::plan::{Input, InputType};
use crate::model::value::{Entries, Name, Value};
use crate::notation;
use crate::source::Span;

/// What a secret looks like wherever it would be shown.
pub const MASK: &str = "********";

/// Names that templates use for other things.
pub const RESERVED: &[&str] = &[
    "steps",
    "checkpoints",
    "self",
    "run",
    "plan",
    "environment",
    "item",
    "host",
    "target",
    "service",
    "loop",
];

#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    Known(Json),
    Secret,
    /// Nobody gave it and it has no default.
    Missing,
}

impl Held {
    /// As people read it; nothing for what is secret or missing.
    pub fn shown(&self) -> Option<String> {
        match self {
            Held::Known(Json::String(text)) => Some(text.clone()),
            Held::Known(value) => Some(value.to_string()),
            Held::Secret | Held::Missing => None,
        }
    }
}

#[derive(Debug, Clone)]
pub struct InputValue {
    pub name: String,
    pub held: Held,
    pub span: Span,
    pub kind: InputType,
    /// `env DATABASE_URL`, `default`, `--set`: shown beside the value.
    pub origin: String,
    /// Of an include: the text that gives the value, and the scope that it is filled in with.
    pub passed: Option<(String, usize)>,
}

/// The inputs of one plan file: the root's, or those of an include.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub inputs: Vec<InputValue>,
    at: FxHashMap<String, usize>,
    /// Put before the ids of this file.
    pub prefix: String,
    /// Where the file is included, if it is.
    pub included_at: Option<Span>,
    /// Where it lies, from the plan's folder: files that it names are beside it.
    pub folder: String,
}

impl Scope {
    pub fn get(&self, name: &str) -> Option<&InputValue> {
        self.at.get(name).map(|at| &self.inputs[*at])
    }

    fn add(&mut self, value: InputValue) {
        self.at.insert(value.name.clone(), self.inputs.len());
        self.inputs.push(value);
    }

    /// The values that are known before the run; secrets and missing ones are not there.
    pub fn known(&self) -> FxHashMap<String, Filled> {
        let known = self.inputs.iter().filter_map(|input| match &input.held {
            Held::Known(json) => {
                Some((input.name.clone(), Filled::from(minijinja::value::Serde(json))))
            }
            _ => None,
        });
        known.collect()
    }
}

/// A value that somebody gives to an input.
#[derive(Debug, Clone)]
pub struct Given {
    pub name: String,
    pub value: Json,
    /// Where the value stands, if it stands in a file.
    pub span: Option<Span>,
    /// Where the name stands.
    pub name_span: Option<Span>,
    pub origin: String,
}

impl Given {
    pub fn from_entries(entries: &Entries<Name, Value>, origin: &str) -> Vec<Given> {
        let given = entries.0.iter().map(|(name, value)| Given {
            name: name.value.clone(),
            value: value.json.clone(),
            span: Some(value.span),
            name_span: Some(name.span),
            origin: origin.to_owned(),
        });
        given.collect()
    }
}

/// Works out every input of a file; later givers win. `at` is the place for what has no place of
/// its own, such as a value from the command line.
pub fn settle(
    declared: Option<&Entries<Name, Input>>,
    given: &[Given],
    prefix: &str,
    at: Span,
    found: &mut Vec<Diagnostic>,
) -> Scope {
    let mut scope = Scope { prefix: prefix.to_owned(), ..Scope::default() };
    let entries = declared.map(|entries| entries.0.as_slice()).unwrap_or_default();
    for (name, input) in entries {
        if RESERVED.contains(&name.value.as_str()) {
            let message =
                format!("`{}` is a name that templates use for something else", name.value);
            found.push(
                Diagnostic::error("reserved-name", name.span, message)
                    .help("give the input another name"),
            );
        }
        check_declaration(name, input, found);
        let kind = input.kind.unwrap_or(InputType::String);
        let last = given.iter().rev().find(|given| given.name == name.value);
        let source = [("env", &input.env), ("file", &input.file), ("command", &input.command)];
        let source =
            source.iter().find_map(|(word, text)| Some(format!("{word} {}", text.as_ref()?.value)));
        let (held, origin) = match (last, input.secret, &input.default) {
            (_, Some(true), _) => {
                found.extend(last.map(|given| secret_given(name, given, source.as_deref())));
                (Held::Secret, source.unwrap_or_default())
            }
            (Some(given), ..) => {
                let first = found.len();
                let span = given.span.unwrap_or(name.span);
                let held = match convert(&given.value, kind) {
                    Some(json) => {
                        check_value(name, input, &json, span, found);
                        Held::Known(json)
                    }
                    None => {
                        found.push(bad_value(name, kind, &given.value, span));
                        Held::Missing
                    }
                };
                if given.span.is_none() {
                    for diagnostic in &mut found[first..] {
                        diagnostic.label =
                            format!("declared here; the value is from {}", given.origin);
                    }
                }
                (held, given.origin.clone())
            }
            (None, _, Some(default)) => match convert(&default.json, kind) {
                Some(json) => {
                    check_value(name, input, &json, default.span, found);
                    (Held::Known(json), "default".to_owned())
                }
                None => {
                    found.push(bad_value(name, kind, &default.json, default.span));
                    (Held::Missing, "default".to_owned())
                }
            },
            (None, _, None) => (Held::Missing, source.unwrap_or_default()),
        };
        scope.add(InputValue {
            name: name.value.clone(),
            held,
            span: name.span,
            kind,
            origin,
            passed: None,
        });
    }
    for given in given {
        if scope.get(&given.name).is_none() {
            let known = scope.inputs.iter().map(|input| input.name.as_str());
            let near = crate::schema::nearest(&given.name, known);
            let span = given.name_span.or(given.span).unwrap_or(at);
            let mut diagnostic = Diagnostic::error(
                "unknown-input",
                span,
                format!("there is no input `{}` ({})", given.name, given.origin),
            );
            if let Some(near) = near {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            } else {
                let all: Vec<_> = scope.inputs.iter().map(|input| input.name.as_str()).collect();
                diagnostic = diagnostic.help(if all.is_empty() {
                    "the plan has no inputs: declare it under `inputs:`, or leave it out".to_owned()
                } else {
                    format!("inputs of this plan: {}", all.join(", "))
                });
            }
            found.push(diagnostic);
        }
    }
    scope
}

fn check_declaration(name: &Name, input: &Input, found: &mut Vec<Diagnostic>) {
    let has_source = input.env.is_some() || input.file.is_some() || input.command.is_some();
    if input.secret == Some(true) && !has_source {
        let message = format!("the secret input `{}` does not say where it comes from", name.value);
        found.push(
            Diagnostic::error("secret-without-source", name.span, message)
                .help("add `env:`, `file:` or `command:`"),
        );
    }
    let sources = [&input.env, &input.file, &input.command];
    let mut sources = sources.into_iter().flatten();
    if let (Some(first), Some(second)) = (sources.next(), sources.next()) {
        let message = format!("`{}` would be read from two places", name.value);
        found.push(
            Diagnostic::error("several-sources", second.span, message)
                .related(first.span, "the first one")
                .help("keep one of `env:`, `file:` and `command:`"),
        );
    }
    if let Some(pattern) = &input.matches
        && let Err(error) = regex::Regex::new(&pattern.value)
    {
        found.push(crate::refer::bad_regex(pattern.span, &pattern.value, &error));
    }
}

/// A secret that somebody wrote down. The value itself is not said again.
fn secret_given(name: &Name, given: &Given, source: Option<&str>) -> Diagnostic {
    let message = format!("`{}` is a secret: it cannot come from {}", name.value, given.origin);
    let diagnostic =
        Diagnostic::error("secret-in-file", given.name_span.unwrap_or(name.span), message);
    diagnostic.help(match source {
        Some(source) => format!("take it out: the value comes from {source}"),
        None => {
            "take it out, and say with `env:`, `file:` or `command:` where it comes from".to_owned()
        }
    })
}

fn check_value(name: &Name, input: &Input, json: &Json, span: Span, found: &mut Vec<Diagnostic>) {
    let shown = plain(json);
    if let Some(choices) = &input.choices
        && !choices.iter().any(|choice| choice.plain() == shown)
    {
        let all: Vec<_> = choices.iter().map(Value::plain).collect();
        let message = format!("`{shown}` is not one of the choices of `{}`", name.value);
        found.push(
            Diagnostic::error("bad-input", span, message)
                .help(format!("choices: {}", all.join(", "))),
        );
    }
    if let Some(pattern) = &input.matches
        && let Ok(regex) = regex::Regex::new(&pattern.value)
        && !regex.is_match(&shown)
    {
        let message = format!("`{shown}` does not match what `{}` must look like", name.value);
        found.push(
            Diagnostic::error("bad-input", span, message)
                .related(pattern.span, "this is what it must match")
                .help("give a value that matches, or change `matches`"),
        );
    }
}

fn bad_value(name: &Name, kind: InputType, json: &Json, span: Span) -> Diagnostic {
    let (what, help) = match kind {
        InputType::String | InputType::Path => ("a text", "write a text"),
        InputType::Version => ("a version", "write a version in quotes, such as \"2.0.0\""),
        InputType::Integer => ("a whole number", "write digits alone, such as 3"),
        InputType::Number => ("a number", "write a number, such as 1.5"),
        InputType::Boolean => ("`true` or `false`", "write `true` or `false`"),
        InputType::Duration => ("a duration", "write number and unit, such as 90s, 5m or 1h30m"),
        InputType::Size => ("a size", "write number and unit, such as 500MB or 5GiB"),
        InputType::Percent => ("a percentage", "write a number and the sign %, such as 80%"),
        InputType::Url => ("an address", "write it whole, such as http://127.0.0.1:8000/health"),
        InputType::List => ("a list", "write a list, such as [orders, customers]"),
    };
    let message = format!("`{}` takes {what}, not `{}`", name.value, plain(json));
    Diagnostic::error("bad-input", span, message).help(help)
}

fn plain(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// A value as its declared type; texts from a command line become numbers where they must.
fn convert(json: &Json, kind: InputType) -> Option<Json> {
    let text = json.as_str();
    let checked = |accepts: fn(&str) -> bool| text.filter(|text| accepts(text)).map(Json::from);
    match kind {
        InputType::String | InputType::Path | InputType::Version => match json {
            Json::String(_) => Some(json.clone()),
            Json::Number(number) => Some(Json::from(number.to_string())),
            Json::Bool(truth) => Some(Json::from(truth.to_string())),
            _ => None,
        },
        InputType::Integer => match text {
            Some(text) => text.parse::<i64>().ok().map(Json::from),
            None => json.as_i64().map(Json::from),
        },
        InputType::Number => match text {
            Some(text) => text.parse::<f64>().ok().map(Json::from),
            None => json.is_number().then(|| json.clone()),
        },
        InputType::Boolean => match text {
            Some("true") => Some(Json::Bool(true)),
            Some("false") => Some(Json::Bool(false)),
            _ => json.as_bool().map(Json::Bool),
        },
        InputType::Duration => checked(|text| notation::parse_duration(text).is_some()),
        InputType::Size => checked(|text| notation::parse_size(text).is_some()),
        InputType::Percent => checked(|text| notation::parse_percent(text).is_some()),
        InputType::Url => checked(|text| url::Url::parse(text).is_ok()),
        InputType::List => match json {
            Json::Array(items) => Some(Json::from(items.clone())),
            Json::String(text) => Some(text.split(',').map(str::trim).map(Json::from).collect()),
            _ => None,
        },
    }
}
