//! What became of steps that nobody watched: the keeper's log knows of programs, the action or a
//! probe of the rest. Nothing is guessed.

use std::path::PathBuf;

use plan_model::model::action::Action;
use plan_model::model::plan::Step;
use tokio::time::sleep;

use super::*;
use crate::keeper::{self, Ended, Fate, Log};
use crate::world::Ran;

/// How often the log of a keeper that was left behind is read.
const FOLLOW_EVERY: Duration = Duration::from_millis(50);
/// A keeper that was just orphaned says so at once.
const KEEPER_PATIENCE: Duration = Duration::from_secs(10);

impl<S: Store> Engine<S> {
    fn keeper_logs(&self) -> Vec<PathBuf> {
        keeper::logs(&self.world.folder)
    }

    fn read_logs(&self) -> Vec<Log> {
        self.keeper_logs().iter().filter_map(|log| Log::read(log).ok()).collect()
    }

    /// Until each earlier keeper has said that nothing more will start under it.
    pub(super) async fn wait_for_keepers(&self) {
        let started = Instant::now();
        for log in self.keeper_logs() {
            while started.elapsed() < KEEPER_PATIENCE {
                if Log::read(&log).is_ok_and(|log| log.is_settled()) {
                    break;
                }
                sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// After a replay: what the journal holds for running.
    pub(super) fn find_what_ran(&mut self) -> Result<(), Illegal> {
        let logs = self.read_logs();
        let running: Vec<usize> = self.course.running().collect();
        for at in running.iter().copied() {
            let id = program_id(&self.course.outline.items[at].id, self.course.entry(at).attempt);
            let step = self.world.plan.entry(at).step();
            if step.is_some_and(is_program_step) {
                self.find_program(at, None, id, &logs)?;
            } else {
                self.note(Event::Interrupted { entry: self.course.outline.id(at), why: None })?;
                self.look(at);
            }
        }
        let undoing: Vec<usize> = self.course.undoing().collect();
        for at in undoing {
            let entry = self.course.entry(at);
            let (part, attempt) = (entry.undone_parts, entry.undo_attempt);
            let id = undo_id(&self.course.outline.items[at].id, part, attempt);
            let step = self.world.plan.entry(at).step();
            let is_program = step.is_some_and(|step| actions::is_program(step, part));
            let is_known = logs.iter().any(|log| log.fate(&id).is_some());
            if is_program && (entry.undo_doubt.is_none() || is_known) {
                self.find_program(at, Some(part), id, &logs)?;
            } else {
                self.look_back(at, part);
            }
        }
        // Whoever looked before was killed before it knew.
        if self.course.state() == RunState::Running {
            let interrupted: Vec<usize> = self.course.interrupted().collect();
            interrupted.into_iter().filter(|at| !running.contains(at)).for_each(|at| self.look(at));
        }
        Ok(())
    }

    /// The keeper of a step, or of a part of a way back, is gone.
    pub(super) fn lost(&mut self, at: usize, part: Option<u32>) -> Result<(), Illegal> {
        let entry = self.course.entry(at);
        let name = &self.course.outline.items[at].id;
        let step = self.world.plan.entry(at).step();
        let (id, is_program) = match part {
            None => (program_id(name, entry.attempt), step.is_some_and(is_program_step)),
            Some(part) => (
                undo_id(name, part, entry.undo_attempt),
                step.is_some_and(|step| actions::is_program(step, part)),
            ),
        };
        let logs = self.read_logs();
        let begun = logs.iter().find_map(|log| log.fate(&id));
        if is_program && !matches!(begun, Some(Fate::Begun { .. })) {
            return self.find_program(at, part, id, &logs);
        }
        self.doubt(at, part, None)
    }

    /// It may have acted, and may still: the action or a probe is asked.
    pub(super) fn doubt(
        &mut self,
        at: usize,
        part: Option<u32>,
        why: Option<String>,
    ) -> Result<(), Illegal> {
        // An action that cannot tell itself is not asked again: it would be carried out once more, to
        // the same doubt, without end.
        // Where it has a probe, that is asked once.
        let has_probe = actions::has_probe(self.world.plan.entry(at), part);
        let knows_more = why.is_none() || (has_probe && self.doubted.insert((at, part)));
        let why = why.map(|why| self.world.cover.text(&why));
        let entry = self.course.outline.id(at);
        match part {
            None => {
                self.note(Event::Interrupted { entry, why })?;
                match knows_more {
                    true => self.look(at),
                    false => self.in_doubt(at)?,
                }
            }
            Some(part) if knows_more => self.look_back(at, part),
            Some(part) => {
                let again = self.undone_again(at, part, self.world.clock.now());
                let text = why.clone().unwrap_or_default();
                let failure = Failure::new(FailureKind::InDoubt, text);
                self.note(match again {
                    Some(_) => Event::UndoFailed { entry, part, failure, retry_at: again },
                    None => {
                        let (unasked, retry_at) = (false, None);
                        Event::UndoInterrupted { entry, part, why, unasked, retry_at }
                    }
                })?;
            }
        }
        Ok(())
    }

    /// A program: the log of its keeper says whether it was started, runs, or has ended.
    fn find_program(
        &mut self,
        at: usize,
        part: Option<u32>,
        id: String,
        logs: &[Log],
    ) -> Result<(), Illegal> {
        let known = logs.iter().find_map(|log| Some((log, log.fate(&id)?)));
        let outcomes = self.outcomes.clone();
        match known {
            // The machine stopped meanwhile: the end of the log may be lost with it.
            None if logs.first().is_some_and(|log| !log.is_of_this_boot()) => {
                self.doubt(at, part, None)
            }
            None => match part {
                // Intent was journaled, and then the engine died: nothing was started.
                None => {
                    let entry = self.course.outline.id(at);
                    let how = "it was never started".to_owned();
                    self.note(Event::FoundUndone { entry, how, partly: false })
                }
                Some(part) => {
                    let failure = Failure::new(FailureKind::InDoubt, "it was never started");
                    let entry = self.course.outline.id(at);
                    let retry_at = Some(self.world.clock.now());
                    self.note(Event::UndoFailed { entry, part, failure, retry_at })
                }
            },
            Some((_, Fate::Ended(ended))) => {
                self.at_work += 1;
                let _ =
                    outcomes.send(ended_outcome(&self.world, at, part, &id, Some(ended.clone())));
                Ok(())
            }
            Some((log, Fate::Begun { .. })) => {
                self.at_work += 1;
                let path = self.world.folder.join(log.name());
                let world = self.world.clone();
                tokio::task::spawn_local(async move {
                    let ended = follow(&path, &id).await;
                    let _ = outcomes.send(ended_outcome(&world, at, part, &id, ended));
                });
                Ok(())
            }
        }
    }

    /// Asks the action, or the step's probe.
    pub(super) fn look(&mut self, at: usize) {
        let attempt = self.course.entry(at).attempt;
        let name = &self.course.outline.items[at].id;
        let id = format!("{name}.found{}.{attempt}", self.world.keepers_before);
        let mut job = Job::new(self.world.clone(), Some(at), id);
        job.performed_as = program_id(&self.course.outline.items[at].id, attempt);
        let outcomes = self.outcomes.clone();
        self.at_work += 1;
        self.looking += 1;
        tokio::task::spawn_local(async move {
            keeper::outlived(&job.world.folder, &job.performed_as).await;
            let found = actions::found(&job, job.world.plan.entry(at)).await;
            let _ = outcomes.send(Outcome::Looked { entry: at, found });
        });
    }

    pub(super) fn look_back(&mut self, at: usize, part: u32) {
        let name = &self.course.outline.items[at].id;
        let attempt = self.course.entry(at).undo_attempt;
        let id = format!("{name}.found-undo{}.{}.{attempt}", part + 1, self.world.keepers_before);
        let mut job = Job::new(self.world.clone(), Some(at), id);
        let doubt = self.course.entry(at).undo_doubt;
        job.performed_as = undo_id(name, part, doubt.unwrap_or(attempt));
        job.own = Some(self.world.known_of(at));
        job.part = self.written(at, Some(part));
        let outcomes = self.outcomes.clone();
        self.at_work += 1;
        self.looking += 1;
        tokio::task::spawn_local(async move {
            keeper::outlived(&job.world.folder, &job.performed_as).await;
            let found = match job.world.plan.entry(at).step() {
                Some(step) => actions::found_undone(&job, step, part).await,
                None => Found::InDoubt,
            };
            let _ = outcomes.send(Outcome::LookedBack { entry: at, part, found });
        });
    }
}

fn is_program_step(step: &Step) -> bool {
    matches!(step.actions.first(), Some(Action::Run(_)))
}

/// Waits for the end of a program under a keeper of another engine.
async fn follow(log: &std::path::Path, id: &str) -> Option<Ended> {
    loop {
        // Asked before the log is read: what it wrote before it ended is then in it.
        let lives = Log::read(log).is_ok_and(|log| log.keeper_lives());
        if let Ok(log) = Log::read(log)
            && let Some(Fate::Ended(ended)) = log.fate(id)
        {
            return Some(ended.clone());
        }
        if !lives {
            return None;
        }
        sleep(FOLLOW_EVERY).await;
    }
}

fn ended_outcome(
    world: &Rc<World>,
    at: usize,
    part: Option<u32>,
    id: &str,
    ended: Option<Ended>,
) -> Outcome {
    let result = match ended {
        None => Err(Broken::Lost),
        Some(ended) => {
            let logs = world.folder.join("logs");
            let errors = logs.join(format!("{id}.err"));
            let output = logs.join(format!("{id}.log"));
            let errors = if errors.exists() { errors } else { output.clone() };
            let job = Job::new(world.clone(), Some(at), id.to_owned());
            actions::run::after(&job, &Ran { ended, output, errors }, part)
        }
    };
    match part {
        None => Outcome::Performed { entry: at, result },
        Some(part) => Outcome::Undone { entry: at, part, result: result.map(|_| ()) },
    }
}
