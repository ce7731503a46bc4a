//! `self-approval`: whoever made a change does not approve it.

use minijinja::value::Value as Filled;

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::read::LeafKind;
use crate::template;

pub const RULE: Rule = Rule {
    code: "self-approval",
    severity: Level::ErrorWhenProtected,
    about: "the approver of a change is not its author",
    why: "The change record of the guides asks who tested and who validated, and both lines bear the name of \
          the author. A second pair of eyes is the point of the line: whoever wrote the change reads what \
          they meant, not what stands there.",
    bad: "plan: p
steps:
  - step: record
    changelog: { file: CHANGELOG.md, text: Push notifications, author: A. Hounsou, approver: A. Hounsou }
",
    good: "plan: p
steps:
  - step: record
    changelog: { file: CHANGELOG.md, text: Push notifications, author: A. Hounsou, approver: B. Zinsou }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    for (at, entry) in ask::written(lint.plan) {
        let Some(Action::Changelog(changelog)) = entry.step().and_then(ask::action) else {
            continue;
        };
        let Some(approver) = &changelog.approver else { continue };
        let author = changelog.author.as_ref();
        let author = author.or(plan.file.change.as_ref().and_then(|change| change.author.as_ref()));
        let Some(author) = author else { continue };
        let known = Filled::from_pairs(plan.scopes[entry.scope].known());
        // A value that only the run knows stays as it is written: the same text, the same person.
        let name = |text: &str| {
            let filled = template::render(text, LeafKind::Plain, &known);
            filled.unwrap_or_else(|_| text.to_owned()).trim().to_lowercase()
        };
        let (one, other) = (name(&author.value), name(&approver.value));
        if one == other && !one.is_empty() {
            found.push(
                Finding::new(
                    approver.span,
                    "the author of the change is also the one who approves it",
                )
                .about(at)
                .related(author.span, "the author")
                .help("let somebody else approve it, and name them here"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn inputs_are_looked_through() {
        let plan = |by: &str| {
            format!(
                "plan: p\ninputs: {{ who: {{ default: ann }}, by: {{ default: {by} }}, later: {{ about: who }} }}\nchange: {{ author: \"{{{{ who }}}}\" }}\nsteps:\n  - {{ step: record, changelog: {{ file: C.md, text: t, approver: \"{{{{ by }}}}\" }} }}\n"
            )
        };
        check(
            &RULE,
            &plan("Ann"),
            &["\"{{ by }}\"|the author of the change is also the one who approves it"],
        );
        check(&RULE, &plan("Bea"), &[]);
        let unknown = plan("Bea").replace("{{ by }}", "{{ later }}");
        check(&RULE, &unknown, &[]);
        check(
            &RULE,
            &unknown.replace("{{ who }}", "{{ later }}"),
            &["\"{{ later }}\"|the author of the change is also the one who approves it"],
        );
    }
}
