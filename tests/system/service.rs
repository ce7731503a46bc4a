//! `service`: a real supervisord with real programs, and a manager that `plan` does not know.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::place::{Place, wait_until};

pub struct Supervisor {
    folder: PathBuf,
    child: Child,
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.ctl(&["shutdown"]);
        let _ = self.child.wait();
    }
}

impl Supervisor {
    /// Where it is missing, CI fails and others are told.
    #[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
    pub fn start(folder: &Path) -> Option<Supervisor> {
        let is_there = Command::new("supervisord").arg("--version").output().is_ok();
        assert!(is_there || std::env::var_os("CI").is_none(), "CI must have supervisor");
        if !is_there {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "skipped: apt-get install supervisor");
            return None;
        }
        let shown = folder.display();
        let settings = format!(
            "[supervisord]\nlogfile={shown}/log\npidfile={shown}/pid\nchildlogdir={shown}\n\
                 [unix_http_server]\nfile={shown}/s\n[supervisorctl]\nserverurl=unix://{shown}/s\n\
                 [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\
                 [program:worker]\ncommand=sleep 1000\nstartsecs=0\n\
                 [program:other]\ncommand=sleep 1000\nautostart=false\nstartsecs=0\n\
                 [program:slow]\ncommand=sleep 1000\nautostart=false\nstartsecs=4\n\
                 [program:again]\ncommand=sleep 0.7\nautostart=false\nstartsecs=0\nautorestart=true\n\
                 [program:weak]\ncommand=sleep 1\nautostart=false\nstartsecs=0\nautorestart=false\n"
        );
        std::fs::write(folder.join("supervisord.conf"), settings).unwrap();
        let mut command = Command::new("supervisord");
        command.args(["-n", "-c", "supervisord.conf"]).current_dir(folder);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let supervisor = Supervisor { folder: folder.to_owned(), child };
        wait_until("the supervisor", || supervisor.is("worker", "RUNNING"));
        Some(supervisor)
    }

    fn ctl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("supervisorctl");
        let done = command.args(arguments).current_dir(&self.folder).output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    fn is(&self, name: &str, state: &str) -> bool {
        self.ctl(&["status", name]).contains(state)
    }

    fn number(&self, name: &str) -> String {
        self.ctl(&["pid", name])
    }
}

fn plan(place: &Place, keys: &str, checks: &str) {
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\nallow: {{ release-unchecked: the test looks at it from outside, logs-unchecked: the test looks at it from outside }}\nsteps:\n  - step: turn\n    service: {{ {keys} }}\n  \
             - {{ checkpoint: right, checks: [{checks}{{ file: right }}] }}\n"
        ),
    );
}

const MANAGER: &str = "manager: supervisor, stable_for: 500ms";

#[test]
fn services_are_turned_and_brought_back_to_the_state_they_had() {
    let place = Place::new("service-supervisor");
    let Some(supervisor) = Supervisor::start(&place.folder) else { return };
    for (keys, worker, other) in [
        ("stop: worker", "STOPPED", "STOPPED"),
        ("start: other", "RUNNING", "RUNNING"),
        ("stop: worker, start: [other, worker]", "RUNNING", "RUNNING"),
        ("start: other, restart: worker", "RUNNING", "RUNNING"),
        ("restart: worker", "RUNNING", "STOPPED"),
    ] {
        let number = supervisor.number("worker");
        let checks = format!(
            "{{ service: worker, is: {}, manager: supervisor }}, ",
            if worker == "RUNNING" { "running" } else { "stopped" }
        );
        plan(&place, &format!("{keys}, {MANAGER}"), &checks);
        place.write("right", "");
        place.apply().ends(0);
        assert!(supervisor.is("worker", worker) && supervisor.is("other", other), "{keys}");
        if keys.starts_with("restart") {
            assert_ne!(supervisor.number("worker"), number, "{keys}");
        }
        place.plan(&["rollback"]).ends(0);
        assert!(supervisor.is("worker", "RUNNING") && supervisor.is("other", "STOPPED"), "{keys}");
        std::fs::remove_file(place.folder.join("right")).unwrap();
        place.apply().ends(1);
        assert!(supervisor.is("worker", "RUNNING") && supervisor.is("other", "STOPPED"), "{keys}");
    }
}

