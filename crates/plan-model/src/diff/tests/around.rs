//! What stands around the steps.

use super::*;

fn plan(around: &str) -> String {
    format!("plan: p\n{around}\nsteps:\n  - {{ step: x, run: x, read_only: true }}\n")
}

#[track_caller]
fn check_around(old: &str, new: &str, expected: &[&str]) {
    check(&plan(old), &plan(new), expected);
}

#[test]
fn a_window_that_moved_got_shorter_or_went_away_is_told() {
    check_around(
        "window: { opens: '02:00', lasts: 3h, timezone: UTC }",
        "window: { opens: '03:00', lasts: 2h, timezone: UTC, on_overrun: continue }",
        &[
            "worse: the window: `lasts` went from `3 h` to `2 h`",
            "worse: the window: `on_overrun` is new: `continue`",
            "notice: the window: `opens` went from `02:00` to `03:00`",
        ],
    );
    check_around(
        "window: { opens: '02:00', lasts: 3h, timezone: UTC }",
        "",
        &["worse: the window is gone, it was `opens: 02:00, lasts: 3 h, timezone: UTC`"],
    );
}

#[test]
fn a_narrower_state_is_worse() {
    check_around(
        "connections: { main: { server: sqlite, file: a } }\nstate: { databases: [main], files: [app/, .env] }",
        "connections: { main: { server: sqlite, file: a } }\nstate: { databases: [main], files: [app/], except: [sessions] }",
        &["worse: the state: `files` lost `.env`", "worse: the state: `except` is new: `sessions`"],
    );
}

#[test]
fn requirements_are_checks() {
    check_around(
        "requires: [{ tool: git, version: '>=2.30' }, { gate: rehearsed }, { disk: /, free: 5GiB }]",
        "requires: [{ tool: git, version: '>=2.30' }, { disk: /, free: 6GiB }, { tool: make }]",
        &[
            "worse: the plan: the gate `this plan was rehearsed` is gone",
            "better: the plan: the requirement `disk: /`: `free` went from `5 GiB` to `6 GiB`",
            "better: the plan: the requirement `make is there` is new",
        ],
    );
}

#[test]
fn a_connection_to_elsewhere_or_less_protected_is_told() {
    check_around(
        "connections: { main: { server: postgresql, host: a, database: d, user: u, tls: { mode: verify-full, ca: x } } }",
        "connections: { main: { server: postgresql, host: b, database: e, user: v, tls: { mode: require } } }",
        &[
            "worse: connection `main`: `tls.mode` went from `verify-full` to `require`",
            "worse: connection `main`: `tls.ca` is gone, it was `x`",
            "notice: connection `main`: `host` went from `a` to `b`",
            "notice: connection `main`: `database` went from `d` to `e`",
            "notice: connection `main`: `user` went from `u` to `v`",
        ],
    );
    check_around(
        "connections: { a: { server: sqlite, file: a } }",
        "connections: { b: { server: sqlite, file: a } }",
        &["notice: connection `a` is gone", "notice: connection `b` is new"],
    );
}

#[test]
fn passwords_are_never_shown() {
    let of = |password: &str| {
        format!("connections: {{ main: {{ url: 'postgresql://u:{password}@h/d' }} }}")
    };
    let (old, new) = (plan(&of("hunter2")), plan(&of("hunter3")));
    let told = ["notice: connection `main`: its password comes from elsewhere"];
    let read_all = |text: &str| read(&folder(text), &Setting::default());
    // A literal password may be refused by a rule: then there is nothing to compare.
    if read_all(&old).is_ok() {
        check(&old, &new, &told);
    }
}

#[test]
fn people_who_are_gone_are_missed() {
    check_around(
        "contacts: [{ role: DBA, name: A, phone: '1' }, { role: Lead, name: B, phone: '3' }]\nescalation: [{ after: 0m, tell: Lead }, { after: 5m, tell: DBA }]",
        "contacts: [{ role: DBA, name: A, phone: '2' }]\nescalation: [{ after: 15m, tell: DBA }]",
        &[
            "worse: contact `Lead` is gone",
            "worse: escalation `Lead` is gone",
            "worse: escalation `DBA`: `after` went from `5 min` to `15 min`",
            "notice: contact `DBA`: `phone` went from `1` to `2`",
        ],
    );
}

#[test]
fn hosts_busy_times_and_the_rest_are_told() {
    check_around(
        "hosts: { web-1: { ssh: a@b, groups: [web] } }\njobs: 2\ntitle: One\nkeep: { runs: 90d }",
        "hosts: { web-1: { ssh: a@c, groups: [web] } }\njobs: 4\ntitle: Two\nkeep: { runs: 30d }\nbusy: [{ name: reports, opens: '01:00', lasts: 30m, timezone: UTC }]",
        &[
            "worse: the plan: `keep.runs` went from `90 d` to `30 d`",
            "notice: busy `reports` is new",
            "notice: the plan: `jobs` went from `2` to `4`",
            "notice: host `web-1`: `ssh` went from `a@b` to `a@c`",
            "neutral: the plan: `title` went from `One` to `Two`",
        ],
    );
}

#[test]
fn environments_are_compared_as_they_are_laid_over() {
    let setting = Setting { environment: Some("prod".to_owned()), ..Setting::default() };
    let base = folder(&plan(
        "inputs: { tag: { default: v1 } }\nwindow: { opens: '02:00', lasts: 3h, timezone: UTC }",
    ));
    let with = |text: &str| base.clone().with("environments/prod.yaml", text);
    let old = with(
        "environment: prod\nprotected: true\ninputs: { tag: v1 }\nrequires: [{ gate: applied, in: staging }]\n",
    );
    let new = with(
        "environment: prod\ninputs: { tag: v2 }\nwindow: { opens: '02:00', lasts: 1h, timezone: UTC }\n",
    );
    assert_eq!(
        lines(&old, &new, &setting),
        [
            "worse: environment `prod`: `protected` is gone, it was `true`",
            "worse: the window: `lasts` went from `3 h` to `1 h`",
            "worse: the plan: the gate `this plan was applied in staging` is gone",
            "notice: input `tag` is `v2` here, it was `v1`",
        ]
    );
}
