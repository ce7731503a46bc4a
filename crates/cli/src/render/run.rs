//! A run while it goes on, and in the end. One file for each way to show it; the words are here.

pub mod bars;
pub mod json;
pub mod lines;
pub mod summary;

use std::path::Path;
use std::time::Duration;

use plan_executor::clock::Moment;
use plan_executor::course::Course;
use plan_executor::engine::Scene;
use plan_executor::event::{Event, Pause, Record, Then};
use plan_executor::outline::Undo;
use plan_executor::printed::tail;
use plan_executor::state::RunState;
use plan_model::notation::Spoken;

use crate::args::OutputFormat;
use crate::render::graph::counted;
use crate::terminal::Terminal;
use crate::theme::{self, paint};

/// Where a run is shown.
pub enum Screen<'t> {
    Bars(Box<bars::Bars<'t>>),
    Lines(lines::Lines<'t>),
    Json(json::Json<'t>),
}

impl<'t> Screen<'t> {
    pub fn new(output: OutputFormat, terminal: &'t mut Terminal) -> Screen<'t> {
        match output {
            OutputFormat::Json => Screen::Json(json::Json { terminal }),
            OutputFormat::Lines => Screen::Lines(lines::Lines::new(terminal)),
            OutputFormat::Bars => Screen::Bars(Box::new(bars::Bars::new(terminal))),
            OutputFormat::Auto if Terminal::can_draw() => {
                Screen::Bars(Box::new(bars::Bars::new(terminal)))
            }
            OutputFormat::Auto => Screen::Lines(lines::Lines::new(terminal)),
        }
    }

    pub fn hear(&mut self, record: &Record, course: &Course, scene: &Scene<'_>) {
        match self {
            Screen::Bars(bars) => bars.hear(record, course, scene),
            Screen::Lines(lines) => lines.hear(record, course, scene),
            Screen::Json(json) => json.hear(record, scene.run),
        }
    }

    pub fn tick(&mut self, course: &Course, scene: &Scene<'_>, now: Moment) {
        match self {
            Screen::Bars(bars) => bars.tick(course, scene, now),
            Screen::Lines(lines) => lines.tick(course, scene, now),
            Screen::Json(_) => {}
        }
    }

    /// Something for a person that is no event.
    pub fn tell(&mut self, text: &str) {
        match self {
            Screen::Bars(bars) => bars.print(text),
            Screen::Lines(lines) => lines.terminal.tell(text),
            Screen::Json(json) => json.terminal.tell(text),
        }
    }

    /// Somebody is going to type: nothing may be drawn over it.
    pub fn make_room(&mut self) {
        if let Screen::Bars(bars) = self {
            bars.hide();
        }
    }

    pub fn take_room_back(&mut self) {
        if let Screen::Bars(bars) = self {
            bars.show();
        }
    }

    /// The terminal went away.
    pub fn gone(&mut self) {
        if let Screen::Bars(bars) = self {
            bars.hide();
        }
    }

    pub fn end(&mut self) {
        if let Screen::Bars(bars) = self {
            bars.end();
        }
    }

    pub fn terminal(&mut self) -> &mut Terminal {
        match self {
            Screen::Bars(bars) => bars.terminal,
            Screen::Lines(lines) => lines.terminal,
            Screen::Json(json) => json.terminal,
        }
    }

    pub fn is_json(&self) -> bool {
        matches!(self, Screen::Json(_))
    }
}

/// Hours, minutes and seconds where the operator is.
pub fn clock_time(moment: Moment) -> String {
    moment.timestamp().to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
}

pub fn date_time(moment: Moment) -> String {
    let zoned = moment.timestamp().to_zoned(jiff::tz::TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// For who may read it elsewhere.
pub fn date_time_zone(moment: Moment) -> String {
    let zoned = moment.timestamp().to_zoned(jiff::tz::TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

pub fn hour_minute(moment: Moment) -> String {
    moment.timestamp().to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M").to_string()
}

/// A time as a person says it: short ones to a tenth, long ones to the second.
pub fn spoken(time: Duration) -> String {
    if time < Duration::from_secs(10) {
        return format!("{:.1}s", time.as_secs_f64());
    }
    Spoken(Duration::from_secs(time.as_secs())).to_string()
}

/// What happened, in one line and more where there is more to say; `None` for what only machines want.
pub fn words(record: &Record, course: &Course, scene: &Scene<'_>) -> Option<String> {
    let in_brackets = |time: Option<Duration>| {
        time.map(|time| paint(theme::FAINT, &format!(" ({})", spoken(time)))).unwrap_or_default()
    };
    let took = |id: &str| in_brackets(course.outline.find(id).and_then(|at| course.took(at)));
    let undo_took =
        |id: &str| in_brackets(course.outline.find(id).and_then(|at| course.undo_took(at)));
    let good = |text: &str| paint(theme::GOOD, text);
    let bad = |text: &str| paint(theme::BAD, text);
    let warn = |text: &str| paint(theme::WARN, text);
    let is_checkpoint =
        |id: &str| course.outline.find(id).is_some_and(|at| course.outline.items[at].is_checkpoint);
    Some(match &record.event {
        Event::RunStarted(started) => {
            let environment =
                started.environment.as_ref().map_or(String::new(), |name| format!(" in {name}"));
            format!(
                "{} {}{environment}: {}, up to {} at once, by {} at {}",
                paint(theme::STRONG, scene.run),
                "begins",
                if started.entries == 1 {
                    "1 entry".to_owned()
                } else {
                    format!("{} entries", started.entries)
                },
                started.jobs,
                started.by,
                started.host
            )
        }
        Event::StateRecorded { state } => {
            let count = state.as_object().map_or(0, serde_json::Map::len);
            format!("the state was recorded: {} to come back to", counted(count, "thing"))
        }
        Event::Started { entry, attempt } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            match (is_checkpoint(entry), no_way_back(entry, course)) {
                (true, _) => format!("{entry}: asking{again}"),
                (false, None) => format!("{entry}: started{again}"),
                (false, Some(why)) => format!(
                    "{entry}: started{again}; {} {why}",
                    warn("from here on there is no way back:")
                ),
            }
        }
        Event::Done { entry, outputs } => {
            let warning = outputs.get("warning").and_then(|text| text.as_str());
            match (warning, is_checkpoint(entry)) {
                (Some(text), _) => format!("{entry}: {} {text}", warn("warning:")),
                (None, true) => format!("{entry}: {}{}", good("holds"), took(entry)),
                (None, false) => format!("{entry}: {}{}", good("done"), took(entry)),
            }
        }
        Event::Failed { entry, failure, then } => {
            let leads = match then {
                Then::RetryAt(moment) => {
                    let wait = moment.since(record.at);
                    format!("tried again in {}", spoken(wait))
                }
                Then::Continue => "the run goes on without it".to_owned(),
                Then::Pause => "the run pauses".to_owned(),
                Then::Rollback => "rolling back".to_owned(),
                Then::RollbackTo(to) => format!("rolling back to {to}"),
            };
            let text = failure.text.trim_end().replace('\n', "\n    ");
            format!("{entry}: {}{}\n    {text}\n    → {leads}", bad("failed"), took(entry))
        }
        Event::Skipped { entry, why, by } => {
            let by = by.as_ref().map_or(String::new(), |by| format!(" ({by})"));
            format!("{entry}: {} {why}{by}", warn("skipped:"))
        }
        Event::Tripped { phase, failure, .. } => {
            format!("{phase}: {}\n    {}", bad("its watch tripped"), failure.text)
        }
        Event::Interrupted { entry, why } => {
            let why = why.as_deref().unwrap_or("looking what became of it");
            format!("{entry}: {} {why}", warn("was interrupted:"))
        }
        Event::FoundDone { entry, how, .. } => format!("{entry}: {}, {how}", good("was done")),
        Event::FoundUndone { entry, how, .. } => format!("{entry}: runs again, {how}"),
        Event::Asking { entry, text, .. } => {
            format!("{entry}: {} {}", warn("waits for a person:"), text.trim_end())
        }
        Event::Answered { entry, answer, .. } => {
            format!("{entry}: {} answered {}", answer.by, answer.choice)
        }
        Event::RollbackAsked { by, .. } => format!("{by} asked for a rollback"),
        Event::RollbackBegan { why, to, .. } => {
            let to = to.as_ref().map_or(String::new(), |to| format!(" to {to}"));
            let count = course.to_undo().len();
            let why = why.trim_end().replace('\n', "\n    ");
            format!("{}{to}: {why}\n    {count} to undo", bad("rolling back"))
        }
        Event::UndoStarted { entry, attempt, .. } => {
            let before = course.outline.find(entry).map_or(0, |at| course.entry(at).undo_before);
            let tries = attempt.saturating_sub(before);
            let again = if tries > 1 { format!(", attempt {tries}") } else { String::new() };
            format!("{entry}: undoing{again}")
        }
        Event::UndoDone { entry, part } => {
            let parts =
                course.outline.find(entry).map_or(1, |at| course.outline.items[at].undo.parts());
            if part + 1 < parts {
                format!("{entry}: undone {} of {parts}", part + 1)
            } else {
                format!("{entry}: {}{}", good("undone"), undo_took(entry))
            }
        }
        Event::UndoFailed { entry, failure, retry_at, .. } => {
            let text = failure.text.trim_end().replace('\n', "\n    ");
            let leads = match retry_at {
                Some(_) => "tried again",
                None => "what it needs stays as it is; a person is needed",
            };
            format!("{entry}: {}\n    {text}\n    → {leads}", bad("undoing failed"))
        }
        Event::UndoInterrupted { entry, why, retry_at, .. } => {
            let why = why.as_deref().unwrap_or("nobody can tell whether it was done");
            let leads = if retry_at.is_some() { "; it is looked for again" } else { "" };
            format!("{entry}: {} {why}{leads}", bad("undoing was interrupted:"))
        }
        Event::UndoSettled { entry, by, why } => {
            format!("{entry}: taken for undone by {by}: {why}")
        }
        Event::StateCompared { differences } if differences.is_empty() => {
            good("the state is the one before the run")
        }
        Event::StateCompared { differences } => {
            let lines: Vec<_> = differences.iter().map(|line| format!("\n    {line}")).collect();
            format!("{}{}", bad("the state differs from the one before the run:"), lines.concat())
        }
        Event::PauseAsked { by } => format!("pausing after what runs now ({by})"),
        Event::Paused { why } => format!("{}: {}", warn("paused"), pause(why)),
        Event::Resumed { by } => format!("goes on, by {by}"),
        Event::WindowExtended { by, why, until } => {
            format!("the window lasts until {} now ({by}: {why})", hour_minute(*until))
        }
        Event::Ended { ending } => match ending {
            RunState::Succeeded => good("succeeded"),
            RunState::RolledBack => warn("rolled back"),
            other => bad(other.word()),
        },
    })
}

/// Why a step cannot be undone, if so.
pub fn no_way_back(entry: &str, course: &Course) -> Option<String> {
    match &course.outline.items[course.outline.find(entry)?].undo {
        Undo::Irreversible(why) => Some(why.to_string()),
        _ => None,
    }
}

/// How far a step says that it is, by its own words or file.
pub fn progress(scene: &Scene<'_>, at: usize, log: &Path) -> Option<String> {
    let progress = scene.plan.entry(at).step()?.progress.as_ref()?;
    if let Some(file) = &progress.file {
        let text = std::fs::read_to_string(&file.value).ok()?;
        let share: f64 = text.trim().trim_end_matches('%').parse().ok()?;
        return Some(format!("{share:.0}%"));
    }
    let pattern = regex::Regex::new(&progress.line.as_ref()?.value).ok()?;
    let text = tail(log, 16 << 10)?;
    let found = pattern.captures_iter(&text).last()?;
    match (found.get(1), found.get(2)) {
        (Some(done), Some(total)) => Some(format!("{} of {}", done.as_str(), total.as_str())),
        (Some(share), None) => Some(format!("{}%", share.as_str().trim_end_matches('%'))),
        _ => None,
    }
}

/// Why a run pauses, in words for people.
pub fn pause(why: &Pause) -> String {
    let join = |entries: &[plan_executor::event::EntryId]| {
        entries.iter().map(|id| id.to_string()).collect::<Vec<_>>().join(", ")
    };
    match why {
        Pause::Asked { by } => format!("{by} asked for it"),
        Pause::Failed { entry } => format!("{entry} failed, and a person is to decide"),
        Pause::InDoubt { entries } => {
            format!("{} was interrupted, and nobody can tell whether it was done", join(entries))
        }
        Pause::Questions { entries } => format!("{} waits for an answer", join(entries)),
        Pause::AtCheckpoint { entry } => format!("back at {entry}"),
        Pause::AtIrreversible { entries } => {
            format!("{} cannot be undone; what ran before it stays", join(entries))
        }
        Pause::WindowTooShort => {
            "what comes next would leave no time to turn back within the window".to_owned()
        }
    }
}
