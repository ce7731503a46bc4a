//! Order, the point of no return, time.

use super::*;

const FOUR: [&str; 4] = [
    "  - { step: a, run: a, read_only: true }\n",
    "  - { checkpoint: b, checks: [{ file: b }] }\n",
    "  - { step: c, run: c, read_only: true }\n",
    "  - { step: d, run: d, read_only: true }\n",
];

fn arranged(order: [usize; 4]) -> String {
    order.iter().map(|at| FOUR[*at]).collect()
}

#[test]
fn a_step_between_two_others_changes_no_order() {
    let with = arranged([0, 1, 2, 3]);
    let without = with.replace(FOUR[2], "");
    check_steps(&without, &with, &["notice: step `c` is new: `c`"]);
    check_steps(&with, &without, &["notice: step `c` is gone: `c`"]);
}

#[test]
fn a_step_that_moved_is_named_once() {
    let old = arranged([0, 1, 2, 3]);
    check_steps(&old, &arranged([0, 1, 3, 2]), &["notice: step `c` moved: it runs after `d` now"]);
    check_steps(
        &old,
        &arranged([1, 2, 3, 0]),
        &["notice: step `a` moved: it runs after `b, d` now"],
    );
    check_steps(&old, &arranged([0, 2, 1, 3]), &["worse: step `c` moved: it runs before `b` now"]);
}

#[test]
fn a_checkpoint_that_is_no_longer_passed_first_is_named_from_afar() {
    let old = arranged([1, 0, 2, 3]);
    check_steps(
        &old,
        &arranged([3, 0, 1, 2]),
        &[
            "worse: step `d` moved: it runs before `a, b, c` now",
            "worse: step `a` moved: it runs before `b` now",
        ],
    );
}

#[test]
fn needs_that_went_or_came_are_told() {
    let old =
        "  - { step: a, run: a, read_only: true }\n  - { step: c, run: c, read_only: true }\n";
    let new = old.replace("step: c,", "step: c, needs: [],");
    check_steps(old, &new, &["notice: step `c` no longer waits for `a`"]);
    check_steps(&new, old, &["neutral: step `c` waits for `a` now"]);
    let written = old.replace("step: c,", "step: c, needs: [a],");
    check_steps(old, &written, &[]);
}

#[test]
fn lines_that_change_places_beside_each_other_change_nothing() {
    let a = "  - { step: a, run: a, read_only: true, needs: [] }\n";
    let b = "  - { step: b, run: b, read_only: true, needs: [] }\n";
    check_steps(&format!("{a}{b}"), &format!("{b}{a}"), &[]);
}

#[test]
fn the_point_of_no_return_is_told_by_checkpoints() {
    let last = "  - { step: drop, run: x, irreversible: old }\n";
    let checkpoint = FOUR[1];
    let first = FOUR[0];
    check_steps(
        &format!("{first}{checkpoint}{last}"),
        &format!("{first}{last}{checkpoint}"),
        &[
            "worse: the point of no return moved before checkpoint `b`: it is step `drop`",
            "worse: step `drop` moved: it runs before `b` now",
        ],
    );
    check_steps(
        &format!("{first}{last}{checkpoint}"),
        &format!("{first}{checkpoint}{last}"),
        &[
            "notice: step `drop` moved: it runs after `b` now",
            "better: the point of no return moved behind checkpoint `b`: it is step `drop`",
        ],
    );
}

#[test]
fn time_is_told_as_the_worst_case_and_inside_the_window() {
    let plan = |prepare: &str, switch: &str, lasts: &str| {
        format!(
            "plan: p\nwindow: {{ opens: '02:00', lasts: {lasts}, timezone: UTC }}\nphases:\n  \
             - {{ phase: a, steps: [{{ step: x, run: x, read_only: true{prepare} }}] }}\n  \
             - {{ phase: b, maintenance: true, steps: [{{ step: y, run: y, read_only: true{switch} }}] }}\n"
        )
    };
    check(
        &plan(", estimate: 1m..4m", ", estimate: 10m", "30m"),
        &plan(", estimate: 1m..4m", ", estimate: 24m", "20m"),
        &[
            "worse: worst case +14 min: 28 min instead of 14 min; inside the window +14 min: 24 min instead of 10 min",
            "worse: the worst case and the way back no longer fit the window: 4 min too long",
            "worse: the window: `lasts` went from `30 min` to `20 min`",
            "neutral: step `y`: `estimate` went from `10 min` to `24 min`",
        ],
    );
    check(
        &plan(", estimate: 4m", ", estimate: 10m", "30m"),
        &plan("", ", estimate: 10m", "30m"),
        &[
            "notice: worst case −4 min: 10 min instead of 14 min",
            "notice: step `x`: `estimate` is gone, it was `4 min`",
        ],
    );
}
