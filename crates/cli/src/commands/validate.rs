//! `plan validate`: many files and folders, one report.

use std::io::Read;
use std::path::Path;

use plan_executor::lacking;
use plan_model::diagnostic::{Diagnostic, Severity};
use plan_model::folder::{SIZE_LIMIT, decode};
use plan_model::source::{Sources, Span};
use plan_model::validate::{self, Outcome, Setting};

use crate::args::{DiagnosticFormat, Validate};
use crate::disk::Disk;
use crate::exit::Exit;
use crate::render::{self, PlanReport, Report};
use crate::terminal::Terminal;

pub fn run(args: &Validate, terminal: &mut Terminal) -> Exit {
    let setting = match super::setting(&args.overlay) {
        Ok(setting) => setting,
        Err(message) => return super::wrong_call(terminal, &message, "see `plan validate --help`"),
    };
    let mut sources = Sources::default();
    let mut plans = Vec::new();
    for name in &args.plans {
        for file in files_of(name) {
            let outcome = look_at(&mut sources, &file, &setting);
            // The process ends soon: to take a large plan apart first would only cost time.
            std::mem::forget(outcome.plan);
            plans.push(PlanReport {
                name: file,
                diagnostics: outcome.diagnostics,
                waived: outcome.waived,
            });
        }
    }
    if plans.is_empty() {
        let message = format!("no plan files in {}", args.plans.join(", "));
        return super::wrong_call(
            terminal,
            &message,
            "plan files end in .yaml or .yml and have the key `plan`",
        );
    }
    let report = Report { sources: &sources, plans: &plans, strict: args.strict };
    match args.format {
        DiagnosticFormat::Human => render::human::write(&report, terminal),
        DiagnosticFormat::Json => render::json::write(&report, terminal),
        DiagnosticFormat::Sarif => render::sarif::write(&report, terminal),
        DiagnosticFormat::Github => render::github::write(&report, terminal),
        DiagnosticFormat::Junit => render::junit::write(&report, terminal),
    }
    if report.diagnostics().any(|diagnostic| report.fails(diagnostic)) {
        Exit::Wrong
    } else {
        Exit::Done
    }
}

pub fn look_at(sources: &mut Sources, name: &str, setting: &Setting) -> Outcome {
    let mut outcome = match name {
        "-" => standard_input(sources, setting),
        name if is_environment(name) => validate::environment(sources, &Disk, name),
        name => validate::plan(sources, &Disk, name, setting),
    };
    if let Some(plan) = &outcome.plan {
        outcome.diagnostics.extend(lacking::of(&plan.plan));
    }
    outcome
}

fn standard_input(sources: &mut Sources, setting: &Setting) -> Outcome {
    let mut bytes = Vec::new();
    let refuse = |sources: &mut Sources, message: String| {
        let span = Span::new(sources.add("<stdin>", ""), 0, 0);
        let diagnostic = Diagnostic::new("file-unreadable", Severity::Error, span, message)
            .help("give a file name instead");
        Outcome { plan: None, diagnostics: vec![diagnostic], waived: Vec::new() }
    };
    match std::io::stdin().take(SIZE_LIMIT + 1).read_to_end(&mut bytes) {
        Err(error) => return refuse(sources, format!("cannot read standard input: {error}")),
        Ok(size) if size as u64 > SIZE_LIMIT => {
            return refuse(sources, "standard input is too big for a plan".to_owned());
        }
        Ok(_) => {}
    }
    match decode(bytes) {
        Ok(text) => validate::text(sources, &Disk, "<stdin>", text, setting),
        Err((shown, problem)) => {
            let span = Span::new(sources.add("<stdin>", shown), problem.at, problem.at + 1);
            let diagnostic =
                Diagnostic::error("not-text", span, problem.message).help(problem.help);
            Outcome { plan: None, diagnostics: vec![diagnostic], waived: Vec::new() }
        }
    }
}

/// A file as it was named; of a folder every plan and environment below it.
pub fn files_of(name: &str) -> Vec<String> {
    if name == "-" || !Path::new(name).is_dir() {
        return vec![name.to_owned()];
    }
    let mut files = Vec::new();
    let mut todo = vec![(name.trim_end_matches('/').to_owned(), 0)];
    while let Some((folder, depth)) = todo.pop() {
        let Ok(entries) = std::fs::read_dir(if folder.is_empty() { "/" } else { &folder }) else {
            continue;
        };
        for entry in entries.flatten() {
            let Some(name) = entry.file_name().to_str().map(|name| format!("{folder}/{name}"))
            else {
                continue;
            };
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !hidden && depth < 8 {
                todo.push((name, depth + 1));
            } else if kind.is_file()
                && (name.ends_with(".yaml") || name.ends_with(".yml"))
                && is_ours(&name)
            {
                files.push(name);
            }
        }
    }
    files.sort();
    files
}

/// Folders hold other YAML too: ours have the key `plan` or `environment` at the edge.
fn is_ours(name: &str) -> bool {
    starts_with_key(name, &["plan:", "environment:"])
}

fn is_environment(name: &str) -> bool {
    starts_with_key(name, &["environment:"])
}

fn starts_with_key(name: &str, keys: &[&str]) -> bool {
    let Some(text) = Disk.head(name) else { return false };
    let text = text.trim_start_matches('\u{FEFF}');
    text.lines().any(|line| keys.iter().any(|key| line.starts_with(key)))
}
