//! The plan file as its author wrote it: phases, steps, checkpoints and what stands around them.
//! Nothing is filled in, expanded or ordered yet.

use std::sync::Arc;

use schemars::JsonSchema;

use super::action::run::Command;
use super::action::{Action, ActionKeys};
use super::check::Check;
use super::rare::{Nothing, Rare};
use super::read::{Leaf, Read, Walk, record, words};
use super::value::{
    AnyKey, Anything, ConnectionRef, Count, CronLine, Entries, EntryRef, Estimate, Flag, HostRef,
    Id, Name, OneOrMany, OpensAt, Pattern, ShellText, Text, Time, Url, Value, Zone,
};
use crate::document::{Node, View};

record! {
/// A plan: an upgrade that can be checked, rehearsed, run and undone.
pub struct PlanFile {
    /// The plan's id. Example: `shop-upgrade`
    plan: Id,
    /// What people call it. Example: `Upgrade the shop to 2.0`
    title: Option<Text>,
    /// What it is for and what to know before. Example: `Moves the shop to 2.0; users are out for an hour`
    about: Option<Text>,
    /// It is only to be included in other plans: rules about a whole plan do not ask it alone. Example: `true`
    part: Option<bool>,
    /// What is changed: fills the changelog and decides which gates are asked for. Example: `{ type: feature, version: 2.0.0 }`
    change: Option<Change>,
    /// Values that the caller may give; templates name them. Example: `{ tag: { type: string, default: v2.0.0 } }`
    inputs: Option<Entries<Name, Input>>,
    /// Databases that steps and checks use. Example: `{ main: { url: "{{ database_url }}" } }`
    connections: Option<Entries<Id, Connection>>,
    /// Machines that steps run on. Example: `{ web-1: { ssh: deploy@web-1.example.org, groups: [web] } }`
    hosts: Option<Entries<Id, Host>>,
    /// The maintenance window: phases with `maintenance: true` must lie inside. Example: `{ opens: "02:00", lasts: 3h, timezone: Africa/Porto-Novo }`
    window: Option<Window>,
    /// Times at which something else is busy, such as the provider's own backup. Example: `[{ name: backup of the provider, opens: "03:00", lasts: 1h, timezone: UTC }]`
    busy: Option<Vec<Busy>>,
    /// When the plan runs by itself; `plan schedule` prints the lines for it. Example: `{ cron: "0 3 * * *", timezone: Africa/Porto-Novo }`
    schedule: Option<Schedule>,
    /// What must hold before anything is touched. Example: `[{ tool: git, version: ">=2.30" }]`
    requires: Option<Vec<Check>>,
    /// What a rollback must bring back; compared afterwards. Example: `{ databases: [main], files: [app/, .env] }`
    state: Option<State>,
    /// The parts of the plan, one after the other. Example: `[{ phase: prepare, steps: [{ step: look, run: uptime, read_only: true }] }]`
    phases: Option<Vec<PhaseEntry>>,
    /// For a plan without phases: its steps. Example: `[{ step: look, run: uptime, read_only: true }]`
    steps: Option<Vec<Entry>>,
    /// The time in all that was promised; compared with what the steps add up to. Example: `4h30m..9h30m`
    estimate: Option<Estimate>,
    /// Who can be called. Example: `[{ role: DBA, name: A. Hounsou, phone: "+229 00 00 00 00" }]`
    contacts: Option<Vec<Contact>>,
    /// How e-mail leaves; by the mail server of this machine unless said. Example: `{ server: "mail.shop.example:587", from: plan@shop.example, login: plan, password: "{{ mail_password }}" }`
    mail: Option<Mail>,
    /// Who is told when, once something fails. Example: `[{ after: 0m, tell: Lead developer }, { after: 15m, tell: DBA }]`
    escalation: Option<Vec<Escalation>>,
    /// How long old runs and old versions are kept. Example: `{ runs: 90d, versions: 30d }`
    keep: Option<Keep>,
    /// What happens when the terminal goes away; `continue` unless said. Example: `continue`
    on_disconnect: Option<OnDisconnect>,
    /// How many steps may run at once; 4 unless said. Example: `2`
    jobs: Option<Count>,
    /// The folder of the environments; `environments/` beside the plan unless said. Example: `environments/`
    environments: Option<Text>,
    /// Lint rules that are waived for the whole plan, each with the reason. Example: `{ contacts-missing: the team sits in one room }`
    allow: Option<Allow>,
}
}

