//! YAML text → located tree. Finds syntax errors, duplicate keys, several documents, alias bombs.
//! Knows YAML 1.2, not the plan language.

mod packed;
mod syntax;

use granit_parser::{Event, Options, Parser, ScalarStyle};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// More than any sane plan (100,000 steps are about 2 million nodes), little for a machine.
const NODE_LIMIT: u64 = 6_000_000;
const DEPTH_LIMIT: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

#[derive(Debug)]
pub struct Document<'t> {
    pub file: FileId,
    pub text: &'t str,
    nodes: Vec<NodeData>,
    /// Children of lists, and of maps as key, value, key, value.
    children: Vec<NodeId>,
    /// Scalars that mean something else than what is written: with escapes, or of several lines.
    rewritten: Vec<String>,
    root: NodeId,
    /// Nodes that the schema refused: readers of the document do not see them.
    pruned: FxHashSet<NodeId>,
}

/// Small, because there are a quarter of a million of them in a plan of 10,000 steps.
#[derive(Debug, Clone, Copy)]
struct NodeData {
    start: u32,
    end: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Scalar { held: HeldIn, plain: bool },
    List { first: u32, count: u32 },
    Map { first: u32, count: u32 },
}

/// Where the characters of a scalar are.
#[derive(Debug, Clone, Copy)]
enum HeldIn {
    Text { start: u32, end: u32 },
    Rewritten(u32),
}

impl HeldIn {
    fn slice<'s>(self, text: &'s str, rewritten: &'s [String]) -> &'s str {
        match self {
            HeldIn::Text { start, end } => &text[start as usize..end as usize],
            HeldIn::Rewritten(at) => &rewritten[at as usize],
        }
    }
}

/// What a plain scalar means under the core schema of YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'d> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'d str),
}

/// A node with the document it stands in: cheap to copy.
#[derive(Clone, Copy)]
pub struct Node<'d, 't> {
    pub document: &'d Document<'t>,
    pub id: NodeId,
}

pub enum View<'d, 't> {
    Scalar(Scalar<'d>),
    List(List<'d, 't>),
    Map(Map<'d, 't>),
}

#[derive(Clone, Copy)]
pub struct List<'d, 't> {
    document: &'d Document<'t>,
    items: &'d [NodeId],
}

#[derive(Clone, Copy)]
pub struct Map<'d, 't> {
    document: &'d Document<'t>,
    pairs: &'d [NodeId],
}

impl<'d, 't> List<'d, 't> {
    pub fn len(self) -> usize {
        self.items.len()
    }

    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }

    pub fn iter(self) -> impl Iterator<Item = Node<'d, 't>> + use<'d, 't> {
        let document = self.document;
        let kept = move |id: &&NodeId| document.pruned.is_empty() || !document.pruned.contains(id);
        self.items.iter().filter(kept).map(move |id| Node { document, id: *id })
    }
}

impl<'d, 't> Map<'d, 't> {
    pub fn len(self) -> usize {
        self.pairs.len() / 2
    }

    pub fn is_empty(self) -> bool {
        self.pairs.is_empty()
    }

    pub fn iter(self) -> impl Iterator<Item = (Node<'d, 't>, Node<'d, 't>)> + use<'d, 't> {
        let document = self.document;
        let kept = move |pair: &&[NodeId]| {
            document.pruned.is_empty() || !document.pruned.contains(&pair[1])
        };
        self.pairs
            .chunks_exact(2)
            .filter(kept)
            .map(move |pair| (Node { document, id: pair[0] }, Node { document, id: pair[1] }))
    }

    pub fn get(self, key: &str) -> Option<Node<'d, 't>> {
        self.iter().find(|(found, _)| found.raw() == Some(key)).map(|(_, value)| value)
    }
}

