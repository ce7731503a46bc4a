//! One plan with a step of each action: failed behind each step in turn, and killed at every write of its
//! journal. What comes back is compared to the bit, what is done is counted.

use std::fs;
use std::process::{Child, Command};

use plan_model::model::action::ACTION_KEYS;

use crate::place::{Place, wait_until};
use crate::service::Supervisor;
use crate::tree::tree;

const PLAN: &str = include_str!("every/plan.yaml");

/// A machine with everything that the plan works on.
struct Machine {
    // Ends before its folder goes.
    _supervisor: Supervisor,
    place: Place,
    port: String,
    orders: Child,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.orders.kill();
        let _ = self.orders.wait();
    }
}

impl Machine {
    fn new(name: &str) -> Option<Machine> {
        let has_composer = Command::new("composer").arg("--version").output().is_ok();
        assert!(has_composer || std::env::var_os("CI").is_none(), "CI must have composer");
        if !has_composer {
            return None;
        }
        let place = Place::new(&format!("every-{name}"));
        let home = place.folder.join("home").display().to_string();
        let place = place.env("HOME", &home);
        let mut command = Command::new("bash");
        let setup = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/system/every/machine.sh");
        command.arg(setup).current_dir(&place.folder);
        assert!(command.env("HOME", &home).status().unwrap().success());
        let supervisor = Supervisor::start(&place.folder)?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/system/every/orders.py");
        let mut orders = Command::new("python3");
        let orders = orders.arg(script).current_dir(&place.folder).spawn().unwrap();
        wait_until("orders are taken", || place.has("port"));
        let port = place.read("port");
        place.write("plan.yaml", PLAN);
        let machine = Machine { place, port, orders, _supervisor: supervisor };
        for step in steps() {
            machine.place.write(&format!("go/{step}"), "");
        }
        Some(machine)
    }

    fn apply(&self) -> Command {
        let port = format!("port={}", self.port);
        self.place.command(&["apply", "plan.yaml", "--set", &port])
    }

    /// All that the plan may change, and must bring back.
    fn state(&self) -> Vec<String> {
        let machine = self.place.folder.join("machine");
        // What git checks out bears the time of that, and its own folder is asked below.
        let is_other = |line: &String| line.starts_with("app/") || line.contains(".db ");
        let mut state: Vec<_> = tree(&machine).into_iter().filter(|line| !is_other(line)).collect();
        state.push(self.place.read("machine/app/page"));
        for database in ["machine/shop.db", "machine/copy.db"] {
            state.push(self.place.sqlite(database, ".dump"));
        }
        for question in [
            "git -C machine/app symbolic-ref HEAD || git -C machine/app rev-parse HEAD",
            "git -C machine/app for-each-ref refs/heads refs/tags",
            "git -C machine/app status --porcelain",
            "supervisorctl status worker | awk '{ print $1, $2 }'",
        ] {
            let mut asked = Command::new("bash");
            let asked = asked.args(["-c", question]).current_dir(&self.place.folder).output();
            state.push(String::from_utf8(asked.unwrap().stdout).unwrap());
        }
        state
    }

    /// Each thing was done, and once.
    fn is_done(&self, told: &str) {
        let place = &self.place;
        let lines = |name: &str| place.read(name).lines().count();
        assert_eq!(lines("machine/written"), 1, "{told}");
        assert_eq!(lines("machine/orders"), 1, "{told}");
        assert_eq!(place.sqlite("machine/shop.db", "select count(*) from products"), "3", "{told}");
        assert_eq!(place.sqlite("machine/shop.db", "select count(*) from offers"), "0", "{told}");
        assert_eq!(place.sqlite("machine/copy.db", "select count(*) from products"), "2", "{told}");
        assert_eq!(place.read("machine/current/page"), "two", "{told}");
        assert_eq!(place.read("machine/settings.env"), "NAME=shop\nVERSION=2\n", "{told}");
        assert_eq!(place.read("machine/app/page"), "two", "{told}");
        assert_eq!(place.read("machine/CHANGELOG.md").matches("Tea is sold").count(), 1, "{told}");
        assert!(place.has("machine/libraries/vendor/acme/greet/greet.php"), "{told}");
        assert!(!place.has("machine/closed") && !place.has("machine/old"), "{told}");
        assert!(place.read("machine/page.txt").starts_with("Version every-"), "{told}");
    }

