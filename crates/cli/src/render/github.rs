//! Diagnostics as annotations of GitHub Actions.

use plan_model::diagnostic::Severity;

use super::Report;
use crate::terminal::Terminal;

pub fn write(report: &Report<'_>, terminal: &mut Terminal) {
    for diagnostic in report.diagnostics() {
        let word = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "notice",
        };
        let (start, end) =
            (report.sources.start(diagnostic.span), report.sources.end(diagnostic.span));
        let mut message = diagnostic.message.clone();
        if !diagnostic.label.is_empty() {
            message += &format!("\n{}", diagnostic.label);
        }
        for help in &diagnostic.help {
            message += &format!("\n{help}");
        }
        terminal.line(&format!(
            "::{word} file={},line={},col={},endLine={},endColumn={},title={}::{}",
            property(&report.sources.file(diagnostic.span.file).name),
            start.line,
            start.column,
            end.line,
            end.column,
            property(diagnostic.code),
            data(&message),
        ));
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
