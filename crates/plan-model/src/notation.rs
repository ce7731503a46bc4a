//! The small notations of the language: ids, durations, ranges, sizes, percentages, clock times.
//! Each has one parser, one pattern for the schema and one sentence for people.

use std::fmt;
use std::time::Duration;

/// A notation: the same verdict as text (schema) and as code.
pub struct Notation {
    /// The code of the diagnostic about a text that is none.
    pub code: &'static str,
    pub name: &'static str,
    pub pattern: &'static str,
    pub accepts: fn(&str) -> bool,
    /// "a duration such as `90s`, `5m` or `1h30m`"
    pub what: &'static str,
    /// How it is written, for somebody who wrote it otherwise.
    pub rule: &'static str,
}

/// Every notation that the schema names by its pattern.
pub const NOTATIONS: &[Notation] = &[
    Notation {
        code: "bad-id",
        name: "id",
        pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        accepts: is_id,
        what: "an id of lower-case words joined by hyphens, such as `save-database`",
        rule: "use a to z, 0 to 9 and single hyphens between words; a letter comes first",
    },
    Notation {
        code: "bad-name",
        name: "name",
        pattern: "^[a-z][a-z0-9]*(_[a-z0-9]+)*$",
        accepts: is_name,
        what: "a name of lower-case words joined by underscores, such as `database_url`",
        rule: "use a to z, 0 to 9 and single underscores between words; a letter comes first",
    },
    Notation {
        code: "bad-duration",
        name: "duration",
        pattern: r"^(([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+|[\s\S]*\{\{[\s\S]*)$",
        accepts: |text| is_template(text) || parse_duration(text).is_some(),
        what: "a duration with its unit, such as `90s`, `5m`, `1h30m` or `30d`",
        rule: "write number and unit without a space between: ms, s, m, h, d or w",
    },
    Notation {
        code: "bad-range",
        name: "range",
        pattern: r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+(\.\.([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+)?$",
        accepts: |text| Range::parse(text).is_some(),
        what: "an estimate such as `10s` or, optimistic and pessimistic, `5m..15m`",
        rule: "write one duration, or two joined by `..`, the smaller one first",
    },
    Notation {
        code: "bad-size",
        name: "size",
        pattern: r"^([0-9]+(\.[0-9]+)? ?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)|[\s\S]*\{\{[\s\S]*)$",
        accepts: |text| is_template(text) || parse_size(text).is_some(),
        what: "a size with its unit, such as `500MB` or `5GiB`",
        rule: "add a unit: B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024)",
    },
    Notation {
        code: "bad-percent",
        name: "percent",
        pattern: r"^((100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%|[\s\S]*\{\{[\s\S]*)$",
        accepts: |text| is_template(text) || parse_percent(text).is_some(),
        what: "a percentage from 0% to 100%, such as `80%`",
        rule: "write a number from 0 to 100 and the sign %",
    },
    Notation {
        code: "bad-mode",
        name: "mode",
        pattern: "^0?[0-7]{3}$",
        accepts: |text| {
            let digits = if text.len() == 4 { text.strip_prefix('0').unwrap_or("") } else { text };
            digits.len() == 3 && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte))
        },
        what: "permissions in octal and in quotes, such as \"0600\"",
        rule: "write three digits from 0 to 7 in quotes: owner, group, others",
    },
    Notation {
        code: "bad-opening",
        name: "opening",
        pattern: r"^((mon|tue|wed|thu|fri|sat|sun) |[0-9]{4}-[0-9]{2}-[0-9]{2}[ T])?([01][0-9]|2[0-3]):[0-5][0-9]$",
        accepts: |text| Opening::parse(text).is_some(),
        what: "a time such as \"02:00\", \"mon 04:00\" or \"2026-12-06 02:00\"",
        rule: "write hours from 00 to 23 and minutes, alone or behind a day: mon to sun, or YEAR-MONTH-DAY",
    },
    Notation {
        code: "bad-version-range",
        name: "version-range",
        pattern: r"^(>=|<=|>|<|=|\^|~)? ?[0-9]+(\.([0-9]+|x))*( ?, ?(>=|<=|>|<|=) ?[0-9]+(\.[0-9]+)*)*$",
        accepts: is_version_range,
        what: "a version such as \">=14\", \"2.x\" or \">=8.1, <9\"",
        rule: "write numbers behind >=, <=, >, <, =, ^ or ~, several joined by commas",
    },
    Notation {
        code: "bad-checksum",
        name: "checksum",
        pattern: r"^([0-9a-f]{64}|[\s\S]*\{\{[\s\S]*)$",
        accepts: |text| {
            is_template(text)
                || (text.len() == 64
                    && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        },
        what: "a SHA-256 sum: 64 digits from 0 to 9 and a to f",
        rule: "`sha256sum FILE` prints it",
    },
];

pub fn by_pattern(pattern: &str) -> Option<&'static Notation> {
    NOTATIONS.iter().find(|notation| notation.pattern == pattern)
}

