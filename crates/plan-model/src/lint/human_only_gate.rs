//! `human-only-gate`: a checkpoint asks a machine as well, where one can tell.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::check::Check;

pub const RULE: Rule = Rule {
    code: "human-only-gate",
    severity: Level::Warning,
    about: "a checkpoint does not rest on people alone",
    why: "Boxes are ticked from memory, and at night they are ticked sooner: three of the guides have \
          lists of twenty and more. What a person confirms can mostly be measured in part: that the \
          page answers, that the counts agree. The machine's part is never tired.",
    bad: "plan: p
steps:
  - { step: look, run: uptime, read_only: true }
  - checkpoint: accepted
    checks:
      - manual: The main features work
",
    good: "plan: p
steps:
  - { step: look, run: uptime, read_only: true }
  - checkpoint: accepted
    checks:
      - { http: \"http://127.0.0.1/login\", contains: Sign in }
      - manual: The main features work
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan).filter(|(_, entry)| entry.checkpoint().is_some()) {
        let asked = checks::asked(entry);
        let human = |check: &Check| matches!(check, Check::Manual(_));
        if !asked.is_empty() && asked.into_iter().all(human) {
            let message = format!("`{}` rests on people alone", entry.id);
            found.push(
                Finding::new(entry.span, message)
                    .about(at)
                    .help("add what a machine can measure of it: http, sql, log, service")
                    .help("where only people can tell: allow: { human-only-gate: \"why\" }"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn people_alone_are_not_enough() {
        let plan = |checks: &str| {
            format!("plan: p\nsteps:\n  - {{ checkpoint: c, checks: [{checks}] }}\n")
        };
        check(&RULE, &plan("{ manual: A }, { manual: B }"), &["c|`c` rests on people alone"]);
        check(&RULE, &plan("{ manual: A }, { disk: /, used_below: 80% }"), &[]);
        check(&RULE, &plan("{ gate: approved, by: DBA }"), &[]);
        check(&RULE, &plan(""), &[]);
    }
}
