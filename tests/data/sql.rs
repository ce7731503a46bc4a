//! `sql` on each server: all of it or nothing, known after a crash, bounded in time.

use std::time::Duration;

use crate::place::{Place, wait_until};
use crate::servers::{ALL, Kind, Server, has};

/// On each kind of server that is here: a place with a plan over its connection.
fn on_each(name: &str, steps: &str, check: impl Fn(&Place, &mut Server)) {
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let place = Place::new(&format!("{name}-{kind:?}"));
        let mut server = Server::start(&place, kind);
        let connection = server.connection();
        place.write("plan.yaml", &format!("plan: p\n{connection}\nsteps:\n{steps}"));
        check(&place, &mut server);
    }
}

const TABLE: &str = "create table orders (id integer primary key, state varchar(20))";

#[test]
fn statements_happen_together_and_what_they_gave_is_known() {
    let steps = r#"
  - step: fill
    sql:
      text: |
        insert into orders (id, state) values (1, 'new'), (2, :second);
        update orders set state = 'it''s ;' where id = 1;
        select count(*) from orders;
      values: { second: "back\\slash 'quoted'" }
      expect: { value: 2, changed: 3 }
    irreversible: a test
  - checkpoint: there
    checks:
      - { sql: "select count(*) from orders where state like '%quoted%'", equals: "{{ steps.fill.value - 1 }}" }
      - { sql: "select state from orders where id = 1", equals: "it's ;" }
"#;
    on_each("sql-together", steps, |place, server| {
        server.sql(TABLE);
        let ran = place.apply();
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(server.sql("select state from orders where id = 2"), r"back\slash 'quoted'");
        assert_eq!(server.tables(), "orders", "nothing of plan's own is left");
    });
}

#[test]
fn what_was_asked_is_known_after_a_kill_at_any_moment() {
    let steps = r#"
  - step: ask
    sql: select count(*) from orders
    read_only: true
  - step: add
    sql: insert into orders (id) select 1 + count(*) from orders
    irreversible: a test
  - step: use
    run: echo {{ steps.ask.value }} rows and {{ steps.add.changed }} more >told
    rollback: { run: rm told }
"#;
    on_each("sql-asked", steps, |place, server| {
        server.sql(TABLE);
        for number in 1..=8 {
            server.sql("delete from orders");
            let _ = std::fs::remove_file(place.folder.join("told"));
            let mut command = place.command(&["apply", "plan.yaml"]);
            command.env("PLAN_CRASH_AT", format!("before:{number}"));
            if command.output().unwrap().status.code().is_none()
                && !place.plan(&["runs"]).out.contains("running")
            {
                continue;
            }
            if place.plan(&["runs"]).out.contains("running") {
                let ran = place.plan(&["resume"]).ends(0);
                assert!(ran.all().contains("succeeded"), "{number}: {ran:?}");
            }
            assert_eq!(place.read("told"), "0 rows and 1 more\n", "{number}");
            assert_eq!(server.sql("select count(*) from orders"), "1", "{number}");
            let runs = std::fs::read_dir(place.store().join("runs")).unwrap().flatten();
            let files = runs.flat_map(|run| std::fs::read_dir(run.path())).flatten().flatten();
            let left = files.filter(|file| file.path().display().to_string().contains(".gave."));
            assert_eq!(left.count(), 0, "{number}");
            let logs = place.plan(&["logs", "ask"]).out;
            assert!(logs.contains('0'), "{number}: {logs}");
        }
    });
}

/// A database of SQLite with a counter at 5, and a run over it that was killed before this write of its
/// journal; nothing where it had ended before.
fn killed_counting(name: &str, number: u32, steps: &str) -> Option<(Place, Server)> {
    let place = Place::new(&format!("sql-{name}-{number}"));
    let server = Server::start(&place, Kind::Sqlite);
    place.write("plan.yaml", &format!("plan: p\n{}\nsteps:\n{steps}", server.connection()));
    server.sql("create table counter (n integer); insert into counter values (5)");
    let mut command = place.command(&["apply", "plan.yaml"]);
    command.env("PLAN_CRASH_AT", format!("before:{number}"));
    let is_killed = command.output().unwrap().status.code().is_none();
    is_killed.then_some((place, server))
}

const COUNTER: &str = "select n from counter";

/// The database is away while somebody does this.
fn while_away<T>(place: &Place, what: impl FnOnce() -> T) -> T {
    let (here, away) = (place.folder.join("server"), place.folder.join("away"));
    std::fs::rename(&here, &away).unwrap();
    let done = what();
    std::fs::rename(&away, &here).unwrap();
    done
}

