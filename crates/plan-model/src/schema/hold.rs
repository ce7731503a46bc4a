//! Holds a tree against compiled shapes. Reports every violation and prunes what it refused, so
//! that later stages can look at the rest in the same pass.

use super::shape::{Kinds, Shape, ShapeId, Shapes};
use crate::diagnostic::Diagnostic;
use crate::document::{Document, Node, NodeId, Scalar, View};
use crate::model::check::CHECK_KEYS;

/// What is left of a document after the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Whole,
    /// Something was refused and pruned.
    InPart,
    /// The root itself cannot be read.
    Unreadable,
}

pub fn hold(
    document: &Document<'_>,
    shapes: &Shapes,
    found: &mut Vec<Diagnostic>,
) -> (Held, Vec<NodeId>) {
    let mut holder = Holder { shapes, found, pruned: Vec::new(), key: None };
    let before = holder.found.len();
    if let Some(diagnostic) = another_file(document.root(), shapes) {
        holder.found.push(diagnostic);
        return (Held::Unreadable, holder.pruned);
    }
    let usable = holder.node(document.root(), shapes.root());
    let held = match (usable, holder.found.len() == before && holder.pruned.is_empty()) {
        (false, _) => Held::Unreadable,
        (true, true) => Held::Whole,
        (true, false) => Held::InPart,
    };
    (held, holder.pruned)
}

/// A file of another kind: one sentence instead of a complaint about each of its keys.
fn another_file(root: Node<'_, '_>, shapes: &Shapes) -> Option<Diagnostic> {
    let shape = shapes.get(shapes.root());
    let first = shape.required.first()?;
    let map = root.map()?;
    let own = |key: &str| map.get(key).is_some();
    if own(first) || shape.one_of.iter().any(|key| own(key)) {
        return None;
    }
    let key = map.iter().next().map(|(key, _)| key)?;
    if nearest(key.raw()?, [first.as_str()].into_iter()).is_some() {
        return None;
    }
    let noun = a_file(shape);
    let mut diagnostic = Diagnostic::error(
        "missing-key",
        key.span(),
        format!("this file is not {noun}: it has no key `{first}`"),
    );
    let example = shape.examples.get(first).map_or("", String::as_str);
    diagnostic = match (first.as_str(), own("environment"), own("plan")) {
        ("plan", true, _) => {
            diagnostic.help("this is an environment: lay it over a plan with `--env`")
        }
        ("environment", _, true) => {
            diagnostic.help("this is a plan: name it as the file, or `include` it")
        }
        _ => diagnostic.help(format!("begin the file with `{example}`")),
    };
    Some(diagnostic)
}

struct Holder<'h> {
    shapes: &'h Shapes,
    found: &'h mut Vec<Diagnostic>,
    pruned: Vec<NodeId>,
    /// The key that is looked at, and the record that it is of.
    key: Option<(&'h Shape, &'h str)>,
}

