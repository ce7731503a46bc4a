//! The disk of the store is full, or can only be read. Needs root, for a small disk of its own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::folder::{Folder, Told, finish};

const PLAN: &str = "plan: one
phases:
  - phase: all
    steps:
      - step: first
        run: echo first >> done
        rollback: { run: echo first >> undone }
      - step: gate
        run: |
          echo begun >> done
          while [ -f plan.yaml ] && [ ! -f go ]; do sleep 0.02; done
          echo gate >> done
        rollback: { run: echo gate >> undone }
      - step: last
        run: echo last >> done
        rollback: { run: echo last >> undone }
";

/// A disk of a few megabytes where the store of a folder is.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// `None` where this machine lets nobody mount; in CI that is a failure.
    fn under(folder: &Folder) -> Option<SmallDisk> {
        let at = folder.path("store");
        fs::create_dir(&at).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=4m,mode=700", "none"];
        let mounted = Command::new("mount").args(mount).arg(&at).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(SmallDisk { at });
        }
        assert!(std::env::var_os("CI").is_none(), "a small disk cannot be mounted in CI");
        let _ = writeln!(std::io::stderr(), "skipped: mounting needs root; run this test as root");
        None
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.at.join("filler")).unwrap();
        for size in [64 << 10, 4 << 10, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.at.join("filler")).unwrap();
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", how]).arg(&self.at).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn says_what_to_do(told: &Told) {
    assert_eq!(told.exit, Some(4), "{told:?}");
    assert!(told.text.contains("plan resume"), "{told:?}");
}

#[test]
fn on_a_full_disk_what_runs_ends_and_nothing_starts() {
    let folder = Folder::new(PLAN);
    let Some(disk) = SmallDisk::under(&folder) else { return };
    let engine = folder.start(&["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    disk.fill();
    fs::write(folder.path("go"), "").unwrap();
    let told = finish(engine);
    says_what_to_do(&told);
    assert!(told.text.contains("full"), "{told:?}");
    assert_eq!(folder.lines("done"), ["first", "begun", "gate"], "{told:?}");
    // Still full: it says so again, and does no harm.
    let told = folder.resume();
    says_what_to_do(&told);
    assert_eq!(folder.lines("done"), ["first", "begun", "gate"], "{told:?}");
    disk.free();
    let told = folder.resume();
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert_eq!(folder.lines("done"), ["first", "begun", "gate", "last"], "{told:?}");
}

#[test]
fn a_disk_that_is_freed_in_time_lets_the_run_go_on() {
    let folder = Folder::new(&PLAN.replace("while [", "sleep 0.5; while ["));
    let Some(disk) = SmallDisk::under(&folder) else { return };
    let plan = fs::read_to_string(folder.path("plan.yaml")).unwrap();
    // Something ends, and cannot be written down, while something else runs.
    let beside = "      - step: beside\n        needs: []\n        run: |\n          while [ -f plan.yaml ] && [ ! -f full ]; do sleep 0.02; done\n          echo beside >> done\n        rollback: { run: echo beside >> undone }\n";
    fs::write(folder.path("plan.yaml"), plan + beside).unwrap();
    let engine = folder.start(&["apply", "plan.yaml"]);
    folder.wait_for("done", "begun");
    disk.fill();
    fs::write(folder.path("full"), "").unwrap();
    folder.wait_for("done", "beside");
    std::thread::sleep(std::time::Duration::from_millis(300));
    disk.free();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    fs::write(folder.path("go"), "").unwrap();
    let told = finish(engine);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert!(told.text.contains("can be written again"), "{told:?}");
    assert_eq!(folder.lines("done"), ["first", "begun", "beside", "gate", "last"], "{told:?}");
}

#[test]
fn a_new_run_is_refused_on_a_full_disk() {
    let folder = Folder::new(PLAN);
    let Some(disk) = SmallDisk::under(&folder) else { return };
    disk.fill();
    let told = folder.apply();
    assert!(told.exit.is_some_and(|exit| exit != 0), "{told:?}");
    assert!(told.text.contains("help:"), "{told:?}");
    assert!(folder.lines("done").is_empty());
}

#[test]
fn a_store_that_can_only_be_read_starts_nothing() {
    let folder = Folder::new(PLAN);
    let Some(disk) = SmallDisk::under(&folder) else { return };
    fs::write(folder.path("go"), "").unwrap();
    let killed = folder.crash(&["apply", "plan.yaml"], "before:6");
    assert_eq!(killed.exit, None, "{killed:?}");
    crate::folder::until("the keeper to end", || {
        Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.at).status().unwrap().success()
    });
    let before = folder.lines("done");
    let told = folder.resume();
    says_what_to_do(&told);
    assert!(told.text.contains("can only be read"), "{told:?}");
    assert_eq!(folder.lines("done"), before);
    disk.remount("remount,rw");
    let told = folder.resume();
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert_eq!(folder.lines("done"), ["first", "begun", "gate", "last"]);
}
