//! `migrate` on each server: up, back, and what an error or a kill in the middle leaves.

use std::time::Duration;

use crate::place::{Place, Ran};
use crate::servers::{ALL, Kind, Server, has};

pub const WAIVED: [&str; 12] = [
    "backup-before-change",
    "migrate-unchecked",
    "multi-ddl-non-atomic",
    "destructive",
    "down-loses-data",
    "down-not-idempotent",
    "lock-timeout",
    "self-bookkeeping",
    "transaction-misuse",
    "version-form",
    "blocking-ddl",
    "seed-not-idempotent",
];

/// A place with a server and a plan of one `migrate` step, and what comes behind it.
pub fn place(name: &str, kind: Kind, keys: &str, behind: &str) -> (Place, Server) {
    let place = Place::new(&format!("migrate-{name}-{kind:?}"));
    let server = Server::start(&place, kind);
    let connection = server.connection();
    let allowed = WAIVED.iter().map(|rule| format!("{rule}: this very thing is tested here"));
    let allowed = allowed.collect::<Vec<_>>().join(", ");
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{connection}\nallow: {{ {allowed} }}\nstate: {{ databases: [main] }}\nsteps:\n  \
             - step: schema\n    migrate: {{ database: main, from: migrations/{keys} }}\n{behind}"
        ),
    );
    (place, server)
}

fn on_each(name: &str, keys: &str, behind: &str, check: impl Fn(&Place, &mut Server)) {
    for kind in ALL {
        if has(kind) {
            let (place, mut server) = place(name, kind, keys, behind);
            check(&place, &mut server);
        }
    }
}

const FAILS: &str = "  - { checkpoint: never, checks: [{ file: nowhere }] }\n";

fn two_versions(place: &Place) {
    place.write(
        "migrations/V1_0__orders.sql",
        "create table orders (id integer primary key, state varchar(20));\n\
        insert into orders values (1, 'new'), (2, 'it''s; old');\n",
    );
    place.write(
        "migrations/V1_10__notes.sql",
        "alter table orders add column note varchar(50);\nupdate orders set note = 'x';\n",
    );
    place.write(
        "migrations/V1_2__people.sql",
        "create table people (id integer primary key);\ncreate index people_id on people (id);\n",
    );
    place.write("migrations/rollback/V1_0__rollback.sql", "drop table if exists orders;\n");
    place
        .write("migrations/rollback/V1_10__rollback.sql", "alter table orders drop column note;\n");
    place.write("migrations/rollback/V1_2__rollback.sql", "drop table if exists people;\n");
}

fn applied(server: &Server) -> String {
    server.sql("select version from schema_migrations order by 1").replace('\n', " ")
}

#[test]
fn versions_go_up_as_numbers_and_back_to_the_one_before() {
    on_each("up", "", FAILS, |place, server| {
        two_versions(place);
        let ran = place.apply().ends(1);
        assert!(ran.out.contains("it was compared"), "{}", ran.out);
        assert_eq!(server.tables(), "", "{}", ran.out);
        let logs = place.plan(&["logs"]).out;
        assert!(logs.contains("drops 2 rows of orders"), "{logs}");
        // And now for good; a second time there is nothing left to do.
        place.write("nowhere", "");
        place.apply().ends(0);
        assert_eq!(applied(server), "1.0 1.10 1.2");
        assert_eq!(server.sql("select note from orders where id = 2"), "x");
        assert_eq!(server.tables(), "orders people plan_scripts schema_migrations");
        place.apply().ends(0);
        assert_eq!(applied(server), "1.0 1.10 1.2");
        // Only what a run did is what its way back undoes.
        place.write("migrations/V2__more.sql", "create table more (id integer);\n");
        place.write("migrations/rollback/V2__rollback.sql", "drop table more;\n");
        std::fs::remove_file(place.folder.join("nowhere")).unwrap();
        place.apply().ends(1).says("it was compared");
        assert_eq!(applied(server), "1.0 1.10 1.2");
        assert_eq!(server.tables(), "orders people plan_scripts schema_migrations");
    });
}

