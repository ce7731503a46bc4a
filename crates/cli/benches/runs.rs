//! Whole runs in turn, in one run: `plan apply` beside two loops in C that start the same number of
//! programs. *bare* does nothing else; *synced* makes one durable SQLite commit a step.
//! `cargo bench -p plan-cli --bench runs`; needs a C compiler and SQLite's headers (libsqlite3-dev).
//! `-- large` goes on with runs of 10,000 and 100,000 steps.

#![allow(clippy::disallowed_methods, reason = "a benchmark is its own program")]

#[path = "../../../tests/support/small_steps.rs"]
mod small_steps;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use small_steps::Shape;

const ROUNDS: usize = 7;

fn main() {
    // Beside the build, as a rule on a real disk: a sync in memory costs nothing.
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("runs-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder of the build can be written");
    let bench = Bench { spawn_loop: build_loop(&folder), folder, stores: Cell::new(0) };
    say(format!("medians (quickest) of {ROUNDS} rounds, the programs in turn"));
    for (shape, jobs) in [(Shape::Chain, 1), (Shape::Independent, 2), (Shape::Layers, 2)] {
        bench.beside_loops(shape, jobs);
    }
    bench.start();
    if std::env::args().any(|argument| argument == "large") {
        bench.large();
    }
    let _ = fs::remove_dir_all(&bench.folder);
}

struct Bench {
    folder: PathBuf,
    stores: Cell<usize>,
    spawn_loop: Option<PathBuf>,
}

/// What a process took, from outside.
#[derive(Debug, Clone, Copy)]
struct Cost {
    time: Duration,
    cpu: Duration,
    peak_kib: u64,
}

impl Bench {
    fn plan(&self, shape: Shape, steps: usize) -> PathBuf {
        let file = self.folder.join(format!("{shape:?}-{steps}.yaml"));
        fs::write(&file, small_steps::plan(shape, steps)).expect("the folder can be written");
        file
    }

