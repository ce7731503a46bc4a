//! Inputs and secrets.

use super::*;

#[track_caller]
fn check_inputs(old: &str, new: &str, expected: &[&str]) {
    let plan = |inputs: &str| {
        format!(
            "plan: p\ninputs: {{ {inputs} }}\nsteps:\n  - {{ step: x, run: x, read_only: true }}\n"
        )
    };
    check(&plan(old), &plan(new), expected);
}

#[test]
fn inputs_come_go_and_change() {
    check_inputs(
        "a: { default: x }, b: { type: integer, default: 1 }, c: { default: z, matches: ^z }",
        "a: { default: y }, b: { type: number, default: 1 }, c: { default: z }, d: {}, e: { default: '1' }",
        &[
            "worse: input `c`: `matches` is gone, it was `^z`",
            "notice: input `a`: `default` went from `x` to `y`",
            "notice: input `b`: `type` went from `integer` to `number`",
            "notice: input `d` is new, and must be given",
            "neutral: input `e` is new, `1` unless given",
        ],
    );
    check_inputs(
        "a: { default: x }, b: { secret: true, env: B }",
        "a: {}",
        &["notice: secret input `b` is gone", "notice: input `a`: `default` is gone, it was `x`"],
    );
}

#[test]
fn secrets_tell_their_source_and_whether_they_stay_secret() {
    check_inputs(
        "a: { secret: true, env: A }",
        "a: { secret: true, command: pass show a }",
        &[
            "notice: input `a`: the secret comes from `command pass show a` now, it came from `env A`",
        ],
    );
    check_inputs(
        "a: { secret: true, env: A }",
        "a: { env: A }",
        &["worse: input `a` is no longer a secret: it is shown and stored"],
    );
    check_inputs(
        "a: { env: A }",
        "a: { secret: true, env: A }, b: { secret: true, env: B }",
        &["notice: secret input `b` is new, from env `B`", "better: input `a` is a secret now"],
    );
    check_inputs(
        "a: { secret: true, env: A, default: x1 }",
        "a: { secret: true, env: A, default: x2 }",
        &["notice: input `a`: its default, which is not shown, changed"],
    );
}
