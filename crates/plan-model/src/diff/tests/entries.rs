//! Steps, checkpoints, phases: what they do, check and undo.

use super::*;

#[test]
fn added_steps_say_what_they_do_and_whether_they_can_be_undone() {
    check_steps(
        "  - { step: a, run: x, read_only: true }\n",
        "  - { step: a, run: x, read_only: true }\n  \
         - { step: b, run: drop it, irreversible: it is old }\n  \
         - { step: c, git: { checkout: v2, in: app/ } }\n",
        &[
            "worse: there is a point of no return now: step `b`",
            "worse: step `b` is new: `drop it`, and cannot be undone",
            "notice: step `c` is new: `check out v2 in app/`",
        ],
    );
}

#[test]
fn removed_steps_say_what_they_did_and_backups_are_missed() {
    let rest = "  - { step: a, run: x, read_only: true }\n";
    check_steps(
        &format!(
            "{rest}  - {{ step: b, backup: {{ files: [app/], to: b/ }} }}\n  - {{ step: c, run: y, rollback: {{ run: z }} }}\n"
        ),
        rest,
        &["worse: step `b` is gone: `back up app/ to b/`", "notice: step `c` is gone: `y`"],
    );
}

#[test]
fn removed_checkpoints_are_worse_and_new_ones_better() {
    let step = "  - { step: a, run: x, read_only: true }\n";
    let checkpoint = "  - { checkpoint: b, checks: [{ disk: /, free: 5GiB }, { file: x }] }\n";
    let both = format!("{step}{checkpoint}");
    check_steps(&both, step, &["worse: checkpoint `b` is gone, with its 2 checks"]);
    check_steps(step, &both, &["better: checkpoint `b` is new, with 2 checks"]);
}

#[test]
fn the_same_content_under_another_id_is_renamed() {
    check_steps(
        "  - { step: a, backup: { files: [x], to: b/ } }\n  - { checkpoint: c, checks: [{ backup: a }] }\n",
        "  - { step: save, title: Save, backup: { files: [x], to: b/ } }\n  - { checkpoint: c, checks: [{ backup: save }] }\n",
        &[
            "neutral: step `save` has another name now, it was `a`",
            "neutral: step `save`: `title` is new: `Save`",
        ],
    );
}

#[test]
fn another_text_of_an_action_is_shown() {
    check_step(
        "run: systemctl start shop, rollback: { run: x }",
        "run: systemctl start shop2, rollback: { run: x }",
        &["notice: step `a` does `systemctl start shop2` instead of `systemctl start shop`"],
    );
    check_step(
        "run: x, rollback: { run: y }",
        "service: { start: x }",
        &[
            "notice: step `a` does something else: `service` instead of `run`",
            "notice: step `a` is undone by its action now, not by `rollback`: it `brings each service back to the state it had`",
        ],
    );
}

#[test]
fn settings_of_an_action_that_protect_are_judged() {
    check_step(
        "backup: { files: [x], to: b/, proof: restore, min_size: 10MB, keep: 30d }",
        "backup: { files: [x], to: b/, keep: 7d, copy_to: /mnt/ }",
        &[
            "worse: step `a`: `backup.keep` went from `30 d` to `7 d`",
            "worse: step `a`: `backup.proof` is gone, it was `restore`",
            "worse: step `a`: `backup.min_size` is gone, it was `9.5 MiB`",
            "better: step `a`: `backup.copy_to` is new: `/mnt/`",
        ],
    );
}

#[test]
fn settings_that_the_line_does_not_show_are_told_with_it() {
    check_step(
        "http: { url: 'http://a/', method: POST, body: x }, irreversible: no",
        "http: { url: 'http://b/', method: POST, body: y }, irreversible: no",
        &[
            "notice: step `a` does `POST http://b/` instead of `POST http://a/`",
            "notice: step `a`: `http.body` went from `x` to `y`",
        ],
    );
}

#[test]
fn a_lost_rollback_is_worse_and_a_new_one_better() {
    let (with, without) = ("run: x, rollback: { run: y }", "run: x, irreversible: too old");
    check_step(
        with,
        without,
        &[
            "worse: there is a point of no return now: step `a`",
            "worse: step `a` lost its rollback: it cannot be undone now, because `too old`",
        ],
    );
    check_step(
        without,
        with,
        &[
            "better: there is no point of no return any more; it was step `a`",
            "better: step `a` gained a rollback",
        ],
    );
    check_step(
        "git: { checkout: v2 }",
        "git: { checkout: v2 }, irreversible: why not",
        &[
            "worse: there is a point of no return now: step `a`",
            "worse: step `a` lost its way back: it cannot be undone now, because `why not`",
        ],
    );
}

#[test]
fn a_claim_to_change_nothing_is_told() {
    check_step(
        "run: x, rollback: { run: y }",
        "run: x, read_only: true",
        &[
            "worse: step `a` lost its rollback and claims to change nothing now (`read_only`): nothing would undo it",
        ],
    );
    check_step(
        "run: x, read_only: true",
        "run: x, rollback: { run: y }",
        &["better: step `a` no longer claims to change nothing, and gained a rollback"],
    );
}

