//! Fills texts in as far as the values are known before the run: secrets become a mask, what only
//! the run will know becomes its name in marks.

use minijinja::value::Value;

use crate::graph::CompiledPlan;
use crate::inputs::{Held, MASK};
use crate::model::plan::Connection;
use crate::model::read::LeafKind;
use crate::template;

pub struct Filler<'p> {
    plan: &'p CompiledPlan,
    entry: Option<usize>,
}

impl<'p> Filler<'p> {
    pub fn new(plan: &'p CompiledPlan, entry: Option<usize>) -> Filler<'p> {
        Filler { plan, entry }
    }

    pub fn plain(&self, text: &str) -> String {
        self.fill(text, LeafKind::Plain)
    }

    pub fn check(&self, line: &str) -> String {
        self.fill(line, LeafKind::Plain)
    }

    pub fn fill(&self, text: &str, kind: LeafKind) -> String {
        if !template::has_template(text) {
            return text.to_owned();
        }
        let scope = self.scope(text);
        // A place where a value is not safe is an error of its own: here the template is shown.
        template::render(text, kind, &scope).unwrap_or_else(|_| text.to_owned())
    }

    /// Only the names that the text uses: a plan of 10,000 steps has a great many.
    fn scope(&self, text: &str) -> Value {
        let at = self.entry.map_or(0, |entry| self.plan.entry(entry).scope);
        let mut roots: Vec<(String, Value)> = Vec::new();
        for input in &self.plan.plan.scopes[at].inputs {
            let value = match &input.held {
                Held::Known(json) => Value::from(minijinja::value::Serde(json)),
                Held::Secret => Value::from(MASK),
                Held::Missing => later(&input.name),
            };
            roots.push((input.name.clone(), value));
        }
        if let Some(item) = self.entry.and_then(|entry| self.plan.entry(entry).item.as_ref()) {
            roots.push(("item".to_owned(), Value::from(minijinja::value::Serde(item))));
        }
        roots.push(("plan".to_owned(), self.plan_names()));
        if let Some(environment) = &self.plan.plan.environment {
            let id = &environment.environment.value;
            let title = environment.title.as_ref().map_or(id.clone(), |title| title.value.clone());
            roots.push((
                "environment".to_owned(),
                Value::from_pairs([
                    ("id", environment.environment.value.clone()),
                    ("title", title),
                ]),
            ));
        }
        for root in
            ["steps", "checkpoints", "self", "run", "environment", "host", "target", "service"]
        {
            if !roots.iter().any(|(name, _)| name == root) {
                roots.push((root.to_owned(), self.later_names(root, text)));
            }
        }
        Value::from_pairs(roots)
    }

    fn plan_names(&self) -> Value {
        let file = &self.plan.plan.file;
        let title =
            file.title.as_ref().map_or(file.plan.value.clone(), |title| title.value.clone());
        let version = file.change.as_ref().and_then(|change| change.version.as_ref());
        let version = version.map_or(String::new(), |version| version.value.clone());
        Value::from_pairs([("id", file.plan.value.clone()), ("title", title), ("version", version)])
    }

    /// `steps.a.b` and the like: each becomes its own name in marks.
    fn later_names(&self, root: &str, text: &str) -> Value {
        let mut first: Vec<(String, Vec<(String, Value)>)> = Vec::new();
        for reference in template::scan(text).references {
            let mut parts = reference.path.split('.');
            if parts.next() != Some(root) {
                continue;
            }
            let Some(second) = parts.next() else { continue };
            let at = match first.iter().position(|(name, _)| name == second) {
                Some(at) => at,
                None => {
                    first.push((second.to_owned(), Vec::new()));
                    first.len() - 1
                }
            };
            if let Some(third) = parts.next() {
                first[at].1.push((third.to_owned(), later(&reference.path)));
            }
        }
        if first.is_empty() {
            return later(root);
        }
        let pairs = first.into_iter().map(|(name, inner)| {
            let value = if inner.is_empty() {
                later(&format!("{root}.{name}"))
            } else {
                Value::from_pairs(inner)
            };
            (name, value)
        });
        Value::from_pairs(pairs)
    }
}

/// What only the run will know.
fn later(name: &str) -> Value {
    Value::from(format!("‹{name}›"))
}

/// Where a connection leads, without any password.
pub fn connection(connection: &Connection, filler: &Filler<'_>) -> String {
    let text = |text: &Option<crate::model::value::Text>| {
        text.as_ref().map(|text| filler.plain(&text.value))
    };
    let mut line = match (text(&connection.url), text(&connection.file)) {
        (Some(url), _) => without_password(&url),
        (None, Some(file)) => format!("file {file}"),
        (None, None) => {
            let host = text(&connection.host)
                .or(text(&connection.socket))
                .unwrap_or_else(|| "localhost".to_owned());
            let port = connection
                .port
                .as_ref()
                .and_then(|port| port.fixed())
                .map_or(String::new(), |port| format!(":{port}"));
            let database =
                text(&connection.database).map_or(String::new(), |name| format!("/{name}"));
            let user = text(&connection.user).map_or(String::new(), |user| format!("{user}@"));
            format!("{user}{host}{port}{database}")
        }
    };
    if let Some(kind) = connection.server {
        line += &format!(" ({})", kind.word());
    }
    if let Some(tls) = &connection.tls {
        line += &format!(", TLS {}", tls.mode.word());
    }
    line
}

fn without_password(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some(MASK)) {
            Ok(()) => url.to_string(),
            Err(()) => MASK.to_owned(),
        },
        _ => text.to_owned(),
    }
}
