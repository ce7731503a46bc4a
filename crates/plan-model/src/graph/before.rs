//! "A must come before B on every path": one mechanism for all rules about order.
//! Knows facts as small numbers; what they mean is the rule's business.

use super::CompiledPlan;

/// A set of facts that are established before something.
///
/// Nearly every rule has few facts: those fit in the first word, and cost no allocation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    first: u64,
    more: Vec<u64>,
}

impl Facts {
    pub fn insert(&mut self, fact: usize) {
        match (fact / 64).checked_sub(1) {
            None => self.first |= 1 << fact,
            Some(word) => {
                if self.more.len() <= word {
                    self.more.resize(word + 1, 0);
                }
                self.more[word] |= 1 << (fact % 64);
            }
        }
    }

    pub fn has(&self, fact: usize) -> bool {
        let word = match (fact / 64).checked_sub(1) {
            None => self.first,
            Some(word) => self.more.get(word).copied().unwrap_or(0),
        };
        word >> (fact % 64) & 1 == 1
    }

    fn add(&mut self, other: &Facts) {
        self.first |= other.first;
        if self.more.len() < other.more.len() {
            self.more.resize(other.more.len(), 0);
        }
        for (word, more) in self.more.iter_mut().zip(&other.more) {
            *word |= more;
        }
    }
}

/// For each entry: the facts that hold whenever it starts.
///
/// An entry starts only when everything that it waits for has ended, so a fact of any of those
/// holds. What may be skipped during the run establishes nothing.
pub fn before(plan: &CompiledPlan, establishes: impl Fn(usize, &mut Facts)) -> Vec<Facts> {
    plan.flow(Facts::default(), Facts::add, |at, facts| {
        let mut facts = facts.clone();
        if !plan.entry(at).conditional {
            establishes(at, &mut facts);
        }
        facts
    })
}

/// For each entry: the marks of everything that has ended or was skipped when it starts.
pub fn ended_before(plan: &CompiledPlan, marks: impl Fn(usize, &mut Facts)) -> Vec<Facts> {
    plan.flow(Facts::default(), Facts::add, |at, facts| {
        let mut facts = facts.clone();
        marks(at, &mut facts);
        facts
    })
}

/// For each entry: the marks of everything that waits for it, whether or not it will be skipped.
pub fn still_to_come(plan: &CompiledPlan, marks: impl Fn(usize, &mut Facts)) -> Vec<Facts> {
    plan.flow_back(Facts::default(), Facts::add, |at, facts| {
        let mut facts = facts.clone();
        marks(at, &mut facts);
        facts
    })
}

/// For each entry: the facts of everything that comes after it for certain.
pub fn after(plan: &CompiledPlan, establishes: impl Fn(usize, &mut Facts)) -> Vec<Facts> {
    plan.flow_back(Facts::default(), Facts::add, |at, facts| {
        let mut facts = facts.clone();
        if !plan.entry(at).conditional {
            establishes(at, &mut facts);
        }
        facts
    })
}
