//! `gate`: what must have happened to this very plan before, by its digest: asked of the store.

use plan_model::graph::CompiledPlan;
use plan_model::model::check::{GateCheck, GateKind};
use plan_model::notation::Spoken;
use plan_model::template::shell_word;

use super::Looked;
use crate::event::{Event, Failure};
use crate::frozen::Frozen;
use crate::state::RunState;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::world::{Job, World, error};

pub async fn look(job: &Job, check: &GateCheck) -> Looked {
    try_look(job, check).await.unwrap_or_else(|failure| Looked::Unmeasured(failure.text))
}

async fn try_look(job: &Job, check: &GateCheck) -> Result<Looked, Failure> {
    let (world, fill) = (&job.world, job.filler());
    let max_age = fill.optional_time(check.max_age.as_ref())?;
    let by = fill.optional(check.by.as_ref())?;
    let wrong = |problem: crate::store::StoreError| error(problem.to_string());
    let store = SqliteStore::open_existing(&world.store_folder).await.map_err(wrong)?;
    let Some(mut store) = store else {
        return Ok(Looked::Fails(not_yet(check, by.as_deref(), world)));
    };
    // When it happened, and by whom; the newest first.
    let found: Vec<_> = match check.gate {
        GateKind::Rehearsed | GateKind::Applied => {
            let wanted = check.environment.as_ref().map(|environment| environment.value.as_str());
            let runs = store.runs().await.map_err(wrong)?.into_iter();
            let fits = runs.filter(|run| {
                let elsewhere = match wanted {
                    Some(wanted) => run.environment.as_deref() == Some(wanted),
                    None => run.environment != world.environment,
                };
                run.digest == world.digest && elsewhere
            });
            let mut found = Vec::new();
            let mut other = None;
            for run in fits {
                let fits = match (check.gate, run.state) {
                    (GateKind::Applied, state) => state == RunState::Succeeded,
                    // The whole way there, and the whole way back.
                    (_, RunState::RolledBack) => {
                        let records = store.read(&run, 0).await.map_err(wrong)?;
                        let ended = Event::Ended { ending: RunState::Succeeded };
                        records.iter().any(|record| record.event == ended)
                    }
                    _ => false,
                };
                if !fits {
                    continue;
                }
                let frozen = Frozen::from_bytes(&store.frozen(&run).await.map_err(wrong)?);
                match frozen.and_then(|frozen| differs(world, frozen)) {
                    None => found.push((run.changed_at, run.by)),
                    Some(differs) => other = other.or(Some(format!("{}: {differs}", run.run))),
                }
            }
            if let Some(other) = other.filter(|_| found.is_empty()) {
                return Ok(Looked::Fails(other));
            }
            found
        }
        GateKind::Approved => {
            let approvals = store.approvals(&world.reviewed).await.map_err(wrong)?.into_iter();
            let fits =
                approvals.filter(|one| by.as_ref().is_none_or(|by| one.role.as_ref() == Some(by)));
            fits.map(|approval| (approval.at, approval.by)).collect()
        }
    };
    store.close().await;
    let Some((at, who)) = found.first() else {
        return Ok(Looked::Fails(not_yet(check, by.as_deref(), &job.world)));
    };
    let age = world.clock.now().since(*at);
    Ok(match max_age.filter(|most| age > *most) {
        Some(most) => Looked::Fails(format!(
            "the last time, by {who}, is {} ago: longer than {}",
            Spoken(age),
            Spoken(most)
        )),
        None => Looked::Holds(Some(who.clone().into())),
    })
}

/// The first input that was typed, here or there, and had another value there: it was another version then.
fn differs(world: &World, mut there: Frozen) -> Option<String> {
    let mut typed: Vec<String> = there.typed().map(|(name, _)| name.to_owned()).collect();
    typed.extend(world.typed.iter().cloned());
    let there = there.compile()?;
    let of = |plan: &CompiledPlan, name: &str| {
        let input = plan.plan.scopes.first()?.get(name)?;
        Some(input.held.shown().unwrap_or_else(|| "nothing that can be shown".to_owned()))
    };
    typed.into_iter().find_map(|name| {
        let (here, there) = (of(&world.plan, &name)?, of(&there, &name)?);
        (here != there).then(|| {
            format!(
                "it was carried out there with {name} = {there}, and here it is {here}: what differs between \
                 environments stands in their files; what is typed must have been tried"
            )
        })
    })
}

/// What is missing, and how to come by it.
fn not_yet(check: &GateCheck, by: Option<&str>, world: &World) -> String {
    let short = |digest: &str| digest[..digest.len().min(12)].to_owned();
    let place = check.environment.as_ref().map_or("another environment", |id| &id.value);
    let digest = short(&world.digest);
    match check.gate {
        GateKind::Applied => {
            format!(
                "the plan as it is now (digest {digest}) did not succeed in {place}, or was taken back since; \
                 this store is asked: --store"
            )
        }
        GateKind::Rehearsed => format!(
            "the plan as it is now (digest {digest}) was not carried out in {place} and taken back from there, \
             completely: plan apply, then plan rollback"
        ),
        _ => {
            let role = by.map_or(String::new(), |by| format!(" --as {}", shell_word(by)));
            let place =
                world.environment.as_ref().map_or(String::new(), |name| format!(" --env {name}"));
            format!(
                "nobody approved the plan as it is now (digest {}); who has read it does so by: \
                 plan approve PLAN{role}{place}, with the same --set",
                short(&world.reviewed)
            )
        }
    }
}