impl<'h> Holder<'h> {
    /// How the key that is looked at may be written.
    fn example(&self) -> Option<&'h str> {
        let (shape, key) = self.key?;
        shape.examples.get(key).map(String::as_str)
    }

    /// Whether the node can be read as this shape once the pruned nodes are gone.
    fn node(&mut self, node: Node<'_, '_>, id: ShapeId) -> bool {
        let shapes = self.shapes;
        let shape = shapes.get(id);
        if !shape.branches.is_empty() {
            return self.union(node, shape);
        }
        let view = node.view();
        if !accepts_kind(shape.kinds, &view) {
            self.wrong_type(node, shape);
            return false;
        }
        match view {
            View::Map(_) => self.map(node, shape),
            View::List(_) => self.list(node, shape),
            View::Scalar(scalar) => self.scalar(node, scalar, shape),
        }
    }

    fn union(&mut self, node: Node<'_, '_>, shape: &Shape) -> bool {
        let view = node.view();
        let accepts = |branch: &ShapeId| self.accepts(*branch, &view);
        let mut fitting = shape.branches.iter().copied().filter(accepts);
        match (fitting.next(), fitting.next()) {
            (None, _) => {
                self.wrong_type(node, shape);
                return false;
            }
            (Some(only), None) => return self.node(node, only),
            _ => {}
        }
        let several: Vec<ShapeId> = shape.branches.iter().copied().filter(accepts).collect();
        match several.iter().find(|branch| self.has_required(node, **branch)) {
            Some(branch) => self.node(node, *branch),
            None => {
                self.none_of(node, shape, &several);
                false
            }
        }
    }

    fn accepts(&self, id: ShapeId, view: &View<'_, '_>) -> bool {
        let shape = self.shapes.get(id);
        if shape.branches.is_empty() {
            accepts_kind(shape.kinds, view)
        } else {
            shape.branches.iter().any(|branch| self.accepts(*branch, view))
        }
    }

    fn has_required(&self, node: Node<'_, '_>, id: ShapeId) -> bool {
        let shape = self.shapes.get(id);
        if !shape.branches.is_empty() {
            return shape.branches.iter().any(|branch| self.has_required(node, *branch));
        }
        // The first required key tells records apart; a second one may be missing by mistake.
        shape.required.first().is_some_and(|key| node.get(key).is_some())
    }

    fn map(&mut self, node: Node<'_, '_>, shape: &'h Shape) -> bool {
        let Some(map) = node.map() else { return false };
        let mut usable = true;
        let mut present = 0_u64;
        // What unknown keys were probably meant to be: not missed a second time.
        let mut meant: Vec<String> = Vec::new();
        let outer = self.key;
        for (key, value) in map.iter() {
            self.key = outer;
            let Some(word) = key.raw() else {
                self.pruned.push(value.id);
                continue;
            };
            match (shape.keys.get_key_value(word), shape.other_keys) {
                (Some((name, id)), _) => {
                    if let Some(at) = shape.required.iter().position(|required| required == word) {
                        present |= 1 << at.min(63);
                    }
                    self.key = Some((shape, name));
                    if !self.node(value, *id) {
                        self.pruned.push(value.id);
                        usable &= !shape.required.iter().any(|required| required == word);
                    }
                }
                (None, Some(_)) if word.chars().count() < shape.key_min_length => {
                    self.found.push(
                        Diagnostic::error("empty-text", key.span(), "this key is empty")
                            .help("write a name, or remove the line"),
                    );
                    self.pruned.push(value.id);
                }
                (None, Some(id)) => {
                    if let Some(notation) =
                        shape.key_notation.filter(|notation| !(notation.accepts)(word))
                    {
                        let message = format!("`{word}` cannot be used as a name here");
                        let help = match respelled(word, notation.accepts) {
                            Some(better) => format!("write `{better}`"),
                            None => notation.rule.to_owned(),
                        };
                        self.found
                            .push(Diagnostic::error(notation.code, key.span(), message).help(help));
                        self.pruned.push(value.id);
                    } else if !self.node(value, id) {
                        self.pruned.push(value.id);
                    }
                }
                (None, None) if shape.closed => {
                    meant.extend(self.unknown_key(key, word, shape));
                    self.pruned.push(value.id);
                }
                (None, None) => {}
            }
        }
        self.key = outer;
        let merged = map.get(MERGE_KEY).is_some();
        for (at, key) in shape.required.iter().enumerate() {
            if present & (1 << at.min(63)) == 0 && map.get(key).is_none() {
                if !merged && !meant.contains(key) {
                    self.missing_key(node, key, shape);
                }
                usable = false;
            }
        }
        let said = merged || meant.iter().any(|key| shape.one_of.contains(key));
        usable & self.exactly_one(node, shape, said)
    }

    /// Records that want exactly one of several keys: the actions of a step, `phases` or `steps`.
    /// `said`: an unknown key was reported that is probably one of them.
    fn exactly_one(&mut self, node: Node<'_, '_>, shape: &Shape, said: bool) -> bool {
        if shape.one_of.is_empty() {
            return true;
        }
        let Some(map) = node.map() else { return false };
        let is_choice = |key: &Node<'_, '_>| {
            key.raw().is_some_and(|word| shape.one_of.iter().any(|one| one == word))
        };
        let mut choices = map.iter().map(|(key, _)| key).filter(is_choice);
        // Nearly every record is right: nothing is written down before one is not.
        if choices.next().is_some() && choices.next().is_none() {
            return true;
        }
        let given: Vec<_> = map.iter().map(|(key, _)| key).filter(is_choice).collect();
        let (noun, choices) = (noun_of(shape), list_of(&shape.one_of));
        match given.as_slice() {
            [_] => true,
            [] if said => false,
            // The same key twice was reported as such.
            [first, others @ ..] if others.iter().all(|other| other.raw() == first.raw()) => true,
            [] => {
                let at = map
                    .iter()
                    .next()
                    .map_or(node.span(), |(key, value)| key.span().to(value.span()));
                let message = format!("{noun} says nothing of what it does");
                let mut diagnostic = Diagnostic::error("no-action", at, message)
                    .help(format!("give it exactly one of: {choices}"));
                if shape.one_of.len() == 2 {
                    diagnostic.message = format!(
                        "{noun} has neither {}",
                        shape
                            .one_of
                            .iter()
                            .map(|key| format!("`{key}`"))
                            .collect::<Vec<_>>()
                            .join(" nor ")
                    );
                }
                self.found.push(diagnostic);
                false
            }
            [first, others @ ..] => {
                let second = others[0];
                let message = format!(
                    "{noun} has both `{}` and `{}`",
                    first.raw().unwrap_or(""),
                    second.raw().unwrap_or("")
                );
                let help = if shape.one_of.len() == 2 {
                    "keep one of them: a plan has phases, or steps alone"
                } else {
                    "keep one of them, or make two steps of it"
                };
                let mut diagnostic = Diagnostic::error("several-actions", second.span(), message)
                    .related(first.span(), "the first one")
                    .help(help);
                for other in &others[1..] {
                    diagnostic = diagnostic.related(other.span(), "one more");
                }
                self.found.push(diagnostic);
                false
            }
        }
    }

    fn list(&mut self, node: Node<'_, '_>, shape: &Shape) -> bool {
        let Some(list) = node.list() else { return false };
        if list.len() < shape.min_items {
            self.found.push(
                Diagnostic::error("empty-list", node.span(), "this list is empty")
                    .help("give it at least one item, or leave the key out"),
            );
            return false;
        }
        let Some(items) = shape.items else { return true };
        for item in list.iter() {
            if !self.node(item, items) {
                self.pruned.push(item.id);
            }
        }
        true
    }

    fn scalar(&mut self, node: Node<'_, '_>, scalar: Scalar<'_>, shape: &Shape) -> bool {
        let refused = match scalar {
            Scalar::Text(text) => self.refused_text(node, text, shape),
            Scalar::Int(value) => refused_number(node, value as f64, shape),
            Scalar::Float(value) => refused_number(node, value, shape),
            Scalar::Bool(_) | Scalar::Null => None,
        };
        // An id in a wrong spelling still names its thing: others that use it are not at fault.
        let fine = refused.as_ref().is_none_or(|diagnostic| diagnostic.code == "bad-id");
        self.found.extend(refused);
        fine
    }

    fn refused_text(&self, node: Node<'_, '_>, text: &str, shape: &Shape) -> Option<Diagnostic> {
        let span = node.span();
        if text.is_empty() && shape.notation.is_some() || text.chars().count() < shape.min_length {
            return Some(
                Diagnostic::error(
                    "empty-text",
                    span,
                    if text.is_empty() { "this text is empty" } else { "this text is too short" },
                )
                .help("write something, or leave the key out"),
            );
        }
        if !shape.words.is_empty() && !shape.words.iter().any(|word| word == text) {
            let mut diagnostic = Diagnostic::error(
                "unknown-value",
                span,
                format!("`{text}` is not one of the words for this"),
            );
            if let Some(near) = nearest(text, shape.words.iter().map(String::as_str)) {
                diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
            }
            return Some(diagnostic.help(format!("write one of: {}", list_of(&shape.words))));
        }
        if let Some(notation) = shape.notation.filter(|notation| !(notation.accepts)(text)) {
            let message = format!("`{}` is not {}", shortened(text), notation.what);
            let mut diagnostic = Diagnostic::error(notation.code, span, message);
            if let Some(better) = respelled(text, notation.accepts) {
                diagnostic = diagnostic.help(format!("write `{better}`"));
            } else if crate::notation::is_template(text) {
                diagnostic =
                    diagnostic.help("this is fixed before the run: a template cannot stand here");
            } else {
                diagnostic = diagnostic.help(notation.rule);
            }
            return Some(diagnostic);
        }
        if shape.template_only && !crate::notation::is_template(text) {
            return Some(self.plain_wrong_type(node, shape));
        }
        None
    }

    fn wrong_type(&mut self, node: Node<'_, '_>, shape: &Shape) {
        let expected = self.expectation(shape);
        let raw = node.raw().unwrap_or("");
        let wants_text = shape.branches.is_empty() && shape.kinds == Kinds::STRING
            || shape.branches.iter().any(|id| self.shapes.get(*id).kinds == Kinds::STRING);
        let diagnostic = match node.view() {
            // A template without quotes: reported while the text was read.
            View::Map(map) if map.iter().any(|(key, _)| key.map().is_some()) => return,
            View::Scalar(Scalar::Null) => self.value_missing(node, &expected),
            View::Scalar(Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_)) if wants_text => {
                self.text_read_otherwise(node, raw, &expected, shape)
            }
            View::Scalar(Scalar::Text(text)) if shape.kinds.has(Kinds::BOOL) => {
                match text.to_ascii_lowercase().as_str() {
                    word @ ("yes" | "no" | "on" | "off" | "y" | "n") => {
                        let truth = matches!(word, "yes" | "on" | "y");
                        Diagnostic::error(
                            "yaml-trap",
                            node.span(),
                            format!("`{text}` is a word in YAML 1.2: expected {expected}"),
                        )
                        .help(format!("write `{truth}`"))
                    }
                    word @ ("true" | "false") => self
                        .wrong_type_without_help(node, &expected)
                        .help(format!("write `{word}` without quotes")),
                    _ => self.plain_wrong_type(node, shape),
                }
            }
            _ => self.plain_wrong_type(node, shape),
        };
        self.found.push(diagnostic);
    }

    fn value_missing(&self, node: Node<'_, '_>, expected: &str) -> Diagnostic {
        let diagnostic = Diagnostic::error(
            "wrong-type",
            widened(node),
            format!("a value is missing here: expected {expected}"),
        );
        diagnostic.help(match self.example() {
            Some(example) => {
                format!("write the value behind the colon, such as: `{example}`; or remove the key")
            }
            None => "write the value behind the colon, or remove the key".to_owned(),
        })
    }

    /// `1.10`, `true`: a text was wanted, YAML reads something else.
    fn text_read_otherwise(
        &self,
        node: Node<'_, '_>,
        raw: &str,
        expected: &str,
        shape: &Shape,
    ) -> Diagnostic {
        let is_truth = matches!(node.view(), View::Scalar(Scalar::Bool(_)));
        let read_as = if is_truth { "true or false" } else { "a number" };
        let mut diagnostic = Diagnostic::error(
            "yaml-trap",
            node.span(),
            format!("YAML reads `{raw}` as {read_as}: expected {expected}"),
        );
        if raw.contains('.') && raw.ends_with('0') {
            diagnostic = diagnostic.label("the last 0 is lost without quotes");
        }
        let Some(notation) = shape.notation else {
            let quotes = format!("put it in quotes: \"{raw}\"");
            return match self.example() {
                Some(example) if is_truth => {
                    diagnostic.help(format!("write a text, such as: `{example}`; or {quotes}"))
                }
                _ => diagnostic.help(quotes),
            };
        };
        if (notation.accepts)(raw) {
            diagnostic.help(format!("put it in quotes: \"{raw}\""))
        } else if let Some(better) = respelled(raw, notation.accepts) {
            diagnostic.help(format!("write `{better}`"))
        } else {
            diagnostic.help(notation.rule)
        }
    }

    fn plain_wrong_type(&self, node: Node<'_, '_>, shape: &Shape) -> Diagnostic {
        let diagnostic = self.wrong_type_without_help(node, &self.expectation(shape));
        let takes_list = shape.kinds == Kinds::LIST
            || shape.branches.iter().any(|id| self.shapes.get(*id).kinds == Kinds::LIST);
        let items = shape.items.map(|id| self.shapes.get(id));
        if takes_list
            && let Some(raw) = node.raw()
            && items.is_some_and(|item| item.kinds == Kinds::STRING && item.branches.is_empty())
        {
            return diagnostic.help(format!("write `[{raw}]`"));
        }
        if std::ptr::eq(shape, self.shapes.get(self.shapes.root())) {
            let noun = a_file(shape);
            let first = shape.required.first().and_then(|key| shape.examples.get(key));
            let first = first.map_or("", String::as_str);
            return diagnostic.help(format!(
                "a file of this kind ({noun}) begins with a line such as `{first}`"
            ));
        }
        match self.example() {
            Some(example) => diagnostic.help(format!("such as: `{example}`")),
            None => diagnostic.help("docs/reference.md shows how it is written"),
        }
    }

    fn wrong_type_without_help(&self, node: Node<'_, '_>, expected: &str) -> Diagnostic {
        let found = match node.view() {
            View::Map(_) => "a map of keys",
            View::List(_) => "a list",
            View::Scalar(Scalar::Null) => "nothing",
            View::Scalar(Scalar::Bool(_)) => "true or false",
            View::Scalar(Scalar::Float(value)) if value.is_finite() => "a number with a fraction",
            View::Scalar(Scalar::Int(_) | Scalar::Float(_)) => "a number",
            View::Scalar(Scalar::Text(_)) => "a text",
        };
        Diagnostic::error(
            "wrong-type",
            widened(node),
            format!("expected {expected}, found {found}"),
        )
    }

    fn none_of(&mut self, node: Node<'_, '_>, shape: &Shape, fitting: &[ShapeId]) {
        let mut keys = Vec::new();
        self.telling_keys(fitting, &mut keys);
        let Some(map) = node.map() else { return };
        let near = map.iter().find_map(|(key, _)| {
            let better = meant_key(key.raw()?, &keys)?;
            Some((key.span(), key.raw()?.to_owned(), better.to_owned()))
        });
        let noun = if shape.noun.is_empty() { "this".to_owned() } else { noun_of(shape) };
        let diagnostic = match near {
            Some((span, word, better)) => {
                Diagnostic::error("unknown-key", span, format!("unknown key `{word}` in {noun}"))
                    .label(format!("did you mean `{better}`?"))
            }
            None => {
                let span = map.iter().next().map_or(node.span(), |(key, _)| key.span());
                Diagnostic::error("missing-key", span, format!("{noun} does not say what it is"))
            }
        };
        self.found.push(diagnostic.help(format!("it has one of these keys: {}", list_of(&keys))));
    }

    fn telling_keys(&self, branches: &[ShapeId], keys: &mut Vec<String>) {
        for id in branches {
            let shape = self.shapes.get(*id);
            keys.extend(shape.required.first().cloned());
            self.telling_keys(&shape.branches, keys);
        }
    }

    /// Reports it; gives the key that was probably meant.
    fn unknown_key(&mut self, key: Node<'_, '_>, word: &str, shape: &Shape) -> Option<String> {
        let noun = noun_of(shape);
        let mut diagnostic =
            Diagnostic::error("unknown-key", key.span(), format!("unknown key `{word}` in {noun}"));
        let meant = meant_key(word, &shape.key_order).map(str::to_owned);
        if let Some(better) = &meant {
            diagnostic = diagnostic.label(format!("did you mean `{better}`?"));
        } else if word == MERGE_KEY {
            diagnostic = diagnostic
                .help("merge keys are not YAML 1.2: write the keys out, or use `include`");
        } else if matches!(word, "step" | "checkpoint" | "include" | "phase") {
            diagnostic = diagnostic
                .help(format!("is the hyphen missing? a new entry begins with `- {word}:`"));
        } else if noun.ends_with("check") && CHECK_KEYS.contains(&word) {
            diagnostic = diagnostic
                .help(format!("a check asks one thing: begin another one with `- {word}:`"));
        }
        if shape.key_order.len() <= 16 {
            diagnostic = diagnostic.help(format!("known here: {}", list_of(&shape.key_order)));
        } else {
            diagnostic = diagnostic
                .help("docs/reference.md lists every key; `plan schema` feeds your editor");
        }
        self.found.push(diagnostic);
        meant
    }

    fn missing_key(&mut self, node: Node<'_, '_>, key: &str, shape: &Shape) {
        let span = match node.map().and_then(|map| map.iter().next()) {
            Some((key, value)) if value.raw().is_some() => key.span().to(value.span()),
            Some((key, _)) => key.span(),
            None => node.span(),
        };
        let noun = noun_of(shape);
        let mut diagnostic =
            Diagnostic::error("missing-key", span, format!("{noun} needs the key `{key}`"));
        if let Some(example) = shape.examples.get(key) {
            diagnostic = diagnostic.help(format!("add it, such as: `{example}`"));
        } else if let Some(id) = shape.keys.get(key) {
            diagnostic = diagnostic
                .help(format!("add `{key}:` with {}", self.expectation(self.shapes.get(*id))));
        }
        self.found.push(diagnostic);
    }

    fn expectation(&self, shape: &Shape) -> String {
        if let Some(notation) = shape.notation {
            return notation.what.to_owned();
        }
        if !shape.words.is_empty() {
            return format!("one of {}", list_of(&shape.words));
        }
        if !shape.branches.is_empty() {
            let mut parts: Vec<String> = Vec::new();
            for branch in &shape.branches {
                let part = self.expectation(self.shapes.get(*branch));
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
            return parts.join(", or ");
        }
        let names = [
            (Kinds::STRING, if shape.template_only { "a template" } else { "a text" }),
            (Kinds::FRACTION, "a number"),
            (Kinds::INTEGER, "a whole number"),
            (Kinds::BOOL, "true or false"),
            (Kinds::LIST, "a list"),
            (Kinds::MAP, "a map of keys"),
        ];
        let mut parts: Vec<_> = names
            .into_iter()
            .filter(|(kind, _)| shape.kinds.has(*kind))
            .map(|(_, name)| name)
            .collect();
        if parts.contains(&"a number") {
            parts.retain(|part| *part != "a whole number");
        }
        if shape.template_only {
            parts.rotate_left(1);
        }
        parts.join(", or ")
    }
}

