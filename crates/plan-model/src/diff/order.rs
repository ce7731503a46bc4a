//! What waits for what within a phase: only where the order really changed, not where lines moved.
//! Phases and steps that change phase are looked at elsewhere.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::pairs::Pairs;
use super::side::{Picture, Unit};
use super::{Changes, Risk, Subject};

/// `then` waits for `first`; units of the new plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Wait {
    first: usize,
    then: usize,
}

pub fn compare(old: &Picture<'_>, new: &Picture<'_>, pairs: &Pairs, changes: &mut Changes) {
    let in_old = |wait: Wait| match (pairs.old_of[wait.first], pairs.old_of[wait.then]) {
        (Some(first), Some(then)) => old.is_before(first, then),
        _ => false,
    };
    let in_new = |wait: Wait| new.is_before(wait.first, wait.then);
    let stays = |wait: &Wait| same_phase(old, new, pairs, wait);
    let olds = direct(old, &|unit| pairs.new_of[unit]);
    let news = direct(new, &|unit| pairs.old_of[unit].map(|_| unit));
    // A wait is lost only if nothing in between upholds it, and new only if nothing upheld it.
    let is_lost = |wait: &Wait| in_old(*wait) && !in_new(*wait);
    let mut lost: Vec<Wait> =
        olds.into_iter().filter(|wait| stays(wait) && is_lost(wait)).collect();
    let gained: Vec<Wait> = news.into_iter().filter(stays).filter(|wait| !in_old(*wait)).collect();
    // A checkpoint that is no longer passed first is named, however far away it was.
    let behind: FxHashSet<usize> =
        lost.iter().chain(&gained).flat_map(|wait| [wait.first, wait.then]).collect();
    lost.extend(gates(new, &behind).into_iter().filter(|wait| stays(wait) && is_lost(wait)));
    lost.sort_unstable_by_key(|wait| (wait.then, wait.first));
    lost.dedup();
    let turned = |wait: &Wait| Wait { first: wait.then, then: wait.first };
    let (mut reversed, lost): (Vec<Wait>, Vec<Wait>) =
        lost.into_iter().partition(|wait| in_new(turned(wait)));
    let (reversed_too, gained): (Vec<Wait>, Vec<Wait>) =
        gained.into_iter().partition(|wait| in_old(turned(wait)));
    reversed.extend(reversed_too.iter().map(turned));
    reversed.sort_unstable();
    reversed.dedup();
    moved(old, new, pairs, reversed, changes);
    each(new, &lost, changes, |first, then, names| {
        let gate = first.entry.checkpoint().is_some();
        let risk = if gate { Risk::Worse } else { Risk::Notice };
        ("wait-lost", risk, then.subject().named().then(" no longer waits for {}", &[names]))
    });
    each(new, &gained, changes, |_, then, names| {
        ("wait-gained", Risk::Neutral, then.subject().named().then(" waits for {} now", &[names]))
    });
}

fn same_phase(old: &Picture<'_>, new: &Picture<'_>, pairs: &Pairs, wait: &Wait) -> bool {
    let phase = |unit: usize| pairs.old_of[unit].map(|unit| old.units[unit].phase);
    new.units[wait.first].phase == new.units[wait.then].phase
        && phase(wait.first) == phase(wait.then)
}

/// The waits between units that both plans have, others skipped over, in terms of the new plan.
fn direct(side: &Picture<'_>, known: &dyn Fn(usize) -> Option<usize>) -> Vec<Wait> {
    let mut waits = Vec::new();
    for (at, unit) in side.units.iter().enumerate() {
        let Some(then) = known(at) else { continue };
        let mut seen = FxHashSet::default();
        let mut todo = unit.entries.clone();
        while let Some(entry) = todo.pop() {
            for (before, _) in side.plan().waits_for(entry) {
                let other = side.unit_of[before];
                if side.units[other].phase != unit.phase || other == at || !seen.insert(other) {
                    continue;
                }
                match known(other) {
                    Some(first) => waits.push(Wait { first, then }),
                    None => todo.extend(&side.units[other].entries),
                }
            }
        }
    }
    waits
}

