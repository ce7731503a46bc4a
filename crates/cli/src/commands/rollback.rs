//! `plan rollback`: undoes what a run has done; asks the engine to, where one is at it.

use plan_executor::owner::{self, Life};
use plan_executor::state::RunState;
use plan_executor::store::{Request, RunRow, Store};

use super::resume;
use crate::args::Rollback;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;

pub fn run(args: &Rollback, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(rollback(args, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn rollback(args: &Rollback, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.resume.store.store).await?;
    let fits = |run: &RunRow| {
        !matches!(run.state, RunState::RolledBack | RunState::RolledBackWithRemainders)
    };
    let what = "that could be rolled back";
    let run = operate::find(&mut store, args.resume.run.as_deref(), fits, what).await?;
    // Who just says "back" means what was done last, not what succeeded weeks before it.
    let last = operate::find(&mut store, None, |_: &RunRow| true, what).await?;
    if args.resume.run.is_none() && run.state.is_over() && last.run != run.run {
        let message = format!("{}, the last run, is rolled back already", last.run);
        let help = format!(
            "an older one is undone by its name: plan rollback {}   # {}",
            run.run, run.plan
        );
        return Err(Refusal::new(Exit::Wrong, message, help));
    }
    if !fits(&run) {
        let message = format!("{} is rolled back already", run.run);
        return Err(Refusal::new(Exit::Wrong, message, "see how it ended: plan status"));
    }
    let lease =
        store.leases().await?.into_iter().find(|lease| lease.run.as_ref() == Some(&run.run));
    if let Some(lease) = lease.filter(|lease| owner::life(&lease.owner) == Life::Alive) {
        let request = match &args.to {
            Some(checkpoint) => Request::RollbackTo { checkpoint: checkpoint.clone() },
            None => Request::Abort { running_too: false },
        };
        store.ask(&run, &owner::who(), operate::clock().now(), &request).await?;
        terminal.line(&format!(
            "{} was asked to roll back; look at it: plan watch {}",
            operate::holder(&lease, operate::clock().now()),
            run.run
        ));
        return Ok(Exit::Done);
    }
    let mut engine = resume::open(&args.resume, store, run).await?;
    let to = match &args.to {
        None => None,
        Some(id) => {
            let at = engine.course.outline.find(id);
            let at = at.filter(|at| engine.course.outline.items[*at].is_checkpoint);
            Some(at.ok_or_else(|| {
                let message = format!("there is no checkpoint {id} in this plan");
                Refusal::new(Exit::Wrong, message, "see them: plan status")
            })?)
        }
    };
    let turned = engine.turn_back(owner::who(), to, args.past_irreversible);
    turned.map_err(|illegal| {
        Refusal::new(Exit::Paused, illegal.to_string(), "see where it stands: plan status")
    })?;
    // It was asked for, and it is done.
    Ok(match operate::drive(engine, args.resume.output, terminal).await {
        Exit::RolledBack => Exit::Done,
        other => other,
    })
}