pub fn pattern(name: &str) -> &'static str {
    let found = NOTATIONS.iter().find(|notation| notation.name == name);
    found.expect("callers name a notation of the list").pattern
}

pub fn is_template(text: &str) -> bool {
    text.contains("{{")
}

pub fn is_id(text: &str) -> bool {
    words_joined_by(text, b'-')
}

pub fn is_name(text: &str) -> bool {
    words_joined_by(text, b'_')
}

fn words_joined_by(text: &str, joint: u8) -> bool {
    let bytes = text.as_bytes();
    let mut before = joint;
    for byte in bytes {
        let fine = match byte {
            b'a'..=b'z' => true,
            b'0'..=b'9' => true,
            other => *other == joint && before != joint,
        };
        if !fine {
            return false;
        }
        before = *byte;
    }
    before != joint && bytes.first().is_some_and(u8::is_ascii_lowercase)
}

/// `1h30m`, `90s`, `1.5h`. A bare number has no unit and is none.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
            return None;
        }
        let unit_length = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_length);
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            "d" => Duration::from_secs(86_400),
            "w" => Duration::from_secs(604_800),
            _ => return None,
        };
        let part = match number.parse::<u32>() {
            Ok(whole) => unit.checked_mul(whole)?,
            Err(_) => {
                let number: f64 = number.parse().ok()?;
                Duration::try_from_secs_f64(number * unit.as_secs_f64()).ok()?
            }
        };
        total = total.checked_add(part)?;
        rest = tail;
    }
    Some(total)
}

/// `5GiB` and `5GB` differ: powers of 1024 and of 1000.
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
        return None;
    }
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let factor: u64 = match unit {
        "B" => 1,
        "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor as f64;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

pub fn parse_percent(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%')?;
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
        return None;
    }
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let whole = number.split('.').next()?;
    let value: f64 = number.parse().ok()?;
    (value <= 100.0 && whole.len() <= 3 && (whole.len() < 3 || whole == "100")).then_some(value)
}

fn is_version_range(text: &str) -> bool {
    // One space may stand on each side of a comma, none at the ends.
    if text.ends_with(' ') {
        return false;
    }
    let mut parts = text.split(',');
    let one = |part: &str, first: bool| {
        let part = part.strip_prefix(' ').filter(|_| !first).unwrap_or(part);
        let part = part.strip_suffix(' ').unwrap_or(part);
        let operators: &[&str] = if first {
            &[">=", "<=", ">", "<", "=", "^", "~"]
        } else {
            &[">=", "<=", ">", "<", "="]
        };
        let bare = operators.iter().find_map(|operator| part.strip_prefix(operator));
        let numbers = match bare {
            Some(bare) => bare.strip_prefix(' ').unwrap_or(bare),
            None if first => part.strip_prefix(' ').unwrap_or(part),
            None => return false,
        };
        let mut pieces = numbers.split('.');
        let digits = |piece: &str| !piece.is_empty() && piece.bytes().all(|b| b.is_ascii_digit());
        pieces.next().is_some_and(digits)
            && pieces.all(|piece| digits(piece) || (first && piece == "x"))
    };
    let Some(head) = parts.next() else { return false };
    one(head, true) && parts.all(|part| one(part, false))
}

/// Which versions will do: bounds that all hold. Only as many numbers are compared as are written:
/// 8.1.5 is `<=8.1`, and is not `>8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange(Vec<(String, Vec<Option<u64>>)>);

