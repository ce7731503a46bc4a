//! One file per verb; each turns what was typed into an exit code.

pub mod completions;
pub mod fmt;
pub mod init;
pub mod lints;
pub mod schema;
pub mod validate;

use plan_model::inputs::Given;
use plan_model::validate::Setting;

use crate::args::{Command, Overlay};
use crate::exit::Exit;
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub fn run(command: Command, terminal: &mut Terminal) -> Exit {
    match command {
        Command::Validate(args) => validate::run(&args, terminal),
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
