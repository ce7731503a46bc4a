//! Who is told of a failure, and when: read from the plan and from the journal. Tells nobody itself, but
//! remembers who was told.

use std::path::Path;
use std::time::Duration;

use plan_model::graph::CompiledPlan;
use plan_model::model::action::{Action, Effect};
use plan_model::model::plan::FailureKind as Kind;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::event::{Event, Failure, FailureKind, Then};
use crate::fill::Filler;
use crate::lines;

/// Somebody, and how long after the failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// Its place in the plan.
    pub number: usize,
    pub after: Duration,
    pub role: String,
}

/// Whom failures of these entries concern, the earliest first.
pub fn rungs(plan: &CompiledPlan, fill: &Filler<'_>, entries: &[usize]) -> Vec<Rung> {
    let kinds: Vec<Kind> = entries.iter().flat_map(|at| kinds(plan, *at)).collect();
    let all = plan.plan.file.escalation.iter().flatten().enumerate();
    let concerned = all.filter(|(_, one)| match one.only {
        None | Some(Kind::Any) => true,
        Some(kind) => kinds.contains(&kind),
    });
    let mut rungs: Vec<_> = concerned
        .filter_map(|(number, one)| {
            let after = fill.time(&one.after).ok()?;
            Some(Rung { number, after, role: one.tell.value.clone() })
        })
        .collect();
    rungs.sort_by_key(|rung| rung.after);
    rungs
}

/// What an entry works on.
fn kinds(plan: &CompiledPlan, at: usize) -> Vec<Kind> {
    let Some(action) = plan.entry(at).step().and_then(|step| step.actions.first()) else {
        return Vec::new();
    };
    let mut kinds = match action {
        Action::Sql(_) | Action::Migrate(_) | Action::Compare(_) => vec![Kind::Database],
        Action::Backup(backup) if backup.database.is_some() => vec![Kind::Database],
        Action::Restore(restore) if restore.database.is_some() => vec![Kind::Database],
        Action::Files(_) | Action::Fetch(_) | Action::Git(_) | Action::Packages(_) => {
            vec![Kind::Files]
        }
        Action::Service(_) | Action::Maintenance(_) => vec![Kind::Services],
        _ => Vec::new(),
    };
    kinds.extend(action.facts().effects().into_iter().filter_map(|effect| match effect {
        Effect::Schema { .. } | Effect::Data { .. } => Some(Kind::Database),
        Effect::Files { .. } => Some(Kind::Files),
        Effect::Services { .. } => Some(Kind::Services),
        Effect::Outside => None,
    }));
    kinds
}

/// What failed, and why; nothing of what is tried again, goes on all the same, or a person decided.
pub fn failure(event: &Event) -> Option<(&str, &Failure)> {
    match event {
        Event::Failed { entry, failure, then }
            if !matches!(then, Then::RetryAt(_) | Then::Continue)
                && failure.kind != FailureKind::Declined =>
        {
            Some((entry, failure))
        }
        Event::Tripped { phase, failure, .. } => Some((phase, failure)),
        Event::UndoFailed { entry, failure, retry_at: None, .. } => Some((entry, failure)),
        _ => None,
    }
}

/// A person has the matter in hand: nobody else is woken.
pub fn is_in_hand(event: &Event) -> bool {
    matches!(
        event,
        Event::Resumed { .. }
            | Event::Answered { .. }
            | Event::PauseAsked { .. }
            | Event::RollbackAsked { .. }
            | Event::UndoSettled { .. }
            | Event::WindowExtended { .. }
            | Event::Skipped { by: Some(_), .. }
            | Event::RollbackBegan { by: Some(_), .. }
    )
}

/// One message to one person, or that it was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub at: Moment,
    pub role: String,
    /// The ways by which it left.
    pub by: Vec<String>,
    /// Why others did not take it.
    pub lost: Vec<String>,
}

const FILE: &str = "told.jsonl";

/// One line more in the run's folder.
pub fn remember(folder: &Path, told: &Told) -> std::io::Result<()> {
    lines::add(&folder.join(FILE), told)
}

/// Who was told of this run's failures, in this order.
pub fn told(folder: &Path) -> Vec<Told> {
    lines::all(&folder.join(FILE))
}
