//! `plan estimate`: how long it takes, and whether the way back fits.

use plan_model::estimate;

use crate::args::{Estimate, EstimateFormat};
use crate::exit::Exit;
use crate::render::estimate::{human, json};
use crate::terminal::Terminal;

pub fn run(args: &Estimate, terminal: &mut Terminal) -> Exit {
    let Some((plan, _)) = super::compiled(&args.plan, &args.overlay, terminal) else {
        return Exit::Wrong;
    };
    let estimates = estimate::estimate(&plan);
    match args.format {
        EstimateFormat::Human => terminal.say(&human::text(&plan, &estimates)),
        EstimateFormat::Json => terminal.line(&json::text(&plan, &estimates)),
    }
    Exit::Done
}
