//! What runs while the engine or its keeper dies: nothing is run beside itself, nothing is guessed.

use std::fs;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::{Folder, Told, finish, until};

/// The keepers at work in a folder.
fn keepers(folder: &Folder) -> Vec<Pid> {
    let here = folder.dir().canonicalize().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let found = all.filter_map(|entry| {
        let process: i32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let is_keeper = line.split(|byte| *byte == 0).nth(1) == Some(b"keeper");
        let is_here = fs::read_link(entry.path().join("cwd")).is_ok_and(|dir| dir == here);
        (is_keeper && is_here).then(|| Pid::from_raw(process)).flatten()
    });
    found.collect()
}

fn kill_keeper(folder: &Folder) {
    let keepers = keepers(folder);
    assert_eq!(keepers.len(), 1, "one engine has one keeper");
    kill_process(keepers[0], Signal::KILL).unwrap();
}

fn kill(mut child: Child) -> Told {
    child.kill().unwrap();
    finish(child)
}

fn slow(more: &str) -> String {
    format!(
        "plan: one
jobs: 2
phases:
  - phase: all
    steps:
      - step: slow
        run: |
          echo begun >> done
          while [ -f plan.yaml ] && [ ! -f go ]; do sleep 0.02; done
          echo ended >> done
          echo the answer
        outputs: {{ said: stdout }}
        rollback: {{ run: echo slow >> undone }}
{more}
      - step: later
        run: echo later >> done
        rollback: {{ run: echo later >> undone }}
"
    )
}

#[test]
fn a_step_goes_on_without_its_engine_and_is_not_run_again() {
    let plan = slow("").replace("echo later >> done", "echo {{ steps.slow.said }} >> done");
    for ends_first in [true, false] {
        let folder = Folder::new(&plan);
        let engine = folder.start(&["apply", "plan.yaml"]);
        folder.wait_for("done", "begun");
        kill(engine);
        assert_eq!(keepers(&folder).len(), 1, "the keeper lives on");
        let told = if ends_first {
            fs::write(folder.path("go"), "").unwrap();
            folder.wait_for("done", "ended");
            folder.resume()
        } else {
            let engine = folder.start(&["resume"]);
            std::thread::sleep(std::time::Duration::from_millis(300));
            fs::write(folder.path("go"), "").unwrap();
            finish(engine)
        };
        assert_eq!(told.exit, Some(0), "{told:?}");
        assert_eq!(folder.lines("done"), ["begun", "ended", "the answer"]);
        until("every keeper to end", || keepers(&folder).is_empty());
    }
}