pub type Allow = Entries<AnyKey, Text>;

record! {
/// What is laid over a plan for one environment.
pub struct EnvironmentFile {
    /// The environment's id; the file bears its name. Example: `prod`
    environment: Id,
    /// What people call it. Example: `Production`
    title: Option<Text>,
    /// Users or their data live here: rules are stricter. Example: `true`
    protected: Option<bool>,
    /// Values of inputs. Example: `{ tag: v2.0.0 }`
    inputs: Option<Entries<Name, Value>>,
    /// Connections that replace those of the plan, key by key. Example: `{ main: { url: "{{ database_url }}", tls: { mode: verify-full, ca: /etc/ssl/db-ca.crt } } }`
    connections: Option<Entries<Id, Connection>>,
    /// Machines that replace those of the plan. Example: `{ web-1: { ssh: deploy@10.0.0.7 } }`
    hosts: Option<Entries<Id, Host>>,
    /// The window here. Example: `{ opens: "mon 04:00", lasts: 1h, timezone: UTC }`
    window: Option<Window>,
    /// Times at which something else is busy here. Example: `[{ name: nightly reports, opens: "01:00", lasts: 30m, timezone: UTC }]`
    busy: Option<Vec<Busy>>,
    /// What must hold here before anything is touched, besides what the plan asks. Example: `[{ gate: applied, in: staging, max_age: 14d }]`
    requires: Option<Vec<Check>>,
    /// Who can be called here. Example: `[{ role: DBA, phone: "+229 00 00 00 00" }]`
    contacts: Option<Vec<Contact>>,
    /// How e-mail leaves here. Example: `{ server: "mail.shop.example:587", from: plan@shop.example }`
    mail: Option<Mail>,
}
}

record! {
/// What is changed.
pub struct Change {
    /// What kind of change it is. Example: `feature`
    kind as "type": Option<super::action::changelog::ChangeKind>,
    /// The version that it leads to, as MAJOR.MINOR.PATCH. Example: `2.0.0`
    version: Option<Text>,
    /// Who made it. Example: `{{ author }}`
    author: Option<Text>,
    /// Where its release notes are. Example: `https://example.org/releases/2.0.0`
    notes: Option<Text>,
}
}

words! {
/// What kind of value an input takes.
pub enum InputType {
    /// Any text.
    String = "string",
    /// A whole number.
    Integer = "integer",
    /// A number.
    Number = "number",
    /// `true` or `false`.
    Boolean = "boolean",
    /// A time such as `5m`.
    Duration = "duration",
    /// A size such as `5GiB`.
    Size = "size",
    /// A percentage such as `80%`.
    Percent = "percent",
    /// A path.
    Path = "path",
    /// An address.
    Url = "url",
    /// A version such as `2.0.0`.
    Version = "version",
    /// A list of texts.
    List = "list",
}
}

record! {
/// A value that the caller may give.
pub struct Input {
    /// What kind of value it takes; `string` unless said. Example: `string`
    kind as "type": Option<InputType>,
    /// What it is when nobody gives one. Without it the input must be given. Example: `v2.0.0`
    default: Option<Anything>,
    /// What it is for. Example: `git tag to deploy`
    about: Option<Text>,
    /// It is a secret: never shown, never stored, only from `env`, `file` or `command`. Example: `true`
    secret: Option<bool>,
    /// The environment variable that it is read from. Example: `DATABASE_URL`
    env: Option<Text>,
    /// The file that it is read from. Example: `/run/secrets/database_url`
    file: Option<Text>,
    /// The command that prints it. Example: `pass show shop/database`
    command: Option<Text>,
    /// The values that it may have. Example: `[v1.9.0, v2.0.0]`
    choices: Option<Vec<Value>>,
    /// The regular expression that it must match. Example: `^v[0-9]+`
    matches: Option<Pattern>,
}
}

words! {
/// What kind of database server it is.
pub enum ServerKind {
    /// PostgreSQL.
    PostgreSql = "postgresql",
    /// MySQL.
    MySql = "mysql",
    /// MariaDB.
    MariaDb = "mariadb",
    /// SQLite.
    Sqlite = "sqlite",
}
}

