//! `backup-scope`: files that a rollback must bring back (`state`) are saved before a script changes
//! them. Typed actions keep what was there.

use rustc_hash::FxHashMap;

use super::{Finding, Level, Lint, Rule, ask};
use crate::graph::before::before;
use crate::model::action::Inverse;

pub const RULE: Rule = Rule {
    code: "backup-scope",
    severity: Level::ErrorWhenProtected,
    about: "files that must come back are saved before a script changes them",
    why: "The guides save the database and forget the uploads, the configuration and the code, or save \
          one folder and convert another. A script that rewrites photos or settings has no natural way \
          back: when it goes wrong, the database alone comes back and points at files that are gone.",
    bad: "plan: p
state: { files: [storage/] }
steps:
  - step: convert
    run: ./convert-photos
    changes: { files: [storage/photos/] }
    rollback: { run: ./convert-photos --back }
",
    good: "plan: p
state: { files: [storage/] }
steps:
  - step: save-photos
    backup: { files: [storage/], to: backups/ }
  - step: convert
    run: ./convert-photos
    changes: { files: [storage/photos/] }
    rollback: { run: ./convert-photos --back }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let state = plan.plan.file.state.iter().flat_map(|state| &state.files).flatten();
    let wanted: Vec<String> = state.map(|path| tidy(&path.value)).collect();
    let mut changed = Vec::new();
    for (at, entry) in ask::written(plan) {
        let Some(step) = entry.step() else { continue };
        let keeps = ask::action(step)
            .is_some_and(|action| matches!(action.facts().inverse(), Inverse::Natural(_)));
        // A reason was given why it is no loss.
        if keeps || step.irreversible.is_some() || step.read_only == Some(true) {
            continue;
        }
        for path in step.changes.iter().flat_map(|changes| &changes.files).flatten() {
            let inside = above(&tidy(&path.value)).any(|up| wanted.iter().any(|one| one == up));
            if inside {
                changed.push((at, path));
            }
        }
    }
    if changed.is_empty() {
        return;
    }
    // Only what stands above a changed path can hold it.
    let mut numbers: FxHashMap<String, usize> = FxHashMap::default();
    for path in changed.iter().map(|(_, path)| tidy(&path.value)) {
        for up in above(&path) {
            let next = numbers.len();
            numbers.entry(up.to_owned()).or_insert(next);
        }
    }
    let saved = before(plan, |at, facts| {
        for path in ask::saved_files(plan.entry(at)) {
            numbers.get(&tidy(path)).into_iter().for_each(|number| facts.insert(*number));
        }
    });
    for (at, path) in changed {
        let is_saved = |path: &str| {
            above(path).any(|path| numbers.get(path).is_some_and(|number| saved[at].has(*number)))
        };
        if is_saved(&tidy(&path.value)) {
            continue;
        }
        let entry = plan.entry(at);
        found.push(
            Finding::new(
                path.span,
                format!(
                    "`{}` changes {}, which must come back and is not saved before",
                    entry.id, path.value
                ),
            )
            .about(at)
            .help(format!(
                "put a step above it: backup: {{ files: [{}], to: backups/ }}",
                path.value
            )),
        );
    }
}

fn tidy(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path.is_empty() { ".".to_owned() } else { path.to_owned() }
}

/// A path and every folder above it.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let parents = std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(up, _)| up));
    parents.chain((!path.starts_with('/')).then_some("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    const CHANGE: &str = "  - { step: convert, run: ./convert, changes: { files: [app/photos/] }, rollback: { run: ./back } }\n";
    const MESSAGE: &str =
        "app/photos/|`convert` changes app/photos/, which must come back and is not saved before";

    fn plan(save: &str, change: &str) -> String {
        format!("plan: p\nstate: {{ files: [app/, cache] }}\nsteps:\n{save}{change}")
    }

    #[test]
    fn the_folder_or_one_above_it_is_saved_before() {
        let save =
            |files: &str| format!("  - {{ step: save, backup: {{ files: [{files}], to: b/ }} }}\n");
        check(&RULE, &plan("", CHANGE), &[MESSAGE]);
        check(&RULE, &plan(&save("app"), CHANGE), &[]);
        check(&RULE, &plan(&save("./app/photos"), CHANGE), &[]);
        check(&RULE, &plan(&save("app/photos-old, .env"), CHANGE), &[MESSAGE]);
        check(&RULE, &plan(CHANGE, &save("app")), &[MESSAGE]);
    }

    #[test]
    fn only_files_that_must_come_back_are_asked_for() {
        check(&RULE, &plan("", &CHANGE.replace("app/photos", "build/css")), &[]);
        check(&RULE, &plan("", &CHANGE.replace("app/photos", "application")), &[]);
    }

    #[test]
    fn typed_actions_and_accepted_losses_are_left_alone() {
        let typed =
            "  - { step: a, git: { checkout: v1, in: app }, changes: { files: [app/cache] } }\n";
        check(&RULE, &plan("", typed), &[]);
        let cache = "  - { step: a, run: rm -r cache/x, changes: { files: [cache/] }, irreversible: it fills again by itself }\n";
        check(&RULE, &plan("", cache), &[]);
    }
}
