//! `save_rows`: rows as they were, put back one by one; nothing of it where somebody changed one since.

use crate::place::Place;
use crate::servers::{ALL, Kind, Server, has};

const FAILS: &str = "  - { checkpoint: never, checks: [{ file: nowhere }] }\n";

/// A shop whose one step changes rows by these statements.
fn shop(name: &str, kind: Kind, sql: &str, behind: &str) -> (Place, Server) {
    let place = Place::new(&format!("rows-{name}-{kind:?}"));
    let server = Server::start(&place, kind);
    let (bytes, real, made) = match kind {
        Kind::Postgres => ("bytea", "real", "generated always as (price * 2) stored"),
        Kind::MariaDb => ("varbinary(40)", "float", "generated always as (price * 2) stored"),
        Kind::Sqlite => ("blob", "real", "generated always as (price * 2) stored"),
    };
    server.sql(&format!(
        "create table orders (shop integer not null, number integer not null, state varchar(60),
             price decimal(20, 6), twice decimal(21, 6) {made}, weight {real}, picture {bytes},
             primary key (shop, number))"
    ));
    let picture = match kind {
        Kind::Postgres => "'\\x00ff27'",
        _ => "x'00ff27'",
    };
    for (number, state) in [(1, "'new'"), (2, "null"), (3, "'it''s \\ \"é\" ß'"), (4, "''")] {
        server.sql(&format!(
            "insert into orders (shop, number, state, price, weight, picture)
             values (1, {number}, {state}, 12345678901234.567891, 0.1, {picture})"
        ));
    }
    let sql = sql.replace('\n', "\n          ");
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{}\nstate: {{ databases: [main] }}\nsteps:\n  - step: change\n    sql:\n      database: main\n      \
             save_rows: true\n      text: |\n          {sql}\n    \
             allow: {{ not-rerunnable: it is known whether it was done, destructive: the rows are saved, \
             backup-before-change: the rows are saved }}\n{behind}",
            server.connection()
        ),
    );
    (place, server)
}

fn rows(server: &Server) -> String {
    let picture = if server.kind == Kind::Postgres { "picture" } else { "hex(picture)" };
    server.sql(&format!(
        "select shop, number, state, price, twice, weight, {picture} from orders order by 1, 2"
    ))
}

const CHANGES: &str = "update orders set state = 'gone', price = price + 1, weight = 0.3 where number < 4;\n\
                       delete from orders where number in (select 3) or state = 'never';\n\
                       insert into orders (shop, number, state) values (2, 1, 'late'), (2, 2, null);\n\
                       update orders set state = 'later' where shop = 2 and number = 1;\n\
                       update orders set price = 7 where shop = 1; -- twice the same\n\
                       update orders set price = 7 where shop = 1;\n\
                       delete from orders where state = 'later';";

#[test]
fn rows_are_put_back_to_the_bit() {
    for kind in ALL.into_iter().filter(|kind| has(*kind)) {
        let (place, server) = shop("back", kind, CHANGES, FAILS);
        let before = rows(&server);
        place.apply().ends(1).says("the state is the one before");
        assert_eq!(rows(&server), before, "{kind:?}");
        let (place, server) = shop("done", kind, CHANGES, "");
        place.apply().ends(0);
        assert_eq!(server.sql("select count(*) from orders"), "4");
        assert_eq!(server.sql("select count(*) from orders where state = 'gone'"), "2");
        place.plan(&["rollback"]).ends(0).says("the state is the one before");
        assert_eq!(rows(&server), before, "{kind:?}");
        assert_eq!(server.tables(), "orders", "{kind:?}");
    }
}

#[test]
fn a_row_that_somebody_changed_since_is_left_and_all_others_with_it() {
    for kind in ALL.into_iter().filter(|kind| has(*kind)) {
        let (place, server) =
            shop("since", kind, "update orders set state = 'gone' where number < 4", "");
        place.apply().ends(0);
        server.sql("update orders set state = 'paid' where number = 2");
        let now = rows(&server);
        place.plan(&["rollback"]).ends(3).says("was changed since, and nothing was put back");
        assert_eq!(rows(&server), now, "{kind:?}");
        server.sql("update orders set state = 'gone' where number = 2");
        place.plan(&["retry", "change"]).ends(0);
        place.plan(&["resume"]).ends(0);
        assert_eq!(server.sql("select count(*) from orders where state = 'gone'"), "0");
    }
}

/// Another choice each time it is asked.
const CHANCE: &str = "update orders set state = 'x' where number in \
                      (select n from (select number as n from orders order by random() limit 3) as p)";

