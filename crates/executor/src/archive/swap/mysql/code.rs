//! What is no table: views, triggers, routines and events, each as the statement that makes it. A RENAME
//! does not take them along, so they are made anew where they differ.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::Failure;
use crate::world::database::Session;
use crate::world::database::address::Address;
use crate::world::{Job, error};

/// How often those that could not be made are tried again: a view may stand on another one.
const ROUNDS: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    View,
    Function,
    Procedure,
    Trigger,
    Event,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::View => "view",
            Kind::Function => "function",
            Kind::Procedure => "procedure",
            Kind::Trigger => "trigger",
            Kind::Event => "event",
        }
    }

    /// In what `show create` gives: the statement, its mode, the client's character set and collation,
    /// and the zone of an event.
    fn columns(self) -> (usize, Option<usize>, usize, usize, Option<usize>) {
        match self {
            Kind::View => (1, None, 2, 3, None),
            Kind::Event => (3, Some(1), 4, 5, Some(2)),
            Kind::Function | Kind::Procedure | Kind::Trigger => (2, Some(1), 3, 4, None),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Object {
    pub kind: Kind,
    pub name: String,
    /// The session in which it was made.
    settings: String,
    text: String,
}

/// All of a database, in an order in which most of it can be made.
pub async fn of(at: &Address, database: &str, job: &Job) -> Result<Vec<Object>, Failure> {
    // Seen from inside, names of its own tables stand without its name.
    let mut session = job.session(&at.on(database)).await?;
    let objects = read(&mut session, database).await;
    session.close().await;
    objects
}

async fn read(session: &mut Session, database: &str) -> Result<Vec<Object>, Failure> {
    let name = session.literal(database);
    let query = format!(
        "select 'function', routine_name, 0 from information_schema.routines
             where routine_schema = {name} and routine_type = 'FUNCTION'
         union all select 'procedure', routine_name, 1 from information_schema.routines
             where routine_schema = {name} and routine_type = 'PROCEDURE'
         union all select 'view', table_name, 2 from information_schema.views
             where table_schema = {name}
         union all select 'trigger', trigger_name, 3 + action_order from information_schema.triggers
             where trigger_schema = {name}
         union all select 'event', event_name, 1000000 from information_schema.events
             where event_schema = {name}
         order by 3, 2"
    );
    let mut objects = Vec::new();
    for line in session.lines(&query).await? {
        let mut parts = line.into_iter().flatten();
        let (Some(word), Some(name)) = (parts.next(), parts.next()) else { continue };
        let kind = match &word[..] {
            "view" => Kind::View,
            "function" => Kind::Function,
            "procedure" => Kind::Procedure,
            "trigger" => Kind::Trigger,
            _ => Kind::Event,
        };
        let shown = session.identifier(&name);
        let lines = session.lines(&format!("show create {word} {shown}")).await?;
        let line = lines.into_iter().next().unwrap_or_default();
        let part = |at: usize| line.get(at).cloned().flatten();
        let (text, mode, charset, collation, zone) = kind.columns();
        let Some(text) = part(text) else {
            return Err(error(format!(
                "the definition of {word} {name} is not shown to this login: it needs the right to read it"
            )));
        };
        let mut settings = Vec::new();
        let pairs = [
            ("sql_mode", mode.and_then(part)),
            ("character_set_client", part(charset)),
            ("collation_connection", part(collation)),
            ("time_zone", zone.and_then(part)),
        ];
        for (setting, value) in pairs {
            settings
                .extend(value.map(|value| format!("{setting} = '{}'", value.replace('\'', "''"))));
        }
        objects.push(Object { kind, name, settings: settings.join(", "), text });
    }
    Ok(objects)
}

/// Takes these out of a database, those that are there.
pub async fn drop(at: &Address, objects: &[Object], job: &Job) -> Result<(), Failure> {
    if objects.is_empty() {
        return Ok(());
    }
    let mut session = job.working_session(at).await?;
    let result = async {
        for object in objects {
            let name = session.identifier(&object.name);
            session.run(&format!("drop {} if exists {name}", object.kind.word())).await?;
        }
        Ok::<_, Failure>(())
    };
    let result = result.await;
    session.close().await;
    result
}

/// Makes these in a database; those of a name that is there are made anew where they differ.
pub async fn make(at: &Address, wanted: &[Object], job: &Job) -> Result<(), Failure> {
    let database = at.database().unwrap_or_default().to_owned();
    let now = of(at, &database, job).await?;
    let mut missing: Vec<&Object> = wanted.iter().filter(|one| !now.contains(one)).collect();
    let names: BTreeSet<(Kind, &str)> = missing.iter().map(|one| (one.kind, &*one.name)).collect();
    let old: Vec<Object> =
        now.iter().filter(|one| names.contains(&(one.kind, &*one.name))).cloned().collect();
    drop(at, &old, job).await?;
    let mut last = None;
    for _ in 0..ROUNDS {
        let mut left = Vec::new();
        for object in missing {
            // Its settings are the session's: each has one of its own.
            let mut session = job.working_session(at).await?;
            let made = async {
                session.run(&format!("set {}", object.settings)).await?;
                session.run(&object.text).await.map_err(Failure::from)
            };
            let made = made.await;
            session.close().await;
            if let Err(failure) = made {
                last = Some(format!("{} {}: {}", object.kind.word(), object.name, failure.text));
                left.push(object);
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        missing = left;
    }
    Err(error(last.unwrap_or_default()))
}

/// Whatever is in a database and not among these goes.
pub async fn only(at: &Address, wanted: &[Object], job: &Job) -> Result<(), Failure> {
    let database = at.database().unwrap_or_default().to_owned();
    let mut now = of(at, &database, job).await?;
    now.retain(|one| {
        !wanted.iter().any(|wanted| (wanted.kind, &wanted.name) == (one.kind, &one.name))
    });
    drop(at, &now, job).await
}
