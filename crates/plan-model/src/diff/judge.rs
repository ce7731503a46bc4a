//! Which way a changed key goes: a table says for each key what makes it safer.
//! Knows values, not what they stand in.

use std::cmp::Ordering;

use super::files;
use super::sentence::{Sentence, fits};
use super::{Changes, Risk, Subject};
use crate::model::meaning::{Is, Meaning};

/// What is safer, and what it means that nobody says anything.
pub struct Key {
    /// The key, or a path of keys joined by dots; it covers what stands below.
    pub path: &'static str,
    pub safer: Safer,
    pub unsaid: Unsaid,
}

#[derive(Clone, Copy)]
pub enum Safer {
    More,
    Less,
    /// That it is there; another value is to be noticed.
    Said,
    /// That it is there; another value does not matter.
    Told,
    /// The later of these words; words of one rank are joined by `|`.
    Words(&'static [&'static str]),
    /// A list with more members, or with fewer.
    Longer,
    Shorter,
    /// A list of which only the members tell something, as loudly as this.
    Members(Risk),
    /// Fewer HTTP statuses; 200 to 299 unless said.
    Statuses,
    /// A range of versions that begins later.
    Versions,
    /// Not to be told: always this.
    Always(Risk),
}

#[derive(Clone, Copy, PartialEq)]
pub enum Unsaid {
    Weakest,
    Strongest,
    Is(&'static str),
    Unknown,
}

pub const fn key(path: &'static str, safer: Safer, unsaid: Unsaid) -> Key {
    Key { path, safer, unsaid }
}

/// What the changes are about.
pub struct Judged<'j> {
    /// The first word of the kind: `check` gives `check-weaker`.
    pub family: &'static str,
    pub subject: &'j Subject,
    /// The beginning of each sentence.
    pub prefix: Sentence,
    pub table: &'static [Key],
    /// For keys that the table does not have.
    pub otherwise: Risk,
}

/// A key whose value differs.
pub struct Difference<'m> {
    pub path: String,
    pub old: Option<&'m Meaning>,
    pub new: Option<&'m Meaning>,
}

/// Every key that differs, maps followed down.
pub fn differences<'m>(old: &'m Meaning, new: &'m Meaning) -> Vec<Difference<'m>> {
    let mut all = Vec::new();
    descend(String::new(), old, new, &mut all);
    all
}

fn descend<'m>(path: String, old: &'m Meaning, new: &'m Meaning, all: &mut Vec<Difference<'m>>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, before) in old.keys() {
        match new.get(key) {
            Some(after) if before == after => {}
            Some(after) if !before.keys().is_empty() && !after.keys().is_empty() => {
                descend(below(key), before, after, all);
            }
            after => all.push(Difference { path: below(key), old: Some(before), new: after }),
        }
    }
    for (key, after) in new.keys() {
        if old.get(key).is_none() {
            all.push(Difference { path: below(key), old: None, new: Some(after) });
        }
    }
}

/// Says of every key that differs what that does to the risk.
pub fn compare(judged: &Judged<'_>, old: &Meaning, new: &Meaning, changes: &mut Changes) {
    for difference in differences(old, new) {
        one(judged, &difference, changes);
    }
}

pub fn one(judged: &Judged<'_>, difference: &Difference<'_>, changes: &mut Changes) {
    let Difference { path, old, new } = difference;
    if let (Some(old), Some(new)) = (old, new)
        && files::compare(judged, old, new, changes)
    {
        return;
    }
    let key = judged.row(path);
    let risk = key.map_or(judged.otherwise, |key| key.risk(*old, *new));
    let members = key.is_some_and(Key::is_list);
    let mut sentence = judged.prefix.clone();
    let shown = |value: &Meaning| value.to_string();
    match (old.map(shown), new.map(shown)) {
        (Some(before), Some(after)) if members => {
            let (lost, gained) = members_of(*old, *new);
            sentence = match (lost.is_empty(), gained.is_empty()) {
                (false, true) => sentence.then(": {} lost {}", &[path, &lost]),
                (true, false) => sentence.then(": {} gained {}", &[path, &gained]),
                (false, false) => {
                    sentence.then(": {} lost {} and gained {}", &[path, &lost, &gained])
                }
                _ => sentence
                    .then(": {} stands in another order: {}, it was {}", &[path, &after, &before]),
            };
        }
        (Some(before), Some(after)) if fits(&before) && fits(&after) => {
            sentence = sentence.then(": {} went from {} to {}", &[path, &before, &after]);
        }
        (Some(_), Some(_)) => sentence = sentence.then(": {} changed", &[path]),
        (Some(before), None) => {
            sentence = sentence.then(": {} is gone, it was {}", &[path, &before]);
        }
        (None, Some(after)) => sentence = sentence.then(": {} is new: {}", &[path, &after]),
        (None, None) => return,
    }
    changes.push(format!("{}-{}", judged.family, ending(risk)), risk, judged.subject, sentence);
    let long = |value: Option<&Meaning>| value.map(shown).filter(|text| !fits(text));
    let (before, after) = (long(*old), long(*new));
    let both = before.is_some() || after.is_some();
    let text = |value: Option<&Meaning>| value.map(shown).filter(|_| both);
    changes.texts(text(*old), text(*new));
    changes.at(old.map(|value| value.span), new.map(|value| value.span));
}

