//! What stands around the steps: environment, window, state, requirements, servers, people, waivers.
//! Shows no password.

use super::checks::{self, Place};
use super::judge::{self, Judged, Key, Safer, Unsaid, key};
use super::sentence::say;
use super::side::Picture;
use super::{Changes, Risk, Subject};
use crate::inputs::MASK;
use crate::model::meaning::{Is, Meaning, Means};
use crate::model::plan::{Busy, Connection, Contact, Host};
use crate::model::value::Id;
use crate::source::Span;

const PLAN: &[Key] = &[
    key("title", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("about", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("change", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("estimate", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("environments", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("keep", Safer::More, Unsaid::Unknown),
];

const WINDOW: &[Key] = &[
    key("lasts", Safer::More, Unsaid::Unknown),
    key("on_overrun", Safer::Words(&["continue", "ask|rollback"]), Unsaid::Is("ask")),
];

const STATE: &[Key] = &[
    key("databases", Safer::Longer, Unsaid::Weakest),
    key("files", Safer::Longer, Unsaid::Weakest),
    key("services", Safer::Longer, Unsaid::Weakest),
    key("except", Safer::Shorter, Unsaid::Strongest),
];

const CONNECTION: &[Key] = &[
    key("about", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("tls.mode", Safer::Words(TLS), Unsaid::Unknown),
    key("tls.ca", Safer::Said, Unsaid::Weakest),
    key("tls", Safer::Said, Unsaid::Weakest),
    key("log_sql", Safer::Words(&["true", "false"]), Unsaid::Is("false")),
];

const TLS: &[&str] = &["off", "prefer", "require", "verify-ca", "verify-full"];

const HOST: &[Key] = &[
    key("about", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("groups", Safer::Longer, Unsaid::Unknown),
];

const CONTACT: &[Key] = &[
    key("name", Safer::Said, Unsaid::Weakest),
    key("phone", Safer::Said, Unsaid::Weakest),
    key("email", Safer::Said, Unsaid::Weakest),
    key("webhook", Safer::Said, Unsaid::Weakest),
    key("command", Safer::Said, Unsaid::Weakest),
];

const ESCALATION: &[Key] = &[key("after", Safer::Less, Unsaid::Unknown)];

const ENVIRONMENT: &[Key] = &[
    key("title", Safer::Always(Risk::Neutral), Unsaid::Unknown),
    key("protected", Safer::Words(&["false", "true"]), Unsaid::Is("false")),
];

/// What the environment says about itself; what it lays over the plan is compared as the plan's.
pub fn environment(old: &Picture<'_>, new: &Picture<'_>, changes: &mut Changes) {
    let said = |side: &Picture<'_>| {
        let environment = side.plan().plan.environment.as_ref()?;
        let laid_over =
            ["inputs", "connections", "hosts", "window", "busy", "requires", "contacts"];
        Some((environment.environment.value.clone(), side.meaning(environment).without(&laid_over)))
    };
    if let (Some((_, was)), Some((id, is))) = (said(old), said(new)) {
        let subject = Subject::new("environment", &id);
        judge::compare(&judged("environment", &subject, ENVIRONMENT), &was, &is, changes);
    }
}

fn judged<'s>(family: &'static str, subject: &'s Subject, table: &'static [Key]) -> Judged<'s> {
    Judged { family, subject, prefix: subject.named(), table, otherwise: Risk::Notice }
}

pub fn plan(old: &Picture<'_>, new: &Picture<'_>, changes: &mut Changes) {
    let (was, is) = (&old.plan().plan, &new.plan().plan);
    let subject = Subject::new("window", "");
    let window = |side: &Picture<'_>| side.meaning_of(&side.plan().plan.window);
    whole("window", &subject, WINDOW, (window(old), window(new)), changes);
    let subject = Subject::new("state", "");
    let state = |side: &Picture<'_>| side.meaning_of(&side.plan().plan.file.state);
    whole("state", &subject, STATE, (state(old), state(new)), changes);
    let subject = Subject::new("plan", "");
    let place = Place { subject: &subject, noun: "requirement" };
    checks::compare(&place, (old, &was.requires), (new, &is.requires), changes);
    busy((old, &was.busy), (new, &is.busy), changes);
    let allow = |side: &Picture<'_>| side.meaning_of(&side.plan().plan.file.allow);
    waivers(&subject, allow(old).as_ref(), allow(new).as_ref(), changes);
    let elsewhere = [
        "inputs",
        "connections",
        "hosts",
        "window",
        "busy",
        "requires",
        "state",
        "phases",
        "steps",
        "contacts",
        "escalation",
        "allow",
    ];
    let rest = |side: &Picture<'_>| side.meaning(&side.plan().plan.file).without(&elsewhere);
    judge::compare(&judged("plan", &subject, PLAN), &rest(old), &rest(new), changes);
}

/// Something of which a plan has one or none: to have it is safer.
fn whole(
    family: &'static str,
    subject: &Subject,
    table: &'static [Key],
    values: (Option<Meaning>, Option<Meaning>),
    changes: &mut Changes,
) {
    match values {
        (Some(was), Some(is)) => {
            judge::compare(&judged(family, subject, table), &was, &is, changes)
        }
        (Some(was), None) => {
            let sentence = subject.named().then(" is gone, it was {}", &[&was.to_string()]);
            changes.push(format!("{family}-removed"), Risk::Worse, subject, sentence);
            changes.at(Some(was.span), None);
        }
        (None, Some(is)) => {
            let sentence = subject.named().then(" is new: {}", &[&is.to_string()]);
            changes.push(format!("{family}-added"), Risk::Better, subject, sentence);
            changes.at(None, Some(is.span));
        }
        (None, None) => {}
    }
}

/// Entries that have a name each: those gone, those new, those in both.
struct Named {
    id: String,
    meaning: Meaning,
    span: Span,
}

struct Kind {
    family: &'static str,
    table: &'static [Key],
    gone: Risk,
    came: Risk,
}

fn named<'v, T: Means + 'v>(
    side: &Picture<'_>,
    all: impl Iterator<Item = (String, &'v T, Span)>,
) -> Vec<Named> {
    let mut list: Vec<Named> = Vec::new();
    for (id, value, span) in all {
        // The second of one name is another one.
        let again = list.iter().filter(|known| known.id == id).count();
        let id = if again == 0 { id } else { format!("{id} ({})", again + 1) };
        list.push(Named { id, meaning: side.meaning(value), span });
    }
    list
}

fn lists(kind: &Kind, olds: &[Named], news: &[Named], changes: &mut Changes) {
    let subject = |named: &Named| Subject::new(kind.family, &named.id);
    for old in olds.iter().filter(|old| news.iter().all(|new| new.id != old.id)) {
        let subject = subject(old);
        let sentence = subject.named().words(" is gone");
        changes.push(format!("{}-removed", kind.family), kind.gone, &subject, sentence);
        changes.at(Some(old.span), None);
    }
    for new in news {
        let subject = subject(new);
        let Some(old) = olds.iter().find(|old| old.id == new.id) else {
            let sentence = subject.named().words(" is new");
            changes.push(format!("{}-added", kind.family), kind.came, &subject, sentence);
            changes.at(None, Some(new.span));
            continue;
        };
        judge::compare(
            &judged(kind.family, &subject, kind.table),
            &old.meaning,
            &new.meaning,
            changes,
        );
    }
}

fn busy(old: (&Picture<'_>, &[Busy]), new: (&Picture<'_>, &[Busy]), changes: &mut Changes) {
    let kind = Kind { family: "busy", table: &[], gone: Risk::Notice, came: Risk::Notice };
    let list = |(side, all): (&Picture<'_>, &[Busy])| {
        named(side, all.iter().map(|busy| (busy.name.value.clone(), busy, busy.span)))
    };
    lists(&kind, &list(old), &list(new), changes);
}

pub fn servers(old: &Picture<'_>, new: &Picture<'_>, changes: &mut Changes) {
    let list = |side: &Picture<'_>| {
        let all = side.plan().plan.connections.iter();
        named(side, all.map(|(id, value): &(Id, Connection)| (id.value.clone(), value, id.span)))
    };
    let (mut olds, mut news) = (list(old), list(new));
    for before in &mut olds {
        if let Some(after) = news.iter_mut().find(|after| after.id == before.id) {
            passwords(before, after, changes);
        }
    }
    let kind =
        Kind { family: "connection", table: CONNECTION, gone: Risk::Notice, came: Risk::Notice };
    lists(&kind, &olds, &news, changes);
    let list = |side: &Picture<'_>| {
        let all = side.plan().plan.hosts.iter();
        named(side, all.map(|(id, value): &(Id, Host)| (id.value.clone(), value, id.span)))
    };
    let kind = Kind { family: "host", table: HOST, gone: Risk::Notice, came: Risk::Notice };
    lists(&kind, &list(old), &list(new), changes);
}

/// Says that a password is another one, and takes it out of what is compared and shown.
fn passwords(old: &mut Named, new: &mut Named, changes: &mut Changes) {
    let of = |named: &Named| {
        let text = |key: &str| named.meaning.get(key).map(Meaning::to_string);
        (text("password"), text("url").and_then(|url| password_of(&url).map(str::to_owned)))
    };
    if of(old) != of(new) {
        let subject = Subject::new("connection", &new.id);
        let sentence = subject.named().words(": its password comes from elsewhere");
        changes.push("connection-password", Risk::Notice, &subject, sentence);
        changes.at(Some(old.span), Some(new.span));
    }
    for named in [old, new] {
        let Is::Map(keys) = &mut named.meaning.is else { continue };
        keys.retain(|(key, _)| key != "password");
        if let Some((_, url)) = keys.iter_mut().find(|(key, _)| key == "url")
            && let Is::Text(text) = &url.is
            && let Some(password) = password_of(text)
        {
            url.is = Is::Text(text.replacen(password, MASK, 1));
        }
    }
}

/// `user:password@` of an address.
fn password_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    Some(password).filter(|password| !password.is_empty())
}

pub fn people(old: &Picture<'_>, new: &Picture<'_>, changes: &mut Changes) {
    let list = |side: &Picture<'_>| {
        let all = side.plan().plan.contacts.iter();
        let role = |contact: &Contact| contact.role.value.clone();
        named(side, all.map(move |contact| (role(contact), contact, contact.span)))
    };
    let kind = Kind { family: "contact", table: CONTACT, gone: Risk::Worse, came: Risk::Better };
    lists(&kind, &list(old), &list(new), changes);
    let list = |side: &Picture<'_>| {
        let all = side.plan().plan.file.escalation.iter().flatten();
        named(
            side,
            all.map(|escalation| {
                let id = match escalation.only {
                    Some(only) => format!("{} for {}", escalation.tell.value, only.word()),
                    None => escalation.tell.value.clone(),
                };
                (id, escalation, escalation.span)
            }),
        )
    };
    let kind =
        Kind { family: "escalation", table: ESCALATION, gone: Risk::Worse, came: Risk::Better };
    lists(&kind, &list(old), &list(new), changes);
}