words! {
/// How a connection is protected on its way.
pub enum TlsMode {
    /// Not at all.
    Off = "off",
    /// If the server can.
    Prefer = "prefer",
    /// Always, but anybody could be the server.
    Require = "require",
    /// Always, and the server's certificate comes from a known authority.
    VerifyCa = "verify-ca",
    /// Always, and the certificate is that of this very host.
    VerifyFull = "verify-full",
}
}

record! {
/// TLS for a connection.
pub struct Tls {
    /// How it is protected. Example: `verify-full`
    mode: TlsMode,
    /// The authority's certificate. Example: `/etc/ssl/db-ca.crt`
    ca: Option<Text>,
    /// The client's own certificate. Example: `/etc/ssl/plan.crt`
    cert: Option<Text>,
    /// The client's own key, mode 0600. Example: `/etc/ssl/private/plan.key`
    key: Option<Text>,
}
}

record! {
/// How many steps may work on a connection at once: each has one session, and closes it.
pub struct Pool {
    /// At most this many. Example: `5`
    max: Option<Count>,
}
}

record! {
/// A database: by one address or by its parts.
pub struct Connection {
    /// What kind of server it is; told by the address where it is written out. Example: `postgresql`
    server: Option<ServerKind>,
    /// The address; a secret input where it holds a password. Example: `{{ database_url }}`
    url: Option<Text>,
    /// The host. Example: `db.example.org`
    host: Option<Text>,
    /// The port. Example: `5432`
    port: Option<Count>,
    /// The socket, instead of host and port. Example: `/run/postgresql`
    socket: Option<Text>,
    /// The file, for SQLite. Example: `data/shop.db`
    file: Option<Text>,
    /// The name of the database. Example: `shop`
    database: Option<Text>,
    /// The login. Example: `shop_deploy`
    user: Option<Text>,
    /// The password: always a template over a secret input. Example: `{{ db_password }}`
    password: Option<Text>,
    /// TLS. Example: `{ mode: verify-full, ca: /etc/ssl/db-ca.crt }`
    tls: Option<Tls>,
    /// How many steps may work on it at once. Example: `{ max: 5 }`
    pool: Option<Pool>,
    /// How long to wait for the server. Example: `10s`
    timeout: Option<Time>,
    /// Writes each statement into the step's log as it is sent, secrets covered. Example: `false`
    log_sql: Option<Flag>,
    /// What it is. Example: `orders and customers`
    about: Option<Text>,
}
}

record! {
/// A machine.
pub struct Host {
    /// How it is reached. Example: `deploy@web-1.example.org`
    ssh: Option<Text>,
    /// The port of its SSH server. Example: `22`
    port: Option<Count>,
    /// Groups that it belongs to. Example: `[web]`
    groups: Option<Vec<Id>>,
    /// What it is. Example: `first web server`
    about: Option<Text>,
}
}

words! {
/// What happens when the window will not hold.
pub enum OnOverrun {
    /// Asks, with both ways and their minutes side by side; rolls back where nobody can answer.
    Ask = "ask",
    /// Rolls back at the latest safe moment.
    Rollback = "rollback",
    /// Goes on and says so.
    Continue = "continue",
}
}

record! {
/// A maintenance window.
pub struct Window {
    /// When it opens: each day, a day of the week, or once. Example: `"02:00"`
    opens: OpensAt,
    /// How long it lasts. Example: `3h`
    lasts: Time,
    /// The time zone that `opens` is meant in. Example: `Africa/Porto-Novo`
    timezone: Option<Zone>,
    /// What happens when it will not hold; `ask` unless said. Example: `ask`
    on_overrun: Option<OnOverrun>,
}
}

record! {
/// A time at which something else is busy.
pub struct Busy {
    /// What is busy. Example: `backup of the provider`
    name: Text,
    /// When it begins. Example: `"03:00"`
    opens: OpensAt,
    /// How long it lasts. Example: `1h`
    lasts: Time,
    /// The time zone that `opens` is meant in. Example: `UTC`
    timezone: Option<Zone>,
}
}

record! {
/// When the plan runs by itself.
pub struct Schedule {
    /// A cron line: minute, hour, day of month, month, day of week. Example: `0 3 * * *`
    cron: CronLine,
    /// The time zone that it is meant in. Example: `Africa/Porto-Novo`
    timezone: Option<Zone>,
}
}