    /// With an empty store, and its lines in a file.
    fn command(&self, verb: &str, plan: Option<&Path>) -> Command {
        let lines = File::create(self.folder.join("lines")).expect("the folder can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_plan"));
        command.arg(verb).args(plan).arg("--store").arg(self.store());
        command.stdin(Stdio::null()).stdout(lines);
        command
    }

    fn store(&self) -> PathBuf {
        self.folder.join(format!("store-{}", self.stores.get()))
    }

    /// A new one each time. Nothing is deleted before the end: ext4 makes new files slowly for minutes
    /// after many were deleted.
    fn new_store(&self) {
        self.stores.set(self.stores.get() + 1);
        fs::create_dir(self.store()).expect("the folder can be written");
    }

    fn beside_loops(&self, shape: Shape, jobs: usize) {
        const STEPS: usize = 1_000;
        let plan = self.plan(shape, STEPS);
        let (mut ours, mut bare, mut synced, mut validate) = (vec![], vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            self.new_store();
            ours.push(time(&mut self.command("apply", Some(&plan))));
            let mut looking = Command::new(env!("CARGO_BIN_EXE_plan"));
            validate.push(time(looking.arg("validate").arg(&plan).stdout(Stdio::null())));
            if let Some(spawn_loop) = &self.spawn_loop {
                let sizes = [STEPS.to_string(), jobs.to_string()];
                bare.push(time(Command::new(spawn_loop).args(&sizes)));
                let database = self.store().join("loop.db");
                synced.push(time(Command::new(spawn_loop).args(&sizes).arg(database)));
            }
        }
        let (ours, least) = (median(&mut ours), ours[0]);
        say(format!(
            "{shape:?} of {STEPS}, jobs {jobs}: plan apply {ours:.2?} ({least:.2?}), of it validate {:.2?}",
            median(&mut validate)
        ));
        for (name, times) in [("bare", &mut bare), ("synced", &mut synced)] {
            if times.is_empty() {
                continue;
            }
            let theirs = median(times);
            say(format!(
                "    {name:>6} {theirs:.2?} ({:.2?})   ratio {:.2} ({:.2})",
                times[0],
                ours.as_secs_f64() / theirs.as_secs_f64(),
                least.as_secs_f64() / times[0].as_secs_f64()
            ));
        }
    }

    /// The start of the program, and the smallest of runs.
    fn start(&self) {
        let plan = self.plan(Shape::Chain, 1);
        for (what, command) in [("--version", None), ("apply of one step", Some(&plan))] {
            let mut costs: Vec<Cost> = (0..ROUNDS)
                .map(|_| {
                    self.new_store();
                    watch(match command {
                        Some(plan) => self.command("apply", Some(plan)),
                        None => {
                            let mut command = Command::new(env!("CARGO_BIN_EXE_plan"));
                            command.arg("--version").stdout(Stdio::null());
                            command
                        }
                    })
                })
                .collect();
            costs.sort_by_key(|cost| cost.time);
            say(format!("plan {what}: {}", costs[costs.len() / 2]));
        }
    }

    /// Ten times more steps, memory, and how long a long journal takes to go on with.
    fn large(&self) {
        let mut before: Option<f64> = None;
        for steps in [1_000, 10_000, 100_000] {
            let plan = self.plan(Shape::Independent, steps);
            let rounds = if steps < 100_000 { 3 } else { 1 };
            let mut costs: Vec<Cost> = (0..rounds)
                .map(|_| {
                    self.new_store();
                    watch(self.command("apply", Some(&plan)))
                })
                .collect();
            costs.sort_by_key(|cost| cost.time);
            let cost = costs[costs.len() / 2];
            let seconds = cost.time.as_secs_f64();
            let growth = before.map_or(String::new(), |before| {
                format!("   {:.1} times the one before", seconds / before)
            });
            before = Some(seconds);
            say(format!("independent, {steps} steps: {cost}{growth}"));
        }
        self.resume();
    }

    /// Killed near its end; then until the first line of the next step.
    fn resume(&self) {
        const STEPS: usize = 100_000;
        let plan = self.plan(Shape::Independent, STEPS);
        self.new_store();
        let mut child = self.command("apply", Some(&plan)).spawn().expect("plan can be started");
        let lines = self.folder.join("lines");
        // Each step has a line when it starts and one when it is done.
        let lines_of_a_step = 70;
        let wanted = STEPS as u64 * 9 / 10 * lines_of_a_step;
        while fs::metadata(&lines).map_or(0, |meta| meta.len()) < wanted {
            std::thread::sleep(Duration::from_millis(50));
        }
        child.kill().expect("it runs");
        child.wait().expect("it was started here");
        for _ in 0..3 {
            let begun = Instant::now();
            let mut child = self.command("resume", None).spawn().expect("plan can be started");
            while !fs::read_to_string(&lines).is_ok_and(|text| text.contains(": started")) {
                std::thread::sleep(Duration::from_millis(2));
            }
            say(format!("resume, until the next step starts: {:.2?}", begun.elapsed()));
            child.kill().expect("it runs");
            child.wait().expect("it was started here");
        }
    }
}

fn build_loop(folder: &Path) -> Option<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/spawn_loop.c");
    let binary = folder.join("spawn_loop");
    let mut cc = Command::new("cc");
    let built = cc.args(["-O2", "-o"]).arg(&binary).arg(source).arg("-lsqlite3").status();
    built.is_ok_and(|status| status.success()).then_some(binary)
}

fn time(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.status().expect("the program can be started");
    let elapsed = start.elapsed();
    assert!(status.success(), "{command:?} failed");
    elapsed
}

/// Looks at a process from time to time; what it took last stands in /proc until it is waited for.
fn watch(mut command: Command) -> Cost {
    let start = Instant::now();
    let mut child = command.spawn().expect("the program can be started");
    let mut peak_kib = 0;
    let time = loop {
        let (peak, is_over) = look(&child);
        peak_kib = peak.max(peak_kib);
        if is_over {
            break start.elapsed();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    // The machine counts in hundredths of a second.
    let cpu = Duration::from_millis((ticks(11) + ticks(12)) * 10);
    assert!(child.wait().expect("it was started here").success(), "{command:?} failed");
    Cost { time, cpu, peak_kib }
}

fn look(child: &Child) -> (u64, bool) {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let peak = line("VmHWM:").and_then(|text| text.split_whitespace().next()?.parse().ok());
    (peak.unwrap_or(0), line("State:").is_none_or(|state| state.contains('Z')))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn say(line: String) {
    writeln!(std::io::stdout(), "{line}").expect("standard output can be written");
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = self.peak_kib as f64 / 1024.0;
        write!(f, "{:.2?}, {:.2?} of CPU, {mib:.1} MiB at most", self.time, self.cpu)
    }
}
