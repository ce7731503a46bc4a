//! Differences as one JSON document. Lines and columns count from 1, columns in characters.

use plan_model::diff::figures::Amount;
use plan_model::diff::{Change, Risk};
use plan_model::source::Span;
use serde_json::{Value, json};

use super::{DiffReport, Version};
use crate::render::json::place;
use crate::terminal::Terminal;

pub fn write(report: &DiffReport<'_>, terminal: &mut Terminal) {
    let text = serde_json::to_string_pretty(&document(report)).expect("a JSON value has a text");
    terminal.line(&text);
}

fn document(report: &DiffReport<'_>) -> Value {
    let counts = Risk::ALL.into_iter();
    let counts = counts.map(|risk| (risk.word().to_owned(), json!(report.of(risk).count())));
    let figures = report.figures().map(|(old, new)| {
        (old.key.to_owned(), json!({ "old": amount(&old.value), "new": amount(&new.value) }))
    });
    let changes: Vec<_> = report.changes.iter().map(|change| one(report, change)).collect();
    json!({
        "format": 1,
        "old": report.old.name,
        "new": report.new.name,
        "counts": counts.collect::<serde_json::Map<_, _>>(),
        "figures": figures.collect::<serde_json::Map<_, _>>(),
        "changes": changes,
    })
}

fn amount(value: &Amount) -> Value {
    match value {
        Amount::Count(count) => json!(count),
        Amount::Time(time) => json!(time.map(|time| time.as_millis() as u64)),
        Amount::Step(id) => json!(id),
    }
}

fn one(report: &DiffReport<'_>, change: &Change) -> Value {
    let at =
        |version: &Version<'_>, span: Option<Span>| span.map(|span| place(version.sources, span));
    let mut value = json!({
        "kind": change.kind,
        "risk": change.risk.word(),
        "subject": { "kind": change.subject.kind, "id": change.subject.id },
        "message": change.sentence.to_string(),
    });
    let rest = [
        ("before", change.before.as_ref().map(|text| json!(text))),
        ("after", change.after.as_ref().map(|text| json!(text))),
        ("old_place", at(&report.old, change.old)),
        ("new_place", at(&report.new, change.new)),
    ];
    for (key, said) in rest {
        if let Some(said) = said {
            value[key] = said;
        }
    }
    value
}
