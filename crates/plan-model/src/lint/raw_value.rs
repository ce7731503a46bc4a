//! `raw-value`: a value that anybody may give does not enter a script or SQL unquoted.

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::plan::InputType;
use crate::model::read::{Leaf, LeafKind, Walk};
use crate::place::within;
use crate::resolve::What;
use crate::template;

pub const RULE: Rule = Rule {
    code: "raw-value",
    severity: Level::Warning,
    about: "`| raw` puts only values that cannot be code into scripts and SQL",
    why: "A value in `run:` or `sql:` is quoted, so that an input cannot become a command. `| raw` takes \
          the quotes away: a tag named `v2; rm -rf /srv` then is one. It is right for a list of options \
          that the plan itself fixes, and for nothing that a person types at two in the morning.",
    bad: "plan: p
inputs: { tables: { default: orders } }
steps:
  - step: look
    run: ./count {{ tables | raw }}
    read_only: true
",
    good: "plan: p
inputs: { tables: { default: orders, choices: [orders, orders customers] } }
steps:
  - step: look
    run: ./count {{ tables | raw }}
    read_only: true
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    if !lint.sources.files().any(|(_, file)| file.text.contains("raw")) {
        return;
    }
    let plan = &lint.plan.plan;
    for check in plan.requires.iter().chain(plan.phases.iter().flat_map(|phase| &phase.watch)) {
        check.walk(&mut |leaf| look(lint, leaf, None, 0, found));
    }
    for (at, entry) in ask::written(lint.plan) {
        let mut see = |leaf: Leaf<'_>| look(lint, leaf, Some(at), entry.scope, found);
        match &entry.what {
            What::Step(step) => step.walk(&mut see),
            What::Checkpoint(checkpoint) => checkpoint.walk(&mut see),
        }
    }
}

fn look(
    lint: &Lint<'_>,
    leaf: Leaf<'_>,
    entry: Option<usize>,
    scope: usize,
    found: &mut Vec<Finding>,
) {
    let tongue = match leaf.kind {
        LeafKind::Shell => "the shell",
        LeafKind::Sql => "the database",
        _ => return,
    };
    if !leaf.text.contains("raw") {
        return;
    }
    let scanned = template::scan(leaf.text);
    for raw in &scanned.raw {
        let open = leaf.text[..raw.start].rfind("{{").unwrap_or(0);
        let mut inside = scanned
            .references
            .iter()
            .filter(|one| one.range.start >= open && one.range.end <= raw.start);
        // A value that stands in the plan is the plan's own text.
        let Some(name) = inside.find(|one| !is_fixed(lint, scope, &one.path)) else { continue };
        let close = leaf.text[raw.end..].find("}}").map_or(raw.end, |at| raw.end + at + 2);
        let span = within(lint.sources, leaf.span, leaf.text, open..close);
        let message = format!("`{}` goes to {tongue} unquoted", name.path);
        let mut finding = Finding::new(span, message).help(
            "drop `| raw`; or limit the input with `choices:`, `matches:` or a `type:` such as integer",
        );
        finding.entry = entry;
        found.push(finding);
    }
}

/// An input that can only be what the plan's author allowed.
fn is_fixed(lint: &Lint<'_>, scope: usize, path: &str) -> bool {
    let plan = &lint.plan.plan;
    if matches!(path, "item" | "run.id" | "plan.id" | "environment.id") {
        return true;
    }
    let Some(value) = plan.scopes[scope].get(path) else { return false };
    let number = matches!(
        value.kind,
        InputType::Integer
            | InputType::Number
            | InputType::Boolean
            | InputType::Duration
            | InputType::Size
            | InputType::Percent
    );
    let declared = plan.file.inputs.iter().flat_map(|all| &all.0).filter(|_| scope == 0);
    let limited = declared
        .filter(|(name, _)| name.value == path)
        .any(|(_, input)| input.choices.is_some() || input.matches.is_some());
    number || limited
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(input: &str, keys: &str) -> String {
        format!(
            "plan: p\ninputs: {{ v: {{ {input} }} }}\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - step: a\n    {keys}\n    read_only: true\n"
        )
    }

    #[test]
    fn values_that_anybody_gives_are_seen() {
        let shell = "{{ v | raw }}|`v` goes to the shell unquoted";
        check(&RULE, &plan("default: x", "run: ./x {{ v | raw }}"), &[shell]);
        check(
            &RULE,
            &plan("default: x", "sql: { database: main, text: \"select * from {{ v | raw }}\" }"),
            &["{{ v | raw }}|`v` goes to the database unquoted"],
        );
    }

    #[test]
    fn values_that_the_author_limits_and_quoted_ones_are_fine() {
        check(&RULE, &plan("default: x", "run: ./raw {{ v }}"), &[]);
        check(
            &RULE,
            &plan(
                "{ type: integer, default: 3 }".trim_matches(['{', '}']),
                "run: ./x {{ v | raw }}",
            ),
            &[],
        );
        check(&RULE, &plan("default: x, matches: \"^[a-z]+$\"", "run: ./x {{ v | raw }}"), &[]);
        check(
            &RULE,
            &plan("default: x", "notify: { message: \"{{ v | raw }}\", email: a@b.org }"),
            &[],
        );
    }
}
