//! What a step does: one file per action, and the list of them.
//! Knows what each action says about itself, not how it is carried out.

pub mod backup;
pub mod changelog;
pub mod compare;
pub mod fetch;
pub mod files;
pub mod git;
pub mod http;
pub mod maintenance;
pub mod manual;
pub mod migrate;
pub mod notify;
pub mod packages;
pub mod restore;
pub mod run;
pub mod service;
pub mod sql;
pub mod wait;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::meaning::{self, Is, Keys, Meaning, Means};
use super::read::{Leaf, Read, Walk, record};
use crate::document::Node;
use crate::source::Span;

macro_rules! actions {
    ($($(#[$meta:meta])* $field:ident: $variant:ident($record:ty)),* $(,)?) => {
        record! {
        /// The action keys. A step has exactly one of them.
        pub struct EveryAction {
            $($(#[$meta])* $field: Option<Box<$record>>),*
        }
        }

        /// The one action of a step, or of a rollback step.
        #[derive(Debug, Clone)]
        pub struct ActionKeys {
            one: Option<Held>,
            pub span: Span,
        }

        /// Small: a plan may have a hundred thousand of them.
        #[derive(Debug, Clone)]
        enum Held { $($variant(Box<$record>)),* }

        impl Read for ActionKeys {
            fn read(node: Node<'_, '_>) -> Option<Self> {
                let every = EveryAction::read(node)?;
                let one = None$(.or(every.$field.map(Held::$variant)))*;
                Some(ActionKeys { one, span: every.span })
            }
        }

        impl JsonSchema for ActionKeys {
            fn schema_name() -> Cow<'static, str> {
                EveryAction::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                EveryAction::json_schema(generator)
            }
        }

        impl Walk for ActionKeys {
            fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
                if let Some(action) = self.first() {
                    action.walk(see);
                }
            }
        }

        impl Means for ActionKeys {
            fn meaning(&self, around: Span) -> Option<Meaning> {
                let mut keys = Keys::new();
                self.put(&mut keys);
                Some(Is::Map(keys).at(around))
            }

            fn put(&self, keys: &mut Keys) {
                match &self.one {
                    $(Some(Held::$variant(action)) => {
                        meaning::put(keys, stringify!($field), &**action, self.span);
                    })*
                    None => {}
                }
            }
        }

        /// One action, borrowed from the step that holds it.
        #[derive(Debug, Clone, Copy)]
        pub enum Action<'p> { $($variant(&'p $record)),* }

        /// The keys that say what a step does.
        pub const ACTION_KEYS: &[&str] = &[$(stringify!($field)),*];

        impl ActionKeys {
            /// The one that is there.
            pub fn first(&self) -> Option<Action<'_>> {
                Some(match self.one.as_ref()? { $(Held::$variant(action) => Action::$variant(action)),* })
            }

            $(pub fn $field(&self) -> Option<&$record> {
                match &self.one {
                    Some(Held::$variant(action)) => Some(action),
                    _ => None,
                }
            })*

            pub fn iter(&self) -> impl Iterator<Item = Action<'_>> {
                self.first().into_iter()
            }
        }

        impl<'p> Action<'p> {
            pub fn key(self) -> &'static str {
                match self { $(Action::$variant(_) => stringify!($field)),* }
            }

            /// Every text of it.
            pub fn walk(self, see: &mut dyn FnMut(Leaf<'p>)) {
                match self { $(Action::$variant(action) => Walk::walk(action, see)),* }
            }

            /// What every action says about itself.
            pub fn facts(self) -> &'p dyn ActionFacts {
                match self { $(Action::$variant(action) => action),* }
            }
        }
    };
}

actions! {
    /// A script, or a list of program and arguments that is started without a shell. Example: `systemctl restart shop`
    run: Run(run::Run),
    /// SQL statements or a file of them, on a connection. Example: `update orders set state = 'new' where state is null`
    sql: Sql(sql::Sql),
    /// Versioned scripts up to a version, with a tracking table. Example: `{ database: main, from: migrations/, to: "1.1" }`
    migrate: Migrate(migrate::Migrate),
    /// A backup of a database or of files, proven before anything depends on it. Example: `{ database: main, to: backups/ }`
    backup: Backup(backup::Backup),
    /// Brings a backup back. Example: `{ step: save-database, database: main }`
    restore: Restore(restore::Restore),
    /// Copies, links, unpacks, sets and removes files; what was there is kept. Example: `{ copy: app.conf, to: /etc/app.conf }`
    files: Files(files::Files),
    /// Fetches a package and checks its checksum. Example: `{ url: "https://example.org/app-2.0.tar.gz", to: packages/, sums: packages/SHA256SUMS }`
    fetch: Fetch(fetch::Fetch),
    /// Moves a git work tree to a ref, or makes branches and tags. Example: `{ checkout: v2.0.0, in: app/ }`
    git: Git(git::Git),
    /// Starts, stops or restarts services and waits until they are stable. Example: `{ restart: shop }`
    service: Service(service::Service),
    /// The application's maintenance mode. Example: `on`
    maintenance: Maintenance(maintenance::Maintenance),
    /// Takes a snapshot of data or files, or compares with one. Example: `{ snapshot: before, database: main }`
    compare: Compare(compare::Compare),
    /// A request. Example: `{ url: "http://127.0.0.1:8000/admin/reindex", method: POST }`
    http: Http(http::Http),
    /// Waits for a time, a port, a file or a log line. Example: `30s`
    wait: Wait(wait::Wait),
    /// Something that a person does or confirms. Example: `Unplug the old server`
    manual: Manual(manual::Manual),
    /// Tells somebody: webhook, e-mail or command. Example: `{ command: ./tell.sh, message: "We start" }`
    notify: Notify(notify::Notify),
    /// Writes what was changed into a changelog. Example: `{ file: CHANGELOG.md, version: 2.0.0, text: Push notifications }`
    changelog: Changelog(changelog::Changelog),
    /// Installs dependencies from a lock file. Example: `{ manager: composer, in: app/ }`
    packages: Packages(packages::Packages),
}

/// How an action is undone when the step says nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inverse {
    /// By itself; the sentence says how.
    Natural(String),
    /// It changes nothing.
    ReadOnly,
    /// It leaves something behind that does no harm, such as a backup.
    NothingToUndo(&'static str),
    /// The step has to say.
    None,
}

/// What of the world an action changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Schema {
        database: String,
    },
    Data {
        database: String,
    },
    Files {
        path: String,
    },
    Services {
        name: String,
    },
    /// Outside of what can be fingerprinted: a message sent, a cloud resource.
    Outside,
}

/// What an action says about itself, without doing anything.
pub trait ActionFacts: std::fmt::Debug {
    /// One line for people, templates not filled in: "restart shop (systemd)".
    fn line(&self) -> String;

    fn inverse(&self) -> Inverse;

    /// What a person does in its place, where `plan` cannot any more.
    fn by_hand(&self) -> String {
        format!("by hand, take back: {}", self.line())
    }

    fn effects(&self) -> Vec<Effect> {
        Vec::new()
    }

    /// What later steps may name as `steps.ID.NAME`.
    fn outputs(&self) -> &'static [&'static str] {
        &[]
    }
}
