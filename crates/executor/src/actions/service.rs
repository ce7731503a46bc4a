//! `service`: stops, starts, restarts and reloads what runs on a machine, by its manager. Whether a service
//! runs is asked before and after each turn; the way back brings each to the state that it had.

use std::rc::Rc;
use std::time::{Duration, Instant};

use plan_model::model::action::Action;
use plan_model::model::action::service::{Manager, Service, ServiceCommands};
use plan_model::model::plan::Surroundings;
use plan_model::model::value::{OneOrMany, Text};
use tokio::sync::OnceCell;
use tokio::time::sleep;

mod compose;

use super::noted::Noted;
use super::{About, Act, Found, Perform, again, goes_on, here_only};
use crate::event::{Failure, Outputs};
use crate::fill::Filler;
use crate::world::{Around, Broken, Job, World, error};

/// So long a service may take to stop, where the plan does not say.
const DRAIN: Duration = Duration::from_secs(90);
/// So long one may take until it runs.
const START: Duration = Duration::from_secs(90);
/// So long it must stay up, where the plan does not say.
const STABLE: Duration = Duration::from_secs(3);
const EVERY: Duration = Duration::from_millis(250);

/// What commands of an unknown manager find the service in.
const VARIABLE: &str = "PLAN_SERVICE";

pub const ABOUT: About = About {
    key: "service",
    verified: "the manager says that it is in its state, and stays in it",
    undone: "starts what ran, stops what did not; an image gets its name back",
    after_crash: "asks the manager",
    tests: &["tests/system/service.rs", "tests/system/systemd.rs", "tests/system/compose.rs"],
};

impl Perform for Service {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        let mut lacks = here_only(around);
        if self.build.is_some() && self.manager != Some(Manager::Compose) {
            lacks.push("only `manager: compose` can `build` images".to_owned());
        }
        if (self.manager == Some(Manager::Command)) != self.commands.is_some() {
            lacks.push("`manager: command` and `commands:` belong together".to_owned());
        }
        let reloads = self.reload.is_some() && self.manager == Some(Manager::Command);
        if reloads {
            lacks.push("`commands:` know no reload: a `run:` step can".to_owned());
        }
        lacks
    }

    fn tools(&self, _: &Filler<'_>) -> Vec<String> {
        match self.manager.unwrap_or(Manager::Systemd) {
            Manager::Systemd => vec!["systemctl".to_owned()],
            Manager::Supervisor => vec!["supervisorctl".to_owned()],
            Manager::Compose => vec!["docker".to_owned()],
            Manager::Command => Vec::new(),
        }
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let services = Services::of(self, job, around).map_err(Failure::untouched)?;
            let parts = [&self.stop, &self.start, &self.restart, &self.reload];
            let mut names = Vec::new();
            for part in parts.into_iter().flatten() {
                for name in services.names(part)? {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            let noted = Noted::of(job, "service");
            if noted.read::<Before>()?.is_none() {
                let mut before = Before::new();
                for name in names {
                    // What is just starting is meant to run.
                    let was_up = !services.state(&name).await?.is_down();
                    before.push((name, was_up));
                }
                noted.write(&before)?;
            }
            for name in services.names_of(&self.stop)? {
                services.stop(&name).await?;
            }
            for name in services.names_of(&self.build)? {
                compose::build(&services, &name).await?;
            }
            for name in services.names_of(&self.start)? {
                services.start(&name).await?;
            }
            for name in services.names_of(&self.restart)? {
                services.tell("restart", &name).await?;
                services.stays_up(&name).await?;
            }
            for name in services.names_of(&self.reload)? {
                services.tell("reload", &name).await?;
                services.stays_up(&name).await?;
            }
            Ok(Outputs::new())
        })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let services = Services::of(self, job, around)?;
            for name in services.names_of(&self.build)?.into_iter().rev() {
                compose::unbuild(&services, &name).await?;
            }
            let noted = Noted::of(job, "service");
            let Some(before) = noted.read::<Before>()? else { return Ok(()) };
            for (name, was_up) in before.into_iter().rev() {
                match was_up {
                    // How well it ran before nobody knows: what is not down is as it was.
                    true => match services.settled(&name).await? {
                        State::Up(_) | State::Between => {}
                        State::Down | State::Unknown(_) => services.start(&name).await?,
                    },
                    false => services.stop(&name).await?,
                }
            }
            Ok(noted.forget()?)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        goes_on("each service is asked how it is, and told what is missing")
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("each service is asked again")
    }
}

