//! Diagnostics as one JSON document. Lines and columns count from 1, columns in characters.

use plan_model::diagnostic::{Diagnostic, Severity};
use plan_model::source::{Sources, Span};
use serde_json::{Value, json};

use super::Report;
use crate::terminal::Terminal;

pub fn write(report: &Report<'_>, terminal: &mut Terminal) {
    let text = serde_json::to_string_pretty(&document(report)).expect("a JSON value has a text");
    terminal.line(&text);
}

fn document(report: &Report<'_>) -> Value {
    let plans: Vec<Value> = report
        .plans
        .iter()
        .map(|plan| {
            let waived = plan.waived.iter().map(|waived| {
                json!({
                    "code": waived.code,
                    "message": waived.message,
                    "reason": waived.reason,
                    "place": place(report.sources, waived.span),
                })
            });
            json!({
                "plan": plan.name,
                "diagnostics": plan.diagnostics.iter().map(|d| diagnostic(report.sources, d)).collect::<Vec<_>>(),
                "waived": waived.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "format": 1,
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "hints": report.count(Severity::Hint),
        "plans": plans,
    })
}

pub fn diagnostic(sources: &Sources, diagnostic: &Diagnostic) -> Value {
    let related = diagnostic.related.iter().map(|label| {
        let mut place = place(sources, label.span);
        place["message"] = json!(label.text);
        place
    });
    let mut value = json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity.word(),
        "message": diagnostic.message,
        "place": place(sources, diagnostic.span),
    });
    if !diagnostic.label.is_empty() {
        value["label"] = json!(diagnostic.label);
    }
    let related: Vec<Value> = related.collect();
    if !related.is_empty() {
        value["related"] = json!(related);
    }
    if !diagnostic.help.is_empty() {
        value["help"] = json!(diagnostic.help);
    }
    value
}

pub fn place(sources: &Sources, span: Span) -> Value {
    let (start, end) = (sources.start(span), sources.end(span));
    json!({
        "file": sources.file(span.file).name,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    })
}
