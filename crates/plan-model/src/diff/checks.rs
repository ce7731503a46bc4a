//! Checks of checkpoints, watches, requirements and probes: lost, new, weaker, stronger.
//! Does not know what a failed check leads to.

use super::judge::{self, Judged, Key, Safer, Unsaid, key};
use super::sentence::Sentence;
use super::side::Picture;
use super::{Changes, Risk, Subject};
use crate::model::check::Check;
use crate::model::meaning::{Is, Meaning};

const TABLE: &[Key] = &[
    key("title", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("hint", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("as", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("within", Safer::Less, Unsaid::Strongest),
    key("every", Safer::Less, Unsaid::Unknown),
    key("in_a_row", Safer::More, Unsaid::Weakest),
    key("tolerate", Safer::Less, Unsaid::Strongest),
    key("for", Safer::More, Unsaid::Weakest),
    key("equals", Safer::Said, Unsaid::Weakest),
    key("below", Safer::Less, Unsaid::Weakest),
    key("above", Safer::More, Unsaid::Weakest),
    key("matches", Safer::Said, Unsaid::Weakest),
    key("empty", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
    key("status", Safer::Statuses, Unsaid::Unknown),
    key("contains", Safer::Said, Unsaid::Weakest),
    key("faster_than", Safer::Less, Unsaid::Weakest),
    key("then", Safer::Longer, Unsaid::Weakest),
    key("used_below", Safer::Less, Unsaid::Weakest),
    key("free", Safer::More, Unsaid::Weakest),
    key("memory", Safer::More, Unsaid::Weakest),
    key("mode", Safer::Said, Unsaid::Weakest),
    key("owner", Safer::Said, Unsaid::Weakest),
    key("writable", Safer::Said, Unsaid::Weakest),
    key("sha256", Safer::Said, Unsaid::Weakest),
    key("max_age", Safer::Less, Unsaid::Weakest),
    key("fail_on", Safer::Longer, Unsaid::Unknown),
    key("allow_lines", Safer::Shorter, Unsaid::Strongest),
    key("proof", Safer::Words(&["read", "parse", "restore"]), Unsaid::Weakest),
    key("min_size", Safer::More, Unsaid::Weakest),
    key("rules", Safer::Said, Unsaid::Unknown),
    key("except", Safer::Shorter, Unsaid::Strongest),
    key("role", Safer::Said, Unsaid::Weakest),
    key("evidence", Safer::Words(&["none", "text", "file"]), Unsaid::Is("none")),
    key("two_people", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
    key("due", Safer::Less, Unsaid::Strongest),
    key("by", Safer::Said, Unsaid::Weakest),
    key("stable_for", Safer::More, Unsaid::Weakest),
    key("version", Safer::Versions, Unsaid::Weakest),
    key("server", Safer::Versions, Unsaid::Weakest),
    key("privileges", Safer::Longer, Unsaid::Weakest),
    key("any_of", Safer::Shorter, Unsaid::Unknown),
];

/// Where checks stand, and what one is called there.
pub struct Place<'p> {
    pub subject: &'p Subject,
    /// `check`, `watch`, `requirement`, `probe`.
    pub noun: &'static str,
}

struct Asked<'c> {
    check: &'c Check,
    meaning: Meaning,
}

impl Asked<'_> {
    fn is_manual(&self) -> bool {
        matches!(self.check, Check::Manual(_))
    }

    /// What is asked, whatever the answer must be.
    fn subject(&self) -> String {
        let key = self.check.key();
        let value = self.meaning.get(key).map(|value| match value.keys() {
            [(_, only)] => only.to_string(),
            _ => value.to_string(),
        });
        format!("{key}: {}", value.unwrap_or_default())
    }

    fn name(&self) -> String {
        let title = self.check.common().title.as_ref();
        title.map_or_else(|| self.subject(), |title| title.value.clone())
    }
}

pub fn compare(
    place: &Place<'_>,
    (old, olds): (&Picture<'_>, &[Check]),
    (new, news): (&Picture<'_>, &[Check]),
    changes: &mut Changes,
) {
    fn asked<'c>(side: &Picture<'_>, checks: &'c [Check]) -> Vec<Asked<'c>> {
        let asked = |check| Asked { check, meaning: side.meaning(check) };
        checks.iter().map(asked).collect()
    }
    let (mut olds, mut news) = (asked(old, olds), asked(new, news));
    if olds.iter().map(|asked| &asked.meaning).eq(news.iter().map(|asked| &asked.meaning)) {
        return;
    }
    let first = changes.all.len();
    take_pairs(&mut olds, &mut news, |old, new| old.meaning == new.meaning);
    // The likest first: the same question, then the same kind of question, then a person for a machine.
    let same = take_pairs(&mut olds, &mut news, |old, new| old.subject() == new.subject());
    let alike = take_pairs(&mut olds, &mut news, |old, new| old.check.key() == new.check.key());
    let swapped = take_pairs(&mut olds, &mut news, |old, new| old.is_manual() != new.is_manual());
    for (old, new) in same.iter().chain(&alike) {
        changed(place, old, new, changes);
    }
    for (old, new) in &swapped {
        replaced(place, old, new, changes);
    }
    for old in &olds {
        gone(place, old, changes);
    }
    for new in &news {
        came(place, new, changes);
    }
    if changes.all.len() == first {
        let words = format!(": its {}s stand in another order", place.noun);
        let sentence = place.subject.named().words(&words);
        changes.push(format!("{}-order", place.noun), Risk::Neutral, place.subject, sentence);
    }
}

/// Takes out those that belong together, each once, in the order of the plan.
fn take_pairs<'c>(
    olds: &mut Vec<Asked<'c>>,
    news: &mut Vec<Asked<'c>>,
    belong: impl Fn(&Asked<'_>, &Asked<'_>) -> bool,
) -> Vec<(Asked<'c>, Asked<'c>)> {
    let mut pairs = Vec::new();
    let mut left = Vec::new();
    for old in olds.drain(..) {
        match news.iter().position(|new| belong(&old, new)) {
            Some(at) => pairs.push((old, news.remove(at))),
            None => left.push(old),
        }
    }
    *olds = left;
    pairs
}

fn said(place: &Place<'_>, words: &str, codes: &[&str]) -> Sentence {
    place.subject.named().words(": ").then(&words.replace("NOUN", place.noun), codes)
}

fn changed(place: &Place<'_>, old: &Asked<'_>, new: &Asked<'_>, changes: &mut Changes) {
    let asks_other = old.subject() != new.subject();
    let name = if asks_other { new.name() } else { old.name() };
    let judged = Judged {
        family: place.noun,
        subject: place.subject,
        prefix: said(place, "the NOUN {}", &[&name]),
        table: TABLE,
        otherwise: Risk::Notice,
    };
    let mut rest = false;
    for difference in judge::differences(&old.meaning, &new.meaning) {
        let own =
            difference.path == old.check.key() || difference.path.starts_with(old.check.key());
        // `memory: 2GiB` is its own threshold.
        if own && asks_other && judged.row(&difference.path).is_none() {
            rest = true;
        } else {
            judge::one(&judged, &difference, changes);
        }
    }
    if rest {
        let sentence = said(place, "the NOUN {} became {}", &[&old.name(), &new.name()]);
        let kind = format!("{}-changed", place.noun);
        changes.push(kind, Risk::Notice, place.subject, sentence);
        changes.texts(Some(main_text(old)), Some(main_text(new)));
        changes.at(Some(old.check.span()), Some(new.check.span()));
    }
}

fn main_text(asked: &Asked<'_>) -> String {
    let value = asked.meaning.get(asked.check.key());
    value.map_or(String::new(), |value| match &value.is {
        Is::Map(keys) if keys.len() == 1 => keys[0].1.to_string(),
        _ => value.to_string(),
    })
}

fn replaced(place: &Place<'_>, old: &Asked<'_>, new: &Asked<'_>, changes: &mut Changes) {
    let (risk, kind, words) = if new.is_manual() {
        (Risk::Worse, "weaker", "a person is asked {} instead of the NOUN {}")
    } else {
        (Risk::Better, "stronger", "the NOUN {} stands in for the question {}")
    };
    let sentence = said(place, words, &[&new.name(), &old.name()]);
    changes.push(format!("{}-{kind}", place.noun), risk, place.subject, sentence);
    changes.at(Some(old.check.span()), Some(new.check.span()));
}

fn gone(place: &Place<'_>, old: &Asked<'_>, changes: &mut Changes) {
    let words = if matches!(old.check, Check::Gate(_)) {
        "the gate {} is gone"
    } else {
        "the NOUN {} is gone"
    };
    let sentence = said(place, words, &[&line(old)]);
    changes.push(format!("{}-removed", place.noun), Risk::Worse, place.subject, sentence);
    changes.at(Some(old.check.span()), None);
}

fn came(place: &Place<'_>, new: &Asked<'_>, changes: &mut Changes) {
    let sentence = said(place, "the NOUN {} is new", &[&line(new)]);
    changes.push(format!("{}-added", place.noun), Risk::Better, place.subject, sentence);
    changes.at(None, Some(new.check.span()));
}

fn line(asked: &Asked<'_>) -> String {
    crate::model::check::line(asked.check).replace('`', "")
}
