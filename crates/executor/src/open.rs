//! What a person does when the run is over (`due:`): open until somebody says that it is done. It lies beside
//! the journal, which is closed with the run.

use std::path::Path;

use plan_model::model::check::Evidence;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::course::Course;
use crate::event::Failure;
use crate::lines;
use crate::state::{RunState, StepState};
use crate::world::error;

/// A question that did not hold the run up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub entry: String,
    pub question: usize,
    pub text: String,
    pub role: Option<String>,
    pub choices: Vec<String>,
    /// What is handed in: none, text, file.
    pub evidence: String,
    /// How many people must say so.
    pub people: usize,
    pub until: Moment,
}

/// What somebody said to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
    pub at: Moment,
    pub by: String,
    pub entry: String,
    pub question: usize,
    pub choice: String,
    pub holds: bool,
    pub evidence: Option<String>,
}

const OPEN: &str = "open.jsonl";
const LATER: &str = "later.jsonl";

impl Open {
    pub fn evidence(&self) -> Evidence {
        [Evidence::Text, Evidence::File]
            .into_iter()
            .find(|evidence| evidence.word() == self.evidence)
            .unwrap_or(Evidence::None)
    }
}

pub fn put(folder: &Path, open: &Open) -> Result<(), Failure> {
    add(&folder.join(OPEN), open)
}

pub fn answer(folder: &Path, later: &Later) -> Result<(), Failure> {
    add(&folder.join(LATER), later)
}

fn add(path: &Path, line: &impl Serialize) -> Result<(), Failure> {
    lines::add(path, line).map_err(|problem| error(format!("{}: {problem}", path.display())))
}

/// Each question that did not hold the run up, as it was put last.
pub fn put_to(folder: &Path) -> Vec<Open> {
    let mut open: Vec<Open> = Vec::new();
    for one in lines::all::<Open>(&folder.join(OPEN)) {
        open.retain(|other| (&other.entry, other.question) != (&one.entry, one.question));
        open.push(one);
    }
    open
}

/// What was said later, in this order.
pub fn answered(folder: &Path) -> Vec<Later> {
    lines::all(&folder.join(LATER))
}

/// What nobody, or not enough people, said anything to; of what was undone nothing is open.
pub fn all(folder: &Path, course: &Course) -> Vec<Open> {
    if !matches!(course.state(), RunState::Running | RunState::Paused | RunState::Succeeded) {
        return Vec::new();
    }
    let later = answered(folder);
    let mut open = put_to(folder);
    open.retain(|one| {
        let at = course.outline.find(&one.entry);
        let own =
            later.iter().filter(|said| (&said.entry, said.question) == (&one.entry, one.question));
        let (mut people, mut declined) = (Vec::new(), false);
        for said in own {
            declined |= !said.holds;
            if !people.contains(&&said.by) {
                people.push(&said.by);
            }
        }
        at.is_some_and(|at| course.entry(at).state == StepState::Done)
            && !declined
            && people.len() < one.people
    });
    open
}