#[test]
fn a_rollback_that_does_less_or_needs_a_person_is_worse() {
    check_step(
        "run: x, rollback: [{ run: y }, { run: z }]",
        "run: x, rollback: { run: z }",
        &["worse: step `a`: its rollback does less"],
    );
    check_step(
        "run: x, rollback: { run: y }",
        "run: x, rollback: { manual: start it }",
        &["worse: step `a`: its rollback needs a person now"],
    );
    check_step(
        "run: x, rollback: { run: y }",
        "run: x, rollback: { run: y, timeout: 5m }",
        &["notice: step `a`: its rollback changed"],
    );
}

#[test]
fn bounds_of_a_step_are_judged_by_their_direction() {
    let step = |more: &str| format!("run: x, read_only: true{more}");
    check_step(
        &step(", timeout: 10m, retry: 3, probe: { file: y }"),
        &step(", timeout: 1h, retry: { times: 5, every: 10s }"),
        &[
            "worse: step `a`: the probe `y is there` is gone",
            "worse: step `a`: `timeout` went from `10 min` to `1 h`",
            "notice: step `a`: `retry.times` went from `3` to `5`",
            "notice: step `a`: `retry.every` is new: `10 s`",
        ],
    );
    check_step(
        &step(", timeout: 10m"),
        &step(", on_failure: continue, after_crash: rerun, user: root"),
        &[
            "worse: step `a` runs as `root` now, it was `who runs the plan`",
            "worse: step `a`: `timeout` is gone, it was `10 min`",
            "worse: step `a`: `on_failure` is new: `continue`",
            "worse: step `a`: `after_crash` is new: `rerun`",
        ],
    );
    check_step(
        &step(", on_failure: pause"),
        &step(", on_failure: rollback"),
        &["better: step `a`: `on_failure` went from `pause` to `rollback`"],
    );
}

#[test]
fn items_of_a_loop_are_told_once() {
    let step = |items: &str| format!("run: 'x {{{{ item }}}}', read_only: true, for_each: {items}");
    check_step(
        &step("[orders, customers]"),
        &step("[orders, carts]"),
        &["notice: step `a`: `for_each` lost `customers` and gained `carts`"],
    );
    check_step(
        "run: 'x {{ item }}', read_only: true, for_each: [a, b, c]",
        "run: 'y {{ item }}', read_only: true, for_each: [a, b, c]",
        &["notice: step `a` does `y {{ item }}` instead of `x {{ item }}`"],
    );
}

#[test]
fn checks_are_weaker_when_they_hold_more_easily() {
    for (old, new, line) in [
        (
            "disk: /, used_below: 80%",
            "disk: /, used_below: 95%",
            "worse: checkpoint `b`: the check `disk: /`: `used_below` went from `80%` to `95%`",
        ),
        (
            "disk: /, free: 5GiB",
            "disk: /, free: 1GiB",
            "worse: checkpoint `b`: the check `disk: /`: `free` went from `5 GiB` to `1 GiB`",
        ),
        (
            "sql: select 1, on: main, below: 80",
            "sql: select 1, on: main, below: 50",
            "better: checkpoint `b`: the check `sql: select 1`: `below` went from `80` to `50`",
        ),
        (
            "sql: select 1, on: main, above: 80",
            "sql: select 1, on: main",
            "worse: checkpoint `b`: the check `sql: select 1`: `above` is gone, it was `80`",
        ),
        (
            "http: 'http://a/', status: 200",
            "http: 'http://a/', status: [200, 302]",
            "worse: checkpoint `b`: the check `http: http://a/`: `status` went from `200` to `200, 302`",
        ),
        (
            "http: 'http://a/', status: 200",
            "http: 'http://a/'",
            "worse: checkpoint `b`: the check `http: http://a/`: `status` is gone, it was `200`",
        ),
        (
            "http: 'http://a/', in_a_row: 3",
            "http: 'http://a/', in_a_row: 2",
            "worse: checkpoint `b`: the check `http: http://a/`: `in_a_row` went from `3` to `2`",
        ),
        (
            "file: x, max_age: 1m",
            "file: x, max_age: 10m",
            "worse: checkpoint `b`: the check `file: x`: `max_age` went from `1 min` to `10 min`",
        ),
        (
            "memory: 2GiB",
            "memory: 4GiB",
            "better: checkpoint `b`: the check `memory: 4 GiB`: `memory` went from `2 GiB` to `4 GiB`",
        ),
        (
            "tool: git, version: '>=2.30'",
            "tool: git, version: '>=2.4'",
            "worse: checkpoint `b`: the check `tool: git`: `version` went from `>=2.30` to `>=2.4`",
        ),
        (
            "database: main, privileges: [A, B]",
            "database: main, privileges: [B]",
            "worse: checkpoint `b`: the check `database: main`: `privileges` lost `A`",
        ),
        (
            "manual: ok, two_people: true",
            "manual: ok",
            "worse: checkpoint `b`: the check `manual: ok`: `two_people` is gone, it was `true`",
        ),
    ] {
        check_check(&format!("{{ {old} }}"), &format!("{{ {new} }}"), &[line]);
    }
}

