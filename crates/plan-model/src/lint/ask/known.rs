//! Texts whose templates can be filled in before the run. Never reads a secret.

use std::borrow::Cow;

use minijinja::value::Value;

use crate::inputs::{Held, Scope};
use crate::model::read::LeafKind;
use crate::template;

/// The text with inputs filled in; `None` where only the run can tell.
pub fn text<'t>(scope: &Scope, text: &'t str) -> Option<Cow<'t, str>> {
    if !template::has_template(text) {
        return Some(Cow::Borrowed(text));
    }
    let alone = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    if let Some(input) = alone.and_then(|name| scope.get(name.trim())) {
        return match &input.held {
            Held::Known(serde_json::Value::String(value)) => Some(Cow::Owned(value.clone())),
            Held::Known(value) => Some(Cow::Owned(value.to_string())),
            Held::Secret | Held::Missing => None,
        };
    }
    let known = Value::from_pairs(scope.known());
    template::render(text, LeafKind::Plain, &known).ok().map(Cow::Owned)
}
