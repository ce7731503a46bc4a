//! A JSON schema, compiled so that holding a tree against it is a walk without look-ups by pointer.
//! Understands the part of draft 2020-12 that the generator writes; anything else is a panic in tests.

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use crate::notation::{self, Notation};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeId(u32);

/// Kinds of values, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    pub const STRING: Kinds = Kinds(1);
    pub const INTEGER: Kinds = Kinds(2);
    /// A number with a fraction; a shape of numbers has both bits.
    pub const FRACTION: Kinds = Kinds(4);
    pub const BOOL: Kinds = Kinds(8);
    pub const LIST: Kinds = Kinds(16);
    pub const MAP: Kinds = Kinds(32);
    pub const NULL: Kinds = Kinds(64);
    const ALL: Kinds = Kinds(127);

    pub fn has(self, other: Kinds) -> bool {
        self.0 & other.0 == other.0
    }

    fn with(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

pub struct Shape {
    /// What people call such a thing: "step", "sql check".
    pub noun: String,
    pub kinds: Kinds,
    pub keys: FxHashMap<String, ShapeId>,
    /// The same keys in the order of the language, for messages.
    pub key_order: Vec<String>,
    /// An example of each key, as an author would write it.
    pub examples: FxHashMap<String, String>,
    pub required: Vec<String>,
    /// Exactly one of these keys must be there.
    pub one_of: Vec<String>,
    /// Keys that are not in `keys`: refused, or of this shape.
    pub other_keys: Option<ShapeId>,
    pub closed: bool,
    pub key_notation: Option<&'static Notation>,
    pub key_min_length: usize,
    pub items: Option<ShapeId>,
    pub min_items: usize,
    pub words: Vec<String>,
    pub notation: Option<&'static Notation>,
    /// A text must hold a template.
    pub template_only: bool,
    pub min_length: usize,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub branches: Vec<ShapeId>,
}

pub struct Shapes {
    all: Vec<Shape>,
    root: ShapeId,
}

impl Shapes {
    pub fn root(&self) -> ShapeId {
        self.root
    }

    pub fn get(&self, id: ShapeId) -> &Shape {
        &self.all[id.0 as usize]
    }

    pub fn compile(schema: &Value) -> Shapes {
        let empty = Map::new();
        let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
        let mut compiler = Compiler { definitions, done: FxHashMap::default(), all: Vec::new() };
        let root = compiler.shape(schema);
        Shapes {
            all: compiler
                .all
                .into_iter()
                .map(|shape| shape.expect("each shape is finished"))
                .collect(),
            root,
        }
    }
}

struct Compiler<'s> {
    definitions: &'s Map<String, Value>,
    done: FxHashMap<&'s str, ShapeId>,
    all: Vec<Option<Shape>>,
}

