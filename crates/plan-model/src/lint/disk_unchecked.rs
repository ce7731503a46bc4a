//! `disk-unchecked`: before something big is written, somebody looks whether there is room.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::before;
use crate::model::action::Action;
use crate::model::action::files::FileChange;
use crate::model::check::Check;
use crate::resolve::EntryOf;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "disk-unchecked",
    severity: Level::Warning,
    about: "before a backup or a package is written, free space is checked",
    why: "A dump that fills the disk takes the database down with it, because the database cannot write \
          its log any more: the backup meant for safety is what ends the service. Free space is known \
          before the start and costs one line.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: backups/ }
",
    good: "plan: p
connections: { main: { file: shop.db } }
requires:
  - { disk: backups/, free: 5GiB }
steps:
  - step: save
    backup: { database: main, to: backups/ }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let is_disk = |check: &Check| matches!(check, Check::Disk(_));
    if !plan.entries().iter().any(writes_much)
        || checks::required(&plan.plan).into_iter().any(is_disk)
        || measured_by_script(lint)
    {
        return;
    }
    let measured = before(plan, |at, facts| {
        if checks::asked(plan.entry(at)).into_iter().any(is_disk) {
            facts.insert(0);
        }
    });
    let mut big = plan.order.iter().copied().filter(|at| writes_much(plan.entry(*at)));
    // The first one stands for all.
    let Some(first) = big.find(|at| !measured[*at].has(0)) else { return };
    let entry = plan.entry(first);
    found.push(
        Finding::new(
            entry.span,
            format!("nothing looks for free space before `{}` writes", entry.id),
        )
        .about(first)
        .help("add under `requires:` { disk: PATH, free: 5GiB }, or a disk check above it"),
    );
}

fn writes_much(entry: &EntryOf) -> bool {
    match entry.step().and_then(ask::action) {
        Some(Action::Backup(_) | Action::Fetch(_)) => true,
        Some(Action::Files(files)) => {
            files.iter().any(|change| matches!(change, FileChange::Unpack(_)))
        }
        _ => false,
    }
}

fn measured_by_script(lint: &Lint<'_>) -> bool {
    let scripts = lint.scripts.scripts.iter().filter(|script| script.text.contains("df"));
    let mut tools = scripts.flat_map(|script| facts::tools(&script.script));
    tools.any(|tool| tool.name == "df")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(requires: &str, steps: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nrequires: [{requires}]\nsteps:\n{steps}"
        )
    }

    const SAVE: &str = "  - { step: save, backup: { database: main, to: b/ } }\n";
    const LOOK: &str = "  - { checkpoint: room, checks: [{ disk: /, used_below: 80% }] }\n";
    const MESSAGE: &str = "save|nothing looks for free space before `save` writes";

    #[test]
    fn room_is_looked_for_before_the_first_big_write() {
        check(&RULE, &plan("", SAVE), &[MESSAGE]);
        check(&RULE, &plan("", &format!("{SAVE}{LOOK}")), &[MESSAGE]);
        check(&RULE, &plan("", &format!("{LOOK}{SAVE}")), &[]);
        check(&RULE, &plan("{ disk: /, free: 5GiB }", SAVE), &[]);
        check(&RULE, &plan("{ run: \"df -h / | grep -q 80%\" }", SAVE), &[]);
        let twice = format!("{SAVE}{}", SAVE.replace("step: save", "step: again"));
        check(&RULE, &plan("", &twice), &[MESSAGE]);
    }

    #[test]
    fn small_steps_need_no_room() {
        check(&RULE, &plan("", "  - { step: a, files: { copy: a, to: b } }\n"), &[]);
    }
}
