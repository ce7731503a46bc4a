//! What values of the model mean, apart from how they are written: plans are compared by it.
//! Short and long forms mean the same; places are kept, and do not count.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::action::compare::Rule;
use super::action::http::Http;
use super::action::maintenance::Maintenance;
use super::action::manual::Manual;
use super::action::run::Command;
use super::action::sql::Sql;
use super::action::wait::Wait;
use super::plan::{Entry, Expression, Items, OnFailure, Output, PhaseEntry, Retry};
use super::read::LeafKind;
use super::value::{AnyKey, Anything, Entries, Estimate, OneOrMany, Setting, Value};
use crate::notation::{Range, Spoken};
use crate::source::Span;

/// A value with the place where it stands.
#[derive(Debug, Clone)]
pub struct Meaning {
    pub is: Is,
    pub span: Span,
}

impl PartialEq for Meaning {
    fn eq(&self, other: &Meaning) -> bool {
        self.is == other.is
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Is {
    Truth(bool),
    Number(f64),
    Time(Duration),
    Size(u64),
    Percent(f64),
    Range(Range),
    Text(String),
    /// The id of a step or checkpoint.
    Entry(String),
    /// A file or folder beside the plan; what it holds, once somebody has read it.
    File(String, Option<Vec<(String, Arc<str>)>>),
    List(Vec<Meaning>),
    Map(Keys),
}

/// Keys with their values; those that nobody said are not there.
pub type Keys = Vec<(Cow<'static, str>, Meaning)>;

pub trait Means {
    /// `None` where nothing is said. `around` is the place for what does not know its own.
    fn meaning(&self, around: Span) -> Option<Meaning>;

    /// Its keys among those of the record that it stands in.
    fn put(&self, _: &mut Keys) {}
}

pub fn put(keys: &mut Keys, key: &'static str, value: &dyn Means, around: Span) {
    keys.extend(value.meaning(around).map(|meaning| (Cow::Borrowed(key), meaning)));
}

impl Is {
    pub fn at(self, span: Span) -> Meaning {
        Meaning { is: self, span }
    }
}

impl Meaning {
    pub fn get(&self, key: &str) -> Option<&Meaning> {
        self.keys().iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub fn keys(&self) -> &[(Cow<'static, str>, Meaning)] {
        match &self.is {
            Is::Map(keys) => keys,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Meaning] {
        match &self.is {
            Is::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// Takes keys out, for whoever looks at them in another way.
    pub fn without(mut self, keys: &[&str]) -> Meaning {
        if let Is::Map(all) = &mut self.is {
            all.retain(|(key, _)| !keys.contains(&key.as_ref()));
        }
        self
    }

    /// Shows every value below this one, itself first, to be changed.
    pub fn each(&mut self, see: &mut dyn FnMut(&mut Meaning)) {
        see(self);
        match &mut self.is {
            Is::List(items) => items.iter_mut().for_each(|item| item.each(see)),
            Is::Map(keys) => keys.iter_mut().for_each(|(_, value)| value.each(see)),
            _ => {}
        }
    }
}

/// As a person would say it, in one line where it has one.
impl std::fmt::Display for Meaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.is {
            Is::Truth(value) => write!(f, "{value}"),
            Is::Number(value) => write!(f, "{value}"),
            Is::Time(value) => write!(f, "{}", Spoken(*value)),
            Is::Size(value) => write!(f, "{}", super::spoken_size(*value)),
            Is::Percent(value) => write!(f, "{value}%"),
            Is::Range(value) => write!(f, "{value}"),
            Is::Text(text) | Is::Entry(text) | Is::File(text, _) => write!(f, "{text}"),
            Is::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
            Is::Map(keys) => {
                for (at, (key, value)) in keys.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if at > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

/// A leaf text. The line end that a block of YAML adds means nothing.
pub fn text(kind: LeafKind, text: &str, span: Span) -> Meaning {
    let text = text.trim_end_matches('\n').to_owned();
    let is = match kind {
        LeafKind::Entry => Is::Entry(text),
        LeafKind::ScriptPath
        | LeafKind::SqlPath
        | LeafKind::MigrationsPath
        | LeafKind::TemplatePath => Is::File(text, None),
        _ => Is::Text(text),
    };
    is.at(span)
}

/// A value that is written out or a template.
pub fn setting<T: Copy>(value: &Setting<T>, span: Span, fixed: impl Fn(T) -> Is) -> Meaning {
    match value {
        Setting::Fixed(value) => fixed(*value).at(span),
        Setting::Template(template) => text(LeafKind::Plain, template, span),
    }
}

/// Any JSON; the order of its keys does not count.
pub fn json(value: &serde_json::Value, span: Span) -> Meaning {
    use serde_json::Value as Json;
    let is = match value {
        Json::Array(items) => Is::List(items.iter().map(|item| json(item, span)).collect()),
        Json::Object(map) => {
            let pairs = map.iter().map(|(key, value)| (key.clone().into(), json(value, span)));
            sorted(pairs.collect())
        }
        Json::String(string) => return text(LeafKind::Plain, string, span),
        other => Is::Text(other.to_string()),
    };
    is.at(span)
}

pub fn sorted(mut keys: Keys) -> Is {
    keys.sort_by(|(a, _), (b, _)| a.cmp(b));
    Is::Map(keys)
}

/// The short form of a union, as the long form would say it.
fn short(key: &'static str, value: &dyn Means, around: Span) -> Option<Meaning> {
    let value = value.meaning(around)?;
    let span = value.span;
    Some(Is::Map(vec![(Cow::Borrowed(key), value)]).at(span))
}

impl<T: Means> Means for Option<T> {
    fn meaning(&self, around: Span) -> Option<Meaning> {
        self.as_ref().and_then(|value| value.meaning(around))
    }
}

impl<T: Means> Means for Box<T> {
    fn meaning(&self, around: Span) -> Option<Meaning> {
        (**self).meaning(around)
    }
}

impl<T: Means> Means for Arc<T> {
    fn meaning(&self, around: Span) -> Option<Meaning> {
        (**self).meaning(around)
    }
}

fn list<'v, T: Means + 'v>(values: impl Iterator<Item = &'v T>, around: Span) -> Option<Meaning> {
    let items: Vec<_> = values.filter_map(|value| value.meaning(around)).collect();
    let span = match (items.first(), items.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => around,
    };
    Some(Is::List(items).at(span))
}

impl<T: Means> Means for Vec<T> {
    fn meaning(&self, around: Span) -> Option<Meaning> {
        list(self.iter(), around)
    }
}

impl<T: Means> Means for OneOrMany<T> {
    fn meaning(&self, around: Span) -> Option<Meaning> {
        list(self.iter(), around)
    }
}

impl<K: AsKey, V: Means> Means for Entries<K, V> {
    fn meaning(&self, around: Span) -> Option<Meaning> {
        let pairs = self.0.iter().filter_map(|(key, value)| {
            Some((Cow::Owned(key.as_key().to_owned()), value.meaning(key.place())?))
        });
        let span = self.0.first().map_or(around, |(key, _)| key.place());
        Some(sorted(pairs.collect()).at(span))
    }
}

/// What may stand as a key of `Entries`.
pub trait AsKey {
    fn as_key(&self) -> &str;
    fn place(&self) -> Span;
}

impl AsKey for AnyKey {
    fn as_key(&self) -> &str {
        &self.value
    }

    fn place(&self) -> Span {
        self.span
    }
}

impl Means for bool {
    fn meaning(&self, around: Span) -> Option<Meaning> {
        Some(Is::Truth(*self).at(around))
    }
}

impl Means for Estimate {
    fn meaning(&self, _: Span) -> Option<Meaning> {
        Some(Is::Range(self.range).at(self.span))
    }
}

impl Means for Value {
    fn meaning(&self, _: Span) -> Option<Meaning> {
        Some(json(&self.json, self.span))
    }
}

impl Means for Anything {
    fn meaning(&self, _: Span) -> Option<Meaning> {
        Some(json(&self.json, self.span))
    }
}

impl Means for Expression {
    fn meaning(&self, _: Span) -> Option<Meaning> {
        Some(text(LeafKind::Expression, &self.value, self.span))
    }
}

/// Unions: a pattern for each form, and what it means.
macro_rules! unions {
    ($($type:ty { $($form:pat => $key:tt $value:expr),* $(,)? })*) => {$(
        impl Means for $type {
            fn meaning(&self, around: Span) -> Option<Meaning> {
                use $type as Union;
                match self { $($form => unions!(@ $key $value, around)),* }
            }
        }
    )*};
    (@ (as it is) $value:expr, $around:ident) => { $value.meaning($around) };
    (@ $key:literal $value:expr, $around:ident) => { short($key, $value, $around) };
}

unions! {
    Command {
        Union::Script(script) => "script" script,
        Union::Program(words) => "program" words,
        Union::File(file) => (as it is) file,
    }
    Sql { Union::Text(text) => "text" text, Union::Full(keys) => (as it is) keys }
    Manual { Union::Text(text) => "text" text, Union::Full(keys) => (as it is) keys }
    Wait { Union::Time(time) => "time" time, Union::Full(keys) => (as it is) keys }
    Maintenance { Union::Turn(turn) => "turn" turn, Union::Full(keys) => (as it is) keys }
    Http { Union::Url(url) => "url" url, Union::Full(keys) => (as it is) keys }
    Rule { Union::Word(word) => (as it is) word, Union::Ratio(ratio) => (as it is) ratio }
    Retry { Union::Times(times) => "times" times, Union::Full(keys) => (as it is) keys }
    Output { Union::Word(word) => (as it is) word, Union::Full(keys) => (as it is) keys }
    OnFailure { Union::Word(word) => (as it is) word, Union::To(to) => (as it is) to }
    Items { Union::List(items) => (as it is) items, Union::Template(text) => (as it is) text }
    PhaseEntry { Union::Phase(phase) => (as it is) phase, Union::Include(include) => (as it is) include }
    Entry {
        Union::Step(step) => (as it is) step,
        Union::Checkpoint(checkpoint) => (as it is) checkpoint,
        Union::Include(include) => (as it is) include,
    }
}
