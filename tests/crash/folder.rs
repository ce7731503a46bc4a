//! A folder of its own for each run: a plan, its store, and the binary at work in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine: whoever takes longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Folder {
    dir: tempfile::TempDir,
}

/// What a process said and how it ended.
#[derive(Debug)]
pub struct Told {
    /// The exit code; `None` for one that was killed.
    pub exit: Option<i32>,
    pub text: String,
}

/// Whether the last run of a folder has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    Not,
    Unfinished,
    Ended,
}

impl Folder {
    pub fn new(plan: &str) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder { dir };
        fs::write(folder.path("plan.yaml"), plan).unwrap();
        fs::write(folder.path("kept.txt"), "as it was\n").unwrap();
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plan"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("PLAN_CRASH_AT")
            .env_remove("PLAN_CLOCK")
            .env("PLAN_STORE", self.path("store"))
            .stdin(Stdio::null());
        command
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn plan(&self, args: &[&str]) -> Told {
        finish(self.start(args))
    }

    /// Killed at a point of its own choice.
    pub fn crash(&self, args: &[&str], at: &str) -> Told {
        let mut command = self.command(args);
        command.env("PLAN_CRASH_AT", at).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap())
    }

    pub fn apply(&self) -> Told {
        self.plan(&["apply", "plan.yaml"])
    }

    pub fn resume(&self) -> Told {
        self.plan(&["resume"])
    }

    pub fn begun(&self) -> Begun {
        let told = self.plan(&["runs", "--json"]);
        match told.text.split("\"state\": \"").nth(1).and_then(|rest| rest.split('"').next()) {
            None => Begun::Not,
            Some("succeeded" | "rolled-back" | "rolled-back-with-remainders") => Begun::Ended,
            Some(_) => Begun::Unfinished,
        }
    }

    /// Waits until a file holds a line.
    pub fn wait_for(&self, name: &str, line: &str) {
        until(&format!("{line} in {name}"), || self.lines(name).iter().any(|one| one == line));
    }
}

pub fn finish(mut child: Child) -> Told {
    let ended = std::thread::scope(|scope| {
        let out = child.stdout.take().map(|out| scope.spawn(|| read(out)));
        let err = child.stderr.take().map(|err| scope.spawn(|| read(err)));
        let started = Instant::now();
        let mut hangs = false;
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > PATIENCE && !hangs {
                hangs = true;
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let text = [out, err].into_iter().flatten().map(|one| one.join().unwrap());
        (child.wait().unwrap(), text.collect::<String>(), hangs)
    });
    let (status, text, hangs) = ended;
    assert!(!hangs, "a hang:\n{text}");
    assert!(!text.contains("panicked"), "a panic:\n{text}");
    Told { exit: status.code(), text }
}

fn read(mut from: impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for something; a test that waits in vain says for what.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl From<Output> for Told {
    fn from(output: Output) -> Told {
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        Told { exit: output.status.code(), text }
    }
}