/// Five statements; the one at each place fails.
#[test]
fn a_statement_that_fails_at_any_place_leaves_what_the_message_says() {
    on_each("fails", "", "", |place, server| {
        for fails in 1..=5 {
            let statement = |n: usize| match n {
                n if n == fails => "insert into nowhere values (1)".to_owned(),
                2 => "insert into five values (1)".to_owned(),
                1 => "create table five (id integer primary key)".to_owned(),
                n => format!("create table more{n} (id integer)"),
            };
            let five: Vec<_> = (1..=5).map(statement).collect();
            place.write("migrations/V1__five.sql", &(five.join(";\n") + ";\n"));
            place.write(
                "migrations/rollback/V1__rollback.sql",
                "drop table if exists five, more3, more4, more5;\n"
                    .replace(
                        "five, more3, more4, more5",
                        if server.kind == Kind::Sqlite {
                            "five"
                        } else {
                            "five, more3, more4, more5"
                        },
                    )
                    .as_str(),
            );
            let ran = place.apply().ends(1);
            let place_of_it = format!("V1__five.sql: statement {fails} of 5 (line {fails})");
            assert!(ran.out.contains(&place_of_it), "{}", ran.out);
            let left = match (server.kind, fails) {
                (Kind::MariaDb, 1) => "nothing was changed",
                (Kind::MariaDb, 2) => "the one before it stays done",
                (Kind::MariaDb, _) => "before it stay done",
                _ => "nothing of this script is left",
            };
            assert!(ran.out.contains(left), "no `{left}` in {}", ran.out);
            assert!(ran.out.contains("it was compared"), "{}", ran.out);
            assert_eq!(server.tables(), "", "{fails}: {}", ran.out);
        }
    });
}

/// Also where the table of versions was there before.
#[test]
fn a_first_script_that_fails_leaves_no_table_of_ours() {
    on_each("fails-first", "", "", |place, server| {
        server.sql("create table schema_migrations (version varchar(50) primary key)");
        place.write("migrations/V1__bad.sql", "insert into nowhere values (1);\n");
        place.write("migrations/rollback/V1__rollback.sql", "select 1;\n");
        place.apply().ends(1);
        assert_eq!(server.tables(), "schema_migrations");
    });
}

#[test]
fn resume_goes_on_at_the_statement_that_failed() {
    on_each("resume", "", "    on_failure: pause\n", |place, server| {
        place.write(
            "migrations/V1__two.sql",
            "create table one (id integer);\ninsert into one select id from later;\n",
        );
        place.write("migrations/rollback/V1__rollback.sql", "drop table one;\n");
        place.apply().ends(4).says("statement 2 of 2");
        let left = if server.kind == Kind::MariaDb {
            "one plan_scripts plan_statements schema_migrations"
        } else {
            "" // all that the script did was in one transaction, our own tables too
        };
        assert_eq!(server.tables(), left);
        server.sql("create table later as select 7 as id");
        place.plan(&["retry", "schema"]).ends(0);
        place.plan(&["resume"]).ends(0);
        assert_eq!(server.sql("select id from one"), "7");
        assert_eq!(server.tables(), "later one plan_scripts schema_migrations");
    });
}

/// The run is killed in each statement in turn; each statement happens once.
#[test]
fn a_run_that_is_killed_in_any_statement_does_each_once() {
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let slow = match kind {
            Kind::Postgres => "(select 1 from (select pg_sleep(1.2)) as s)",
            Kind::MariaDb => "(select 1 from (select sleep(1.2)) as s)",
            Kind::Sqlite => {
                "(with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000000) select 1 from n where i = 5000000)"
            }
        };
        for killed_in in 1..=4 {
            let (place, server) = place(&format!("killed-{killed_in}"), kind, "", "");
            server.sql("create table events (id integer primary key)");
            let wait = |n: usize| if n == killed_in { slow } else { "1" };
            place.write("migrations/V1__four.sql", &format!(
                "insert into events select 10 + {};\ncreate table made as select {} as id;\ninsert into events select 20 + {};\nalter table made add column more integer;\ninsert into events select 30 + {};\n",
                wait(1), wait(2), wait(3), wait(4)
            ));
            place.write("migrations/rollback/V1__rollback.sql", "drop table made;\n");
            let mut run = place.begin();
            place.wait_for("schema");
            std::thread::sleep(Duration::from_millis(500));
            run.kill().unwrap();
            run.wait().unwrap();
            let ran = place.plan(&["resume"]);
            assert_eq!(ran.code, 0, "{kind:?} {killed_in}: {ran:?}");
            assert_eq!(
                server.sql("select id from events order by 1").replace('\n', " "),
                "11 21 31",
                "{kind:?} {killed_in}"
            );
            assert_eq!(server.tables(), "events made plan_scripts schema_migrations");
            assert_eq!(applied(&server), "1");
        }
    }
}

