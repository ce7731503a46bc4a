//! A folder with a plan in it, and what becomes of applying it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A folder of one test alone, gone with it.
pub struct Place {
    pub folder: PathBuf,
    env: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new(name: &str) -> Place {
        let folder = std::env::temp_dir().join(format!("plan-run-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Place { folder, env: Vec::new() }
    }

    /// A folder with this plan.
    pub fn with(name: &str, plan: &str) -> Place {
        let place = Place::new(name);
        place.write("plan.yaml", plan);
        place
    }

    pub fn env(mut self, name: &str, value: &str) -> Place {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What a step wrote; nothing where it did not.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    pub fn has(&self, name: &str) -> bool {
        self.folder.join(name).exists()
    }

    pub fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// The folder of the only run.
    pub fn run_folder(&self) -> PathBuf {
        let mut runs: Vec<_> = fs::read_dir(self.store().join("runs"))
            .unwrap()
            .map(|one| one.unwrap().path())
            .collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.remove(0)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plan"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("PLAN_STORE", self.store())
            .env("NO_COLOR", "1")
            .env("USER", "ama")
            .env_remove("SUDO_USER")
            .env_remove("PLAN_CLOCK")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    pub fn plan(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments))
    }

    pub fn apply(&self) -> Ran {
        self.plan(&["apply", "plan.yaml"])
    }

    /// Applied in the background.
    pub fn begin(&self) -> Child {
        let mut command = self.command(&["apply", "plan.yaml"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Applied where somebody sits before a terminal, and types.
    pub fn apply_typing(&self, typed: &str) -> Ran {
        let plain = self.command(&[]);
        let mut command = Command::new("bash");
        let line = format!("{} apply plan.yaml --output lines", env!("CARGO_BIN_EXE_plan"));
        // People read before they type.
        let typing = format!(
            "(sleep 1; printf %b {typed:?}; echo; sleep 1) | script -qefc '{line}' /dev/null"
        );
        command.args(["-c", &typing]).current_dir(&self.folder);
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null());
        ran(command)
    }

    pub fn status(&self) -> Value {
        let status = self.plan(&["status", "--json"]);
        assert_eq!(status.code, 0, "{status:?}");
        serde_json::from_str(&status.out).unwrap()
    }

    /// The state of a step, as `plan status --json` has it.
    pub fn state(&self, entry: &str) -> String {
        let status = self.status();
        let entries = status["entries"].as_array().unwrap();
        let found = entries.iter().find(|one| one["entry"] == entry);
        found.unwrap_or_else(|| panic!("no {entry}"))["state"].as_str().unwrap().to_owned()
    }

    /// Until a step runs.
    pub fn wait_for(&self, entry: &str) {
        let is_running = || {
            let status = self.plan(&["status", "--json"]);
            let status: Value = serde_json::from_str(&status.out).unwrap_or_default();
            let mut entries = status["entries"].as_array().into_iter().flatten();
            entries.any(|one| one["entry"] == entry && one["state"] == "running")
        };
        wait_until("a step runs", is_running);
    }

    pub fn sqlite(&self, database: &str, sql: &str) -> String {
        let output = Command::new("sqlite3")
            .args([database, sql])
            .current_dir(&self.folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ran {
    /// What a question wants to be typed out.
    #[allow(dead_code, reason = "not every test restores")]
    pub fn name_to_type(&self) -> String {
        let all = self.all();
        let asked = all.split_once("type `").and_then(|(_, rest)| rest.split_once('`'));
        asked.expect("nothing is to be typed").0.to_owned()
    }

    /// Everything that was shown.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    pub fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    pub fn says(self, words: &str) -> Ran {
        assert!(self.all().contains(words), "`{words}` is not in\n{}\n{}", self.out, self.err);
        self
    }

    pub fn never_says(self, words: &str) -> Ran {
        assert!(!self.all().contains(words), "`{words}` is in\n{}\n{}", self.out, self.err);
        self
    }
}

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}
