//! What time it is, as whoever runs a plan means it. The wall clock may be wrong and may jump:
//! nothing is measured with it, and only windows and records look at it.

use std::time::{Duration, Instant};

pub use jiff::Timestamp;

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
}

impl Clock {
    pub fn real() -> Clock {
        Clock { began: Instant::now(), set_to: None }
    }

    pub fn set_to(moment: Moment) -> Clock {
        Clock { began: Instant::now(), set_to: Some(moment) }
    }

    pub fn now(&self) -> Moment {
        match self.set_to {
            Some(moment) => moment.plus(self.began.elapsed()),
            None => Moment(jiff::Timestamp::now().as_millisecond()),
        }
    }
}
