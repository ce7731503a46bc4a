//! A real terminal, with a person's keys, that goes away.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::folder::{Begun, Folder, finish};

fn plan(more: &str) -> String {
    format!(
        "plan: one
{more}
phases:
  - phase: all
    steps:
      - step: first
        run: echo first >> done
        rollback: {{ run: echo first >> undone }}
      - step: gate
        run: |
          echo begun >> done
          while [ -f plan.yaml ] && [ ! -f go ]; do sleep 0.02; done
          echo gate >> done
        rollback: {{ run: echo gate >> undone }}
      - step: last
        run: echo last >> done
        rollback: {{ run: echo last >> undone }}
"
    )
}

/// A terminal with the program in front of it.
struct Seat {
    keyboard: Option<fs::File>,
    child: Child,
    screen: String,
}

impl Seat {
    fn take(folder: &Folder, args: &[&str]) -> Seat {
        let controller =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let mut options = fs::OpenOptions::new();
        let user: OwnedFd =
            options.read(true).write(true).open(name.to_str().unwrap()).unwrap().into();
        let both = || Stdio::from(user.try_clone().unwrap());
        // A session of its own, with this for its terminal: what a login does.
        let mut command = Command::new("setsid");
        command.args(["--ctty", env!("CARGO_BIN_EXE_plan")]).args(args);
        command.current_dir(folder.dir()).env("PLAN_STORE", folder.path("store"));
        command.env("TERM", "xterm").stdin(both()).stdout(both()).stderr(both());
        let child = command.spawn().unwrap();
        drop((command, user));
        let keyboard = fs::File::from(controller);
        let screen = String::new();
        // What is shown is read only when there is something.
        rustix::io::ioctl_fionbio(&keyboard, true).unwrap();
        Seat { keyboard: Some(keyboard), child, screen }
    }

    /// A screen that nobody reads would stop whoever writes on it.
    fn look(&mut self) -> String {
        if let Some(keyboard) = &mut self.keyboard {
            let mut piece = [0; 4096];
            while let Ok(size) = keyboard.read(&mut piece) {
                if size == 0 {
                    break;
                }
                self.screen.push_str(&String::from_utf8_lossy(&piece[..size]));
            }
        }
        self.screen.clone()
    }

