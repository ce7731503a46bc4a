//! `compare` on each server: what is gone, what differs, what may.

use crate::place::Place;
use crate::servers::{ALL, Kind, Server, has};

/// A snapshot, a change by the server's own client, a comparison.
fn after(
    name: &str,
    kind: Kind,
    keys: &str,
    checks: &str,
    change: &[&str],
) -> Option<(i32, String)> {
    if !has(kind) {
        return None;
    }
    let place = Place::new(&format!("compare-{name}-{kind:?}"));
    let server = Server::start(&place, kind);
    let counted = if kind == Kind::Postgres { "serial" } else { "integer" };
    for statement in [
        "create table people (id integer primary key, name varchar(20) not null)".to_owned(),
        format!(
            "create table orders (id {counted} primary key, who integer references people (id), total decimal(10, 2))"
        ),
        "create index orders_who on orders (who)".to_owned(),
        "insert into people values (1, 'Ama'), (2, 'Kofi')".to_owned(),
        "insert into orders (id, who, total) values (1, 1, 10.50), (2, 2, 20), (3, null, 0)"
            .to_owned(),
    ] {
        server.sql(&statement);
    }
    if kind == Kind::Postgres {
        server.sql("select setval('orders_id_seq', 3)");
    }
    place.write("changed.sql", "");
    place.write("plan.yaml", &format!(
        "plan: p\n{}\nsteps:\n  - step: before\n    compare: {{ snapshot: before, database: main{keys} }}\n  \
         - step: hand\n    manual: change it\n    read_only: true\n  - step: after\n    compare: {{ with: before{checks} }}\n    \
         on_failure: pause\n  - checkpoint: still\n    checks: [{{ compare: before{checks} }}]\n",
        server.connection()
    ));
    place.apply().ends(4);
    for statement in change {
        server.sql(statement);
    }
    place.plan(&["approve", "hand"]).ends(0);
    let ran = place.plan(&["resume"]);
    Some((ran.code, ran.out))
}

#[track_caller]
fn holds(name: &str, keys: &str, checks: &str, change: &[&str]) {
    for kind in ALL {
        if let Some((code, out)) = after(name, kind, keys, checks, change) {
            assert_eq!(code, 0, "{kind:?}: {out}");
        }
    }
}

#[track_caller]
fn tells(name: &str, keys: &str, checks: &str, change: &[&str], words: &str) {
    for kind in ALL {
        if let Some((code, out)) = after(name, kind, keys, checks, change) {
            assert_eq!(code, 4, "{kind:?}: {out}");
            assert!(out.contains(words), "{kind:?}: no `{words}` in {out}");
        }
    }
}

#[test]
fn what_only_was_added_is_no_difference() {
    holds(
        "added",
        "",
        "",
        &[
            "alter table orders add column note varchar(20)",
            "create table more (id integer)",
            "update people set name = name",
        ],
    );
}

#[test]
fn rows_and_values_that_changed_are_told() {
    tells(
        "value",
        "",
        "",
        &["update orders set total = 10.51 where id = 1"],
        "the 3 rows of table orders differ",
    );
    tells(
        "swapped",
        "",
        "",
        &["update people set name = case id when 1 then 'Kofi' else 'Ama' end"],
        "the 2 rows of table people differ",
    );
    tells(
        "null",
        "",
        "",
        &["update orders set who = null where id = 2"],
        "the 3 rows of table orders differ",
    );
    tells("rows", "", "", &["delete from orders where id = 3"], "table orders has 2 rows, not 3");
    tells(
        "sums",
        ", values: { revenue: \"select sum(total) from orders\" }, tables: [people]",
        "",
        &["update orders set total = 1"],
        "revenue is 3",
    );
}

#[test]
fn what_is_gone_is_told() {
    tells("table", "", "", &["drop table orders"], "table orders is gone, with 3 rows");
    tells("column", "", "", &["alter table people drop column name"], "table people lost name");
    for kind in ALL {
        let drop = if kind == Kind::MariaDb {
            "alter table orders drop foreign key orders_ibfk_1, drop index orders_who"
        } else {
            "drop index orders_who"
        };
        if let Some((code, out)) = after("index", kind, "", "", &[drop]) {
            assert_eq!(code, 4, "{out}");
            assert!(out.contains("orders_who is gone"), "{out}");
        }
    }
}

#[test]
fn what_hangs_on_a_table_that_is_left_out_is_left_out_too() {
    let kinds = [Kind::Sqlite, Kind::Postgres];
    for (checks, code) in [(", except: [orders]", 0), ("", 4)] {
        for kind in kinds {
            let change = ["drop index orders_who", "create index orders_who on orders (total)"];
            if let Some((ended, out)) = after(&format!("indexes-{code}"), kind, "", checks, &change)
            {
                assert_eq!(ended, code, "{kind:?}{checks}: {out}");
                assert_eq!(out.contains("index orders_who differs"), code == 4, "{out}");
            }
        }
    }
}

#[test]
fn rules_say_what_may_become_of_a_table() {
    let more = "insert into orders (id, who, total) values (4, 1, 1)";
    holds("grows", "", ", rules: { orders: grows }", &[more]);
    tells(
        "shrinks",
        "",
        ", rules: { orders: grows }",
        &["delete from orders where id = 3"],
        "fewer than 3",
    );
    holds("ratio", "", ", rules: { orders: { ratio: 1.2..1.4 } }", &[more]);
    tells("ratio-out", "", ", rules: { orders: { ratio: 0.9..1.1 } }", &[more], "1.33 times 3");
    holds("except", "", ", except: [orders]", &[more]);
    holds("except-column", ", except: [orders.total]", "", &["update orders set total = 1"]);
}

/// Guide G5, hazard (e): partitioning by copying keeps every row, and loses the key, the indexes and
/// the place of the sequence.
#[test]
fn a_copied_table_that_lost_its_key_and_its_sequence_is_told() {
    let change = [
        "alter table orders rename to orders_old",
        "create table orders (id serial, who integer, total decimal(10, 2)) partition by range (id)",
        "create table orders_1 partition of orders for values from (0) to (100)",
        "insert into orders select * from orders_old",
        "drop table orders_old",
        "alter sequence if exists orders_id_seq1 rename to orders_id_seq",
    ];
    if let Some((code, out)) = after("partition", Kind::Postgres, "", "", &change) {
        assert_eq!(code, 4, "{out}");
        for words in [
            "constraint orders.orders_pkey is gone",
            "index orders_who is gone",
            "sequence orders_id_seq went back from 3",
        ] {
            assert!(out.contains(words), "no `{words}` in {out}");
        }
    }
}

#[test]
fn files_are_compared_as_well() {
    let place = Place::new("compare-files");
    place.write("data/one", "1");
    place.write("data/two", "2");
    let plan = |change: &str| {
        place.write("plan.yaml", &format!("plan: p\nsteps:\n  - step: before\n    compare: {{ snapshot: before, files: [data/], except: [data/two] }}\n  - step: change\n    run: {change}\n    irreversible: a test\n  - step: after\n    compare: {{ with: before }}\n"));
        place.apply()
    };
    plan("echo more >> data/two").ends(0);
    plan("chmod 600 data/one").ends(3).says("data/one differs");
}
