//! Inputs: which there are, where secrets come from, and which value the others have here.
//! Shows no secret, nor a default of one.

use super::judge::{self, Judged, Key, Safer, Unsaid, key};
use super::side::Picture;
use super::{Changes, Risk, Subject};
use crate::inputs::{Held, MASK, Scope};
use crate::model::meaning::json;
use crate::model::plan::Input;
use crate::model::value::Name;
use crate::source::Span;

const TABLE: &[Key] = &[
    key("about", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("choices", Safer::Shorter, Unsaid::Weakest),
    key("matches", Safer::Said, Unsaid::Weakest),
];

const SOURCES: &[&str] = &["env", "file", "command"];

pub fn compare(old: &Picture<'_>, new: &Picture<'_>, changes: &mut Changes) {
    let (olds, news) = (declared(old), declared(new));
    for (name, input) in &olds {
        if !news.iter().any(|(other, _)| other.value == name.value) {
            let subject = Subject::new("input", &name.value);
            let secret = if input.secret == Some(true) { "secret " } else { "" };
            let sentence =
                super::sentence::say(secret, &[]).then("input {} is gone", &[&name.value]);
            changes.push("input-removed", Risk::Notice, &subject, sentence);
            changes.at(Some(name.span), None);
        }
    }
    for (name, input) in &news {
        match olds.iter().find(|(other, _)| other.value == name.value) {
            None => added(name, input, changes),
            Some((before, was)) => {
                both((old, before, was), (new, name, input), changes);
            }
        }
    }
    values(old, new, changes);
}

fn declared<'p>(side: &Picture<'p>) -> Vec<&'p (Name, Input)> {
    side.plan().plan.file.inputs.iter().flat_map(|entries| entries.iter()).collect()
}

fn added(name: &Name, input: &Input, changes: &mut Changes) {
    let subject = Subject::new("input", &name.value);
    let source = source(input);
    let (risk, sentence) = match (input.secret, &input.default, source) {
        (Some(true), _, Some((key, value))) => {
            let words = format!("secret input {{}} is new, from {key} {{}}");
            (Risk::Notice, super::sentence::say(&words, &[&name.value, value]))
        }
        (_, Some(default), _) => {
            let default = json(&default.json, default.span).to_string();
            (Risk::Neutral, subject.named().then(" is new, {} unless given", &[&default]))
        }
        _ => (Risk::Notice, subject.named().words(" is new, and must be given")),
    };
    changes.push("input-added", risk, &subject, sentence).at(None, Some(name.span));
}

fn source(input: &Input) -> Option<(&'static str, &str)> {
    let all = [&input.env, &input.file, &input.command];
    let said = SOURCES.iter().zip(all).find_map(|(key, text)| Some((*key, text.as_ref()?)));
    said.map(|(key, text)| (key, text.value.as_str()))
}

fn both(
    (old, before, was): (&Picture<'_>, &Name, &Input),
    (new, name, is): (&Picture<'_>, &Name, &Input),
    changes: &mut Changes,
) {
    let subject = Subject::new("input", &name.value);
    let places = (Some(before.span), Some(name.span));
    let secret = |input: &Input| input.secret == Some(true);
    match (secret(was), secret(is)) {
        (true, false) => {
            let sentence = subject.named().words(" is no longer a secret: it is shown and stored");
            changes.push("secret-lost", Risk::Worse, &subject, sentence).at(places.0, places.1);
        }
        (false, true) => {
            let sentence = subject.named().words(" is a secret now");
            changes.push("secret-gained", Risk::Better, &subject, sentence).at(places.0, places.1);
        }
        _ => {}
    }
    let mut elsewhere = vec!["secret"];
    if secret(was) && secret(is) && source(was) != source(is) {
        let said = |input: &Input| {
            source(input).map_or("nowhere".to_owned(), |(key, text)| format!("{key} {text}"))
        };
        let words = ": the secret comes from {} now, it came from {}";
        let sentence = subject.named().then(words, &[&said(is), &said(was)]);
        changes.push("secret-source", Risk::Notice, &subject, sentence).at(places.0, places.1);
        elsewhere.extend(SOURCES);
    }
    let default = |side: &Picture<'_>, input: &Input| side.meaning_of(&input.default);
    if secret(was) || secret(is) {
        elsewhere.push("default");
        if default(old, was) != default(new, is) {
            let sentence = subject.named().words(": its default, which is not shown, changed");
            changes.push("input-changed", Risk::Notice, &subject, sentence).at(places.0, places.1);
        }
    }
    let said = |side: &Picture<'_>, input: &Input| side.meaning(input).without(&elsewhere);
    let judged = Judged {
        family: "input",
        subject: &subject,
        prefix: subject.named(),
        table: TABLE,
        otherwise: Risk::Notice,
    };
    judge::compare(&judged, &said(old, was), &said(new, is), changes);
}

/// Values that do not follow from what the file itself declares: of an environment, an include.
fn values(old: &Picture<'_>, new: &Picture<'_>, changes: &mut Changes) {
    let scopes = |side: &Picture<'_>| -> Vec<(String, usize)> {
        let mut seen: Vec<(String, usize)> = Vec::new();
        for scope in &side.plan().plan.scopes {
            let count = seen.iter().filter(|(prefix, _)| *prefix == scope.prefix).count();
            seen.push((scope.prefix.clone(), count));
        }
        seen
    };
    let (olds, news) = (scopes(old), scopes(new));
    for (at, id) in news.iter().enumerate() {
        let after = &new.plan().plan.scopes[at];
        let before = olds.iter().position(|other| other == id);
        if let Some(before) = before.map(|before| &old.plan().plan.scopes[before]) {
            let included = at > 0;
            scope(before, after, included, changes);
        }
    }
}

fn scope(old: &Scope, new: &Scope, included: bool, changes: &mut Changes) {
    for after in &new.inputs {
        let Some(before) = old.get(&after.name) else { continue };
        // What nobody gave follows from the declaration, which is compared itself.
        let told = !included && !is_given(&before.origin) && !is_given(&after.origin);
        if told || before.held == after.held {
            continue;
        }
        let shown = |held: &Held| match held {
            Held::Known(value) => json(value, Span::default()).to_string(),
            Held::Secret => MASK.to_owned(),
            Held::Missing => "nothing".to_owned(),
        };
        let prefix = if new.prefix.is_empty() { "" } else { new.prefix.as_str() };
        let subject = Subject::new("input", &after.name);
        let mut sentence = subject.named();
        if included && !prefix.is_empty() {
            sentence = sentence.then(" of the included steps {}", &[&format!("{prefix}-*")]);
        } else if included {
            sentence = sentence.words(" of the included plan");
        }
        let words = " is {} here, it was {}";
        let sentence = sentence.then(words, &[&shown(&after.held), &shown(&before.held)]);
        changes.push("input-value", Risk::Notice, &subject, sentence);
        changes.at(Some(before.span), Some(after.span));
    }
}

fn is_given(origin: &str) -> bool {
    origin == "--set" || origin.starts_with("environment ")
}