#[test]
fn what_cannot_run_in_a_transaction_is_journalled_statement_by_statement() {
    if !has(Kind::Postgres) {
        return;
    }
    let (place, server) = place("concurrently", Kind::Postgres, "", FAILS);
    server.sql(
        "create table orders (id integer, kind integer); insert into orders values (1, 1), (2, 1)",
    );
    place.write("migrations/V1__index.sql", "alter table orders add column note text;\ncreate index concurrently orders_id on orders (id);\ncreate unique index concurrently orders_kind on orders (kind);\n");
    place.write("migrations/rollback/V1__rollback.sql", "drop index concurrently if exists orders_kind;\ndrop index concurrently if exists orders_id;\nalter table orders drop column if exists note;\n");
    let ran = place.apply().ends(1).says("statement 3 of 3").says("the 2 before it stay done");
    assert!(ran.out.contains("it was compared"), "{}", ran.out);
    assert_eq!(server.sql("select count(*) from pg_indexes where tablename = 'orders'"), "0");
    server.sql("update orders set kind = id");
    place.write("nowhere", "");
    place.apply().ends(0);
    assert_eq!(server.sql("select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname like 'orders%' and indisvalid"), "2");
}

#[test]
fn what_does_not_fit_what_is_applied_is_refused_before_anything_runs() {
    on_each("refused", "", "", |place, server| {
        two_versions(place);
        place.apply().ends(0);
        let refused = |words: &[&str]| -> Ran {
            let ran = place.apply().ends(1);
            for word in words {
                assert!(ran.out.contains(word), "no `{word}` in {}", ran.out);
            }
            assert_eq!(applied(server), "1.0 1.10 1.2");
            ran
        };
        let people = place.read("migrations/V1_2__people.sql");
        place.write("migrations/V1_2__people.sql", &format!("{people}-- edited\n"));
        refused(&["V1_2__people.sql was edited after it was applied"]);
        place.write("migrations/V1_2__people.sql", &people.replace('\n', "\r\n"));
        place.apply().ends(0);
        place.write("migrations/V1_5__late.sql", "create table late (id integer);\n");
        place.write("migrations/rollback/V1_5__rollback.sql", "drop table late;\n");
        refused(&["V1_5__late.sql was never applied, and 1.10 was", "allow_out_of_order"]);
        std::fs::remove_file(place.folder.join("migrations/V1_5__late.sql")).unwrap();
        std::fs::remove_file(place.folder.join("migrations/rollback/V1_5__rollback.sql")).unwrap();
        for file in ["V1_10__notes.sql", "rollback/V1_10__rollback.sql"] {
            std::fs::remove_file(place.folder.join("migrations").join(file)).unwrap();
        }
        refused(&["version 1.10 is applied, and there is no script for it"]);
    });
}

