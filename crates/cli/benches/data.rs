//! What `plan` does to databases, beside the servers' own clients and tools, in turn and in one run.
//! `cargo bench -p plan-cli --bench data`; what follows `--` chooses: `migrations`, `backups`, `compare`
//! (all unless said), a size such as `1GB` (of the database that is saved), `rounds=5`, `large` (four million
//! rows as well), `alone` (without peers).
//! A server that is not installed is left out. `PLAN_BENCH_PROGRAM` is another build of `plan`,
//! `PLAN_BENCH_FOLDER` another folder for the servers, which their users must be able to reach.

#![allow(clippy::disallowed_methods, reason = "a benchmark is its own program")]

#[path = "data/backups.rs"]
mod backups;
#[path = "data/comparisons.rs"]
mod comparisons;
#[path = "data/migrations.rs"]
mod migrations;
#[path = "data/peers.rs"]
mod peers;
#[path = "../../../tests/support/place.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod place;
#[path = "data/rows.rs"]
mod rows;
#[path = "../../../tests/support/servers.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod servers;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use place::Place;
use servers::{Kind, Server};

fn main() -> ExitCode {
    let choice = Choice::of(std::env::args().skip(1));
    let root = std::env::var_os("PLAN_BENCH_FOLDER")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    if !root.ends_with(OURS) {
        return again_in(&root.join(format!("{}-{OURS}", std::process::id())));
    }
    let program = std::env::var_os("PLAN_BENCH_PROGRAM")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_plan")), PathBuf::from);
    let bench = Bench { program, root, choice };
    say(&format!("{} rounds, the programs in turn", bench.choice.rounds));
    for kind in servers::ALL {
        if servers::has(kind) {
            bench.on(kind);
        }
    }
    ExitCode::SUCCESS
}

const OURS: &str = "plan-data";

/// Once more, with a folder of its own for all that is temporary: beside the build, as a rule on a real
/// disk, since a sync in memory costs nothing.
fn again_in(folder: &Path) -> ExitCode {
    let folder = &folder.join(OURS);
    fs::create_dir_all(folder).expect("the folder of the build can be written");
    // Servers have users of their own, who have temporary files as well.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o1777)).expect("it is ours");
    let mut again = Command::new(std::env::current_exe().expect("this program has a path"));
    again.args(std::env::args_os().skip(1)).env("PLAN_BENCH_FOLDER", folder).env("TMPDIR", folder);
    let status = again.status().expect("this program can be started");
    let _ = fs::remove_dir_all(folder.parent().expect("it was made below another"));
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is asked for.
pub struct Choice {
    parts: Vec<String>,
    pub bytes: u64,
    pub rounds: usize,
    pub large: bool,
    /// Without the peers.
    pub alone: bool,
}

impl Choice {
    fn of(arguments: impl Iterator<Item = String>) -> Choice {
        let (parts, bytes) = (Vec::new(), 200 << 20);
        let mut choice = Choice { parts, bytes, rounds: 5, large: false, alone: false };
        for argument in arguments {
            let size = |unit: &str| argument.strip_suffix(unit)?.parse::<u64>().ok();
            if let Some(rounds) = argument.strip_prefix("rounds=") {
                choice.rounds = rounds.parse().expect("a number of rounds");
            } else if let Some(size) = size("GB") {
                choice.bytes = size << 30;
            } else if let Some(size) = size("MB") {
                choice.bytes = size << 20;
            } else if argument == "large" {
                choice.large = true;
            } else if argument == "alone" {
                choice.alone = true;
            } else if !argument.starts_with('-') {
                choice.parts.push(argument);
            }
        }
        choice
    }

    fn has(&self, part: &str) -> bool {
        let is_server = |one: &String| servers::ALL.iter().any(|kind| word(*kind) == one);
        let mut parts = self.parts.iter().filter(|one| !is_server(one)).peekable();
        parts.peek().is_none() || parts.any(|one| one == part)
    }

    fn has_server(&self, kind: Kind) -> bool {
        let named = |kind: &Kind| self.parts.iter().any(|one| one == word(*kind));
        named(&kind) || !servers::ALL.iter().any(named)
    }
}

pub fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "sqlite",
        Kind::Postgres => "postgres",
        Kind::MariaDb => "mariadb",
    }
}

