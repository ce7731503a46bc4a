//! Whoever sits before the run: starts it, answers what it asks, and takes it up again where it was killed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A text, and a file of this name in the plan's folder.
pub const EVIDENCE: &str = "vu et vérifié";

pub struct Person {
    /// The plan's folder; here it is called from.
    pub folder: PathBuf,
    pub plan: String,
    pub arguments: Vec<String>,
    /// What somebody does before the answer to an entry: a script.
    pub does: BTreeMap<String, PathBuf>,
    pub env: BTreeMap<String, String>,
    /// When it is, for the first run.
    pub clock: Option<jiff::Timestamp>,
    pub began: Instant,
}

/// How a run came to its end, and all that was said.
pub struct Came {
    pub code: i32,
    pub told: String,
    pub kills: usize,
}

/// Kills at moments that are drawn: each after so much time at most, and so often.
pub struct Killer {
    pub within: Duration,
    pub left: usize,
    pub seed: u64,
}

impl Killer {
    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Some(self.within.mul_f64((self.seed >> 33) as f64 / (1u64 << 31) as f64))
    }
}

impl Person {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plan"));
        command.args(arguments).current_dir(&self.folder).envs(&self.env);
        command.env("NO_COLOR", "1").env("USER", "ama").stdin(Stdio::null());
        if let Some(clock) = self.clock {
            let now = clock + self.began.elapsed();
            command.env("PLAN_CLOCK", now.to_string());
        }
        command
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let done = self.command(arguments).output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
    }

    fn status(&self) -> Value {
        let done = self.command(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&done.stdout).unwrap_or_default()
    }

    /// Each command that looks at the plan finds nothing to say against it.
    pub fn reads(&self) {
        for verb in [&["validate", "--strict"][..], &["show"], &["estimate"], &["graph"]] {
            let with: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
            let arguments = [verb, &[self.plan.as_str()], &with].concat();
            let done = self.command(&arguments).output().unwrap();
            let told = String::from_utf8_lossy(&done.stdout).into_owned()
                + &String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "plan {}: {told}", arguments.join(" "));
            assert!(!told.contains("warning"), "plan {}: {told}", arguments.join(" "));
        }
    }

    pub fn applies(&self, killer: Option<&mut Killer>) -> Came {
        let with = self.arguments.iter().map(String::as_str);
        let arguments: Vec<&str> = ["apply", &self.plan].into_iter().chain(with).collect();
        self.goes(&arguments, killer)
    }

    pub fn rolls_back(&self, killer: Option<&mut Killer>) -> Came {
        self.goes(&["rollback"], killer)
    }

    /// To its end: done, taken back, or where nobody but a person knows.
    fn goes(&self, first: &[&str], mut killer: Option<&mut Killer>) -> Came {
        let mut came = Came { code: -1, told: String::new(), kills: 0 };
        let mut arguments = first.to_vec();
        let mut gave_up = false;
        let log = PathBuf::from("/root/said");
        // A run that was there before is none of this one.
        let last = self.status()["run"].clone();
        for _ in 0..200 {
            let file = std::fs::File::create(&log).unwrap();
            let mut command = self.command(&arguments);
            command.stdout(file.try_clone().unwrap()).stderr(file);
            let code =
                ends(command.spawn().unwrap(), killer.as_mut().and_then(|killer| killer.next()));
            let told = std::fs::read_to_string(&log).unwrap();
            came.told += &format!("$ plan {}  ({code:?})\n{told}", arguments.join(" "));
            let status = self.status();
            match code {
                None => {
                    came.kills += 1;
                    // Killed before there was a run, it begins anew; after its end, that is known.
                    match (first[0], status["state"].as_str()) {
                        ("apply", _) if status["run"] == last => continue,
                        ("apply", Some("succeeded")) => came.code = 0,
                        ("apply", Some("rolled-back")) => came.code = 1,
                        ("rollback", Some("rolled-back")) => came.code = 0,
                        ("rollback", Some("succeeded")) => continue,
                        _ => {
                            arguments = vec!["resume"];
                            continue;
                        }
                    }
                    return came;
                }
                Some(4) if status["paused"]["reason"] == "questions" => {
                    for entry in status["paused"]["entries"].as_array().into_iter().flatten() {
                        came.told += &self.answers(entry.as_str().unwrap());
                    }
                    arguments = vec!["resume"];
                }
                Some(4) if status["paused"]["reason"] == "failed" => {
                    came.told += "the person decides to go back\n";
                    arguments = vec!["rollback"];
                    gave_up = true;
                }
                Some(code) => {
                    // A run that failed did so, whoever took it back.
                    came.code = if gave_up && code == 0 { 1 } else { code };
                    return came;
                }
            }
        }
        panic!("it does not come to its end:\n{}", came.told);
    }

    /// Every question of an entry, by two people: some ask for both.
    fn answers(&self, entry: &str) -> String {
        let mut told = String::new();
        if let Some(script) = self.does.get(entry) {
            let mut command = Command::new("bash");
            let done = command.arg("-eu").arg(script).envs(&self.env).current_dir("/root").output();
            let done = done.unwrap();
            let text =
                String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{}: {text}", script.display());
        }
        // A number that is none: the open ones are told.
        let open = self.ask(&["approve", entry, "--question", "0"]);
        let numbers = open.split("--question ").skip(1).filter_map(|rest| rest.split(' ').next());
        // What takes the place of data is typed out.
        let name = open.split_once("type `").and_then(|(_, rest)| rest.split_once('`'));
        let name = name.map(|(name, _)| ["--answer", name]);
        let name = name.as_ref().map_or(&[][..], |name| &name[..]);
        for question in numbers {
            for person in ["ama", "kofi"] {
                for evidence in [&["--evidence", EVIDENCE][..], &[]] {
                    let arguments =
                        [&["approve", entry, "--question", question], evidence, name].concat();
                    let done = self.command(&arguments).env("USER", person).output().unwrap();
                    told += &String::from_utf8_lossy(&done.stdout);
                    if done.status.success() {
                        break;
                    }
                }
            }
        }
        assert!(!told.is_empty(), "{entry}: {}", self.ask(&["approve", entry]));
        told
    }
}

/// Its exit code; nothing where it was killed before it ended.
fn ends(mut child: Child, killed_after: Option<Duration>) -> Option<i32> {
    let Some(after) = killed_after else { return child.wait().unwrap().code() };
    let began = Instant::now();
    while began.elapsed() < after {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    child.wait().unwrap().code()
}
