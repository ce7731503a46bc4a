//! Scripts and databases that mean trouble: each once went wrong without a word.

use std::time::Duration;

use crate::migrate::place;
use crate::place::{Place, wait_until};
use crate::servers::{Kind, Server, has};

fn with(name: &str, kind: Kind, keys: &str, behind: &str) -> Option<(Place, Server)> {
    has(kind).then(|| place(&format!("awkward-{name}"), kind, keys, behind))
}

const UNDO: &str = "migrations/rollback/V1__rollback.sql";

#[test]
fn a_table_that_is_rebuilt_keeps_the_rows_that_point_at_it() {
    let Some((place, server)) = with("rebuilt", Kind::Sqlite, "", "") else { return };
    server.sql("create table orders (id integer primary key, state text);
        create table items (id integer primary key, order_id integer references orders (id) on delete cascade);
        insert into orders values (1, 'a'), (2, 'b'); insert into items values (1, 1), (2, 1), (3, 2);");
    let rebuild = |copy: &str| {
        format!(
            "PRAGMA foreign_keys=OFF;\nBEGIN;\nCREATE TABLE orders_new (id integer primary key, state text not null);\n{copy};\nDROP TABLE orders;\nALTER TABLE orders_new RENAME TO orders;\nCOMMIT;\nPRAGMA foreign_keys=ON;\n"
        )
    };
    place.write(UNDO, "select 1;\n");
    place.write(
        "migrations/V1__strict.sql",
        &rebuild("INSERT INTO orders_new SELECT id, state FROM orders WHERE id = 1"),
    );
    place.apply().ends(1).says("rows of items would point nowhere in orders");
    assert_eq!(server.sql("select count(*) from orders"), "2");
    place.write(
        "migrations/V1__strict.sql",
        &rebuild("INSERT INTO orders_new SELECT id, state FROM orders"),
    );
    place.apply().ends(0);
    assert_eq!(server.sql("select count(*) from items"), "3");
    // Where it would do nothing, it is refused.
    place.write(
        "migrations/V2__late.sql",
        "create table a (id integer);\nPRAGMA foreign_keys=OFF;\ndrop table orders;\n",
    );
    place.write("migrations/rollback/V2__rollback.sql", "select 1;\n");
    place.apply().ends(1).says("does nothing inside a transaction");
    assert_eq!(server.sql("select count(*) from items"), "3");
}

#[test]
fn what_lies_below_a_baseline_is_never_run() {
    let Some((place, server)) = with("baseline", Kind::Postgres, ", baseline: \"1.2\"", "") else {
        return;
    };
    for version in ["1_0", "1_2", "1_10"] {
        place.write(
            &format!("migrations/V{version}__t.sql"),
            &format!("create table t{version} (id int);\n"),
        );
        place.write(
            &format!("migrations/rollback/V{version}__rollback.sql"),
            &format!("drop table t{version};\n"),
        );
    }
    for _ in 0..2 {
        place.apply().ends(0);
        assert_eq!(server.tables(), "plan_scripts schema_migrations t1_10");
    }
}

#[test]
fn an_index_whose_build_failed_is_not_left_and_never_counts() {
    let Some((place, server)) = with("index", Kind::Postgres, "", "") else { return };
    server.sql("create table orders (id int, kind int); insert into orders values (1, 1), (2, 1)");
    place.write(
        "migrations/V1__index.sql",
        "create unique index concurrently if not exists orders_kind on orders (kind);\n",
    );
    place.write(UNDO, "drop index concurrently if exists orders_kind;\n");
    place.apply().ends(1).says("nothing was changed");
    let indexes = "select count(*) from pg_indexes where indexname = 'orders_kind'";
    assert_eq!(server.sql(indexes), "0");
    // One that somebody else left.
    let _ = server.begin("create unique index concurrently orders_kind on orders (kind)").wait();
    assert_eq!(server.sql(indexes), "1");
    server.sql("update orders set kind = id");
    place.apply().ends(1).says("is not valid");
    server.sql("drop index if exists orders_kind");
    place.apply().ends(0);
    assert_eq!(
        server.sql("select indisvalid from pg_index where indexrelid = 'orders_kind'::regclass"),
        "t"
    );
}

/// The statement never happened, and somebody changed something else meanwhile.
#[test]
fn what_others_change_is_not_taken_for_what_a_killed_statement_did() {
    let Some((place, server)) = with("others", Kind::MariaDb, ", lock_timeout: 60s", "") else {
        return;
    };
    server.sql("create table orders (id int primary key) engine=innodb");
    server.sql("insert into orders values (1)");
    place.write("migrations/V1__note.sql", "alter table orders add column note int;\n");
    place.write(UNDO, "alter table orders drop column note;\n");
    let mut holder = server.begin("begin; select * from orders; select sleep(30)");
    wait_until("the table is held", || {
        server.sql(
            "select count(*) from information_schema.processlist where info like 'select sleep%'",
        ) == "1"
    });
    let mut run = place.begin();
    wait_until("it waits", || {
        server.sql("select count(*) from information_schema.processlist where state like 'Waiting for table metadata%'") == "1"
    });
    run.kill().unwrap();
    run.wait().unwrap();
    let waiting = server.sql("select id from information_schema.processlist where state like 'Waiting for table metadata%'");
    server.sql(&format!("kill {waiting}"));
    let _ = holder.kill();
    let _ = holder.wait();
    let sleeping =
        server.sql("select id from information_schema.processlist where info like 'select sleep%'");
    server.sql(&format!("kill {sleeping}"));
    server.sql("create table orders_backup as select * from orders");
    place.plan(&["resume"]).ends(0);
    assert_eq!(server.sql("select count(*) from information_schema.columns where column_name = 'note' and table_name = 'orders'"), "1");
}

#[test]
fn what_would_not_reach_the_server_is_refused_before_anything_runs() {
    for (kind, script, words) in [
        (
            Kind::MariaDb,
            "create table t (id int);\n/*!50001 CREATE VIEW v AS SELECT id FROM t */;\n",
            "is code in a comment",
        ),
        (
            Kind::Postgres,
            "create table t (id int);\n\\i more.sql\n",
            "is a command of the server's own client",
        ),
        (
            Kind::Postgres,
            "create table t (id int);\ncopy t from stdin;\n1\n\\.\n",
            "brings its rows along",
        ),
        (
            Kind::Sqlite,
            "create table t (id int);\n.read more.sql\n",
            "is a command of the server's own client",
        ),
    ] {
        let name = format!("unsent-{}", &words[..10].replace(' ', "-"));
        let Some((place, server)) = with(&name, kind, "", "") else { continue };
        place.write("migrations/V1__t.sql", script);
        place.write(UNDO, "drop table if exists t;\n");
        place.apply().ends(1).says(words).says("V1__t.sql: line");
        assert_eq!(server.tables(), "");
        let steps = format!(
            "plan: q\n{}\nallow: {{ backup-before-change: this very thing is tested here, sql-refused: the step itself is asked }}\nsteps:\n  - {{ step: s, sql: {{ file: migrations/V1__t.sql, database: main, transaction: off }}, irreversible: a test of what is refused }}\n",
            server.connection()
        );
        place.write("plan.yaml", &steps);
        place.apply().ends(1).says(words);
        assert_eq!(server.tables(), "");
        if kind == Kind::Postgres {
            place.write(
                "migrations/V1__t.sql",
                "\\set ON_ERROR_STOP on\ncreate table t (id int);\n",
            );
            place.apply().ends(0);
        }
    }
}

#[test]
fn the_way_back_of_half_a_script_does_not_undo_what_never_was() {
    let Some((place, server)) = with("half", Kind::MariaDb, "", "") else { return };
    server.sql("create table o (id int primary key, price int)");
    server.sql("insert into o values (1, 500)");
    place.write("migrations/V1__cents.sql", "alter table o add column a int;\nupdate o set price = price * 100, nix = 1;\nalter table o add column b int;\n");
    place.write(
        UNDO,
        "update o set price = price / 100;\nalter table o drop column b, drop column a;\n",
    );
    place.apply().ends(3).says("its way back changes rows");
    assert_eq!(server.sql("select price from o"), "500");
    // Several changes in one statement are all refused where one of them is.
    let Some((place, server)) = with("half-alter", Kind::MariaDb, "", "") else { return };
    server.sql("create table o (id int primary key)");
    place.write("migrations/V1__two.sql", "alter table o add column a int;\ninsert into nowhere values (1);\nalter table o add column b int;\n");
    place.write(UNDO, "alter table o drop column b, drop column a;\n");
    place.apply().ends(3);
    place.write("migrations/V1__two.sql", &place.read("migrations/V1__two.sql"));
    assert_eq!(
        server.sql("select count(*) from information_schema.columns where table_name = 'o'"),
        "2"
    );
}

#[test]
fn a_statement_that_failed_in_part_is_said_to_have() {
    let Some((place, server)) = with("part", Kind::MariaDb, "", "    on_failure: pause\n") else {
        return;
    };
    server.sql("create table old1 (id int)");
    place.write("migrations/V1__drop.sql", "drop table old1, old2;\n");
    place.write(UNDO, "create table if not exists old1 (id int);\n");
    place.apply().ends(4).says("it may be done in part");
    place.plan(&["rollback"]).ends(0);
    assert_eq!(server.tables(), "old1");
}

#[test]
fn what_only_the_session_knew_is_not_guessed() {
    let Some((place, server)) = with("session", Kind::MariaDb, "", "    on_failure: pause\n")
    else {
        return;
    };
    server.sql("create table p (id int auto_increment primary key, n int)");
    server.sql("create table c (pid int, x int)");
    place.write("migrations/V1__rows.sql", "insert into p (n) values (7);\nset @p = last_insert_id();\ninsert into c select @p, x from later;\n");
    place.write(UNDO, "delete from c;\ndelete from p;\n");
    place.apply().ends(4);
    server.sql("create table later as select 5 as x");
    place.plan(&["retry", "schema"]).ends(0);
    place.plan(&["resume"]).ends(4).says("variables of the session");
    assert_eq!(server.sql("select count(*) from c"), "0");
}

#[test]
fn text_that_is_none_is_looked_at_all_the_same() {
    let Some((place, server)) =
        with("bytes", Kind::Sqlite, "", "  - { checkpoint: never, checks: [{ file: nowhere }] }\n")
    else {
        return;
    };
    server.sql("create table acc (id integer, n text); insert into acc values (1, cast(x'636166e9' as text))");
    place.write("migrations/V1__more.sql", "update acc set n = cast(x'636166e8' as text);\n");
    place.write(UNDO, "update acc set n = cast(x'636166e9' as text);\n");
    place.apply().ends(1).says("it was compared");
    place.write(UNDO, "update acc set n = cast(x'636166ea' as text);\n");
    place.apply().ends(3).says("rows of table acc in main differs");
    place.write("plan.yaml", &format!("plan: q\n{}\nallow: {{ backup-before-change: this very thing is tested here }}\nsteps:\n  - {{ step: s, sql: select n from acc, on: main, read_only: true }}\n", server.connection()));
    place.apply().ends(0);
}

#[test]
fn values_are_compared_with_columns_of_any_collation() {
    let Some((place, server)) = with(
        "collation",
        Kind::MariaDb,
        "",
        "  - { checkpoint: never, checks: [{ file: nowhere }] }\n",
    ) else {
        return;
    };
    server.sql("create table schema_migrations (version varchar(20) character set utf8mb4 collate utf8mb4_unicode_ci primary key)");
    server.sql("create table u (email varchar(50) character set latin1 collate latin1_bin)");
    server.sql("insert into u values ('é@x')");
    place.write("migrations/V1__t.sql", "create table t (id int);\n");
    place.write(UNDO, "drop table t;\n");
    place.apply().ends(1).says("it was compared");
    place.write("plan.yaml", &format!("plan: q\n{}\nallow: {{ backup-before-change: this very thing is tested here }}\nsteps:\n  - step: s\n    sql: {{ text: \"delete from u where email = :e\", values: {{ e: é@x }}, database: main, expect: {{ changed: 1 }} }}\n    irreversible: a test of what is refused\n", server.connection()));
    place.apply().ends(0);
}

#[test]
fn a_negative_value_behind_a_minus_is_no_comment() {
    for kind in crate::servers::ALL {
        if !has(kind) {
            continue;
        }
        let place = Place::new(&format!("awkward-minus-{kind:?}"));
        let server = Server::start(&place, kind);
        server.sql("create table acc (id integer, n integer)");
        server.sql("insert into acc values (1, 10), (2, 10)");
        place.write("plan.yaml", &format!("plan: q\n{}\nallow: {{ backup-before-change: this very thing is tested here }}\nsteps:\n  - step: s\n    sql: {{ text: \"update acc set n = n -:d where id = 1\", values: {{ d: -3 }}, database: main, expect: {{ changed: 1 }} }}\n    irreversible: a test of values\n", server.connection()));
        place.apply().ends(0);
        assert_eq!(server.sql("select n from acc order by id"), "13\n10");
    }
}

#[test]
fn a_version_that_was_taken_back_by_hand_is_applied_again() {
    let Some((place, server)) = with("by-hand", Kind::MariaDb, "", "") else { return };
    place.write("migrations/V1__a.sql", "create table a (id int);\n");
    place.write(UNDO, "drop table a;\n");
    place.apply().ends(0);
    server.sql("drop table a");
    server.sql("delete from schema_migrations");
    place.apply().ends(0);
    server.sql("drop table a");
    server.sql("drop table schema_migrations");
    place.apply().ends(0);
    assert_eq!(server.tables(), "a plan_scripts schema_migrations");
}

#[test]
fn what_was_applied_on_top_is_taken_back_first() {
    let Some((place, _server)) = with("on-top", Kind::Postgres, ", to: \"1\"", "") else { return };
    for version in ["1", "2"] {
        place.write(
            &format!("migrations/V{version}__t.sql"),
            &format!("create table t{version} (id int);\n"),
        );
        place.write(
            &format!("migrations/rollback/V{version}__rollback.sql"),
            &format!("drop table t{version};\n"),
        );
    }
    place.apply().ends(0);
    place.write("plan.yaml", &place.read("plan.yaml").replace("to: \"1\"", "to: \"2\""));
    place.apply().ends(0);
    place.plan(&["rollback", "p-1"]).ends(3).says("version 2 was applied on top of it, by p-2-");
    place.plan(&["rollback", "p-2"]).ends(0);
}

#[test]
fn a_lock_on_a_table_does_not_hold_up_a_look_for_ever() {
    let Some((place, server)) = with("look", Kind::Postgres, "", "") else { return };
    server.sql("create table orders (id int)");
    place.write("migrations/V1__t.sql", "create table t (id int);\n");
    place.write(UNDO, "drop table t;\n");
    let mut holder =
        server.begin("begin; lock table orders in access exclusive mode; select pg_sleep(60)");
    wait_until("the table is held", || {
        server.sql("select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'orders'::regclass") == "1"
    });
    let began = std::time::Instant::now();
    let ran = place.apply();
    let _ = holder.kill();
    let _ = holder.wait();
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(began.elapsed() < Duration::from_secs(20));
}
