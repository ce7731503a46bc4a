//! Whole processes in turn, in one run: `plan validate` beside libyaml's event parser on the same
//! file. `cargo bench -p plan-cli`; needs a C compiler and libyaml's headers (libyaml-dev).

#![allow(clippy::disallowed_methods, reason = "a benchmark is its own program")]

#[path = "../../../tests/support/big_plan.rs"]
mod big_plan;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

fn main() {
    let folder = std::env::temp_dir().join(format!("plan-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    let plan = PathBuf::from(env!("CARGO_BIN_EXE_plan"));
    let libyaml = build_libyaml(&folder);
    let mut out = std::io::stdout().lock();
    let mut say = |line: String| writeln!(out, "{line}").expect("standard output can be written");
    say(format!("medians of {ROUNDS} rounds, the programs in turn"));
    let mut per_step = Vec::new();
    for steps in [10, 1_000, 10_000, 100_000] {
        let file = folder.join(format!("{steps}.yaml"));
        std::fs::write(&file, big_plan::big_plan(steps)).expect("the folder can be written");
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for _ in 0..ROUNDS {
            ours.push(time(Command::new(&plan).arg("validate").arg(&file)));
            if let Some(libyaml) = &libyaml {
                theirs.push(time(Command::new(libyaml).arg(&file)));
            }
        }
        let ours = median(&mut ours);
        per_step.push((steps, ours.as_secs_f64() / steps as f64));
        let ratio = match libyaml {
            Some(_) => {
                let theirs = median(&mut theirs);
                format!(
                    "libyaml events {theirs:8.1?}   ratio {:.2}",
                    ours.as_secs_f64() / theirs.as_secs_f64()
                )
            }
            None => "libyaml: no C compiler or no libyaml-dev".to_owned(),
        };
        say(format!("{steps:>7} steps   plan validate {ours:8.1?}   {ratio}"));
    }
    let (of_1_000, of_100_000) = (per_step[1].1, per_step[3].1);
    say(format!("growth from 1,000 to 100,000 steps: {:.2} times linear", of_100_000 / of_1_000));
    let mut version =
        (0..ROUNDS).map(|_| time(Command::new(&plan).arg("--version"))).collect::<Vec<_>>();
    say(format!("plan --version {:.1?}", median(&mut version)));
    let _ = std::fs::remove_dir_all(&folder);
}

fn build_libyaml(folder: &Path) -> Option<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/libyaml_events.c");
    let binary = folder.join("libyaml_events");
    let built = Command::new("cc")
        .args(["-O2", "-o"])
        .arg(&binary)
        .arg(source)
        .arg("-lyaml")
        .stderr(Stdio::null())
        .status();
    built.is_ok_and(|status| status.success()).then_some(binary)
}

fn time(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).status().expect("the program can be started");
    let elapsed = start.elapsed();
    assert!(status.success(), "{command:?} failed");
    elapsed
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
