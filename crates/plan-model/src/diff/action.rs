//! What a step does, before and now: another action, other texts, weaker or stronger settings.
//! Does not know how it is undone.

use super::judge::{self, Judged, Key, Safer, Unsaid, key};
use super::sentence::fits;
use super::{Changes, Risk, Subject, files};
use crate::model::action::{ACTION_KEYS, ActionFacts};
use crate::model::meaning::Meaning;
use crate::model::plan::Step;

/// Settings that protect, by action and key. What is not here is simply something else.
const TABLE: &[Key] = &[
    key("backup.proof", Safer::Words(&["read", "parse", "restore"]), Unsaid::Is("parse")),
    key("backup.min_size", Safer::More, Unsaid::Weakest),
    key("backup.keep", Safer::More, Unsaid::Unknown),
    key("backup.keep_last", Safer::More, Unsaid::Weakest),
    key("backup.copy_to", Safer::Said, Unsaid::Weakest),
    key("backup.encrypt_for", Safer::Said, Unsaid::Weakest),
    key("backup.except", Safer::Shorter, Unsaid::Strongest),
    key("backup.files", Safer::Longer, Unsaid::Weakest),
    key("backup.secret", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
    key("restore.mode", Safer::Words(&["replace", "swap|scratch"]), Unsaid::Is("swap")),
    key("restore.confirm", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
    key("fetch.sha256", Safer::Said, Unsaid::Weakest),
    key("fetch.sums", Safer::Said, Unsaid::Weakest),
    key("fetch.hosts", Safer::Shorter, Unsaid::Weakest),
    key("fetch.max_size", Safer::Less, Unsaid::Unknown),
    key("git.expect_commit", Safer::Said, Unsaid::Weakest),
    key("git.fast_forward_only", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
    key("sql.transaction", Safer::Words(&["off", "each", "auto"]), Unsaid::Is("auto")),
    key("sql.expect", Safer::Said, Unsaid::Weakest),
    key("sql.lock_timeout", Safer::Less, Unsaid::Weakest),
    key("sql.statement_timeout", Safer::Less, Unsaid::Weakest),
    key("migrate.expect_pending", Safer::Said, Unsaid::Weakest),
    key("migrate.lock_timeout", Safer::Less, Unsaid::Weakest),
    key("migrate.statement_timeout", Safer::Less, Unsaid::Weakest),
    key("migrate.allow_out_of_order", Safer::Words(&["true", "false"]), Unsaid::Is("false")),
    key("compare.except", Safer::Shorter, Unsaid::Strongest),
    key("compare.tables", Safer::Longer, Unsaid::Strongest),
    key("compare.values", Safer::Said, Unsaid::Weakest),
    key("http.status", Safer::Statuses, Unsaid::Unknown),
    key("service.stable_for", Safer::More, Unsaid::Weakest),
    key("service.drain", Safer::More, Unsaid::Weakest),
    key("wait.at_most", Safer::Less, Unsaid::Weakest),
    key("wait.stable_for", Safer::More, Unsaid::Weakest),
    key("manual.role", Safer::Said, Unsaid::Weakest),
    key("manual.evidence", Safer::Words(&["none", "text", "file"]), Unsaid::Is("none")),
    key("manual.two_people", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
    key("manual.due", Safer::Less, Unsaid::Strongest),
    key("notify.required", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
    key("files.max_size", Safer::Less, Unsaid::Unknown),
];

/// What a step does, in one line.
pub fn line(step: &Step) -> String {
    let action = step.actions.iter().next();
    action.map_or(String::new(), |action| ActionFacts::line(action.facts()))
}

fn action_of(step: &Step) -> &'static str {
    step.actions.iter().next().map_or("", |action| action.key())
}

pub fn compare(
    subject: &Subject,
    (old, old_step): (&Meaning, &Step),
    (new, new_step): (&Meaning, &Step),
    changes: &mut Changes,
) {
    let (before, after) = (action_of(old_step), action_of(new_step));
    let judged = Judged {
        family: "action",
        subject,
        prefix: subject.named(),
        table: TABLE,
        otherwise: Risk::Notice,
    };
    if before != after {
        let words = " does something else: {} instead of {}";
        let sentence = subject.named().then(words, &[after, before]);
        changes.push("action-changed", Risk::Notice, subject, sentence);
        changes.texts(Some(line(old_step)), Some(line(new_step)));
        changes.at(Some(old_step.actions.span), Some(new_step.actions.span));
        place(before, after, old, new, changes);
        return;
    }
    let mut rest = Vec::new();
    for difference in judge::differences(old, new) {
        if !ACTION_KEYS.contains(&difference.path.split('.').next().unwrap_or_default()) {
            continue;
        }
        let content = match (difference.old, difference.new) {
            (Some(old), Some(new)) => files::compare(&judged, old, new, changes),
            _ => false,
        };
        match judged.row(&difference.path) {
            _ if content => {}
            Some(_) => judge::one(&judged, &difference, changes),
            None => rest.push(difference),
        }
    }
    let (old_line, new_line) = (line(old_step), line(new_step));
    let shows = |line: &str, value: Option<&Meaning>| {
        value.is_none_or(|value| line.contains(&value.to_string()))
    };
    let (seen, unseen): (Vec<_>, Vec<_>) = rest.iter().partition(|difference| {
        old_line != new_line && shows(&old_line, difference.old) && shows(&new_line, difference.new)
    });
    if let Some(first) = seen.first().copied().or(rest.first())
        && old_line != new_line
    {
        let fits = fits(&old_line) && fits(&new_line);
        let sentence = if fits {
            subject.named().then(" does {} instead of {}", &[&new_line, &old_line])
        } else {
            subject.named().words(" does something else")
        };
        changes.push("action-changed", Risk::Notice, subject, sentence);
        if !fits {
            changes.texts(Some(old_line), Some(new_line));
        }
        changes.at(first.old.map(|old| old.span), first.new.map(|new| new.span));
    }
    for difference in unseen {
        judge::one(&judged, difference, changes);
    }
}

/// The place of another action: its own value, not the whole step.
fn place(before: &str, after: &str, old: &Meaning, new: &Meaning, changes: &mut Changes) {
    let span = |meaning: &Meaning, key: &str| meaning.get(key).map(|value| value.span);
    changes.at(span(old, before), span(new, after));
}
