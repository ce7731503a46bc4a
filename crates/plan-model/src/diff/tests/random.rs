//! Random changes to a rich plan: something is told exactly if the plan means something else.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::diff::side::Picture;
use crate::model::meaning::Meaning;

fn base() -> Json {
    json!({
        "plan": "shop",
        "title": "Upgrade",
        "inputs": {
            "tag": { "type": "string", "default": "v2", "about": "git tag" },
            "tables": { "type": "list", "default": ["a", "b"] },
            "url": { "secret": true, "env": "URL" },
        },
        "connections": { "main": { "server": "postgresql", "host": "db", "user": "u", "tls": { "mode": "verify-full", "ca": "x" } } },
        "hosts": { "web": { "ssh": "a@b", "groups": ["front"] } },
        "window": { "opens": "02:00", "lasts": "3h", "timezone": "UTC", "on_overrun": "ask" },
        "requires": [{ "tool": "git", "version": ">=2.30" }, { "gate": "rehearsed" }, { "disk": "/", "free": "5GiB" }],
        "state": { "databases": ["main"], "files": ["app/", ".env"], "except": ["logs/"] },
        "contacts": [{ "role": "DBA", "phone": "1" }, { "role": "Lead", "phone": "2" }],
        "escalation": [{ "after": "5m", "tell": "DBA" }],
        "allow": { "backup-before-change": "never measured" },
        "jobs": 2,
        "phases": [
            { "phase": "one", "estimate": "1h", "steps": [
                { "step": "save", "backup": { "database": "main", "to": "b/", "keep": "30d", "proof": "restore" }, "estimate": "5m..15m" },
                { "step": "look", "run": ["uptime", "-p"], "read_only": true, "needs": [], "timeout": "5m", "env": { "A": "1" } },
                { "checkpoint": "ready", "within": "2m", "in_a_row": 2, "on_failure": "pause", "checks": [
                    { "disk": "/", "used_below": "80%" }, { "manual": "ok?", "role": "DBA" }, { "http": "http://a/", "status": [200, 204] },
                ] },
            ] },
            { "phase": "two", "maintenance": true, "watch": [{ "disk": "/", "used_below": "90%", "tolerate": 2 }], "steps": [
                { "step": "stop", "run": "systemctl stop shop", "rollback": [{ "run": "systemctl start shop", "timeout": "1m" }], "retry": 2 },
                { "step": "each", "for_each": ["a", "b"], "run": "x {{ item }}", "rollback": { "run": "y {{ item }}" }, "parallel": true },
                { "step": "code", "git": { "checkout": "{{ tag }}", "in": "app/" }, "probe": { "file": "x" }, "user": "deploy" },
                { "step": "drop", "sql": { "text": "delete from a", "database": "main", "transaction": "auto" }, "irreversible": "old" },
                { "checkpoint": "well", "checks": [{ "sql": "select 1", "on": "main", "above": 3 }, { "backup": "save" }] },
            ] },
        ],
    })
}

/// Every place of a JSON document, as pointers.
fn places(json: &Json, at: String, all: &mut Vec<String>) {
    match json {
        Json::Object(map) => map.iter().for_each(|(key, value)| {
            all.push(format!("{at}/{key}"));
            places(value, format!("{at}/{key}"), all);
        }),
        Json::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            all.push(format!("{at}/{index}"));
            places(value, format!("{at}/{index}"), all);
        }),
        _ => {}
    }
}

#[derive(Debug, Clone)]
enum Mutation {
    Remove(usize),
    Bump(usize),
    Swap(usize),
    Reverse(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        any::<usize>().prop_map(Mutation::Remove),
        any::<usize>().prop_map(Mutation::Bump),
        any::<usize>().prop_map(Mutation::Swap),
        any::<usize>().prop_map(Mutation::Reverse),
    ]
}

fn mutate(json: &mut Json, mutation: &Mutation) {
    let mut all = Vec::new();
    places(json, String::new(), &mut all);
    let (Mutation::Remove(at) | Mutation::Bump(at) | Mutation::Swap(at) | Mutation::Reverse(at)) =
        mutation;
    let place = &all[at % all.len()];
    let Some((parent, last)) = place.rsplit_once('/') else { return };
    match mutation {
        Mutation::Remove(_) => match json.pointer_mut(parent) {
            Some(Json::Object(map)) => drop(map.shift_remove(last)),
            Some(Json::Array(items)) => drop(items.remove(last.parse::<usize>().unwrap())),
            _ => {}
        },
        Mutation::Bump(_) => match json.pointer_mut(place) {
            Some(Json::String(text)) => *text = bumped(text),
            Some(Json::Bool(value)) => *value = !*value,
            Some(value) if value.is_number() => *value = json!(value.as_u64().unwrap_or(1) + 1),
            _ => {}
        },
        Mutation::Swap(_) => {
            if let Some(Json::Array(items)) = json.pointer_mut(parent)
                && items.len() > 1
            {
                let at = last.parse::<usize>().unwrap();
                let other = (at + 1) % items.len();
                items.swap(at, other);
            }
        }
        // Only the order of the keys.
        Mutation::Reverse(_) => {
            if let Some(Json::Object(map)) = json.pointer_mut(parent) {
                *map = std::mem::take(map).into_iter().rev().collect();
            }
        }
    }
}