/// The database is away when somebody looks what became of a step: that is told, and looked at later.
#[test]
fn what_nobody_could_look_at_is_looked_at_later() {
    let steps = "  - { step: count, sql: update counter set n = n + 1, irreversible: a test }\n";
    let mut doubts = 0;
    for number in 4..=6 {
        let Some((place, server)) = killed_counting("unasked", number, steps) else { break };
        let ran = while_away(&place, || place.plan(&["resume"]));
        if ran.all().contains("was interrupted: there is no database file") {
            assert_eq!(ran.code, 4, "{ran:?}");
            place.plan(&["resume"]).ends(0);
            assert_eq!(server.sql(COUNTER), "6", "{number}");
            doubts += 1;
        }
    }
    assert!(doubts > 0);
}

/// The database is away when somebody looks what became of a way back: it is asked later, not done again.
#[test]
fn a_way_back_that_nobody_could_look_at_is_not_done_twice() {
    let steps = r#"
  - step: count
    sql: update counter set n = n + 1
    rollback: { sql: update counter set n = n - 1, on: main }
  - { checkpoint: never, checks: [{ file: nowhere }] }
"#;
    let mut doubts = 0;
    for number in 6..=12 {
        let Some((place, server)) = killed_counting("doubt", number, steps) else { break };
        for _ in 0..2 {
            let ran = while_away(&place, || place.plan(&["resume"]));
            doubts += usize::from(ran.all().contains("undoing was interrupted"));
        }
        let ran = place.plan(&["resume"]);
        assert!(place.plan(&["runs"]).out.contains("rolled back"), "{number}: {ran:?}");
        assert_eq!(server.sql(COUNTER), "5", "{number}: {}", ran.all());
    }
    assert!(doubts > 0);
}

/// What a dead engine began goes on in its server: nobody looks before it has ended.
#[test]
fn what_still_goes_on_in_the_server_is_waited_for() {
    for (kind, slow) in [
        (Kind::MariaDb, "create table made as select sleep(4) as n"),
        // The server's list shows what is called, not who called it.
        (Kind::MariaDb, "call make()"),
        (Kind::Postgres, "create table made as select pg_sleep(4)::text as n"),
    ] {
        if !has(kind) {
            continue;
        }
        let place = Place::new(&format!("sql-goes-on-{kind:?}"));
        let server = Server::start(&place, kind);
        if slow == "call make()" {
            server.sql("create procedure make() create table made as select sleep(4) as n");
        }
        place.write(
            "plan.yaml",
            &format!(
                "plan: p\n{}\nsteps:\n  - step: make\n    sql: {{ text: \"{slow}\", transaction: off }}\n    \
                 probe: {{ sql: \"select count(*) from information_schema.tables where table_name = 'made'\", on: main, equals: 1 }}\n    \
                 rollback: {{ sql: {{ text: drop table made, transaction: off }}, after_crash: rerun }}\n",
                server.connection()
            ),
        );
        let mut run = place.begin();
        let look = match kind {
            Kind::Postgres => {
                "select count(*) from pg_stat_activity where query like 'create table made%' and state = 'active'"
            }
            _ => {
                "select count(*) from information_schema.processlist where info like '%create table made%' and info not like '%processlist%'"
            }
        };
        wait_until("it is under way", || server.sql(look) == "1");
        run.kill().unwrap();
        run.wait().unwrap();
        let ran = place.plan(&["rollback"]).ends(0);
        wait_until("it has ended", || server.sql(look) == "0");
        assert_eq!(server.tables(), "", "{kind:?}: {ran:?}");
    }
}

/// Somebody must have heard that nobody can tell, before it is done again.
#[test]
fn a_way_back_in_doubt_is_done_again_only_by_who_knows_it() {
    if !has(Kind::MariaDb) {
        return;
    }
    let place = Place::new("sql-told");
    let mut server = Server::start(&place, Kind::MariaDb);
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{}\nsteps:\n  - step: count\n    sql: delete from log\n    rollback:\n      \
             sql: {{ text: insert into log values (1), transaction: off }}\n      \
             retry: {{ times: 3, every: 200ms }}\n  - {{ checkpoint: never, checks: [{{ file: nowhere }}] }}\n",
            server.connection()
        ),
    );
    server.sql("create table log (n integer)");
    let rows = |server: &Server| server.sql("select count(*) from log");
    for number in 6..=12 {
        let mut command = place.command(&["apply", "plan.yaml"]);
        command.env("PLAN_CRASH_AT", format!("before:{number}"));
        let ran = command.output().unwrap();
        assert!(ran.status.code().is_none(), "{number}: {ran:?}");
        if rows(&server) == "1" {
            break;
        }
        place.plan(&["resume"]);
        server.sql("delete from log");
    }
    assert_eq!(rows(&server), "1");
    server.stop();
    place.plan(&["resume"]).ends(3).says("it is looked for again");
    server.start_again();
    place.plan(&["resume"]).ends(3).says("nobody can tell whether it was done");
    assert_eq!(rows(&server), "1", "nobody said that it may be done again");
    place.plan(&["resume"]).ends(1).says("it is done again");
    assert_eq!(rows(&server), "2");
}

