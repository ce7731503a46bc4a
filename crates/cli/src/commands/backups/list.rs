//! `plan backups list`: the newest first, each with what is known of it.

use indicatif::HumanBytes;
use plan_executor::archive::catalogue::{Kept, Standing};
use plan_executor::archive::second::Second;
use plan_executor::clock::Moment;
use plan_executor::store::Store;

use super::{age, short};
use crate::args::ListBackups;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

pub async fn run(args: &ListBackups, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let mut all = store.backups().await?;
    all.retain(|kept| args.plan.as_ref().is_none_or(|plan| kept.manifest.plan == *plan));
    let now = operate::clock().now();
    if args.json {
        let all: Vec<_> = all.iter().map(as_json).collect();
        let text = serde_json::to_string_pretty(&all).expect("a JSON value has a text");
        terminal.line(&text);
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        terminal.tell("no backups: no run of this store has taken one that is still kept");
    }
    for (at, kept) in all.iter().enumerate() {
        if at > 0 {
            terminal.line("");
        }
        for line in lines(kept, now) {
            terminal.line(&line);
        }
    }
    Ok(Exit::Done)
}

fn as_json(kept: &Kept) -> serde_json::Value {
    let mut value = serde_json::to_value(kept).expect("a backup is plain data");
    value["standing"] = kept.standing().word().into();
    value
}

fn lines(kept: &Kept, now: Moment) -> Vec<String> {
    let manifest = &kept.manifest;
    let proven = match &manifest.proven {
        Some(proof) => format!("proven by {proof}"),
        None => "not proven".to_owned(),
    };
    let standing = match kept.standing() {
        Standing::There => paint(theme::GOOD, "there"),
        standing @ (Standing::Copied | Standing::Away) => paint(theme::WARN, standing.word()),
        other => paint(theme::BAD, other.word()),
    };
    let from = manifest.from.as_deref().unwrap_or("files");
    let environment = kept.environment.as_ref().map_or(String::new(), |name| format!(" ({name})"));
    let mut lines = vec![
        paint(theme::NAME, &manifest.id),
        format!(
            "  {} old, {}, {proven}, {standing}",
            age(manifest.ended, now),
            HumanBytes(manifest.size)
        ),
        format!("  {from}; step {} of {}{environment}", manifest.step, manifest.run),
        format!("  {}", short(&kept.path)),
    ];
    if let Some(copy) = &manifest.copy {
        lines.push(match copy {
            Second::File(copy) if !copy.exists() => format!("  copy: {} (missing)", short(copy)),
            Second::File(copy) => format!("  copy: {}", short(copy)),
            Second::Object(copy) => format!("  copy: {copy}"),
        });
    }
    if let Some(recipient) = &manifest.encrypted_for {
        lines.push(format!("  encrypted for {recipient}"));
    }
    if let Some(at) = kept.verified_at {
        let by = kept.verified_by.as_deref().unwrap_or("read");
        let what = match &kept.fault {
            Some(fault) => format!("looked at {} ago: {fault}", age(at, now)),
            None => format!("verified by {by} {} ago", age(at, now)),
        };
        lines.push(format!("  {what}"));
    }
    lines
}
