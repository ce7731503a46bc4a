//! `secret-changed`: a secret is used as it is, so that it is known again wherever it turns up.

use super::{Finding, Level, Lint, Rule, ask, secrets};
use crate::model::read::{Leaf, LeafKind, Walk};
use crate::place::within;
use crate::resolve::What;
use crate::template;

pub const RULE: Rule = Rule {
    code: "secret-changed",
    severity: Level::Error,
    about: "no template makes something else of a secret input",
    why: "`plan` covers each secret in all that programs print, as it is and in the usual encodings. What a \
          template makes of it (upper case, a part, something joined to it) is another text, which nobody \
          knows to be secret: it would stand in the journal and in the logs. A script can change it, \
          where nobody writes it down.",
    bad: "plan: p
inputs: { token: { secret: true, env: TOKEN } }
steps:
  - step: look
    run: \"./look {{ token | upper }}\"
    read_only: true
",
    good: "plan: p
inputs: { token: { secret: true, env: TOKEN } }
steps:
  - step: look
    env: { TOKEN: \"{{ token }}\" }
    run: \"./look \\\"${TOKEN^^}\\\"\"
    read_only: true
",
    check,
};

/// These leave it what it is, or give what is covered as well.
const HARMLESS: &[&str] = &["raw", "default", "d", "urlencode", "string"];

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let names = secrets::inputs(lint);
    if names.iter().all(Vec::is_empty) {
        return;
    }
    let plan = &lint.plan.plan;
    let mut look = |leaf: Leaf<'_>, scope: usize, entry: Option<usize>| {
        let Some((name, range)) = changed(leaf, &names[scope]) else { return };
        let span = within(lint.sources, leaf.span, leaf.text, range);
        let message = format!("what is made of the secret `{name}` here would not be covered");
        let mut finding = Finding::new(span, message)
            .help("hand it over as it is, with `env:`, and change it inside the script");
        finding.entry = entry;
        found.push(finding);
    };
    plan.requires.iter().for_each(|check| check.walk(&mut |leaf| look(leaf, 0, None)));
    for phase in &plan.phases {
        phase.watch.iter().for_each(|check| check.walk(&mut |leaf| look(leaf, phase.scope, None)));
    }
    for (at, entry) in ask::written(lint.plan) {
        let mut see = |leaf: Leaf<'_>| look(leaf, entry.scope, Some(at));
        match &entry.what {
            What::Step(step) => step.walk(&mut see),
            What::Checkpoint(checkpoint) => checkpoint.walk(&mut see),
        }
    }
}

/// The first secret of a text that does not stand alone between its braces.
fn changed<'n>(leaf: Leaf<'_>, names: &'n [String]) -> Option<(&'n str, std::ops::Range<usize>)> {
    if leaf.kind == LeafKind::Expression {
        return None;
    }
    if !template::has_template(leaf.text) {
        return None;
    }
    if let Some(found) = names.iter().find_map(|name| Some((name.as_str(), cut(leaf.text, name)?)))
    {
        return Some(found);
    }
    template::scan(leaf.text).references.iter().find_map(|reference| {
        let root = reference.path.split('.').next().unwrap_or("");
        let name = names.iter().find(|name| *name == root)?;
        let open = leaf.text[..reference.range.start].rfind('{')?;
        // Between `{%` and `%}` nothing is written.
        let written = leaf.text[..=open].ends_with("{{");
        let before = leaf.text[open + 1..reference.range.start].trim_start_matches('-').trim();
        let rest = &leaf.text[reference.range.end..];
        let after = rest[..rest.find("}}").unwrap_or(rest.len())].trim_end_matches('-');
        let is_whole = reference.path == *name
            && before.is_empty()
            && after.split('|').enumerate().all(is_harmless);
        (written && !is_whole).then(|| (name.as_str(), reference.range.clone()))
    })
}

/// A part of a secret, as in `token[:3]`: the template engine does not tell its name.
fn cut(text: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    text.match_indices(name).map(|(at, _)| at..at + name.len()).find(|range| {
        let is_in_braces = text[..range.start].rfind("{{") > text[..range.start].rfind("}}");
        is_in_braces
            && !text[..range.start].ends_with(is_part)
            && text[range.end..].trim_start().starts_with('[')
    })
}

/// What stands before the first bar is nothing, what follows each bar a filter.
fn is_harmless((at, part): (usize, &str)) -> bool {
    let part = part.trim();
    match at {
        0 => part.is_empty(),
        _ => HARMLESS.contains(&part.split('(').next().unwrap_or("").trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    #[test]
    fn only_what_is_made_of_a_secret_is_found() {
        let names = ["token".to_owned()];
        let is_found = |text: &str| {
            let leaf = Leaf { kind: LeafKind::Plain, text, span: Span::NONE };
            changed(leaf, &names).is_some()
        };
        for text in [
            "{{ token }}",
            "{{token}}",
            "{{- token -}}",
            "x{{ token | urlencode }}y {{ other | upper }}",
            "{{ token | default('') | raw }}",
            "{% if token %}yes{% endif %}",
        ] {
            assert!(!is_found(text), "{text}");
        }
        for text in [
            "{{ token | upper }}",
            "{{ token|default('')|replace('a', 'b') }}",
            "{{ token[:3] }}",
            "{{ 'x' ~ token }}",
            "{{ token ~ 'x' }}",
            "{{ upper(token) }}",
            "{{ other }} {{ token.first }}",
            "{% for letter in token %}{{ letter }}{% endfor %}{{ token | length }}",
        ] {
            assert!(is_found(text), "{text}");
        }
    }
}
