//! Bars on a terminal: what has happened scrolls by above, what goes on stays below.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use plan_executor::clock::Moment;
use plan_executor::course::Course;
use plan_executor::engine::{Scene, program_id, undo_id};
use plan_executor::event::{Event, Record};
use plan_executor::guard::way_back;
use plan_executor::printed::last_line;
use plan_executor::state::{RunState, StepState};

use super::{clock_time, hour_minute, no_way_back, progress, spoken, words};
use crate::render::columns::seen;
use crate::terminal::Terminal;
use crate::theme::{self, paint};

/// More that runs at once is counted, not drawn.
const DRAWN: usize = 6;

pub struct Bars<'t> {
    pub terminal: &'t mut Terminal,
    multi: MultiProgress,
    rows: Vec<ProgressBar>,
    whole: ProgressBar,
    hidden: bool,
    gone: bool,
}

impl<'t> Bars<'t> {
    pub fn new(terminal: &'t mut Terminal) -> Bars<'t> {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let whole = multi.add(ProgressBar::new(1));
        whole.set_style(
            ProgressStyle::with_template("{msg}\n{prefix} {bar:24} {pos}/{len}")
                .expect("a template of ours")
                .progress_chars("━━─"),
        );
        Bars { terminal, multi, rows: Vec::new(), whole, hidden: false, gone: false }
    }

    pub fn hear(&mut self, record: &Record, course: &Course, scene: &Scene<'_>) {
        // What starts is seen below; what has ended is worth a line.
        let is_seen_below = match &record.event {
            Event::Started { entry, attempt } => {
                *attempt == 1 && no_way_back(entry, course).is_none()
            }
            Event::UndoStarted { entry, attempt, .. } => course
                .outline
                .find(entry)
                .is_some_and(|at| *attempt <= course.entry(at).undo_before + 1),
            Event::Asking { .. } => true,
            _ => false,
        };
        if !is_seen_below && let Some(words) = words(record, course, scene) {
            let line = format!("{} {words}", paint(theme::FAINT, &clock_time(record.at)));
            self.print(&line);
        }
    }

    pub fn print(&mut self, text: &str) {
        if self.gone {
            return;
        }
        if self.hidden {
            self.terminal.tell(text);
        } else {
            let text = self.terminal.styled(text);
            let _ = self.multi.println(text);
        }
    }

    pub fn tick(&mut self, course: &Course, scene: &Scene<'_>, now: Moment) {
        if self.hidden || self.gone {
            return;
        }
        let width = Terminal::columns();
        let at_work: Vec<usize> = course.running().chain(course.undoing()).collect();
        let drawn = at_work.len().min(DRAWN);
        while self.rows.len() > drawn {
            let row = self.rows.pop().expect("there is one");
            row.finish_and_clear();
            self.multi.remove(&row);
        }
        while self.rows.len() < drawn {
            let row = self.multi.insert_before(&self.whole, ProgressBar::new_spinner());
            row.set_style(
                ProgressStyle::with_template("{spinner} {msg}").expect("a template of ours"),
            );
            self.rows.push(row);
        }
        for (row, at) in self.rows.iter().zip(&at_work) {
            row.set_message(self.terminal.styled(&line(course, scene, *at, now, width - 3)));
            row.tick();
        }
        let more = at_work.len() - drawn;
        let ended = |state: StepState| match course.is_going_back() {
            false => matches!(state, StepState::Done | StepState::Skipped | StepState::Failed),
            true => state == StepState::RolledBack,
        };
        let total = match course.is_going_back() {
            false => course.entries().len(),
            true => {
                let undone = course.entries().iter().filter(|entry| ended(entry.state)).count();
                undone + course.to_undo().len()
            }
        };
        let done = course.entries().iter().filter(|entry| ended(entry.state)).count();
        self.whole.set_length(total as u64);
        self.whole.set_position(done as u64);
        self.whole.set_prefix(if course.is_going_back() { "undone" } else { "done  " });
        self.whole.set_message(packed(&times(course, scene, now, more), width));
        self.whole.tick();
    }

    pub fn hide(&mut self) {
        if !self.hidden {
            self.hidden = true;
            let _ = self.multi.clear();
            self.multi.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    pub fn show(&mut self) {
        if self.hidden && !self.gone {
            self.hidden = false;
            self.multi.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
    }

    pub fn end(&mut self) {
        for row in self.rows.drain(..) {
            row.finish_and_clear();
        }
        self.whole.finish_and_clear();
        let _ = self.multi.clear();
        self.hide();
    }
}

/// One line for what runs: how long, of how long, and the last thing that it said.
fn line(course: &Course, scene: &Scene<'_>, at: usize, now: Moment, width: usize) -> String {
    let (item, entry) = (&course.outline.items[at], course.entry(at));
    let going_back = course.is_going_back();
    let started = if going_back { entry.undo_started } else { entry.started };
    let elapsed = started.map_or(Duration::ZERO, |started| now.since(started));
    let whole = if going_back { item.undo_takes } else { item.takes };
    let id = match going_back {
        true => undo_id(&item.id, entry.undone_parts, entry.undo_attempt),
        false => program_id(&item.id, entry.attempt),
    };
    let logs = scene.folder.join("logs");
    let said = last_line(&logs.join(format!("{id}.log")))
        .or_else(|| last_line(&logs.join(format!("{id}.err"))));
    let verb = match (going_back, item.is_checkpoint) {
        (true, _) => "undoing ",
        (false, true) => "asking ",
        (false, false) => "",
    };
    let of = match whole.is_zero() {
        true => String::new(),
        false => format!(" of {}", spoken(whole)),
    };
    let mut text = format!("{verb}{}  {}{of}", item.id, spoken(elapsed));
    if let Some(far) = progress(scene, at, &logs.join(format!("{id}.log"))) {
        text += &format!("  {far}");
    }
    if let Some(said) = said {
        text += &format!("  {said}");
    }
    cut(&text, width)
}

/// How long it still takes, and until when one can turn back.
fn times(course: &Course, scene: &Scene<'_>, now: Moment, more: usize) -> Vec<String> {
    let mut parts = Vec::new();
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    match course.state() {
        RunState::Running => {
            let left = time_left(course, now);
            let opens = scene.guard.map(|guard| guard.opens).filter(|opens| now < *opens);
            if !left.is_zero() && opens.is_none() {
                let done = now.plus(left);
                let clock = scene.guard.map(|guard| guard.clock(done));
                let clock = clock.unwrap_or_else(|| hour_minute(done));
                parts.push(format!("done by about {clock}"));
            }
            let back = way_back(course);
            if !back.is_zero() {
                parts.push(format!("way back {}", spoken(back)));
            }
        }
        RunState::RollingBack => {
            parts.push(format!("back in about {}", spoken(way_back(course))));
        }
        _ => {}
    }
    if let Some(guard) = scene.guard {
        if now < guard.opens {
            let (opens, left) = (guard.clock(guard.opens), spoken(guard.opens.since(now)));
            parts.push(format!("the window opens at {opens}, in {left}"));
        } else {
            parts.push(format!("turn back by {}", guard.clock(guard.turn_back_by(course))));
            parts.push(format!("window closes {}", guard.clock(guard.closes(course))));
        }
    }
    parts
}

/// As many beside each other as a line holds: none of them is lost in a narrow terminal.
fn packed(parts: &[String], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut().filter(|line| seen(line) + 3 + seen(part) < width) {
            Some(line) => *line += &format!(" · {part}"),
            None => lines.push(part.clone()),
        }
    }
    lines.iter().map(|line| cut(line, width)).collect::<Vec<_>>().join("\n")
}

/// The longest way from here to the end, at worst.
fn time_left(course: &Course, now: Moment) -> Duration {
    let of = |at: usize| {
        let item = &course.outline.items[at];
        let entry = course.entry(at);
        match entry.state {
            StepState::Running => {
                let elapsed = entry.started.map_or(Duration::ZERO, |started| now.since(started));
                item.to_end.saturating_sub(elapsed.min(item.takes))
            }
            StepState::Ready => item.to_end,
            _ => Duration::ZERO,
        }
    };
    (0..course.entries().len()).map(of).max().unwrap_or_default()
}

/// As much of a text as a line of the terminal holds.
fn cut(text: &str, width: usize) -> String {
    use unicode_width::UnicodeWidthChar;
    let mut used = 0;
    let mut out = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width.saturating_sub(1) {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_loses_no_time() {
        let parts =
            ["done by about 03:10", "way back 20 min", "turn back by 03:41 (Africa/Porto-Novo)"];
        let parts: Vec<String> = parts.map(str::to_owned).to_vec();
        let all = "done by about 03:10 · way back 20 min · turn back by 03:41 (Africa/Porto-Novo)";
        assert_eq!(packed(&parts, 100), all);
        let two = "done by about 03:10 · way back 20 min\nturn back by 03:41 (Africa/Porto-Novo)";
        assert_eq!(packed(&parts, 60), two);
        let three = "done by about 03:10\nway back 20 min\nturn back by 03:41 …";
        assert_eq!(packed(&parts, 20), three);
    }
}