/// Each of these units behind each checkpoint of its phase.
fn gates(side: &Picture<'_>, behind: &FxHashSet<usize>) -> Vec<Wait> {
    let units = side.units.iter().enumerate();
    let gates = units.filter(|(_, unit)| unit.entry.checkpoint().is_some());
    let mut waits = Vec::new();
    for (first, gate) in gates {
        let same = |then: &&usize| side.units[**then].phase == gate.phase && **then != first;
        waits.extend(behind.iter().filter(same).map(|then| Wait { first, then: *then }));
    }
    waits
}

/// Of turned pairs, the units that explain most of them are said to have moved.
fn moved(
    old: &Picture<'_>,
    new: &Picture<'_>,
    pairs: &Pairs,
    reversed: Vec<Wait>,
    changes: &mut Changes,
) {
    let mut of: FxHashMap<usize, Vec<Wait>> = FxHashMap::default();
    for wait in reversed {
        of.entry(wait.first).or_default().push(wait);
        of.entry(wait.then).or_default().push(wait);
    }
    // Of two that changed places, a step rather than a checkpoint; of two steps the later one.
    let is_gate = |at: usize| new.units[at].entry.checkpoint().is_some();
    let rank = |at: usize, waits: &Vec<Wait>| (waits.len(), !is_gate(at), at);
    let mut ranks: BTreeSet<_> = of.iter().map(|(at, waits)| rank(*at, waits)).collect();
    while let Some((_, _, mover)) = ranks.pop_last() {
        let Some(mine) = of.remove(&mover).filter(|mine| !mine.is_empty()) else { return };
        for wait in &mine {
            let other = if wait.first == mover { wait.then } else { wait.first };
            if let Some(waits) = of.get_mut(&other) {
                ranks.remove(&rank(other, waits));
                waits.retain(|known| known != wait);
                ranks.insert(rank(other, waits));
            }
        }
        let others = |then: bool| {
            let mine = mine.iter().filter(move |wait| (wait.then == mover) == then);
            let mut others: Vec<usize> =
                mine.map(|wait| if then { wait.first } else { wait.then }).collect();
            others.sort_unstable();
            others
        };
        let (before, after) = (others(true), others(false));
        let unit = &new.units[mover];
        let mut sentence = unit.subject().named().words(" moved: it runs");
        if !after.is_empty() {
            sentence = sentence.then(" after {} now", &[&names(new, after.iter().copied())]);
        }
        if !before.is_empty() {
            let and = if after.is_empty() { "" } else { " and" };
            let list = names(new, before.iter().copied());
            sentence = sentence.words(and).then(" before {} now", &[&list]);
        }
        let early = before.iter().any(|at| is_gate(*at));
        let late = is_gate(mover) && !after.is_empty();
        let risk = if early || late { Risk::Worse } else { Risk::Notice };
        changes.push("order-changed", risk, &unit.subject(), sentence);
        let span = pairs.old_of[mover].and_then(|at| old.units[at].span());
        changes.at(span, unit.span());
    }
}

fn names(side: &Picture<'_>, units: impl Iterator<Item = usize>) -> String {
    units.map(|at| side.units[at].id.as_str()).collect::<Vec<_>>().join(", ")
}

type Said = (&'static str, Risk, super::sentence::Sentence);

/// One change for each unit and risk, however many it waits for.
fn each(
    new: &Picture<'_>,
    waits: &[Wait],
    changes: &mut Changes,
    say: impl Fn(&Unit<'_>, &Unit<'_>, &str) -> Said,
) {
    let is_gate = |wait: &Wait| new.units[wait.first].entry.checkpoint().is_some();
    let mut groups: Vec<Vec<Wait>> = Vec::new();
    for wait in waits {
        let same = |group: &&mut Vec<Wait>| {
            group[0].then == wait.then && is_gate(&group[0]) == is_gate(wait)
        };
        match groups.iter_mut().rev().take(8).find(same) {
            Some(group) => group.push(*wait),
            None => groups.push(vec![*wait]),
        }
    }
    for group in groups {
        let (first, then) = (&new.units[group[0].first], &new.units[group[0].then]);
        let names = names(new, group.iter().map(|wait| wait.first));
        let (kind, risk, sentence) = say(first, then, &names);
        let subject: Subject = then.subject();
        changes.push(kind, risk, &subject, sentence);
        changes.at(None, then.span());
    }
}
