//! `plan show`: what would happen, each undo beside its step.

use plan_executor::actions::files::preview;
use plan_model::show::show;

use crate::args::{Show, ShowFormat};
use crate::exit::Exit;
use crate::render;
use crate::terminal::Terminal;

pub fn run(args: &Show, terminal: &mut Terminal) -> Exit {
    let Some((plan, _)) = super::compiled(&args.plan, &args.overlay, terminal) else {
        return Exit::Wrong;
    };
    let mut shown = show(&plan);
    // On the machine that it is for.
    if let Ok(base) = super::apply::base_of(&args.plan) {
        let mut changes = preview::of(&plan, &base);
        for entry in shown.phases.iter_mut().flat_map(|phase| &mut phase.entries) {
            entry.changes = changes.remove(&entry.id).unwrap_or_default();
        }
    }
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