fn accepts_kind(kinds: Kinds, view: &View<'_, '_>) -> bool {
    kinds.has(match view {
        View::Map(_) => Kinds::MAP,
        View::List(_) => Kinds::LIST,
        View::Scalar(Scalar::Text(_)) => Kinds::STRING,
        View::Scalar(Scalar::Int(_)) => Kinds::INTEGER,
        // A JSON schema counts 1.0 as an integer.
        View::Scalar(Scalar::Float(value)) if value.fract() == 0.0 && value.is_finite() => {
            Kinds::INTEGER
        }
        View::Scalar(Scalar::Float(_)) => Kinds::FRACTION,
        View::Scalar(Scalar::Bool(_)) => Kinds::BOOL,
        View::Scalar(Scalar::Null) => Kinds::NULL,
    })
}

fn refused_number(node: Node<'_, '_>, value: f64, shape: &Shape) -> Option<Diagnostic> {
    let written = node.raw().unwrap_or("");
    if let Some(minimum) = shape.minimum.filter(|minimum| value < *minimum) {
        return Some(
            Diagnostic::error("bad-number", node.span(), format!("`{written}` is too small"))
                .help(format!("write {minimum} or more")),
        );
    }
    let maximum = shape.maximum.filter(|maximum| value > *maximum)?;
    Some(
        Diagnostic::error("bad-number", node.span(), format!("`{written}` is too large"))
            .help(format!("write {maximum} or less")),
    )
}

