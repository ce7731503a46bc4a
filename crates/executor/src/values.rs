//! Values of inputs as a run needs them: from the environment, from files, from commands. Secrets
//! are read here and nowhere else, and leave only as values and as what must be covered.

use std::path::Path;
use std::process::{Command, Stdio};

use minijinja::value::{Serde, Value};
use plan_model::graph::CompiledPlan;
use plan_model::inputs::{Given, Held, InputValue, MASK};
use plan_model::model::read::LeafKind;
use plan_model::template;
use rustc_hash::FxHashMap;

use crate::secret::Secrets;

/// What each scope of a plan knows, and what of it is secret.
#[derive(Default)]
pub struct Values {
    pub scopes: Vec<FxHashMap<String, Value>>,
    pub secrets: Secrets,
}

impl Values {
    /// The inputs that hold a secret which is in a text.
    pub fn names_of_secret(&self, text: &str) -> Vec<String> {
        let all = self.scopes.iter().flatten();
        let fits = all.filter(|(_, value)| {
            let value = value.to_string();
            !value.is_empty() && text.contains(&value) && self.secrets.are_in(&value)
        });
        let mut names: Vec<_> = fits.map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// An input that has no value, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the input `{input}` {problem}")]
pub struct NoValue {
    pub input: String,
    pub problem: String,
    pub help: String,
}

/// Values that are no secrets and come from outside, as far as they are there: the plan is laid out with
/// them.
pub fn given(plan: &CompiledPlan, base: &Path) -> Vec<Given> {
    let mut given = Vec::new();
    let inputs = plan.plan.scopes.first().into_iter().flat_map(|scope| &scope.inputs);
    for input in inputs.filter(|input| input.held == Held::Missing) {
        if let Ok(value) = read(input, base) {
            given.push(Given {
                name: input.name.clone(),
                value: value.trim_end_matches(['\n', '\r']).into(),
                span: None,
                name_span: None,
                origin: input.origin.clone(),
            });
        }
    }
    given
}

/// What is known without looking anywhere: secrets are masked.
pub fn known(plan: &CompiledPlan) -> Values {
    let scopes = plan.plan.scopes.iter().map(|scope| {
        let known = scope.inputs.iter().filter_map(|input| match &input.held {
            Held::Known(json) => Some((input.name.clone(), Value::from(Serde(json)))),
            Held::Secret => Some((input.name.clone(), Value::from(MASK))),
            Held::Missing => None,
        });
        known.collect()
    });
    Values { scopes: scopes.collect(), secrets: Secrets::default() }
}

/// All values, secrets too, and those that are missing.
pub fn read_all(plan: &CompiledPlan, base: &Path) -> (Values, Vec<NoValue>) {
    let mut values = Values::default();
    let mut secrets = Vec::new();
    let mut missing = Vec::new();
    for scope in &plan.plan.scopes {
        let mut known = FxHashMap::default();
        for input in &scope.inputs {
            let value = match (&input.held, &input.passed) {
                (Held::Known(json), _) => Value::from(Serde(json)),
                (_, Some((text, outer))) => {
                    let around = Value::from_object(Names(values.scopes[*outer].clone()));
                    match template::render(text, LeafKind::Plain, &around) {
                        Ok(text) => Value::from(text),
                        Err(problem) => {
                            missing.push(NoValue {
                                input: input.name.clone(),
                                problem,
                                help: "look at the `with:` of the include".to_owned(),
                            });
                            continue;
                        }
                    }
                }
                _ => match read(input, base) {
                    // A variable that somebody forgot to fill in would log in as nobody.
                    Ok(text) if text.trim().is_empty() => {
                        missing.push(NoValue {
                            input: input.name.clone(),
                            problem: format!("comes from {}, which is empty", source_of(input)),
                            help: "fill it in and try again".to_owned(),
                        });
                        continue;
                    }
                    Ok(text) => Value::from(text.trim_end_matches(['\n', '\r'])),
                    Err(problem) => {
                        missing.push(problem);
                        continue;
                    }
                },
            };
            if input.held == Held::Secret {
                secrets.push(value.to_string());
            }
            known.insert(input.name.clone(), value);
        }
        values.scopes.push(known);
    }
    values.secrets = Secrets::new(secrets);
    (values, missing)
}

/// Names of a scope as an object of the template engine.
#[derive(Debug)]
pub struct Names(pub FxHashMap<String, Value>);

impl minijinja::value::Object for Names {
    fn get_value(self: &std::sync::Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }
}

/// Where a value comes from, in words for people.
fn source_of(input: &InputValue) -> String {
    match input.origin.split_once(' ') {
        Some(("env", what)) => format!("the environment variable {what}"),
        Some(("file", what)) => format!("the file {what}"),
        Some(("command", what)) => format!("the command `{what}`"),
        _ => input.origin.clone(),
    }
}

fn read(input: &InputValue, base: &Path) -> Result<String, NoValue> {
    let none = |problem: String, help: String| NoValue { input: input.name.clone(), problem, help };
    let Some((source, what)) = input.origin.split_once(' ') else {
        return Err(none("has no value".to_owned(), format!("give it: --set {}=…", input.name)));
    };
    match source {
        "env" => std::env::var(what).map_err(|problem| {
            let how = match problem {
                std::env::VarError::NotPresent => "is not set",
                std::env::VarError::NotUnicode(_) => "holds no text",
            };
            none(
                format!("comes from the environment variable {what}, which {how}"),
                format!("export {what}=… and try again"),
            )
        }),
        "file" => std::fs::read_to_string(base.join(what)).map_err(|error| {
            none(
                format!("comes from the file {what}, which cannot be read: {error}"),
                "make the file, readable by you alone".to_owned(),
            )
        }),
        "command" => by_command(what, base)
            .map_err(|problem| none(problem, format!("try it by hand: {what}"))),
        _ => Err(none("has no value".to_owned(), format!("give it: --set {}=…", input.name))),
    }
}

fn by_command(command: &str, base: &Path) -> Result<String, String> {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", command])
        .current_dir(base)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("comes from a command, but bash cannot be started: {error}"))?;
    // What the command said may hold the secret: only that it failed is told.
    if !output.status.success() {
        return Err(format!("comes from the command `{command}`, which failed"));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("comes from the command `{command}`, which prints no text"))
}
