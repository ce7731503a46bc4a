//! Times and numbers that the text settles: written out, or templates over known inputs.
//! What only the run can tell stays unknown.

use std::cell::OnceCell;
use std::time::Duration;

use minijinja::value::Value as Filled;

use crate::model::read::LeafKind;
use crate::model::value::{Count, Setting, Time};
use crate::notation;
use crate::resolve::Plan;
use crate::template;

pub struct Known<'p> {
    plan: &'p Plan,
    /// Filled when a template first asks: most plans have none here.
    scopes: Vec<OnceCell<Filled>>,
}

impl<'p> Known<'p> {
    pub fn new(plan: &'p Plan) -> Known<'p> {
        Known { plan, scopes: vec![OnceCell::new(); plan.scopes.len()] }
    }

    pub fn time(&self, time: &Time, scope: usize) -> Option<Duration> {
        match &time.value {
            Setting::Fixed(value) => Some(*value),
            Setting::Template(text) => notation::parse_duration(&self.fill(text, scope)?),
        }
    }

    pub fn count(&self, count: &Count, scope: usize) -> Option<u64> {
        match &count.value {
            Setting::Fixed(value) => Some(*value),
            Setting::Template(text) => self.fill(text, scope)?.trim().parse().ok(),
        }
    }

    fn fill(&self, text: &str, scope: usize) -> Option<String> {
        let known = || Filled::from_pairs(self.plan.scopes[scope].known());
        let scope = self.scopes.get(scope)?.get_or_init(known);
        template::render(text, LeafKind::Plain, scope).ok()
    }
}
