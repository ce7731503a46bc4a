//! The times of a plan as tables of 80 columns. Colour repeats what the words say.

use std::fmt::Write;
use std::time::Duration;

use anstyle::Style;
use plan_model::estimate::chances::DISTRIBUTION;
use plan_model::estimate::{
    CheckpointTime, Estimates, Percentiles, Place, Side, Slack, WindowTime, findings,
};
use plan_model::graph::CompiledPlan;
use plan_model::notation::{Opening, OpeningDay, Range, Spoken};

use super::name;
use crate::render::columns::{left, right, wrap};
use crate::theme::{self, paint};

const WIDTH: usize = 80;
/// More than anybody reads; the rest is counted, and in the JSON.
const SHOWN: usize = 20;
const NAMED: usize = 12;

pub fn text(plan: &CompiledPlan, estimates: &Estimates) -> String {
    let mut page = Page { plan, estimates, text: String::new() };
    page.title();
    page.phases();
    page.critical_path();
    page.checkpoints();
    page.verdict();
    page.not_counted();
    page.way();
    page.text
}

struct Page<'p> {
    plan: &'p CompiledPlan,
    estimates: &'p Estimates,
    text: String,
}

fn say(time: Duration) -> String {
    Spoken(time).to_string()
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.text += text.trim_end();
        self.text.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.text.push('\n');
        self.line(&paint(theme::STRONG, text.trim_end()));
    }

    fn note(&mut self, style: Style, text: &str) {
        self.line(&paint(style, &wrap(text, "  ", WIDTH)));
    }

    fn title(&mut self) {
        let plan = &self.plan.plan;
        let mut title = plan.file.plan.value.clone();
        if let Some(long) = &plan.file.title {
            let _ = write!(title, ": {}", long.value);
        }
        if let Some(environment) = &plan.environment {
            let _ = write!(title, " ({})", environment.environment.value);
        }
        self.line(&paint(theme::STRONG, &wrap(&title, "", WIDTH)));
    }

    fn phases(&mut self) {
        let Estimates { bounds, chances } = self.estimates;
        let columns = ["best", "p50", "p90", "worst", "window"];
        self.heading(&row("Phase", columns.map(str::to_owned)));
        for (at, time) in bounds.phases.iter().enumerate().take(SHOWN * 5) {
            let mut name = self.plan.plan.phases[at].id.clone();
            if time.uncounted > 0 {
                name += " +?";
            } else if time.spoken_for.is_some() {
                name += " *";
            }
            let share = match &bounds.window {
                Some(window) if time.in_window => share(time.takes.worst, window),
                _ => "-".to_owned(),
            };
            let line = row(&name, times(time.takes, chances.phases[at], share));
            self.line(&line);
        }
        let hidden = bounds.phases.len().saturating_sub(SHOWN * 5);
        if hidden > 0 {
            self.line(&format!("… and {hidden} more phases; `--format json` shows all"));
        }
        let total = row("In all", times(bounds.total, chances.total, String::new()));
        self.line(&paint(theme::STRONG, total.trim_end()));
        if let (Some(window), Some(inside)) = (&bounds.window, chances.inside) {
            let share = share(window.inside.worst, window);
            let line = row("Inside the window", times(window.inside, inside, share));
            self.line(&paint(theme::STRONG, &line));
        }
        if bounds.phases.iter().any(|time| time.uncounted > 0) {
            self.note(
                theme::WARN,
                "+? takes longer: some steps have no estimate and count nothing",
            );
        }
        if bounds.phases.iter().any(|time| time.spoken_for.is_some()) {
            self.note(theme::FAINT, "* by the phase's own estimate, as something in it has none");
        }
    }

    /// Where there are many stops, the longest are shown, in order.
    fn critical_path(&mut self) {
        let critical = &self.estimates.bounds.critical;
        let mut stops: Vec<_> = critical.iter().filter(|stop| !stop.takes.is_zero()).collect();
        if stops.is_empty() {
            return;
        }
        self.heading(&format!("{:>12}{:>12}  Critical path, worst case", "after", "takes"));
        let count = stops.len();
        let all: Duration = stops.iter().map(|stop| stop.takes).sum();
        stops.sort_by_key(|stop| (std::cmp::Reverse(stop.takes), stop.starts));
        stops.truncate(SHOWN);
        stops.sort_by_key(|stop| stop.starts);
        let shown: Duration = stops.iter().map(|stop| stop.takes).sum();
        for stop in stops {
            let mut what = name(self.plan, stop.place).to_owned();
            if let Place::Phase(_) = stop.place {
                what += " (the phase as a whole)";
            }
            if stop.queued {
                what += " (waits for a free place)";
            }
            self.line(&format!(
                "{}{}  {}",
                right(&say(stop.starts), 12),
                right(&say(stop.takes), 12),
                left(&what, WIDTH - 26)
            ));
        }
        if count > SHOWN {
            let rest = say(all.saturating_sub(shown));
            self.note(
                theme::FAINT,
                &format!("… and {} shorter ones, {rest} together", count - SHOWN),
            );
        }
    }

    fn checkpoints(&mut self) {
        let checkpoints = &self.estimates.bounds.checkpoints;
        if checkpoints.is_empty() {
            return;
        }
        let length = self.estimates.bounds.window.as_ref().and_then(|window| window.length);
        let columns = match length {
            Some(_) => ["there", "check", "back", "slack", "turn by"],
            None => ["after", "check", "back", "", ""],
        };
        self.heading(&checkpoint_row("Checkpoint, worst case", columns.map(str::to_owned)));
        for time in checkpoints.iter().take(SHOWN * 2) {
            let line = self.checkpoint(time, length.is_some());
            self.line(&line);
        }
        let hidden = checkpoints.len().saturating_sub(SHOWN * 2);
        if hidden > 0 {
            self.line(&format!("… and {hidden} more checkpoints; `--format json` shows all"));
        }
        if length.is_none() {
            return;
        }
        self.note(
            theme::FAINT,
            "there, turn by: after the opening; back: undoing all that may have run since the start",
        );
        if checkpoints.iter().any(|time| time.side == Some(Side::Before)) {
            self.note(
                theme::FAINT,
                "before: the window is not open yet, and turning back keeps nobody out",
            );
        }
    }

    fn checkpoint(&self, time: &CheckpointTime, windowed: bool) -> String {
        let mut name = self.plan.entry(time.entry).id.clone();
        if time.uncounted > 0 || time.back.unknown > 0 {
            name += " +?";
        }
        let back = say(time.back.takes);
        if !windowed {
            let columns = [say(time.reached), say(time.check), back, String::new(), String::new()];
            return checkpoint_row(&name, columns);
        }
        let there = match time.side {
            Some(Side::Before) => "before".to_owned(),
            _ => say(time.there),
        };
        let check = match time.side {
            Some(Side::Inside) => say(time.check),
            _ => "-".to_owned(),
        };
        let slack = match time.slack {
            None => "-".to_owned(),
            Some(Slack::Left(left)) => say(left),
            Some(Slack::Over(over)) => format!("{} short", say(over)),
        };
        let by = match (time.side, time.turn_back_by) {
            (Some(Side::Before) | None, _) => "-".to_owned(),
            (_, Some(by)) => say(by),
            (_, None) => "never".to_owned(),
        };
        let line = checkpoint_row(&name, [there, check, back, slack, by]);
        match time.slack {
            Some(Slack::Over(_)) => paint(theme::BAD, &line),
            _ => line,
        }
    }

    /// One sentence for whoever reads only one.
    fn verdict(&mut self) {
        let bounds = &self.estimates.bounds;
        let plan = self.plan;
        let Some(window) = &bounds.window else {
            if plan.plan.window.is_some() {
                self.text.push('\n');
                self.note(
                    theme::WARN,
                    "The plan has a window, but no phase with `maintenance: true` lies in it.",
                );
            }
            return;
        };
        self.text.push('\n');
        let Some(length) = window.length else {
            let reason = match &plan.plan.window {
                Some(_) => "How long the window lasts is not known before the run.",
                None => {
                    "The plan has no window to hold this against; `window:` or --env gives one."
                }
            };
            return self.note(theme::WARN, reason);
        };
        let mut problems = findings::window_too_short(plan, bounds);
        problems.extend(findings::rollback_time(plan, bounds).into_iter().take(1));
        for problem in &problems {
            self.note(theme::BAD, &format!("It does not fit: {}.", problem.message));
        }
        if problems.is_empty() {
            let message = self.it_fits(window, length);
            self.note(theme::GOOD, &message);
        }
        if let Some(message) = self.last_exit(window) {
            self.note(theme::STRONG, &message);
        }
    }

    fn it_fits(&self, window: &WindowTime, length: Duration) -> String {
        let left = match window.slack {
            Some(Slack::Left(left)) => left,
            _ => Duration::ZERO,
        };
        let inside = &self.estimates.bounds.phases[window.phases.clone()];
        let known = inside.iter().all(|time| time.uncounted == 0) && window.way_back.unknown == 0;
        format!(
            "{}: {} of the {} from {} on are left after the worst case and the way back from its \
             end.",
            if known { "It fits" } else { "As far as there are estimates, it fits" },
            say(left),
            say(length),
            self.opening(),
        )
    }

    fn last_exit(&self, window: &WindowTime) -> Option<String> {
        let moment = |by| format!("{} after the opening{}", say(by), self.clock(by));
        let Some(end) = window.way_back.only_to else {
            return window.turn_back_by.map(|by| {
                format!(
                    "Latest safe moment to turn back, once all has run: {}; the way back then takes {}.",
                    moment(by),
                    say(window.way_back.takes)
                )
            });
        };
        let checkpoints = self.estimates.bounds.checkpoints.iter();
        let last = checkpoints.rev().find(|time| time.entry < end && time.turn_back_by.is_some());
        let decide = last.map_or(String::new(), |time| {
            let by = time.turn_back_by.map_or(String::new(), |by| format!(", {}", moment(by)));
            format!(" Latest safe moment at `{}`{by}.", self.plan.entry(time.entry).id)
        });
        Some(format!("There is no way back past `{}`.{decide}", self.plan.entry(end).id))
    }

    fn opening(&self) -> String {
        let Some(window) = &self.plan.plan.window else { return "its opening".to_owned() };
        let zone =
            window.timezone.as_ref().map_or(String::new(), |zone| format!(" {}", zone.value));
        format!("{}{zone}", window.opens.value)
    }

    /// The clock at that moment, for a window whose clocks do not change meanwhile.
    fn clock(&self, after: Duration) -> String {
        let opens =
            self.plan.plan.window.as_ref().and_then(|window| Opening::parse(&window.opens.value));
        let Some(Opening { day, hour, minute }) = opens else { return String::new() };
        let opened = u64::from(hour.unsigned_abs()) * 60 + u64::from(minute.unsigned_abs());
        let minutes = opened + after.as_secs() / 60;
        let (days, hour, minute) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
        let day = match (days, day) {
            (0, _) => String::new(),
            (1, OpeningDay::EveryDay | OpeningDay::Weekly(_) | OpeningDay::Once { .. }) => {
                " the next day".to_owned()
            }
            (days, _) => format!(" {days} days later"),
        };
        format!(", at {hour:02}:{minute:02}{day}")
    }

    fn not_counted(&mut self) {
        let bounds = &self.estimates.bounds;
        let plan = self.plan;
        let id = |at: &usize| plan.entry(*at).id.as_str();
        let uncounted: Vec<_> = bounds
            .without
            .iter()
            .filter(|at| bounds.phases[plan.entry(**at).phase].spoken_for.is_none())
            .map(id)
            .collect();
        let people: Vec<String> = plan
            .entries()
            .iter()
            .zip(&bounds.entries)
            .filter_map(|(entry, time)| {
                let is_said = entry.checkpoint().is_some_and(|one| one.estimate.is_some());
                let takes = match time.people?.takes {
                    Some(range) => range.to_string(),
                    None if is_said => "within its estimate".to_owned(),
                    None => "no time given".to_owned(),
                };
                Some(format!("{} ({takes})", entry.id))
            })
            .collect();
        if !uncounted.is_empty() {
            self.heading("Without an estimate, counted as nothing");
            self.note(theme::WARN, &list(&uncounted));
        }
        if !people.is_empty() {
            self.heading("Waiting for people, added to nothing above");
            self.note(Style::new(), &list(&people));
        }
        if !bounds.watched.is_empty() {
            self.heading("Looked at afterwards, added to nothing above");
            let watched = bounds.watched.iter().map(|watched| {
                let phase = &plan.plan.phases[watched.phase].id;
                format!("{phase}: for {} from its beginning", say(watched.lasts))
            });
            let all: Vec<String> = watched.collect();
            self.note(Style::new(), &format!("{}; the run is over then", list(&all)));
        }
        let back = match (&bounds.window, bounds.checkpoints.last()) {
            (_, Some(last)) => last.back,
            (Some(window), None) => window.way_back,
            (None, None) => return self.promises(),
        };
        let steps =
            |count: usize| if count == 1 { "1 step".to_owned() } else { format!("{count} steps") };
        let mut notes = Vec::new();
        if back.assumed > 0 {
            notes.push(format!(
                "{} without rollback estimates: assumed to take as long back as there",
                steps(back.assumed)
            ));
        }
        if back.unknown > 0 {
            notes.push(format!(
                "{} of which nobody said anything: counted as nothing",
                steps(back.unknown)
            ));
        }
        if back.by_hand > 0 {
            notes.push(format!(
                "{} undone by people, whose time is not counted",
                steps(back.by_hand)
            ));
        }
        if let Some(at) = back.only_to {
            notes.push(format!("it ends at `{}`, which cannot be undone", id(&at)));
        }
        if !notes.is_empty() {
            self.heading("On the way back");
            for note in notes {
                self.note(Style::new(), &note);
            }
        }
        self.promises();
    }

    fn promises(&mut self) {
        let mismatches = findings::totals_mismatch(self.plan, &self.estimates.bounds);
        if mismatches.is_empty() {
            return;
        }
        self.heading("Declared otherwise");
        for mismatch in mismatches {
            self.note(theme::WARN, &mismatch.message);
        }
    }

    fn way(&mut self) {
        let Estimates { bounds, chances } = self.estimates;
        let message = format!(
            "Up to {} at once, the longest way to the end first. p50 and p90: {} draws, {DISTRIBUTION}.",
            bounds.jobs, chances.draws
        );
        self.text.push('\n');
        self.note(theme::FAINT, &message);
    }
}

fn row(name: &str, columns: [String; 5]) -> String {
    let [best, p50, p90, worst, window] = columns;
    let times = [best, p50, p90, worst].map(|time| right(&time, 12)).concat();
    left(name, 24) + &times + &right(&window, 8)
}

fn checkpoint_row(name: &str, columns: [String; 5]) -> String {
    let [there, check, back, slack, by] = columns;
    let times = [there, check, back].map(|time| right(&time, 10)).concat();
    left(name, 22) + &times + &right(&slack, 17) + &right(&by, 11)
}

fn times(range: Range, drawn: Percentiles, share: String) -> [String; 5] {
    [say(range.best), say(drawn.p50), say(drawn.p90), say(range.worst), share]
}

/// Of the window's length, in per cent; without a length only that it lies inside.
fn share(time: Duration, window: &WindowTime) -> String {
    match window.length.filter(|length| !length.is_zero()) {
        Some(length) => format!("{:.0} %", 100.0 * time.as_secs_f64() / length.as_secs_f64()),
        None => "inside".to_owned(),
    }
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<_> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    let hidden = names.len().saturating_sub(NAMED);
    let more = if hidden > 0 { format!(", and {hidden} more") } else { String::new() };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests;
