//! `secret-shown`: no secret is put into a text that people read.

use super::{Finding, Level, Lint, Rule, ask, secrets};
use crate::model::action::Action;
use crate::model::action::ActionKeys;
use crate::model::action::maintenance::Maintenance;
use crate::model::check::Check;
use crate::model::value::Text;
use crate::place::within;
use crate::resolve::What;

pub const RULE: Rule = Rule {
    code: "secret-shown",
    severity: Level::Error,
    about: "no title, message or changelog entry uses a secret input",
    why: "What stands in a title, a message or a changelog entry is shown on a screen, sent by mail and kept \
          in the report of the run. A secret put there is either covered, and the text says nothing, or it \
          leaves the machine and is a secret no longer. Both were meant well: to tell the testers how to \
          get in.",
    bad: "plan: p
inputs: { bypass: { secret: true, env: BYPASS } }
steps:
  - step: tell
    notify: { message: \"Test at https://shop.example/{{ bypass }}\", email: team@example.org }
",
    good: "plan: p
inputs: { bypass: { secret: true, env: BYPASS } }
steps:
  - step: tell
    notify: { message: Test with the way in that the team knows, email: team@example.org }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let names = secrets::inputs(lint);
    if names.iter().all(Vec::is_empty) {
        return;
    }
    let plan = &lint.plan.plan;
    let mut look = |text: &Text, scope: usize, entry: Option<usize>, what: &str| {
        let Some((name, range)) = secrets::used(&text.value, &names[scope]) else { return };
        let span = within(lint.sources, text.span, &text.value, range);
        let mut finding =
            Finding::new(span, format!("the secret `{name}` would be read in {what}"))
                .help("leave it out: say where the reader finds it instead");
        finding.entry = entry;
        found.push(finding);
    };
    plan.file.title.iter().for_each(|text| look(text, 0, None, "the title of the plan"));
    for check in &plan.requires {
        of_check(check, &mut |text, what| look(text, 0, None, what));
    }
    for phase in &plan.phases {
        for check in &phase.watch {
            of_check(check, &mut |text, what| look(text, phase.scope, None, what));
        }
    }
    for (at, entry) in ask::written(lint.plan) {
        let mut see = |text: &Text, what: &str| look(text, entry.scope, Some(at), what);
        entry.title().iter().for_each(|text| see(text, "a title"));
        entry.about().iter().for_each(|text| see(text, "a description"));
        match &entry.what {
            What::Checkpoint(checkpoint) => {
                checkpoint.checks.iter().for_each(|check| of_check(check, &mut see));
            }
            What::Step(step) => {
                of_actions(&step.actions, &mut see);
                step.irreversible.iter().for_each(|text| see(text, "a reason"));
                step.probe.iter().for_each(|check| of_check(check, &mut see));
                for back in step.rollback.iter().flat_map(|many| many.iter()) {
                    back.title.iter().for_each(|text| see(text, "a title"));
                    of_actions(&back.actions, &mut see);
                }
            }
        }
    }
}

fn of_actions(actions: &ActionKeys, see: &mut impl FnMut(&Text, &str)) {
    match actions.iter().next() {
        Some(Action::Notify(notify)) => {
            see(&notify.message, "a message");
            notify.subject.iter().for_each(|text| see(text, "a subject"));
        }
        Some(Action::Changelog(entry)) => {
            let texts = [Some(&entry.text), entry.version.as_ref(), entry.author.as_ref()];
            texts.into_iter().flatten().for_each(|text| see(text, "the changelog"));
        }
        Some(Action::Manual(manual)) => see(manual.text(), "an instruction"),
        Some(Action::Maintenance(Maintenance::Full(keys))) => {
            keys.message.iter().for_each(|text| see(text, "a message to users"));
        }
        Some(Action::Backup(backup)) => {
            backup.name.iter().for_each(|text| see(text, "the name of a backup"));
        }
        Some(Action::Git(git)) => {
            for text in [&git.branch, &git.tag].into_iter().flatten() {
                see(text, "the name of a branch or tag");
            }
        }
        _ => {}
    }
}

fn of_check(check: &Check, see: &mut impl FnMut(&Text, &str)) {
    let common = check.common();
    common.title.iter().for_each(|text| see(text, "a title"));
    common.hint.iter().for_each(|text| see(text, "a hint"));
    match check {
        Check::Manual(manual) => see(&manual.manual, "a question"),
        Check::AnyOf(any) => any.any_of.iter().for_each(|one| of_check(one, see)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(entry: &str) -> String {
        format!(
            "plan: p\ninputs: {{ pw: {{ secret: true, env: PW }}, v: {{ default: x }} }}\nsteps:\n  - {entry}\n"
        )
    }

    #[test]
    fn secrets_in_texts_for_people_are_refused() {
        for (entry, what) in [
            ("{ step: a, title: \"Log in as {{ pw }}\", run: uptime, read_only: true }", "a title"),
            ("{ step: a, manual: \"Type {{ pw }}\", irreversible: typed }", "an instruction"),
            ("{ step: a, changelog: { file: C.md, text: \"{{ pw }}\" } }", "the changelog"),
            ("{ checkpoint: a, checks: [{ manual: \"Did {{ pw }} work?\" }] }", "a question"),
        ] {
            check(&RULE, &plan(entry), &[&format!("pw|the secret `pw` would be read in {what}")]);
        }
    }

    #[test]
    fn secrets_where_programs_use_them_are_fine() {
        for entry in [
            "{ step: a, title: \"Log in as {{ v }}\", run: uptime, env: { PW: \"{{ pw }}\" }, read_only: true }",
            "{ step: a, notify: { message: x, webhook: \"{{ pw }}\" } }",
        ] {
            check(&RULE, &plan(entry), &[]);
        }
    }
}
