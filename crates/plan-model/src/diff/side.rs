//! One plan as it is compared: its entries as their author wrote them (loops not laid out), and what
//! each means, with the texts of the files that it names.

use rustc_hash::FxHashMap;

use super::pairs::Pairs;
use super::{Side, Subject};
use crate::graph::CompiledPlan;
use crate::model::meaning::{Is, Meaning, Means, json};
use crate::resolve::{EntryOf, What};
use crate::source::Span;

/// A step or checkpoint as it stands in the text: a loop is one unit.
pub struct Unit<'p> {
    pub id: String,
    pub entry: &'p EntryOf,
    /// Its entries in the compiled plan: several for a loop.
    pub entries: Vec<usize>,
    pub phase: usize,
    /// What it says, without its id and needs; the items of a loop under `for_each`.
    pub meaning: Meaning,
}

impl Unit<'_> {
    pub fn subject(&self) -> Subject {
        let kind = match self.entry.what {
            What::Step(_) => "step",
            What::Checkpoint(_) => "checkpoint",
        };
        Subject::new(kind, &self.id)
    }

    pub fn span(&self) -> Option<Span> {
        Some(self.entry.span)
    }
}

pub struct Picture<'p> {
    pub side: Side<'p>,
    pub units: Vec<Unit<'p>>,
    /// Entry of the compiled plan → unit.
    pub unit_of: Vec<usize>,
    /// Old ids → new ids, for what only has another name now.
    renamed: FxHashMap<String, String>,
}

impl<'p> Picture<'p> {
    pub fn of(side: &Side<'p>) -> Picture<'p> {
        Picture::with(side, FxHashMap::default())
    }

    /// The old plan, as it would be with the names of the new one.
    pub fn renamed(side: &Side<'p>, pairs: &Pairs) -> Picture<'p> {
        Picture::with(side, pairs.renamed.clone())
    }

    fn with(side: &Side<'p>, renamed: FxHashMap<String, String>) -> Picture<'p> {
        let mut picture = Picture { side: *side, units: Vec::new(), unit_of: Vec::new(), renamed };
        let mut group_of: FxHashMap<usize, &str> = FxHashMap::default();
        for (id, entries) in &side.plan.plan.groups {
            group_of.extend(entries.iter().map(|at| (*at, id.as_str())));
        }
        for (at, entry) in side.plan.entries().iter().enumerate() {
            let group = group_of.get(&at).copied();
            if let Some(last) = picture.units.last_mut()
                && group.is_some_and(|group| group == last.id)
                && (entry.beside_previous || entry.after_previous)
            {
                last.entries.push(at);
            } else {
                let id = group.unwrap_or(&entry.id).to_owned();
                let meaning = picture.unit_meaning(entry);
                let entries = vec![at];
                picture.units.push(Unit { id, entry, entries, phase: entry.phase, meaning });
            }
            picture.unit_of.push(picture.units.len() - 1);
        }
        picture.lay_in_items();
        picture
    }

    fn unit_meaning(&self, entry: &EntryOf) -> Meaning {
        match &entry.what {
            What::Step(step) => self.meaning(step).without(&["step", "needs"]),
            What::Checkpoint(checkpoint) => {
                self.meaning(checkpoint).without(&["checkpoint", "needs"])
            }
        }
    }

    /// A loop over an input and one over a list of the same items are the same loop.
    fn lay_in_items(&mut self) {
        let entries = self.side.plan.entries();
        for unit in &mut self.units {
            let Is::Map(keys) = &mut unit.meaning.is else { continue };
            if let Some((_, value)) = keys.iter_mut().find(|(key, _)| key == "for_each") {
                let items = unit.entries.iter().filter_map(|at| entries[*at].item.as_ref());
                let items = items.map(|item| json(item, value.span)).collect();
                value.is = Is::List(items);
            }
        }
    }

    /// What a part of the plan means, with what the files hold that it names.
    pub fn meaning_of(&self, value: &dyn Means) -> Option<Meaning> {
        let mut meaning = value.meaning(Span::default())?;
        meaning.each(&mut |value| match &mut value.is {
            Is::Entry(id) => {
                if let Some(new) = self.renamed.get(id) {
                    new.clone_into(id);
                }
            }
            Is::File(path, texts) => *texts = super::files::texts(&self.side, path, value.span),
            _ => {}
        });
        Some(meaning)
    }

    /// The same for what always says something.
    pub fn meaning(&self, value: &dyn Means) -> Meaning {
        self.meaning_of(value).unwrap_or_else(|| Is::Map(Vec::new()).at(Span::default()))
    }

    pub fn plan(&self) -> &'p CompiledPlan {
        self.side.plan
    }

    /// Whether every entry of one unit has ended before any of another starts.
    pub fn is_before(&self, first: usize, then: usize) -> bool {
        let (first, then) = (&self.units[first], &self.units[then]);
        // All entries of a loop begin under the same conditions, or wait for its first one.
        let then = then.entries[0];
        first.entries.iter().all(|at| self.plan().is_before(*at, then))
    }
}
