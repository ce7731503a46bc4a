//! `<previous-tag>`, `[DATE]`, `xxxxxxxx`: something that somebody was to fill in.
//! Looks at the text, since most of these are no valid shell.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{Fact, Script};

/// Words between brackets that name a value: other brackets are globs, tags and types.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let alone =
        "revision|version|tag|date|password|user|host|branch|commit|token|secret|nom|utilisateur";
    let among = format!(
        "{alone}|previous|name|file|fichier|path|chemin|server|database|base|table|url|id|your|votre|contact"
    );
    let joined = format!(
        r"(?:[a-z]+[-_ /])+(?:{among})|(?:{among})(?:[-_ /][a-z]+)+(?:[-_ /](?:[a-z]+|\.+))*"
    );
    let angle = format!(r"<(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?i:{alone}|todo|tbd|{joined}))>");
    let square = format!(
        r"\[(?:HOST|USER|NAME|TIME|(?i:{alone}|fichier|database|todo|tbd|contact|{joined}))\]"
    );
    let other = r"\bx{6,}\b|\b(?:CHANGE|REPLACE)_?ME\b|\bYOUR_[A-Z_]+\b|^TODO\b|^TBD\b";
    Regex::new(&format!("{angle}|{square}|{other}")).ok()
});

pub fn placeholders(script: &Script<'_>) -> Vec<Fact> {
    let facts = placeholders_in(script.text);
    facts.into_iter().filter(|fact| !is_only_said(script.text, &fact.range)).collect()
}

/// In any text: a path, an address, a message.
pub fn placeholders_in(text: &str) -> Vec<Fact> {
    if !may_have_one(text) {
        return Vec::new();
    }
    let Some(pattern) = PLACEHOLDER.as_ref() else { return Vec::new() };
    let found = pattern.find_iter(text).map(|found| found.range());
    let meant = found.filter(|range| !is_something_else(text, range));
    meant.map(|range| Fact::new(&range, "is still to be filled in")).collect()
}

/// Nearly every text has none: looks only for how one can begin.
fn may_have_one(text: &str) -> bool {
    const BEGINNINGS: [&[u8]; 6] = [b"xxxxxx", b"CHANGE", b"REPLACE", b"YOUR_", b"TODO", b"TBD"];
    let bytes = text.as_bytes();
    bytes.iter().enumerate().any(|(at, byte)| match byte {
        b'<' | b'[' => true,
        b'x' | b'C' | b'R' | b'Y' | b'T' => {
            BEGINNINGS.iter().any(|word| bytes[at..].starts_with(word))
        }
        _ => false,
    })
}

/// A subscript, a tag with its end, a here-document, a part of a template.
fn is_something_else(text: &str, range: &Range<usize>) -> bool {
    let (found, head) = (&text[range.clone()], &text[..range.start]);
    let before = head.chars().next_back();
    if found.starts_with('[') {
        let in_expansion = head.rfind("${").is_some_and(|open| !head[open..].contains('}'));
        let subscript =
            before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '[' | ']' | '$'));
        let link = text[range.end..].starts_with('(');
        if in_expansion || subscript || link {
            return true;
        }
    }
    if let Some(inner) = found.strip_prefix('<') {
        let name = inner.trim_end_matches('>');
        if before == Some('<') || text.contains(&format!("</{name}>")) {
            return true;
        }
    }
    let open = head.rfind("{{").max(head.rfind("{%"));
    open.is_some_and(|open| !head[open..].contains("}}") && !head[open..].contains("%}"))
}

/// Comments and messages may explain how something is called: `usage: deploy <tag>`.
fn is_only_said(text: &str, range: &Range<usize>) -> bool {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or("");
    let first = line.trim_start();
    first.starts_with('#')
        || first.starts_with("echo ")
        || first.starts_with("printf ")
        || line.to_lowercase().contains("usage")
}