/// Another text that is most often still of the same notation.
fn bumped(text: &str) -> String {
    let digit = text.find(|c: char| ('1'..='8').contains(&c));
    match digit {
        Some(at) => {
            let next = char::from(text.as_bytes()[at] + 1);
            format!("{}{next}{}", &text[..at], &text[at + 1..])
        }
        None => format!("{text}x"),
    }
}

/// What a plan means, in full; lists whose order does not count are sorted.
fn canonical(read: &Read) -> String {
    let side = read.side();
    let picture = Picture::of(&side);
    let plan = &read.plan.plan;
    let mut all = Vec::new();
    let shown = |meaning: Option<Meaning>| {
        meaning.map_or(String::new(), |meaning| format!("{}", Shown(&meaning)))
    };
    for unit in &picture.units {
        let before = (0..picture.units.len()).filter(|other| {
            picture.units[*other].phase == unit.phase
                && picture.is_before(
                    *other,
                    picture.units.iter().position(|one| one.id == unit.id).unwrap(),
                )
        });
        let mut before: Vec<_> = before.map(|other| picture.units[other].id.clone()).collect();
        before.sort();
        all.push(format!(
            "{} in {} after {before:?}: {}",
            unit.id,
            plan.phases[unit.phase].id,
            Shown(&unit.meaning)
        ));
    }
    all.sort();
    for phase in &plan.phases {
        all.push(format!(
            "{} {} {} {} {}",
            phase.id,
            phase.maintenance,
            shown(picture.meaning_of(&phase.estimate)),
            shown(picture.meaning_of(&phase.watch)),
            shown(picture.meaning_of(&phase.allow)),
        ));
    }
    let mut named: Vec<String> = Vec::new();
    named.extend(
        plan.connections
            .iter()
            .map(|(id, value)| format!("{} {}", id.value, shown(picture.meaning_of(value)))),
    );
    named.extend(
        plan.hosts
            .iter()
            .map(|(id, value)| format!("{} {}", id.value, shown(picture.meaning_of(value)))),
    );
    named.extend(plan.contacts.iter().map(|value| shown(picture.meaning_of(value))));
    named.extend(
        plan.file.escalation.iter().flatten().map(|value| shown(picture.meaning_of(value))),
    );
    named.sort();
    all.extend(named);
    all.push(shown(picture.meaning_of(&plan.window)));
    all.push(shown(picture.meaning_of(&plan.requires)));
    all.push(shown(
        picture.meaning_of(&plan.file).map(|file| file.without(&["contacts", "escalation"])),
    ));
    all.join("\n")
}

/// With the kinds of values, which people are not shown.
struct Shown<'m>(&'m Meaning);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::model::meaning::Is;
        match &self.0.is {
            Is::List(items) => items.iter().try_for_each(|item| write!(f, "[{}]", Shown(item))),
            Is::Map(keys) => {
                keys.iter().try_for_each(|(key, value)| write!(f, "{{{key}: {}}}", Shown(value)))
            }
            other => write!(f, "{other:?}"),
        }
    }
}

fn read_json(json: &Json) -> Option<Read> {
    read(&folder(&json.to_string()), &Setting::default()).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn something_is_told_exactly_if_the_meaning_differs(
        mutations in proptest::collection::vec(mutation(), 1..4),
    ) {
        let mut other = base();
        mutations.iter().for_each(|mutation| mutate(&mut other, mutation));
        let Some(new) = read_json(&other) else { return Ok(()) };
        let old = read_json(&base()).unwrap();
        prop_assert!(diff(&new.side(), &new.side()).is_empty());
        let differs = canonical(&old) != canonical(&new);
        for (from, to) in [(&old, &new), (&new, &old)] {
            let changes = diff(&from.side(), &to.side());
            let lines: Vec<_> = changes.iter().map(|change| change.sentence.to_string()).collect();
            prop_assert_eq!(differs, !changes.is_empty(), "{:#?}\n{}\n{}", lines, canonical(from), canonical(to));
        }
    }
}

#[test]
fn the_rich_plan_is_valid() {
    read(&folder(&base().to_string()), &Setting::default()).map(|_| ()).unwrap();
}
