//! The kinds of values that keys hold: texts, ids, names, and settings that may be templates.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::document::{Node, Scalar, View};
use crate::model::meaning::{self, AsKey, Is, Meaning, Means};
use crate::model::read::{Leaf, LeafKind, Read, Walk};
use crate::notation;
use crate::source::Span;

macro_rules! inline_schema {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

macro_rules! texts {
    ($($(#[$meta:meta])* $type:ident: $kind:ident $schema:tt),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type {
            pub value: String,
            pub span: Span,
        }

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.value
            }
        }

        impl Read for $type {
            fn read(node: Node<'_, '_>) -> Option<Self> {
                Some($type { value: node.text()?.to_owned(), span: node.span() })
            }
        }

        impl Walk for $type {
            fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
                see(Leaf { kind: LeafKind::$kind, text: &self.value, span: self.span });
            }
        }

        impl Means for $type {
            fn meaning(&self, _: Span) -> Option<Meaning> {
                Some(meaning::text(LeafKind::$kind, &self.value, self.span))
            }
        }

        impl AsKey for $type {
            fn as_key(&self) -> &str {
                &self.value
            }

            fn place(&self) -> Span {
                self.span
            }
        }

        inline_schema!($type, "Text", $schema);
    )*};
}

texts! {
    /// A text; it may hold `{{ templates }}`.
    Text: Plain { "type": "string", "minLength": 1 },
    /// A script.
    ShellText: Shell { "type": "string", "minLength": 1 },
    /// SQL statements.
    SqlText: Sql { "type": "string", "minLength": 1 },
    /// A regular expression.
    Pattern: Pattern { "type": "string", "minLength": 1 },
    /// An address.
    Url: Url { "type": "string", "minLength": 1 },
    /// A time zone by its name in the IANA list.
    Zone: Zone { "type": "string", "minLength": 1 },
    /// A cron line.
    CronLine: Cron { "type": "string", "minLength": 1 },
    /// A host or a group of hosts.
    HostRef: Host { "type": "string", "minLength": 1 },
    /// A script file beside the plan.
    ScriptPath: ScriptPath { "type": "string", "minLength": 1 },
    /// A file of SQL beside the plan.
    SqlPath: SqlPath { "type": "string", "minLength": 1 },
    /// A folder of migrations beside the plan.
    MigrationsPath: MigrationsPath { "type": "string", "minLength": 1 },
    /// A template file beside the plan.
    TemplatePath: TemplatePath { "type": "string", "minLength": 1 },
    /// Lower-case words joined by hyphens, unique in the plan.
    Id: Plain { "type": "string", "pattern": (notation::pattern("id")) },
    /// The id of a connection.
    ConnectionRef: Connection { "type": "string", "pattern": (notation::pattern("id")) },
    /// The id of a step or checkpoint.
    EntryRef: Entry { "type": "string", "pattern": (notation::pattern("id")) },
    /// A word that templates can name: lower case, joined by underscores.
    Name: Plain { "type": "string", "pattern": (notation::pattern("name")) },
    /// Permissions in octal.
    Mode: Plain { "type": "string", "pattern": (notation::pattern("mode")) },
    /// When a window opens.
    OpensAt: Plain { "type": "string", "pattern": (notation::pattern("opening")) },
    /// Which versions will do.
    VersionRange: Plain { "type": "string", "pattern": (notation::pattern("version-range")) },
    /// A SHA-256 sum, or a template that gives one.
    Checksum: Plain { "type": "string", "pattern": (notation::pattern("checksum")) },
}

/// A value that is either written out or a template over inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting<T> {
    Fixed(T),
    Template(String),
}

macro_rules! setting {
    ($(#[$meta:meta])* $type:ident, $inner:ty, $name:literal, $is:ident, $schema:tt, |$node:ident| $parse:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $type {
            pub value: Setting<$inner>,
            pub span: Span,
        }

        impl $type {
            pub fn fixed(&self) -> Option<$inner> {
                match self.value {
                    Setting::Fixed(value) => Some(value),
                    Setting::Template(_) => None,
                }
            }
        }

        impl Read for $type {
            fn read($node: Node<'_, '_>) -> Option<Self> {
                let span = $node.span();
                let value = match $node.text() {
                    Some(text) if notation::is_template(text) => Setting::Template(text.to_owned()),
                    _ => Setting::Fixed($parse),
                };
                Some($type { value, span })
            }
        }

        impl Walk for $type {
            fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
                if let Setting::Template(text) = &self.value {
                    see(Leaf { kind: LeafKind::Setting($name), text, span: self.span });
                }
            }
        }

        impl Means for $type {
            fn meaning(&self, _: Span) -> Option<Meaning> {
                Some(meaning::setting(&self.value, self.span, |value| Is::$is(value as _)))
            }
        }

        inline_schema!($type, $name, $schema);
    };
}

