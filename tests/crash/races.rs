//! Two at once: one runs, the other is told who and leaves everything as it is.

use std::fs;

use crate::folder::{Folder, Told, finish, until};

const APPLIES: usize = 100;
const RESUMES: usize = 40;

/// A step that ends when it is told to: whoever comes meanwhile meets a run that is under way.
const PLAN: &str = "plan: one
phases:
  - phase: all
    steps:
      - step: first
        run: echo first >> done
        rollback: { run: echo first >> undone }
      - step: gate
        run: |
          while [ -f plan.yaml ] && [ ! -f go ]; do sleep 0.01; done
          echo gate >> done
        rollback: { run: echo gate >> undone }
";

/// Starts two at once; the one that is refused, and then the one that ran.
fn race(folder: &Folder, args: &[&str]) -> (Told, Told) {
    let mut both = [folder.start(args), folder.start(args)];
    let mut refused = None;
    until("one of two to be refused", || {
        refused = both.iter_mut().position(|one| one.try_wait().unwrap().is_some());
        refused.is_some()
    });
    let [a, b] = both;
    let (refused, runs) = if refused == Some(0) { (a, b) } else { (b, a) };
    let refused = finish(refused);
    fs::write(folder.path("go"), "").unwrap();
    (refused, finish(runs))
}

#[test]
fn of_two_applies_at_once_exactly_one_runs() {
    for _ in 0..APPLIES {
        let folder = Folder::new(PLAN);
        let (refused, ran) = race(&folder, &["apply", "plan.yaml"]);
        assert_eq!(refused.exit, Some(5), "{refused:?}\n{ran:?}");
        assert!(refused.text.contains("is being run by"), "{refused:?}");
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        assert_eq!(folder.lines("done"), ["first", "gate"]);
        assert!(folder.plan(&["runs"]).text.lines().count() == 1, "a run of the loser's");
    }
}

#[test]
fn of_two_resumes_at_once_exactly_one_goes_on() {
    for _ in 0..RESUMES {
        let folder = Folder::new(PLAN);
        let killed = folder.crash(&["apply", "plan.yaml"], "ordered:2");
        assert_eq!(killed.exit, None, "{killed:?}");
        let (refused, ran) = race(&folder, &["resume"]);
        assert_eq!(refused.exit, Some(5), "{refused:?}\n{ran:?}");
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        assert_eq!(folder.lines("done"), ["first", "gate"]);
    }
}

#[test]
fn apply_refuses_while_a_run_has_not_ended() {
    let folder = Folder::new(PLAN);
    folder.crash(&["apply", "plan.yaml"], "ordered:2");
    let before = folder.lines("done");
    let told = folder.apply();
    assert_eq!(told.exit, Some(5), "{told:?}");
    assert!(told.text.contains("plan resume one-1"), "{told:?}");
    assert_eq!(folder.lines("done"), before);
    fs::write(folder.path("go"), "").unwrap();
    assert_eq!(folder.resume().exit, Some(0));
    assert_eq!(folder.apply().exit, Some(0), "the next run may begin");
}

#[test]
fn the_lease_of_a_dead_process_is_taken_over_at_once() {
    for at in ["after:1", "before:2"] {
        let folder = Folder::new(PLAN);
        fs::write(folder.path("go"), "").unwrap();
        assert_eq!(folder.crash(&["apply", "plan.yaml"], at).exit, None);
        let told = folder.apply();
        assert_eq!(told.exit, Some(0), "{told:?}");
        assert_eq!(folder.lines("done"), ["first", "gate"]);
    }
}

/// Nobody can look at another machine: its lease is taken over only when somebody says so, and only
/// once it has been silent for a while.
#[test]
fn the_lease_of_another_machine_is_taken_over_only_when_asked() {
    let folder = Folder::new(PLAN);
    fs::write(folder.path("go"), "").unwrap();
    assert_eq!(folder.crash(&["apply", "plan.yaml"], "after:4").exit, None);
    let sql = "update leases set owner = replace(owner, '\"boot\":\"', '\"boot\":\"other'), \
               owner = json_set(owner, '$.host', 'elsewhere'), beat = %";
    let beat = |when: &str| {
        let sql = sql.replace('%', when);
        let database = folder.path("store/store.db");
        let set = std::process::Command::new("sqlite3").arg(database).arg(sql).status();
        assert!(set.unwrap().success());
    };
    beat("beat");
    let told = folder.resume();
    assert_eq!(told.exit, Some(5), "{told:?}");
    assert!(told.text.contains("elsewhere") && told.text.contains("--take-over"), "{told:?}");
    let told = folder.plan(&["resume", "--take-over"]);
    assert_eq!(told.exit, Some(5), "it spoke a moment ago: {told:?}");
    beat("beat - 3600 * 1000000000");
    assert_eq!(folder.resume().exit, Some(5));
    let told = folder.plan(&["resume", "--take-over"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert_eq!(folder.lines("done"), ["first", "gate"]);
}