impl<'s> Compiler<'s> {
    fn shape(&mut self, schema: &'s Value) -> ShapeId {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.definition(reference);
        }
        let id = self.reserve();
        let mut shape = self.build(schema);
        if let Some(title) = schema.get("title").and_then(Value::as_str) {
            shape.noun = noun(title);
        }
        self.all[id.0 as usize] = Some(shape);
        id
    }

    fn reserve(&mut self) -> ShapeId {
        self.all.push(None);
        ShapeId(self.all.len() as u32 - 1)
    }

    fn definition(&mut self, reference: &'s str) -> ShapeId {
        let name = reference.trim_start_matches("#/$defs/");
        if let Some(id) = self.done.get(name) {
            return *id;
        }
        let schema = self.definitions.get(name).expect("the generator defines what it refers to");
        // A definition that is only another reference would need its own slot; there is none.
        let id = self.reserve();
        self.done.insert(name, id);
        let mut shape = self.build(schema);
        shape.noun = noun(name);
        self.all[id.0 as usize] = Some(shape);
        id
    }

    fn build(&mut self, schema: &'s Value) -> Shape {
        let list = |key: &str| {
            schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
        };
        let words = |values: &[Value]| -> Vec<String> {
            values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut keys = FxHashMap::default();
        let mut key_order = Vec::new();
        let mut examples = FxHashMap::default();
        for (key, property) in properties.into_iter().flatten() {
            if let Some(example) = property.get("examples").and_then(|examples| examples.get(0)) {
                examples.insert(key.clone(), format!("{key}: {}", flow(example)));
            }
            keys.insert(key.clone(), self.shape(property));
            key_order.push(key.clone());
        }
        let one_of = list("oneOf")
            .iter()
            .flat_map(|branch| words(branch["required"].as_array().map_or(&[], |v| v)))
            .collect();
        let (closed, other_keys) = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => (true, None),
            Some(inner @ Value::Object(_)) => (false, Some(self.shape(inner))),
            _ => (false, None),
        };
        let pattern = schema.get("pattern").and_then(Value::as_str);
        let template_only = pattern == Some(crate::model::value::TEMPLATE);
        let number = |key: &str| schema.get(key).and_then(Value::as_u64).unwrap_or(0) as usize;
        Shape {
            noun: String::new(),
            kinds: kinds(schema.get("type")),
            keys,
            key_order,
            examples,
            required: words(list("required")),
            one_of,
            other_keys,
            closed,
            key_notation: schema
                .get("propertyNames")
                .and_then(|keys| keys.get("pattern"))
                .and_then(Value::as_str)
                .and_then(notation::by_pattern),
            key_min_length: schema
                .get("propertyNames")
                .and_then(|keys| keys.get("minLength"))
                .and_then(Value::as_u64)
                .unwrap_or(0) as usize,
            items: schema.get("items").map(|items| self.shape(items)),
            min_items: number("minItems"),
            words: words(list("enum")),
            notation: pattern.filter(|_| !template_only).map(|pattern| {
                notation::by_pattern(pattern).expect("patterns of the schema are notations")
            }),
            template_only,
            min_length: number("minLength"),
            minimum: schema.get("minimum").and_then(Value::as_f64),
            maximum: schema.get("maximum").and_then(Value::as_f64),
            branches: list("anyOf").iter().map(|branch| self.shape(branch)).collect(),
        }
    }
}

/// A value as YAML on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(object) => {
            let pairs: Vec<_> =
                object.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::String(text) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_./- =@~><;()".contains(c);
            let fine = text
                .starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/')
                && text.chars().all(plain)
                && text.parse::<f64>().is_err()
                && !matches!(text.as_str(), "true" | "false" | "null");
            if fine { text.clone() } else { value.to_string() }
        }
        other => other.to_string(),
    }
}

/// `SqlCheck` → `SQL check`, as it stands behind "in".
fn noun(name: &str) -> String {
    if name.starts_with("A deployment plan") {
        return "the plan".to_owned();
    }
    if name.starts_with("An environment") {
        return "the environment".to_owned();
    }
    if let Some((_, noun)) = NOUNS.iter().find(|(record, _)| *record == name) {
        return (*noun).to_owned();
    }
    let mut words = String::new();
    for letter in name.chars().filter(|c| c.is_alphanumeric()) {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words.trim_end_matches(" keys").to_owned()
}

/// Records whose name in code is not what people call them.
const NOUNS: &[(&str, &str)] = &[
    ("SqlCheck", "SQL check"),
    ("HttpCheck", "HTTP check"),
    ("OsCheck", "OS check"),
    ("EnvCheck", "check of a variable"),
    ("AnyOfCheck", "`any_of` check"),
    ("CopyFile", "copy of a file"),
    ("SyncFolder", "sync of a folder"),
    ("FillTemplate", "template to fill in"),
    ("SetLink", "link"),
    ("RemoveFiles", "removal of files"),
    ("UnpackArchive", "archive to unpack"),
    ("SetKeys", "change of settings"),
    ("MakeFolder", "new folder"),
    ("SetMode", "change of permissions"),
    ("Migrate", "`migrate` step"),
    ("Restore", "`restore` step"),
    ("Git", "`git` step"),
    ("Compare", "`compare` step"),
    ("Fetch", "`fetch` step"),
    ("Notify", "`notify` step"),
    ("Packages", "`packages` step"),
    ("Tls", "TLS setting"),
];

fn kinds(types: Option<&Value>) -> Kinds {
    let one = |word: &Value| match word.as_str() {
        Some("string") => Kinds::STRING,
        Some("integer") => Kinds::INTEGER,
        Some("number") => Kinds::INTEGER.with(Kinds::FRACTION),
        Some("boolean") => Kinds::BOOL,
        Some("array") => Kinds::LIST,
        Some("object") => Kinds::MAP,
        _ => Kinds::NULL,
    };
    match types {
        Some(Value::Array(words)) => words.iter().map(one).fold(Kinds(0), Kinds::with),
        Some(word) => one(word),
        None => Kinds::ALL,
    }
}
