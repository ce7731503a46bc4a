//! `<previous-tag>`, `[DATE]`, `xxxxxxxx`: something that somebody was to fill in.
//! Looks at the text, since most of these are no valid shell.

use super::{Fact, Script};
use regex::Regex;
use std::sync::LazyLock;

static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let angle = r"<(?:[A-Z][A-Z0-9_]{2,}|[A-Za-z]+(?:[-_ ][A-Za-z]+)+|revision|version|tag|date|password|user|host|branch|commit)>";
    let square = r"\[(?:[A-Z][A-Z_]{2,}|[Dd]ate|nom|user|utilisateur|database|fichier|version|password|chemin/[a-z/]+|nom_[a-z]+)\]";
    let other = r"\bx{6,}\b|\bCHANGE_?ME\b|\b(?:YOUR|your)[-_][A-Za-z]+";
    Regex::new(&format!("{angle}|{square}|{other}")).ok()
});

pub fn placeholders(script: &Script<'_>) -> Vec<Fact> {
    let text = script.text;
    let possible = text.contains(['<', '[', 'x', 'Y', 'y']) || text.contains("CHANGE");
    let Some(pattern) = PLACEHOLDER.as_ref().filter(|_| possible) else { return Vec::new() };
    let mut facts = Vec::new();
    for found in pattern.find_iter(text) {
        let before = text[..found.start()].chars().next_back();
        let inside = text[..found.start()].rsplit("${").next().unwrap_or("");
        let subscript = found.as_str().starts_with('[')
            && (before == Some('[') || (inside.len() < found.start() && !inside.contains('}')));
        let in_hole = script.holes.iter().any(|hole| hole.range.contains(&found.start()));
        let document = found.as_str().starts_with('<') && before == Some('<');
        if !subscript && !in_hole && !document {
            facts.push(Fact::new(&found.range(), "is still to be filled in"));
        }
    }
    facts
}