fn ending(risk: Risk) -> &'static str {
    match risk {
        Risk::Worse => "weaker",
        Risk::Better => "stronger",
        Risk::Notice | Risk::Neutral => "changed",
    }
}

impl Judged<'_> {
    pub fn row(&self, path: &str) -> Option<&'static Key> {
        let covers = |row: &&Key| {
            path.strip_prefix(row.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.table.iter().filter(covers).max_by_key(|row| row.path.len())
    }
}

impl Key {
    fn is_list(&self) -> bool {
        matches!(self.safer, Safer::Longer | Safer::Shorter | Safer::Members(_))
    }

    pub fn risk(&self, old: Option<&Meaning>, new: Option<&Meaning>) -> Risk {
        match self.safer {
            Safer::Always(risk) | Safer::Members(risk) => return risk,
            Safer::Told => return if new.is_none() { Risk::Notice } else { Risk::Neutral },
            _ => {}
        }
        match self.order(old, new) {
            Some(Ordering::Less) => Risk::Better,
            Some(Ordering::Greater) => Risk::Worse,
            Some(Ordering::Equal) if self.is_list() || old.is_none() || new.is_none() => {
                Risk::Neutral
            }
            Some(Ordering::Equal) | None => Risk::Notice,
        }
    }

    /// How strong the old value is beside the new one.
    fn order(&self, old: Option<&Meaning>, new: Option<&Meaning>) -> Option<Ordering> {
        match self.safer {
            Safer::Longer | Safer::Shorter => {
                if self.unsaid == Unsaid::Unknown && (old.is_none() || new.is_none()) {
                    return None;
                }
                let (lost, gained) = members_of(old, new);
                let order = match (lost.is_empty(), gained.is_empty()) {
                    (true, true) => Ordering::Equal,
                    (false, true) => Ordering::Greater,
                    (true, false) => Ordering::Less,
                    (false, false) => return None,
                };
                Some(if matches!(self.safer, Safer::Longer) { order } else { order.reverse() })
            }
            Safer::Statuses => {
                let (olds, news) = (statuses(old), statuses(new));
                let within = |a: &[String], b: &[String]| a.iter().all(|one| b.contains(one));
                match (within(&olds, &news), within(&news, &olds)) {
                    (true, true) => Some(Ordering::Equal),
                    (true, false) => Some(Ordering::Greater),
                    (false, true) => Some(Ordering::Less),
                    (false, false) => None,
                }
            }
            _ => self.strength(old)?.partial_cmp(&self.strength(new)?),
        }
    }

    fn strength(&self, value: Option<&Meaning>) -> Option<f64> {
        let Some(value) = value else {
            return match self.unsaid {
                Unsaid::Weakest => Some(f64::NEG_INFINITY),
                Unsaid::Strongest => Some(f64::INFINITY),
                Unsaid::Is(word) => self.rank(word),
                Unsaid::Unknown => None,
            };
        };
        match self.safer {
            Safer::More => amount(value),
            Safer::Less => amount(value).map(|amount| -amount),
            Safer::Said => Some(0.0),
            Safer::Words(_) => self.rank(&value.to_string()),
            Safer::Versions => first_version(&value.to_string()),
            _ => None,
        }
    }

    fn rank(&self, word: &str) -> Option<f64> {
        let Safer::Words(words) = self.safer else { return None };
        // Of `rollback_to: ready` the first word decides.
        let word = word.split(':').next().unwrap_or(word);
        let rank = words.iter().position(|rank| rank.split('|').any(|known| known == word))?;
        Some(rank as f64)
    }
}

pub fn amount(value: &Meaning) -> Option<f64> {
    match value.is {
        Is::Number(value) | Is::Percent(value) => Some(value),
        Is::Time(value) => Some(value.as_secs_f64()),
        Is::Size(value) => Some(value as f64),
        _ => None,
    }
}

fn statuses(value: Option<&Meaning>) -> Vec<String> {
    match value {
        Some(value) => value.items().iter().map(Meaning::to_string).collect(),
        None => (200..300).map(|status| status.to_string()).collect(),
    }
}

/// `>=14.2` as a number that can be compared; other ranges cannot.
fn first_version(range: &str) -> Option<f64> {
    let version = range.strip_prefix(">=")?.trim();
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let mut number = 0.0;
    for _ in 0..3 {
        number = number * 100_000.0 + f64::from(parts.next().unwrap_or(Some(0))?);
    }
    Some(number)
}

/// What only the old list holds, and only the new one.
fn members_of(old: Option<&Meaning>, new: Option<&Meaning>) -> (String, String) {
    let items =
        |value: Option<&Meaning>| value.map(|value| value.items().to_vec()).unwrap_or_default();
    let (olds, news) = (items(old), items(new));
    let only = |these: &[Meaning], those: &[Meaning]| {
        let only = these.iter().filter(|item| !those.contains(item));
        only.map(Meaning::to_string).collect::<Vec<_>>().join(", ")
    };
    (only(&olds, &news), only(&news, &olds))
}
