//! `tree-destroyed`: changes in a work tree do not vanish unseen.

use super::{Finding, Level, Lint, Rule};
use crate::shell::{Script, facts};

pub const RULE: Rule = Rule {
    code: "tree-destroyed",
    severity: Level::Error,
    about: "no hard reset or forced checkout without a look at local changes",
    why: "`git reset --hard` removes, without a question and for good, what somebody changed on the \
          server the week before to keep it alive: nobody wrote it down, and no commit holds it. The \
          `git:` action refuses a tree with local changes and names the files.",
    bad: "plan: p
steps:
  - step: code
    run: git -C app reset --hard v2.0.0
    irreversible: the old code is in git
",
    good: "plan: p
steps:
  - step: code
    git: { checkout: v2.0.0, in: app/ }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for script in lint.scripts.scripts.iter().filter(|script| script.text.contains("git")) {
        for fact in facts::tree_destroyed(&script.script) {
            if looks_before(&script.script, fact.range.start) {
                continue;
            }
            let place = script.place(lint.sources, fact.range.clone());
            let mut finding = Finding::new(place, format!("this {}", fact.about))
                .help("take a `git: { checkout: … }` step, which refuses a tree with local changes")
                .help("in a script: stop first at local changes, with `git diff --quiet HEAD`");
            finding.entry = script.entry;
            found.push(finding);
        }
    }
}

/// The script asks for local changes, or puts them aside, above this place.
fn looks_before(script: &Script<'_>, place: usize) -> bool {
    let above = script.commands.iter().take_while(|command| command.range.start < place);
    above.filter(|command| command.words.iter().any(|word| word.text == "git")).any(|command| {
        let has = |text: &str| command.words.iter().any(|word| word.text == text);
        let drops = has("drop") || has("clear");
        has("status") || has("diff") || has("diff-index") || has("stash") && !drops
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        format!(
            "plan: p\nsteps:\n  - step: a\n    run: |\n      {run}\n    irreversible: it is in git\n"
        )
    }

    #[test]
    fn local_changes_are_not_thrown_away_unseen() {
        let message = |mark: &str| format!("{mark}|this loses local changes without a question");
        for run in ["git reset --hard v2", "git checkout -f v2", "git clean -fd"] {
            check(&RULE, &plan(run), &[&message(run)]);
        }
        check(&RULE, &plan("git checkout v2"), &[]);
        check(&RULE, &plan("git diff --quiet HEAD; git reset --hard v2"), &[]);
        check(&RULE, &plan("git stash push; git reset --hard v2"), &[]);
    }
}