record! {
/// Databases and files whose fingerprint is taken before, and compared after a rollback.
pub struct State {
    /// Connections. Example: `[main]`
    databases: Option<Vec<ConnectionRef>>,
    /// Files and folders. Example: `[app/, .env]`
    files: Option<Vec<Text>>,
    /// Services and whether they run. Example: `[shop]`
    services: Option<Vec<Text>>,
    /// Tables, columns and paths that may differ. Example: `[sessions, storage/logs/]`
    except: Option<Vec<Text>>,
}
}

words! {
/// How a mail server is spoken to.
pub enum MailTls {
    /// Encrypted after the greeting (port 587 unless said), or not sent.
    StartTls = "starttls",
    /// Encrypted from the first byte (port 465 unless said).
    Tls = "tls",
    /// In the clear (port 25 unless said): only where nobody else can listen.
    Off = "off",
}
}

record! {
/// A mail server.
pub struct Mail {
    /// Its host, and its port where that is not the usual one. Example: `"mail.shop.example:587"`
    server: Text,
    /// How it is spoken to; `starttls` unless said, and `off` to this very machine. Example: `tls`
    tls: Option<MailTls>,
    /// From whom messages are; `plan@` this machine unless said. Example: `plan@shop.example`
    from: Option<Text>,
    /// The login, where it asks for one. Example: `plan`
    login: Option<Text>,
    /// The password: always a template over a secret input. Example: `{{ mail_password }}`
    password: Option<Text>,
}
}

record! {
/// Somebody who can be called.
pub struct Contact {
    /// The role; escalation names it. Example: `DBA`
    role: Text,
    /// The name. Example: `A. Hounsou`
    name: Option<Text>,
    /// The telephone. Example: `"+229 00 00 00 00"`
    phone: Option<Text>,
    /// The e-mail address. Example: `dba@shop.example`
    email: Option<Text>,
    /// An address that a message is posted to. Example: `{{ dba_webhook }}`
    webhook: Option<Url>,
    /// A command that reaches them; it gets the message on its standard input. Example: `./page.sh dba`
    command: Option<ShellText>,
}
}

words! {
/// A kind of failure.
pub enum FailureKind {
    /// A step that works on a database.
    Database = "database",
    /// A step that works on files or code.
    Files = "files",
    /// A step that works on services.
    Services = "services",
    /// Any step.
    Any = "any",
}
}

record! {
/// Who is told, and when.
pub struct Escalation {
    /// How long after the failure. Example: `15m`
    after: Time,
    /// The role that is told. Example: `DBA`
    tell: Text,
    /// Only for this kind of failure. Example: `database`
    only as "for": Option<FailureKind>,
}
}

record! {
/// How long things are kept.
pub struct Keep {
    /// Journals, logs and reports of runs. Example: `90d`
    runs: Option<Time>,
    /// Old versions of files and releases. Example: `30d`
    versions: Option<Time>,
    /// Backups that say nothing themselves. Example: `30d`
    backups: Option<Time>,
}
}

words! {
/// What happens when the terminal goes away.
pub enum OnDisconnect {
    /// The run goes on; `plan watch` shows it again.
    Continue = "continue",
    /// It pauses after the running steps.
    Pause = "pause",
    /// It rolls back.
    Rollback = "rollback",
}
}

/// A phase, or a plan that stands in for some.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum PhaseEntry {
    /// A phase.
    Phase(Box<Phase>),
    /// The phases of another plan.
    Include(Box<Include>),
}

record! {
/// A part of the plan.
pub struct Phase {
    /// The phase's id. Example: `prepare`
    phase: Id,
    /// What people call it. Example: `Preparation`
    title: Option<Text>,
    /// What happens in it. Example: `Nothing that users see`
    about: Option<Text>,
    /// Only if this expression over inputs holds. Example: `with_backup`
    when: Option<Expression>,
    /// Users are out: the phase must lie inside the window. Example: `true`
    maintenance: Option<bool>,
    /// How long it takes in all, where its steps say nothing; otherwise compared with them. Example: `2h..4h`
    estimate: Option<Estimate>,
    /// Looked at all through the phase; one that trips fails the phase. Example: `[{ disk: /, used_below: 80%, every: 30s }]`
    watch: Option<Vec<Check>>,
    /// Its steps and checkpoints, in order. Example: `[{ step: look, run: uptime, read_only: true }]`
    steps: Vec<Entry>,
    /// Lint rules that are waived in this phase, each with the reason. Example: `{ estimate-missing: never measured yet }`
    allow: Option<Allow>,
}
}

