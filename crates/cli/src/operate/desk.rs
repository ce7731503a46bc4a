//! Whoever sits before the terminal: questions and answers, Ctrl-C, a shutdown, a terminal that goes
//! away. Turns each into what the engine is told.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::BufRead;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use plan_executor::clock::Moment;
use plan_executor::course::Course;
use plan_executor::engine::{Control, Listener, Scene};
use plan_executor::event::{Answer, Record};
use plan_executor::evidence;
use plan_executor::ladder;
use plan_executor::owner;
use plan_executor::world::Question;
use plan_model::model::check::Evidence;
use plan_model::model::plan::OnDisconnect;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::commands::apply;
use crate::render::run::Screen;

pub struct Desk<'s, 't> {
    screen: &'s RefCell<Screen<'t>>,
    control: mpsc::UnboundedSender<Control>,
    attended: bool,
    on_disconnect: Option<OnDisconnect>,
    /// What people hand in is kept there.
    run_folder: PathBuf,
    interrupts: Cell<u32>,
    /// Somebody is deciding what Ctrl-C is to mean.
    deciding: Cell<bool>,
    open: RefCell<VecDeque<Question>>,
    /// An answer whose evidence is still asked for.
    answered: RefCell<Option<String>>,
}

/// What the engine tells, on its way to the screen and to the desk.
pub struct Listening<'s, 't> {
    pub screen: &'s RefCell<Screen<'t>>,
    pub ask: mpsc::UnboundedSender<Asked>,
}

pub enum Asked {
    Question(Question),
    /// It was answered: of this entry this one.
    NoMore(usize, usize),
}

impl Listener for Listening<'_, '_> {
    fn hear(&mut self, record: &Record, course: &Course, scene: &Scene<'_>) {
        self.screen.borrow_mut().hear(record, course, scene);
        if ladder::failure(&record.event).is_some()
            && scene.plan.plan.file.escalation.is_some()
            && let Err(problem) = call(scene)
        {
            self.say(&format!("nobody is told of it: {problem}"));
        }
    }

    fn tick(&mut self, course: &Course, scene: &Scene<'_>, now: Moment) {
        self.screen.borrow_mut().tick(course, scene, now);
    }

    fn ask(&mut self, question: &Question) {
        let _ = self.ask.send(Asked::Question(question.clone()));
    }

    fn asked_no_more(&mut self, entry: usize, question: usize) {
        let _ = self.ask.send(Asked::NoMore(entry, question));
    }

    fn say(&mut self, text: &str) {
        self.screen.borrow_mut().tell(text);
    }
}

/// A process of its own tells people: it outlives this one.
fn call(scene: &Scene<'_>) -> std::io::Result<()> {
    // The run's folder is in `runs`, in the store's.
    let store = scene.folder.ancestors().nth(2).unwrap_or(scene.folder);
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("escalate").arg(store).arg(scene.run).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}

impl<'s, 't> Desk<'s, 't> {
    pub fn new(
        screen: &'s RefCell<Screen<'t>>,
        control: mpsc::UnboundedSender<Control>,
        attended: bool,
        on_disconnect: Option<OnDisconnect>,
        run_folder: PathBuf,
    ) -> Self {
        Desk {
            screen,
            control,
            attended,
            on_disconnect,
            run_folder,
            interrupts: Cell::new(0),
            deciding: Cell::new(false),
            open: RefCell::default(),
            answered: RefCell::default(),
        }
    }

