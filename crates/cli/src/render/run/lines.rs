//! One dated line for each thing that happens: for pipes, logs and screen readers.

use plan_executor::clock::Moment;
use plan_executor::course::Course;
use plan_executor::engine::Scene;
use plan_executor::event::Record;

use super::{date_time, spoken, words};
use crate::terminal::Terminal;

pub struct Lines<'t> {
    pub terminal: &'t mut Terminal,
    /// That the window is waited for is said once.
    waits: bool,
}

impl<'t> Lines<'t> {
    pub fn new(terminal: &'t mut Terminal) -> Lines<'t> {
        Lines { terminal, waits: false }
    }

    pub fn hear(&mut self, record: &Record, course: &Course, scene: &Scene<'_>) {
        if let Some(words) = words(record, course, scene) {
            self.line(record.at, &words);
        }
    }

    pub fn tick(&mut self, course: &Course, scene: &Scene<'_>, now: Moment) {
        if self.waits {
            return;
        }
        if let Some(guard) = scene.guard.filter(|guard| guard.holds_back(course, now)) {
            self.waits = true;
            let (opens, left) = (guard.clock(guard.opens), spoken(guard.opens.since(now)));
            self.line(now, &format!("waiting for the window, which opens at {opens}, in {left}"));
        }
    }

    fn line(&mut self, at: Moment, words: &str) {
        self.terminal.line(&format!("{} {words}", date_time(at)));
        self.terminal.now();
    }
}
