//! What became of a run, read from its journal: what ran when and how long against its estimate, who said
//! what, what failed and why, what came back and what remains. Data only.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use plan_model::estimate;
use plan_model::graph::CompiledPlan;
use plan_model::inputs::Held;
use plan_model::resolve::{EntryOf, What};
use serde::Serialize;

use crate::archive::catalogue::Kept;
use crate::clock::Moment;
use crate::course::{Course, Illegal};
use crate::event::{Event, Record, Then};
use crate::ladder::Told;
use crate::open::{self, Open};
use crate::outline::Outline;
use crate::state::{RunState, StepState};
use crate::store::{Approval, RunRow};

#[derive(Debug, Serialize)]
pub struct Report {
    pub run: String,
    pub plan: String,
    pub title: Option<String>,
    pub environment: Option<String>,
    /// Of the plan and of all that it names.
    pub digest: String,
    pub version: Option<String>,
    /// What it was carried out with.
    pub inputs: Vec<Given>,
    pub by: String,
    pub host: String,
    pub state: RunState,
    pub started: String,
    /// None while it goes on.
    pub ended: Option<String>,
    pub took_ms: Option<u64>,
    pub estimate_ms: Option<(u64, u64)>,
    pub entries: Vec<Entry>,
    pub failures: Vec<Failed>,
    pub back: Option<Back>,
    /// What people said and did, in this order.
    pub people: Vec<Said>,
    /// What is still to be done by people, and until when.
    pub open: Vec<Open>,
    pub told: Vec<Told>,
    pub approvals: Vec<Approval>,
    pub backups: Vec<Saved>,
    /// Files that steps changed, by step.
    pub files: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Serialize)]
