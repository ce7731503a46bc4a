//! `plan pause`: asks a running run to pause after what runs now.

use plan_executor::owner::{self, Life};
use plan_executor::store::{Request, RunRow, Store};

use crate::args::RunOnly;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;

pub fn run(args: &RunOnly, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(ask(args, Request::Pause, Needs::Engine, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

/// Whether somebody must be at the run for a request to mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Engine,
    /// It is taken up with the next `plan resume` otherwise.
    Nobody,
}

/// Leaves a request for whoever runs, or will run, a run.
pub async fn ask(
    args: &RunOnly,
    request: Request,
    needs: Needs,
    terminal: &mut Terminal,
) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let fits = |run: &RunRow| !run.state.is_over();
    let run = operate::find(&mut store, args.run.as_deref(), fits, "that has not ended").await?;
    if !fits(&run) {
        let message = format!("{} has ended: {}", run.run, run.state.word());
        return Err(Refusal::new(Exit::Wrong, message, "see all runs: plan runs"));
    }
    let lease =
        store.leases().await?.into_iter().find(|lease| lease.run.as_ref() == Some(&run.run));
    let is_run = lease.is_some_and(|lease| owner::life(&lease.owner) != Life::Dead);
    if !is_run && needs == Needs::Engine {
        let message = format!("nobody runs {} now: it is {}", run.run, run.state.word());
        let help = format!("plan resume {}, or plan rollback {}", run.run, run.run);
        return Err(Refusal::new(Exit::Wrong, message, help));
    }
    store.ask(&run, &owner::who(), operate::clock().now(), &request).await?;
    let next = match is_run {
        true => format!("look at it: plan watch {}", run.run),
        false => format!("it is taken up when the run goes on: plan resume {}", run.run),
    };
    terminal.line(&format!("{}: recorded; {next}", run.run));
    Ok(Exit::Done)
}
