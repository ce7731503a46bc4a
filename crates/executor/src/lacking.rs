//! What a plan wants and this version cannot do: each action and each check answers for itself, before
//! anything is touched.

use plan_model::diagnostic::Diagnostic;
use plan_model::model::check::Check;
use plan_model::model::value::OneOrMany;
use plan_model::resolve::{Plan, What};
use plan_model::source::Span;

use crate::{actions, checks};

/// What these findings are called.
pub const CODE: &str = "cannot-be-done";

/// Each at the entry that wants it, in the order of the plan; what no entry wants stands where the plan begins.
pub fn of(plan: &Plan) -> Vec<Diagnostic> {
    // Where parts were refused, that something is missing proves nothing.
    if plan.in_part {
        return Vec::new();
    }
    let mut all = All { found: Vec::new(), place: plan.file.plan.span };
    plan.requires.iter().for_each(|check| all.check("requires", check));
    for phase in &plan.phases {
        all.place = phase.span;
        phase.watch.iter().for_each(|check| all.check(&phase.id, check));
    }
    for entry in &plan.entries {
        all.place = entry.span;
        match &entry.what {
            What::Step(step) => {
                for (action, around) in step.all_actions() {
                    all.add(&entry.id, actions::performer(action).lacks(around));
                }
                let back = step.rollback.iter().flat_map(OneOrMany::iter);
                let probes = step.probe.iter().chain(back.flat_map(|back| &back.probe));
                probes.for_each(|probe| all.check(&entry.id, probe));
            }
            What::Checkpoint(checkpoint) => {
                checkpoint.checks.iter().for_each(|check| all.check(&entry.id, check));
            }
        }
    }
    all.found
}

struct All {
    found: Vec<Diagnostic>,
    place: Span,
}

impl All {
    fn check(&mut self, id: &str, check: &Check) {
        self.add(id, checks::lacks(check));
    }

    fn add(&mut self, id: &str, lacks: Vec<String>) {
        let told = lacks.into_iter().map(|why| {
            Diagnostic::error(CODE, self.place, format!("`{id}`: {why}"))
                .help("write it another way; a `run:` step can do what an action cannot")
        });
        self.found.extend(told);
    }
}