    /// Never ends by itself, but for the third Ctrl-C.
    pub async fn work(&self, mut questions: mpsc::UnboundedReceiver<Asked>) {
        let (typed, mut lines) = mpsc::unbounded_channel();
        if self.attended {
            // A thread of its own: reading a terminal cannot be given up.
            std::thread::spawn(move || {
                for line in std::io::stdin().lock().lines() {
                    let Ok(line) = line else { break };
                    if typed.send(line).is_err() {
                        break;
                    }
                }
            });
        } else {
            // Held, so that nobody takes silence for a closed terminal.
            std::mem::forget(typed);
        }
        let handlers = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        );
        let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = handlers else {
            return std::future::pending().await;
        };
        let mut reads = true;
        loop {
            tokio::select! {
                asked = questions.recv() => match asked {
                    Some(Asked::Question(question)) => self.put(question),
                    Some(Asked::NoMore(entry, question)) => self.forget(entry, question),
                    None => {}
                },
                line = lines.recv(), if reads => match line {
                    Some(line) => self.hear(line.trim()),
                    None => {
                        reads = false;
                        self.say(Control::Unattended);
                    }
                },
                _ = interrupt.recv() => {
                    if self.interrupted() {
                        return;
                    }
                }
                _ = terminate.recv() => {
                    self.tell("asked to end: pausing after what runs now");
                    self.say(Control::Pause { by: "shutdown".to_owned() });
                }
                _ = hangup.recv() => self.hung_up(),
            }
        }
    }

    fn say(&self, control: Control) {
        let _ = self.control.send(control);
    }

    fn tell(&self, text: &str) {
        self.screen.borrow_mut().tell(text);
    }

    /// True: leave at once.
    fn interrupted(&self) -> bool {
        let count = self.interrupts.get() + 1;
        self.interrupts.set(count);
        match (count, self.attended) {
            (1, true) => {
                self.say(Control::Hold(true));
                self.deciding.set(true);
                self.screen.borrow_mut().make_room();
                self.tell("\nNothing new starts. What now?");
                self.tell("  r  roll back, when what runs has ended");
                self.tell("  p  pause: `plan resume` goes on later");
                self.tell("  g  go on");
                self.tell(
                    "(Ctrl-C again: end what runs, and roll back; a third time: leave at once)",
                );
            }
            (1, false) => {
                self.tell("interrupted: pausing after what runs now");
                self.say(Control::Pause { by: owner::who() });
            }
            (2, _) => {
                self.deciding.set(false);
                self.screen.borrow_mut().take_room_back();
                self.tell("ending what runs, then rolling back (Ctrl-C again: leave at once)");
                self.say(Control::Hold(false));
                self.say(Control::Rollback { by: owner::who(), running_too: true });
            }
            _ => return true,
        }
        false
    }

    fn hung_up(&self) {
        self.screen.borrow_mut().gone();
        match self.on_disconnect {
            Some(OnDisconnect::Pause) => {
                self.say(Control::Pause { by: "the terminal went away".to_owned() });
            }
            Some(OnDisconnect::Rollback) => {
                let by = "the terminal went away".to_owned();
                self.say(Control::Rollback { by, running_too: false });
            }
            _ => {}
        }
        self.say(Control::Hold(false));
        self.say(Control::Unattended);
    }

    fn hear(&self, line: &str) {
        if self.deciding.get() {
            match line.chars().next().map(|c| c.to_ascii_lowercase()) {
                Some('r') => {
                    self.say(Control::Rollback { by: owner::who(), running_too: false });
                }
                Some('p') => self.say(Control::Pause { by: owner::who() }),
                Some('g') => {}
                _ => return self.tell("please type r, p or g, and Enter"),
            }
            self.deciding.set(false);
            self.interrupts.set(0);
            self.say(Control::Hold(false));
            self.screen.borrow_mut().take_room_back();
            return;
        }
        let Some(question) = self.open.borrow().front().cloned() else { return };
        let choice = self.answered.borrow_mut().take();
        if let Some(choice) = choice {
            // A path is meant from where `plan` was called, not from the plan's folder.
            let line = match question.evidence {
                Evidence::File => apply::called_from().join(line.trim()).display().to_string(),
                _ => line.to_owned(),
            };
            return match evidence::hand_in(question.evidence, Some(&line), &self.run_folder) {
                Ok(handed_in) => self.answer(&question, choice, handed_in),
                Err(why) => {
                    *self.answered.borrow_mut() = Some(choice);
                    self.tell(&format!("please, {why}"));
                }
            };
        }
        let low = line.to_lowercase();
        let fits: Vec<_> = question
            .choices
            .iter()
            .filter(|choice| !low.is_empty() && choice.to_lowercase().starts_with(&low))
            .filter(|choice| {
                !question.typed || question.choices.first() != Some(choice) || **choice == line
            })
            .collect();
        // One that is typed whole is meant, though it begins another one.
        let whole: Vec<_> = fits.iter().copied().filter(|one| one.to_lowercase() == low).collect();
        let fits = if whole.len() == 1 { whole } else { fits };
        match fits.as_slice() {
            [choice]
                if question.evidence != Evidence::None
                    && question.choices.first() == Some(choice) =>
            {
                *self.answered.borrow_mut() = Some((*choice).clone());
                self.tell(match question.evidence {
                    Evidence::File => {
                        "and the path of the file that shows it? (kept with the answer)"
                    }
                    _ => "and what did you see or do? (kept with the answer)",
                });
            }
            [choice] => self.answer(&question, (*choice).clone(), None),
            _ => self.tell(&format!("please type one of: {}", question.choices.join(", "))),
        }
    }

    fn answer(&self, question: &Question, choice: String, evidence: Option<String>) {
        self.open.borrow_mut().pop_front();
        let holds = question.choices.first() == Some(&choice);
        let answer = Answer { choice, holds, by: owner::who(), evidence };
        self.say(Control::Answer { entry: question.entry, question: question.number, answer });
        self.next();
    }

    fn put(&self, question: Question) {
        if !self.attended {
            return;
        }
        self.open.borrow_mut().push_back(question);
        if self.open.borrow().len() == 1 {
            self.show_front();
        }
    }

    fn show_front(&self) {
        let open = self.open.borrow();
        let Some(question) = open.front() else { return };
        let mut screen = self.screen.borrow_mut();
        screen.make_room();
        let role = question.role.as_ref().map_or(String::new(), |role| format!(" ({role})"));
        screen.tell(&format!("\n? {}{role}", question.text.trim_end()));
        screen.tell(&format!("  type one of: {}", question.choices.join(", ")));
    }

    fn next(&self) {
        if self.open.borrow().is_empty() {
            self.screen.borrow_mut().take_room_back();
        } else {
            self.show_front();
        }
    }

    /// Answered from another terminal: the next one is put.
    fn forget(&self, entry: usize, question: usize) {
        let is_it = |one: &Question| one.entry == entry && one.number == question;
        let was_put = self.open.borrow().front().is_some_and(is_it);
        self.open.borrow_mut().retain(|one| !is_it(one));
        if was_put {
            self.answered.take();
        }
        if was_put && !self.deciding.get() {
            self.tell("(nobody waits for this answer any more)");
            self.next();
        }
    }
}
