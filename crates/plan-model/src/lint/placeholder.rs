//! `placeholder`: nothing that is run still waits for somebody to fill it in.

use super::{Finding, Level, Lint, Rule, ask};
use crate::inputs::Held;
use crate::model::read::{Leaf, LeafKind, Walk};
use crate::place::within;
use crate::resolve::What;
use crate::shell::facts::{placeholders, placeholders_in};

pub const RULE: Rule = Rule {
    code: "placeholder",
    severity: Level::Error,
    about: "no text that is run still has a gap such as <previous-tag> or [DATE]",
    why: "The guides write `git checkout <previous-tag-or-commit>` and `backup_[DATE].sql` and mean: you \
          will know. At three in the morning nobody does, and the shell takes `<` for a redirection. \
          What a run needs is known before it starts, or recorded by an earlier step.",
    bad: "plan: p
steps:
  - step: load
    run: psql -v ON_ERROR_STOP=1 -f 'backups/shop_[DATE].sql'
    irreversible: fills an empty database
",
    good: "plan: p
inputs: { dump: { about: the file to load } }
steps:
  - step: load
    run: psql -v ON_ERROR_STOP=1 -f {{ dump }}
    irreversible: fills an empty database
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for script in &lint.scripts.scripts {
        for fact in placeholders(&script.script) {
            let text = script.text[fact.range.clone()].to_owned();
            let finding = gap(script.place(lint.sources, fact.range), &text);
            found.push(Finding { entry: script.entry, phase: script.phase, ..finding });
        }
    }
    let plan = &lint.plan.plan;
    for (at, entry) in ask::written(lint.plan) {
        let mut see = |leaf: Leaf<'_>| in_leaf(lint, leaf, Some(at), found);
        match &entry.what {
            What::Step(step) => {
                step.actions.walk(&mut see);
                step.surroundings.walk(&mut see);
                for back in step.rollback.iter().flat_map(|many| many.iter()) {
                    back.actions.walk(&mut see);
                    back.surroundings.walk(&mut see);
                }
            }
            What::Checkpoint(checkpoint) => checkpoint.checks.walk(&mut see),
        }
    }
    plan.requires.walk(&mut |leaf| in_leaf(lint, leaf, None, found));
    for (_, connection) in &plan.connections {
        connection.walk(&mut |leaf| in_leaf(lint, leaf, None, found));
    }
    for (_, host) in &plan.hosts {
        host.walk(&mut |leaf| in_leaf(lint, leaf, None, found));
    }
    for input in plan.scopes.iter().flat_map(|scope| &scope.inputs) {
        if let Held::Known(serde_json::Value::String(text)) = &input.held
            && let Some(fact) = placeholders_in(text).first()
        {
            found.push(gap(input.span, &text[fact.range.clone()]));
        }
    }
}

fn in_leaf(lint: &Lint<'_>, leaf: Leaf<'_>, entry: Option<usize>, found: &mut Vec<Finding>) {
    if matches!(leaf.kind, LeafKind::Shell | LeafKind::Pattern | LeafKind::Expression) {
        return;
    }
    for fact in placeholders_in(leaf.text) {
        let place = within(lint.sources, leaf.span, leaf.text, fact.range.clone());
        let finding = gap(place, &leaf.text[fact.range]);
        found.push(Finding { entry, ..finding });
    }
}

fn gap(place: crate::source::Span, text: &str) -> Finding {
    Finding::new(place, format!("`{text}` is still to be filled in"))
        .help("write the value, make it an input, or name what an earlier step recorded: {{ steps.ID.NAME }}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn step(action: &str) -> String {
        format!(
            "plan: p\nsteps:\n  - step: a\n    {action}\n    irreversible: a test of this rule\n"
        )
    }

    #[test]
    fn gaps_are_found_in_every_kind_of_text() {
        let message = |text: &str| format!("{text}|`{text}` is still to be filled in");
        for (action, text) in [
            ("git: { checkout: <previous-tag>, in: app/ }", "<previous-tag>"),
            ("run: git checkout '<previous-tag-or-commit>'", "<previous-tag-or-commit>"),
            ("files: { copy: \"backup_[DATE].sql\", to: x.sql }", "[DATE]"),
            ("manual: Call xxxxxxxx first", "xxxxxxxx"),
            ("notify: { message: We start, command: ./tell CHANGEME }", "CHANGEME"),
            ("manual: TODO", "TODO"),
        ] {
            check(&RULE, &step(action), &[&message(text)]);
        }
    }

    #[test]
    fn globs_tags_subscripts_and_explanations_are_none() {
        for action in [
            "run: ls [a-z]*.log",
            "run: grep -c '<version>2</version>' pom.xml",
            "run: \"d[date]=1; echo ${d[date]}\"",
            "run: mktemp /tmp/a.XXXXXX",
            "run: |\n      # usage: a <tag>\n      echo \"usage: a <tag>\"\n      true",
            "manual: \"Read [the notes](https://notes.invalid/2)\"",
            "notify: { message: \"Done <b>now</b>\", command: ./tell }",
        ] {
            check(&RULE, &step(action), &[]);
        }
        let sql = "plan: p\nconnections: { main: { file: a.db } }\nsteps:\n  - { step: a, sql: { text: \"update t set s = 'TODO' where id = 1\", database: main }, irreversible: a test of this rule }\n";
        check(&RULE, sql, &[]);
    }
}
