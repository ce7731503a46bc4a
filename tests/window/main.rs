//! The window while a run goes on: the real binary with a clock that is set.

use std::process::{Command, Output};

fn apply(plan: &str, clock: &str) -> (Output, String) {
    apply_in("UTC", plan, clock)
}

/// On a machine whose clocks show the time of a zone.
fn apply_in(zone: &str, plan: &str, clock: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_plan"))
        .args(["apply", "plan.yaml", "--output", "lines"])
        .env("PLAN_CLOCK", clock)
        .env("TZ", zone)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

/// When a line was printed that ends like this, as HH:MM:SS.
fn time_of(text: &str, ending: &str) -> String {
    let line = text.lines().find(|line| line.ends_with(ending)).unwrap_or_else(|| {
        panic!("no line ends with `{ending}`:\n{text}");
    });
    line[11..19].to_owned()
}

const PLAN: &str = "plan: windowed
window: { opens: \"02:00\", lasts: 1h, timezone: UTC }
phases:
  - phase: before
    steps:
      - step: look
        run: [\"true\"]
        read_only: true
  - phase: inside
    maintenance: true
    steps:
      - step: change
        run: echo change
        estimate: 10m
        rollback: { run: echo back, estimate: 10m, timeout: 20m }
      - step: more
        run: echo more
        estimate: 10m
        rollback: { run: echo back, estimate: 10m, timeout: 20m }
";

#[test]
fn nothing_inside_starts_before_the_window_opens() {
    let (output, text) = apply(PLAN, "2026-11-21T01:59:58Z");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(time_of(&text, "look: started").as_str() < "02:00:00", "{text}");
    assert_eq!(
        text.matches("waiting for the window, which opens at 02:00, in ").count(),
        1,
        "{text}"
    );
    assert!(time_of(&text, "change: started").as_str() >= "02:00:00", "{text}");
}

#[test]
fn a_run_inside_the_window_simply_goes_on() {
    let (output, text) = apply(PLAN, "2026-11-21T02:05:00Z");
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[test]
fn it_turns_back_while_there_is_still_time_for_it() {
    // At 02:35 the first step and its way back fit (02:55); the second one would end the window with
    // twenty minutes of way back before it.
    let (output, text) = apply(PLAN, "2026-11-21T02:35:00Z");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("change: done"), "{text}");
    assert!(!text.contains("more: started"), "{text}");
    assert!(text.contains("there would be no time left to turn back"), "{text}");
}

#[test]
fn a_plan_may_say_that_it_goes_on_all_the_same() {
    let plan = PLAN.replace("timezone: UTC }", "timezone: UTC, on_overrun: continue }");
    let (output, text) = apply(&plan, "2026-11-21T02:35:00Z");
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[test]
fn clocks_are_those_of_the_machine_and_windows_those_of_their_zone() {
    // The window opens at two in Cotonou, which is ten in the morning in Tokyo.
    let plan = PLAN.replace("timezone: UTC", "timezone: Africa/Porto-Novo");
    let (output, text) = apply_in("Asia/Tokyo", &plan, "2026-11-21T01:00:00Z");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(&time_of(&text, "change: started")[..5], "10:00", "{text}");
    // A zone that nobody names is that of the machine.
    let wait = "plan: p\nsteps:\n  - step: wait\n    wait: { clock: \"10:00\", at_most: 5s }\n";
    let (output, text) = apply_in("Asia/Tokyo", wait, "2026-11-21T00:59:59Z");
    assert_eq!(output.status.code(), Some(0), "{text}");
    let (output, text) = apply_in("Asia/Seoul", wait, "2026-11-21T01:59:59Z");
    assert_eq!(output.status.code(), Some(1), "{text}");
}