pub struct Entry {
    pub id: String,
    pub phase: String,
    pub is_checkpoint: bool,
    pub title: Option<String>,
    pub state: StepState,
    pub attempts: u32,
    pub started: Option<String>,
    pub took_ms: Option<u64>,
    pub estimate_ms: Option<(u64, u64)>,
    pub undo_took_ms: Option<u64>,
    /// Why it was left out, or what stands instead of its rollback.
    pub note: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Given {
    pub name: String,
    /// None for what is secret, or comes from this machine and is nobody else's to read.
    pub value: Option<String>,
    /// Where it came from: `--set`, `default`, `env NAME`.
    pub from: String,
}

#[derive(Debug, Serialize)]
pub struct Failed {
    pub at: String,
    pub entry: String,
    pub why: String,
    /// What it led to.
    pub then: String,
}

/// The way back.
#[derive(Debug, Serialize)]
pub struct Back {
    pub began: String,
    pub why: String,
    /// None where no state was declared.
    pub differences: Option<Vec<String>>,
    /// What is not as it was, and why.
    pub remains: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
pub struct Said {
    pub at: String,
    pub by: String,
    pub what: String,
    /// What they were asked, where they were.
    pub question: Option<String>,
    pub evidence: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Saved {
    pub id: String,
    pub step: String,
    pub path: String,
    pub size: u64,
    pub sha256: String,
    pub proven: Option<String>,
}

/// What the store knows besides the journal.
#[derive(Debug, Default)]
pub struct Around {
    pub told: Vec<Told>,
    pub approvals: Vec<Approval>,
    pub backups: Vec<Kept>,
    /// The run's own.
    pub folder: PathBuf,
}

fn text(moment: Moment) -> String {
    moment.timestamp().to_string()
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Report {
    pub fn of(
        plan: &CompiledPlan,
        run: &RunRow,
        records: &[Record],
        around: Around,
    ) -> Result<Report, Illegal> {
        let mut course = Course::new(Arc::new(Outline::of(plan)));
        let mut report = Report {
            run: run.run.clone(),
            plan: run.plan.clone(),
            title: plan.plan.file.title.as_ref().map(|title| title.value.clone()),
            environment: run.environment.clone(),
            digest: run.digest.clone(),
            version: None,
            inputs: inputs(plan),
            by: run.by.clone(),
            host: run.host.clone(),
            state: run.state,
            started: text(run.started_at),
            ended: None,
            took_ms: None,
            estimate_ms: None,
            entries: Vec::new(),
            failures: Vec::new(),
            back: None,
            people: Vec::new(),
            open: Vec::new(),
            told: around.told,
            approvals: around.approvals,
            backups: Vec::new(),
            files: BTreeMap::new(),
        };
        let mut asked = Asked::new();
        for record in records {
            course.apply(&record.event, record.at)?;
            report.hear(record, &mut asked);
        }
        let put = open::put_to(&around.folder);
        for later in open::answered(&around.folder) {
            let is_it = |one: &&Open| (&one.entry, one.question) == (&later.entry, later.question);
            let question = put.iter().find(is_it).map(|one| one.text.trim().to_owned());
            report.people.push(Said {
                at: text(later.at),
                by: later.by,
                what: format!("{}: {}", later.entry, later.choice),
                question,
                evidence: later.evidence,
            });
        }
        report.open = open::all(&around.folder, &course);
        report.state = course.state();
        if !report.state.is_ending() {
            report.ended = None;
            report.took_ms = None;
        }
        let times = estimate::of_entries(plan);
        let total = estimate::bounds(plan).total;
        if !total.worst.is_zero() {
            report.estimate_ms = Some((millis(total.best), millis(total.worst)));
        }
        for (at, entry) in plan.entries().iter().enumerate() {
            let stands = course.entry(at);
            report.entries.push(Entry {
                id: entry.id.to_string(),
                phase: plan.plan.phases[entry.phase].id.clone(),
                is_checkpoint: matches!(entry.what, What::Checkpoint(_)),
                title: title(entry),
                state: stands.state,
                attempts: stands.attempt,
                started: stands.started.map(text),
                took_ms: course.took(at).map(millis),
                estimate_ms: times[at].run.map(|run| (millis(run.best), millis(run.worst))),
                undo_took_ms: course.undo_took(at).map(millis),
                note: stands.settled.as_ref().map(|why| why.to_string()),
            });
        }
        for record in records {
            if let Event::Skipped { entry, why, by } = &record.event {
                let by = by.as_ref().map_or(String::new(), |by| format!(" ({by})"));
                let skipped = report.entries.iter_mut().find(|one| *one.id == **entry);
                if let Some(skipped) = skipped {
                    skipped.note = Some(format!("left out: {why}{by}"));
                }
            }
        }
        if let Some(back) = &mut report.back {
            back.differences = course.differences().map(<[String]>::to_vec);
            let remains = course.remainders().into_iter();
            back.remains = remains
                .map(|(at, why)| (course.outline.items[at].id.to_string(), why.to_string()))
                .collect();
        }
        let own = around.backups.into_iter().filter(|kept| kept.manifest.run == run.run);
        report.backups = own
            .map(|kept| Saved {
                id: kept.manifest.id,
                step: kept.manifest.step,
                path: kept.path.display().to_string(),
                size: kept.manifest.size,
                sha256: kept.manifest.sha256,
                proven: kept.manifest.proven,
            })
            .collect();
        Ok(report)
    }

    fn hear(&mut self, record: &Record, asked: &mut Asked) {
        let at = || text(record.at);
        let mut say = |by: &str, what: String, evidence: Option<String>| {
            let by = by.to_owned();
            self.people.push(Said { at: at(), by, what, question: None, evidence });
        };
        match &record.event {
            Event::RunStarted(started) => self.version = Some(started.version.clone()),
            Event::Asking { entry, question, text, .. } => {
                asked.insert((entry.to_string(), *question), text.trim().to_owned());
            }
            Event::Answered { entry, question, answer } => self.people.push(Said {
                at: at(),
                by: answer.by.clone(),
                what: format!("{entry}: {}", answer.choice),
                question: asked.get(&(entry.to_string(), *question)).cloned(),
                evidence: answer.evidence.clone(),
            }),
            Event::PauseAsked { by } => say(by, "asked for a pause".to_owned(), None),
            Event::Resumed { by } => say(by, "went on with it".to_owned(), None),
            Event::RollbackAsked { by, .. } => say(by, "asked for the rollback".to_owned(), None),
            Event::WindowExtended { by, why, until } => {
                say(by, format!("extended the window until {}: {why}", text(*until)), None);
            }
            Event::UndoSettled { entry, by, why } => {
                say(by, format!("{entry}: its rollback is settled: {why}"), None);
            }
            Event::Skipped { entry, why, by: Some(by) } => {
                say(by, format!("{entry}: left out: {why}"), None);
            }
            Event::Failed { entry, failure, then } => self.failures.push(Failed {
                at: at(),
                entry: entry.to_string(),
                why: failure.text.clone(),
                then: leads_to(then),
            }),
            Event::Tripped { phase, failure, then } => self.failures.push(Failed {
                at: at(),
                entry: phase.to_string(),
                why: failure.text.clone(),
                then: leads_to(then),
            }),
            Event::UndoFailed { entry, failure, retry_at, .. } => self.failures.push(Failed {
                at: at(),
                entry: entry.to_string(),
                why: format!("its rollback: {}", failure.text),
                then: match retry_at {
                    Some(_) => "tried again".to_owned(),
                    None => "a person is needed".to_owned(),
                },
            }),
            Event::UndoInterrupted { entry, why, retry_at: None, .. } => {
                let doubt = "nobody can tell whether it was done";
                self.failures.push(Failed {
                    at: at(),
                    entry: entry.to_string(),
                    why: format!(
                        "its rollback was interrupted: {}",
                        why.as_deref().unwrap_or(doubt)
                    ),
                    then: "a person is needed".to_owned(),
                });
            }
            Event::RollbackBegan { why, by, .. } => {
                if let Some(by) = by {
                    say(by, "rolled it back".to_owned(), None);
                }
                let (began, why) = (at(), why.clone());
                self.back = Some(Back { began, why, differences: None, remains: Vec::new() });
            }
            Event::Done { entry, outputs } | Event::FoundDone { entry, outputs, .. } => {
                let changed = outputs.get("changed").and_then(|changed| changed.as_array());
                let changed = changed.into_iter().flatten().filter_map(|path| path.as_str());
                let changed: Vec<_> = changed.map(str::to_owned).collect();
                if !changed.is_empty() {
                    self.files.insert(entry.to_string(), changed);
                }
            }
            Event::Ended { .. } => {
                self.ended = Some(at());
                let began = self.started.parse::<jiff::Timestamp>().ok();
                let began = began.map(|began| Moment(began.as_millisecond()));
                self.took_ms = began.map(|began| millis(record.at.since(began)));
            }
            _ => {}
        }
    }
}

/// The text of each question that was put, by its entry and number.
type Asked = BTreeMap<(String, usize), String>;

fn inputs(plan: &CompiledPlan) -> Vec<Given> {
    let own = plan.plan.scopes.first().into_iter().flat_map(|scope| &scope.inputs);
    let shown = own.filter_map(|input| {
        let is_machines =
            ["env ", "file ", "command "].iter().any(|from| input.origin.starts_with(from));
        let value = match &input.held {
            Held::Missing => return None,
            _ if is_machines => None,
            held => held.shown(),
        };
        Some(Given { name: input.name.clone(), value, from: input.origin.clone() })
    });
    shown.collect()
}

fn title(entry: &EntryOf) -> Option<String> {
    let title = match &entry.what {
        What::Step(step) => step.title.as_ref(),
        What::Checkpoint(checkpoint) => checkpoint.title.as_ref(),
    };
    title.map(|title| title.value.clone())
}

fn leads_to(then: &Then) -> String {
    match then {
        Then::RetryAt(_) => "tried again".to_owned(),
        Then::Continue => "the run went on without it".to_owned(),
        Then::Pause => "paused".to_owned(),
        Then::Rollback => "rolled back".to_owned(),
        Then::RollbackTo(entry) => format!("rolled back to {entry}"),
    }
}
