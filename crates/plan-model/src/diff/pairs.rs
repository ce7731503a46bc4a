//! Which step, checkpoint or phase of the new plan is which of the old one: by id, or by the same
//! content under another id. Judges nothing.

use rustc_hash::{FxHashMap, FxHashSet};

use super::side::{Picture, Unit};

pub struct Pairs {
    /// Units of both plans: old, new.
    pub units: Vec<(usize, usize)>,
    /// Old unit → new unit, and back.
    pub new_of: Vec<Option<usize>>,
    pub old_of: Vec<Option<usize>>,
    pub removed: Vec<usize>,
    pub phases: Vec<(usize, usize)>,
    pub removed_phases: Vec<usize>,
    pub added_phases: Vec<usize>,
    pub renamed: FxHashMap<String, String>,
}

impl Pairs {
    pub fn find(old: &Picture<'_>, new: &Picture<'_>) -> Pairs {
        let mut units = Vec::new();
        let key = |unit: &Unit<'_>| (unit.entry.step().is_some(), unit.id.clone());
        let known: FxHashMap<_, _> =
            old.units.iter().enumerate().map(|(at, unit)| (key(unit), at)).collect();
        units.extend(
            new.units
                .iter()
                .enumerate()
                .filter_map(|(at, unit)| Some((*known.get(&key(unit))?, at))),
        );
        let mut renamed = FxHashMap::default();
        for (before, after) in same_content(old, new, &units) {
            renamed.insert(old.units[before].id.clone(), new.units[after].id.clone());
            units.push((before, after));
        }
        units.sort_by_key(|(_, new)| *new);
        let (removed, _) = rest(&units, old.units.len(), new.units.len());
        let phases = phases(old, new, &units);
        let (removed_phases, added_phases) =
            rest(&phases, old.plan().plan.phases.len(), new.plan().plan.phases.len());
        let mut new_of = vec![None; old.units.len()];
        let mut old_of = vec![None; new.units.len()];
        for (before, after) in &units {
            new_of[*before] = Some(*after);
            old_of[*after] = Some(*before);
        }
        Pairs { units, new_of, old_of, removed, phases, removed_phases, added_phases, renamed }
    }
}

fn rest(pairs: &[(usize, usize)], old: usize, new: usize) -> (Vec<usize>, Vec<usize>) {
    let (olds, news): (FxHashSet<usize>, FxHashSet<usize>) = pairs.iter().copied().unzip();
    let left = |count: usize, taken: FxHashSet<usize>| {
        (0..count).filter(|at| !taken.contains(at)).collect()
    };
    (left(old, olds), left(new, news))
}

/// Among those whose ids do not agree: the same content, in the order of the plan.
fn same_content(
    old: &Picture<'_>,
    new: &Picture<'_>,
    units: &[(usize, usize)],
) -> Vec<(usize, usize)> {
    let (removed, added) = rest(units, old.units.len(), new.units.len());
    let content = |unit: &Unit<'_>| {
        let meaning = unit.meaning.clone().without(&["title", "about"]);
        format!("{} {meaning}", unit.entry.step().is_some())
    };
    let mut free: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    for at in removed.into_iter().rev() {
        free.entry(content(&old.units[at])).or_default().push(at);
    }
    added
        .into_iter()
        .filter_map(|at| Some((free.get_mut(&content(&new.units[at]))?.pop()?, at)))
        .collect()
}

/// Phases of the same id, or whose steps went into the other all together.
fn phases(old: &Picture<'_>, new: &Picture<'_>, units: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let (olds, news) = (&old.plan().plan.phases, &new.plan().plan.phases);
    let known: FxHashMap<_, _> =
        olds.iter().enumerate().map(|(at, phase)| (phase.id.as_str(), at)).collect();
    let mut pairs: Vec<(usize, usize)> = news
        .iter()
        .enumerate()
        .filter_map(|(at, phase)| Some((*known.get(phase.id.as_str())?, at)))
        .collect();
    let (removed, added) = rest(&pairs, olds.len(), news.len());
    for after in added {
        let mut before = units
            .iter()
            .filter(|(_, at)| new.units[*at].phase == after)
            .map(|(at, _)| old.units[*at].phase);
        let Some(first) = before.next() else { continue };
        let taken = pairs.iter().any(|(old, _)| *old == first);
        if removed.contains(&first) && !taken && before.all(|phase| phase == first) {
            pairs.push((first, after));
        }
    }
    pairs.sort_by_key(|(_, new)| *new);
    pairs
}
