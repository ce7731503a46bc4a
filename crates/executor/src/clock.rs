//! What time it is, as whoever runs a plan means it. The wall clock may be wrong and may jump:
//! nothing is measured with it, and only windows and records look at it.

use std::time::{Duration, Instant};

pub use jiff::Timestamp;
use plan_model::notation::parse_duration;

/// Milliseconds since 1970, as written in the journal.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    pub fn plus(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after another moment; nothing where the clock went back.
    pub fn since(self, other: Moment) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(other.0)).unwrap_or(0))
    }

    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

/// The wall clock, or one that was set to another time and runs on from there.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
    /// What the clock was set to, for tests and rehearsals.
    set_to: Option<Moment>,
    swing: Option<Swing>,
}

/// A clock that somebody sets forward and back again and again.
#[derive(Debug, Clone, Copy)]
struct Swing {
    by_ms: i64,
    every: Duration,
}

impl Clock {
    pub fn real() -> Clock {
        Clock { began: Instant::now(), set_to: None, swing: None }
    }

    pub fn set_to(moment: Moment) -> Clock {
        Clock { began: Instant::now(), set_to: Some(moment), swing: None }
    }

    /// `2026-03-01T02:00:00Z`, or with jumps of an hour every two seconds
    /// `2026-03-01T02:00:00Z~1h/2s`; the first one goes back where it says `~-1h/2s`.
    pub fn parse(text: &str) -> Option<Clock> {
        let (start, swing) = text.split_once('~').map_or((text, None), |(a, b)| (a, Some(b)));
        let start: Timestamp = start.parse().ok()?;
        let mut clock = Clock::set_to(Moment(start.as_millisecond()));
        if let Some(swing) = swing {
            let (by, every) = swing.split_once('/')?;
            let (sign, by) = by.strip_prefix('-').map_or((1, by), |by| (-1, by));
            let by_ms = i64::try_from(parse_duration(by)?.as_millis()).ok()?;
            let every = parse_duration(every).filter(|every| !every.is_zero())?;
            clock.swing = Some(Swing { by_ms: sign * by_ms, every });
        }
        Some(clock)
    }

    /// What the clock of the machine showed then: others who wrote something down know no other one.
    pub fn on_the_machine(&self, then: Moment) -> Moment {
        let passed = i64::try_from(self.now().since(then).as_millis()).unwrap_or(i64::MAX);
        Moment(Timestamp::now().as_millisecond().saturating_sub(passed))
    }

    pub fn now(&self) -> Moment {
        let Some(moment) = self.set_to else {
            return Moment(Timestamp::now().as_millisecond());
        };
        let passed = self.began.elapsed();
        let moment = moment.plus(passed);
        match self.swing {
            Some(swing) if passed.as_millis() / swing.every.as_millis() % 2 == 1 => {
                Moment(moment.0.saturating_add(swing.by_ms))
            }
            _ => moment,
        }
    }
}