/// The step only asks, and its way back does something.
#[test]
fn the_way_back_of_a_step_that_only_asks_is_done_once() {
    let steps = r#"
  - step: ask
    sql: select n from counter
    read_only: true
    rollback: { sql: update counter set n = n - 1, on: main }
  - { checkpoint: never, checks: [{ file: nowhere }] }
"#;
    let mut undone = 0;
    for number in 5..=10 {
        let Some((place, server)) = killed_counting("asks-back", number, steps) else { break };
        place.plan(&["resume"]);
        let n = server.sql(COUNTER);
        assert!(n == "5" || n == "4", "{number}: {n}");
        undone += usize::from(n == "4");
    }
    assert!(undone > 0);
}

/// Only a commit tells that it was made: what was begun leaves no table of ours.
#[test]
fn a_statement_that_was_killed_leaves_no_table_of_ours() {
    if !has(Kind::MariaDb) {
        return;
    }
    let place = Place::new("sql-no-table");
    let server = Server::start(&place, Kind::MariaDb);
    server.sql(TABLE);
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{}\nsteps:\n  - step: add\n    \
             sql: insert into orders (id) select 1 + sleep(3)\n    irreversible: a test\n",
            server.connection()
        ),
    );
    let mut run = place.begin();
    let look = "select count(*) from information_schema.processlist where info like '/* %insert into orders%'";
    wait_until("it is under way", || server.sql(look) == "1");
    run.kill().unwrap();
    run.wait().unwrap();
    place.plan(&["rollback"]).ends(0);
    assert_eq!(server.tables(), "orders");
    assert_eq!(server.sql("select count(*) from orders"), "0");
}

/// Numbers of sessions begin again with their server: whoever bears ours by then is not waited for.
#[test]
fn whoever_has_the_number_of_a_dead_session_is_left_alone() {
    if !has(Kind::MariaDb) {
        return;
    }
    let place = Place::new("sql-numbers");
    let mut server = Server::start(&place, Kind::MariaDb);
    server.sql(TABLE);
    // Whoever waits for the server takes the first numbers.
    (0..60).for_each(|_| drop(server.sql("select 1")));
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{}\nsteps:\n  - step: add\n    \
             sql: insert into orders (id) select 1 + sleep(5)\n    irreversible: a test\n",
            server.connection()
        ),
    );
    let mut run = place.begin();
    let look =
        "select id from information_schema.processlist where info like '/* %insert into orders%'";
    wait_until("it is under way", || !server.sql(look).is_empty());
    let number: u32 = server.sql(look).parse().unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    server.kill();
    server.start_again();
    let next = || server.sql("select connection_id()").parse::<u32>().unwrap();
    while next() < number - 3 {}
    let others: Vec<_> = (0..6).map(|_| server.begin("select sleep(120)")).collect();
    std::thread::sleep(Duration::from_secs(1));
    let busy = format!(
        "select count(*) from information_schema.processlist where id = {number} and info like 'select sleep%'"
    );
    assert_eq!(server.sql(&busy), "1", "nobody has the number {number}");
    let began = std::time::Instant::now();
    place.plan(&["resume"]).ends(0);
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    for mut other in others {
        let _ = other.kill();
        let _ = other.wait();
    }
    assert_eq!(server.sql("select count(*) from orders"), "1");
}

#[test]
fn a_failing_statement_leaves_nothing_and_says_which_it_was() {
    let steps = r#"
  - step: fill
    sql: |
      insert into orders values (1, 'new');
      insert into nowhere values (1);
    irreversible: a test
"#;
    on_each("sql-fails", steps, |place, server| {
        server.sql(TABLE);
        let ran = place.apply();
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.out.contains("statement 2 of 2 (line 2)"), "{}", ran.out);
        assert_eq!(server.sql("select count(*) from orders"), "0");
    });
}

#[test]
fn what_takes_too_long_is_ended_in_the_server() {
    for (kind, sleep) in
        [(Kind::Postgres, "select pg_sleep(60)"), (Kind::MariaDb, "select sleep(60)")]
    {
        if !has(kind) {
            continue;
        }
        for limit in ["statement_timeout: 500ms", "lock_timeout: 5s"] {
            let place = Place::new(&format!("sql-long-{kind:?}-{}", &limit[..4]));
            let server = Server::start(&place, kind);
            let (connection, timeout) = (
                server.connection(),
                if limit.starts_with("lock") { "    timeout: 700ms\n" } else { "" },
            );
            place.write("plan.yaml", &format!(
                "plan: p\n{connection}\nsteps:\n  - step: wait\n    sql: {{ text: {sleep}, {limit} }}\n{timeout}    read_only: true\n"
            ));
            let ran = place.apply();
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(ran.out.contains("took longer than"), "{}", ran.out);
            let still = match kind {
                Kind::Postgres => {
                    "select count(*) from pg_stat_activity where query like '%sleep(60)' and state = 'active'"
                }
                _ => {
                    "select count(*) from information_schema.processlist where info like '%sleep(60)'"
                }
            };
            assert_eq!(server.sql(still), "0");
        }
    }
}