setting!(
    /// How long.
    Time, Duration, "duration", Time,
    { "type": "string", "pattern": (notation::pattern("duration")) },
    |node| notation::parse_duration(node.text()?)?
);
setting!(
    /// How many bytes.
    Size, u64, "size", Size,
    { "type": "string", "pattern": (notation::pattern("size")) },
    |node| notation::parse_size(node.text()?)?
);
setting!(
    /// A share of the whole.
    Percent, f64, "percent", Percent,
    { "type": "string", "pattern": (notation::pattern("percent")) },
    |node| notation::parse_percent(node.text()?)?
);
setting!(
    /// How many.
    Count, u64, "count", Number,
    { "type": ["integer", "string"], "minimum": 0, "maximum": 1_000_000_000, "pattern": TEMPLATE },
    |node| u64::read(node)?
);
setting!(
    /// Yes or no.
    Flag, bool, "flag", Truth,
    { "type": ["boolean", "string"], "pattern": TEMPLATE },
    |node| bool::read(node)?
);
setting!(
    /// A number to compare with.
    Number, f64, "number", Number,
    { "type": ["number", "string"], "pattern": TEMPLATE },
    |node| match node.view() {
        View::Scalar(Scalar::Int(value)) => value as f64,
        View::Scalar(Scalar::Float(value)) => value,
        _ => return None,
    }
);

/// The pattern of a text that holds a template.
pub const TEMPLATE: &str = r"^[\s\S]*\{\{[\s\S]*$";

/// An estimate: optimistic and pessimistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub range: notation::Range,
    pub span: Span,
}

impl Read for Estimate {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        Some(Estimate { range: notation::Range::parse(node.text()?)?, span: node.span() })
    }
}

impl Walk for Estimate {
    fn walk<'p>(&'p self, _: &mut dyn FnMut(Leaf<'p>)) {}
}

inline_schema!(Estimate, "range", { "type": "string", "pattern": (notation::pattern("range")) });

/// Any single value: text (which may be a template), number, true or false.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub json: serde_json::Value,
    pub span: Span,
}

impl Value {
    /// As a person would write it.
    pub fn plain(&self) -> String {
        match &self.json {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl Read for Value {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        Some(Value { json: node.to_json(), span: node.span() })
    }
}

impl Walk for Value {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        if let serde_json::Value::String(text) = &self.json {
            see(Leaf { kind: LeafKind::Plain, text, span: self.span });
        }
    }
}

inline_schema!(Value, "value", { "type": ["string", "number", "boolean"] });

/// Any value at all, such as a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub struct Anything {
    pub json: serde_json::Value,
    /// Every text in it, for templates.
    pub texts: Vec<Text>,
    pub span: Span,
}

impl Read for Anything {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let mut texts = Vec::new();
        let mut todo = vec![node];
        while let Some(next) = todo.pop() {
            match next.view() {
                View::Scalar(_) => texts.extend(Text::read(next)),
                View::List(list) => todo.extend(list.iter()),
                View::Map(map) => todo.extend(map.iter().map(|(_, value)| value)),
            }
        }
        Some(Anything { json: node.to_json(), texts, span: node.span() })
    }
}

impl Walk for Anything {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        self.texts.walk(see);
    }
}

inline_schema!(Anything, "anything", { "type": ["string", "number", "boolean", "object", "array"] });

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged, inline)]
pub enum OneOrMany<T> {
    // In a box: most records have none of what may be one or many.
    One(Box<T>),
    Many(#[schemars(length(min = 1))] Vec<T>),
}

impl<T> OneOrMany<T> {
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(&**one).iter(),
            OneOrMany::Many(many) => many.iter(),
        }
    }
}

impl<T: Read> Read for OneOrMany<T> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::List(_) => Vec::read(node).map(OneOrMany::Many),
            _ => T::read(node).map(|one| OneOrMany::One(Box::new(one))),
        }
    }
}

impl<T: Walk> Walk for OneOrMany<T> {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        for one in self.iter() {
            one.walk(see);
        }
    }
}

/// A map whose keys the author chooses, in the order of the file.
#[derive(Debug, Clone)]
pub struct Entries<K, V>(pub Vec<(K, V)>);

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<K: Read, V: Read> Read for Entries<K, V> {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let pairs = node.map()?.iter();
        Some(Entries(
            pairs.filter_map(|(key, value)| Some((K::read(key)?, V::read(value)?))).collect(),
        ))
    }

    fn missing() -> Option<Self> {
        Some(Entries::default())
    }
}

impl<K, V: Walk> Walk for Entries<K, V> {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        for (_, value) in &self.0 {
            value.walk(see);
        }
    }
}

impl<K: JsonSchema, V: JsonSchema> JsonSchema for Entries<K, V> {
    fn schema_name() -> Cow<'static, str> {
        format!("MapOf{}", V::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (keys, values) = (K::json_schema(generator), generator.subschema_for::<V>());
        json_schema!({ "type": "object", "propertyNames": keys, "additionalProperties": values })
    }
}

/// A key that may be any text, such as an environment variable or an HTTP header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyKey {
    pub value: String,
    pub span: Span,
}

impl Read for AnyKey {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        Some(AnyKey { value: node.raw()?.to_owned(), span: node.span() })
    }
}

inline_schema!(AnyKey, "key", { "type": "string", "minLength": 1 });
