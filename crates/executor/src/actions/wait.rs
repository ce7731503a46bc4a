//! `wait`: for a time, or until a check holds or a clock time comes.

use std::time::Duration;

use plan_model::model::action::wait::{Wait, WaitKeys};
use plan_model::model::plan::Surroundings;
use plan_model::notation::{Opening, Spoken};
use tokio::time::{Instant, sleep};

use super::{About, Act, Found, Perform, again, here_only};
use crate::checks::{self, Looked};
use crate::event::{Failure, FailureKind, Outputs};
use crate::guard;
use crate::world::{Broken, Job, error};

pub const ABOUT: About = About {
    key: "wait",
    verified: "it is a check",
    undone: "reads only",
    after_crash: "simply waits again",
    tests: &["tests/run/processes.rs"],
};

impl Perform for Wait {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        let mut lacks = here_only(around);
        if let Wait::Full(keys) = self {
            lacks.extend(keys.until.iter().flat_map(checks::lacks));
        }
        lacks
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        _: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            match self {
                Wait::Time(time) => sleep(job.filler().time(time)?).await,
                Wait::Full(keys) => until(job, keys).await?,
            }
            Ok(Outputs::new())
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("it simply waits again")
    }
}

async fn until(job: &Job, keys: &WaitKeys) -> Result<(), Broken> {
    let fill = job.filler();
    let at_most = fill.optional_time(keys.at_most.as_ref())?;
    if let Some(clock) = &keys.clock {
        let text = fill.text(&clock.value)?;
        let opening =
            Opening::parse(&text).ok_or_else(|| error(format!("`{text}` is no clock time")))?;
        let window = job.world.plan.plan.window.as_ref();
        let zone = window.and_then(|window| window.timezone.as_ref());
        let now = job.world.clock.now();
        let next = guard::next_opening(&opening, zone.map(|zone| zone.value.as_str()), now)
            .ok_or_else(|| error(format!("`{text}` does not come any more")))?;
        let time = next.since(now);
        if at_most.is_some_and(|most| time > most) {
            return Err(timed_out(format!("{text} is {} away", Spoken(time))).into());
        }
        // In pieces: the clock may be set meanwhile.
        while job.world.clock.now() < next {
            let left = next.since(job.world.clock.now());
            sleep(left.min(Duration::from_secs(1))).await;
        }
        return Ok(());
    }
    let Some(check) = &keys.until else { return Ok(()) };
    let stable_for = fill.optional_time(keys.stable_for.as_ref())?.unwrap_or_default();
    let every = fill.optional_time(check.common().every.as_ref())?;
    let every = every.unwrap_or(Duration::from_millis(200));
    let started = Instant::now();
    let mut held_since: Option<Instant> = None;
    loop {
        let looked = checks::look(job, check, 0).await;
        let said = match looked {
            Looked::Holds(_) => {
                let since = *held_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= stable_for {
                    return Ok(());
                }
                "it holds, but not for long enough yet".to_owned()
            }
            Looked::Fails(why) | Looked::Unmeasured(why) | Looked::Declined(why) => {
                held_since = None;
                why
            }
        };
        if let Some(most) = at_most
            && started.elapsed() >= most
        {
            return Err(timed_out(format!("not within {}: {said}", Spoken(most))).into());
        }
        sleep(every).await;
    }
}

fn timed_out(text: String) -> Failure {
    Failure::new(FailureKind::TimedOut, text)
}
