//! `manual`: something that a person does; who and when is kept.

use std::time::Duration;

use plan_model::model::action::manual::Manual;
use plan_model::model::check::Evidence;
use plan_model::model::plan::Surroundings;
use plan_model::notation::Spoken;
use serde_json::Value as Json;

use super::{About, Act, Found, Perform, again};
use crate::event::{Answer, Failure, FailureKind, Outputs};
use crate::open::{self, Open};
use crate::world::{Broken, Job};

/// A question that is put until enough people have answered.
pub struct Put {
    pub number: usize,
    pub text: String,
    pub choices: Vec<String>,
    pub role: Option<String>,
    pub evidence: Evidence,
    pub people: usize,
    /// The first choice is typed out, and never taken for granted.
    pub typed: bool,
    /// It may be answered when the run is over.
    pub due: Option<Duration>,
}

/// What a question ends with that one person has answered, and another one must.
pub const SECOND: &str = " (a second person)";

pub const ABOUT: About = About {
    key: "manual",
    verified: "who answered, what, when, and what was handed in",
    undone: "none: `rollback:`",
    after_crash: "the person is asked again; what was answered counts",
    tests: &["tests/run/people.rs"],
};

impl Perform for Manual {
    fn perform<'a>(
        &'a self,
        job: &'a Job,
        _: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let fill = job.filler();
            let mut question = Put {
                number: 0,
                text: fill.of(self.text())?,
                choices: vec!["done".to_owned(), "not possible".to_owned()],
                role: None,
                evidence: Evidence::None,
                people: 1,
                typed: false,
                due: None,
            };
            if let Manual::Full(keys) = self {
                let choices = keys.choices.iter().flatten().map(|choice| fill.of(choice));
                let choices = choices.collect::<Result<Vec<_>, Failure>>()?;
                if !choices.is_empty() {
                    question.choices = choices;
                }
                question.role = fill.optional(keys.role.as_ref())?;
                question.evidence = keys.evidence.unwrap_or(Evidence::None);
                question.people = if fill.flag(keys.two_people.as_ref(), false)? { 2 } else { 1 };
                question.due = fill.optional_time(keys.due.as_ref())?;
            }
            let answers = put(job, question).await?;
            let last = answers.last().expect("somebody answered");
            if !last.holds {
                let text = format!("{} answered {}", last.by, last.choice);
                return Err(Failure::new(FailureKind::Declined, text).into());
            }
            let mut outputs = Outputs::new();
            outputs.insert("answer".to_owned(), Json::from(last.choice.clone()));
            let people: Vec<_> = answers.iter().map(|answer| answer.by.as_str()).collect();
            outputs.insert("by".to_owned(), Json::from(people.join(", ")));
            let evidence = last.evidence.clone().unwrap_or_default();
            outputs.insert("evidence".to_owned(), Json::from(evidence));
            Ok(outputs)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("the person is asked again")
    }
}

/// Puts a question; what was answered before counts. A no ends it at once.
pub async fn put(job: &Job, question: Put) -> Result<Vec<Answer>, Broken> {
    if let Some(due) = question.due {
        let text = question.text.trim_end();
        let open = Open {
            entry: job.entry_id().to_owned(),
            question: job.first_question + question.number,
            text: job.world.cover.text(text),
            role: question.role,
            choices: question.choices,
            evidence: question.evidence.word().to_owned(),
            people: question.people,
            until: job.world.clock.now().plus(due),
        };
        open::put(&job.world.folder, &open)?;
        job.say(&format!("open for {}: {text}", Spoken(due)));
        let by = "nobody yet".to_owned();
        return Ok(vec![Answer { choice: "open".to_owned(), holds: true, by, evidence: None }]);
    }
    let mut answers: Vec<Answer> = Vec::new();
    let before = job.answers.get(question.number).cloned().unwrap_or_default();
    let mut before = before.into_iter();
    loop {
        let answer = match before.next() {
            Some(answer) => answer,
            None => {
                let text = match answers.is_empty() {
                    true => question.text.clone(),
                    false => format!("{}{SECOND}", question.text.trim_end()),
                };
                job.ask(
                    question.number,
                    text,
                    question.choices.clone(),
                    question.role.clone(),
                    question.evidence,
                    question.typed,
                )
                .await?
            }
        };
        if question.typed && !question.choices.contains(&answer.choice) {
            continue;
        }
        // What must be handed in is no answer without it.
        if answer.holds && question.evidence != Evidence::None && answer.evidence.is_none() {
            continue;
        }
        // The same person twice is one person.
        answers.retain(|other| other.by != answer.by);
        let holds = answer.holds;
        answers.push(answer);
        if !holds || answers.len() >= question.people {
            return Ok(answers);
        }
    }
}
