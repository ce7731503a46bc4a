//! Checks: what checkpoints, `watch`, `requires` and `probe` ask. One record per kind.
//! Asks nothing itself.

use schemars::JsonSchema;

use super::action::http::Method;
use super::meaning::{Meaning, Means};
use super::read::{Leaf, Read, Walk, record, words};
use super::value::{
    AnyKey, Anything, Checksum, ConnectionRef, Count, Entries, EntryRef, Flag, HostRef, Id, Mode,
    Number, OneOrMany, Pattern, Percent, Size, SqlText, Text, Time, Url, Value, VersionRange,
};
use crate::document::Node;
use crate::source::Span;

record! {
/// Keys that every check understands.
pub struct CheckCommon {
    /// What a person reads instead of the check's own words. Example: `The shop answers`
    title: Option<Text>,
    /// Keeps what was measured under this name: `{{ checkpoints.ready.orders }}`. Example: `orders`
    save_as as "as": Option<super::value::Name>,
    /// Keep asking for this long until it holds. Example: `2m`
    within: Option<Time>,
    /// How long to wait between two questions. Example: `10s`
    every: Option<Time>,
    /// How many times it must hold one after the other. Example: `3`
    in_a_row: Option<Count>,
    /// In a `watch`: how many times it may fail before it trips. Example: `2`
    tolerate: Option<Count>,
    /// In a `watch`: for how long to look, also after the phase has ended. Example: `24h`
    lasting as "for": Option<Time>,
    /// What to do when it does not hold. Example: `Free space with: journalctl --vacuum-size=1G`
    hint: Option<Text>,
}
}

record! {
/// What a measured value must be. Several of them must all hold.
pub struct Comparison {
    /// The value must be this. Example: `0`
    equals: Option<Value>,
    /// The value must be smaller than this. Example: `80`
    below: Option<Number>,
    /// The value must be greater than this. Example: `0`
    above: Option<Number>,
    /// The value must match this regular expression. Example: `^v2\.`
    matches: Option<Pattern>,
}
}

record! {
/// A command whose exit status and output decide.
pub struct RunCheck {
    /// The script, or a list of program and arguments that is started without a shell. Example: `php artisan about`
    run: super::action::run::Command,
    /// The exit status that counts as holding. Example: `0`
    exit: Option<Count>,
    /// On which host or group it runs. Example: `web`
    on: Option<HostRef>,
    /// In which directory. Example: `app/`
    dir as "in": Option<Text>,
    /// Environment variables. Example: `{ APP_ENV: testing }`
    env: Option<Entries<AnyKey, Value>>,
    /// As which user. Example: `www-data`
    user: Option<Text>,
    /// After how long the command is ended and counts as not measurable. Example: `30s`
    timeout: Option<Time>,
    ;
    flatten comparison: Comparison,
    flatten common: CheckCommon,
}
}

record! {
/// A query whose first value decides.
pub struct SqlCheck {
    /// The query. Values are bound, never pasted. Example: `select count(*) from orders`
    sql: SqlText,
    /// On which connection. Example: `main`
    on: Option<ConnectionRef>,
    /// Holds when the query gives no row. Example: `true`
    empty: Option<Flag>,
    /// After how long the query is ended and counts as not measurable. Example: `10s`
    timeout: Option<Time>,
    ;
    flatten comparison: Comparison,
    flatten common: CheckCommon,
}
}

record! {
/// A request whose answer decides.
pub struct HttpCheck {
    /// The address. Example: `http://127.0.0.1:8000/health`
    http: Url,
    /// The method; GET unless said. Example: `GET`
    method: Option<Method>,
    /// Headers to send. Example: `{ Accept: application/json }`
    headers: Option<Entries<AnyKey, Text>>,
    /// A form to send. Example: `{ login: tester }`
    form: Option<Entries<AnyKey, Value>>,
    /// A JSON body to send. Example: `{ ping: true }`
    json: Option<Anything>,
    /// The status, or several that will do; 200 to 299 unless said. Example: `200`
    status: Option<OneOrMany<Count>>,
    /// The body must hold this text. Example: `ok`
    contains: Option<Text>,
    /// Which value of a JSON answer the comparison looks at, as a JSON pointer. Example: `/status`
    value: Option<Text>,
    /// The answer must come faster than this. Example: `500ms`
    faster_than: Option<Time>,
    /// Further requests in the same session, such as a login and a page behind it. Example: `[{ http: "http://127.0.0.1/account", status: 200 }]`
    then: Option<Vec<HttpCheck>>,
    /// After how long one request is given up. Example: `5s`
    timeout: Option<Time>,
    ;
    flatten comparison: Comparison,
    flatten common: CheckCommon,
}
}

