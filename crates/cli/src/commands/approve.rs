//! `plan approve`: answers a question that a run waits for, from any terminal; or says that a plan, as it
//! is, may run.

use std::path::Path;

use plan_executor::actions::manual::SECOND;
use plan_executor::event::Event;
use plan_executor::owner;
use plan_executor::store::sqlite::SqliteStore;
use plan_executor::store::{Approval, Request, RunRow, Store, StoreError};
use plan_executor::world::UNDO_QUESTIONS;
use plan_executor::{evidence, open};
use plan_model::model::action::manual::Manual;
use plan_model::model::check::{Check, Evidence};
use plan_model::model::value::OneOrMany;
use plan_model::resolve::{EntryOf, What};
use plan_model::show;

use super::apply;
use super::pause::{Needs, ask};
use super::resume::compile;
use super::status::course_of;
use crate::args::Approve;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;

pub fn run(args: &Approve, terminal: &mut Terminal) -> Exit {
    // Ids have neither.
    let is_plan = args.what.contains(['.', '/']);
    let result = match is_plan {
        true => approve_plan(args, terminal),
        false => operate::wait_for(answer(args, terminal)),
    };
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

fn approve_plan(args: &Approve, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let (plan, frozen) = apply::read(&args.what, &args.overlay, terminal)?;
    let approval = Approval {
        digest: frozen.reviewed(),
        plan: plan.plan.file.plan.value.clone(),
        environment: frozen.environment.clone(),
        role: args.role.clone().filter(|role| !role.trim().is_empty()),
        by: owner::who(),
        at: operate::clock().now(),
        note: args.note.clone(),
    };
    operate::wait_for(async {
        let told = |problem: StoreError| Refusal {
            exit: Exit::Wrong,
            help: "is the store's folder writable, and is there room? --store FOLDER".to_owned(),
            ..problem.into()
        };
        let mut store = SqliteStore::open(&args.run.store.store).await.map_err(told)?;
        store.approve(&approval).await.map_err(told)?;
        store.close().await;
        Ok::<(), Refusal>(())
    })?;
    let role = approval.role.map_or(String::new(), |role| format!(" as {role}"));
    let place =
        approval.environment.map_or("with no environment".to_owned(), |name| format!("in {name}"));
    terminal.line(&format!(
        "{} approved {}{role}, {place}: digest {}, and nothing else",
        approval.by, approval.plan, approval.digest
    ));
    Ok(Exit::Done)
}

async fn answer(args: &Approve, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    if args.role.is_some() || args.note.is_some() {
        let help = "answers take --answer and --evidence; a plan is named by its file: ./plan.yaml";
        let text = "`--as` and `--note` are of an approval of a plan";
        return Err(Refusal::new(Exit::Wrong, text, help));
    }
    let mut store = operate::existing(&args.run.store.store).await?;
    if let Some(exit) = answer_later(args, &mut store, terminal).await? {
        return Ok(exit);
    }
    let fits = |run: &RunRow| !run.state.is_over();
    let what = "that waits for anybody";
    let run = operate::find(&mut store, args.run.run.as_deref(), fits, what).await?;
    let (plan, _) = compile(&mut store, &run).await?;
    let wrong = |message: String, help: String| Refusal::new(Exit::Wrong, message, help);
    let at = plan.by_id(&args.what).ok_or_else(|| {
        wrong(
            format!("there is no step {} in {}", args.what, run.run),
            "see: plan status".to_owned(),
        )
    })?;
    // What it asks now: put, and not answered since.
    let mut open: Vec<Put> = Vec::new();
    for record in store.read(&run, 0).await? {
        match record.event {
            Event::Asking { entry, question: number, text, choices, typed }
                if *entry == *args.what =>
            {
                open.retain(|one| one.number != number);
                open.push(Put { number, text, choices, typed });
            }
            Event::Answered { entry, question, .. } if *entry == *args.what => {
                open.retain(|one| one.number != question);
            }
            _ => {}
        }
    }
    let chosen = match (args.question, open.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(number), _) => open.iter().find(|one| one.number + 1 == number),
    };
    let Some(put) = chosen else {
        if open.is_empty() {
            let message = format!("{} asks nobody now", args.what);
            return Err(wrong(message, format!("see what waits: plan status {}", run.run)));
        }
        let listed: Vec<_> = open
            .iter()
            .map(|one| format!("--question {}   {}", one.number + 1, one.text.trim_end()))
            .collect();
        let message = match args.question {
            Some(number) => format!("{} has no open question {number}", args.what),
            None => format!("{} asks several questions", args.what),
        };
        return Err(wrong(message, format!("say which:\n      {}", listed.join("\n      "))));
    };
    let (mut choices, wanted) = asked(plan.entry(at), put.number);
    for choice in &mut choices {
        *choice = show::plain(&plan, Some(at), choice);
    }
    // As it was put; runs of older versions did not write it down.
    if !put.choices.is_empty() {
        choices.clone_from(&put.choices);
    }
    if put.typed && args.answer.is_none() {
        let message = format!("{}: {}", args.what, put.text.trim_end());
        return Err(wrong(
            message,
            format!("type it out: --answer NAME; or say: --answer {}", choices[1]),
        ));
    }
    let course = course_of(&mut store, &run, &plan).await?;
    let answered = course.answers(at, put.number);
    if put.text.ends_with(SECOND) && answered.iter().any(|answer| answer.by == owner::who()) {
        let message = format!("{} answered {} already", owner::who(), args.what);
        return Err(wrong(
            message,
            "it wants a second person, under a name of their own".to_owned(),
        ));
    }
    let folder = args.run.store.store.join("runs").join(&run.run);
    let (choice, holds, evidence) = said(args, &choices, wanted, &folder)?;
    let request =
        Request::Answer { entry: args.what.clone(), question: put.number, holds, choice, evidence };
    store.close().await;
    ask(&args.run, request, Needs::Nobody, terminal).await
}

