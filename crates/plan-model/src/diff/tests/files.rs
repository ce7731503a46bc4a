//! Files that a plan names, includes.

use super::*;

#[test]
fn scripts_and_migrations_are_compared_by_content() {
    let plan = "plan: p\nconnections: { main: { server: sqlite, file: a.db } }\nsteps:\n  \
        - { step: s, run: { file: scripts/a.sh }, rollback: { run: { file: scripts/b.sh } } }\n  \
        - { step: m, migrate: { database: main, from: migrations/, to: '1.1' } }\n  \
        - { checkpoint: c, checks: [{ run: { file: scripts/c.sh } }] }\n";
    let with = |files: &[(&str, &str)]| {
        files.iter().fold(folder(plan), |folder, (path, text)| folder.with(path, text))
    };
    let old = with(&[
        ("scripts/a.sh", "one\n"),
        ("scripts/b.sh", "two\n"),
        ("scripts/c.sh", "three\n"),
        ("migrations/V1_0__a.sql", "select 1;\n"),
        ("migrations/V1_1__b.sql", "select 1;\n"),
        ("migrations/rollback/V1_1__b.sql", "select 1;\n"),
    ]);
    let new = with(&[
        ("scripts/a.sh", "one\nmore\n"),
        ("scripts/b.sh", "2\n"),
        ("scripts/c.sh", "3\n"),
        ("migrations/V1_0__a.sql", "select 2;\n"),
        ("migrations/V1_1__b.sql", "select 1;\n"),
        ("migrations/V1_2__c.sql", "select 1;\n"),
    ]);
    assert_eq!(
        lines(&old, &new, &Setting::default()),
        [
            "worse: step `m` lost the way back `rollback/V1_1__b.sql`",
            "notice: step `s`: the file `scripts/a.sh` changed",
            "notice: step `s`: in its rollback: the file `scripts/b.sh` changed",
            "notice: step `m`: the file `V1_0__a.sql` changed",
            "notice: step `m`: the file `V1_2__c.sql` is new",
            "notice: checkpoint `c`: the check `run: scripts/c.sh`: the file `scripts/c.sh` changed",
        ]
    );
}

#[test]
fn steps_that_moved_into_an_include_are_the_same() {
    let steps = "steps:\n  - { step: a, run: x, read_only: true }\n";
    let old = folder(&format!("plan: p\n{steps}"));
    let new = folder("plan: p\nsteps:\n  - include: part.yaml\n")
        .with("part.yaml", &format!("plan: part\n{steps}"));
    assert!(lines(&old, &new, &Setting::default()).is_empty());
}

#[test]
fn values_that_an_include_gets_are_told() {
    let part = "plan: part\ninputs: { to: { default: x } }\nsteps:\n  - { step: a, run: 'x {{ to }}', read_only: true }\n";
    let plan = |to: &str| {
        folder(&format!(
            "plan: p\nsteps:\n  - {{ include: part.yaml, prefix: pre, with: {{ to: {to} }} }}\n"
        ))
        .with("part.yaml", part)
    };
    assert_eq!(
        lines(&plan("a"), &plan("b"), &Setting::default()),
        ["notice: input `to` of the included steps `pre-*` is `b` here, it was `a`"]
    );
}
