//! What would happen, as data: every entry in order, texts filled in, secrets masked, each undo
//! beside its step. Draws nothing.

mod fill;

use serde::Serialize;

use crate::graph::{CompiledPlan, Wait, on_failure};
use crate::inputs::{Held, MASK};
use crate::lint::ask::{self, Undo};
use crate::model::action::run::Command;
use crate::model::action::{Action, ActionKeys};
use crate::model::check::{self, Check};
use crate::model::plan::{OnFailure, RollbackStep, Surroundings};
use crate::model::read::LeafKind;
use crate::notation::Spoken;
use crate::resolve::{EntryOf, What};
use fill::Filler;

/// A text as far as its values are known before a run.
pub fn plain(plan: &CompiledPlan, entry: Option<usize>, text: &str) -> String {
    Filler::new(plan, entry).plain(text)
}

/// A whole plan as a reviewer reads it.
#[derive(Debug, Serialize)]
pub struct Shown {
    pub plan: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    pub inputs: Vec<ShownInput>,
    pub connections: Vec<ShownConnection>,
    pub requires: Vec<String>,
    pub state: Vec<String>,
    pub phases: Vec<ShownPhase>,
    /// Ids of the steps as a rollback from the very end would undo them.
    pub rollback_order: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point_of_no_return: Option<String>,
    /// Steps that leave something behind after a rollback, and why.
    pub not_undone: Vec<NotUndone>,
    pub contacts: Vec<String>,
    pub escalation: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct ShownInput {
    pub name: String,
    pub value: String,
    pub origin: String,
}

#[derive(Debug, Serialize)]
pub struct ShownConnection {
    pub name: String,
    pub target: String,
}

#[derive(Debug, Serialize)]
pub struct ShownPhase {
    pub phase: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub maintenance: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watch: Vec<String>,
    pub entries: Vec<ShownEntry>,
}

#[derive(Debug, Serialize)]
pub struct ShownEntry {
    /// Its place in the order of the run, from 1.
    pub number: usize,
    pub id: String,
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ShownAction>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// What it waits for, where that is not simply what stands above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<ShownUndo>,
    /// Lines that would change in files: for whoever knows the machine to fill in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
}

/// One action with where and how it runs.
#[derive(Debug, Serialize)]
pub struct ShownAction {
    pub action: &'static str,
    /// What it does, in words; for a script, the script.
    pub does: String,
    /// Whether `does` is a script or statements, to be shown line by line.
    #[serde(skip)]
    pub is_code: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum ShownUndo {
    Rollback { steps: Vec<ShownAction> },
    ByItself { text: String },
    NothingToUndo { text: String },
    ReadOnly,
    Irreversible { why: String },
    Unsaid,
}

#[derive(Debug, Serialize)]
pub struct NotUndone {
    pub id: String,
    pub why: String,
}

pub fn show(plan: &CompiledPlan) -> Shown {
    let model = &plan.plan;
    let file = &model.file;
    let root = Filler::new(plan, None);
    let numbers = numbers(plan);
    let phases = model.phases.iter().map(|phase| {
        let filler = Filler::new(plan, phase.entries.clone().next());
        ShownPhase {
            phase: phase.id.clone(),
            title: phase.title.as_ref().map(|title| filler.plain(&title.value)),
            maintenance: phase.maintenance,
            watch: phase.watch.iter().map(|check| watch_line(check, &filler)).collect(),
            entries: phase.entries.clone().map(|at| entry(plan, at, numbers[at])).collect(),
        }
    });
    let ids = |order: Vec<usize>| order.into_iter().map(|at| plan.entry(at).id.clone()).collect();
    Shown {
        plan: file.plan.value.clone(),
        title: file.title.as_ref().map(|title| root.plain(&title.value)),
        about: file.about.as_ref().map(|about| root.plain(&about.value)),
        environment: model
            .environment
            .as_ref()
            .map(|environment| environment.environment.value.clone()),
        window: model.window.as_ref().map(|window| {
            let lasts =
                window.lasts.fixed().map_or("?".to_owned(), |lasts| Spoken(lasts).to_string());
            let zone = window.timezone.as_ref().map_or("", |zone| zone.value.as_str());
            format!("opens {} {zone}, lasts {lasts}", window.opens.value)
        }),
        inputs: inputs(plan),
        connections: model
            .connections
            .iter()
            .map(|(id, connection)| ShownConnection {
                name: id.value.clone(),
                target: fill::connection(connection, &root),
            })
            .collect(),
        requires: model.requires.iter().map(|check| root.check(&check::line(check))).collect(),
        state: file
            .state
            .iter()
            .flat_map(|state| {
                let databases =
                    state.databases.iter().flatten().map(|id| format!("database {}", id.value));
                let files = state.files.iter().flatten().map(|path| root.plain(&path.value));
                let services = state.services.iter().flatten();
                let services = services.map(|name| format!("service {}", root.plain(&name.value)));
                databases.chain(files).chain(services).collect::<Vec<_>>()
            })
            .collect(),
        phases: phases.collect(),
        rollback_order: ids(plan.rollback_order()),
        point_of_no_return: plan.point_of_no_return().map(|at| plan.entry(at).id.clone()),
        not_undone: plan.entries().iter().filter_map(not_undone).collect(),
        contacts: model
            .contacts
            .iter()
            .map(|contact| {
                let more = [&contact.name, &contact.phone, &contact.email];
                let more: Vec<_> = more
                    .iter()
                    .filter_map(|text| text.as_ref())
                    .map(|text| root.plain(&text.value))
                    .collect();
                format!("{}: {}", contact.role.value, more.join(", "))
            })
            .collect(),
        escalation: file
            .escalation
            .iter()
            .flatten()
            .map(|one| {
                let after =
                    one.after.fixed().map_or("?".to_owned(), |after| Spoken(after).to_string());
                let only =
                    one.only.map_or(String::new(), |kind| format!(" ({} failures)", kind.word()));
                format!("after {after}: {}{only}", one.tell.value)
            })
            .collect(),
    }
}

fn numbers(plan: &CompiledPlan) -> Vec<usize> {
    let mut numbers = vec![0; plan.entries().len()];
    for (number, at) in plan.order.iter().enumerate() {
        numbers[*at] = number + 1;
    }
    numbers
}

fn inputs(plan: &CompiledPlan) -> Vec<ShownInput> {
    let root = plan.plan.scopes.first();
    let inputs = root.into_iter().flat_map(|scope| &scope.inputs);
    inputs
        .map(|input| ShownInput {
            name: input.name.clone(),
            value: match &input.held {
                Held::Known(serde_json::Value::String(text)) => text.clone(),
                Held::Known(json) => json.to_string(),
                Held::Secret => MASK.to_owned(),
                Held::Missing if input.origin.starts_with("env ") => {
                    "(by whoever runs it)".to_owned()
                }
                Held::Missing => "(must be given)".to_owned(),
            },
            origin: input.origin.clone(),
        })
        .collect()
}

fn entry(plan: &CompiledPlan, at: usize, number: usize) -> ShownEntry {
    let entry = plan.entry(at);
    let filler = Filler::new(plan, Some(at));
    let text = |text: &crate::model::value::Text| filler.plain(&text.value);
    let failure = match on_failure(entry) {
        OnFailure::Word(crate::model::plan::OnFailureWord::Rollback) => None,
        OnFailure::Word(word) => Some(word.word().to_owned()),
        OnFailure::To(to) => Some(format!("rollback to {}", to.rollback_to.value)),
    };
    let estimate = match &entry.what {
        What::Step(step) => step.estimate,
        What::Checkpoint(checkpoint) => checkpoint.estimate,
    };
    let mut shown = ShownEntry {
        number,
        id: entry.id.clone(),
        kind: if entry.step().is_some() { "step" } else { "checkpoint" },
        title: entry.title().map(text),
        about: entry.about().map(text),
        action: None,
        checks: Vec::new(),
        waits_for: waits_for(plan, at),
        when: entry.when().filter(|_| entry.conditional).map(|when| when.value.clone()),
        estimate: estimate.map(|estimate| estimate.range.to_string()),
        on_failure: failure,
        undo: None,
        changes: Vec::new(),
    };
    match &entry.what {
        What::Checkpoint(checkpoint) => {
            shown.checks =
                checkpoint.checks.iter().map(|check| filler.check(&check::line(check))).collect();
            if let Some(within) = checkpoint.within.as_ref().and_then(|within| within.fixed()) {
                shown.checks.push(format!("asked again for {} at most", Spoken(within)));
            }
        }
        What::Step(step) => {
            shown.action = action(&step.actions, &step.surroundings, &filler);
            shown.undo = Some(undo(entry, &filler));
        }
    }
    shown
}

/// Said only where the order of the file does not say it.
fn waits_for(plan: &CompiledPlan, at: usize) -> Option<Vec<String>> {
    let entry = plan.entry(at);
    entry.needs.as_ref()?;
    let needs = plan.waits_for(at).into_iter();
    let written = needs.filter(|(_, wait)| matches!(wait, Wait::Need(_) | Wait::Gate | Wait::Item));
    let ids: Vec<String> = written.map(|(other, _)| plan.entry(other).id.clone()).collect();
    Some(if ids.is_empty() { vec!["the start of the phase".to_owned()] } else { ids })
}

fn action(keys: &ActionKeys, around: &Surroundings, filler: &Filler<'_>) -> Option<ShownAction> {
    let action = keys.iter().next()?;
    let (kind, is_code) = match action {
        Action::Run(Command::Script(_)) => (LeafKind::Shell, true),
        Action::Sql(sql) if sql.text().is_some() => (LeafKind::Sql, true),
        _ => (LeafKind::Plain, false),
    };
    Some(ShownAction {
        action: action.key(),
        does: filler.fill(&action.facts().line(), kind),
        is_code,
        with: surroundings(around, filler),
    })
}

fn surroundings(around: &Surroundings, filler: &Filler<'_>) -> Vec<String> {
    let mut with = Vec::new();
    with.extend(around.on.as_ref().map(|on| format!("on {}", filler.plain(&on.value))));
    with.extend(around.dir.as_ref().map(|dir| format!("in {}", filler.plain(&dir.value))));
    with.extend(around.user.as_ref().map(|user| format!("as {}", filler.plain(&user.value))));
    for (name, value) in around.env.iter().flat_map(|entries| entries.iter()) {
        with.push(format!("{}={}", name.value, filler.plain(&value.plain())));
    }
    with.extend(
        around
            .timeout
            .as_ref()
            .and_then(|time| time.fixed())
            .map(|time| format!("at most {}", Spoken(time))),
    );
    with.extend(around.retry.as_ref().map(|retry| match retry {
        crate::model::plan::Retry::Times(times) => {
            format!("tried again {} times", times.fixed().unwrap_or(0))
        }
        crate::model::plan::Retry::Full(keys) => {
            let every = keys.every.as_ref().and_then(|time| time.fixed());
            let every = every.map_or(String::new(), |time| format!(" every {}", Spoken(time)));
            format!("tried again {} times{every}", keys.times.fixed().unwrap_or(0))
        }
    }));
    with
}

fn undo(entry: &EntryOf, filler: &Filler<'_>) -> ShownUndo {
    let Some(step) = entry.step() else { return ShownUndo::ReadOnly };
    match ask::undo(step) {
        Undo::Rollback => {
            let steps = step.rollback.iter().flat_map(|many| many.iter());
            let shown = |back: &RollbackStep| action(&back.actions, &back.surroundings, filler);
            ShownUndo::Rollback { steps: steps.filter_map(shown).collect() }
        }
        Undo::ReadOnly => ShownUndo::ReadOnly,
        Undo::Irreversible(why) => ShownUndo::Irreversible { why: filler.plain(&why.value) },
        Undo::Natural(text) => ShownUndo::ByItself { text },
        Undo::NothingToUndo(text) => ShownUndo::NothingToUndo { text: text.to_owned() },
        Undo::Unsaid => ShownUndo::Unsaid,
    }
}

fn not_undone(entry: &EntryOf) -> Option<NotUndone> {
    let why = match ask::undo(entry.step()?) {
        Undo::Irreversible(why) => format!("irreversible: {}", why.value),
        Undo::NothingToUndo(why) => why.to_owned(),
        Undo::Unsaid => "nothing says how".to_owned(),
        _ => return None,
    };
    Some(NotUndone { id: entry.id.clone(), why })
}

fn watch_line(watched: &Check, filler: &Filler<'_>) -> String {
    let common = watched.common();
    let every = common.every.as_ref().and_then(|time| time.fixed());
    let lasting = common.lasting.as_ref().and_then(|time| time.fixed());
    let mut line = filler.check(&check::line(watched));
    line += &every.map_or(String::new(), |time| format!(", every {}", Spoken(time)));
    line += &lasting.map_or(String::new(), |time| format!(", for {}", Spoken(time)));
    line
}
