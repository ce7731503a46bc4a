//! `plan doctor`: whether everything is there that a plan needs, all of it in one pass. Touches nothing.

use std::collections::BTreeMap;

use plan_executor::checks::{Checked, Looked};
use plan_executor::engine::Begun;
use plan_executor::tools;
use serde_json::json;

use super::apply;
use crate::args::{Doctor, OutputFormat};
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::render::columns::{seen, wrap};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub fn run(args: &Doctor, terminal: &mut Terminal) -> Exit {
    look(args, terminal).unwrap_or_else(|refusal| refusal.tell(terminal))
}

fn look(args: &Doctor, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let (plan, frozen) = apply::read(&args.one.plan, &args.one.overlay, terminal)?;
    // Where no run was made yet none is begun: what is asked leaves its traces elsewhere, and only so long.
    let elsewhere =
        tempfile::Builder::new().prefix("plan-doctor-").tempdir().map_err(|problem| {
            let message =
                format!("no folder can be made in {}: {problem}", std::env::temp_dir().display());
            Refusal::new(Exit::Wrong, message, "make room there, or name another: TMPDIR=FOLDER")
        })?;
    let store = apply::called_from().join(&args.one.store.store);
    let begun =
        apply::begun(plan, &frozen, None, elsewhere.path(), Vec::new(), OutputFormat::Lines)?;
    let begun = Begun { store_folder: store, ..begun };
    let missing = tools::missing(&begun.plan, &begun.values, &begun.base);
    let (_, checked) = operate::wait_for(begun.requirements())?;
    let unready = checked.iter().any(|one| !matches!(one.looked, Looked::Holds(_)));
    if args.json {
        terminal.line(&document(&checked, &missing, unready));
        return Ok(if unready { Exit::NotReady } else { Exit::Done });
    }
    if unready {
        let refusal = self::unready(&checked, terminal);
        tell_missing(&missing, terminal);
        return Err(refusal);
    }
    checked.iter().for_each(|one| terminal.line(&told(one)));
    tell_missing(&missing, terminal);
    terminal.line(&match checked.len() {
        0 => "This plan requires nothing: see `requires:`.".to_owned(),
        1 => "The one requirement is met.".to_owned(),
        count => format!("All {count} requirements are met."),
    });
    Ok(Exit::Done)
}

/// Programs that steps need and nobody finds: an earlier step may bring them.
fn tell_missing(missing: &BTreeMap<String, Vec<String>>, terminal: &mut Terminal) {
    for (tool, steps) in missing {
        let word = paint(theme::WARN, "not here");
        terminal.tell(&format!(
            "{tool}: {word}: {} will need it (fine, if a step before brings it)",
            steps.join(", ")
        ));
    }
}

/// Each requirement, and that not all of them are met.
pub fn unready(checked: &[Checked], terminal: &mut Terminal) -> Refusal {
    checked.iter().for_each(|one| terminal.tell(&told(one)));
    let count = checked.iter().filter(|one| !matches!(one.looked, Looked::Holds(_))).count();
    let word = if count == 1 { "requirement is" } else { "requirements are" };
    Refusal::new(
        Exit::NotReady,
        format!("{count} {word} not met; nothing was touched"),
        "see to what is listed above, and try again",
    )
}

fn told(one: &Checked) -> String {
    let (word, why) = match &one.looked {
        Looked::Holds(_) => return format!("{}: {}", one.line, paint(theme::GOOD, "met")),
        Looked::Fails(why) | Looked::Declined(why) => ("not met", why),
        Looked::Unmeasured(why) => ("could not be measured", why),
    };
    let hint = one.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
    let (line, word) = (&one.line, paint(theme::BAD, word));
    let whole = format!("{line}: {word}: {why}{hint}");
    match Terminal::reader().filter(|width| seen(&whole) > *width) {
        None => whole,
        Some(width) => format!(
            "{}\n{}",
            wrap(&format!("{line}: {word}"), "", width),
            wrap(&format!("{why}{hint}"), "    ", width)
        ),
    }
}

fn document(checked: &[Checked], missing: &BTreeMap<String, Vec<String>>, unready: bool) -> String {
    let requirements = checked.iter().map(|one| {
        let (state, why) = match &one.looked {
            Looked::Holds(_) => ("met", None),
            Looked::Fails(why) | Looked::Declined(why) => ("not-met", Some(why)),
            Looked::Unmeasured(why) => ("unmeasured", Some(why)),
        };
        json!({ "requirement": one.line, "state": state, "why": why, "hint": one.hint })
    });
    let document = json!({
        "ready": !unready,
        "requirements": requirements.collect::<Vec<_>>(),
        "missing_tools": missing,
    });
    serde_json::to_string_pretty(&document).expect("a JSON value has a text")
}