#[test]
fn whoever_holds_the_lock_is_named() {
    let steps = r#"
  - step: fill
    sql: { text: "update orders set state = 'mine'", lock_timeout: 1s }
    irreversible: a test
"#;
    for (kind, hold) in [
        (Kind::Postgres, "begin; update orders set state = 'theirs'; select pg_sleep(30)"),
        (Kind::MariaDb, "begin; update orders set state = 'theirs'; select sleep(30)"),
    ] {
        if !has(kind) {
            continue;
        }
        let place = Place::new(&format!("sql-lock-{kind:?}"));
        let server = Server::start(&place, kind);
        place.write("plan.yaml", &format!("plan: p\n{}\nsteps:\n{steps}", server.connection()));
        server.sql(TABLE);
        server.sql("insert into orders values (1, 'new')");
        let mut holder = server.begin(hold);
        let waits = match kind {
            Kind::Postgres => {
                "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and wait_event = 'PgSleep'"
            }
            _ => {
                "select count(*) from information_schema.processlist where info like 'select sleep(30)%'"
            }
        };
        wait_until("somebody holds the row", || server.sql(waits) == "1");
        let ran = place.apply();
        let _ = holder.kill();
        let _ = holder.wait();
        assert_eq!(ran.code, 1, "{ran:?}");
        let who = if kind == Kind::Postgres { "of postgres (psql)" } else { "of root" };
        assert!(ran.out.contains("is locked by session"), "{}", ran.out);
        assert!(ran.out.contains(who) && ran.out.contains("sleep(30)"), "{}", ran.out);
        assert_eq!(server.sql("select state from orders"), "new");
    }
}

/// Killed while a statement runs: it is known that it did not happen, and it is done once.
#[test]
fn a_run_that_is_killed_in_a_statement_does_it_once() {
    let slow = |kind: Kind| match kind {
        Kind::Postgres => "select pg_sleep(1.5)",
        Kind::MariaDb => "select sleep(1.5)",
        Kind::Sqlite => {
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000000) select count(*) from n"
        }
    };
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let place = Place::new(&format!("sql-killed-{kind:?}"));
        let server = Server::start(&place, kind);
        let (connection, slow) = (server.connection(), slow(kind));
        place.write("plan.yaml", &format!(
            "plan: p\n{connection}\nsteps:\n  - step: fill\n    sql: \"insert into orders values (1, 'new'); {slow}; insert into orders values (2, 'new')\"\n    irreversible: a test\n"
        ));
        server.sql(TABLE);
        let mut run = place.begin();
        place.wait_for("fill");
        std::thread::sleep(Duration::from_millis(400));
        run.kill().unwrap();
        run.wait().unwrap();
        let ran = place.plan(&["resume"]);
        assert_eq!(ran.code, 0, "{kind:?}: {ran:?}");
        assert!(ran.out.contains("never committed"), "{}", ran.out);
        assert_eq!(server.sql("select count(*) from orders"), "2");
        assert_eq!(server.tables(), "orders");
    }
}

#[test]
fn a_server_that_goes_away_in_the_middle_is_told_and_nothing_is_half_done() {
    for (kind, sleep) in
        [(Kind::Postgres, "select pg_sleep(5)"), (Kind::MariaDb, "select sleep(5)")]
    {
        if !has(kind) {
            continue;
        }
        let place = Place::new(&format!("sql-lost-{kind:?}"));
        let mut server = Server::start(&place, kind);
        let connection = server.connection();
        place.write("plan.yaml", &format!(
            "plan: p\n{connection}\nsteps:\n  - step: fill\n    sql: \"insert into orders values (1, 'new'); {sleep}\"\n    on_failure: pause\n    irreversible: a test\n"
        ));
        server.sql(TABLE);
        let run = place.begin();
        place.wait_for("fill");
        std::thread::sleep(Duration::from_millis(500));
        server.kill();
        assert_eq!(run.wait_with_output().unwrap().status.code(), Some(4));
        let said = place.plan(&["status"]).out;
        assert!(said.contains("server was lost"), "{said}");
        server.start_again();
        assert_eq!(server.sql("select count(*) from orders"), "0");
        place.plan(&["retry", "fill"]).ends(0);
        place.plan(&["resume"]).ends(0);
        assert_eq!(server.sql("select count(*) from orders"), "1");
    }
}