/// A long value is marked by its first line only.
fn widened(node: Node<'_, '_>) -> crate::source::Span {
    let mut span = node.span();
    let text = node.document.text.get(span.range()).unwrap_or("");
    if let Some(line) = text.find('\n') {
        span.end = span.start + line as u32;
    }
    span
}

fn noun_of(shape: &Shape) -> String {
    let noun = if shape.noun.is_empty() { "map" } else { &shape.noun };
    match noun {
        noun if noun.starts_with("the ") => noun.to_owned(),
        // Said letter by letter: "an aitch", "an ess".
        noun if noun.starts_with(['a', 'e', 'i', 'o', 'u', 'H', 'S', 'O']) => format!("an {noun}"),
        noun => format!("a {noun}"),
    }
}

/// The key that a word was meant to be: another tool's word for it, or nearly the same letters.
fn meant_key<'k>(word: &str, known: &'k [String]) -> Option<&'k str> {
    let translated = OTHER_WORDS
        .iter()
        .filter(|(other, _)| *other == word)
        .find_map(|(_, ours)| known.iter().find(|key| key == ours));
    translated.map(String::as_str).or_else(|| nearest(word, known.iter().map(String::as_str)))
}

/// How YAML 1.1 takes the keys of another map over.
const MERGE_KEY: &str = "<<";