record! {
/// Whether something listens on a TCP port.
pub struct PortCheck {
    /// The port, or host and port. Example: `127.0.0.1:5432`
    port: Value,
    /// Holds when nothing listens there. Example: `true`
    closed: Option<Flag>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// Room on a file system.
pub struct DiskCheck {
    /// Any path on it. Example: `/var/backups`
    disk: Text,
    /// The used share must be smaller than this. Example: `80%`
    used_below: Option<Percent>,
    /// At least this must be free. Example: `5GiB`
    free: Option<Size>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// Free memory.
pub struct MemoryCheck {
    /// At least this must be available. Example: `2GiB`
    memory: Size,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// A file or directory and what it must be.
pub struct FileCheck {
    /// The path. Example: `storage/`
    file: Text,
    /// Holds when it is there (`true`, as when nothing is said) or is not (`false`). Example: `true`
    exists: Option<Flag>,
    /// Its permissions. Example: `"0600"`
    mode: Option<Mode>,
    /// Its owner. Example: `www-data`
    owner: Option<Text>,
    /// Whether `user`, or who runs the plan, can write there; tried for real. Example: `true`
    writable: Option<Flag>,
    /// As which user writing is tried. Example: `www-data`
    user: Option<Text>,
    /// Its text must hold this. Example: `APP_ENV=production`
    contains: Option<Text>,
    /// Its text must match this regular expression. Example: `(?m)^version = "2\.`
    matches: Option<Pattern>,
    /// Its SHA-256 sum. Example: `e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`
    sha256: Option<Checksum>,
    /// It must have been written no longer ago than this. Example: `26h`
    max_age: Option<Time>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// Log lines written since the run began.
pub struct LogCheck {
    /// The file, or a service of the journal as `unit:NAME`. Example: `storage/logs/laravel.log`
    log: Text,
    /// Holds when no line matches one of these regular expressions; `error|fatal|panic` unless said. Example: `["ERROR", "CRITICAL"]`
    fail_on: Option<OneOrMany<Pattern>>,
    /// Lines that match one of these are passed over. Example: `["deprecated"]`
    allow_lines: Option<OneOrMany<Pattern>>,
    /// Holds when a line matches this. Example: `server started`
    matches: Option<Pattern>,
    ;
    flatten common: CheckCommon,
}
}

words! {
/// How thoroughly a backup is proven.
pub enum Proof {
    /// It is read from end to end and its checksum compared.
    Read = "read",
    /// The database's own tool reads it completely, restoring into nothing.
    Parse = "parse",
    /// It is restored into a scratch database and compared.
    Restore = "restore",
}
}

record! {
/// A backup of the catalogue: there, young enough, proven.
pub struct BackupCheck {
    /// The step that took it, or a connection whose newest backup is looked at. Example: `save-database`
    backup: EntryRef,
    /// It must be younger than this. Example: `24h`
    max_age: Option<Time>,
    /// It must be proven at least this far. Example: `parse`
    proof: Option<Proof>,
    /// It must be at least this big. Example: `10MB`
    min_size: Option<Size>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// Compares with a snapshot that a `compare` step took.
pub struct CompareCheck {
    /// The step that took the snapshot. Example: `count-before`
    compare: EntryRef,
    /// What may differ, table by table. Example: `{ audit_log: grows }`
    rules: Option<Entries<AnyKey, super::action::compare::Rule>>,
    /// Tables or columns that are not compared. Example: `[sessions]`
    except: Option<Vec<Text>>,
    ;
    flatten common: CheckCommon,
}
}

words! {
/// What a person hands in with an answer.
pub enum Evidence {
    /// Nothing more than the answer.
    None = "none",
    /// A few words.
    Text = "text",
    /// A file, such as a screenshot or a signed list.
    File = "file",
}
}

record! {
/// A question to a person; who answered and when is kept.
pub struct ManualCheck {
    /// What is confirmed. Example: `The technical team is available`
    manual: Text,
    /// Who may answer. Example: `DBA`
    role: Option<Text>,
    /// What is handed in with the answer. Example: `text`
    evidence: Option<Evidence>,
    /// The answers to choose from; the first one holds. Example: `[yes, no]`
    choices: Option<Vec<Text>>,
    /// Two different people must answer. Example: `true`
    two_people: Option<Flag>,
    /// It may be answered after the run has ended, until then it is listed as open. Example: `7d`
    due: Option<Time>,
    ;
    flatten common: CheckCommon,
}
}

words! {
/// What must have happened before, to this very plan (by digest).
pub enum GateKind {
    /// A run elsewhere ended well, and was taken back completely.
    Rehearsed = "rehearsed",
    /// It was applied in the environment `in`.
    Applied = "applied",
    /// Somebody approved it.
    Approved = "approved",
}
}

record! {
/// What must have happened before this plan may go on.
pub struct GateCheck {
    /// What must have happened. Example: `applied`
    gate: GateKind,
    /// In which environment it was applied. Example: `staging`
    environment as "in": Option<Id>,
    /// Which role approved it. Example: `Lead developer`
    by: Option<Text>,
    /// No longer ago than this. Example: `14d`
    max_age: Option<Time>,
    ;
    flatten common: CheckCommon,
}
}

words! {
/// A state of a service.
pub enum ServiceState {
    /// It runs.
    Running = "running",
    /// It is stopped.
    Stopped = "stopped",
}
}

record! {
/// The state of a service.
pub struct ServiceCheck {
    /// Its name. Example: `shop-worker`
    service: Text,
    /// The state that it must have; `running` unless said. Example: `running`
    state as "is": Option<ServiceState>,
    /// Who manages it; systemd unless said. Example: `supervisor`
    manager: Option<super::action::service::Manager>,
    /// On which host or group. Example: `web`
    on: Option<HostRef>,
    /// In which directory the manager is asked, for compose. Example: `app/`
    dir as "in": Option<Text>,
    /// It must have been so for this long. Example: `5s`
    stable_for: Option<Time>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// A program and its version.
pub struct ToolCheck {
    /// The program. Example: `git`
    tool: Text,
    /// Which versions will do. Example: `">=2.30"`
    version: Option<VersionRange>,
    /// How its version is asked; `--version` unless said. Example: `php artisan --version`
    ask: Option<Text>,
    /// On which host or group. Example: `web`
    on: Option<HostRef>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// A database server, its version and what the login may do there.
pub struct DatabaseCheck {
    /// The connection. Example: `main`
    database: ConnectionRef,
    /// Which versions of the server will do. Example: `">=14"`
    server: Option<VersionRange>,
    /// What the login must be allowed to do. Example: `[CREATE, ALTER, SELECT]`
    privileges: Option<Vec<Text>>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// The operating system.
pub struct OsCheck {
    /// Its name as in /etc/os-release. Example: `ubuntu`
    os: Text,
    /// Which versions will do. Example: `">=22.04"`
    version: Option<VersionRange>,
    /// On which host or group. Example: `web`
    on: Option<HostRef>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// An environment variable that must be set.
pub struct EnvCheck {
    /// Its name. Example: `DATABASE_URL`
    variable: Text,
    /// Its value must match this regular expression. Example: `^postgres`
    matches: Option<Pattern>,
    ;
    flatten common: CheckCommon,
}
}

record! {
/// Holds when one of several checks does.
pub struct AnyOfCheck {
    /// The checks to choose from. Example: `[{ database: main, server: ">=8.0" }, { tool: sqlite3, version: ">=3.35" }]`
    #[schemars(length(min = 1))]
    any_of: Vec<Check>,
    ;
    flatten common: CheckCommon,
}
}

macro_rules! checks {
    ($($(#[$meta:meta])* $variant:ident($record:ident) = $key:literal),* $(,)?) => {
        /// One question about the world, told apart by its first key.
        #[derive(Debug, Clone, JsonSchema)]
        #[schemars(untagged)]
        pub enum Check { $($(#[$meta])* $variant(Box<$record>)),* }

        /// The keys that say which check it is.
        pub const CHECK_KEYS: &[&str] = &[$($key),*];

        impl Read for Check {
            fn read(node: Node<'_, '_>) -> Option<Self> {
                let map = node.map()?;
                // A comparison, a database and a service may name the keys of others among theirs:
                // the first key in the order of this list decides.
                $(if map.get($key).is_some() {
                    return Some(Check::$variant(Box::new($record::read(node)?)));
                })*
                None
            }
        }

        impl Walk for Check {
            fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
                match self { $(Check::$variant(check) => check.walk(see)),* }
            }
        }

        impl Means for Check {
            fn meaning(&self, around: Span) -> Option<Meaning> {
                match self { $(Check::$variant(check) => check.meaning(around)),* }
            }
        }

        impl Check {
            pub fn key(&self) -> &'static str {
                match self { $(Check::$variant(_) => $key),* }
            }

            pub fn common(&self) -> &CheckCommon {
                match self { $(Check::$variant(check) => &check.common),* }
            }

            pub fn span(&self) -> Span {
                match self { $(Check::$variant(check) => check.span),* }
            }
        }
    };
}

checks! {
    Run(RunCheck) = "run",
    Sql(SqlCheck) = "sql",
    Http(HttpCheck) = "http",
    Port(PortCheck) = "port",
    Disk(DiskCheck) = "disk",
    Memory(MemoryCheck) = "memory",
    File(FileCheck) = "file",
    Log(LogCheck) = "log",
    Backup(BackupCheck) = "backup",
    Compare(CompareCheck) = "compare",
    Manual(ManualCheck) = "manual",
    Gate(GateCheck) = "gate",
    Service(ServiceCheck) = "service",
    Tool(ToolCheck) = "tool",
    Database(DatabaseCheck) = "database",
    Os(OsCheck) = "os",
    Variable(EnvCheck) = "variable",
    AnyOf(AnyOfCheck) = "any_of",
}

/// One line for people, templates not filled in.
pub fn line(check: &Check) -> String {
    if let Some(title) = &check.common().title {
        return title.value.clone();
    }
    let text = |value: &Text| value.value.trim_end().to_owned();
    match check {
        Check::Run(check) => format!(
            "`{}` succeeds{}",
            super::action::ActionFacts::line(&check.run),
            suffix(&check.comparison)
        ),
        Check::Sql(check) if check.empty.is_some() => {
            format!("`{}` gives no row", check.sql.value.trim_end())
        }
        Check::Sql(check) => {
            format!("`{}`{}", check.sql.value.trim_end(), suffix(&check.comparison))
        }
        Check::Http(check) => {
            let status: Vec<_> =
                check.status.iter().flat_map(OneOrMany::iter).filter_map(Count::fixed).collect();
            let status: Vec<_> = status.iter().map(u64::to_string).collect();
            let wanted = if status.is_empty() { "2xx".to_owned() } else { status.join(" or ") };
            format!("{} answers {wanted}{}", check.http.value, suffix(&check.comparison))
        }
        Check::Port(check) => {
            let listens = if check.closed.as_ref().and_then(|flag| flag.fixed()) == Some(true) {
                "is closed"
            } else {
                "listens"
            };
            format!("port {} {listens}", check.port.plain())
        }
        Check::Disk(check) => {
            let used = check.used_below.as_ref().and_then(|percent| percent.fixed());
            let free = check.free.as_ref().and_then(|size| size.fixed());
            match (used, free) {
                (Some(used), _) => format!("{} is used below {used}%", check.disk.value),
                (None, Some(free)) => {
                    format!("{} has {} free", check.disk.value, super::spoken_size(free))
                }
                (None, None) => format!("{} has room", check.disk.value),
            }
        }
        Check::Memory(check) => match check.memory.fixed() {
            Some(size) => format!("{} of memory are free", super::spoken_size(size)),
            None => "enough memory is free".to_owned(),
        },
        Check::File(check) => {
            let gone = check.exists.as_ref().and_then(|flag| flag.fixed()) == Some(false);
            let path = text(&check.file);
            let mut wanted = Vec::new();
            wanted.extend(check.mode.as_ref().map(|mode| format!("has mode {}", mode.value)));
            wanted.extend(check.owner.as_ref().map(|owner| format!("belongs to {}", owner.value)));
            wanted.extend(check.writable.as_ref().map(|_| "can be written".to_owned()));
            wanted.extend(check.contains.as_ref().map(|what| format!("holds `{}`", what.value)));
            wanted.extend(check.matches.as_ref().map(|what| format!("matches `{}`", what.value)));
            wanted.extend(check.sha256.as_ref().map(|_| "has its checksum".to_owned()));
            wanted.extend(check.max_age.as_ref().map(|_| "is young enough".to_owned()));
            match (gone, wanted.is_empty()) {
                (true, _) => format!("{path} is not there"),
                (false, true) => format!("{path} is there"),
                (false, false) => format!("{path} {}", wanted.join(", ")),
            }
        }
        Check::Log(check) => match &check.matches {
            Some(pattern) => format!("{} shows `{}`", check.log.value, pattern.value),
            None => format!("{} shows no error", check.log.value),
        },
        Check::Backup(check) => format!("the backup of {} is there and proven", check.backup.value),
        Check::Compare(check) => format!("the data equals the snapshot of {}", check.compare.value),
        Check::Manual(check) => {
            let who = check.role.as_ref().map_or("somebody", |role| role.value.as_str());
            format!("{who} confirms: {}", text(&check.manual))
        }
        Check::Gate(check) => match check.gate {
            GateKind::Rehearsed => "this plan was rehearsed".to_owned(),
            GateKind::Applied => {
                let place = check
                    .environment
                    .as_ref()
                    .map_or("another environment", |id| id.value.as_str());
                format!("this plan was applied in {place}")
            }
            GateKind::Approved => {
                let who = check.by.as_ref().map_or("somebody", |by| by.value.as_str());
                format!("this plan was approved by {who}")
            }
        },
        Check::Service(check) => {
            format!(
                "{} is {}",
                check.service.value,
                check.state.unwrap_or(ServiceState::Running).word()
            )
        }
        Check::Tool(check) => {
            let version =
                check.version.as_ref().map_or(String::new(), |range| format!(" {}", range.value));
            format!("{}{version} is there", check.tool.value)
        }
        Check::Database(check) => {
            let server = check
                .server
                .as_ref()
                .map_or(String::new(), |range| format!(", server {}", range.value));
            let rights: Vec<_> =
                check.privileges.iter().flatten().map(|right| right.value.as_str()).collect();
            let rights = if rights.is_empty() {
                String::new()
            } else {
                format!(", with {}", rights.join(", "))
            };
            format!("connection {} works{server}{rights}", check.database.value)
        }
        Check::Os(check) => {
            let version =
                check.version.as_ref().map_or(String::new(), |range| format!(" {}", range.value));
            format!("the system is {}{version}", check.os.value)
        }
        Check::Variable(check) => format!("{} is set", check.variable.value),
        Check::AnyOf(check) => check.any_of.iter().map(line).collect::<Vec<_>>().join(", or "),
    }
}

fn suffix(comparison: &Comparison) -> String {
    let number = |number: &Number| match &number.value {
        super::value::Setting::Fixed(value) => value.to_string(),
        super::value::Setting::Template(text) => text.clone(),
    };
    let mut parts = Vec::new();
    parts.extend(comparison.equals.as_ref().map(|value| format!(" is {}", value.plain())));
    parts.extend(comparison.below.as_ref().map(|value| format!(" is below {}", number(value))));
    parts.extend(comparison.above.as_ref().map(|value| format!(" is above {}", number(value))));
    parts.extend(comparison.matches.as_ref().map(|value| format!(" matches `{}`", value.value)));
    parts.join(" and")
}
