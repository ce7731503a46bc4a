//! `changelog-missing`: a change of code or schema leaves an entry behind.
//!
//! Only for plans that people feel, or that say with `change:` that they are one.

use super::ask::users::{brings_code_or_schema, is_felt};
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;

pub const RULE: Rule = Rule {
    code: "changelog-missing",
    severity: Level::Warning,
    about: "a plan that changes code or schema writes an entry into the changelog",
    why: "Two guides ask for an entry with date, author and files for every change, and leave it to memory. \
          Half a year later nobody can say since when a column exists and who decided it. A step writes \
          the entry with what the run knows, and takes it out again when the run is rolled back.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
steps:
  - { step: code, git: { checkout: v2.0.0, in: app/ } }
  - { step: record, changelog: { file: CHANGELOG.md, version: 2.0.0, text: Push notifications } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let file = &lint.plan.plan.file;
    let recorded = lint
        .plan
        .entries()
        .iter()
        .any(|entry| matches!(entry.step().and_then(ask::action), Some(Action::Changelog(_))));
    if recorded || (file.change.is_none() && !is_felt(lint)) {
        return;
    }
    let Some((_, entry)) =
        ask::written(lint.plan).find(|(at, _)| brings_code_or_schema(lint.plan, *at))
    else {
        return;
    };
    found.push(
        Finding::new(
            file.plan.span,
            format!(
                "`{}` changes code or schema, and no step enters it into a changelog",
                file.plan.value
            ),
        )
        .related(entry.span, "such as this")
        .help("add at the end: changelog: { file: CHANGELOG.md, text: … }"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn small_plans_are_left_alone_unless_they_are_a_change() {
        let plan = RULE.bad.replace("window: { opens: \"02:00\", lasts: 3h, timezone: UTC }\n", "");
        check(&RULE, &plan, &[]);
        let message = "p|`p` changes code or schema, and no step enters it into a changelog";
        check(&RULE, &plan.replace("steps:", "change: { version: 2.0.0 }\nsteps:"), &[message]);
        let data =
            RULE.bad.replace("git: { checkout: v2.0.0, in: app/ }", "service: { restart: shop }");
        check(&RULE, &data, &[]);
    }
}