/// The root as a kind of file: "a plan", "an environment".
fn a_file(shape: &Shape) -> &'static str {
    if shape.noun == "the plan" { "a plan" } else { "an environment" }
}

fn list_of(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// The nearest of some words, if it is near enough to be meant.
pub fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let limit = match word.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let lower = word.to_lowercase().replace('-', "_");
    known
        .map(|known| {
            let plain = known.to_lowercase().replace('-', "_");
            (strsim::damerau_levenshtein(&lower, &plain), known)
        })
        .filter(|(distance, known)| *distance <= limit && *distance < known.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The same text in the notation's spelling, where it is only the spelling that is off.
fn respelled(text: &str, accepts: fn(&str) -> bool) -> Option<String> {
    let lower = text.to_lowercase();
    let trials = [
        lower.replace([' ', '_'], "-"),
        lower.replace([' ', '-'], "_"),
        lower.replace(' ', ""),
        lower
            .replace("minutes", "m")
            .replace("min", "m")
            .replace("hours", "h")
            .replace("hour", "h")
            .replace("seconds", "s")
            .replace("sec", "s")
            .replace("days", "d")
            .replace("day", "d")
            .replace(' ', ""),
        lower.replace('-', "..").replace(' ', ""),
        text.to_uppercase()
            .replace("GIB", "GiB")
            .replace("MIB", "MiB")
            .replace("KIB", "KiB")
            .replace(' ', ""),
        // `5G`, not `5`: nobody means five bytes.
        format!("{text}{}", if text.ends_with(|c: char| c.is_ascii_digit()) { "" } else { "B" }),
        format!("{text}%"),
        day_shortened(&lower),
        folded(&lower),
        format!("0{text}"),
    ];
    trials.into_iter().find(|trial| trial != text && accepts(trial))
}

/// `monday 02:00` → `mon 02:00`.
fn day_shortened(text: &str) -> String {
    match text.split_once(' ') {
        Some((day, clock)) => format!("{} {clock}", day.get(..3).unwrap_or(day)),
        None => text.to_owned(),
    }
}

/// As an id: accents taken off, anything else a hyphen.
fn folded(text: &str) -> String {
    let plain = text.chars().map(|letter| match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    });
    let words: String = plain.collect();
    words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Words of other tools for keys of ours.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("id", "step"),
    ("name", "step"),
    ("task", "step"),
    ("job", "step"),
    ("gate", "checkpoint"),
    ("import", "include"),
    ("import_tasks", "include"),
    ("name", "title"),
    ("address", "url"),
    ("adress", "url"),
    ("dsn", "url"),
    ("uri", "url"),
    ("username", "user"),
    ("login", "user"),
    ("pass", "password"),
    ("db", "database"),
    ("dbname", "database"),
    ("driver", "server"),
    ("engine", "server"),
    ("description", "about"),
    ("desc", "about"),
    ("command", "run"),
    ("cmd", "run"),
    ("script", "run"),
    ("shell", "run"),
    ("depends_on", "needs"),
    ("dependsOn", "needs"),
    ("requires", "needs"),
    ("after", "needs"),
    ("if", "when"),
    ("loop", "for_each"),
    ("with_items", "for_each"),
    ("matrix", "for_each"),
    ("environment", "env"),
    ("cwd", "in"),
    ("dir", "in"),
    ("workdir", "in"),
    ("working_dir", "in"),
    ("working-directory", "in"),
    ("host", "on"),
    ("hosts", "on"),
    ("undo", "rollback"),
    ("revert", "rollback"),
    ("down", "rollback"),
    ("on_error", "on_failure"),
    ("on_fail", "on_failure"),
    ("retries", "retry"),
    ("duration", "estimate"),
    ("time", "estimate"),
    ("variables", "inputs"),
    ("vars", "inputs"),
    ("parameters", "inputs"),
    ("databases", "connections"),
    ("maintenance_window", "window"),
    ("stages", "phases"),
    ("tasks", "steps"),
    ("checkpoints", "checks"),
    ("type", "kind"),
    ("start", "opens"),
    ("duration", "lasts"),
    ("tz", "timezone"),
    ("become", "user"),
    ("run_as", "user"),
    ("register", "outputs"),
];

#[cfg(test)]
mod tests {
    use crate::document::Document;
    use crate::schema::{FileRole, check as hold_against};
    use crate::source::FileId;

    /// Every diagnostic as `code|marked text|label or first help`.
    fn check(text: &str, expected: &[&str]) {
        let mut found = Vec::new();
        let document = Document::parse(FileId(0), text, &mut found).unwrap();
        hold_against(&document, FileRole::Plan, &mut found);
        let got: Vec<_> = found
            .iter()
            .map(|d| {
                let remedy = if d.label.is_empty() {
                    d.help.first().cloned().unwrap_or_default()
                } else {
                    d.label.clone()
                };
                format!("{}|{}|{}|{remedy}", d.code, &text[d.span.range()], d.message)
            })
            .collect();
        assert_eq!(got, expected, "{text}");
    }

    fn step(keys: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    {}\n", keys.replace('\n', "\n    "))
    }

    #[test]
    fn good_plans_pass() {
        check(&step("run: uptime\nread_only: true"), &[]);
        check("plan: p\nphases:\n  - phase: a\n    steps: []\n", &[]);
    }

    #[test]
    fn every_problem_is_found_in_one_pass() {
        check(
            "plan: My Plan\nfoo: 1\nphases:\n  - phase: a\n    steps:\n      - step: x\n        rnu: a\n        estimate: 5 min\n        timeout: 30\n      - stpe: y\n      - step: z\n",
            &[
                "bad-id|My Plan|`My Plan` is not an id of lower-case words joined by hyphens, such as `save-database`|write `my-plan`",
                "unknown-key|foo|unknown key `foo` in the plan|docs/reference.md lists every key; `plan schema` feeds your editor",
                "unknown-key|rnu|unknown key `rnu` in a step|did you mean `run`?",
                "bad-range|5 min|`5 min` is not an estimate such as `10s` or, optimistic and pessimistic, `5m..15m`|write `5m`",
                "yaml-trap|30|YAML reads `30` as a number: expected a duration with its unit, such as `90s`, `5m`, `1h30m` or `30d`|write number and unit without a space between: ms, s, m, h, d or w",
                "unknown-key|stpe|unknown key `stpe` in an entry|did you mean `step`?",
                "no-action|step: z|a step says nothing of what it does|give it exactly one of: `run`, `sql`, `migrate`, `backup`, `restore`, `files`, `fetch`, `git`, `service`, `maintenance`, `compare`, `http`, `wait`, `manual`, `notify`, `changelog`, `packages`",
            ],
        );
    }

    #[test]
    fn traps_of_yaml_are_explained() {
        check(
            &step("migrate: { database: main, to: 1.10 }"),
            &[
                "yaml-trap|1.10|YAML reads `1.10` as a number: expected a text|the last 0 is lost without quotes",
            ],
        );
        check(
            &step("files: { path: a, mode: 0600 }"),
            &[
                "yaml-trap|0600|YAML reads `0600` as a number: expected permissions in octal and in quotes, such as \"0600\"|put it in quotes: \"0600\"",
            ],
        );
        check(
            &step("run: a\nread_only: yes"),
            &["yaml-trap|yes|`yes` is a word in YAML 1.2: expected true or false|write `true`"],
        );
        check(
            &step("run:\nread_only: true"),
            &[
                "wrong-type||a value is missing here: expected a text, or a list, or a map of keys|write the value behind the colon, such as: `run: systemctl restart shop`; or remove the key",
            ],
        );
    }

    #[test]
    fn two_actions_are_both_shown() {
        check(
            &step("run: a\nsql: b"),
            &[
                "several-actions|sql|a step has both `run` and `sql`|keep one of them, or make two steps of it",
            ],
        );
    }

    #[test]
    fn words_of_other_tools_are_understood() {
        check(
            &step("run: a\ndepends_on: [b]"),
            &["unknown-key|depends_on|unknown key `depends_on` in a step|did you mean `needs`?"],
        );
        check(
            &step("run: a\nundo: b"),
            &["unknown-key|undo|unknown key `undo` in a step|did you mean `rollback`?"],
        );
    }

    #[test]
    fn unknown_words_get_a_suggestion() {
        check(
            &step("run: a\nafter_crash: reruns"),
            &[
                "unknown-value|reruns|`reruns` is not one of the words for this|did you mean `rerun`?",
            ],
        );
    }
}
