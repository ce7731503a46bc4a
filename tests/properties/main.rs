//! Properties over random plans: the order respects every need, nothing is lost, and what is shown
//! does not depend on how the plan is written.

use std::fmt::Write;

use plan_model::folder::MemoryFolder;
use plan_model::graph::CompiledPlan;
use plan_model::source::Sources;
use plan_model::validate::{self, Setting};
use proptest::prelude::*;

/// An entry: a step or a checkpoint, and which of the entries above it needs, if it says so.
#[derive(Debug, Clone)]
struct RandomEntry {
    is_checkpoint: bool,
    needs: Option<Vec<prop::sample::Index>>,
}

fn entries() -> impl Strategy<Value = Vec<Vec<RandomEntry>>> {
    let entry = (
        any::<bool>(),
        prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 0..4)),
    )
        .prop_map(|(is_checkpoint, needs)| RandomEntry {
            is_checkpoint: is_checkpoint && needs.is_none(),
            needs,
        });
    prop::collection::vec(prop::collection::vec(entry, 1..14), 1..4)
}

fn written(phases: &[Vec<RandomEntry>]) -> String {
    let mut text = String::from("plan: random\nphases:\n");
    for (phase, entries) in phases.iter().enumerate() {
        let _ = write!(text, "  - phase: p{phase}\n    steps:\n");
        for (at, entry) in entries.iter().enumerate() {
            if entry.is_checkpoint {
                let _ = write!(
                    text,
                    "      - checkpoint: e{phase}-{at}\n        checks: [{{ disk: / , used_below: 90% }}]\n"
                );
                continue;
            }
            let _ = write!(
                text,
                "      - step: e{phase}-{at}\n        run: 'true'\n        read_only: true\n"
            );
            if let Some(needs) = &entry.needs {
                let ids: Vec<_> = needs
                    .iter()
                    .filter(|_| at > 0)
                    .map(|need| format!("e{phase}-{}", need.index(at)))
                    .collect();
                let _ = writeln!(text, "        needs: [{}]", ids.join(", "));
            }
        }
    }
    text
}

fn compiled(text: &str) -> CompiledPlan {
    let mut sources = Sources::default();
    let folder = MemoryFolder::default();
    let outcome =
        validate::text(&mut sources, &folder, "random.yaml", text.to_owned(), &Setting::default());
    outcome.plan.unwrap_or_else(|| panic!("{:#?}\n{text}", outcome.diagnostics))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_order_respects_every_need_phase_and_gate(phases in entries()) {
        let text = written(&phases);
        let plan = compiled(&text);
        let mut place = vec![usize::MAX; plan.entries().len()];
        for (number, at) in plan.order.iter().enumerate() {
            place[*at] = number;
        }
        prop_assert!(place.iter().all(|place| *place != usize::MAX), "an entry is missing from the order");
        for (at, entry) in plan.entries().iter().enumerate() {
            for (id, _) in entry.needs.iter().flatten() {
                let need = plan.by_id(id).unwrap();
                prop_assert!(place[need] < place[at], "{} before {id}", entry.id);
                prop_assert!(plan.is_before(need, at));
            }
            for (other, before) in plan.entries().iter().enumerate().take(at) {
                let same_phase = before.phase == entry.phase;
                let must = !same_phase || entry.needs.is_none() || before.checkpoint().is_some();
                if must {
                    prop_assert!(plan.is_before(other, at), "{} is not before {}", before.id, entry.id);
                    prop_assert!(place[other] < place[at]);
                }
                prop_assert!(!plan.is_before(at, other), "{} waits for what stands below", before.id);
            }
        }
    }

    #[test]
    fn edges_stay_linear_in_entries_and_needs(phases in entries()) {
        let plan = compiled(&written(&phases));
        let needs: usize = plan.entries().iter().map(|entry| entry.needs.as_ref().map_or(0, Vec::len)).sum();
        prop_assert!(plan.edge_count() <= 3 * plan.entries().len() + needs + 2 * phases.len());
    }

    #[test]
    fn a_rollback_undoes_dependents_first(phases in entries()) {
        let plan = compiled(&written(&phases));
        let order = plan.rollback_order();
        let place = |at: usize| order.iter().position(|other| *other == at);
        for at in 0..plan.entries().len() {
            for (before, _) in plan.waits_for(at) {
                if let (Some(undone), Some(earlier)) = (place(at), place(before)) {
                    prop_assert!(undone < earlier);
                }
            }
        }
    }

    #[test]
    fn what_is_shown_does_not_depend_on_the_layout(phases in entries()) {
        let text = written(&phases);
        let formatted = plan_model::format::format(&text).unwrap();
        let shown = |text: &str| serde_json::to_value(plan_model::show::show(&compiled(text))).unwrap();
        let first = shown(&text);
        prop_assert_eq!(&first, &shown(&formatted));
        // Read back, it is the same document: keys keep their order, numbers their form.
        let again: serde_json::Value = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        prop_assert_eq!(first, again);
    }
}
