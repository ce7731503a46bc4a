//! `background-process`: what a step starts, it waits for, or a service manager looks after it.

use super::{Finding, Level, Lint, Rule, code};
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "background-process",
    severity: Level::Warning,
    about: "no process is left running by a trailing `&`",
    why: "A guide starts its metrics exporter with `./postgres_exporter &`. Nobody sees it fail, it dies \
          with the session or survives the rollback, and after the next restart of the machine it is \
          gone. A step is done when its work is done; what must go on running belongs to a service \
          manager, which can also stop it.",
    bad: "plan: p
steps:
  - step: exporter
    run: ./postgres_exporter --port 9187 &
    rollback: { run: systemctl stop exporter }
",
    good: "plan: p
steps:
  - step: exporter
    service: { start: postgres-exporter }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    code::report(lint, found, facts::background, |code, fact| {
        let script = code.script();
        // A helper that the script itself ends.
        let after = script.text.get(fact.range.end..).unwrap_or("");
        if script.text.contains("kill ")
            && (after.contains("$!") || script.text.contains("jobs -p"))
        {
            return None;
        }
        Some((
            format!("{} leaves a process behind: it {}", code.name(lint), fact.about),
            "start it with a `service:` step; if its work belongs to the step, end the script with `wait`"
                .to_owned(),
        ))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        let run = run.replace('\n', "\n      ");
        format!("plan: p\nsteps:\n  - step: a\n    run: |\n      {run}\n    read_only: true\n")
    }

    #[test]
    fn processes_left_behind_are_seen() {
        check(
            &RULE,
            &plan("nohup ./x > log 2>&1 &"),
            &["nohup ./x > log 2>&1|`a` leaves a process behind: it goes on when the step is over"],
        );
    }

    #[test]
    fn processes_that_the_script_ends_are_fine() {
        check(&RULE, &plan("./a & ./b &\nwait"), &[]);
        check(&RULE, &plan("./server &\npid=$!\n./test\nkill \"$pid\""), &[]);
        check(&RULE, &plan("./a && ./b"), &[]);
    }
}
