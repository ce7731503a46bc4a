//! `plan watch`: shows a run from any terminal, as whoever runs it sees it, until it rests.

use std::sync::Arc;
use std::time::Duration;

use plan_executor::course::Course;
use plan_executor::engine::{Scene, Stopped};
use plan_executor::guard::Guard;
use plan_executor::outline::Outline;
use plan_executor::owner::{self, Life};
use plan_executor::state::RunState;
use plan_executor::store::{RunRow, Store};

use super::apply::absolute;
use super::resume::compile;
use crate::args::{OutputFormat, RunOnly};
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::render::run::{Screen, summary};
use crate::terminal::Terminal;

const LOOK_EVERY: Duration = Duration::from_millis(250);

pub fn run(args: &RunOnly, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(watch(args, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn watch(args: &RunOnly, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let any = |_: &RunRow| true;
    let run = operate::find(&mut store, args.run.as_deref(), any, "yet").await?;
    let (plan, _) = compile(&mut store, &run).await?;
    let folder = absolute(&args.store.store)?.join("runs").join(&run.run);
    let guard = Guard::of(&plan, None, run.started_at);
    let mut course = Course::new(Arc::new(Outline::of(&plan)));
    let mut screen = Screen::new(OutputFormat::Auto, terminal);
    let scene = Scene { run: &run.run, plan: &plan, folder: &folder, guard: guard.as_ref() };
    let clock = operate::clock();
    let mut seen = 0;
    loop {
        for record in store.read(&run, seen).await? {
            seen = record.number;
            course.apply(&record.event, record.at).map_err(|illegal| {
                let help = "use the version of plan that runs it";
                Refusal::new(Exit::Wrong, illegal.to_string(), help)
            })?;
            screen.hear(&record, &course, &scene);
        }
        let leases = store.leases().await?;
        let lease = leases.into_iter().find(|lease| lease.run.as_ref() == Some(&run.run));
        let is_run = lease.is_some_and(|lease| owner::life(&lease.owner) != Life::Dead);
        let rests = course.state().is_ending() || course.state() == RunState::Paused;
        if rests || !is_run {
            screen.end();
            let stopped = Stopped::Rested(course.state());
            return Ok(summary::tell(&course, &scene, &stopped, &mut screen));
        }
        screen.tick(&course, &scene, clock.now());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
