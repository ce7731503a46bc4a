//! What a text looks like is no change.

use super::*;

const PLAN: &str = r#"
plan: shop
title: Upgrade
inputs: { tag: { default: v2 }, url: { secret: true, env: URL } }
connections: { main: { url: "{{ url }}", server: postgresql } }
window: { opens: "02:00", lasts: 3h, timezone: UTC }
phases:
  - phase: one
    steps:
      - { step: save, backup: { database: main, to: backups/ }, estimate: 5m..15m }
      - { step: look, run: "uptime", read_only: true, retry: 3, env: { B: 2, A: "1" } }
      - { checkpoint: ready, checks: [{ disk: /, used_below: 80% }] }
  - phase: two
    maintenance: true
    steps:
      - { step: stop, run: systemctl stop shop, rollback: { run: systemctl start shop } }
      - { step: fill, sql: "update a set b = 1", on: main, irreversible: nobody needs b }
      - { step: tell, manual: Call them, irreversible: it was said }
"#;

const OTHER: &str = r#"
# The same plan, by somebody who writes differently.
title: "Upgrade"
plan: shop
connections:
  main: { server: postgresql, url: '{{ url }}' }
inputs:
  url:
    env: URL   # from the host
    secret: true
  tag:
    default: v2
window:
  lasts: 180m
  timezone: UTC
  opens: '02:00'
phases:
  - steps:
      - step: save
        estimate: 300s..0.25h
        backup:
          to: backups/
          database: main
      - step: look
        env:
          A: "1"
          B: 2
        retry:
          times: 3
        needs: [save]
        read_only: true
        run: |
          uptime
      - checkpoint: ready
        checks:
          - used_below: 80.0%
            disk: /
    phase: one
  - phase: two
    maintenance: true
    steps:
      - step: stop
        rollback:
          - run: systemctl start shop
        run: >
          systemctl stop shop
      - step: fill
        sql: { text: update a set b = 1 }
        irreversible: nobody needs b
        on: main
      - step: tell
        irreversible: it was said
        manual: { text: Call them }
"#;

#[test]
fn identical_plans_do_not_differ() {
    check(PLAN, PLAN, &[]);
}

#[test]
fn comments_layout_key_order_and_short_forms_are_no_change() {
    check(PLAN, OTHER, &[]);
    check(OTHER, PLAN, &[]);
}
