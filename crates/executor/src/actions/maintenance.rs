//! `maintenance`: users are kept out, or come back. Whether they are out is asked of the application, and
//! the way back leads to what was before: a flag with all that stood in it.

use std::path::PathBuf;

use plan_model::model::action::maintenance::{Maintenance, MaintenanceKeys, MaintenanceKind, Turn};
use plan_model::model::plan::Surroundings;
use plan_model::model::value::ShellText;
use plan_model::template::shell_word;
use serde::{Deserialize, Serialize};

use super::noted::Noted;
use super::{About, Act, Found, Perform, again, here_only};
use crate::event::{Failure, Outputs};
use crate::keep::{self, Keep};
use crate::world::{Around, Broken, Job, error};

/// The flag that a web server looks for, unless the plan names one.
const FLAG: &str = "maintenance.flag";

/// Where Laravel keeps it, below the application's folder.
const LARAVEL: [&str; 2] = ["storage/framework/down", "storage/framework/maintenance.php"];

pub const ABOUT: About = About {
    key: "maintenance",
    verified: "the application says that it is on, or off",
    undone: "what was there before, with all that stood in the flag",
    after_crash: "asks the application",
    tests: &["tests/system/maintenance.rs"],
};

impl Perform for Maintenance {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        let mut lacks = here_only(around);
        if let Some(keys) = keys(self) {
            let is_command = keys.kind == Some(MaintenanceKind::Command);
            if is_command != keys.commands.is_some() {
                lacks.push("`kind: command` and `commands:` belong together".to_owned());
            }
            if keys.kind == Some(MaintenanceKind::Laravel) && keys.message.is_some() {
                lacks.push(
                    "artisan shows the application's own page (errors/503): leave `message` out"
                        .to_owned(),
                );
            }
        }
        lacks
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let way = Way::of(self, job, around).map_err(Failure::untouched)?;
            let is_on = way.is_on().await?;
            let noted = Noted::of(job, "maintenance");
            if noted.read::<Note>()?.is_none() {
                noted.write(&Note { was_on: is_on })?;
            }
            let wanted = self.turn() == Turn::On;
            if is_on != wanted {
                way.turn(wanted).await?;
                if way.is_on().await? != wanted {
                    let is = if wanted { "still lets users in" } else { "still keeps users out" };
                    return Err(error(format!("the application {is}")).into());
                }
            } else {
                job.say(if wanted { "it was on already" } else { "it was off already" });
            }
            Ok(Outputs::new())
        })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let noted = Noted::of(job, "maintenance");
            let Some(note) = noted.read::<Note>()? else { return Ok(()) };
            let way = Way::of(self, job, around)?;
            way.back(note.was_on).await?;
            if way.is_on().await? != note.was_on {
                let is = if note.was_on { "lets users in" } else { "keeps users out" };
                return Err(error(format!("the application still {is}")).into());
            }
            Ok(noted.forget()?)
        })
    }

    fn found<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Found> {
        Box::pin(async move {
            let Ok(way) = Way::of(self, job, around) else { return Found::InDoubt };
            match way.is_on().await {
                Ok(is_on) => Found::Partly {
                    how: format!(
                        "the application says that it is {}",
                        if is_on { "on" } else { "off" }
                    ),
                },
                Err(broken) => Found::Unasked { why: broken.why() },
            }
        })
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("the application is asked again")
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    was_on: bool,
}

fn keys(maintenance: &Maintenance) -> Option<&MaintenanceKeys> {
    match maintenance {
        Maintenance::Full(keys) => Some(keys),
        Maintenance::Turn(_) => None,
    }
}

/// How the application is told.
enum How {
    File(PathBuf),
    Laravel(PathBuf),
    Command,
}

struct Way<'j> {
    keys: Option<&'j MaintenanceKeys>,
    job: &'j Job,
    around: Around,
    how: How,
}