/// A question, as it was put.
struct Put {
    number: usize,
    text: String,
    choices: Vec<String>,
    typed: bool,
}

/// What was answered, whether it holds, and what was handed in.
fn said(
    args: &Approve,
    choices: &[String],
    wanted: Evidence,
    run_folder: &Path,
) -> Result<(String, bool, Option<String>), Refusal> {
    let choice = args.answer.clone().unwrap_or_else(|| choices[0].clone());
    if !choices.contains(&choice) {
        return Err(Refusal::new(
            Exit::Wrong,
            format!("`{choice}` is no answer to this question"),
            format!("answers: {}", choices.join(", ")),
        ));
    }
    let holds = choice == choices[0];
    let wanted = if holds { wanted } else { Evidence::None };
    let evidence = evidence::hand_in(wanted, args.evidence.as_deref(), run_folder);
    let evidence = evidence.map_err(|why| {
        let help = "hand it in with the answer: --evidence TEXT, or the path of a file";
        Refusal::new(Exit::Wrong, format!("{}: {why}", args.what), help)
    })?;
    Ok((choice, holds, evidence))
}

/// A question that is open though its run goes on, or is over; none where there is no such.
async fn answer_later(
    args: &Approve,
    store: &mut SqliteStore,
    terminal: &mut Terminal,
) -> Result<Option<Exit>, Refusal> {
    let name = args.run.run.as_deref();
    let Ok(run) = operate::find(store, name, |_: &RunRow| true, "yet").await else {
        return Ok(None);
    };
    let (plan, _) = compile(store, &run).await?;
    let course = course_of(store, &run, &plan).await?;
    let folder = args.run.store.store.join("runs").join(&run.run);
    let fits = |one: &open::Open| {
        one.entry == args.what && args.question.is_none_or(|number| one.question + 1 == number)
    };
    let mut all: Vec<_> = open::all(&folder, &course).into_iter().filter(fits).collect();
    let Some(one) = all.pop() else { return Ok(None) };
    let wrong = |message: String, help: String| Refusal::new(Exit::Wrong, message, help);
    if !all.is_empty() {
        let message = format!("{} has several questions open", args.what);
        return Err(wrong(message, "say which: --question N".to_owned()));
    }
    let (choice, holds, evidence) = said(args, &one.choices, one.evidence(), &folder)?;
    let (at, by) = (operate::clock().now(), owner::who());
    let (entry, question) = (one.entry, one.question);
    let later = open::Later { at, by, entry, question, choice, holds, evidence };
    open::answer(&folder, &later)
        .map_err(|failure| wrong(failure.text, "is there room, and may you write?".to_owned()))?;
    terminal.line(&format!("{}: recorded: {} says {}", run.run, later.by, later.choice));
    Ok(Some(Exit::Done))
}

/// What may be answered to a question of a step, of its rollback, or of a checkpoint, and what is handed in.
fn asked(entry: &EntryOf, question: usize) -> (Vec<String>, Evidence) {
    let of_manual = |manual: &Manual| match manual {
        Manual::Full(keys) => (or(texts(&keys.choices), &["done", "not possible"]), keys.evidence),
        Manual::Text(_) => (or(Vec::new(), &["done", "not possible"]), None),
    };
    let (choices, evidence) = match &entry.what {
        What::Checkpoint(checkpoint) => match checkpoint.checks.get(question) {
            Some(Check::Manual(manual)) => {
                (or(texts(&manual.choices), &["yes", "no"]), manual.evidence)
            }
            _ => (or(Vec::new(), &["yes", "no"]), None),
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
            manual.map_or_else(|| (or(Vec::new(), &["yes", "no"]), None), of_manual)
        }
    };
    (choices, evidence.unwrap_or(Evidence::None))
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
