//! The maintenance window while a run goes on: when it opens, when it closes, and until when one can
//! still turn back. Pure: the time comes in.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::{Time, Weekday as Day};
use jiff::tz::TimeZone;
use plan_model::graph::CompiledPlan;
use plan_model::model::plan::OnOverrun;
use plan_model::notation::{Opening, OpeningDay, Weekday};

use crate::clock::Moment;
use crate::course::{Course, Gate};
use crate::event::{Event, Pause};
use crate::state::{RunState, StepState};

/// The window that a run belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    pub opens: Moment,
    pub closes: Moment,
    zone: TimeZone,
    on_overrun: OnOverrun,
    /// Phases that must lie inside; what stands between them does too.
    inside: RangeInclusive<usize>,
}

/// When an opening comes next, that of today while it is still ahead.
pub fn next_opening(opening: &Opening, zone: Option<&str>, now: Moment) -> Option<Moment> {
    let zone = zone_of(zone);
    let today = now.timestamp().to_zoned(zone.clone());
    let time = Time::new(opening.hour, opening.minute, 0, 0).ok()?;
    let at = |date: jiff::civil::Date| {
        let zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
        Some(Moment(zoned.timestamp().as_millisecond()))
    };
    if let OpeningDay::Once { year, month, day } = opening.day {
        let moment = at(jiff::civil::Date::new(year, month, day).ok()?)?;
        return (moment >= now).then_some(moment);
    }
    let mut date = today.date();
    for _ in 0..9 {
        let fits = match opening.day {
            OpeningDay::Weekly(day) => date.weekday() == weekday(day),
            _ => true,
        };
        if fits && let Some(moment) = at(date).filter(|moment| *moment >= now) {
            return Some(moment);
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// The one that is named, or that of this machine.
fn zone_of(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(TimeZone::system)
}

fn weekday(day: Weekday) -> Day {
    match day {
        Weekday::Mon => Day::Monday,
        Weekday::Tue => Day::Tuesday,
        Weekday::Wed => Day::Wednesday,
        Weekday::Thu => Day::Thursday,
        Weekday::Fri => Day::Friday,
        Weekday::Sat => Day::Saturday,
        Weekday::Sun => Day::Sunday,
    }
}

impl Guard {
    /// The window of a run that began at a moment: the one that is open then, or the next.
    pub fn of(plan: &CompiledPlan, lasts: Option<Duration>, began: Moment) -> Option<Guard> {
        let window = plan.plan.window.as_ref()?;
        let first = plan.plan.maintenance_phases().map(|(at, _)| at).next()?;
        let last = plan.plan.maintenance_phases().map(|(at, _)| at).last()?;
        let opening = Opening::parse(&window.opens.value)?;
        let lasts = lasts.or_else(|| window.lasts.fixed())?;
        let zone = window.timezone.as_ref().map(|zone| zone.value.as_str());
        // One that opened less than its length ago is still open.
        let since = Moment(began.0 - i64::try_from(lasts.as_millis()).ok()? + 1);
        let opens = next_opening(&opening, zone, since)?;
        Some(Guard {
            opens,
            closes: opens.plus(lasts),
            zone: zone_of(zone),
            on_overrun: window.on_overrun.unwrap_or(OnOverrun::Ask),
            inside: first..=last,
        })
    }

    /// Hour and minute as the window means them; in which zone, where that is not what clocks show here.
    pub fn clock(&self, moment: Moment) -> String {
        let there = moment.timestamp().to_zoned(self.zone.clone());
        let here = moment.timestamp().to_zoned(TimeZone::system());
        let name = self.zone.iana_name().filter(|_| there.offset() != here.offset());
        there.strftime("%H:%M").to_string() + &name.map_or(String::new(), |name| format!(" {name}"))
    }

    pub fn closes(&self, course: &Course) -> Moment {
        course.window_until().unwrap_or(self.closes)
    }

    /// Nothing goes on before the window opens.
    pub fn holds_back(&self, course: &Course, now: Moment) -> bool {
        let waits = |at: usize, state: StepState| {
            state.has_ended_well()
                || matches!(state, StepState::Waiting | StepState::Ready)
                    && course.outline.items[at].phase >= *self.inside.start()
        };
        now < self.opens
            && course.state() == RunState::Running
            && course.entries().iter().enumerate().all(|(at, entry)| waits(at, entry.state))
    }

    /// The latest moment at which undoing what has run still fits.
    pub fn turn_back_by(&self, course: &Course) -> Moment {
        let back = way_back(course);
        Moment(self.closes(course).0 - back.as_millis() as i64)
    }

    pub fn gate(&self, course: &Course, at: usize, now: Moment, attended: bool) -> Gate {
        let item = &course.outline.items[at];
        if !self.inside.contains(&item.phase) {
            return Gate::Open;
        }
        if now < self.opens {
            return Gate::NotBefore(self.opens);
        }
        // After this step, is there still time to take everything back?
        let last_exit = self.turn_back_by(course).0 - item.undo_takes.as_millis() as i64;
        if now.plus(item.takes).0 <= last_exit {
            return Gate::Open;
        }
        match self.on_overrun {
            OnOverrun::Continue => Gate::Open,
            OnOverrun::Ask if attended => {
                Gate::Stop(Box::new(Event::Paused { why: Pause::WindowTooShort }))
            }
            _ => Gate::Stop(Box::new(Event::RollbackBegan {
                why: format!(
                    "the window closes, and after {} there would be no time left to turn back",
                    item.id
                ),
                to: None,
                past_irreversible: false,
                by: None,
            })),
        }
    }
}

/// How long undoing what has run takes, one after the other, at worst.
pub fn way_back(course: &Course) -> Duration {
    course.to_undo().into_iter().map(|at| course.outline.items[at].undo_takes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn a_window_is_told_in_its_own_zone() {
        let at = |zone: &str| Guard {
            opens: moment("2026-11-21T01:00:00Z"),
            closes: moment("2026-11-21T02:00:00Z"),
            zone: TimeZone::get(zone).unwrap(),
            on_overrun: OnOverrun::Ask,
            inside: 0..=0,
        };
        // One of these two is not the time of this machine.
        let told = ["Asia/Tokyo", "America/Lima"].map(|zone| at(zone).clock(at(zone).opens));
        let named = ["10:00 Asia/Tokyo", "20:00 America/Lima"];
        assert!(told[0] == named[0] || told[1] == named[1], "{told:?}");
        assert!(told[0].starts_with("10:00") && told[1].starts_with("20:00"), "{told:?}");
    }

    #[test]
    fn the_next_opening_is_that_of_today_while_it_is_ahead() {
        let opening = Opening::parse("02:00").unwrap();
        let next = |now| next_opening(&opening, Some("Africa/Porto-Novo"), moment(now)).unwrap();
        assert_eq!(next("2026-11-21T00:30:00Z"), moment("2026-11-21T01:00:00Z"));
        assert_eq!(next("2026-11-21T01:00:00Z"), moment("2026-11-21T01:00:00Z"));
        assert_eq!(next("2026-11-21T01:00:01Z"), moment("2026-11-22T01:00:00Z"));
        let sunday = Opening::parse("sun 04:00").unwrap();
        let next = next_opening(&sunday, Some("UTC"), moment("2026-11-23T12:00:00Z")).unwrap();
        assert_eq!(next, moment("2026-11-29T04:00:00Z"));
        let once = Opening::parse("2026-12-06 02:00").unwrap();
        assert_eq!(next_opening(&once, Some("UTC"), moment("2026-12-06T02:00:01Z")), None);
    }
}