    fn wait_for(&mut self, text: &str) {
        let mut seen = String::new();
        let started = std::time::Instant::now();
        while !seen.contains(text) {
            seen = self.look();
            assert!(started.elapsed() < Duration::from_secs(30), "no `{text}` in:\n{seen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn hang_up(&mut self) {
        self.look();
        self.keyboard = None;
    }

    fn exit(&mut self) -> Option<i32> {
        let mut ended = None;
        let started = std::time::Instant::now();
        while ended.is_none() {
            let seen = self.look();
            assert!(!seen.contains("panicked"), "{seen}");
            assert!(started.elapsed() < Duration::from_secs(30), "a hang:\n{seen}");
            ended = self.child.try_wait().unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        ended.unwrap().code()
    }
}

#[test]
fn a_closed_terminal_does_not_stop_the_run() {
    let folder = Folder::new(&plan(""));
    let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    seat.hang_up();
    std::thread::sleep(Duration::from_millis(200));
    fs::write(folder.path("go"), "").unwrap();
    assert_eq!(seat.exit(), Some(0));
    assert_eq!(folder.lines("done"), ["first", "begun", "gate", "last"]);
    assert_eq!(folder.begun(), Begun::Ended);
}

#[test]
fn a_closed_terminal_pauses_where_the_plan_says_so() {
    let folder = Folder::new(&plan("on_disconnect: pause"));
    let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    seat.hang_up();
    std::thread::sleep(Duration::from_millis(200));
    fs::write(folder.path("go"), "").unwrap();
    assert_eq!(seat.exit(), Some(4));
    assert_eq!(folder.lines("done"), ["first", "begun", "gate"]);
    assert_eq!(folder.resume().exit, Some(0));
    assert_eq!(folder.lines("done"), ["first", "begun", "gate", "last"]);
}

#[test]
fn a_closed_terminal_rolls_back_where_the_plan_says_so() {
    let folder = Folder::new(&plan("on_disconnect: rollback"));
    let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    seat.hang_up();
    std::thread::sleep(Duration::from_millis(200));
    fs::write(folder.path("go"), "").unwrap();
    assert_eq!(seat.exit(), Some(1));
    assert_eq!(folder.lines("undone"), ["gate", "first"]);
}

#[test]
fn the_first_interrupt_asks_what_is_wanted() {
    for (key, exit, undone) in [("g", 0, &[][..]), ("p", 4, &[]), ("r", 1, &["gate", "first"])] {
        let folder = Folder::new(&plan(""));
        let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
        folder.wait_for("done", "begun");
        seat.types("\x03");
        seat.wait_for("What now?");
        seat.types(&format!("{key}\n"));
        std::thread::sleep(Duration::from_millis(100));
        fs::write(folder.path("go"), "").unwrap();
        assert_eq!(seat.exit(), Some(exit), "{}", seat.look());
        assert_eq!(folder.lines("undone"), undone);
    }
}

#[test]
fn a_terminal_closed_in_the_middle_of_a_decision_does_not_hold_the_run() {
    let folder = Folder::new(&plan(""));
    let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    seat.types("\x03");
    seat.wait_for("What now?");
    seat.hang_up();
    fs::write(folder.path("go"), "").unwrap();
    assert_eq!(seat.exit(), Some(0));
}

#[test]
fn the_second_interrupt_ends_what_runs_and_rolls_back() {
    let folder = Folder::new(&plan(""));
    let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    seat.types("\x03");
    seat.wait_for("What now?");
    seat.types("\x03");
    assert_eq!(seat.exit(), Some(1), "{}", seat.look());
    assert_eq!(folder.lines("undone"), ["gate", "first"]);
    assert_eq!(folder.lines("done"), ["first", "begun"], "it was ended");
}

#[test]
fn the_third_interrupt_leaves_at_once_and_the_run_can_be_resumed() {
    let folder = Folder::new(&plan("").replace(
        "run: |\n          echo begun",
        "run: |\n          trap '' TERM\n          echo begun",
    ));
    let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    for what in ["What now?", "ending what runs"] {
        seat.types("\x03");
        seat.wait_for(what);
    }
    seat.types("\x03");
    assert_eq!(seat.exit(), Some(4), "{}", seat.look());
    fs::write(folder.path("go"), "").unwrap();
    let told = folder.resume();
    assert_eq!(told.exit, Some(1), "what was decided stands: {told:?}");
    assert_eq!(folder.lines("undone"), ["gate", "first"]);
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn without_a_terminal_interrupts_pause_then_roll_back_then_leave() {
    // Once: it pauses.
    let folder = Folder::new(&plan(""));
    let engine = folder.start(&["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    signal(&engine, Signal::INT);
    std::thread::sleep(Duration::from_millis(100));
    fs::write(folder.path("go"), "").unwrap();
    assert_eq!(finish(engine).exit, Some(4));
    assert_eq!(folder.resume().exit, Some(0));
    assert_eq!(folder.lines("done"), ["first", "begun", "gate", "last"]);
    // Twice: it rolls back.
    let folder = Folder::new(&plan(""));
    let engine = folder.start(&["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    for _ in 0..2 {
        signal(&engine, Signal::INT);
        std::thread::sleep(Duration::from_millis(100));
    }
    let told = finish(engine);
    assert_eq!(told.exit, Some(1), "{told:?}");
    assert_eq!(folder.lines("undone"), ["gate", "first"]);
}

#[test]
fn a_shutdown_pauses_durably() {
    let folder = Folder::new(&plan(""));
    let engine = folder.start(&["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    signal(&engine, Signal::TERM);
    std::thread::sleep(Duration::from_millis(100));
    fs::write(folder.path("go"), "").unwrap();
    let told = finish(engine);
    assert_eq!(told.exit, Some(4), "{told:?}");
    assert!(told.text.contains("plan resume"), "{told:?}");
    assert_eq!(folder.lines("done"), ["first", "begun", "gate"]);
    assert_eq!(folder.resume().exit, Some(0));
    assert_eq!(folder.lines("done"), ["first", "begun", "gate", "last"]);
}

fn asks() -> Folder {
    Folder::new(
        "plan: asks
steps:
  - step: one
    manual: look at one
    read_only: true
  - step: two
    manual: look at two
    read_only: true
",
    )
}

#[test]
fn what_is_answered_elsewhere_brings_up_the_next_question() {
    let folder = asks();
    let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
    seat.wait_for("? look at one");
    assert_eq!(folder.plan(&["approve", "one"]).exit, Some(0));
    seat.wait_for("? look at two");
    seat.types("done\n");
    assert_eq!(seat.exit(), Some(0), "{}", seat.look());
}

#[test]
fn a_way_back_that_is_asked_for_elsewhere_ends_a_terminal_that_asks() {
    let folder = asks();
    let mut seat = Seat::take(&folder, &["apply", "plan.yaml"]);
    seat.wait_for("? look at one");
    assert_eq!(folder.plan(&["rollback"]).exit, Some(0));
    assert_eq!(seat.exit(), Some(1), "{}", seat.look());
}
