//! `plan show`: what would happen, each undo beside its step.

use plan_model::show::show;

use crate::args::{Show, ShowFormat};
use crate::exit::Exit;
use crate::render;
use crate::terminal::Terminal;

pub fn run(args: &Show, terminal: &mut Terminal) -> Exit {
    let Some((plan, _)) = super::compiled(&args.plan, &args.overlay, terminal) else {
        return Exit::Wrong;
    };
    let shown = show(&plan);
    match args.format {
        ShowFormat::Human => render::show::write(&shown, terminal),
        ShowFormat::Json => {
            terminal.line(
                &serde_json::to_string_pretty(&shown).expect("what is shown has a JSON form"),
            );
        }
    }
    Exit::Done
}