/// Lint rules that are silenced, each with its reason.
pub fn waivers(
    subject: &Subject,
    old: Option<&Meaning>,
    new: Option<&Meaning>,
    changes: &mut Changes,
) {
    let rules =
        |allow: Option<&Meaning>| allow.map(|allow| allow.keys().to_vec()).unwrap_or_default();
    let (olds, news) = (rules(old), rules(new));
    for (rule, reason) in &olds {
        if news.iter().all(|(other, _)| other != rule) {
            let sentence = say("the rule {} is no longer waived for ", &[rule.as_ref()]);
            let sentence = on(sentence, subject);
            changes.push("waiver-removed", Risk::Better, subject, sentence);
            changes.at(Some(reason.span), None);
        }
    }
    for (rule, reason) in &news {
        let text = reason.to_string();
        match olds.iter().find(|(other, _)| other == rule) {
            None => {
                let sentence = say("the rule {} is waived for ", &[rule.as_ref()]);
                let sentence = on(sentence, subject).then(", because {}", &[&text]);
                changes.push("waiver-added", Risk::Notice, subject, sentence);
                changes.at(None, Some(reason.span));
            }
            Some((_, before)) if before != reason => {
                let sentence = say("the rule {} is waived for ", &[rule.as_ref()]);
                let words = " for another reason: {}, it was {}";
                let sentence = on(sentence, subject).then(words, &[&text, &before.to_string()]);
                changes.push("waiver-reason", Risk::Neutral, subject, sentence);
                changes.at(Some(before.span), Some(reason.span));
            }
            Some(_) => {}
        }
    }
}

fn on(mut sentence: super::sentence::Sentence, subject: &Subject) -> super::sentence::Sentence {
    for part in subject.named().0 {
        sentence = match part {
            super::sentence::Part::Words(words) => sentence.words(&words),
            super::sentence::Part::Code(code) => sentence.code(&code),
        };
    }
    sentence
}
