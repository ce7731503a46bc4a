//! `plan approve`: answers a question that a run waits for, from any terminal.

use plan_executor::event::Event;
use plan_executor::store::{Request, RunRow, Store};
use plan_executor::world::UNDO_QUESTIONS;
use plan_model::model::action::manual::Manual;
use plan_model::model::check::Check;
use plan_model::model::value::OneOrMany;
use plan_model::resolve::{EntryOf, What};

use super::pause::{Needs, ask};
use super::resume::compile;
use crate::args::Approve;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;

pub fn run(args: &Approve, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(approve(args, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn approve(args: &Approve, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.run.store.store).await?;
    let fits = |run: &RunRow| !run.state.is_over();
    let what = "that waits for anybody";
    let run = operate::find(&mut store, args.run.run.as_deref(), fits, what).await?;
    let (plan, _) = compile(&mut store, &run).await?;
    let wrong = |message: String, help: String| Refusal::new(Exit::Wrong, message, help);
    let at = plan.by_id(&args.step).ok_or_else(|| {
        wrong(
            format!("there is no step {} in {}", args.step, run.run),
            "see: plan status".to_owned(),
        )
    })?;
    // What it asks now: put, and not answered since.
    let mut open: Vec<(usize, String)> = Vec::new();
    for record in store.read(&run, 0).await? {
        match record.event {
            Event::Asking { entry, question, text } if *entry == *args.step => {
                open.retain(|(number, _)| *number != question);
                open.push((question, text));
            }
            Event::Answered { entry, question, .. } if *entry == *args.step => {
                open.retain(|(number, _)| *number != question);
            }
            _ => {}
        }
    }
    let chosen = match (args.question, open.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(number), _) => open.iter().find(|(at, _)| at + 1 == number),
    };
    let Some((question, _)) = chosen else {
        if open.is_empty() {
            let message = format!("{} asks nobody now", args.step);
            return Err(wrong(message, format!("see what waits: plan status {}", run.run)));
        }
        let listed: Vec<_> = open
            .iter()
            .map(|(at, text)| format!("--question {}   {}", at + 1, text.trim_end()))
            .collect();
        return Err(wrong(
            format!("{} asks several questions", args.step),
            format!("say which:\n      {}", listed.join("\n      ")),
        ));
    };
    let choices = choices(plan.entry(at), *question);
    let choice = args.answer.clone().unwrap_or_else(|| choices[0].clone());
    if !choices.contains(&choice) {
        return Err(wrong(
            format!("`{choice}` is no answer to this question"),
            format!("answers: {}", choices.join(", ")),
        ));
    }
    let request = Request::Answer {
        entry: args.step.clone(),
        question: *question,
        holds: choice == choices[0],
        choice,
        evidence: args.evidence.clone(),
    };
    store.close().await;
    ask(&args.run, request, Needs::Nobody, terminal).await
}

/// What may be answered to a question of a step, of its rollback, or of a checkpoint.
fn choices(entry: &EntryOf, question: usize) -> Vec<String> {
    let of_manual = |manual: &Manual| match manual {
        Manual::Full(keys) => or(texts(&keys.choices), &["done", "not possible"]),
        Manual::Text(_) => or(Vec::new(), &["done", "not possible"]),
    };
    match &entry.what {
        What::Checkpoint(checkpoint) => match checkpoint.checks.get(question) {
            Some(Check::Manual(manual)) => or(texts(&manual.choices), &["yes", "no"]),
            _ => or(Vec::new(), &["yes", "no"]),
        },
        What::Step(step) => {
            let part = (question / UNDO_QUESTIONS).checked_sub(1);
            let manual = match part {
                None => step.actions.manual(),
                Some(part) => {
                    let mut parts = step.rollback.iter().flat_map(OneOrMany::iter);
                    parts.nth(part).and_then(|back| back.actions.manual())
                }
            };
            manual.map_or_else(|| or(Vec::new(), &["yes", "no"]), of_manual)
        }
    }
}

fn texts(choices: &Option<Vec<plan_model::model::value::Text>>) -> Vec<String> {
    choices.iter().flatten().map(|choice| choice.value.clone()).collect()
}

fn or(choices: Vec<String>, unless_said: &[&str]) -> Vec<String> {
    match choices.is_empty() {
        true => unless_said.iter().map(|choice| (*choice).to_owned()).collect(),
        false => choices,
    }
}