record! {
/// Another plan's phases or steps, with inputs.
pub struct Include {
    /// The plan file, from this plan's folder. Example: `common/backup.yaml`
    include: Text,
    /// Put before each id of the included plan. Example: `before`
    prefix: Option<Id>,
    /// Values of its inputs. Example: `{ folder: backups/ }`
    values as "with": Option<Entries<Name, Value>>,
    /// Only if this expression over inputs holds. Example: `with_backup`
    when: Option<Expression>,
}
}

/// A step, a checkpoint, or another plan's steps.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Entry {
    /// A step.
    Step(Arc<Step>),
    /// A checkpoint.
    Checkpoint(Arc<Checkpoint>),
    /// The steps of another plan.
    Include(Box<Include>),
}

record! {
/// How often a failed step is tried again.
pub struct RetryKeys {
    /// How many times more. Example: `3`
    times: Count,
    /// How long to wait in between. Example: `10s`
    every: Option<Time>,
    /// By what the wait grows each time. Example: `2`
    backoff: Option<Count>,
}
}

/// A number of times, or with the wait in between.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Retry {
    /// How many times more.
    Times(Count),
    /// With the wait in between.
    Full(Box<RetryKeys>),
}

record! {
/// Where an output comes from.
pub struct OutputKeys {
    /// The first group, or the whole, of this regular expression over the standard output. Example: `version (\S+)`
    regex: Option<Pattern>,
    /// A value of the standard output read as JSON, as a JSON pointer. Example: `/version`
    json: Option<Text>,
    /// The text of a file. Example: `VERSION`
    file: Option<Text>,
}
}

words! {
/// A whole output of a step.
pub enum OutputWord {
    /// Its standard output, without the last line end.
    Stdout = "stdout",
    /// The last line of its standard output.
    LastLine = "last-line",
}
}

/// Where an output comes from.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Output {
    /// A whole output.
    Word(OutputWord),
    /// A part of it, or a file.
    Full(OutputKeys),
}

record! {
/// Back to a checkpoint instead of to the start.
pub struct RollbackTo {
    /// The checkpoint. Example: `ready`
    rollback_to: EntryRef,
}
}

words! {
/// What a failure leads to.
pub enum OnFailureWord {
    /// The run rolls back.
    Rollback = "rollback",
    /// The run pauses and a person decides.
    Pause = "pause",
    /// The run goes on; only for steps that nobody needs.
    Continue = "continue",
}
}

/// What a failure leads to.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum OnFailure {
    /// `rollback`, `pause` or `continue`.
    Word(OnFailureWord),
    /// Back to a checkpoint.
    To(RollbackTo),
}

words! {
/// What happens to a step of which nobody can tell whether it was done.
pub enum AfterCrash {
    /// It is run again: only where that does no harm.
    Rerun = "rerun",
    /// The run rolls back.
    Rollback = "rollback",
    /// A person is asked.
    Ask = "ask",
}
}

words! {
/// What happens to a rollback step of which nobody can tell whether it was done.
pub enum UndoAfterCrash {
    /// It is run again: only where that does no harm.
    Rerun = "rerun",
    /// A person is asked.
    Ask = "ask",
}
}

/// Items, or a template over an input that is a list.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Items {
    /// The items.
    List(#[schemars(length(min = 1))] Vec<Value>),
    /// A template over an input of type `list`.
    Template(Text),
}

/// An expression over inputs or earlier outputs, without braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    pub value: String,
    pub span: crate::source::Span,
}

record! {
/// Databases, files and services that a script changes.
pub struct Changes {
    /// Connections. Example: `[main]`
    databases: Option<Vec<ConnectionRef>>,
    /// Files and folders. Example: `[storage/]`
    files: Option<Vec<Text>>,
    /// Services. Example: `[shop]`
    services: Option<Vec<Text>>,
}
}

record! {
/// Where a step may read how far it is.
pub struct Progress {
    /// A regular expression over lines of output: its first group is a percentage, or two groups are done and total. Example: `(\d+) of (\d+)`
    line: Option<Pattern>,
    /// A file whose text is a percentage. Example: `storage/progress`
    file: Option<Text>,
    /// A query that gives what is done. Example: `select count(*) from missions where converted`
    done: Option<super::value::SqlText>,
    /// A query that gives what there is to do. Example: `select count(*) from missions`
    total: Option<super::value::SqlText>,
}
}

