//! `plan report`: what became of a run, to be kept and to be shown around.

use plan_executor::ladder;
use plan_executor::report::{Around, Report};
use plan_executor::store::{RunRow, Store};

use super::apply::absolute;
use super::resume::compile;
use crate::args::{ReportArgs, ReportFormat};
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::render;
use crate::terminal::Terminal;

pub fn run(args: &ReportArgs, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(report(args, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn report(args: &ReportArgs, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let at = &args.run.store.store;
    let mut store = operate::existing(at).await?;
    let run = operate::find(&mut store, args.run.run.as_deref(), |_: &RunRow| true, "yet").await?;
    let (plan, frozen) = compile(&mut store, &run).await?;
    let records = store.read(&run, 0).await?;
    let folder = absolute(at)?.join("runs").join(&run.run);
    let around = Around {
        told: ladder::told(&folder),
        approvals: store.approvals(&frozen.reviewed()).await?,
        backups: store.backups().await?,
        folder,
    };
    let report = Report::of(&plan, &run, &records, around).map_err(|illegal| {
        Refusal::new(Exit::Wrong, illegal.to_string(), "use the version of plan that runs it")
    })?;
    terminal.line(&match args.format {
        ReportFormat::Markdown => render::report::markdown(&report),
        ReportFormat::Json => {
            serde_json::to_string_pretty(&report).expect("a report is plain data")
        }
    });
    Ok(Exit::Done)
}