/// Which of them ran, in the order in which they are told.
type Before = Vec<(String, bool)>;

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It runs, as this process.
    Up(String),
    /// On its way up or down, or started again and again.
    Between,
    Down,
    /// Nothing that its manager knows: what that says.
    Unknown(String),
}

impl State {
    fn is_down(&self) -> bool {
        *self == State::Down
    }
}

/// Whether a service of the plan's `state:` runs, by the manager that a step of the plan has for it.
pub async fn state_of(world: &Rc<World>, name: &str) -> Result<&'static str, Failure> {
    let mut found = None;
    for (at, entry) in world.plan.entries().iter().enumerate() {
        let Some(step) = entry.step() else { continue };
        let Some(Action::Service(service)) = step.actions.first() else { continue };
        let fill = world.filler(Some(at), None);
        let parts = [&service.stop, &service.start, &service.restart, &service.reload];
        let mut names = parts.into_iter().flatten().flat_map(OneOrMany::iter);
        if names.any(|one| fill.of(one).is_ok_and(|one| one == name)) {
            found = Some((at, service, &step.surroundings));
            break;
        }
    }
    let job = Job::new(world.clone(), found.map(|(at, ..)| at), format!("state-of-{name}"));
    let services = match found {
        Some((_, service, around)) => Services::of(service, &job, around)?,
        None => Services::asked(&job, job.around(None)?, None),
    };
    match services.settled(&plain(name.to_owned())?).await {
        Ok(State::Up(_)) => Ok("runs"),
        Ok(State::Between) => Ok("comes up again and again"),
        Ok(State::Down) => Ok("does not run"),
        Ok(State::Unknown(_)) => Ok("not there"),
        Err(Broken::Failed(failure)) => Err(failure),
        Err(Broken::Lost) => Err(error(format!("{name}: who asked its manager is gone"))),
        Err(Broken::InDoubt(why)) => Err(error(format!("{name}: {why}"))),
    }
}

/// Services and who manages them.
pub struct Services<'j> {
    job: &'j Job,
    around: Around,
    manager: Manager,
    commands: Option<&'j ServiceCommands>,
    drain: Option<Duration>,
    stable: Duration,
    /// Whether `docker` knows Compose here.
    in_docker: OnceCell<bool>,
}

