//! `plan approve`: answers a question that a run waits for, from any terminal.

use plan_executor::store::{Request, RunRow};
use plan_model::model::action::Action;
use plan_model::model::check::Check;
use plan_model::resolve::What;

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
    // The questions of an entry, by the number of their check.
    let questions: Vec<(usize, Vec<String>)> = match &plan.entry(at).what {
        What::Step(step) => match step.actions.first() {
            Some(Action::Manual(manual)) => {
                let choices = match manual {
                    plan_model::model::action::manual::Manual::Full(keys) => texts(&keys.choices),
                    plan_model::model::action::manual::Manual::Text(_) => Vec::new(),
                };
                vec![(0, or(choices, &["done", "not possible"]))]
            }
            _ => Vec::new(),
        },
        What::Checkpoint(checkpoint) => {
            let all = checkpoint.checks.iter().enumerate();
            all.filter_map(|(number, check)| match check {
                Check::Manual(manual) => Some((number, or(texts(&manual.choices), &["yes", "no"]))),
                _ => None,
            })
            .collect()
        }
    };
    let chosen = match (args.question, questions.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(number), _) => questions.iter().find(|(at, _)| at + 1 == number),
    };
    let Some((question, choices)) = chosen else {
        let numbers: Vec<_> = questions.iter().map(|(at, _)| (at + 1).to_string()).collect();
        return Err(match numbers.is_empty() {
            true => wrong(format!("{} asks nobody", args.step), "see: plan status".to_owned()),
            false => wrong(
                format!("{} asks several questions", args.step),
                format!("say which: --question {}", numbers.join(" or ")),
            ),
        });
    };
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

fn texts(choices: &Option<Vec<plan_model::model::value::Text>>) -> Vec<String> {
    choices.iter().flatten().map(|choice| choice.value.clone()).collect()
}

fn or(choices: Vec<String>, unless_said: &[&str]) -> Vec<String> {
    match choices.is_empty() {
        true => unless_said.iter().map(|choice| (*choice).to_owned()).collect(),
        false => choices,
    }
}
