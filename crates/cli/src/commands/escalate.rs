//! Tells people of a failure, as the plan's escalation says: a process of its own, which goes on where the
//! run rests, is stuck, or was killed, and ends when somebody has the matter in hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use plan_executor::clock::Moment;
use plan_executor::event::Failure;
use plan_executor::fill::RunNames;
use plan_executor::ladder::{self, Rung, Told};
use plan_executor::owner::{self, Life};
use plan_executor::state::RunState;
use plan_executor::store::sqlite::SqliteStore;
use plan_executor::store::{RunRow, Store};
use plan_executor::tell::{self, Words};
use plan_executor::world::{Broken, Job, World};
use plan_model::model::plan::Contact;
use plan_model::notation::Spoken;
use tokio::time::Instant;

use super::{apply, resume};
use crate::args::OutputFormat;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::render::run::date_time_zone;
use crate::terminal::Terminal;

/// How often it is looked whether somebody has the matter in hand.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub fn run(store: &Path, run: &str, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(escalate(store, run));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn escalate(at: &Path, name: &str) -> Result<Exit, Refusal> {
    let mut store = operate::existing(at).await?;
    let run = operate::find(&mut store, Some(name), |_| true, "of this name").await?;
    let folder = apply::absolute(at)?.join("runs").join(name);
    // One of them is enough, however much fails.
    let Ok(lock) = std::fs::File::create(folder.join("escalation.lock")) else {
        return Ok(Exit::Paused);
    };
    // One that is there ends soon if somebody had the matter in hand meanwhile.
    let until = Instant::now() + LOOK_EVERY * 6;
    while lock.try_lock().is_err() {
        if Instant::now() >= until {
            return Ok(Exit::Held);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (mut last, mut failed) = (0, None);
    let mut entries = Vec::new();
    for record in store.read(&run, 0).await? {
        last = record.number;
        if ladder::is_in_hand(&record.event) {
            failed = None;
            entries.clear();
        } else if let Some((entry, failure)) = ladder::failure(&record.event) {
            entries.push(entry.to_owned());
            if failed.is_none() {
                failed = Some((entry.to_owned(), failure.clone(), record.at));
            }
        }
    }
    let Some((entry, failure, since)) = failed else { return Ok(Exit::Done) };
    let (plan, frozen) = resume::compile(&mut store, &run).await?;
    let begun = apply::begun(plan, &frozen, None, at, Vec::new(), OutputFormat::Lines)?;
    let names = RunNames {
        id: run.run.clone(),
        started: run.started_at.timestamp().to_string(),
        by: run.by.clone(),
        folder: folder.display().to_string(),
    };
    let called = begun.call(names, async |world| {
        let told = BTreeMap::new();
        let rungs = Vec::new();
        let mut call =
            Call { world, run, folder, entry, failure, since, entries: Vec::new(), rungs, told };
        entries.iter().for_each(|entry| call.failed(entry));
        call.climb(&mut store, last).await
    });
    called.await??;
    store.close().await;
    Ok(Exit::Done)
}

struct Call {
    world: Rc<World>,
    run: RunRow,
    folder: std::path::PathBuf,
    entry: String,
    failure: Failure,
    since: Moment,
    /// All that failed.
    entries: Vec<usize>,
    rungs: Vec<Rung>,
    /// Which of them were told, and which state they know of.
    told: BTreeMap<usize, RunState>,
}

impl Call {
    /// Whom that concerns is told as well.
    fn failed(&mut self, entry: &str) {
        self.entries.extend(self.world.plan.by_id(entry));
        let fill = self.world.filler(None, None);
        self.rungs = ladder::rungs(&self.world.plan, &fill, &self.entries);
    }

    async fn climb(&mut self, store: &mut SqliteStore, mut last: u64) -> Result<(), Refusal> {
        loop {
            let news = store.read(&self.run, last).await?;
            last = news.last().map_or(last, |record| record.number);
            // What was asked of a run that rests stands in no journal yet.
            let asked = store.asked(&self.run).await?.iter().any(|one| one.at >= self.since);
            if asked || news.iter().any(|record| ladder::is_in_hand(&record.event)) {
                return Ok(());
            }
            for record in &news {
                if let Some((entry, _)) = ladder::failure(&record.event) {
                    self.failed(entry);
                }
            }
            let runs = store.runs().await?;
            let Some(row) = runs.into_iter().find(|run| run.key == self.run.key) else {
                return Ok(());
            };
            let state = row.state;
            if state == RunState::Succeeded || !self.folder.is_dir() {
                return Ok(());
            }
            self.report(state).await;
            let now = self.world.clock.now();
            let next =
                self.rungs.iter().find(|rung| !self.told.contains_key(&rung.number)).cloned();
            if let Some(rung) = &next
                // Nobody new is woken for what is over.
                && (state != RunState::RolledBack || self.told.is_empty())
                && now >= self.since.plus(rung.after)
            {
                self.tell(rung, state, &self.first_words(rung, state)).await;
                self.told.insert(rung.number, state);
                continue;
            }
            let rests = state.is_ending() || state == RunState::Paused;
            let is_known = self.told.values().all(|known| *known == state);
            if rests && is_known && (next.is_none() || state == RunState::RolledBack) {
                return Ok(());
            }
            if next.is_none() && !rests && !self.is_run(store).await? {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn is_run(&self, store: &mut SqliteStore) -> Result<bool, Refusal> {
        let leases = store.leases().await?;
        let lease = leases.into_iter().find(|lease| lease.run.as_ref() == Some(&self.run.run));
        Ok(lease.is_some_and(|lease| owner::life(&lease.owner) != Life::Dead))
    }

    /// Whoever was told hears what became of it.
    async fn report(&mut self, state: RunState) {
        if !(state.is_ending() || state == RunState::Paused) {
            return;
        }
        for rung in self.rungs.clone() {
            if self.told.get(&rung.number).is_some_and(|known| *known != state) {
                let text = format!("{}\n\n{}\n", became(state).1, self.where_to_look());
                let words = Words {
                    subject: format!("[plan] {}: {}", self.title(), became(state).0),
                    text: self.world.cover.text(&text),
                };
                self.tell(&rung, state, &words).await;
                self.told.insert(rung.number, state);
            }
        }
    }

    fn title(&self) -> String {
        let place = self.run.environment.as_ref().map(|name| format!(" in {name}"));
        format!("{}{}", self.run.run, place.unwrap_or_default())
    }

    fn first_words(&self, rung: &Rung, state: RunState) -> Words {
        let mut text = format!(
            "{} failed at {}: {}: {}\n\n{}\n\n{}\n",
            self.title(),
            date_time_zone(self.since),
            self.entry,
            self.failure.text.trim_end(),
            became(state).1,
            self.where_to_look()
        );
        text +=
            &format!("You are told as {}, {} after the failure.\n", rung.role, Spoken(rung.after));
        for other in &self.rungs {
            if *other != *rung {
                let at = date_time_zone(self.since.plus(other.after));
                text += &format!("{}: from {at} on{}\n", other.role, self.number_of(&other.role));
            }
        }
        let subject = format!("[plan] {}: {} failed", self.title(), self.entry);
        Words { subject, text: self.world.cover.text(&text) }
    }

    fn where_to_look(&self) -> String {
        format!(
            "Look: plan status {} (on {}, in {})\nBy hand, if all else fails: {}",
            self.run.run,
            self.run.host,
            self.world.base.display(),
            self.folder.join("rollback.md").display()
        )
    }

    fn contact(&self, role: &str) -> Option<&Contact> {
        self.world.plan.plan.contacts.iter().find(|contact| contact.role.value == role)
    }

    fn number_of(&self, role: &str) -> String {
        let fill = self.world.filler(None, None);
        let phone = self.contact(role).and_then(|contact| contact.phone.as_ref());
        phone
            .and_then(|phone| fill.of(phone).ok())
            .map_or(String::new(), |phone| format!(", {phone}"))
    }

    /// By every way that there is; what is lost is a warning that stands with the run.
    async fn tell(&self, rung: &Rung, state: RunState, words: &Words) {
        let role = rung.role.clone();
        let Some(contact) = self.contact(&role) else { return };
        let state = state.word().replace([' ', ','], "-");
        let id = format!("call-{}-{}-{state}", self.since.0, rung.number);
        let job = Job::new(self.world.clone(), None, id.clone());
        let fill = job.filler();
        let (mut by, mut lost) = (Vec::new(), Vec::new());
        let mut note = |way: &str, result: Result<(), Broken>| match result {
            Ok(()) => by.push(way.to_owned()),
            Err(Broken::Failed(failure)) => {
                lost.push(format!("{way}: {}", self.world.covered(failure).text));
            }
            Err(Broken::Lost | Broken::InDoubt(_)) => {
                lost.push(format!("{way}: nobody can tell whether it was sent"));
            }
        };
        if let Some(email) = &contact.email {
            let sent = async {
                let to = fill.of(email)?;
                let id = format!("{}.{id}", self.world.run_key());
                Ok(tell::by_mail(&job, &[to], words, &id).await?)
            };
            note("e-mail", sent.await);
        }
        if let Some(webhook) = &contact.webhook {
            let sent =
                async { Ok(tell::by_webhook(&job, &fill.text(&webhook.value)?, words).await?) };
            note("webhook", sent.await);
        }
        if let Some(command) = &contact.command {
            note("command", tell::by_command(&job, &command.value, words, None).await);
        }
        if by.is_empty() && lost.is_empty() {
            lost.push("there is no e-mail, webhook or command with this contact".to_owned());
        }
        let told = Told { at: self.world.clock.now(), role, by, lost };
        // The run's folder may be gone by now: then nobody asks for it any more either.
        let _ = ladder::remember(&self.folder, &told);
    }
}

/// In a subject, and in a sentence.
fn became(state: RunState) -> (&'static str, &'static str) {
    match state {
        RunState::Running => ("failed", "What runs is let end."),
        RunState::RollingBack => ("rolling back", "It is rolling back now."),
        RunState::RolledBack => {
            ("rolled back completely", "It was rolled back completely: nothing remains to be done.")
        }
        RunState::RolledBackWithRemainders => (
            "rolled back, with remainders",
            "It was rolled back, but not everything is as it was: a person is needed.",
        ),
        RunState::Stuck => {
            ("stuck", "It is stuck: a rollback step failed, and a person is needed.")
        }
        RunState::Paused => ("paused", "It is paused, and waits for a person."),
        RunState::Succeeded => ("succeeded", "It succeeded."),
    }
}