record! {
/// Where and how an action runs.
pub struct Surroundings {
    /// Where: a host or group, or for SQL a connection. Example: `web`
    on: Option<HostRef>,
    /// In which directory. Example: `app/`
    dir as "in": Option<Text>,
    /// Environment variables. Example: `{ APP_ENV: production }`
    env: Option<Entries<AnyKey, Value>>,
    /// As which user. Example: `www-data`
    user: Option<Text>,
    /// What reads a script; `bash -euo pipefail` unless said. Example: `sh -eu`
    shell: Option<Text>,
    /// After how long it is ended. Example: `10m`
    timeout: Option<Time>,
    /// How often it is tried again. Example: `3`
    retry: Option<Retry>,
}
}

impl Nothing for Surroundings {
    fn nothing() -> &'static Surroundings {
        static NOTHING: Surroundings = Surroundings {
            on: None,
            dir: None,
            env: None,
            user: None,
            shell: None,
            timeout: None,
            retry: None,
            span: crate::source::Span::NONE,
        };
        &NOTHING
    }
}

record! {
/// A step: one action, and how it is undone.
pub struct Step {
    /// The step's id. Example: `save-database`
    step: Id,
    /// What people call it. Example: `Save the database`
    title: Option<Text>,
    /// What to know about it. Example: `Takes longer on Mondays`
    about: Option<Text>,
    /// The entries that it waits for, instead of all that stand above it. Example: `[save-database]`
    needs: Option<Vec<EntryRef>>,
    /// Only if this expression holds: over inputs it is decided before the run, over outputs during it. Example: `steps.look.pending != "0"`
    when: Option<Expression>,
    /// Once for each of these; `{{ item }}` is the one at hand. Example: `[orders, customers]`
    for_each: Option<Items>,
    /// With `for_each`: all at once instead of one after the other. Example: `true`
    parallel: Option<bool>,
    /// How long it takes, optimistic and pessimistic. Example: `5m..15m`
    estimate: Option<Estimate>,
    /// What later steps may name as `steps.ID.NAME`. Example: `{ version: stdout }`
    outputs: Option<Entries<Name, Output>>,
    /// Where it tells how far it is. Example: `{ line: "(\\d+)%" }`
    progress: Option<Box<Progress>>,
    /// What a script changes, where `plan` cannot know. Example: `{ databases: [main] }`
    changes: Option<Box<Changes>>,
    /// What a failure leads to; `rollback` unless said. Example: `pause`
    on_failure: Option<OnFailure>,
    /// After a crash: the check that tells whether the effect is there. Example: `{ file: storage/converted }`
    probe: Option<Check>,
    /// After a crash, where nobody can tell; `ask` unless said. Example: `rerun`
    after_crash: Option<AfterCrash>,
    /// How it is undone: one action or a list, in order. Example: `{ run: systemctl start shop }`
    rollback: Option<OneOrMany<RollbackStep>>,
    /// It changes nothing, so there is nothing to undo. Example: `true`
    read_only: Option<bool>,
    /// It cannot be undone, and why that is acceptable. Example: `the provider deletes the old disk at once`
    irreversible: Option<Text>,
    /// Lint rules that are waived for this step, each with the reason. Example: `{ no-timeout: "ends by itself" }`
    allow: Option<Allow>,
    ;
    flatten surroundings: Rare<Surroundings>,
    flatten actions: ActionKeys,
}
}

record! {
/// One action that undoes a step.
pub struct RollbackStep {
    /// What people call it. Example: `Start the shop again`
    title: Option<Text>,
    /// Only if this expression holds. Example: `self.exit == 0`
    when: Option<Expression>,
    /// How long it takes. Example: `10s..1m`
    estimate: Option<Estimate>,
    /// After a crash: the check that tells whether the effect is there. Example: `{ service: shop }`
    probe: Option<Check>,
    /// After a crash, where nobody can tell; `ask` unless said. Example: `rerun`
    after_crash: Option<UndoAfterCrash>,
    ;
    flatten surroundings: Rare<Surroundings>,
    flatten actions: ActionKeys,
}
}

