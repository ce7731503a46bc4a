//! A plan that runs by itself: one file per kind of clock.

pub mod cron;
pub mod systemd;

use std::path::PathBuf;

/// What is run, and when.
pub struct Job {
    pub name: String,
    pub title: Option<String>,
    pub environment: Option<String>,
    /// Five fields.
    pub cron: String,
    pub zone: Option<String>,
    /// This program, by its whole path: a clock has a poor PATH.
    pub program: PathBuf,
    /// Where it was called: paths of the plan begin there.
    pub folder: PathBuf,
    pub store: PathBuf,
    pub arguments: Vec<String>,
    /// Variables that inputs come from.
    pub variables: Vec<String>,
}

impl Job {
    fn called(&self) -> String {
        let place = self.environment.as_ref().map_or(String::new(), |name| format!(" in {name}"));
        match &self.title {
            Some(title) => plain(&format!("{}{place}: {}", self.name, title.trim())),
            None => format!("{}{place}", self.name),
        }
    }

    /// As one word, for names of units and logs.
    fn word(&self) -> String {
        let place = self.environment.as_ref().map_or(String::new(), |name| format!("-{name}"));
        format!("plan-{}{place}", self.name)
    }
}

/// A text on one line, for a comment.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
