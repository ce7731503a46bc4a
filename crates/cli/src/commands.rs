//! One file per verb; each turns what was typed into an exit code.

pub mod abort;
pub mod apply;
pub mod approve;
pub mod backups;
pub mod completions;
pub mod diff;
pub mod doctor;
mod escalate;
pub mod estimate;
pub mod fmt;
pub mod graph;
pub mod init;
pub mod keeper;
mod pack;
pub mod lints;
pub mod logs;
pub mod pause;
pub mod report;
pub mod resume;
pub mod retry;
pub mod rollback;
pub mod runs;
pub mod schedule;
pub mod schema;
pub mod show;
pub mod skip;
pub mod status;
pub mod validate;
pub mod watch;

use plan_model::diagnostic::{Diagnostic, Severity};
use plan_model::graph::CompiledPlan;
use plan_model::inputs::Given;
use plan_model::source::Sources;
use plan_model::validate::Setting;

use crate::args::{Command, Overlay};
use crate::exit::Exit;
use crate::render;
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub fn run(command: Command, terminal: &mut Terminal) -> Exit {
    match command {
        Command::Validate(args) => validate::run(&args, terminal),
        Command::Show(args) => show::run(&args, terminal),
        Command::Diff(args) => diff::run(&args, terminal),
        Command::Estimate(args) => estimate::run(&args, terminal),
        Command::Graph(args) => graph::run(&args, terminal),
        Command::Apply(args) => apply::run(&args, terminal),
        Command::Doctor(args) => doctor::run(&args, terminal),
        Command::Resume(args) => resume::run(&args, terminal),
        Command::Rollback(args) => rollback::run(&args, terminal),
        Command::Abort(args) => abort::run(&args, terminal),
        Command::Pause(args) => pause::run(&args, terminal),
        Command::Retry(args) => retry::run(&args, terminal),
        Command::Skip(args) => skip::run(&args, terminal),
        Command::Approve(args) => approve::run(&args, terminal),
        Command::Watch(args) => watch::run(&args, terminal),
        Command::Status(args) => status::run(&args, terminal),
        Command::Report(args) => report::run(&args, terminal),
        Command::Schedule(args) => schedule::run(&args, terminal),
        Command::Runs(args) => runs::run(&args, terminal),
        Command::Backups(args) => backups::run(&args, terminal),
        Command::Logs(args) => logs::run(&args, terminal),
        Command::Keeper { folder } => keeper::run(&folder),
        Command::Escalate { store, run } => escalate::run(&store, &run, terminal),
        Command::Pack { how, unpack } => pack::run(&how, unpack, terminal),
        Command::Fmt(args) => fmt::run(&args, terminal),
        Command::Lints => lints::list(terminal),
        Command::Explain(args) => lints::explain(&args, terminal),
        Command::Init(args) => init::run(&args, terminal),
        Command::Schema(args) => schema::run(&args, terminal),
        Command::Completions(args) => completions::run(&args, terminal),
        Command::Man(args) => completions::man(&args, terminal),
    }
}

/// A wrong call: what is wrong, and what to do next.
pub fn wrong_call(terminal: &mut Terminal, message: &str, help: &str) -> Exit {
    terminal.tell(&format!(
        "{} {message}\n{} {help}",
        paint(theme::BAD, "error:"),
        paint(theme::NAME, "help:")
    ));
    Exit::Wrong
}

/// `--env` and `--set` as the model takes them.
pub fn setting(overlay: &Overlay) -> Result<Setting, String> {
    let mut set = Vec::new();
    for text in &overlay.set {
        let Some((name, value)) = text.split_once('=') else {
            return Err(format!("--set takes INPUT=VALUE, not `{text}`"));
        };
        set.push(Given {
            name: name.trim().to_owned(),
            value: value.into(),
            span: None,
            name_span: None,
            origin: "--set".to_owned(),
        });
    }
    if let Some(name) = &overlay.env
        && !plan_model::notation::is_id(name)
    {
        return Err(format!("--env takes the name of an environment such as `prod`, not `{name}`"));
    }
    Ok(Setting { environment: overlay.env.clone(), set })
}

/// A plan that can be read; what is wrong with another is told, and there is none. Findings of
/// rules do not stand in the way of looking at a plan, only of applying it.
pub fn compiled(
    name: &str,
    overlay: &Overlay,
    terminal: &mut Terminal,
) -> Option<(CompiledPlan, Sources)> {
    let setting = match setting(overlay) {
        Ok(setting) => setting,
        Err(message) => {
            wrong_call(terminal, &message, "see `plan --help`");
            return None;
        }
    };
    let mut sources = Sources::default();
    let outcome = validate::look_at(&mut sources, name, &setting);
    let errors: Vec<_> = outcome
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    let is_finding = |diagnostic: &&Diagnostic| {
        let mut codes = plan_model::lint::codes().chain([plan_executor::lacking::CODE]);
        codes.any(|code| code == diagnostic.code)
    };
    if errors.iter().all(is_finding) {
        if !errors.is_empty() {
            let count = errors.len();
            let word = if count == 1 { "error" } else { "errors" };
            terminal
                .tell(&format!("note: `plan validate {name}` finds {count} {word} in this plan\n"));
        }
        return outcome.plan.map(|plan| (plan, sources));
    }
    let renderer = render::human::renderer();
    for diagnostic in &errors {
        terminal.tell(&format!("{}\n", render::human::one(&renderer, &sources, diagnostic)));
    }
    let count = errors.len();
    terminal.tell(&paint(
        theme::BAD,
        &format!("{name}: {count} error{}", if count == 1 { "" } else { "s" }),
    ));
    None
}
