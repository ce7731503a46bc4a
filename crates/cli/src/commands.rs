//! One file per verb; each turns what was typed into an exit code.

pub mod estimate;
pub mod validate;

use annotate_snippets::Renderer;
use plan_model::diagnostic::Severity;
use plan_model::graph::CompiledPlan;
use plan_model::inputs::Given;
use plan_model::lint;
use plan_model::source::Sources;
use plan_model::validate::Setting;

use crate::args::{Command, Overlay};
use crate::exit::Exit;
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub fn run(command: Command, terminal: &mut Terminal) -> Exit {
    match command {
        Command::Validate(args) => validate::run(&args, terminal),
        Command::Estimate(args) => estimate::run(&args, terminal),
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

/// A plan that can be ordered, and the texts it was read from; otherwise its errors are shown.
///
/// The verdict of a rule keeps no plan back: what it forbids is often what one wants to look at.
pub fn compiled(
    plan: &str,
    overlay: &Overlay,
    terminal: &mut Terminal,
) -> Option<(CompiledPlan, Sources)> {
    let setting = match setting(overlay) {
        Ok(setting) => setting,
        Err(message) => {
            wrong_call(terminal, &message, "see `--help`");
            return None;
        }
    };
    let mut sources = Sources::default();
    let outcome = validate::look_at(&mut sources, plan, &setting);
    let is_unreadable = |code: &str| lint::rule(code).is_none();
    let errors = outcome.diagnostics.iter().filter(|diagnostic| {
        diagnostic.severity == Severity::Error && is_unreadable(diagnostic.code)
    });
    let renderer = Renderer::styled().term_width(Terminal::width());
    let mut refused = false;
    for error in errors {
        refused = true;
        terminal.tell(&crate::render::human::one(&renderer, &sources, error));
    }
    match outcome.plan {
        Some(compiled) if !refused => Some((compiled, sources)),
        None if !refused => {
            let message = format!("{plan} is an environment, not a plan");
            let help = "name the plan, and the environment with --env";
            wrong_call(terminal, &message, help);
            None
        }
        _ => None,
    }
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