/// The keeper is killed while the step runs, and what the engine says when the step has ended.
fn keeper_killed(more: &str) -> (Folder, Child) {
    let folder = Folder::new(&slow(more));
    let engine = folder.start(&["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    kill_keeper(&folder);
    // What runs may not be started beside itself.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(folder.lines("done"), ["begun"]);
    fs::write(folder.path("go"), "").unwrap();
    (folder, engine)
}

#[test]
fn without_its_keeper_a_step_is_in_doubt_and_a_person_decides() {
    for skips in [false, true] {
        let (folder, engine) = keeper_killed("");
        let told = finish(engine);
        assert_eq!(told.exit, Some(4), "{told:?}");
        assert!(told.text.contains("plan retry slow"), "{told:?}");
        assert!(told.text.contains("plan skip slow"), "{told:?}");
        // To go on does not decide it.
        assert_eq!(folder.resume().exit, Some(4));
        assert_eq!(folder.lines("done"), ["begun", "ended"]);
        let decided: &[&str] = if skips {
            &["skip", "slow", "--reason", "it had happened"]
        } else {
            &["retry", "slow"]
        };
        let told = folder.plan(decided);
        assert_eq!(told.exit, Some(0), "{told:?}");
        let told = folder.resume();
        assert_eq!(told.exit, Some(0), "{told:?}");
        let again = if skips { &["later"][..] } else { &["begun", "ended", "later"][..] };
        assert_eq!(folder.lines("done")[2..], *again);
    }
}

#[test]
fn a_probe_decides_what_became_of_a_step() {
    let (folder, engine) = keeper_killed("        probe: { file: done, contains: ended }");
    let told = finish(engine);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert_eq!(folder.lines("done"), ["begun", "ended", "later"]);

    let (folder, engine) = keeper_killed("        probe: { run: test -f never }");
    let told = finish(engine);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert_eq!(folder.lines("done"), ["begun", "ended", "begun", "ended", "later"]);
}

#[test]
fn after_crash_decides_where_nobody_can_tell() {
    let (folder, engine) = keeper_killed("        after_crash: rerun");
    let told = finish(engine);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert_eq!(folder.lines("done"), ["begun", "ended", "begun", "ended", "later"]);

    let (folder, engine) = keeper_killed("        after_crash: rollback");
    let told = finish(engine);
    assert_eq!(told.exit, Some(1), "{told:?}");
    assert_eq!(folder.lines("done"), ["begun", "ended"]);
    assert_eq!(folder.lines("undone"), ["slow"]);
}

/// Nobody is left: the engine and the keeper die with the machine, as it were.
#[test]
fn engine_and_keeper_killed_a_step_is_in_doubt() {
    let folder = Folder::new(&slow(""));
    let engine = folder.start(&["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    kill_keeper(&folder);
    kill(engine);
    fs::write(folder.path("go"), "").unwrap();
    let told = folder.resume();
    assert_eq!(told.exit, Some(4), "{told:?}");
    assert!(told.text.contains("plan retry slow"), "{told:?}");
    assert_eq!(folder.lines("done"), ["begun", "ended"]);
}

#[test]
fn a_rollback_goes_on_under_a_new_keeper() {
    let folder = Folder::new(
        "plan: one
jobs: 1
phases:
  - phase: all
    steps:
      - step: a
        run: echo a >> done
        rollback: { run: echo a >> undone }
      - step: b
        needs: []
        run: echo b >> done
        rollback:
          - run: |
              echo begun >> undone
              while [ -f plan.yaml ] && [ ! -f go ]; do sleep 0.02; done
          - run: echo b >> undone
      - checkpoint: never
        checks: [{ run: test -f never }]
",
    );
    let engine = folder.start(&["apply", "plan.yaml"]);
    folder.wait_for("undone", "begun");
    kill_keeper(&folder);
    fs::write(folder.path("go"), "").unwrap();
    let told = finish(engine);
    assert_eq!(told.exit, Some(3), "{told:?}");
    assert_eq!(folder.lines("undone"), ["begun", "a"], "{told:?}");
    let told = folder.resume();
    assert_eq!(told.exit, Some(1), "{told:?}");
    assert_eq!(folder.lines("undone"), ["begun", "a", "begun", "b"], "{told:?}");
}

/// The way back was decided on and journaled: a crash does not make it a second try.
#[test]
fn a_crash_does_not_call_off_a_rollback() {
    let plan = slow(
        "      - step: bad\n        needs: []\n        run: echo tried >> tried; false\n        rollback: { run: echo bad >> undone }",
    );
    let folder = Folder::new(&plan);
    let mut engine = folder.command(&["apply", "plan.yaml"]);
    let log = fs::File::create(folder.path("said")).unwrap();
    let engine = engine.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    until("the failure", || {
        fs::read_to_string(folder.path("said")).unwrap().contains("bad: failed")
    });
    folder.wait_for("done", "begun");
    kill(engine);
    fs::write(folder.path("go"), "").unwrap();
    let told = folder.resume();
    assert_eq!(told.exit, Some(1), "{told:?}");
    assert_eq!(folder.lines("tried"), ["tried"], "{told:?}");
    assert_eq!(folder.lines("done"), ["begun", "ended"]);
}

/// A second way back is not taken for the first: what it did then has to be done again.
#[test]
fn what_is_done_again_is_undone_again() {
    let plan = "plan: one
jobs: 1
phases:
  - phase: all
    steps:
      - step: a
        run: echo a >> done
        rollback: { run: echo a >> undone }
      - checkpoint: here
        checks: [{ run: test -f done }]
      - step: b
        run: echo b >> done
        rollback: { run: echo b >> undone }
      - step: bad
        run: test -f never
        rollback: { run: echo bad >> undone }
        on_failure: { rollback_to: here }
";
    for at in ["order:3", "ordered:3", "order:4", "ordered:4", "before:6", "after:6", "before:7"] {
        let folder = Folder::new(plan);
        assert_eq!(folder.apply().exit, Some(4));
        assert_eq!(folder.lines("undone"), ["bad", "b"]);
        let killed = folder.crash(&["resume"], at);
        assert_eq!(killed.exit, None, "{killed:?}");
        let told = folder.resume();
        assert_eq!(told.exit, Some(4), "{told:?}");
        assert_eq!(folder.lines("undone"), ["bad", "b", "bad", "b"], "{at} {killed:?} {told:?}");
        assert_eq!(folder.lines("done"), ["a", "b", "b"]);
    }
}

/// Two stores on one machine: their runs have the same names, and nothing else in common.
#[test]
fn what_is_ended_in_one_store_goes_on_in_another() {
    let (ended, other) = (Folder::new(&slow("")), Folder::new(&slow("")));
    let (one, two) = (ended.start(&["apply", "plan.yaml"]), other.start(&["apply", "plan.yaml"]));
    ended.wait_for("done", "begun");
    other.wait_for("done", "begun");
    for _ in 0..2 {
        kill_process(Pid::from_child(&one), Signal::INT).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(finish(one).exit, Some(1));
    fs::write(other.path("go"), "").unwrap();
    let told = finish(two);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert_eq!(other.lines("done"), ["begun", "ended", "later"]);
}

/// What was never started, and then ran after all, has its way back on paper.
#[test]
fn the_paper_exit_holds_what_ran_after_a_crash() {
    let folder = Folder::new(&slow(""));
    fs::write(folder.path("go"), "").unwrap();
    assert_eq!(folder.crash(&["apply", "plan.yaml"], "order:1").exit, None);
    assert_eq!(folder.resume().exit, Some(0));
    let script = folder.path("store/runs/one-1/rollback.sh");
    let shown = std::process::Command::new("bash").arg(script).arg("really").output().unwrap();
    assert!(shown.status.success(), "{shown:?}");
    assert_eq!(folder.lines("undone"), ["later", "slow"]);
}

/// A request is taken in the commit of what it leads to: killed anywhere around it, it still counts.
#[test]
fn a_request_outlives_whoever_took_it() {
    let plan = "plan: asked
jobs: 1
steps:
  - { step: a, run: echo a >> done, read_only: true }
  - { step: bad, run: \"echo bad >> done; false\", read_only: true, on_failure: pause }
  - { step: last, run: echo last >> done, read_only: true }
";
    let (mut number, mut kills) = (0, 0);
    loop {
        number += 1;
        let mut was_killed = false;
        for side in ["before", "after"] {
            let folder = Folder::new(plan);
            assert_eq!(folder.apply().exit, Some(4));
            let asked = folder.plan(&["skip", "bad", "--reason", "done by hand"]);
            assert_eq!(asked.exit, Some(0), "{asked:?}");
            let killed = folder.crash(&["resume"], &format!("{side}:{number}"));
            if killed.exit.is_none() {
                was_killed = true;
                kills += 1;
            }
            let told = folder.resume();
            assert_eq!(folder.lines("done"), ["a", "bad", "last"], "{side}:{number} {told:?}");
        }
        if !was_killed {
            break;
        }
    }
    assert!(kills >= 6, "{kills}");
}

/// Nothing is told as done before it is durable: killed right before each commit, all that was said
/// stands in the journal.
#[test]
fn what_was_told_is_in_the_journal() {
    let plan = "plan: told
jobs: 2
steps:
  - { step: a, run: [\"true\"], read_only: true }
  - { step: b, needs: [], run: [\"true\"], read_only: true }
  - { step: c, run: [\"true\"], read_only: true }
";
    let mut kills = 0;
    for number in 1.. {
        let folder = Folder::new(plan);
        let killed = folder.crash(&["apply", "plan.yaml"], &format!("before:{number}"));
        if killed.exit == Some(0) {
            break;
        }
        kills += 1;
        let status = folder.plan(&["status", "--json"]);
        for step in ["a", "b", "c"] {
            for (told, state) in [("started", ""), ("done", "done")] {
                if !killed.text.contains(&format!(" {step}: {told}")) {
                    continue;
                }
                let known: serde_json::Value = serde_json::from_str(&status.text).unwrap();
                let entries = known["entries"].as_array().unwrap();
                let entry = entries.iter().find(|one| one["entry"] == step).unwrap();
                let found = entry["state"].as_str().unwrap();
                let is_known = found == state || (state.is_empty() && found != "ready");
                assert!(is_known && found != "waiting", "{number}: {step} is {found}: {killed:?}");
            }
        }
        if killed.text.contains("succeeded") {
            let known: serde_json::Value = serde_json::from_str(&status.text).unwrap();
            assert_eq!(known["state"], "succeeded", "{number}: {killed:?}");
        }
    }
    assert!(kills >= 6, "{kills}");
}

/// Of two who ask for the same the second one comes too late, and blocks nothing.
#[test]
fn who_asks_for_what_is_done_already_blocks_nothing() {
    let plan = "plan: twice
jobs: 1
steps:
  - { step: bad, run: \"false\", read_only: true, on_failure: pause }
  - { step: last, run: echo last >> done, read_only: true }
";
    let folder = Folder::new(plan);
    assert_eq!(folder.apply().exit, Some(4));
    for _ in 0..2 {
        let asked = folder.plan(&["skip", "bad", "--reason", "done by hand"]);
        assert_eq!(asked.exit, Some(0), "{asked:?}");
    }
    let told = folder.resume();
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert!(told.text.contains("bad is skipped: it cannot be skipped"), "{told:?}");
    assert_eq!(folder.lines("done"), ["last"]);
}
