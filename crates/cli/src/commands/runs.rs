//! `plan runs`: every run of a store, the newest first.

use plan_executor::store::Store;

use crate::args::Runs;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::render::run::date_time;
use crate::terminal::Terminal;

pub fn run(args: &Runs, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(runs(args, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn runs(args: &Runs, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let runs = store.runs().await?;
    if args.json {
        let text = serde_json::to_string_pretty(&runs).expect("a JSON value has a text");
        terminal.line(&text);
        return Ok(Exit::Done);
    }
    let width = runs.iter().map(|run| run.run.len()).max().unwrap_or(0);
    for run in &runs {
        let environment = run.environment.as_deref().unwrap_or("");
        let line = format!(
            "{:width$}  {}  {:28}  {} {}",
            run.run,
            date_time(run.started_at),
            run.state.word(),
            run.by,
            environment
        );
        terminal.line(line.trim_end());
    }
    Ok(Exit::Done)
}
