//! `plan resume`: takes a run up where its journal ends, with the very plan that it began with.

use plan_executor::engine::{Engine, take_up};
use plan_executor::frozen::Frozen;
use plan_executor::store::sqlite::SqliteStore;
use plan_executor::store::{RunRow, Store};
use plan_model::graph::CompiledPlan;

use super::apply::{begun, complete};
use crate::args::Resume;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;

pub fn run(args: &Resume, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(resume(args, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn resume(args: &Resume, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let fits = |run: &RunRow| !run.state.is_over();
    let what = "that could be resumed";
    let run = operate::find(&mut store, args.run.as_deref(), fits, what).await?;
    if run.state.is_over() {
        let message = format!("{} has ended: {}", run.run, run.state.word());
        return Err(Refusal::new(Exit::Wrong, message, "begin a new one: plan apply PLAN"));
    }
    let engine = open(args, store, run).await?;
    // What was asked for, by `plan rollback`, is done.
    let as_asked = engine.course.goes_back_as_asked;
    Ok(match operate::drive(engine, args.output, terminal).await {
        Exit::RolledBack if as_asked => Exit::Done,
        other => other,
    })
}

/// The engine of a run that is there, under a lease.
pub async fn open(
    args: &Resume,
    mut store: SqliteStore,
    run: RunRow,
) -> Result<Engine<SqliteStore>, Refusal> {
    let mut frozen = frozen(&mut store, &run).await?;
    // A long journal is read while its long plan is compiled.
    let compiling = std::thread::spawn(move || (frozen.compile(), frozen));
    let records = store.read(&run, 0).await?;
    let (plan, frozen) = compiling.join().map_err(|_| unreadable(&run))?;
    let plan = plan.ok_or_else(|| unreadable(&run))?;
    let backups = store.backups().await?;
    let begun = begun(plan, &frozen, None, &args.store.store, backups, args.output)?;
    let begun = complete(begun)?;
    let now = begun.clock.now();
    let environment = run.environment.as_deref();
    let token = operate::claim(&mut store, &run.plan, environment, args.take_over, now).await?;
    store.adopt(&token, &run).await?;
    Ok(take_up(store, token, run, begun, records).await?)
}

/// The plan of a run, from what was kept when it began.
pub async fn compile(
    store: &mut SqliteStore,
    run: &RunRow,
) -> Result<(CompiledPlan, Frozen), Refusal> {
    let mut frozen = frozen(store, run).await?;
    let plan = frozen.compile().ok_or_else(|| unreadable(run))?;
    Ok((plan, frozen))
}

pub async fn frozen(store: &mut SqliteStore, run: &RunRow) -> Result<Frozen, Refusal> {
    Frozen::from_bytes(&store.frozen(run).await?).ok_or_else(|| unreadable(run))
}

fn unreadable(run: &RunRow) -> Refusal {
    Refusal::new(
        Exit::Paused,
        format!("the plan that {} began with cannot be read any more", run.run),
        "use the version of plan that began the run; or go by its rollback.md",
    )
}
