//! `window-collision`: the window keeps clear of what else is busy.
//!
//! Repeating times are held against each other in two fixed weeks, one of winter and one of summer:
//! the verdict is the same on every day, and a zone with clock changes is seen on both sides of it.
//! A window or busy time of one date is looked at on that date.

use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span as Length, Timestamp};

use super::{Finding, Level, Lint, Rule};
use crate::model::value::{OpensAt, Time, Zone};
use crate::notation::{Opening, OpeningDay, Spoken, Weekday};

pub const RULE: Rule = Rule {
    code: "window-collision",
    severity: Level::Warning,
    about: "the window does not meet a time at which something else is busy",
    why: "The provider's backup ran from 03:00 to 04:00 and its own maintenance on Monday at 04:00, all of it \
          in UTC, while the upgrade was planned for the same night in local time. A dump under a migration \
          waits for its locks or makes it wait, and the estimate is gone. Which times meet can be computed.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: Africa/Porto-Novo }
busy:
  - { name: backup of the provider, opens: \"03:00\", lasts: 1h, timezone: UTC }
steps:
  - { step: look, run: uptime, read_only: true }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 2h, timezone: Africa/Porto-Novo }
busy:
  - { name: backup of the provider, opens: \"03:00\", lasts: 1h, timezone: UTC }
steps:
  - { step: look, run: uptime, read_only: true }
",
    check,
};

/// Mondays; between them the clocks of both hemispheres have changed.
const WINTER: Date = date(2026, 1, 5);
const SUMMER: Date = date(2026, 7, 6);

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    let Some(window) = &plan.window else { return };
    let Some(ours) = Times::read(&window.opens, &window.lasts, window.timezone.as_ref(), None)
    else {
        return;
    };
    // Open all day, every day: that is no choice of a time.
    if ours.lasts >= Duration::from_secs(24 * 3600) && ours.opening.day == OpeningDay::EveryDay {
        return;
    }
    for busy in &plan.busy {
        let zone = busy.timezone.as_ref();
        let Some(theirs) = Times::read(&busy.opens, &busy.lasts, zone, Some(&ours.zone)) else {
            continue;
        };
        let Some((start, length)) = ours.meets(&theirs) else { continue };
        let clock = start.to_zoned(ours.zone.clone()).strftime("%A at %H:%M").to_string();
        let clock = match (ours.opening.day, theirs.opening.day) {
            (OpeningDay::EveryDay, OpeningDay::EveryDay) => {
                clock.rsplit(' ').next().unwrap_or("").to_owned()
            }
            _ => clock,
        };
        found.push(
            Finding::new(
                window.opens.span,
                format!(
                    "the window meets `{}`: {} from {clock}, as the window counts",
                    busy.name.value,
                    Spoken(length)
                ),
            )
            .related(busy.opens.span, "busy here")
            .help("open the window earlier or later, or make it shorter"),
        );
    }
}

struct Times {
    opening: Opening,
    lasts: Duration,
    zone: TimeZone,
}

type Interval = (Timestamp, Timestamp);

impl Times {
    /// `None` where something is a template or no zone is known.
    fn read(
        opens: &OpensAt,
        lasts: &Time,
        zone: Option<&Zone>,
        other: Option<&TimeZone>,
    ) -> Option<Times> {
        let zone = match (zone, other) {
            (Some(zone), _) => TimeZoneDatabase::bundled().get(&zone.value).ok()?,
            (None, other) => other?.clone(),
        };
        Some(Times { opening: Opening::parse(&opens.value)?, lasts: lasts.fixed()?, zone })
    }

    /// When both happen first, and for how long.
    fn meets(&self, other: &Times) -> Option<(Timestamp, Duration)> {
        let around = match (self.once(), other.once()) {
            (Some(day), _) | (None, Some(day)) => vec![day],
            (None, None) => vec![WINTER, SUMMER],
        };
        around.into_iter().find_map(|day| {
            let (ours, theirs) = (self.around(day), other.around(day));
            let mut overlaps = Vec::new();
            for (start, end) in ours {
                for (from, to) in &theirs {
                    let (first, last) = (start.max(*from), end.min(*to));
                    if first < last {
                        overlaps.push((first, last.duration_since(first).unsigned_abs()));
                    }
                }
            }
            overlaps.into_iter().min_by_key(|(first, _)| *first)
        })
    }

    fn once(&self) -> Option<Date> {
        match self.opening.day {
            OpeningDay::Once { year, month, day } => Date::new(year, month, day).ok(),
            _ => None,
        }
    }

