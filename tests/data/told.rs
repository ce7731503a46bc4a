//! What a step tells while it works on a database: its statements, how far the server is, and how many
//! work at once.

use crate::place::Place;
use crate::servers::{ALL, Kind, Server, has};

/// The connection with one more key.
fn connection(server: &Server, key: &str) -> String {
    server.connection().replace(" } }", &format!(", {key} }} }}"))
}

#[test]
fn statements_are_logged_where_that_is_wanted_and_secrets_are_covered() {
    for kind in ALL.into_iter().filter(|kind| has(*kind)) {
        for wanted in [true, false] {
            let place =
                Place::new(&format!("told-{wanted}-{kind:?}")).env("TOKEN", "hunter2hunter2");
            let server = Server::start(&place, kind);
            server.sql("create table keys_of (id integer primary key, token varchar(40))");
            place.write(
                "plan.yaml",
                &format!(
                    "plan: p\ninputs: {{ token: {{ secret: true, env: TOKEN }} }}\n{}\nsteps:\n  - step: put\n    \
                     sql: {{ text: \"insert into keys_of (id, token) values (1, :token)\", values: {{ token: \"{{{{ token }}}}\" }}, database: main }}\n    \
                     rollback: {{ sql: delete from keys_of }}\n    allow: {{ not-rerunnable: the key is there or it is not, backup-before-change: the data are made by this test }}\n",
                    connection(&server, &format!("log_sql: {wanted}"))
                ),
            );
            place.apply().ends(0);
            assert_eq!(server.sql("select token from keys_of"), "hunter2hunter2");
            // A step that says nothing has no log.
            let log = place.plan(&["logs", "put"]).ends(if wanted { 0 } else { 2 });
            let log = log.never_says("hunter2").out;
            assert_eq!(log.contains("main> insert into keys_of"), wanted, "{kind:?} {log}");
        }
    }
}

#[test]
fn a_server_that_knows_how_far_it_is_is_asked() {
    for kind in [Kind::Postgres, Kind::MariaDb].into_iter().filter(|kind| has(*kind)) {
        let place = Place::new(&format!("told-progress-{kind:?}"));
        let server = Server::start(&place, kind);
        let (ready, slow, word, keys) = match kind {
            Kind::Postgres => (
                "create table numbers as select generate_series(1, 900) n; \
                 create function slow(n int) returns int immutable language plpgsql as \
                 'begin perform pg_sleep(0.01); return n; end'",
                "create index numbers_slow on numbers (slow(n))",
                "create index: building index",
                "",
            ),
            _ => (
                "create table numbers (n int primary key) as select seq + 10000 n from seq_1_to_30000",
                "alter table numbers add column slow char(128) as (sha2(repeat(n, 20000), 512)) persistent",
                "copy to tmp table",
                ", transaction: off",
            ),
        };
        server.sql(ready);
        place.write(
            "plan.yaml",
            &format!(
                "plan: p\n{}\nallow: {{ backup-before-change: the data are made by this test, not-rerunnable: once is enough }}\n\
                 steps:\n  - step: slow\n    sql: {{ text: \"{slow}\", database: main{keys} }}\n    irreversible: it stays\n",
                server.connection()
            ),
        );
        place.apply().ends(0);
        place.plan(&["logs", "slow"]).ends(0).says(word).says(" %");
    }
}

#[test]
fn no_more_steps_than_a_connection_lets_in_work_on_it() {
    for kind in [Kind::Postgres, Kind::MariaDb].into_iter().filter(|kind| has(*kind)) {
        let place = Place::new(&format!("told-pool-{kind:?}"));
        let server = Server::start(&place, kind);
        let sleeps = match kind {
            Kind::Postgres => "select pg_sleep(1)",
            _ => "select sleep(1)",
        };
        for (key, at_once) in [("pool: { max: 1 }", false), ("timeout: 20s", true)] {
            place.write(
                "plan.yaml",
                &format!(
                    "plan: p\n{}\nsteps:\n  - {{ step: one, sql: {sleeps}, read_only: true }}\n  \
                     - {{ step: two, needs: [], sql: {sleeps}, read_only: true }}\n",
                    connection(&server, key)
                ),
            );
            let out = place.apply().ends(0).out;
            let at = |words: &str| out.find(words).unwrap_or_else(|| panic!("no {words} in {out}"));
            let first_end = at("one: done").min(at("two: done"));
            let last_start = at("one: started").max(at("two: started"));
            assert_eq!(last_start < first_end, at_once, "{out}");
        }
    }
}