    /// A run to its end, by a person where one is asked. Each process of it is killed at such a point: at
    /// its third first, and at one more whenever it got no further. How often it was.
    fn go(&self, verb: &str, point: &str, told: &mut String) -> (i32, usize) {
        let mut command = match verb {
            "apply" => self.apply(),
            verb => self.place.command(&[verb]),
        };
        let first = if point == "note" { 1 } else { FIRST };
        let (mut kills, mut number, mut last) = (0, first, String::new());
        for _ in 0..1000 {
            let crash_at = format!("{point}:{number}");
            command.env("PLAN_CRASH_AT", &crash_at);
            let ran = crate::place::ran(command);
            *told += &format!("--- {crash_at} {}\n{}", ran.code, ran.all());
            match ran.code {
                -1 => kills += 1,
                4 => *told += &self.place.plan(&["approve", "hand"]).all(),
                code => return (code, kills),
            }
            let runs = self.place.plan(&["runs"]).out;
            // It had ended already when it was killed.
            match (verb, runs.contains("rolled back"), runs.contains("succeeded")) {
                ("rollback", true, _) | ("apply", _, true) => return (0, kills),
                _ => {}
            }
            let begun = runs.contains("running") || runs.contains("paused");
            let is_back = runs.contains("rolling");
            let now =
                format!("{runs}{}", if begun || is_back { self.states() } else { String::new() });
            number = if now == last { number + 1 } else { first };
            last = now;
            command = match verb {
                // Killed before there was a run: it begins anew.
                "apply" if !begun => self.apply(),
                "rollback" if !is_back => self.place.command(&["rollback"]),
                _ => self.place.command(&["resume"]),
            };
        }
        panic!("it does not come to its end:\n{told}");
    }

    fn states(&self) -> String {
        let status = self.place.status();
        let entries = status["entries"].as_array().unwrap();
        let states = entries.iter().map(|one| one["state"].as_str().unwrap());
        let settled = states.filter(|state| *state != "running" && *state != "interrupted");
        settled.collect::<Vec<_>>().join(" ")
    }
}

/// The writes before it are of the right to run, and of the run itself.
const FIRST: u32 = 3;

/// The steps of the plan, in its order.
fn steps() -> Vec<&'static str> {
    PLAN.lines().filter_map(|line| line.trim().strip_prefix("- step: ")).collect()
}

#[test]
fn the_plan_has_every_action_and_a_checkpoint_behind_each() {
    for key in ACTION_KEYS {
        assert!(PLAN.contains(&format!("        {key}:")), "no step with `{key}`");
    }
    for step in steps() {
        assert!(
            PLAN.contains(&format!("checkpoint: after-{step}, checks: [{{ file: go/{step} }}]"))
        );
    }
}

#[test]
fn failed_behind_each_step_in_turn_the_machine_is_what_it_was() {
    let Some(machine) = Machine::new("failed") else { return };
    let before = machine.state();
    for step in steps() {
        let go = machine.place.folder.join("go").join(step);
        fs::remove_file(&go).unwrap();
        let mut told = String::new();
        let (code, _) = machine.go("apply", "", &mut told);
        assert_eq!(code, 1, "{step}:\n{told}");
        assert!(told.contains(&format!("Failed:     after-{step}")), "{step}:\n{told}");
        assert!(told.contains("State:      the one before the run"), "{step}: {told}");
        assert_eq!(machine.state(), before, "{step}:\n{told}");
        machine.place.write(&format!("go/{step}"), "");
    }
}

/// Killed at every write of the journal, or of a note beside it, on the way and on the way back; so often
/// at least.
fn killed(point: &str, least: (usize, usize)) {
    let Some(machine) = Machine::new(point) else { return };
    let before = machine.state();
    let mut told = String::new();
    let (code, kills) = machine.go("apply", point, &mut told);
    assert_eq!(code, 0, "{told}");
    assert!(kills >= least.0, "{kills} kills:\n{told}");
    machine.is_done(&told);
    let (code, kills) = machine.go("rollback", point, &mut told);
    assert_eq!(code, 0, "{told}");
    assert!(kills >= least.1, "{kills} kills:\n{told}");
    assert_eq!(machine.state(), before, "{told}");
}

#[test]
fn killed_before_every_write_of_the_journal_all_is_done_once() {
    killed("before", each_write());
}

#[test]
fn killed_after_every_write_of_the_journal_all_is_done_once() {
    killed("after", each_write());
}

/// Each step and each checkpoint begins and ends; on the way back only the steps do.
fn each_write() -> (usize, usize) {
    (steps().len() * 4, steps().len() * 2)
}

#[test]
fn killed_while_a_note_is_written_it_holds_what_was_there_before() {
    killed("note", (8, 0));
}