impl<'d, 't> Node<'d, 't> {
    fn data(self) -> &'d NodeData {
        &self.document.nodes[self.id.0 as usize]
    }

    fn slice(self, held: HeldIn) -> &'d str {
        held.slice(self.document.text, &self.document.rewritten)
    }

    pub fn span(self) -> Span {
        let data = self.data();
        Span { file: self.document.file, start: data.start, end: data.end }
    }

    pub fn view(self) -> View<'d, 't> {
        let children = |first: u32, count: u32| {
            &self.document.children[first as usize..(first + count) as usize]
        };
        match self.data().kind {
            Kind::Scalar { held, plain: true } => View::Scalar(resolve(self.slice(held))),
            Kind::Scalar { held, plain: false } => View::Scalar(Scalar::Text(self.slice(held))),
            Kind::List { first, count } => {
                View::List(List { document: self.document, items: children(first, count) })
            }
            Kind::Map { first, count } => {
                View::Map(Map { document: self.document, pairs: children(first, count) })
            }
        }
    }

    /// The scalar's characters, whatever they mean.
    pub fn raw(self) -> Option<&'d str> {
        match self.data().kind {
            Kind::Scalar { held, .. } => Some(self.slice(held)),
            _ => None,
        }
    }

    pub fn text(self) -> Option<&'d str> {
        match self.view() {
            View::Scalar(Scalar::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn map(self) -> Option<Map<'d, 't>> {
        match self.view() {
            View::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn list(self) -> Option<List<'d, 't>> {
        match self.view() {
            View::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn get(self, key: &str) -> Option<Node<'d, 't>> {
        self.map()?.get(key)
    }

    /// The same value as JSON; spans are lost.
    pub fn to_json(self) -> serde_json::Value {
        use serde_json::Value;
        match self.view() {
            View::Scalar(Scalar::Null) => Value::Null,
            View::Scalar(Scalar::Bool(value)) => Value::Bool(value),
            View::Scalar(Scalar::Int(value)) => Value::from(value),
            View::Scalar(Scalar::Float(value)) => {
                serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
            }
            View::Scalar(Scalar::Text(text)) => Value::from(text),
            View::List(list) => list.iter().map(Node::to_json).collect(),
            View::Map(map) => map
                .iter()
                .map(|(key, value)| (key.raw().unwrap_or_default().to_owned(), value.to_json()))
                .collect(),
        }
    }
}

impl<'t> Document<'t> {
    pub fn root(&self) -> Node<'_, 't> {
        Node { document: self, id: self.root }
    }

    /// Hides nodes (values of maps, items of lists) from whoever reads the document from now on.
    pub fn prune(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        self.pruned.extend(nodes);
    }

    /// Reads one YAML document. Duplicate keys do not stop it: the first of them counts.
    pub fn parse(file: FileId, text: &'t str, found: &mut Vec<Diagnostic>) -> Option<Self> {
        let guess = text.len() / 10;
        let builder = Builder {
            file,
            text,
            nodes: Vec::with_capacity(guess),
            children: Vec::with_capacity(guess),
            rewritten: Vec::new(),
            open: Vec::new(),
            waiting: Vec::new(),
            anchors: FxHashMap::default(),
            root: None,
            found,
        };
        builder.run()
    }
}

struct Open {
    map: bool,
    start: u32,
    anchor: usize,
    /// Nodes that this one stands for, aliases followed.
    size: u64,
    /// Where its children begin on the stack of children that still wait for their parent.
    waiting: usize,
    /// Keys seen so far, once there are too many to compare one by one.
    seen: Option<FxHashMap<String, NodeId>>,
}

struct Builder<'t, 'f> {
    file: FileId,
    text: &'t str,
    nodes: Vec<NodeData>,
    children: Vec<NodeId>,
    rewritten: Vec<String>,
    open: Vec<Open>,
    waiting: Vec<NodeId>,
    /// Anchor → node, and how many nodes it stands for once aliases are followed.
    anchors: FxHashMap<usize, (NodeId, u64)>,
    root: Option<NodeId>,
    found: &'f mut Vec<Diagnostic>,
}

/// Reading stopped; why is among the diagnostics.
struct Stopped;

impl<'t> Builder<'t, '_> {
    fn run(mut self) -> Option<Document<'t>> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(self.text, options) {
            let (event, span) = match next {
                Ok(next) => next,
                Err(error) => {
                    self.syntax_error(&error);
                    return None;
                }
            };
            let range = span.byte_range().unwrap_or(0..0);
            let (start, end) = (range.start as u32, range.end as u32);
            if matches!(event, Event::DocumentStart(..)) {
                documents += 1;
            }
            if documents > 1 {
                self.found.push(
                    Diagnostic::error(
                        "several-documents",
                        self.span(start, end),
                        "a second YAML document starts here",
                    )
                    .help("one file holds one plan: remove the `---` line or split the file"),
                );
                return None;
            }
            self.event(event, start, end).ok()?;
        }
        let root = match self.root {
            Some(root) => root,
            None => {
                let held = HeldIn::Text { start: 0, end: 0 };
                self.push(0, 0, Kind::Scalar { held, plain: true })
            }
        };
        Some(Document {
            file: self.file,
            text: self.text,
            nodes: self.nodes,
            children: self.children,
            rewritten: self.rewritten,
            root,
            pruned: FxHashSet::default(),
        })
    }

    fn event(&mut self, event: Event<'t>, start: u32, end: u32) -> Result<(), Stopped> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
                    self.unknown_tag(start, end);
                }
                let end = self.without_trailing_space(start, end);
                let plain = style == ScalarStyle::Plain;
                let held = self.hold(&text, start, style);
                let id = self.push(start, end, Kind::Scalar { held, plain });
                self.attach(id, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => self.open(
                false,
                start,
                end,
                anchor,
                tag.is_some_and(|tag| !tag.is_yaml_core_schema()),
            ),
            Event::MappingStart(_, anchor, tag) => self.open(
                true,
                start,
                end,
                anchor,
                tag.is_some_and(|tag| !tag.is_yaml_core_schema()),
            ),
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            Event::Alias(anchor) => match self.anchors.get(&anchor).copied() {
                Some((id, size)) => self.attach(id, 0, size),
                None => {
                    // The anchor's own node is still open: an alias to itself has no end.
                    self.found.push(
                        Diagnostic::error(
                            "alias-loop",
                            self.span(start, end),
                            "this alias stands inside what it repeats",
                        )
                        .help("write the value out instead"),
                    );
                    Err(Stopped)
                }
            },
            _ => Ok(()),
        }
    }

    /// Most scalars stand in the text as they are, behind a quote if they have one.
    fn hold(&mut self, value: &str, start: u32, style: ScalarStyle) -> HeldIn {
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let start = start + u32::from(quoted);
        let end = start + value.len() as u32;
        if self.text.get(start as usize..end as usize) == Some(value) {
            return HeldIn::Text { start, end };
        }
        self.rewritten.push(value.to_owned());
        HeldIn::Rewritten(self.rewritten.len() as u32 - 1)
    }

    /// The characters of a scalar.
    fn word(&self, id: NodeId) -> Option<&str> {
        match self.nodes[id.0 as usize].kind {
            Kind::Scalar { held, .. } => Some(held.slice(self.text, &self.rewritten)),
            _ => None,
        }
    }

    fn open(
        &mut self,
        map: bool,
        start: u32,
        end: u32,
        anchor: usize,
        odd_tag: bool,
    ) -> Result<(), Stopped> {
        if odd_tag {
            self.unknown_tag(start, end);
        }
        if self.open.len() >= DEPTH_LIMIT {
            self.too_deep(start, end);
            return Err(Stopped);
        }
        self.open.push(Open {
            map,
            start,
            anchor,
            size: 1,
            waiting: self.waiting.len(),
            seen: None,
        });
        Ok(())
    }

    fn too_deep(&mut self, start: u32, end: u32) {
        let message = format!("nested deeper than {DEPTH_LIMIT} levels");
        self.found.push(
            Diagnostic::error("too-deep", self.span(start, end), message)
                .help("no key of a plan needs this depth; look for a stray indent or bracket"),
        );
    }

    fn close(&mut self, end: u32) -> Result<(), Stopped> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let first = self.children.len() as u32;
        let count = (self.waiting.len() - open.waiting) as u32;
        self.children.extend(self.waiting.drain(open.waiting..));
        // A block collection ends with its last child, not with the blank lines behind it.
        let flow = matches!(self.text.as_bytes().get(open.start as usize), Some(b'[' | b'{'));
        let end = match self.children.last().filter(|_| !flow && count > 0) {
            Some(last) => self.nodes[last.0 as usize].end,
            None => end,
        };
        let kind = if open.map { Kind::Map { first, count } } else { Kind::List { first, count } };
        let id = self.push(open.start, end.max(open.start), kind);
        self.attach(id, open.anchor, open.size)
    }

    /// Hands a finished node to its parent.
    fn attach(&mut self, id: NodeId, anchor: usize, size: u64) -> Result<(), Stopped> {
        if anchor != 0 {
            self.anchors.insert(anchor, (id, size));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(id);
            return Ok(());
        };
        parent.size = parent.size.saturating_add(size);
        if parent.size > NODE_LIMIT {
            let data = &self.nodes[id.0 as usize];
            self.found.push(
                Diagnostic::error(
                    "too-many-nodes",
                    self.span(data.start, data.end),
                    "aliases repeat this file into more than a machine can hold",
                )
                .help("remove the nested aliases (`*name`) and write the values out"),
            );
            return Err(Stopped);
        }
        let is_key = parent.map && (self.waiting.len() - parent.waiting).is_multiple_of(2);
        self.waiting.push(id);
        if is_key {
            self.check_key(id);
        }
        Ok(())
    }

    fn check_key(&mut self, id: NodeId) {
        let NodeData { start, end, kind } = self.nodes[id.0 as usize];
        if !matches!(kind, Kind::Scalar { .. }) {
            if let Some(diagnostic) = self.template_without_quotes(start, end) {
                self.found.push(diagnostic);
                return;
            }
            self.found.push(
                Diagnostic::error(
                    "odd-key",
                    self.span(start, end),
                    "a key must be a word, not a list or a map",
                )
                .help("write a word, or put the key in quotes"),
            );
            return;
        }
        let Some(first) = self.same_key_before(id) else { return };
        let NodeData { start: first_start, end: first_end, .. } = self.nodes[first.0 as usize];
        let text = self.word(id).unwrap_or("");
        let diagnostic = Diagnostic::error(
            "duplicate-key",
            self.span(start, end),
            format!("`{text}` is given twice"),
        )
        .label("given again here")
        .related(self.span(first_start, first_end), "first given here")
        .help("keep one of the two");
        self.found.push(diagnostic);
    }

    fn same_key_before(&mut self, id: NodeId) -> Option<NodeId> {
        const FEW: usize = 16;
        let parent = self.open.last_mut()?;
        let seen = parent.seen.take();
        let keys = &self.waiting[parent.waiting..self.waiting.len() - 1];
        let mut keys = keys.iter().step_by(2).copied();
        let text = self.word(id)?;
        if keys.len() < FEW {
            return keys.find(|other| self.word(*other) == Some(text));
        }
        let named = |id: NodeId| Some((self.word(id)?.to_owned(), id));
        let mut seen = seen.unwrap_or_else(|| keys.filter_map(named).collect());
        let first = *seen.entry(text.to_owned()).or_insert(id);
        self.open.last_mut()?.seen = Some(seen);
        (first != id).then_some(first)
    }

    /// `in: {{ folder }}/app` is a map in a map for YAML: what the author wanted is plain.
    fn template_without_quotes(&self, start: u32, end: u32) -> Option<Diagnostic> {
        let before = self.text.get(..start as usize)?;
        let after = self.text.get(end as usize..)?;
        if !before.ends_with('{') || !after.starts_with('}') {
            return None;
        }
        let (start, end) = (start as usize - 1, end as usize + 1);
        let rest = self.text[end..].lines().next().unwrap_or("");
        let rest = &rest[..rest.find([' ', ',', ']', '}']).unwrap_or(rest.len())];
        let whole = start..end + rest.len();
        let written = &self.text[whole.clone()];
        let message = format!("YAML reads `{written}` as a map: a template needs quotes");
        Some(
            Diagnostic::error("yaml-trap", Span::new(self.file, whole.start, whole.end), message)
                .help(format!("write \"{}\"", written.replace('"', "'"))),
        )
    }

    fn push(&mut self, start: u32, end: u32, kind: Kind) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(NodeData { start, end, kind });
        id
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end: end.max(start) }
    }

    fn without_trailing_space(&self, start: u32, end: u32) -> u32 {
        let text = self.text.get(start as usize..end as usize).unwrap_or("");
        start + text.trim_end().len() as u32
    }

    /// The parser gives the place of what is tagged; the tag stands before it.
    fn unknown_tag(&mut self, start: u32, end: u32) {
        let before = self.text.get(..start as usize).unwrap_or("").trim_end();
        let word = before.rfind([' ', '\n', '\t', ',', '[', '{']).map_or(0, |at| at + 1);
        let (start, end) = if before[word..].starts_with('!') {
            (word as u32, before.len() as u32)
        } else {
            (start, end)
        };
        self.found.push(
            Diagnostic::error("odd-tag", self.span(start, end), "a plan has no YAML tags")
                .help("remove the word that starts with `!`"),
        );
    }

    fn syntax_error(&mut self, error: &granit_parser::ScanError) {
        let at = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        if *error.kind() == granit_parser::ErrorKind::RecursionLimitExceeded {
            return self.too_deep(at as u32, at as u32 + 1);
        }
        // A template without quotes also breaks what stands behind it: once is enough.
        let line_start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        let explained = self.found.iter().any(|other| {
            other.code == "yaml-trap" && (line_start..=at).contains(&(other.span.start as usize))
        });
        if !explained {
            self.found.push(syntax::diagnostic(self.file, self.text, error));
        }
    }
}