record! {
/// A gate: nothing below it starts before its checks hold.
pub struct Checkpoint {
    /// The checkpoint's id. Example: `healthy`
    checkpoint: Id,
    /// What people call it. Example: `The shop is healthy`
    title: Option<Text>,
    /// What to know about it. Example: `The last moment to turn back without loss`
    about: Option<Text>,
    /// The entries that it waits for, instead of all that stand above it. Example: `[schema, code]`
    needs: Option<Vec<EntryRef>>,
    /// Only if this expression over inputs holds. Example: `with_backup`
    when: Option<Expression>,
    /// What must hold, all of it. Example: `[{ http: "http://127.0.0.1:8000/health" }]`
    checks: Vec<Check>,
    /// Keep asking for this long until all hold. Example: `2m`
    within: Option<Time>,
    /// How long to wait between two questions. Example: `5s`
    every: Option<Time>,
    /// How many times all must hold one after the other. Example: `3`
    in_a_row: Option<Count>,
    /// How long it takes; `within` at most unless said. Example: `10s..2m`
    estimate: Option<Estimate>,
    /// What a failure leads to; `rollback` unless said. Example: `pause`
    on_failure: Option<OnFailure>,
    /// Lint rules that are waived here, each with the reason. Example: `{ human-only-gate: "only people can tell" }`
    allow: Option<Allow>,
}
}

impl Read for PhaseEntry {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        if node.get("include").is_some() {
            return Read::read(node).map(PhaseEntry::Include);
        }
        Read::read(node).map(PhaseEntry::Phase)
    }
}

impl Read for Entry {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let map = node.map()?;
        if map.get("step").is_some() {
            Read::read(node).map(Entry::Step)
        } else if map.get("checkpoint").is_some() {
            Read::read(node).map(Entry::Checkpoint)
        } else {
            Read::read(node).map(Entry::Include)
        }
    }
}

impl Walk for PhaseEntry {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        match self {
            PhaseEntry::Phase(phase) => phase.walk(see),
            PhaseEntry::Include(include) => include.walk(see),
        }
    }
}

impl Walk for Entry {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        match self {
            Entry::Step(step) => step.walk(see),
            Entry::Checkpoint(checkpoint) => checkpoint.walk(see),
            Entry::Include(include) => include.walk(see),
        }
    }
}

/// Unions of a short and a full form, told apart by the shape of the node.
macro_rules! short_or_full {
    ($type:ident: $short:ident($short_type:ty) or $full:ident($full_type:ty)) => {
        impl Read for $type {
            fn read(node: Node<'_, '_>) -> Option<Self> {
                match node.view() {
                    View::Map(_) => <$full_type as Read>::read(node).map($type::$full),
                    _ => <$short_type as Read>::read(node).map($type::$short),
                }
            }
        }

        impl Walk for $type {
            fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
                match self {
                    $type::$short(value) => value.walk(see),
                    $type::$full(value) => value.walk(see),
                }
            }
        }
    };
}

short_or_full!(Retry: Times(Count) or Full(Box<RetryKeys>));
short_or_full!(Output: Word(OutputWord) or Full(OutputKeys));
short_or_full!(OnFailure: Word(OnFailureWord) or To(RollbackTo));

impl Read for Items {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match node.view() {
            View::List(_) => Vec::read(node).map(Items::List),
            _ => Text::read(node).map(Items::Template),
        }
    }
}

impl Walk for Items {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        match self {
            Items::List(items) => items.walk(see),
            Items::Template(text) => text.walk(see),
        }
    }
}

impl Read for Expression {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        Some(Expression { value: node.raw()?.to_owned(), span: node.span() })
    }
}

impl Walk for Expression {
    fn walk<'p>(&'p self, see: &mut dyn FnMut(Leaf<'p>)) {
        see(Leaf { kind: super::read::LeafKind::Expression, text: &self.value, span: self.span });
    }
}

impl JsonSchema for Expression {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "boolean"], "minLength": 1 })
    }
}

impl Entry {
    pub fn allow(&self) -> Option<&Allow> {
        match self {
            Entry::Step(step) => step.allow.as_ref(),
            Entry::Checkpoint(checkpoint) => checkpoint.allow.as_ref(),
            Entry::Include(_) => None,
        }
    }
}

impl Step {
    pub fn script(&self) -> Option<&Command> {
        self.actions.run()
    }

    /// Its own actions first, then those that undo it, each with what stands around it.
    pub fn all_actions(&self) -> impl Iterator<Item = (Action<'_>, &Surroundings)> {
        let own = self.actions.iter().map(|action| (action, &*self.surroundings));
        let back = self.rollback.iter().flat_map(|many| many.iter());
        own.chain(
            back.flat_map(|back| back.actions.iter().map(|action| (action, &*back.surroundings))),
        )
    }
}
