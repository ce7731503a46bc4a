//! Diagnostics as SARIF 2.1.0, for code scanning.

use std::collections::BTreeSet;

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
    let codes: BTreeSet<&str> = report.diagnostics().map(|diagnostic| diagnostic.code).collect();
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| match plan_model::explain::code(code) {
            Some(known) => json!({
                "id": code,
                "shortDescription": { "text": known.about },
                "fullDescription": { "text": known.why },
            }),
            None => json!({ "id": code }),
        })
        .collect();
    let index = |code: &str| codes.iter().position(|known| *known == code);
    let results: Vec<Value> = report
        .diagnostics()
        .map(|diagnostic| result(report.sources, diagnostic, index(diagnostic.code)))
        .collect();
    let suppressed = report.plans.iter().flat_map(|plan| &plan.waived).map(|waived| {
        json!({
            "ruleId": waived.code,
            "level": "warning",
            "message": { "text": waived.message },
            "locations": [location(report.sources, waived.span, None)],
            "suppressions": [{ "kind": "inSource", "justification": waived.reason }],
        })
    });
    let results: Vec<Value> = results.into_iter().chain(suppressed).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "plan",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(sources: &Sources, diagnostic: &Diagnostic, index: Option<usize>) -> Value {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    };
    let mut text = diagnostic.message.clone();
    for more in diagnostic.help.iter() {
        text += &format!("\n{more}");
    }
    let label = (!diagnostic.label.is_empty()).then_some(diagnostic.label.as_str());
    let mut value = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": level,
        "message": { "text": text },
        "locations": [location(sources, diagnostic.span, label)],
    });
    if !diagnostic.related.is_empty() {
        let related =
            diagnostic.related.iter().map(|label| location(sources, label.span, Some(&label.text)));
        value["relatedLocations"] = related.collect();
    }
    value
}

fn location(sources: &Sources, span: Span, message: Option<&str>) -> Value {
    let (start, end) = (sources.start(span), sources.end(span));
    let mut value = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&sources.file(span.file).name) },
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        },
    });
    if let Some(message) = message {
        value["message"] = json!({ "text": message });
    }
    value
}

/// A path as a relative or file URI.
fn uri(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'~');
    let escaped: String = name
        .bytes()
        .map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") })
        .collect();
    if name.starts_with('/') { format!("file://{escaped}") } else { escaped }
}