/// Guide G5, hazards (a) and (b): the form of a version differs between file and row, and a script
/// that fails in its middle is told as a success.
#[test]
fn the_ways_in_which_a_shell_loop_over_psql_reports_success_falsely() {
    if !has(Kind::Postgres) {
        return;
    }
    let (place, server) = place("falsely", Kind::Postgres, ", to: \"1.1\"", "");
    server.sql(
        "create table schema_migrations (id serial primary key, version varchar(10) unique not null,
         description text, applied_at timestamp default current_timestamp,
         applied_by varchar(100) default current_user)",
    );
    place.write("migrations/V1_1__push.sql", "BEGIN;\ncreate table tokens (id serial primary key);\ninsert into tokens default values;\n\
        INSERT INTO schema_migrations (version, description, applied_at) VALUES ('1.1', 'push', NOW());\nCOMMIT;\n");
    place.write("migrations/rollback/V1_1__rollback.sql", "BEGIN;\nDROP TABLE IF EXISTS tokens;\nDELETE FROM schema_migrations WHERE version = '1.1';\nCOMMIT;\n");
    place.apply().ends(0);
    place.apply().ends(0);
    assert_eq!(server.sql("select count(*) from tokens"), "1", "applied once, however often asked");
    assert_eq!(server.sql("select version, applied_by from schema_migrations"), "1.1|postgres");
    // psql ends with 0 here, and the script's loop goes on to the next version.
    place.write("migrations/V1_2__broken.sql", "BEGIN;\ncreate table half (id integer);\ninsert into nowhere values (1);\ncreate table whole (id integer);\nCOMMIT;\n");
    place.write("migrations/rollback/V1_2__rollback.sql", "drop table if exists half, whole;\n");
    let script = place.folder.join("migrations/V1_2__broken.sql");
    assert!(server.psql_file(&script), "psql itself tells a success");
    place.write("plan.yaml", &place.read("plan.yaml").replace("\"1.1\"", "\"1.2\""));
    place
        .apply()
        .ends(1)
        .says("V1_2__broken.sql: statement 2 of 3")
        .says("nothing of this script is left");
    assert_eq!(applied(&server), "1.1");
    // A script that was copied, and says of itself that it is another one.
    place.write("migrations/V1_2__broken.sql", "create table half (id integer);\ninsert into schema_migrations (version) values ('1.3');\n");
    place.apply().ends(1).says("it says of itself that it is version 1.3");
    assert_eq!(server.tables(), "plan_scripts schema_migrations tokens");
}

#[test]
fn a_database_without_records_counts_as_its_baseline() {
    on_each("baseline", ", baseline: \"1.2\"", FAILS, |place, server| {
        two_versions(place);
        server.sql("create table orders (id integer primary key, state varchar(20))");
        place.apply().ends(1).says("it was compared");
        assert_eq!(server.tables(), "orders");
        place.write("nowhere", "");
        place.apply().ends(0);
        assert_eq!(applied(server), "1.10 1.2");
        assert_eq!(server.tables(), "orders plan_scripts schema_migrations");
    });
}

#[test]
fn two_runs_on_one_database_go_one_after_the_other() {
    for (kind, slow) in [(Kind::Postgres, "select pg_sleep(1)"), (Kind::MariaDb, "select sleep(1)")]
    {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("two", kind, "", "");
        place.write(
            "migrations/V1__slow.sql",
            &format!("{slow};\ncreate table once (id integer);\n"),
        );
        place.write("migrations/rollback/V1__rollback.sql", "drop table once;\n");
        place.write(
            "other/plan.yaml",
            &place
                .read("plan.yaml")
                .replace("plan: p", "plan: q")
                .replace("migrations/", "../migrations/"),
        );
        let first = place.begin();
        place.wait_for("schema");
        std::thread::sleep(Duration::from_millis(300));
        let second = place.plan(&["apply", "other/plan.yaml"]);
        assert_eq!(first.wait_with_output().unwrap().status.code(), Some(0));
        assert_eq!(second.code, 0, "{second:?}");
        assert_eq!(server.tables(), "once plan_scripts schema_migrations");
    }
}

/// What a killed run had done of a script is taken back with it, also where no transaction held it.
#[test]
fn a_run_that_is_killed_in_a_script_is_taken_back_whole() {
    if !has(Kind::MariaDb) {
        return;
    }
    let (place, server) = place("killed-back", Kind::MariaDb, "", "");
    server.sql("create table events (id integer primary key)");
    place.write(
        "migrations/V1__three.sql",
        "create table one (id integer);\n\
         create table two as select (select 1 from (select sleep(1.2)) as s) as id;\n\
         create table three (id integer);\n",
    );
    place.write(
        "migrations/rollback/V1__rollback.sql",
        "drop table three;\ndrop table two;\ndrop table one;\n",
    );
    let mut run = place.begin();
    place.wait_for("schema");
    crate::place::wait_until("the first one is there", || server.tables().contains("one"));
    run.kill().unwrap();
    run.wait().unwrap();
    let ran = place.plan(&["rollback"]).ends(0).says("1 to undo");
    assert_eq!(server.tables(), "events", "{ran:?}");
}
