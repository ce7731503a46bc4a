//! The wall clock jumps back and forth by an hour while a run goes on: nothing waits for it.

use std::time::{Duration, Instant};

use crate::folder::Folder;

const PLAN: &str = "plan: one
jobs: 2
phases:
  - phase: all
    steps:
      - step: again
        run: |
          echo tried >> tried
          test $(wc -l < tried) -ge 4
        retry: { times: 5, every: 300ms }
        rollback: { run: echo again >> undone }
      - step: pause
        wait: 600ms
      - checkpoint: holds
        within: 5s
        every: 200ms
        in_a_row: 3
        checks: [{ run: test -f tried }]
      - step: undone-again
        run: echo done >> done
        rollback:
          run: |
            echo tried >> tried-back
            test $(wc -l < tried-back) -ge 3
          retry: { times: 5, every: 300ms }
      - checkpoint: never
        checks: [{ run: test -f never }]
";

#[test]
fn a_clock_that_jumps_neither_stalls_nor_breaks_a_run() {
    // Set back early, set back late, and set forward first.
    for swing in ["1h/350ms", "1h/1s", "-1h/350ms", "-26h/500ms"] {
        let folder = Folder::new(PLAN);
        let started = Instant::now();
        let mut command = folder.command(&["apply", "plan.yaml"]);
        command.env("PLAN_CLOCK", format!("2026-03-01T02:00:00Z~{swing}"));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{swing}: {text}");
        assert!(!text.contains("panicked"), "{text}");
        assert_eq!(folder.lines("tried").len(), 4, "{swing}: {text}");
        assert_eq!(folder.lines("tried-back").len(), 3, "{swing}: {text}");
        assert!(started.elapsed() < Duration::from_secs(20), "{swing} stalled");
    }
}
