//! What holds for every plan: random phases, needs, checkpoints, estimates and limits.

use proptest::prelude::*;
use std::fmt::Write;

use super::*;

#[derive(Debug, Clone)]
struct Line {
    is_checkpoint: bool,
    /// How far above the entries stand that it needs; `None`: all above.
    needs: Option<Vec<usize>>,
    estimate: Option<(u32, u32)>,
    rollback: Option<u32>,
}

#[derive(Debug, Clone)]
struct Part {
    maintenance: bool,
    estimate: Option<(u32, u32)>,
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Draft {
    jobs: usize,
    phases: Vec<Part>,
}

impl Draft {
    fn text(&self) -> String {
        let mut text = format!(
            "plan: p\njobs: {}\nwindow: {{ opens: \"02:00\", lasts: 1h, timezone: UTC }}\nphases:\n",
            self.jobs
        );
        for (at, Part { maintenance, estimate, lines }) in self.phases.iter().enumerate() {
            write!(text, "  - phase: p-{at}\n    maintenance: {maintenance}\n").unwrap();
            if let Some((best, more)) = estimate {
                writeln!(text, "    estimate: {best}s..{}s", best + more).unwrap();
            }
            text += "    steps:\n";
            for (row, line) in lines.iter().enumerate() {
                let kind = if line.is_checkpoint { "checkpoint" } else { "step" };
                writeln!(text, "      - {kind}: e-{at}-{row}").unwrap();
                if let Some((best, more)) = line.estimate {
                    writeln!(text, "        estimate: {best}s..{}s", best + more).unwrap();
                }
                if let Some(needs) = &line.needs {
                    let above = needs.iter().filter_map(|up| row.checked_sub(up + 1));
                    let ids: std::collections::BTreeSet<_> = above.collect();
                    let ids: Vec<_> = ids.iter().map(|row| format!("e-{at}-{row}")).collect();
                    writeln!(text, "        needs: [{}]", ids.join(", ")).unwrap();
                }
                match (line.is_checkpoint, line.rollback) {
                    (true, _) => text += "        checks: [{ port: 80 }]\n",
                    (false, Some(back)) => writeln!(
                        text,
                        "        run: x\n        rollback: {{ run: y, estimate: {back}s }}"
                    )
                    .unwrap(),
                    (false, None) => text += "        run: x\n        read_only: true\n",
                }
            }
        }
        text
    }
}

fn draft(jobs: impl Strategy<Value = usize>) -> impl Strategy<Value = Draft> {
    let times = || prop::option::weighted(0.8, (0u32..500, 0u32..500));
    let line = (
        prop::bool::weighted(0.2),
        prop::option::of(prop::collection::vec(0usize..6, 0..3)),
        times(),
        prop::option::of(0u32..500),
    );
    let line = line.prop_map(|(is_checkpoint, needs, estimate, rollback)| Line {
        is_checkpoint,
        needs,
        estimate,
        rollback,
    });
    let phase = (any::<bool>(), times(), prop::collection::vec(line, 1..9))
        .prop_map(|(maintenance, estimate, lines)| Part { maintenance, estimate, lines });
    (jobs, prop::collection::vec(phase, 1..4)).prop_map(|(jobs, phases)| Draft { jobs, phases })
}

/// When each entry starts and ends in the worst case.
fn worst_times(bounds: &Bounds) -> Vec<(Duration, Duration)> {
    let takes = |mark: &Mark| nanos(range_of(*mark, &bounds.entries, &bounds.phases).worst);
    let takes: Vec<_> = bounds.schedule.net.marks.iter().map(takes).collect();
    let mut ends = Vec::new();
    bounds.schedule.ends(&takes, &mut ends);
    let at = |node: &u32| {
        let node = *node as usize;
        (Duration::from_nanos(ends[node] - takes[node]), Duration::from_nanos(ends[node]))
    };
    bounds.schedule.entry_at.iter().map(at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn best_p50_p90_and_worst_stand_in_order(draft in draft(1usize..6)) {
        let Estimates { bounds, chances } = estimate(&compiled(&draft.text()));
        let in_order = |range: Range, drawn: Percentiles| {
            range.best <= drawn.p50 && drawn.p50 <= drawn.p90 && drawn.p90 <= range.worst
        };
        prop_assert!(in_order(bounds.total, chances.total));
        for (phase, drawn) in bounds.phases.iter().zip(&chances.phases) {
            prop_assert!(in_order(phase.takes, *drawn));
        }
        if let (Some(window), Some(drawn)) = (&bounds.window, chances.inside) {
            prop_assert!(in_order(window.inside, drawn));
            prop_assert!(window.inside.worst <= bounds.total.worst);
        }
    }

    #[test]
    fn the_critical_path_is_a_real_path_and_adds_up_to_the_total(draft in draft(1usize..6)) {
        let plan = compiled(&draft.text());
        let bounds = bounds(&plan);
        let sum: Duration = bounds.critical.iter().map(|stop| stop.takes).sum();
        prop_assert_eq!(sum, bounds.total.worst);
        let mut now = Duration::ZERO;
        for pair in bounds.critical.windows(2) {
            now += pair[0].takes;
            prop_assert_eq!(pair[1].starts, now);
            let (Place::Entry(first), Place::Entry(then)) = (pair[0].place, pair[1].place) else {
                continue;
            };
            prop_assert!(plan.is_before(first, then) || pair[1].queued);
        }
    }

    #[test]
    fn no_entry_starts_before_what_it_waits_for_and_no_more_than_jobs_run(draft in draft(1usize..4)) {
        let plan = compiled(&draft.text());
        let bounds = bounds(&plan);
        let times = worst_times(&bounds);
        plan.walk(|at, waits| {
            for before in waits {
                assert!(times[*before].1 <= times[at].0);
            }
        });
        for (start, _) in &times {
            let running = plan.entries().iter().zip(&times).filter(|(entry, (from, to))| {
                entry.step().is_some() && from <= start && start < to
            });
            prop_assert!(running.count() <= bounds.jobs);
        }
    }

    /// With a limit, a longer step can change who goes first; without one nothing gets shorter.
    #[test]
    fn added_time_never_shortens_anything(draft in draft(Just(100)), at: prop::sample::Index, more in 1u32..500) {
        let before = bounds(&compiled(&draft.text()));
        let mut longer = draft;
        let count: usize = longer.phases.iter().map(|phase| phase.lines.len()).sum();
        let at = at.index(count);
        let line = longer.phases.iter_mut().flat_map(|phase| &mut phase.lines).nth(at).unwrap();
        // What was silent may have been spoken for by its phase; that is another plan.
        prop_assume!(line.estimate.is_some_and(|(best, more)| best + more > 0));
        line.estimate = line.estimate.map(|(best, spread)| (best + more / 2, spread + more));
        line.rollback = line.rollback.map(|back| back + more);
        let after = bounds(&compiled(&longer.text()));
        prop_assert!(before.total.best <= after.total.best);
        prop_assert!(before.total.worst <= after.total.worst);
        for (before, after) in before.checkpoints.iter().zip(&after.checkpoints) {
            // Where a phase speaks for the check as well, a longer check begins earlier.
            prop_assert!(before.check <= after.check);
            prop_assert!(before.there + before.check <= after.there + after.check);
            prop_assert!(before.back.takes <= after.back.takes);
        }
    }

    /// Undoing everything one after the other takes longest; its longest single step is a floor.
    #[test]
    fn the_way_back_lies_between_its_longest_step_and_all_of_them(draft in draft(1usize..6)) {
        let plan = compiled(&draft.text());
        let bounds = bounds(&plan);
        for checkpoint in &bounds.checkpoints {
            let above = bounds.entries[..checkpoint.entry].iter().map(|entry| entry.undo.takes());
            prop_assert!(checkpoint.back.takes >= above.clone().max().unwrap_or_default());
            let phases = bounds.phases.iter().filter_map(|phase| phase.spoken_for);
            let phases: Duration = phases.map(|range| range.worst).sum();
            prop_assert!(checkpoint.back.takes <= above.sum::<Duration>() + phases);
        }
    }
}

#[test]
fn work_grows_with_the_plan_and_no_faster() {
    let plan = |count: usize| {
        let mut text = "plan: p\nsteps:\n".to_owned();
        for at in 0..count {
            // Wide and deep: groups of five side by side, each group behind the last.
            let needs = if at % 5 == 0 { "" } else { "needs: [], " };
            writeln!(text, "  - {{ step: s-{at}, {needs}{STEP}, estimate: 1s..2s }}").unwrap();
        }
        bounds(&compiled(&text)).schedule.net
    };
    let size = |net: &crate::graph::net::Net| net.len() + net.before.item_count();
    let (small, large) = (size(&plan(1000)), size(&plan(4000)));
    assert!(large <= 4 * small + 16, "{small} {large}");
    // Fewer draws for larger plans, but never fewer than make sense.
    assert!((2_000..2_200).contains(&chances::draws(large)), "{}", chances::draws(large));
    assert_eq!(chances::draws(400_000), 200);
}
