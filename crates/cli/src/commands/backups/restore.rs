//! `plan backups restore`: a run of its own, with one step: journaled, resumable, and undone like any
//! other.

use plan_executor::frozen::OneRestore;
use plan_executor::owner::{self, Life};
use plan_executor::store::Store;

use super::find;
use crate::args::RestoreBackup;
use crate::commands::{apply, resume};
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;

pub async fn run(args: &RestoreBackup, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let kept = find(&mut store, &args.backup).await?;
    let manifest = &kept.manifest;
    let wrong = match (&manifest.database, &args.database, &args.to) {
        (Some(_), _, Some(_)) => {
            Some(("a database goes to a connection", "leave out --to, or: --database"))
        }
        (None, Some(_), _) => {
            Some(("files go to a folder", "leave out --database, or: --to FOLDER"))
        }
        _ => None,
    };
    if let Some((message, help)) = wrong {
        return Err(Refusal::new(Exit::Wrong, message, help));
    }
    let lease = store.leases().await?.into_iter().find(|lease| {
        lease.plan == manifest.plan
            && lease.environment == kept.environment
            && owner::life(&lease.owner) != Life::Dead
    });
    if let Some(lease) = lease {
        let holder = operate::holder(&lease, operate::clock().now());
        return Err(Refusal::new(
            Exit::Held,
            holder,
            "wait for it, or stop it: plan pause, plan abort",
        ));
    }
    let runs = store.runs().await?;
    let run = runs.into_iter().find(|run| run.run == manifest.run).ok_or_else(|| {
        let text = format!("{} is not in this store any more", manifest.run);
        Refusal::new(Exit::Wrong, text, "restore it by a plan: restore: { id: … }")
    })?;
    let frozen = resume::frozen(&mut store, &run).await?;
    let one = OneRestore {
        plan: manifest.plan.clone(),
        path: kept.path.display().to_string(),
        database: args.database.clone(),
        to: args.to.clone(),
        confirm: !args.yes,
    };
    let unfit = || {
        Refusal::new(
            Exit::Wrong,
            format!("the plan of {} does not say where {} would go", run.run, manifest.id),
            "name a connection of it: --database CONNECTION; or write a plan: restore: { id: … }",
        )
    };
    let mut frozen = frozen.for_one_restore(&one).ok_or_else(unfit)?;
    let plan = frozen.compile().ok_or_else(unfit)?;
    apply::carry_out(plan, frozen, store, &args.store.store, None, args.output, terminal).await
}