pub struct Bench {
    program: PathBuf,
    root: PathBuf,
    pub choice: Choice,
}

impl Bench {
    fn on(&self, kind: Kind) {
        if !self.choice.has_server(kind) {
            return;
        }
        if self.choice.has("migrations") && kind != Kind::MariaDb {
            migrations::beside_one_script(self, kind);
        }
        if self.choice.has("backups") {
            backups::beside_the_tools(self, kind);
        }
        if self.choice.has("compare") {
            comparisons::beside_one_query(self, kind);
        }
    }

    /// A server with durable settings: whatever is committed is on the disk.
    pub fn server(&self, name: &str, kind: Kind) -> (Place, Server) {
        let place = Place::new(&format!("{name}-{kind:?}"));
        assert!(place.folder.starts_with(&self.root), "servers are below the folder of the build");
        let settings: &[&str] = match kind {
            Kind::Postgres => &["-c", "fsync=on"],
            Kind::MariaDb => &["--innodb-flush-log-at-trx-commit=1"],
            Kind::Sqlite => &[],
        };
        let server = Server::start_with(&place, kind, settings);
        (place, server)
    }

    /// Its lines in a file.
    pub fn plan(&self, place: &Place, store: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--store").arg(store).current_dir(&place.folder);
        command.env("NO_COLOR", "1").stdin(Stdio::null());
        told_in(&mut command, &place.folder.join("lines"));
        command
    }
}

/// A line of a shell in which every program must end well.
pub fn shell(place: &Place, text: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", text]).current_dir(&place.folder).stdin(Stdio::null());
    told_in(&mut command, &place.folder.join("plain"));
    command
}

pub fn told_in(command: &mut Command, file: &Path) {
    let lines = File::create(file).expect("the folder can be written");
    command.stdout(lines.try_clone().expect("a file can be named twice")).stderr(lines);
}

/// How long it took; it must end as it is said.
pub fn time(command: &mut Command, code: i32) -> Duration {
    let start = Instant::now();
    let status = command.status().expect("the program can be started");
    let elapsed = start.elapsed();
    if status.code() != Some(code) {
        let folder = command.get_current_dir().expect("each has one");
        for name in ["lines", "plain"] {
            say(&fs::read_to_string(folder.join(name)).unwrap_or_default());
        }
        panic!("{command:?} ended with {status}");
    }
    elapsed
}

/// What several programs took, round by round.
#[derive(Default)]
pub struct Times(Vec<(String, Vec<Duration>)>);

impl Times {
    pub fn add(&mut self, name: &str, time: Duration) {
        match self.0.iter_mut().find(|(one, _)| one == name) {
            Some((_, times)) => times.push(time),
            None => self.0.push((name.to_owned(), vec![time])),
        }
    }

    /// One row for each; beside those whose name begins with `plain`.
    pub fn show(mut self, title: &str, limit: f64) {
        let seconds = |time: Duration| time.as_secs_f64();
        for (_, times) in &mut self.0 {
            times.sort_unstable();
        }
        let middle = |times: &[Duration]| seconds(times[times.len() / 2]);
        say(&format!("\n| {title} | median | quickest | beside plain | limit |"));
        say("| --- | --- | --- | --- | --- |");
        let plain = self.0.iter().find(|(name, _)| name == "plain").expect("it is always there");
        for (name, times) in &self.0 {
            let limit = match &name[..] {
                "plan" => limit.to_string(),
                _ => String::new(),
            };
            say(&format!(
                "| {name} | {:.3} s | {:.3} s | {:.2} ({:.2}) | {limit} |",
                middle(times),
                seconds(times[0]),
                middle(times) / middle(&plain.1),
                seconds(times[0]) / seconds(plain.1[0]),
            ));
        }
    }
}

pub fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("standard output can be written");
}
