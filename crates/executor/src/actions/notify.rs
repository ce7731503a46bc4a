//! `notify`: tells somebody. A message that cannot be sent is a warning, unless it is required.

use std::time::Duration;

use plan_model::model::action::notify::Notify;
use plan_model::model::plan::Surroundings;
use serde_json::{Value as Json, json};

use super::http::reason;
use super::{Act, Found, Perform, again, here_only};
use crate::event::Outputs;
use crate::world::{Broken, Job, error};

const PATIENCE: Duration = Duration::from_secs(15);

impl Perform for Notify {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        let mut lacks = here_only(around);
        if self.email.is_some() {
            lacks.push("this version of plan cannot send e-mail yet".to_owned());
        }
        lacks
    }

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
        again("the message is sent once more")
    }
}

async fn send(notify: &Notify, job: &Job, around: &Surroundings) -> Result<(), Broken> {
    let fill = job.filler();
    let message = fill.of(&notify.message)?;
    if let Some(command) = &notify.command {
        let mut around = job.around(Some(around))?;
        let timeout = *around.timeout.get_or_insert(PATIENCE);
        let input = format!("{}\n", message.trim_end());
        let ran = job.script(&command.value, around, Some(&input), false).await?;
        ran.check(Some(timeout))?;
    }
    if let Some(webhook) = &notify.webhook {
        let url = fill.text(&webhook.value)?;
        let subject = fill.optional(notify.subject.as_ref())?;
        let body = json!({ "text": message, "subject": subject, "run": job.world.run.id });
        let request = job.world.http()?.post(&url).timeout(PATIENCE).json(&body);
        let answer = request
            .send()
            .await
            .map_err(|problem| error(format!("the webhook: {}", reason(&problem.without_url()))))?;
        if !answer.status().is_success() {
            return Err(error(format!("the webhook answers {}", answer.status())).into());
        }
    }
    Ok(())
}
