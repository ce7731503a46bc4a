//! `floating-ref`: what is deployed tomorrow is what was reviewed today.

use super::ask::known;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::scripts::Purpose;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "floating-ref",
    severity: Level::ErrorWhenProtected,
    about: "code and images are named by tag, commit or digest, not by a branch or `latest`",
    why: "`git reset --hard origin/main` deploys whatever is on the branch at that minute: not what was \
          tested in staging, and not the same on the second server. `:latest` does the same with images. \
          A rollback to \"the branch\" cannot even name where it goes.",
    bad: "plan: p
steps:
  - { step: code, git: { checkout: main, in: app/ } }
",
    good: "plan: p
inputs: { tag: { default: v2.0.0, about: git tag to deploy } }
steps:
  - { step: code, git: { checkout: \"{{ tag }}\", in: app/ } }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    for (at, entry) in ask::written(plan) {
        for action in ask::actions(entry) {
            let Action::Git(git) = action else { continue };
            // The commit is held against what was reviewed; a merge goes onto its branch.
            if git.expect_commit.is_some() {
                continue;
            }
            let checkout = git.checkout.as_ref().filter(|_| git.merge.is_none());
            for text in checkout.into_iter().chain(&git.merge) {
                let scope = &plan.plan.scopes[entry.scope];
                let Some(name) = known::text(scope, &text.value) else { continue };
                if facts::is_branch(&name) {
                    let message =
                        format!("`{}` takes whatever the branch {name} is then", entry.id);
                    found.push(
                        Finding::new(text.span, message)
                            .about(at)
                            .help("name a tag or a commit, or add `expect_commit:` with the one that was reviewed"),
                    );
                }
            }
        }
    }
    for script in lint.scripts.scripts.iter().filter(|script| script.purpose != Purpose::Check) {
        for fact in facts::moving_references(&script.script) {
            let place = script.place(lint.sources, fact.range.clone());
            let mut finding = Finding::new(place, format!("this {}", fact.about))
                .help("name a tag, a commit or an image digest, best by an input");
            finding.entry = script.entry;
            found.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(keys: &str) -> String {
        format!(
            "plan: p\ninputs: {{ tag: {{ default: v2.0.0 }}, ref: {{ default: develop }}, commit: {{ about: reviewed }} }}\nsteps:\n  - {{ step: code, {keys} }}\n"
        )
    }

    #[test]
    fn branches_move() {
        let message = |mark: &str, name: &str| {
            format!("{mark}|`code` takes whatever the branch {name} is then")
        };
        check(&RULE, &plan("git: { checkout: main, in: app }"), &[&message("main", "main")]);
        check(
            &RULE,
            &plan("git: { merge: origin/feature, in: app }"),
            &[&message("origin/feature", "origin/feature")],
        );
        check(
            &RULE,
            &plan("git: { checkout: \"{{ ref }}\", in: app }"),
            &[&message("\"{{ ref }}\"", "develop")],
        );
    }

    #[test]
    fn tags_commits_and_reviewed_branches_do_not() {
        check(&RULE, &plan("git: { checkout: \"{{ tag }}\", in: app }"), &[]);
        check(
            &RULE,
            &plan("git: { checkout: main, expect_commit: \"{{ commit }}\", in: app }"),
            &[],
        );
        check(&RULE, &plan("git: { checkout: main, merge: feature/push, in: app }"), &[]);
        check(&RULE, &plan("git: { checkout: 4f2a9c1, in: app }"), &[]);
    }

    #[test]
    fn scripts_name_them_too() {
        let run = "run: docker pull shop:latest, irreversible: an image more";
        check(&RULE, &plan(run), &["shop:latest|this is an image that moves"]);
        check(&RULE, &plan("run: docker pull shop:2.0.0, irreversible: an image more"), &[]);
    }
}
