//! `sql` on SQLite: all or nothing, and nothing of ours left behind.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::place::{Place, wait_until};

fn place(name: &str, steps: &str) -> Place {
    let plan = format!(
        "plan: rows\nconnections: {{ main: {{ file: shop.db }} }}\n\
         allow: {{ backup-before-change: the database is a test's }}\nsteps:\n{steps}"
    );
    let place = Place::with(name, &plan);
    place.sqlite("shop.db", "create table items (id integer primary key, name text unique, price)");
    place.sqlite("shop.db", "insert into items values (1, 'a', 10), (2, 'b', 20), (3, 'c', 30)");
    place
}

fn step(sql: &str) -> String {
    format!("  - step: change\n    sql: {sql}\n    rollback: {{ run: touch undone }}\n")
}

/// As it was, and nothing of ours in it.
fn untouched(place: &Place) {
    let prices = place.sqlite("shop.db", "select group_concat(price) from items");
    assert_eq!(prices, "10,20,30");
    nothing_left(place);
}

fn nothing_left(place: &Place) {
    let tables = place
        .sqlite("shop.db", "select group_concat(name) from sqlite_schema where type = 'table'");
    assert_eq!(tables, "items");
}

#[test]
fn a_failing_statement_takes_all_of_them_back() {
    let place = place(
        "sql-fails",
        &step(
            "{ database: main, text: \"update items set price = 0; insert into items values (4, 'a', 1)\" }",
        ),
    );
    place.apply().ends(1).says("change").says("UNIQUE constraint failed: items.name");
    untouched(&place);
}

#[test]
fn an_unmet_expectation_takes_all_of_them_back_and_says_what_was_found() {
    for (name, text, expect, words) in [
        ("changed", "update items set price = 0", "changed: 1..2", "3 rows were changed, not 1..2"),
        (
            "rows",
            "update items set price = 0; select * from items",
            "rows: 2",
            "gives 3 rows, not 2",
        ),
        (
            "value",
            "update items set price = 0; select count(*) from items",
            "value: 4",
            "gives 3, not 4",
        ),
        (
            "empty",
            "update items set price = 0; select * from items",
            "empty: true",
            "gives 3 rows, not none",
        ),
        (
            "none",
            "update items set price = 0; select * from items where id = 9",
            "value: 1",
            "gives nothing, not 1",
        ),
    ] {
        let sql = format!("{{ database: main, text: \"{text}\", expect: {{ {expect} }} }}");
        let place = place(&format!("sql-{name}"), &step(&sql));
        place.apply().ends(1).says(words);
        untouched(&place);
    }
}

#[test]
fn rows_are_counted_once_whatever_stands_behind_them() {
    let sql = "{ database: main, text: \"update items set price = 5 where id < 3; select count(*) from items; create index i on items (price)\", expect: { changed: 2 } }";
    let place = place("sql-count", &step(sql));
    place.apply().ends(0);
    assert_eq!(place.sqlite("shop.db", "select group_concat(price) from items"), "5,5,30");
    nothing_left(&place);
}

#[test]
fn values_are_bound_and_files_are_read() {
    let steps = r#"
  - step: bound
    sql:
      database: main
      text: update items set name = :name where price > :least -- :name
      values: { name: "it's; drop table items", least: 25 }
      expect: { changed: 1 }
    rollback: { run: "true" }
  - step: filed
    sql: { database: main, file: change.sql }
    rollback: { run: "true" }
  - step: asks
    sql: { database: main, text: select name from items where id = 3 }
    read_only: true
  - step: told
    run: printf %s {{ steps.asks.value }} > told
    read_only: true
"#;
    let place = place("sql-values", steps);
    place.write("change.sql", "-- two statements\nupdate items set price = 1 where id = 1;\nupdate items set price = 2 where id = 2;\n");
    place.apply().ends(0);
    assert_eq!(place.read("told"), "it's; drop table items");
    assert_eq!(place.sqlite("shop.db", "select group_concat(price) from items"), "1,2,30");
    nothing_left(&place);
}

#[test]
fn what_cannot_run_in_a_transaction_runs_outside_of_one() {
    let place = place(
        "sql-outside",
        &step("{ database: main, text: \"vacuum into 'copy.db'\", transaction: off }"),
    );
    place.apply().ends(0);
    let copy =
        if place.has("copy.db") { "copy.db" } else { panic!("no copy in the plan's folder") };
    assert_eq!(place.sqlite(copy, "select count(*) from items"), "3");
    nothing_left(&place);
}

#[test]
fn a_statement_for_outside_inside_a_transaction_says_what_to_write() {
    let place = place("sql-inside", &step("{ database: main, text: vacuum }"));
    place.apply().says("transaction: off");
    untouched(&place);
}

