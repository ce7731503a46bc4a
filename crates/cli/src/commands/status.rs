//! `plan status`: where a run stands, and what to do next.

use std::sync::Arc;

use plan_executor::course::Course;
use plan_executor::engine::Scene;
use plan_executor::guard::Guard;
use plan_executor::outline::Outline;
use plan_executor::owner::{self, Life};
use plan_executor::store::sqlite::SqliteStore;
use plan_executor::store::{RunRow, Store};
use plan_model::graph::CompiledPlan;
use serde_json::json;

use super::apply::absolute;
use super::resume::compile;
use crate::args::Status;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::render::run::{date_time, summary};
use crate::terminal::Terminal;

pub fn run(args: &Status, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(status(args, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn status(args: &Status, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let at = &args.run;
    let mut store = operate::existing(&at.store.store).await?;
    let any = |_: &RunRow| true;
    let run = operate::find(&mut store, at.run.as_deref(), any, "yet").await?;
    let (plan, _) = compile(&mut store, &run).await?;
    let folder = absolute(&at.store.store)?.join("runs").join(&run.run);
    let guard = Guard::of(&plan, None, run.started_at);
    let course = course_of(&mut store, &run, &plan).await?;
    let scene = Scene { run: &run.run, plan: &plan, folder: &folder, guard: guard.as_ref() };
    let now = operate::clock().now();
    let leases = store.leases().await?;
    let lease = leases.into_iter().find(|lease| lease.run.as_ref() == Some(&run.run));
    let lease = lease.filter(|lease| owner::life(&lease.owner) != Life::Dead);
    if args.json {
        let entries: Vec<_> = course
            .entries()
            .iter()
            .enumerate()
            .map(|(at, entry)| {
                json!({
                    "entry": course.outline.items[at].id,
                    "state": entry.state,
                    "attempt": entry.attempt,
                    "started": entry.started.map(|moment| moment.timestamp().to_string()),
                    "ended": entry.ended.map(|moment| moment.timestamp().to_string()),
                })
            })
            .collect();
        let document = json!({
            "run": run.run,
            "plan": run.plan,
            "environment": run.environment,
            "digest": run.digest,
            "state": course.state(),
            "paused": course.pause(),
            "by": run.by,
            "host": run.host,
            "started_at": run.started_at.timestamp().to_string(),
            "run_by": lease.as_ref().map(|lease| &lease.owner),
            "entries": entries,
            "failures": course.failures().iter().map(|(id, failure)| json!({ "entry": id, "failure": failure })).collect::<Vec<_>>(),
            "differences": course.differences(),
        });
        let text = serde_json::to_string_pretty(&document).expect("a JSON value has a text");
        terminal.line(&text);
        return Ok(Exit::Done);
    }
    let environment = run.environment.as_ref().map_or(String::new(), |name| format!(" in {name}"));
    terminal.line(&format!(
        "{} of {}{environment}, begun {} by {} at {}",
        run.run,
        run.plan,
        date_time(run.started_at),
        run.by,
        run.host
    ));
    match &lease {
        Some(lease) => {
            terminal.line(&operate::holder(lease, now));
            for at in course.running().chain(course.undoing()) {
                terminal.line(&format!("  now: {}", course.outline.items[at].id));
            }
        }
        None if !course.state().is_ending() => terminal.line("Nobody runs it now."),
        None => {}
    }
    for line in summary::lines(&course, &scene, None, lease.is_some()) {
        terminal.line(&summary::fitted(&line, Terminal::reader()));
    }
    Ok(Exit::Done)
}

/// Where a run stands, by its journal.
pub async fn course_of(
    store: &mut SqliteStore,
    run: &RunRow,
    plan: &CompiledPlan,
) -> Result<Course, Refusal> {
    let mut course = Course::new(Arc::new(Outline::of(plan)));
    for record in store.read(run, 0).await? {
        course.apply(&record.event, record.at).map_err(|illegal| {
            Refusal::new(Exit::Wrong, illegal.to_string(), "use the version of plan that runs it")
        })?;
    }
    Ok(course)
}
