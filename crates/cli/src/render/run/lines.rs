//! One dated line for each thing that happens: for pipes, logs and screen readers.

use plan_executor::course::Course;
use plan_executor::engine::Scene;
use plan_executor::event::Record;

use super::{date_time, words};
use crate::terminal::Terminal;

pub struct Lines<'t> {
    pub terminal: &'t mut Terminal,
}

impl Lines<'_> {
    pub fn hear(&mut self, record: &Record, course: &Course, scene: &Scene<'_>) {
        if let Some(words) = words(record, course, scene) {
            self.terminal.line(&format!("{} {words}", date_time(record.at)));
            self.terminal.now();
        }
    }
}
