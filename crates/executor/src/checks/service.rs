//! `service`: whether one runs, as its manager says.

use std::time::{Duration, Instant};

use plan_model::model::check::{ServiceCheck, ServiceState};
use tokio::time::sleep;

use super::Looked;
use crate::actions::service::Services;
use crate::world::{Broken, Job};

const EVERY: Duration = Duration::from_millis(500);

pub async fn look(job: &Job, check: &ServiceCheck) -> Looked {
    try_look(job, check).await.unwrap_or_else(Looked::from)
}

async fn try_look(job: &Job, check: &ServiceCheck) -> Result<Looked, Broken> {
    let fill = job.filler();
    let name = fill.of(&check.service)?;
    let mut around = job.around(None)?;
    around.set_place(&fill, check.on.as_ref(), check.dir.as_ref())?;
    let stable = fill.optional_time(check.stable_for.as_ref())?.unwrap_or_default();
    let wanted = check.state != Some(ServiceState::Stopped);
    for place in around.each_place() {
        let host = place.on.first().map_or(String::new(), |host| format!(" on {host}"));
        let services = Services::asked(job, place, check.manager);
        let began = Instant::now();
        loop {
            if services.is_up(&name).await? != wanted {
                let is = if wanted { "does not run" } else { "runs" };
                return Ok(Looked::Fails(format!("{name} {is}{host}")));
            }
            if began.elapsed() >= stable {
                break;
            }
            sleep(EVERY.min(stable)).await;
        }
    }
    Ok(Looked::Holds(None))
}