impl<'j> Services<'j> {
    fn of(
        service: &'j Service,
        job: &'j Job,
        around: &Surroundings,
    ) -> Result<Services<'j>, Failure> {
        let fill = job.filler();
        let mut around = job.around(Some(around))?;
        if let Some(dir) = &service.dir {
            around.dir = fill.path(&dir.value)?;
        }
        let drain = fill.optional_time(service.drain.as_ref())?;
        let stable = fill.optional_time(service.stable_for.as_ref())?.unwrap_or(STABLE);
        let manager = service.manager.unwrap_or(Manager::Systemd);
        let commands = service.commands.as_ref();
        let in_docker = OnceCell::new();
        Ok(Services { job, around, manager, commands, drain, stable, in_docker })
    }

    /// For whoever only asks.
    pub fn asked(job: &'j Job, around: Around, manager: Option<Manager>) -> Services<'j> {
        let manager = manager.unwrap_or(Manager::Systemd);
        let in_docker = OnceCell::new();
        let (drain, stable) = (None, STABLE);
        Services { job, around, manager, commands: None, drain, stable, in_docker }
    }

    fn names(&self, part: &OneOrMany<Text>) -> Result<Vec<String>, Failure> {
        let names = part.iter().map(|name| plain(self.job.filler().of(name)?));
        let names = names.collect::<Result<Vec<_>, Failure>>()?;
        if self.manager == Manager::Supervisor && names.iter().any(|name| name == "all") {
            return Err(error("`all` is no service: name each, so that it is known how each was"));
        }
        Ok(names)
    }

    fn names_of(&self, part: &Option<OneOrMany<Text>>) -> Result<Vec<String>, Failure> {
        part.as_ref().map_or(Ok(Vec::new()), |part| self.names(part))
    }

    async fn stop(&self, name: &str) -> Result<(), Broken> {
        if self.state(name).await?.is_down() {
            return Ok(());
        }
        self.tell("stop", name).await?;
        let began = Instant::now();
        while !self.state(name).await?.is_down() {
            let drain = self.drain.unwrap_or(DRAIN);
            if began.elapsed() > drain {
                let waited = plan_model::notation::Spoken(drain);
                return Err(
                    error(format!("{name} still runs {waited} after it was told to stop")).into()
                );
            }
            sleep(EVERY).await;
        }
        Ok(())
    }

    async fn start(&self, name: &str) -> Result<(), Broken> {
        // Compose starts it anew where its image or its settings are others now.
        if self.settled(name).await?.is_down() || self.manager == Manager::Compose {
            self.tell("start", name).await?;
        }
        self.stays_up(name).await
    }

    /// How it is when it has arrived: what is still going down is not up. Some never arrive.
    async fn settled(&self, name: &str) -> Result<State, Broken> {
        let began = Instant::now();
        loop {
            match self.found(name).await? {
                State::Between if began.elapsed() < START => sleep(EVERY).await,
                state => return Ok(state),
            }
        }
    }

    /// A service that comes up and falls down again has not been started; one that somebody starts again and
    /// again neither.
    async fn stays_up(&self, name: &str) -> Result<(), Broken> {
        let began = Instant::now();
        let fell =
            || error(format!("{name} came up and went down again{}", self.where_it_tells(name)));
        let first = loop {
            match self.state(name).await? {
                State::Up(process) => break process,
                // These tell it to start and wait until it has.
                State::Down if self.manager != Manager::Command => return Err(fell().into()),
                _ if began.elapsed() > START => {
                    let text = format!("{name} does not run{}", self.where_it_tells(name));
                    return Err(error(text).into());
                }
                _ => sleep(EVERY).await,
            }
        };
        let up = Instant::now();
        while up.elapsed() < self.stable {
            sleep(EVERY.min(self.stable)).await;
            if self.state(name).await? != State::Up(first.clone()) {
                return Err(fell().into());
            }
        }
        Ok(())
    }

    fn where_it_tells(&self, name: &str) -> String {
        match self.manager {
            Manager::Systemd => format!(": journalctl -u {name}"),
            Manager::Supervisor => format!(": supervisorctl tail {name} stderr"),
            Manager::Compose => format!(": the logs of {name} in its project tell why"),
            Manager::Command => String::new(),
        }
    }

    pub async fn is_up(&self, name: &str) -> Result<bool, Broken> {
        Ok(matches!(self.state(name).await?, State::Up(_)))
    }

    async fn state(&self, name: &str) -> Result<State, Broken> {
        match self.found(name).await? {
            State::Unknown(said) => {
                let said: String = said.trim().chars().take(200).collect();
                let text = format!("{name} is nothing that its manager knows: {said}");
                Err(error(text).into())
            }
            state => Ok(state),
        }
    }

    async fn found(&self, name: &str) -> Result<State, Broken> {
        let program = match self.manager {
            Manager::Systemd => {
                vec!["systemctl", "show", "--property=ActiveState,MainPID,LoadState", "--", name]
            }
            Manager::Supervisor => vec!["supervisorctl", "status", name],
            Manager::Compose => return compose::state(self, name).await,
            Manager::Command => {
                let commands = self.commands()?;
                let ran = self.script(&commands.status.value, name).await?;
                let up = super::yes_or_no(&ran, self.around.timeout)?;
                return Ok(if up { State::Up(String::new()) } else { State::Down });
            }
        };
        let program = program.into_iter().map(str::to_owned).collect();
        let ran = self.job.program(program, self.around.clone(), None, true).await?;
        let said = ran.text().unwrap_or_default();
        let unknown = || -> Result<State, Broken> {
            ran.check(self.around.timeout)?;
            Ok(State::Unknown(said.clone()))
        };
        match self.manager {
            Manager::Systemd => {
                let value = |key: &str| {
                    let line =
                        said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
                    line.unwrap_or_default().to_owned()
                };
                match value("ActiveState").as_str() {
                    _ if value("LoadState") == "not-found" => unknown(),
                    "active" | "reloading" => Ok(State::Up(value("MainPID"))),
                    "inactive" | "failed" | "maintenance" => Ok(State::Down),
                    "activating" | "deactivating" => Ok(State::Between),
                    _ => unknown(),
                }
            }
            _ => {
                let mut words = said.split_whitespace().skip(1);
                match words.next().unwrap_or_default() {
                    "RUNNING" => Ok(State::Up(words.nth(1).unwrap_or_default().to_owned())),
                    "STARTING" | "BACKOFF" | "STOPPING" => Ok(State::Between),
                    "STOPPED" | "EXITED" | "FATAL" => Ok(State::Down),
                    _ => unknown(),
                }
            }
        }
    }

    async fn tell(&self, verb: &str, name: &str) -> Result<(), Broken> {
        let program = match (self.manager, verb) {
            // It waits as long as the unit says, unless the plan says how long.
            (Manager::Systemd, "stop") if self.drain.is_some() => {
                vec!["systemctl", "stop", "--no-block", "--", name]
            }
            (Manager::Systemd, _) => vec!["systemctl", verb, "--", name],
            (Manager::Supervisor, "reload") => vec!["supervisorctl", "signal", "HUP", name],
            (Manager::Supervisor, _) => vec!["supervisorctl", verb, name],
            (Manager::Compose, _) => return compose::tell(self, verb, name).await,
            (Manager::Command, _) => {
                let commands = self.commands()?;
                let texts = match verb {
                    "start" => vec![&commands.start],
                    "stop" => vec![&commands.stop],
                    _ => vec![&commands.stop, &commands.start],
                };
                for text in texts {
                    let ran = self.script(&text.value, name).await?;
                    ran.check(self.around.timeout)?;
                }
                return Ok(());
            }
        };
        self.order(program, &format!("{verb} {name}")).await
    }

    /// Has a program do something, which is called so where it fails.
    async fn order(&self, program: Vec<&str>, what: &str) -> Result<(), Broken> {
        let program = program.into_iter().map(str::to_owned).collect();
        let ran = self.job.program(program, self.around.clone(), None, false).await?;
        Ok(ran.check(self.around.timeout).map_err(|mut failure| {
            failure.text = format!("{what}: {}", failure.text);
            failure
        })?)
    }

    fn commands(&self) -> Result<&'j ServiceCommands, Failure> {
        self.commands.ok_or_else(|| error("`manager: command` needs `commands:`"))
    }

    /// `{{ service }}` is a word of the script, whatever it is called.
    async fn script(&self, text: &str, name: &str) -> Result<crate::world::Ran, Broken> {
        let mut around = self.around.clone();
        around.env.push((VARIABLE.to_owned(), name.to_owned()));
        let text = super::with_word(text, "service", VARIABLE);
        self.job.script(&text, around, None, false).await
    }
}

/// A name that a manager takes for nothing else.
fn plain(name: String) -> Result<String, Failure> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.@:/\\".contains(c);
    match !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain) {
        true => Ok(name),
        false => Err(error(format!("`{}` is no name of a service", name.escape_debug()))),
    }
}