impl<'j> Way<'j> {
    fn of(
        maintenance: &'j Maintenance,
        job: &'j Job,
        around: &Surroundings,
    ) -> Result<Way<'j>, Failure> {
        let fill = job.filler();
        let keys = keys(maintenance);
        let mut around = job.around(Some(around))?;
        if let Some(dir) = keys.and_then(|keys| keys.dir.as_ref()) {
            around.dir = fill.path(&dir.value)?;
        }
        let file = fill.optional(keys.and_then(|keys| keys.file.as_ref()))?;
        let has_artisan = around.dir.join("artisan").is_file();
        let how = match keys.and_then(|keys| keys.kind) {
            Some(MaintenanceKind::Laravel) if !has_artisan => {
                let dir = around.dir.display();
                return Err(error(format!(
                    "there is no artisan in {dir}: name its folder (`in:`)"
                )));
            }
            Some(MaintenanceKind::Laravel) => How::Laravel(around.dir.clone()),
            Some(MaintenanceKind::Command) => How::Command,
            None if file.is_none() && has_artisan => How::Laravel(around.dir.clone()),
            Some(MaintenanceKind::File) | None => {
                How::File(around.dir.join(file.as_deref().unwrap_or(FLAG)))
            }
        };
        Ok(Way { keys, job, around, how })
    }

    async fn is_on(&self) -> Result<bool, Broken> {
        match &self.how {
            How::File(flag) => Ok(flag.exists()),
            How::Laravel(folder) => Ok(folder.join(LARAVEL[0]).exists()),
            How::Command => {
                let status = self.command(|commands| &commands.status)?;
                let ran = self.job.script(&status, self.around.clone(), None, false).await?;
                Ok(super::yes_or_no(&ran, self.around.timeout)?)
            }
        }
    }

    async fn turn(&self, on: bool) -> Result<(), Broken> {
        let fill = self.job.filler();
        match &self.how {
            How::File(flag) => {
                let mut keep = self.keep()?;
                keep.note([flag.clone()])?;
                if on {
                    let message = self.keys.and_then(|keys| keys.message.as_ref());
                    let mut text = fill.optional(message)?.unwrap_or_default();
                    if !text.is_empty() && !text.ends_with('\n') {
                        text.push('\n');
                    }
                    keep.made([(flag.clone(), crate::digest::sha256(&text))])?;
                    let rights = keep::meta::Meta::usual();
                    return Ok(keep::write_aside(flag, text.as_bytes(), Some(&rights))?);
                }
                keep.made([(flag.clone(), keep::GONE.to_owned())])?;
                Ok(std::fs::remove_file(flag)
                    .map_err(|problem| error(format!("{}: {problem}", flag.display())))?)
            }
            How::Laravel(folder) => {
                let flags = LARAVEL.map(|name| folder.join(name));
                let mut keep = self.keep()?;
                keep.note(flags.clone())?;
                keep.made(flags.map(|flag| (flag, keep::ANYTHING.to_owned())))?;
                let mut text = format!("php artisan {}", if on { "down" } else { "up" });
                if let Some(keys) = self.keys.filter(|_| on) {
                    if let Some(retry) = fill.optional_time(keys.retry_after.as_ref())? {
                        text += &format!(" --retry={}", retry.as_secs());
                    }
                    if let Some(bypass) = fill.optional(keys.bypass.as_ref())? {
                        if self.job.world.values.secrets.are_in(&bypass) {
                            return Err(error(
                                "artisan takes `bypass` as an argument, which everybody on this machine \
                                 can read: use an input that is not secret",
                            )
                            .into());
                        }
                        text += &format!(" --secret={}", shell_word(&bypass));
                    }
                }
                self.run(&text).await
            }
            How::Command => {
                let text =
                    self.command(|commands| if on { &commands.on } else { &commands.off })?;
                self.run(&text).await
            }
        }
    }

    /// To what was before, with all that stood in a flag.
    async fn back(&self, was_on: bool) -> Result<(), Broken> {
        match &self.how {
            How::File(_) | How::Laravel(_) => Ok(super::files::put_back(self.job)?),
            How::Command if self.is_on().await? == was_on => Ok(()),
            How::Command => self.turn(was_on).await,
        }
    }

    fn keep(&self) -> Result<Keep, Failure> {
        Keep::of(super::files::kept(self.job))
    }

    async fn run(&self, text: &str) -> Result<(), Broken> {
        let ran = self.job.script(text, self.around.clone(), None, false).await?;
        Ok(ran.check(self.around.timeout)?)
    }

    fn command(
        &self,
        which: impl Fn(&plan_model::model::action::maintenance::MaintenanceCommands) -> &ShellText,
    ) -> Result<String, Failure> {
        let commands = self.keys.and_then(|keys| keys.commands.as_ref());
        let commands = commands.ok_or_else(|| error("`commands:` tells the application"))?;
        Ok(which(commands).value.clone())
    }
}