impl VersionRange {
    pub fn parse(text: &str) -> Option<VersionRange> {
        if !is_version_range(text) {
            return None;
        }
        let bounds = text.split(',').map(|part| {
            let part = part.trim();
            let numbers = part.trim_start_matches(['<', '>', '=', '^', '~']);
            let operator = &part[..part.len() - numbers.len()];
            let numbers = numbers.trim().split('.').map(|number| number.parse().ok());
            (operator.to_owned(), numbers.collect())
        });
        Some(VersionRange(bounds.collect()))
    }

    pub fn holds(&self, version: &str) -> bool {
        let found: Vec<u64> = version
            .split(|c: char| !c.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().unwrap_or(u64::MAX))
            .collect();
        self.0.iter().all(|(operator, bound)| {
            let pairs = bound
                .iter()
                .enumerate()
                .map_while(|(at, wanted)| Some((found.get(at).copied().unwrap_or(0), (*wanted)?)));
            let order = pairs.map(|(found, wanted)| found.cmp(&wanted)).find(|o| o.is_ne());
            let order = order.unwrap_or(std::cmp::Ordering::Equal);
            let same = |parts: usize| {
                bound.iter().take(parts).enumerate().all(|(at, wanted)| {
                    wanted.is_none_or(|wanted| found.get(at).copied().unwrap_or(0) == wanted)
                })
            };
            match operator.as_str() {
                ">=" => order.is_ge(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                "<" => order.is_lt(),
                "^" => order.is_ge() && same(1),
                "~" => order.is_ge() && same(2),
                _ => order.is_eq(),
            }
        })
    }
}

/// Optimistic..pessimistic; a single duration is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    pub best: Duration,
    pub worst: Duration,
}

impl Range {
    pub fn parse(text: &str) -> Option<Range> {
        let (best, worst) = match text.split_once("..") {
            Some((best, worst)) => (parse_duration(best)?, parse_duration(worst)?),
            None => (parse_duration(text)?, parse_duration(text)?),
        };
        Some(Range { best, worst })
    }

    pub fn exactly(duration: Duration) -> Range {
        Range { best: duration, worst: duration }
    }

    pub fn is_backwards(self) -> bool {
        self.best > self.worst
    }
}

impl std::ops::Add for Range {
    type Output = Range;

    fn add(self, other: Range) -> Range {
        Range {
            best: self.best.saturating_add(other.best),
            worst: self.worst.saturating_add(other.worst),
        }
    }
}

