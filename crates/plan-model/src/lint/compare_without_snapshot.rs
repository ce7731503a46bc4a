//! `compare-without-snapshot`: what is compared with is a snapshot, of the same thing.

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::action::compare::Compare;
use crate::model::check::Check;
use crate::model::value::EntryRef;
use crate::resolve::EntryOf;
use crate::source::Span;

pub const RULE: Rule = Rule {
    code: "compare-without-snapshot",
    severity: Level::Error,
    about: "a comparison has a snapshot of the same thing to compare with",
    why: "\"Verify data integrity\", say the guides after the migration, when what was there before is \
          gone and nobody counted it. A comparison needs a snapshot that is always taken before, of the \
          same database; otherwise it fails at night, or compares nothing.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - { step: save, backup: { database: main, to: backups/ } }
  - { step: whole, compare: { with: save, database: main } }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - { step: count, compare: { snapshot: before, database: main } }
  - { step: whole, compare: { with: count, database: main } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    for (at, entry) in ask::written(plan) {
        if let Some(Action::Compare(compare)) = entry.step().and_then(ask::action) {
            if let Some(with) = &compare.with {
                found.extend(judge(
                    lint,
                    at,
                    with,
                    compare.database.as_ref().map(|id| id.value.as_str()),
                ));
            } else if compare.snapshot.is_none() {
                let message = format!("`{}` compares with nothing", entry.id);
                found.push(
                    Finding::new(entry.span, message)
                        .about(at)
                        .help("name the step that took the snapshot with `with:`, or take one with `snapshot:`"),
                );
            }
        }
        for check in checks::asked(entry) {
            if let Check::Compare(check) = check {
                found.extend(judge(lint, at, &check.compare, None));
            }
        }
    }
}

fn judge(lint: &Lint<'_>, at: usize, with: &EntryRef, database: Option<&str>) -> Option<Finding> {
    let plan = lint.plan;
    let prefix = &plan.plan.scopes[plan.entry(at).scope].prefix;
    let prefixed = (!prefix.is_empty()).then(|| format!("{prefix}-{}", with.value));
    let meant = prefixed.and_then(|id| plan.by_id(&id)).or_else(|| plan.by_id(&with.value))?;
    let (here, there) = (plan.entry(at), plan.entry(meant));
    let finding = |message: String, place: Span, label: &str, help: &str| {
        Some(Finding::new(with.span, message).about(at).related(place, label).help(help))
    };
    let Some(snapshot) = snapshot(there) else {
        return finding(
            format!("`{}` takes no snapshot to compare with", there.id),
            there.span,
            "this step is meant",
            "put a step above the change: compare: { snapshot: before, database: … }, and name that",
        );
    };
    let its = snapshot.database.as_ref().map(|id| id.value.as_str());
    if let (Some(its), Some(mine)) = (its, database)
        && its != mine
    {
        return finding(
            format!("`{}` compares {mine} with a snapshot of {its}", here.id),
            there.span,
            "this snapshot is meant",
            "take a snapshot of the same database before the change",
        );
    }
    let same = |one: &EntryOf| one.when().map(|when| when.value.clone());
    if there.conditional && (!here.conditional || same(here) != same(there)) {
        return finding(
            format!("`{}` may be skipped, and then there is nothing to compare with", there.id),
            there.span,
            "this snapshot is taken only sometimes",
            "take the snapshot always, or give the comparison the same `when`",
        );
    }
    None
}

fn snapshot(entry: &EntryOf) -> Option<&Compare> {
    match ask::action(entry.step()?)? {
        Action::Compare(compare) => compare.snapshot.as_ref().map(|_| compare),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(steps: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }}, other: {{ file: b.db }} }}\nsteps:\n  - {{ step: look, run: uptime, read_only: true, outputs: {{ n: stdout }} }}\n{steps}"
        )
    }

    const TAKE: &str = "  - { step: count, compare: { snapshot: before, database: main } }\n";

    #[test]
    fn only_a_snapshot_of_the_same_database_will_do() {
        let with = |what: &str, database: &str| {
            plan(&format!(
                "{TAKE}  - {{ step: same, compare: {{ with: {what}, database: {database} }} }}\n"
            ))
        };
        check(&RULE, &with("count", "main"), &[]);
        check(&RULE, &with("look", "main"), &["look|`look` takes no snapshot to compare with"]);
        check(
            &RULE,
            &with("count", "other"),
            &["count|`same` compares other with a snapshot of main"],
        );
        check(
            &RULE,
            &plan("  - { step: same, compare: { database: main } }\n"),
            &["same|`same` compares with nothing"],
        );
    }

    #[test]
    fn checks_compare_too() {
        let gate = |what: &str| {
            plan(&format!("{TAKE}  - {{ checkpoint: c, checks: [{{ compare: {what} }}] }}\n"))
        };
        check(&RULE, &gate("count"), &[]);
        check(&RULE, &gate("look"), &["look|`look` takes no snapshot to compare with"]);
    }

    #[test]
    fn a_snapshot_that_may_be_skipped_is_none() {
        let sometimes = TAKE.replace("step: count", "step: count, when: steps.look.n != '0'");
        let same = "  - { step: same, compare: { with: count, database: main } }\n";
        check(
            &RULE,
            &plan(&format!("{sometimes}{same}")),
            &["count|`count` may be skipped, and then there is nothing to compare with"],
        );
        let both = same.replace("step: same", "step: same, when: steps.look.n != '0'");
        check(&RULE, &plan(&format!("{sometimes}{both}")), &[]);
    }
}
