//! Each way in which a connection fails has its own words; passwords are in none of them.

use crate::place::{Place, Ran};
use crate::servers::{Kind, Server, has};

fn tried(place: &Place, connection: &str) -> Ran {
    let step = "steps:\n  - { step: look, sql: select 1, read_only: true }\n";
    place.write("plan.yaml", &format!(
        "plan: p\ninputs: {{ password: {{ secret: true, env: PW }}, right: {{ secret: true, env: RIGHT }} }}\nconnections: {{ main: {{ {connection} }} }}\n{step}"
    ));
    let _ = std::fs::remove_dir_all(place.store());
    place.apply()
}

#[track_caller]
fn says(place: &Place, connection: &str, words: &[&str]) {
    let ran = tried(place, connection);
    assert_eq!(ran.code, 1, "{ran:?}");
    for word in words {
        assert!(ran.out.contains(word), "no `{word}` in {}", ran.out);
    }
    assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:?}");
}

#[test]
fn each_way_to_fail_at_postgresql_says_what_to_look_at() {
    if !has(Kind::Postgres) {
        return;
    }
    let place = Place::new("connections-pg").env("PW", "hunter2").env("RIGHT", "right!");
    let server = Server::start(&place, Kind::Postgres);
    let port = server.port;
    server.sql("create role ama login password 'right!'");
    place.write(
        "server/data/pg_hba.conf",
        "local all all trust\nhost all ama 127.0.0.1/32 scram-sha-256\n",
    );
    server.sql("select pg_reload_conf()");
    let at = format!(
        "server: postgresql, host: 127.0.0.1, port: {port}, password: \"{{{{ password }}}}\""
    );
    says(
        &place,
        &format!("{at}, user: ama, database: shop"),
        &["not accepted", "look at the secret", "as ama"],
    );
    says(
        &place,
        &format!("{at}, user: bob, database: shop"),
        &["may not come from here", "pg_hba.conf"],
    );
    says(
        &place,
        &format!(
            "server: postgresql, socket: {}, port: {port}, user: postgres, database: nothing",
            server.socket()
        ),
        &["no such database", "nothing"],
    );
    says(
        &place,
        &format!(
            "server: postgresql, host: 127.0.0.1, port: {port}, user: ama, password: \"{{{{ right }}}}\", database: shop, tls: {{ mode: require }}"
        ),
        &["TLS"],
    );
    says(
        &place,
        "server: postgresql, host: 127.0.0.1, port: 1, user: ama, database: shop",
        &["nobody listens there", "127.0.0.1:1"],
    );
    says(
        &place,
        "server: postgresql, host: no-such-host.invalid, user: ama, database: shop",
        &["no host of this name"],
    );
    says(
        &place,
        "server: postgresql, socket: /nowhere, user: ama, database: shop",
        &["no such socket", "does the server run?"],
    );
    // Somebody who lets people in and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let silent = format!(
        "server: postgresql, host: 127.0.0.1, port: {port}, user: ama, database: shop, timeout: 1s"
    );
    says(&place, &silent, &["no answer within 1 s"]);
}

#[test]
fn each_way_to_fail_at_mariadb_says_what_to_look_at() {
    if !has(Kind::MariaDb) {
        return;
    }
    let place = Place::new("connections-my").env("PW", "hunter2").env("RIGHT", "right!");
    let server = Server::start(&place, Kind::MariaDb);
    let port = server.port;
    server.sql("create user ama identified by 'right!'");
    let at = format!("server: mariadb, host: 127.0.0.1, port: {port}, user: ama");
    says(
        &place,
        &format!("{at}, password: \"{{{{ password }}}}\", database: shop"),
        &["not accepted", "look at the secret"],
    );
    says(
        &place,
        &format!("{at}, password: \"{{{{ right }}}}\", database: shop"),
        &["may not use this database"],
    );
    says(
        &place,
        &format!("server: mariadb, socket: {}, user: root, database: nothing", server.socket()),
        &["no such database"],
    );
    says(&place, "server: mariadb, host: 127.0.0.1, port: 1, user: ama", &["nobody listens there"]);
    server.sql("set global max_connections = 10");
    let held: Vec<_> = (0..11).map(|_| server.begin("select sleep(20)")).collect();
    std::thread::sleep(std::time::Duration::from_millis(500));
    says(
        &place,
        &format!("{at}, password: \"{{{{ right }}}}\""),
        &["too many sessions", "wait for some to end"],
    );
    for mut one in held {
        let _ = one.kill();
        let _ = one.wait();
    }
}

#[test]
fn what_the_plan_requires_of_a_database_is_asked_before_anything_is_touched() {
    for (kind, login, grant, lacks) in [
        (Kind::Postgres, "create role ama login", "grant create on schema public to ama", "ALTER"),
        (Kind::MariaDb, "create user ama", "grant create on shop.* to ama", "ALTER"),
    ] {
        if !has(kind) {
            continue;
        }
        let place = Place::new(&format!("requires-{kind:?}"));
        let server = Server::start(&place, kind);
        for statement in ["create table orders (id int)", login, grant] {
            server.sql(statement);
        }
        let name = if kind == Kind::Postgres { "postgresql" } else { "mariadb" };
        let port = server.port;
        let plan = |requires: &str| {
            place.write("plan.yaml", &format!(
                "plan: p\nconnections: {{ main: {{ server: {name}, host: 127.0.0.1, port: {port}, user: ama, database: shop }} }}\n\
                 requires:\n  - {{ database: main, {requires} }}\n\
                 steps:\n  - {{ step: look, run: touch touched, irreversible: a test }}\n"
            ));
            place.apply()
        };
        plan("server: \">=99\"").ends(6).says("there is 1").says("not >=99");
        plan("privileges: [CREATE, ALTER]").ends(6).says(&format!("the login may not {lacks}"));
        plan("privileges: [FLY]").ends(6);
        assert!(!place.has("touched"));
        plan("server: \">=10\", privileges: [CREATE]").ends(0);
        assert!(place.has("touched"));
    }
}