/// The core schema of YAML 1.2: `no` and `on` are words, `0o17` is octal and `017` is seventeen.
fn resolve(text: &str) -> Scalar<'_> {
    // Nearly every text is only that, which its first letter tells.
    match text.bytes().next() {
        None => Scalar::Null,
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => number(text),
        Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F') => match text {
            "~" | "null" | "Null" | "NULL" => Scalar::Null,
            "true" | "True" | "TRUE" => Scalar::Bool(true),
            "false" | "False" | "FALSE" => Scalar::Bool(false),
            _ => Scalar::Text(text),
        },
        Some(_) => Scalar::Text(text),
    }
}

fn number(text: &str) -> Scalar<'_> {
    if let Some(value) = integer(text) {
        return Scalar::Int(value);
    }
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    let float_like = |b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(float_like) {
        return Scalar::Text(text);
    }
    match text.parse::<f64>() {
        Ok(value) => Scalar::Float(value),
        Err(_) => Scalar::Text(text),
    }
}

fn integer(text: &str) -> Option<i64> {
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok();
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, codes: &[&str]) {
        let mut found = Vec::new();
        Document::parse(FileId(0), text, &mut found);
        let got: Vec<_> =
            found.iter().map(|d| (d.code, text.get(d.span.range()).unwrap_or("?"))).collect();
        let got: Vec<_> = got.iter().map(|(code, slice)| format!("{code} {slice}")).collect();
        assert_eq!(got, codes, "{text:?}");
    }

    #[test]
    fn values_follow_yaml_1_2() {
        let text = "[no, on, 017, 0o17, 0x1F, 1.10, 1e3, ~, true, '1', .5, 1.2.3, +3, 02:00]";
        let mut found = Vec::new();
        let document = Document::parse(FileId(0), text, &mut found).unwrap();
        let json = document.root().to_json().to_string();
        let want = r#"["no","on",17,15,31,1.1,1000.0,null,true,"1",0.5,"1.2.3",3,"02:00"]"#;
        assert_eq!(json, want);
    }

    #[test]
    fn spans_are_the_text_of_the_node() {
        let text = "a: one\nb:\n  - x\n  - { y: 1 }\n\n\nc: |\n  line\n\nd: 'q'\n";
        let mut found = Vec::new();
        let document = Document::parse(FileId(0), text, &mut found).unwrap();
        let map = document.root().map().unwrap();
        let slices: Vec<_> = map.iter().map(|(_, v)| &text[v.span().range()]).collect();
        assert_eq!(slices, ["one", "- x\n  - { y: 1 }", "line", "'q'"]);
    }

    #[test]
    fn duplicate_keys_are_found_in_small_and_in_large_maps() {
        check("a: 1\nb: 2\na: 3\n", &["duplicate-key a"]);
        let mut large: String = (0..100).map(|n| format!("k{n}: 1\n")).collect();
        large += "k7: 2\nk99: 3\n";
        check(&large, &["duplicate-key k7", "duplicate-key k99"]);
    }

    #[test]
    fn odd_documents_are_refused() {
        check("a: 1\n---\nb: 2\n", &["several-documents ---"]);
        check("? [a]\n: 1\n", &["odd-key [a]"]);
        check("a: !thing 1\n", &["odd-tag !thing"]);
        check("a: [1, 2\n", &["yaml-syntax ["]);
        check("a: &x [*x]\n", &["alias-loop *x"]);
        for deep in ["[", "- ", "{a: "] {
            let mut found = Vec::new();
            assert!(Document::parse(FileId(0), &deep.repeat(10_000), &mut found).is_none());
            assert_eq!(found[0].code, "too-deep");
        }
    }

    #[test]
    fn nested_aliases_do_not_explode() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..20 {
            let before = n - 1;
            bomb += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{before}"); 10].join(", "));
        }
        let mut found = Vec::new();
        assert!(Document::parse(FileId(0), &bomb, &mut found).is_none());
        assert_eq!(found[0].code, "too-many-nodes");
    }

    #[test]
    fn a_carriage_return_alone_ends_a_line_of_a_mistake() {
        check("steps:\n  - { std_on\ry: true, timeout: 1m }\n", &["yaml-syntax {"]);
        check("a: { b\r\n - c\r", &["yaml-syntax {"]);
    }
}
