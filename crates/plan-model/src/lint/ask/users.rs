//! When users are kept out and when they come back; whether a plan is one that they feel.

use super::{Undo, action, runs, undo};
use crate::graph::CompiledPlan;
use crate::lint::Lint;
use crate::model::action::maintenance::Turn;
use crate::model::action::notify::Notify;
use crate::model::action::{Action, Effect};
use crate::resolve::EntryOf;
use crate::scripts::Purpose;
use crate::shell::facts::{self, DeedKind};

/// It does something that could be undone or cannot; looking, saving and telling are not that.
pub fn acts(entry: &EntryOf) -> bool {
    let undo = entry.step().map(undo);
    undo.is_some_and(|undo| !matches!(undo, Undo::ReadOnly | Undo::NothingToUndo(_)))
}

/// The plan changes a system while people are waiting for it: it has a window, a phase or a mode
/// of maintenance, or a protected environment. Rules about people begin here, so that a plan of
/// five lines is left alone.
pub fn is_felt(lint: &Lint<'_>) -> bool {
    let plan = &lint.plan.plan;
    let announced = plan.window.is_some()
        || plan.is_protected()
        || plan.phases.iter().any(|phase| phase.maintenance)
        || plan.entries.iter().any(|entry| super::maintenance_turn(entry).is_some());
    announced && plan.entries.iter().any(acts)
}

/// Each step that keeps users out or lets them in, by the typed action or by the tool's command.
pub fn turns(lint: &Lint<'_>) -> Vec<(usize, Turn)> {
    let typed = super::written(lint.plan)
        .filter_map(|(at, entry)| Some((at, super::maintenance_turn(entry)?)));
    let mut turns: Vec<(usize, Turn)> = typed.collect();
    for run in runs::runs(lint).filter(|run| run.purpose == Purpose::Step) {
        let Some(at) = run.entry else { continue };
        let last = facts::deeds(run.script).into_iter().rev().find_map(|deed| match deed.kind {
            DeedKind::UsersOut => Some(Turn::On),
            DeedKind::UsersIn => Some(Turn::Off),
            _ => None,
        });
        turns.extend(last.map(|turn| (at, turn)));
    }
    turns
}

pub fn notice(entry: &EntryOf) -> Option<&Notify> {
    match action(entry.step()?)? {
        Action::Notify(notify) => Some(notify),
        _ => None,
    }
}

/// A message that is not meant for colleagues only.
pub fn tells_users(notify: &Notify) -> bool {
    const COLLEAGUES: [&str; 9] =
        ["team", "équipe", "equipe", "ops", "dba", "dev", "admin", "techni", "on-call"];
    let audience = notify.audience.as_ref().map(|audience| audience.value.to_lowercase());
    audience.is_none_or(|audience| !COLLEAGUES.iter().any(|word| audience.contains(word)))
}

/// A person is asked to tell users, or to confirm that they know.
pub fn asks_to_tell(text: &str) -> bool {
    const USERS: [&str; 6] = ["user", "utilisateur", "client", "customer", "public", "everyone"];
    let text = text.to_lowercase();
    USERS.iter().any(|word| text.contains(word))
}

/// What a step brings that users or other parts of the system work with: a schema, or code.
pub fn brings_code_or_schema(plan: &CompiledPlan, at: usize) -> bool {
    use crate::model::action::files::FileChange::{Link, Sync, Unpack};
    let Some(action) = plan.entry(at).step().and_then(action) else { return false };
    match action {
        Action::Git(_) | Action::Packages(_) | Action::Migrate(_) => {
            let changes =
                |effect: &Effect| matches!(effect, Effect::Schema { .. } | Effect::Files { .. });
            action.facts().effects().iter().any(changes)
        }
        Action::Files(files) => {
            files.iter().any(|change| matches!(change, Link(_) | Sync(_) | Unpack(_)))
        }
        _ => false,
    }
}
