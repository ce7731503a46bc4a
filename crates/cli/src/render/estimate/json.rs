//! The times of a plan as one JSON document: every time in milliseconds, ids as the plan has them.

use std::time::Duration;

use plan_model::estimate::chances::DISTRIBUTION;
use plan_model::estimate::{
    CheckpointTime, EntryTime, Estimates, Percentiles, Place, Side, Slack, Undo, WayBack,
    WindowTime,
};
use plan_model::graph::CompiledPlan;
use plan_model::notation::Range;
use serde_json::{Value, json};

use super::name;

pub fn text(plan: &CompiledPlan, estimates: &Estimates) -> String {
    let document = document(plan, estimates);
    serde_json::to_string_pretty(&document).expect("a JSON value has a text")
}

fn document(plan: &CompiledPlan, estimates: &Estimates) -> Value {
    let Estimates { bounds, chances } = estimates;
    let id = |at: usize| plan.entry(at).id.as_str();
    let phases = plan.plan.phases.iter().zip(&bounds.phases).zip(&chances.phases);
    let phases = phases.map(|((phase, time), drawn)| {
        let mut value = spread(time.takes, *drawn);
        value["phase"] = json!(phase.id);
        value["starts_ms"] = ms(time.starts);
        value["in_window"] = json!(time.in_window);
        value["from"] = json!(if time.spoken_for.is_some() { "phase" } else { "steps" });
        value["uncounted"] = json!(time.uncounted);
        value
    });
    let critical = bounds.critical.iter().map(|stop| {
        let kind = match stop.place {
            Place::Entry(_) => "entry",
            Place::Phase(_) => "phase",
        };
        json!({
            kind: name(plan, stop.place),
            "starts_ms": ms(stop.starts),
            "takes_ms": ms(stop.takes),
            "waits_for_place": stop.queued,
        })
    });
    let entries = plan.entries().iter().zip(&bounds.entries).map(|(one, time)| {
        let mut value = entry(time);
        value["entry"] = json!(one.id);
        value["phase"] = json!(plan.plan.phases[one.phase].id);
        value
    });
    let mismatches = bounds.mismatches.iter().map(|mismatch| {
        json!({
            "phase": mismatch.phase.map(|phase| &plan.plan.phases[phase].id),
            "declared": range(mismatch.declared),
            "counted": range(mismatch.counted),
        })
    });
    json!({
        "format": 1,
        "plan": plan.plan.file.plan.value,
        "environment": plan.plan.environment.as_ref().map(|one| &one.environment.value),
        "jobs": bounds.jobs,
        "draws": chances.draws,
        "distribution": DISTRIBUTION,
        "total": spread(bounds.total, chances.total),
        "window": bounds.window.as_ref().map(|time| window(plan, time, chances.inside)),
        "phases": phases.collect::<Vec<_>>(),
        "critical_path": critical.collect::<Vec<_>>(),
        "checkpoints": bounds.checkpoints.iter().map(|time| checkpoint(plan, time)).collect::<Vec<_>>(),
        "watched": bounds.watched.iter().map(|watched| json!({
            "phase": plan.plan.phases[watched.phase].id,
            "lasts_ms": ms(watched.lasts),
        })).collect::<Vec<_>>(),
        "entries": entries.collect::<Vec<_>>(),
        "without_estimate": bounds.without.iter().map(|at| id(*at)).collect::<Vec<_>>(),
        "mismatches": mismatches.collect::<Vec<_>>(),
    })
}

fn window(plan: &CompiledPlan, time: &WindowTime, drawn: Option<Percentiles>) -> Value {
    let written = plan.plan.window.as_ref();
    json!({
        "opens": written.map(|window| &window.opens.value),
        "timezone": written.and_then(|window| window.timezone.as_ref()).map(|zone| &zone.value),
        "length_ms": time.length.map(ms),
        "inside": spread(time.inside, drawn.unwrap_or_default()),
        "back": back(plan, &time.way_back),
        "slack_ms": time.slack.map(slack),
        "turn_back_by_ms": time.turn_back_by.map(ms),
    })
}

fn checkpoint(plan: &CompiledPlan, time: &CheckpointTime) -> Value {
    let side = time.side.map(|side| match side {
        Side::Before => "before",
        Side::Inside => "inside",
        Side::After => "after",
    });
    json!({
        "checkpoint": plan.entry(time.entry).id,
        "window": side,
        "reached_ms": ms(time.reached),
        "there_ms": ms(time.there),
        "check_ms": ms(time.check),
        "back": back(plan, &time.back),
        "uncounted": time.uncounted,
        "slack_ms": time.slack.map(slack),
        "turn_back_by_ms": time.turn_back_by.map(ms),
    })
}

fn back(plan: &CompiledPlan, way: &WayBack) -> Value {
    json!({
        "takes_ms": ms(way.takes),
        "only_to": way.only_to.map(|at| &plan.entry(at).id),
        "assumed": way.assumed,
        "unknown": way.unknown,
        "by_hand": way.by_hand,
    })
}

fn entry(time: &EntryTime) -> Value {
    let (how, takes) = match time.undo {
        Undo::Nothing => ("nothing", None),
        Undo::Said(takes) => ("said", Some(takes)),
        Undo::Assumed(takes) => ("assumed", Some(takes)),
        Undo::Unknown => ("unknown", None),
        Undo::Impossible => ("impossible", None),
    };
    json!({
        "entry": null,
        "phase": null,
        "takes": time.run.map(range),
        "people": time.people.map(|people| json!({ "takes": people.takes.map(range) })),
        "undo": { "how": how, "takes_ms": takes.map(ms), "by_hand": time.undone_by_people },
    })
}

fn spread(time: Range, drawn: Percentiles) -> Value {
    json!({
        "best_ms": ms(time.best),
        "p50_ms": ms(drawn.p50),
        "p90_ms": ms(drawn.p90),
        "worst_ms": ms(time.worst),
    })
}

fn range(range: Range) -> Value {
    json!({ "best_ms": ms(range.best), "worst_ms": ms(range.worst) })
}

fn ms(time: Duration) -> Value {
    json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// What does not fit is below zero.
fn slack(slack: Slack) -> Value {
    let signed = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    match slack {
        Slack::Left(left) => json!(signed(left)),
        Slack::Over(over) => json!(-signed(over)),
    }
}