#[test]
fn what_falls_down_again_or_is_unknown_is_no_success() {
    let place = Place::new("service-weak");
    let Some(supervisor) = Supervisor::start(&place.folder) else { return };
    for (keys, words) in [
        (
            "start: weak, manager: supervisor, stable_for: 3s",
            "came up and went down again: supervisorctl tail",
        ),
        ("start: nobody, manager: supervisor", "no such process"),
        ("start: \"--all\", manager: supervisor", "is no name of a service"),
    ] {
        plan(&place, keys, "");
        place.apply().ends(1).says(words);
        assert!(supervisor.is("worker", "RUNNING"), "{keys}");
    }
    plan(
        &place,
        &format!("stop: worker, {MANAGER}"),
        "{ service: worker, is: running, manager: supervisor }, ",
    );
    place.write("right", "");
    place.apply().ends(1).says("worker does not run");
    assert!(supervisor.is("worker", "RUNNING"));
}

#[test]
fn killed_at_any_order_it_goes_on_or_back() {
    let place = Place::new("service-killed");
    let Some(supervisor) = Supervisor::start(&place.folder) else { return };
    plan(&place, &format!("stop: worker, start: other, {MANAGER}"), "");
    place.write("right", "");
    // Each takes seconds, and most of them are questions: every third, on and back in turn.
    for number in (1..).step_by(3) {
        let mut command = place.command(&["apply", "plan.yaml"]);
        command.env("PLAN_CRASH_AT", format!("ordered:{number}"));
        if command.output().unwrap().status.success() {
            assert!(number > 4, "only {number}");
            return;
        }
        let goes_on = number % 2 == 0;
        place.plan(&[if goes_on { "resume" } else { "rollback" }]).ends(0);
        if goes_on {
            assert!(supervisor.is("worker", "STOPPED") && supervisor.is("other", "RUNNING"));
            place.plan(&["rollback"]).ends(0);
        }
        assert!(
            supervisor.is("worker", "RUNNING") && supervisor.is("other", "STOPPED"),
            "{number}"
        );
    }
}

#[test]
fn a_manager_of_ones_own_is_told_by_its_commands() {
    let place = Place::new("service-own");
    place.write("state/it's", "up");
    let commands = "manager: command, in: state, stable_for: 100ms, commands: { start: \"printf up > {{ service }}\", stop: \"printf down > {{ service }}\", status: \"grep -q up {{ service }}\" }";
    plan(&place, &format!("stop: a.b, {commands}"), "");
    place.write("state/a.b", "up");
    place.write("right", "");
    place.apply().ends(0);
    assert_eq!(place.read("state/a.b"), "down");
    place.plan(&["rollback"]).ends(0);
    assert_eq!(place.read("state/a.b"), "up");
    // One that does not stop is no success.
    plan(
        &place,
        &format!(
            "stop: a.b, drain: 500ms, {}",
            commands.replace("printf down > {{ service }}", "true")
        ),
        "",
    );
    place.apply().ends(1).says("still runs 500 ms after it was told to stop");
}

#[test]
fn what_is_on_its_way_is_neither_up_nor_down() {
    let place = Place::new("service-way");
    let Some(supervisor) = Supervisor::start(&place.folder) else { return };
    place.write("right", "");
    supervisor.ctl(&["start", "again"]);
    plan(&place, "restart: again, manager: supervisor, stable_for: 3s", "");
    place.apply().ends(1).says("again came up and went down again");
    supervisor.ctl(&["stop", "again"]);
    let mut starting = Command::new("supervisorctl");
    starting.args(["start", "slow"]).current_dir(&place.folder).stdout(Stdio::null());
    let mut starting = starting.spawn().unwrap();
    wait_until("it starts", || supervisor.is("slow", "STARTING"));
    plan(&place, "stop: slow, manager: supervisor", "");
    place.apply().ends(0);
    starting.wait().unwrap();
    assert!(supervisor.is("slow", "STOPPED"), "{}", supervisor.ctl(&["status"]));
    // What was just starting was meant to run.
    place.plan(&["rollback"]).ends(0);
    assert!(supervisor.is("slow", "RUNNING"));
    plan(&place, "stop: all, manager: supervisor", "");
    place.apply().ends(1).says("`all` is no service");
    // A question that cannot be put is no answer.
    let commands =
        "commands: { start: \"true\", stop: \"true\", status: \"/nope/ctl {{ service }}\" }";
    plan(&place, &format!("stop: worker, manager: command, {commands}"), "");
    place.apply().ends(1).says("exit status 127");
}
