//! Scripts that another user runs: whether they can read them, before anything is touched.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

use plan_model::model::action::Action;
use plan_model::model::action::run::Command;
use plan_model::model::check::Check;
use plan_model::model::value::{HostRef, Text};
use plan_model::resolve::What;

use super::{Checked, Looked};
use crate::world::{Around, Job, World};

/// Each script with its user, once. What nobody knows yet is found out when its step runs: a user whom an
/// earlier step makes, a step that may be left out.
pub async fn all(world: &Rc<World>) -> Vec<Checked> {
    let mut found = BTreeSet::new();
    for (at, entry) in world.plan.entries().iter().enumerate() {
        if entry.conditional {
            continue;
        }
        let fill = world.filler(Some(at), None);
        let mut see = |command: &Command, user: &Option<Text>, on: &Option<HostRef>| {
            let (Command::File(script), Some(user), None) = (command, user, on) else { return };
            if let (Ok(user), Ok(name)) = (fill.of(user), fill.named(&script.file.value)) {
                found.insert((user, name));
            }
        };
        match &entry.what {
            What::Step(step) => {
                for (action, around) in step.all_actions() {
                    if let Action::Run(command) = action {
                        see(command, &around.user, &around.on);
                    }
                }
            }
            What::Checkpoint(checkpoint) => {
                for check in &checkpoint.checks {
                    if let Check::Run(check) = check {
                        see(&check.run, &check.user, &check.on);
                    }
                }
            }
        }
    }
    let mut checked = Vec::new();
    for (number, (user, name)) in found.into_iter().enumerate() {
        let job = Job::new(world.clone(), None, format!("script-{}", number + 1));
        checked.extend(ask(&job, user, &name).await);
    }
    checked
}

/// Nothing where it cannot be tried as that user.
async fn ask(job: &Job, user: String, name: &str) -> Option<Checked> {
    let file: PathBuf = job.world.base.join(name);
    let line = format!("{user} can read {name}");
    let folder = job.world.base.display();
    let hint = format!("put the plan where {user} can read it: {folder} is its folder");
    let around = Around { user: Some(user), ..job.around(None).unwrap_or_default() };
    let asked = async |words: &[&str]| {
        let words = words.iter().map(|word| word.to_string()).collect();
        let ran = job.program(words, around.clone(), None, false).await.ok()?;
        Some(ran.check(None).is_ok())
    };
    if asked(&["true"]).await != Some(true) {
        return None;
    }
    let looked = match asked(&["test", "-r", &file.display().to_string()]).await? {
        true => Looked::Holds(None),
        false => Looked::Fails(format!("{} is not there for them", file.display())),
    };
    Some(Checked { line, looked, hint: Some(hint) })
}
