//! `notify`: tells somebody. A message that cannot be sent is a warning, unless it is required.

use plan_model::model::action::notify::Notify;
use plan_model::model::plan::Surroundings;
use plan_model::model::value::OneOrMany;
use serde_json::Value as Json;

use super::{About, Act, Found, Perform, goes_on};
use crate::event::Outputs;
use crate::tell::{self, Words};
use crate::world::{Broken, Job};

pub const ABOUT: About = About {
    key: "notify",
    verified: "the server, the address or the command took it",
    undone: "a message cannot be taken back",
    after_crash: "sent once more, with the same message id",
    tests: &["tests/run/mail.rs", "tests/run/people.rs"],
};

impl Perform for Notify {
    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let required = job.filler().flag(self.required.as_ref(), false)?;
            match send(self, job, around).await {
                Ok(()) => Ok(Outputs::new()),
                Err(broken) if required => Err(broken),
                Err(broken) => {
                    let why = match broken {
                        Broken::Failed(failure) => failure.text,
                        Broken::Lost | Broken::InDoubt(_) => {
                            "nobody can tell whether it was sent".to_owned()
                        }
                    };
                    let mut outputs = Outputs::new();
                    outputs.insert("warning".to_owned(), Json::from(format!("not sent: {why}")));
                    Ok(outputs)
                }
            }
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        // It may have arrived: whoever got it hears of the way back as well.
        goes_on("the message is sent once more")
    }
}

async fn send(notify: &Notify, job: &Job, around: &Surroundings) -> Result<(), Broken> {
    let fill = job.filler();
    let text = fill.of(&notify.message)?;
    let first = text.lines().next().unwrap_or_default().to_owned();
    let subject = fill.optional(notify.subject.as_ref())?.unwrap_or(first);
    let words = Words { subject, text };
    if let Some(command) = &notify.command {
        tell::by_command(job, &command.value, &words, Some(around)).await?;
    }
    if let Some(webhook) = &notify.webhook {
        tell::by_webhook(job, &fill.text(&webhook.value)?, &words).await?;
    }
    let to = notify.email.iter().flat_map(OneOrMany::iter).map(|address| fill.of(address));
    let to = to.collect::<Result<Vec<_>, _>>()?;
    if !to.is_empty() {
        // Sent again after a crash it is the same message: whoever keeps one of each keeps one. What the way
        // back says is another.
        let this = job.id.rsplit_once('.').map_or(job.entry_id(), |(this, _attempt)| this);
        let id = format!("{}.{this}", job.world.run_key());
        tell::by_mail(job, &to, &words, &id).await?;
    }
    Ok(())
}
