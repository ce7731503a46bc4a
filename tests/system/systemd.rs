//! `service` by a real systemd: a machine that is started for it, whose one task is the rest of this test.

use crate::apart::{self, shell};
use crate::place::Place;

fn unit(name: &str, keys: &str) {
    let path = format!("/etc/systemd/system/{name}.service");
    std::fs::write(path, format!("[Service]\n{keys}\n")).unwrap();
}

fn state(name: &str) -> String {
    shell(&format!("systemctl is-active {name} || true"))
}

fn process(name: &str) -> String {
    shell(&format!("systemctl show --property=MainPID --value {name}"))
}

#[test]
fn services_of_a_real_systemd_are_turned_and_brought_back() {
    let name = "systemd::services_of_a_real_systemd_are_turned_and_brought_back";
    let folder = std::env::temp_dir().join("plan-systemd");
    apart::boot(name, &[], &folder, on_the_machine);
}

fn on_the_machine() {
    unit("worker", "ExecStart=/bin/sleep 1000\nExecReload=/bin/touch /reloaded");
    unit("other", "ExecStart=/bin/sleep 1000");
    unit("weak", "ExecStart=/bin/sleep 1");
    unit(
        "again",
        "ExecStart=/bin/sleep 0.7\nRestart=always\nRestartSec=100ms\nStartLimitBurst=1000",
    );
    unit("broken", "ExecStart=/bin/false\nType=oneshot");
    unit(
        "stubborn",
        "ExecStart=/bin/sh -c \"trap '' TERM; sleep 1000 & wait; wait\"\nTimeoutStopSec=5",
    );
    shell("systemctl daemon-reload; systemctl start worker stubborn");
    let place = Place::new("service-systemd");
    for (keys, worker, other) in [
        ("stop: worker", "inactive", "inactive"),
        ("start: other", "active", "active"),
        ("stop: worker, start: [other, worker]", "active", "active"),
        ("restart: worker.service", "active", "inactive"),
        ("reload: worker", "active", "inactive"),
    ] {
        let number = process("worker");
        let is = if worker == "active" { "running" } else { "stopped" };
        plan(&place, keys, &format!("{{ service: worker, is: {is} }}, "));
        place.write("right", "");
        place.apply().ends(0);
        assert_eq!((state("worker").as_str(), state("other").as_str()), (worker, other), "{keys}");
        let is_the_same = process("worker") == number;
        assert_eq!(is_the_same, keys.starts_with("reload") || keys == "start: other", "{keys}");
        place.plan(&["rollback"]).ends(0);
        assert_eq!(
            (state("worker"), state("other")),
            ("active".into(), "inactive".into()),
            "{keys}"
        );
        std::fs::remove_file(place.folder.join("right")).unwrap();
        place.apply().ends(1);
        assert_eq!(
            (state("worker"), state("other")),
            ("active".into(), "inactive".into()),
            "{keys}"
        );
    }
    assert!(std::path::Path::new("/reloaded").exists());
    a_log_is_read_from_when_the_run_began(&place);
    // What runs is part of the state that comes back, also where no step of its own turned it.
    place.write(
        "plan.yaml",
        "plan: p\nstate: { services: [worker, other, nobody] }\n\
         allow: { release-unchecked: the test looks from outside, shell-instead-of-typed: the test wants it so }\n\
         steps:\n  - step: turn\n    run: systemctl stop worker\n    rollback: { run: \"true\" }\n  \
         - { checkpoint: right, checks: [{ file: right }] }\n",
    );
    place.apply().ends(3).says("service worker differs");
    shell("systemctl start worker");
    for (keys, words) in [
        ("start: weak, stable_for: 3s", "weak came up and went down again: journalctl -u weak"),
        ("start: again, stable_for: 3s", "again came up and went down again"),
        ("start: broken", "start broken: exit status 1"),
        ("start: nobody", "nobody is nothing that its manager knows"),
        ("stop: stubborn, drain: 1s", "stubborn still runs 1 s after it was told to stop"),
    ] {
        plan(&place, keys, "");
        place.apply().ends(1).says(words);
    }
}

/// Whatever time the run believes that it is: the journal knows that of the machine alone.
fn a_log_is_read_from_when_the_run_began(place: &Place) {
    unit("speaks", "ExecStart=/bin/cat /speaks\nType=oneshot");
    std::fs::write("/speaks", "ERROR of yesterday\n").unwrap();
    shell("systemctl daemon-reload; systemctl start speaks; sleep 1.1");
    let run = |step: &str| {
        place.write(
            "plan.yaml",
            &format!(
                "plan: logs\nallow: {{ shell-instead-of-typed: the test wants it so }}\nsteps:\n  \
                 - {{ step: say, run: \"{step}\", read_only: true }}\n  \
                 - {{ checkpoint: quiet, checks: [{{ log: \"unit:speaks\", fail_on: [ERROR] }}] }}\n"
            ),
        );
        let mut command = place.command(&["apply", "plan.yaml"]);
        let done = command.env("PLAN_CLOCK", "2020-02-01T02:00:00Z").output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let (code, told) = run("true");
    assert_eq!(code, Some(0), "{told}");
    std::fs::write("/speaks", "ERROR of today\n").unwrap();
    let (code, told) = run("systemctl start speaks; sleep 0.5");
    assert!(code == Some(1) && told.contains("ERROR of today"), "{told}");
}

fn plan(place: &Place, keys: &str, checks: &str) {
    let soon = if keys.contains("stable_for") { "" } else { ", stable_for: 300ms" };
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\nallow: {{ release-unchecked: the test looks from outside, logs-unchecked: the test looks from outside }}\n\
             steps:\n  - step: turn\n    service: {{ {keys}{soon} }}\n  \
             - {{ checkpoint: right, checks: [{checks}{{ file: right }}] }}\n"
        ),
    );
}