    /// Every time that it happens within eight days of a date.
    fn around(&self, day: Date) -> Vec<Interval> {
        let days = (-8..=8).filter_map(|shift| day.checked_add(Length::new().days(shift)).ok());
        let days = days.filter(|day| match self.opening.day {
            OpeningDay::EveryDay => true,
            OpeningDay::Weekly(weekday) => day.weekday() == weekday_of(weekday),
            OpeningDay::Once { .. } => self.once() == Some(*day),
        });
        let intervals = days.filter_map(|day| {
            let start = day.at(self.opening.hour, self.opening.minute, 0, 0);
            let start = start.to_zoned(self.zone.clone()).ok()?.timestamp();
            Some((start, start.checked_add(self.lasts).ok()?))
        });
        intervals.collect()
    }
}

fn weekday_of(day: Weekday) -> jiff::civil::Weekday {
    match day {
        Weekday::Mon => jiff::civil::Weekday::Monday,
        Weekday::Tue => jiff::civil::Weekday::Tuesday,
        Weekday::Wed => jiff::civil::Weekday::Wednesday,
        Weekday::Thu => jiff::civil::Weekday::Thursday,
        Weekday::Fri => jiff::civil::Weekday::Friday,
        Weekday::Sat => jiff::civil::Weekday::Saturday,
        Weekday::Sun => jiff::civil::Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    /// How long a window and a busy time meet.
    fn meet(window: (&str, &str, &str), busy: (&str, &str, &str), expected: Option<&str>) {
        let one = |(opens, lasts, zone): (&str, &str, &str)| {
            format!("opens: \"{opens}\", lasts: {lasts}, timezone: {zone}")
        };
        let plan = format!(
            "plan: p\nwindow: {{ {} }}\nbusy: [{{ name: b, {} }}]\nsteps:\n  - {{ step: look, run: uptime, read_only: true }}\n",
            one(window),
            one(busy)
        );
        let message = expected.map(|text| {
            format!("\"{}\"|the window meets `b`: {text}, as the window counts", window.0)
        });
        let expected: Vec<&str> = message.as_deref().into_iter().collect();
        check(&RULE, &plan, &expected);
    }

    #[test]
    fn zones_and_midnight_are_counted() {
        let benin = "Africa/Porto-Novo";
        meet(("02:00", "3h", benin), ("03:00", "1h", "UTC"), Some("1 h from 04:00"));
        meet(("02:00", "2h", benin), ("03:00", "1h", "UTC"), None);
        meet(("23:00", "2h", "UTC"), ("00:30", "1h", "UTC"), Some("30 min from 00:30"));
        meet(
            ("sun 23:00", "2h", "UTC"),
            ("mon 00:30", "1h", "UTC"),
            Some("30 min from Monday at 00:30"),
        );
        meet(("sun 23:00", "2h", "UTC"), ("tue 00:30", "1h", "UTC"), None);
        meet(
            ("mon 00:30", "1h", "Asia/Tokyo"),
            ("sun 15:00", "1h", "UTC"),
            Some("30 min from Monday at 00:30"),
        );
    }

    #[test]
    fn a_window_that_never_closes_meets_nothing_in_particular() {
        meet(("00:00", "24h", "UTC"), ("03:00", "1h", "UTC"), None);
    }

    #[test]
    fn summer_and_winter_are_both_looked_at() {
        // In summer 02:00 in Paris is 00:00 UTC, in winter 01:00.
        meet(("02:00", "1h", "Europe/Paris"), ("00:00", "30m", "UTC"), Some("30 min from 02:00"));
        meet(("2026-12-06 02:00", "1h", "Europe/Paris"), ("00:00", "30m", "UTC"), None);
        meet(
            ("2026-08-03 02:00", "1h", "Europe/Paris"),
            ("00:00", "30m", "UTC"),
            Some("30 min from Monday at 02:00"),
        );
    }

    #[test]
    fn one_date_meets_another_only_on_that_day() {
        meet(("2026-12-06 02:00", "1h", "UTC"), ("2026-12-07 02:00", "1h", "UTC"), None);
        meet(
            ("2026-12-06 02:00", "25h", "UTC"),
            ("2026-12-07 02:00", "1h", "UTC"),
            Some("1 h from Monday at 02:00"),
        );
        meet(
            ("sun 02:00", "1h", "UTC"),
            ("2026-12-06 02:30", "1h", "UTC"),
            Some("30 min from Sunday at 02:30"),
        );
    }
}
