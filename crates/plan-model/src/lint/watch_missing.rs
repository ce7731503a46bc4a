//! `watch-missing`: after a change where users live, something goes on looking.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::action::files::FileChange;
use crate::resolve::EntryOf;

pub const RULE: Rule = Rule {
    code: "watch-missing",
    severity: Level::Warning,
    about: "during or after a change in maintenance, something goes on looking",
    why: "What goes wrong after an upgrade often takes minutes to show: connections that pile up, a disk \
          that fills, a queue that grows. A check that holds once, right after the start, sees none of \
          it. A `watch` looks all through the phase, and with `for:` also after it.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 1h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
      - { checkpoint: up, checks: [{ port: 8000 }] }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 1h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    watch:
      - { http: \"http://127.0.0.1:8000/health\", every: 30s, tolerate: 2, for: 24h }
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
      - { checkpoint: up, checks: [{ port: 8000 }] }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let closed = plan.plan.phases.iter().rposition(|phase| phase.maintenance);
    if closed.is_none() && !plan.plan.is_protected() {
        return;
    }
    let counts = |entry: &EntryOf| match closed {
        Some(_) => ask::is_change(entry),
        None => changes_the_application(entry),
    };
    let Some(last) = plan.entries().iter().rposition(counts) else { return };
    let phase = plan.entry(last).phase.max(closed.unwrap_or(0));
    let watched = checks::last_watched(&plan.plan, |_| true);
    let repeats = |at: usize| {
        let entry = plan.entry(at);
        let by_itself = entry.checkpoint().is_some_and(|one| one.in_a_row.is_some());
        by_itself || checks::asked(entry).iter().any(|check| check.common().in_a_row.is_some())
    };
    let observed = (last + 1..plan.entries().len()).any(repeats);
    if watched.is_some_and(|watched| watched >= plan.entry(last).phase) || observed {
        return;
    }
    let of = &plan.plan.phases[phase];
    found.push(
        Finding::new(of.span, format!("nothing goes on looking during or after `{}`", of.id))
            .about_phase(phase)
            .help("add to the phase: watch: [{ http: …, every: 30s, tolerate: 2, for: 24h }]"),
    );
}

/// New code or a new schema: what may take a while to show its faults.
fn changes_the_application(entry: &EntryOf) -> bool {
    match entry.step().and_then(ask::action) {
        Some(Action::Migrate(_)) => true,
        Some(Action::Git(git)) => git.checkout.is_some() || git.merge.is_some(),
        Some(Action::Files(files)) => files.iter().any(|one| matches!(one, FileChange::Link(_))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::{check_with, example_folder};

    fn check(phase: &str, below: &str, environment: Option<&str>, expected: &[&str]) {
        let plan = format!(
            "plan: p\nwindow: {{ opens: \"02:00\", lasts: 1h, timezone: UTC }}\nphases:\n  - phase: switch\n{phase}    steps:\n      - {{ step: code, git: {{ checkout: v2, in: app }} }}\n{below}"
        );
        check_with(&RULE, &plan, &example_folder(), environment, expected);
    }

    const CLOSED: &str = "    maintenance: true\n";
    const MESSAGE: &str = "switch|nothing goes on looking during or after `switch`";

    #[test]
    fn only_changes_where_users_live_are_watched() {
        check(CLOSED, "", None, &[MESSAGE]);
        check("", "", Some("prod"), &[MESSAGE]);
        check("", "", None, &[]);
    }

    #[test]
    fn a_watch_there_or_later_or_a_check_that_repeats_is_enough() {
        check(&format!("{CLOSED}    watch: [{{ disk: /, used_below: 80% }}]\n"), "", None, &[]);
        let later = "  - phase: observe\n    watch: [{ disk: /, used_below: 80% }]\n    steps: [{ step: look, wait: 10m }]\n";
        check(CLOSED, later, None, &[]);
        let repeated =
            "      - { checkpoint: c, in_a_row: 5, every: 1m, checks: [{ port: 80 }] }\n";
        check(CLOSED, repeated, None, &[]);
    }
}
