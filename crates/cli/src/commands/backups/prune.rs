//! `plan backups prune`: removes those whose time is over; shows them first.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::HumanBytes;
use plan_executor::archive::catalogue::{Kept, Mark, Standing};
use plan_executor::archive::retention::{Policy, Verdict, judge};
use plan_executor::archive::second;
use plan_executor::owner;
use plan_executor::store::Store;
use plan_executor::store::sqlite::SqliteStore;

use crate::args::PruneBackups;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub async fn run(args: &PruneBackups, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let mut all = store.backups().await?;
    all.retain(|kept| args.plan.as_ref().is_none_or(|plan| kept.manifest.plan == *plan));
    let asked = Policy {
        seconds: args.keep.map(|keep| keep.as_secs()),
        last: args.keep_last,
        daily: args.keep_daily,
        weekly: args.keep_weekly,
        monthly: args.keep_monthly,
    };
    let now = operate::clock().now();
    let needed = needed(&mut store, &all).await?;
    let standing = |kept: Kept| {
        let standing = kept.standing();
        (kept, standing)
    };
    let all: Vec<_> = all.into_iter().map(standing).collect();
    let verdicts = judge(&all, &needed, asked, now);
    let judged: Vec<_> = all.iter().zip(&verdicts).collect();
    for ((kept, _), verdict) in &judged {
        terminal.line(&line(kept, verdict));
    }
    let going: Vec<_> = judged.iter().filter(|(_, verdict)| !verdict.stays).collect();
    let bytes: u64 = going
        .iter()
        .filter(|((_, standing), _)| *standing != Standing::Missing)
        .map(|((kept, _), _)| kept.manifest.size)
        .sum();
    let (count, bytes) = (going.len(), HumanBytes(bytes));
    if !args.yes || count == 0 {
        let stay = judged.len() - count;
        terminal.tell(&match count {
            0 => format!("nothing to remove: {stay} stay"),
            _ => format!(
                "{count} would go ({bytes}), {stay} stay; remove them: plan backups prune --yes"
            ),
        });
        return Ok(Exit::Done);
    }
    let by = owner::who();
    for ((kept, _), _) in going {
        // First the backup: whatever is interrupted here is told as missing, not forgotten.
        let removed = async {
            if let Some(copy) = &kept.manifest.copy {
                copy.remove().await?;
            }
            second::remove(&kept.path)
        };
        removed.await.map_err(|failure| {
            let next = "what was removed before it is gone; see to it, and prune again";
            Refusal::new(Exit::NotReady, failure.text, next)
        })?;
        let mark = Mark::Removed { at: operate::clock().now(), by: by.clone() };
        store.mark(&kept.path, &mark).await?;
    }
    terminal.tell(&format!("{count} removed ({bytes})"));
    Ok(Exit::Done)
}

fn line(kept: &Kept, verdict: &Verdict) -> String {
    let word = match verdict.stays {
        true => paint(theme::GOOD, "stays"),
        false => paint(theme::BAD, "goes "),
    };
    format!("{word}  {}: {}", kept.manifest.id, verdict.why)
}

/// Those that a run which has not ended took, or names.
async fn needed(store: &mut SqliteStore, all: &[Kept]) -> Result<HashSet<PathBuf>, Refusal> {
    let mut needed = HashSet::new();
    for run in store.runs().await?.into_iter().filter(|run| !run.state.is_over()) {
        let frozen = store.frozen(&run).await?;
        let frozen = String::from_utf8_lossy(&frozen);
        for kept in all {
            let names = [&*kept.manifest.id, &*kept.path.to_string_lossy()];
            if kept.manifest.run == run.run || names.iter().any(|name| frozen.contains(name)) {
                needed.insert(kept.path.clone());
            }
        }
    }
    Ok(needed)
}

/// A time such as `30d`, as plans write it.
pub fn time(text: &str) -> Result<Duration, String> {
    plan_model::notation::parse_duration(text)
        .ok_or_else(|| format!("`{text}` is no time such as 30d or 12h"))
}