/// `45s`, `4h 30`, `1d 2h`: at most two units, as people say it.
#[derive(Debug, Clone, Copy)]
pub struct Spoken(pub Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, hours, minutes, rest) =
            (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        match (days, hours, minutes, rest) {
            (0, 0, 0, 0) if !self.0.is_zero() => write!(f, "{} ms", self.0.as_millis()),
            (0, 0, 0, _) => write!(f, "{rest} s"),
            (0, 0, _, 0) => write!(f, "{minutes} min"),
            (0, 0, ..) => write!(f, "{minutes} min {rest:02}"),
            (0, _, 0, _) => write!(f, "{hours} h"),
            (0, ..) => write!(f, "{hours} h {minutes:02}"),
            (_, 0, ..) => write!(f, "{days} d"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.best == self.worst {
            write!(f, "{}", Spoken(self.best))
        } else {
            write!(f, "{} to {}", Spoken(self.best), Spoken(self.worst))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// When a window opens: every day, every week, or once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpeningDay {
    EveryDay,
    Weekly(Weekday),
    Once { year: i16, month: i8, day: i8 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    pub day: OpeningDay,
    pub hour: i8,
    pub minute: i8,
}

impl Opening {
    pub fn parse(text: &str) -> Option<Opening> {
        let (day, clock) = match text.len() {
            5 => (OpeningDay::EveryDay, text),
            9 => (OpeningDay::Weekly(weekday(text.get(..4)?.strip_suffix(' ')?)?), text.get(4..)?),
            16 => {
                let digits = |range: std::ops::Range<usize>| {
                    let part = text.get(range)?;
                    part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
                };
                let separators = (text.get(4..5)?, text.get(7..8)?, text.get(10..11)?);
                if !matches!(separators, ("-", "-", " " | "T")) {
                    return None;
                }
                let (year, month, day): (i16, i16, i16) =
                    (digits(0..4)?, digits(5..7)?, digits(8..10)?);
                (OpeningDay::Once { year, month: month as i8, day: day as i8 }, text.get(11..)?)
            }
            _ => return None,
        };
        let (hour, minute) = clock.split_once(':')?;
        let two = |part: &str| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse().ok())?
        };
        let (hour, minute): (i8, i8) = (two(hour)?, two(minute)?);
        (hour < 24 && minute < 60).then_some(Opening { day, hour, minute })
    }
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "mon" => Weekday::Mon,
        "tue" => Weekday::Tue,
        "wed" => Weekday::Wed,
        "thu" => Weekday::Thu,
        "fri" => Weekday::Fri,
        "sat" => Weekday::Sat,
        "sun" => Weekday::Sun,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_compared_as_far_as_the_range_says() {
        let holds = |range: &str, version| VersionRange::parse(range).unwrap().holds(version);
        assert!(holds(">=2.30", "2.39.5") && !holds(">=2.30", "2.4"));
        assert!(holds(">=8.1, <9", "8.1") && !holds(">=8.1, <9", "9.0"));
        assert!(holds("<=8.1", "8.1.5") && !holds(">8", "8.5") && holds(">8", "9"));
        assert!(holds("2.x", "2.7.1") && !holds("2.x", "3.0") && holds("14", "14.11"));
        assert!(holds("^1.2", "1.9") && !holds("^1.2", "2.0") && !holds("^1.2", "1.1"));
        assert!(holds("~1.2.3", "1.2.9") && !holds("~1.2.3", "1.3.0"));
    }

    #[test]
    fn durations_need_units() {
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1.5h"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for wrong in
            ["", "30", "5 m", "m", "-5m", "5min", "1h30", ".5h", "5.m", "99999999999999999999w"]
        {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn schema_pattern_and_parser_agree() {
        let samples = [
            "a",
            "a-b",
            "a--b",
            "-a",
            "a-",
            "A",
            "1a",
            "a1-2",
            "a_b",
            "a__b",
            "_a",
            "",
            "5m",
            "5m..1h",
            "5m..",
            "..5m",
            "1h30m",
            "1.5h",
            "{{ x }}",
            "a {{ x }}\nb",
            "5GiB",
            "5 GiB",
            "5",
            "5gb",
            "1.5GB",
            "80%",
            "100%",
            "100.0%",
            "101%",
            "100.5%",
            "080%",
            "7.5%",
            "%",
            "0600",
            "600",
            "0888",
            "06000",
            "1777",
            "02:00",
            "24:00",
            "2:00",
            "mon 04:00",
            "Mon 04:00",
            "2026-12-06 02:00",
            "2026-12-06T02:00",
            "2026-12-06",
            "2026-1-06 02:00",
            ">=14",
            "14",
            "2.x",
            ">=8.1, <9",
            ">=8.1,<9",
            ">= 8.1",
            "x",
            ">=",
            "^1.2",
            "~1",
            ">=8.1, 9",
            "1..2",
            "14,",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "e3b0",
            "E3",
        ];
        for notation in NOTATIONS {
            let pattern = regex::Regex::new(notation.pattern).unwrap();
            for sample in samples {
                // A duration of absurd length is a difference that only code sees.
                let (text, code) = (pattern.is_match(sample), (notation.accepts)(sample));
                assert_eq!(
                    text, code,
                    "{} {sample:?}: pattern {text}, parser {code}",
                    notation.name
                );
            }
        }
    }

    #[test]
    fn durations_are_spoken_in_two_units() {
        let spoken = |text| Spoken(parse_duration(text).unwrap()).to_string();
        let all = ["45s", "90s", "2m", "4h30m", "2h", "26h", "2d", "5ms"].map(spoken);
        assert_eq!(all, ["45 s", "1 min 30", "2 min", "4 h 30", "2 h", "1 d 2 h", "2 d", "5 ms"]);
    }
}