/// Somebody who holds the database until they are dropped.
struct Holder(std::process::Child);

impl Holder {
    fn new(place: &Place) -> Holder {
        let script = "{ echo 'begin immediate; update items set price = price;'; echo '.shell touch held'; \
                      sleep 60; } | sqlite3 shop.db";
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(&place.folder).stdin(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().unwrap();
        wait_until("the lock is held", || place.has("held"));
        Holder(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_lock_that_somebody_holds_is_waited_for_and_then_named() {
    let sql = "{ database: main, text: update items set price = 0, lock_timeout: 300ms }";
    let place = place("sql-lock", &step(sql));
    let holder = Holder::new(&place);
    let ran = place.apply().ends(1).says("shop.db is locked");
    drop(holder);
    ran.says("300 ms").says("sqlite3");
    untouched(&place);
}

#[test]
fn a_statement_that_takes_too_long_is_ended_and_taken_back() {
    let long = "update items set price = 0; with recursive n(i) as (select 1 union all select i + 1 from n \
                limit 1000000000) select count(*) from n";
    let sql = format!("{{ database: main, text: \"{long}\", statement_timeout: 500ms }}");
    let undo = "{ database: main, text: update items set price = price, lock_timeout: 100ms }";
    let step = step(&sql).replace("run: touch undone", &format!("sql: {undo}"));
    let place = place("sql-long", &step);
    let started = Instant::now();
    place.apply().ends(1).says("took longer than 500 ms");
    assert!(started.elapsed() < Duration::from_secs(5));
    // Nothing goes on in the background that would hold the lock.
    untouched(&place);
}

#[test]
fn statements_that_end_the_transaction_are_refused_before_any_of_them_runs() {
    for (name, text) in [
        ("commit", "update items set price = 0; commit; update items set price = 1"),
        ("begin", "begin; update items set price = 0; commit"),
        ("rollback", "update items set price = 0; rollback"),
        ("end", "update items set price = 0; end"),
    ] {
        let place = place(
            &format!("sql-{name}"),
            "  - step: change\n    sql: { database: main, file: change.sql }\n    rollback: { run: touch undone }\n",
        );
        place.write("change.sql", text);
        place.apply().says("transaction").never_says("succeeded");
        untouched(&place);
    }
}

#[test]
fn a_trigger_may_say_begin_and_end() {
    let place = place(
        "sql-trigger",
        "  - step: change\n    sql: { database: main, file: change.sql }\n    rollback: { run: touch undone }\n",
    );
    place.write(
        "change.sql",
        "create trigger t after insert on items begin update items set price = 7 where id = new.id; end;\n\
         insert into items values (4, 'd', 1);\n",
    );
    place.apply().ends(0);
    assert_eq!(place.sqlite("shop.db", "select price from items where id = 4"), "7");
    nothing_left(&place);
}

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let place = place("sql-missing", &step("{ database: main, text: select 1 }"));
    std::fs::remove_file(place.folder.join("shop.db")).unwrap();
    place.apply().ends(1).says("there is no database file").says("shop.db");
    assert!(!place.has("shop.db"));
}

#[test]
fn a_check_reads_and_changes_nothing() {
    let steps = r#"
  - checkpoint: looks
    checks: [{ sql: update items set price = 0 returning 1, on: main }]
"#;
    let place = place("sql-check", steps);
    place.apply().ends(1).says("could not be measured").says("readonly");
    untouched(&place);
}

#[test]
fn a_step_that_only_asks_shows_its_answer() {
    let ask = "select name, price as \"what it costs\" from items order by id";
    let reads = format!("  - step: look\n    sql: {ask}\n    read_only: true\n");
    let place = place("sql-shows", &reads);
    place.apply().ends(0);
    let log = place.plan(&["logs", "look"]);
    log.says("name | what it costs\na    | 10\nb    | 20\nc    | 30\n");
    // Of one that changes, nobody wants to read rows in a log.
    let place = self::place("sql-silent", &step(ask));
    place.apply().ends(0);
    assert!(!place.plan(&["logs", "change"]).out.contains("what it costs"));
}

#[test]
fn a_secret_that_stands_where_a_value_is_cut_is_covered() {
    let place = place(
        "sql-cut",
        "  - step: look\n    sql: select name from items where id = 9\n    read_only: true\n\
         inputs: { word: { secret: true, env: WORD } }\n",
    )
    .env("WORD", "the-word-of-the-night");
    let long = "x".repeat(110);
    place.sqlite(
        "shop.db",
        &format!("insert into items values (9, '{long}the-word-of-the-night', 1)"),
    );
    place.apply().ends(0);
    place.plan(&["logs", "look"]).says(&long).never_says("the-word");
}