#[test]
fn a_check_that_asks_something_else_is_to_be_noticed() {
    check_check(
        "{ sql: select 1, on: main, above: 0 }",
        "{ sql: select 2, on: main, above: 0 }",
        &["notice: checkpoint `b`: the check `sql: select 1` became `sql: select 2`"],
    );
}

#[test]
fn a_person_instead_of_a_check_is_worse() {
    check_check(
        "{ file: x }",
        "{ manual: the file is there }",
        &[
            "worse: checkpoint `b`: a person is asked `manual: the file is there` instead of the check `file: x`",
        ],
    );
}

#[test]
fn checks_and_gates_that_are_gone_are_worse() {
    check_check(
        "{ file: x }, { gate: rehearsed }, { file: y }",
        "{ file: y }",
        &[
            "worse: checkpoint `b`: the check `x is there` is gone",
            "worse: checkpoint `b`: the gate `this plan was rehearsed` is gone",
        ],
    );
    check_check(
        "{ file: x }, { file: y }",
        "{ file: y }, { file: x }",
        &["neutral: checkpoint `b`: its checks stand in another order"],
    );
}

#[test]
fn a_checkpoint_that_no_longer_rolls_back_is_worse() {
    let plan = |more: &str| {
        format!(
            "  - {{ step: a, run: x, read_only: true }}\n  - {{ checkpoint: b, checks: [{{ file: x }}]{more} }}\n"
        )
    };
    check_steps(
        &plan(""),
        &plan(", on_failure: pause, within: 2m"),
        &[
            "worse: worst case +2 min: 2 min instead of 0 s",
            "worse: checkpoint `b`: `within` is new: `2 min`",
            "worse: checkpoint `b`: `on_failure` is new: `pause`",
        ],
    );
}

#[test]
fn phases_come_go_and_change_places() {
    let phase = |id: &str| {
        format!("  - phase: {id}\n    steps: [{{ step: in-{id}, run: {id}, read_only: true }}]\n")
    };
    let plan = |ids: &[&str]| {
        format!("plan: p\nphases:\n{}", ids.iter().map(|id| phase(id)).collect::<String>())
    };
    check(
        &plan(&["a", "b"]),
        &plan(&["b", "c"]),
        &[
            "notice: phase `a` is gone",
            "notice: phase `c` is new",
            "notice: step `in-a` is gone: `a`",
            "notice: step `in-c` is new in phase `c`: `c`",
        ],
    );
    check(
        &plan(&["a", "b"]),
        &plan(&["b", "a"]),
        &["worse: the phases follow one another in another order: `b, a`, it was `a, b`"],
    );
    check(
        &plan(&["a", "b"]),
        &plan(&["a", "b"]).replace("phase: b", "phase: z"),
        &["neutral: phase `z` has another name now, it was `b`"],
    );
}

#[test]
fn maintenance_and_the_phase_of_a_step_are_told() {
    let plan = |maintenance: &str, second: &str| {
        format!(
            "plan: p\nwindow: {{ opens: '02:00', lasts: 1h, timezone: UTC }}\nphases:\n  - phase: a\n{maintenance}    steps: [{{ step: x, run: x, read_only: true }}{second}]\n  \
             - phase: b\n    steps: [{{ step: y, run: y, read_only: true }}{}]\n",
            if second.is_empty() { ", { step: z, run: z, read_only: true }" } else { "" }
        )
    };
    let out = "    maintenance: true\n";
    check(
        &plan(out, ""),
        &plan("", ""),
        &["worse: phase `a` is no longer under maintenance: it runs while users are in"],
    );
    check(
        &plan(out, ", { step: z, run: z, read_only: true }"),
        &plan(out, ""),
        &["worse: step `z` moved from phase `a` to `b`, and runs while users are in now"],
    );
}

#[test]
fn watches_are_checks_of_a_phase() {
    let plan = |watch: &str| {
        format!(
            "plan: p\nphases:\n  - phase: a\n    watch: [{watch}]\n    steps: [{{ step: x, run: x, read_only: true }}]\n"
        )
    };
    check(
        &plan("{ disk: /, used_below: 80%, tolerate: 1 }, { file: x }"),
        &plan("{ disk: /, used_below: 80%, tolerate: 3 }"),
        &[
            "worse: phase `a`: the watch `disk: /`: `tolerate` went from `1` to `3`",
            "worse: phase `a`: the watch `x is there` is gone",
        ],
    );
}

#[test]
fn waivers_are_told_with_their_reason() {
    let plan = |allow: &str| {
        format!("plan: p\n{allow}steps:\n  - {{ step: x, run: x, read_only: true }}\n")
    };
    check(
        &plan(""),
        &plan("allow: { backup-before-change: one room }\n"),
        &["notice: the rule `backup-before-change` is waived for the plan, because `one room`"],
    );
    check_step(
        "run: x, read_only: true, allow: { inverse-missing: nothing is left behind }",
        "run: x, read_only: true",
        &["better: the rule `inverse-missing` is no longer waived for step `a`"],
    );
}
