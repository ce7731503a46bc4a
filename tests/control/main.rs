//! Telling a run something from a second terminal, through the store: the real binary, twice.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(plan: &str) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
        Desk { folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plan"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn plan(&self, arguments: &[&str]) -> (Option<i32>, String) {
        said(self.command(arguments).output().unwrap())
    }

    fn start(&self) -> Child {
        let mut command = self.command(&["apply", "plan.yaml"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Until a file is there that a step writes.
    fn until(&self, file: &str) {
        let started = Instant::now();
        while !self.path(file).exists() {
            assert!(started.elapsed() < Duration::from_secs(30), "{file} never came");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.folder.path().join(file)
    }

    fn touch(&self, file: &str) {
        std::fs::write(self.path(file), "").unwrap();
    }
}

fn said(output: Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

fn end(child: Child) -> (Option<i32>, String) {
    said(child.wait_with_output().unwrap())
}

/// The first step runs until somebody lets it go.
const PLAN: &str = "plan: told
phases:
  - phase: one
    steps:
      - step: first
        run: touch running; until [ -e go ]; do sleep 0.05; done
        rollback: { run: touch undone }
      - step: second
        run: touch second
        rollback: { run: rm second }
";

#[test]
fn a_run_pauses_after_what_runs_and_goes_on_later() {
    let desk = Desk::new(PLAN);
    let run = desk.start();
    desk.until("running");
    let (code, text) = desk.plan(&["status"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("now: first"), "{text}");
    let (code, text) = desk.plan(&["pause"]);
    assert_eq!(code, Some(0), "{text}");
    // Asked, and not yet paused: the step is let finish.
    std::thread::sleep(Duration::from_millis(500));
    desk.touch("go");
    let (code, text) = end(run);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("told-1 is paused: 1 of 2 done."), "{text}");
    assert!(!desk.path("second").exists());
    let (code, text) = desk.plan(&["pause"]);
    assert_eq!(code, Some(2), "nobody is there to be asked: {text}");
    let (code, text) = desk.plan(&["resume"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(desk.path("second").exists());
}

#[test]
fn a_run_is_aborted_and_rolls_back() {
    let desk = Desk::new(PLAN);
    let run = desk.start();
    desk.until("running");
    let (code, text) = desk.plan(&["abort"]);
    assert_eq!(code, Some(0), "{text}");
    std::thread::sleep(Duration::from_millis(500));
    assert!(!desk.path("undone").exists(), "what runs is let finish first");
    desk.touch("go");
    let (code, text) = end(run);
    assert_eq!(code, Some(1), "{text}");
    assert!(desk.path("undone").exists());
}

#[test]
fn abort_ends_what_runs_when_it_is_told_to() {
    let desk = Desk::new(PLAN);
    let run = desk.start();
    desk.until("running");
    let (code, text) = desk.plan(&["abort", "--running-too"]);
    assert_eq!(code, Some(0), "{text}");
    let started = Instant::now();
    let (code, text) = end(run);
    assert_eq!(code, Some(1), "{text}");
    assert!(started.elapsed() < Duration::from_secs(8), "{text}");
    assert!(desk.path("undone").exists());
}

#[test]
fn rollback_asks_the_engine_that_is_at_it() {
    let desk = Desk::new(PLAN);
    let run = desk.start();
    desk.until("running");
    let (code, text) = desk.plan(&["rollback"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("was asked to roll back"), "{text}");
    desk.touch("go");
    let (code, text) = end(run);
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn a_way_back_without_a_name_is_that_of_the_last_run_alone() {
    let desk =
        Desk::new("plan: p\nsteps:\n  - { step: a, run: touch a, rollback: { run: rm a } }\n");
    for run in [1, 2] {
        assert_eq!(desk.plan(&["apply", "plan.yaml"]).0, Some(0), "{run}");
    }
    assert_eq!(desk.plan(&["rollback"]).0, Some(0));
    desk.touch("a");
    let (code, text) = desk.plan(&["rollback"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("plan rollback p-1"), "{text}");
    assert!(desk.folder.path().join("a").exists());
    assert_eq!(desk.plan(&["rollback", "p-1"]).0, Some(0));
}

#[test]
fn watch_tells_the_same_story_to_its_end() {
    let desk = Desk::new(PLAN);
    let run = desk.start();
    desk.until("running");
    let watch =
        desk.command(&["watch"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    desk.touch("go");
    let (code, told) = end(run);
    assert_eq!(code, Some(0), "{told}");
    let (code, watched) = end(watch);
    assert_eq!(code, Some(0), "{watched}");
    let story = |text: &str| {
        text.lines().filter(|line| line.contains(": ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(story(&told), story(&watched));
}

#[test]
fn logs_follow_a_step() {
    let desk = Desk::new(
        "plan: told
steps:
  - step: first
    run: echo begins; touch running; until [ -e go ]; do sleep 0.05; done; echo ends
    read_only: true
",
    );
    let run = desk.start();
    desk.until("running");
    let (_, text) = desk.plan(&["logs", "first"]);
    assert_eq!(text, "== first.1.log\nbegins\n");
    let logs = desk.command(&["logs", "first", "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    desk.touch("go");
    assert_eq!(end(run).0, Some(0));
    assert_eq!(end(logs).1, "== first.1.log\nbegins\nends\n");
}

#[test]
fn an_answer_from_elsewhere_reaches_a_run_that_still_does_something() {
    let desk = Desk::new(
        "plan: told
steps:
  - step: work
    run: touch running; until [ -e go ]; do sleep 0.05; done
    read_only: true
  - checkpoint: quiet
    needs: []
    checks: [{ manual: Is it quiet? }]
  - step: last
    needs: [quiet]
    run: touch last
    rollback: { run: rm last }
",
    );
    let run = desk.start();
    desk.until("running");
    let started = Instant::now();
    loop {
        let (code, text) = desk.plan(&["approve", "quiet"]);
        if code == Some(0) {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{text}");
    }
    desk.until("last");
    desk.touch("go");
    let (code, text) = end(run);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("answered yes"), "{text}");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_does() {
    let desk = Desk::new(PLAN);
    let (code, text) = desk.plan(&["status"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("no run was made here"), "{text}");
    desk.touch("go");
    assert_eq!(end(desk.start()).0, Some(0));
    for (arguments, wanted) in [
        (&["resume"][..], "there is no run that could be resumed"),
        (&["resume", "told-1"], "told-1 has ended: succeeded"),
        (&["resume", "told-7"], "the last ones: told-1"),
        (&["pause"], "there is no run that has not ended"),
        (&["skip", "first", "--reason", " "], "the reason is empty"),
        (&["logs", "third"], "no program of third has printed anything"),
        (&["rollback", "--to", "nowhere"], "there is no checkpoint nowhere"),
    ] {
        let (code, text) = desk.plan(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(wanted), "{arguments:?}: {text}");
    }
    assert!(Path::new(&desk.path("second")).exists(), "nothing of that undid anything");
}

#[test]
fn a_watch_that_trips_fails_its_phase() {
    let desk = Desk::new(
        "plan: watched
phases:
  - phase: one
    watch: [{ file: alive, every: 100ms, tolerate: 2 }]
    steps:
      - step: first
        run: touch alive
        rollback: { run: touch undone }
      - step: second
        run: sleep 0.5; rm alive; sleep 1
        rollback: { run: touch undone-too }
      - step: third
        run: touch third
        rollback: { run: rm third }
",
    );
    let (code, text) = end(desk.start());
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(text.matches("its watch tripped").count(), 1, "{text}");
    assert!(desk.path("undone").exists() && desk.path("undone-too").exists(), "{text}");
    assert!(!desk.path("third").exists(), "nothing new starts once it tripped");
}

#[test]
fn a_watch_that_holds_long_enough_trips_nothing() {
    let desk = Desk::new(
        "plan: watched
phases:
  - phase: one
    watch: [{ file: alive, every: 50ms, tolerate: 1000 }]
    steps: [{ step: first, run: sleep 0.5, read_only: true }]
  - phase: two
    steps: [{ step: second, run: sleep 0.5, read_only: true }]
",
    );
    assert_eq!(end(desk.start()).0, Some(0));
}

const LOOKED_ON: &str = "plan: watched
phases:
  - phase: one
    watch: [{ file: alive, every: 50ms, for: 2s }]
    steps: [{ step: first, run: touch alive first, rollback: { run: rm first } }]
  - phase: two
    steps: [{ step: second, run: touch second, rollback: { run: rm second } }]
";

#[test]
fn a_watch_with_a_time_of_its_own_is_looked_at_behind_its_phase() {
    let desk = Desk::new(LOOKED_ON);
    desk.touch("alive");
    let began = std::time::Instant::now();
    let (code, text) = end(desk.start());
    assert_eq!(code, Some(0), "{text}");
    assert!(began.elapsed() > std::time::Duration::from_secs(2), "{text}");
    assert!(text.contains("all is done; the watches are looked at for another"), "{text}");
    // What goes wrong when all is done leads back all the same.
    let desk = Desk::new(LOOKED_ON);
    desk.touch("alive");
    let run = desk.start();
    desk.until("second");
    std::thread::sleep(std::time::Duration::from_millis(500));
    std::fs::remove_file(desk.path("alive")).unwrap();
    let (code, text) = end(run);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("its watch tripped"), "{text}");
    assert!(!desk.path("first").exists() && !desk.path("second").exists(), "{text}");
    // An engine that is killed then goes on looking, until the same moment.
    let desk = Desk::new(LOOKED_ON);
    desk.touch("alive");
    let began = std::time::Instant::now();
    let mut run = desk.start();
    desk.until("second");
    std::thread::sleep(std::time::Duration::from_millis(500));
    run.kill().unwrap();
    run.wait().unwrap();
    let (code, text) = desk.plan(&["resume"]);
    assert_eq!(code, Some(0), "{text}");
    let took = began.elapsed();
    assert!(took > std::time::Duration::from_secs(2), "{took:?} {text}");
}
