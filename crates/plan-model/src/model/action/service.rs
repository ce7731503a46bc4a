//! `service`: starts and stops services by their manager.

use super::{ActionFacts, Effect, Inverse};
use crate::model::read::{record, words};
use crate::model::value::{OneOrMany, ShellText, Text, Time};

words! {
/// Who manages a service.
pub enum Manager {
    /// systemd.
    Systemd = "systemd",
    /// Docker Compose; the services of the project in `in`.
    Compose = "compose",
    /// supervisord.
    Supervisor = "supervisor",
    /// The commands that `commands` gives.
    Command = "command",
}
}

record! {
/// Commands of a manager that `plan` does not know; `{{ service }}` is the service.
pub struct ServiceCommands {
    /// Starts it. Example: `sv start {{ service }}`
    start: ShellText,
    /// Stops it. Example: `sv stop {{ service }}`
    stop: ShellText,
    /// Exits with 0 when it runs. Example: `sv check {{ service }}`
    status: ShellText,
}
}

record! {
/// Starts, stops, restarts or reloads services, or builds their images.
pub struct Service {
    /// Services to stop. Example: `[worker, scheduler]`
    stop: Option<OneOrMany<Text>>,
    /// Services whose images are built. Example: `web`
    build: Option<OneOrMany<Text>>,
    /// Services to start. Example: `web`
    start: Option<OneOrMany<Text>>,
    /// Services to restart. Example: `postgresql`
    restart: Option<OneOrMany<Text>>,
    /// Services to reload. Example: `nginx`
    reload: Option<OneOrMany<Text>>,
    /// Who manages them; systemd unless said. Example: `compose`
    manager: Option<Manager>,
    /// The folder of the compose project. Example: `app/`
    dir as "in": Option<Text>,
    /// Before a stop: how long a running job may take to end. Example: `5m`
    drain: Option<Time>,
    /// How long a started service must stay up before it counts. Example: `5s`
    stable_for: Option<Time>,
    /// The commands of a manager that `plan` does not know. Example: `{ start: "sv start {{ service }}", stop: "sv stop {{ service }}", status: "sv check {{ service }}" }`
    commands: Option<ServiceCommands>,
}
}

impl Service {
    fn parts(&self) -> [(&'static str, &Option<OneOrMany<Text>>); 5] {
        [
            ("stop", &self.stop),
            ("build", &self.build),
            ("start", &self.start),
            ("restart", &self.restart),
            ("reload", &self.reload),
        ]
    }

    pub fn starts(&self) -> bool {
        self.start.is_some() || self.restart.is_some()
    }
}

impl ActionFacts for Service {
    fn line(&self) -> String {
        let said = self.parts().into_iter().filter_map(|(verb, names)| {
            let names: Vec<_> = names.as_ref()?.iter().map(|name| name.value.as_str()).collect();
            Some(format!("{verb} {}", names.join(", ")))
        });
        let manager = self.manager.unwrap_or(Manager::Systemd).word();
        format!("{} ({manager})", said.collect::<Vec<_>>().join("; "))
    }

    fn inverse(&self) -> Inverse {
        let moves = self.stop.is_some() || self.starts() || self.reload.is_some();
        if moves {
            Inverse::Natural("brings each service back to the state it had".to_owned())
        } else {
            Inverse::Natural("the services go back to the images they had".to_owned())
        }
    }

    fn by_hand(&self) -> String {
        "by hand: STEP.service.json in the run's folder says which of the services ran: start those, stop the \
         others"
            .to_owned()
    }

    fn effects(&self) -> Vec<Effect> {
        let names = self.parts().into_iter().filter_map(|(_, names)| names.as_ref());
        names
            .flat_map(|names| names.iter())
            .map(|name| Effect::Services { name: name.value.clone() })
            .collect()
    }
}