#[test]
fn values_that_a_server_would_not_take_today_are_put_back() {
    if !has(Kind::MariaDb) {
        return;
    }
    let (place, server) = shop("old", Kind::MariaDb, "delete from old", FAILS);
    server.sql(
        "set sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
         create table old (id integer auto_increment primary key, day date, kind enum('a', 'b'), flags bit(13));
         insert into old values (0, '2024-02-31', '', b'1000000000001'), (7, '0000-00-00', 'a', b'1')",
    );
    let before = server.sql("select id, day, kind, bin(flags) from old order by id");
    place.apply().ends(1).says("the state is the one before");
    assert_eq!(server.sql("select id, day, kind, bin(flags) from old order by id"), before);
}

#[test]
fn what_cannot_be_saved_is_refused_before_anything_runs() {
    let trigger = |kind| match kind {
        Kind::Postgres => {
            "create function f() returns trigger language plpgsql as 'begin return new; end';
             create trigger t after update on orders for each row execute function f()"
        }
        _ => "create trigger t after update on orders for each row insert into bare values (1)",
    };
    for kind in ALL.into_iter().filter(|kind| has(*kind)) {
        for (name, sql, words) in [
            ("bare", "delete from bare", "has no primary key"),
            ("key", "update orders set number = 9 where number = 1", "would get another key"),
            ("trigger", "update orders set state = 'x'", "has a trigger"),
            ("cascade", "delete from orders where number = 1", "takes rows of other tables along"),
            ("ddl", "update orders set state = 'x'; drop table bare", "cannot tell beforehand"),
            ("chance", CHANCE, "by chance"),
            ("conflict", "insert into odd values (3, 2)", "by its definition"),
            ("many", "insert into many select * from numbers", "more than 10000 rows"),
        ] {
            if (name == "ddl" && kind == Kind::MariaDb)
                || (name == "conflict" && kind != Kind::Sqlite)
            {
                continue;
            }
            let sql = if kind == Kind::MariaDb {
                sql.replace("random()", "rand()")
            } else {
                sql.to_owned()
            };
            let sql = &sql;
            let (place, server) = shop(name, kind, sql, "");
            server.sql("create table bare (a integer)");
            server.sql("insert into bare values (1)");
            match name {
                "trigger" => {
                    let text = trigger(kind);
                    let text = if kind == Kind::Sqlite {
                        text.replace("for each row insert into bare values (1)", "begin insert into bare values (1); end")
                    } else {
                        text.to_owned()
                    };
                    server.sql(&text);
                }
                "cascade" => drop(server.sql(
                    "create table items (id integer primary key, shop integer, number integer,
                         foreign key (shop, number) references orders (shop, number) on delete cascade)",
                )),
                "chance" => {
                    // So many that the same ones are never picked twice.
                    for number in 10..60 {
                        server.sql(&format!("insert into orders (shop, number) values (1, {number})"));
                    }
                }
                "conflict" => drop(server.sql(
                    "create table odd (id integer primary key, u integer unique on conflict replace)",
                )),
                "many" => {
                    server.sql("create table many (a integer primary key)");
                    server.sql("create table numbers (a integer)");
                    let many = "insert into numbers select seq from seq_1_to_10001";
                    server.sql(if kind == Kind::MariaDb { many } else {
                        "insert into numbers with recursive n(a) as
                             (select 1 union all select a + 1 from n where a < 10001) select a from n"
                    });
                }
                _ => {}
            }
            let before = rows(&server);
            let ran = place.apply();
            assert!(ran.all().contains(words), "{kind:?} {name}: {ran:?}");
            assert_eq!(ran.code, 1, "{ran:?}");
            assert_eq!(rows(&server), before, "{kind:?} {name}");
            assert_eq!(server.sql("select count(*) from bare"), "1");
        }
    }
}

#[test]
fn a_run_that_is_killed_while_rows_are_put_back_puts_each_back_once() {
    for kind in ALL.into_iter().filter(|kind| has(*kind)) {
        for point in ["before", "after"] {
            // The commits of the way back: each number is one write of the journal.
            for number in 5..=9 {
                let (place, server) = shop(&format!("kill-{point}-{number}"), kind, CHANGES, FAILS);
                let before = rows(&server);
                let mut command = place.command(&["apply", "plan.yaml"]);
                command.env("PLAN_CRASH_AT", format!("{point}:{number}"));
                let status = command.output().unwrap().status;
                if status.code().is_none() {
                    let ran = place.plan(&["resume"]);
                    let has_ended = ran.all().contains("no run that could be resumed");
                    assert!(ran.code == 1 || has_ended, "{kind:?} {point}:{number}: {ran:?}");
                }
                assert_eq!(rows(&server), before, "{kind:?} {point}:{number}");
                assert_eq!(server.tables(), "orders", "{kind:?} {point}:{number}");
            }
        }
    }
}
