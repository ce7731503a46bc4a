//! Two hundred small migrations up and down again: `plan` beside one script of the same statements with
//! as many commits, and beside others who keep what is applied.

use std::fmt::Write as _;

use crate::peers;
use crate::place::Place;
use crate::servers::{Kind, Server};
use crate::{Bench, Times, shell, time};

pub const COUNT: usize = 200;
const LIMIT: f64 = 1.3;

/// A table with its index, and now and then a column more.
pub fn up(n: usize) -> String {
    match n % 4 {
        0 => format!("alter table t{} add column note varchar(50);\n", n - 1),
        _ => format!(
            "create table t{n} (id integer primary key, name varchar(40) not null, kind integer);\n\
             create index t{n}_name on t{n} (name);\n"
        ),
    }
}

pub fn down(n: usize) -> String {
    match n % 4 {
        0 => format!("alter table t{} drop column note;\n", n - 1),
        _ => format!("drop table if exists t{n};\n"),
    }
}

pub fn beside_one_script(bench: &Bench, kind: Kind) {
    let (place, server) = bench.server("migrations", kind);
    for n in 1..=COUNT {
        place.write(&format!("migrations/V{n}__step.sql"), &up(n));
        place.write(&format!("migrations/rollback/V{n}__rollback.sql"), &down(n));
    }
    place.write("plan.yaml", &format!(
        "plan: bench\n{}\nallow:\n  backup-before-change: the data are made by this benchmark\n  \
         migrate-unchecked: the data are made by this benchmark\n\
         steps:\n  - step: schema\n    migrate: {{ database: main, from: migrations/ }}\n",
        server.connection()
    ));
    place.write("up.sql", &script(kind, true));
    place.write("down.sql", &script(kind, false));
    let peers = if bench.choice.alone { Vec::new() } else { peers::all(&place, &server) };
    let (mut ups, mut downs) = (Times::default(), Times::default());
    for round in 0..bench.choice.rounds {
        let store = format!("store-{round}");
        anew(&place, &server);
        ups.add("plan", time(&mut bench.plan(&place, &store, &["apply", "plan.yaml"]), 0));
        has_tables(&server, COUNT / 4 * 3 + 2);
        downs.add("plan", time(&mut bench.plan(&place, &store, &["rollback"]), 0));
        has_tables(&server, 0);
        anew(&place, &server);
        ups.add("plain", time(&mut shell(&place, &client(&server, "up.sql")), 0));
        has_tables(&server, COUNT / 4 * 3 + 1);
        downs.add("plain", time(&mut shell(&place, &client(&server, "down.sql")), 0));
        has_tables(&server, 0);
        // They are slower by much: fewer rounds tell enough.
        for peer in peers.iter().filter(|_| round < 3) {
            anew(&place, &server);
            ups.add(peer.name, time(&mut peer.command(&peer.up), 0));
            assert!(has_table(&server, &format!("t{}", COUNT - 1)), "{} did not go up", peer.name);
            if let Some(down) = &peer.down {
                downs.add(peer.name, time(&mut peer.command(down), 0));
                assert!(!has_table(&server, "t1"), "{} did not go down", peer.name);
            }
        }
    }
    ups.show(&format!("{COUNT} migrations up on {kind:?}"), LIMIT);
    downs.show(&format!("{COUNT} migrations down on {kind:?}"), LIMIT);
}

fn has_tables(server: &Server, count: usize) {
    let tables = server.tables();
    assert_eq!(tables.split_whitespace().count(), count, "{tables}");
}

fn has_table(server: &Server, name: &str) -> bool {
    server.tables().split_whitespace().any(|table| table == name)
}

/// An empty database.
fn anew(place: &Place, server: &Server) {
    if server.kind == Kind::Sqlite {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(place.folder.join(format!("server/shop.db{end}")));
        }
        server.sql("pragma journal_mode = wal");
        return;
    }
    for statement in ["drop database shop", "create database shop", "checkpoint"] {
        let done = time(&mut shell(place, &psql(server, "postgres", statement)), 0);
        assert!(done.as_secs() < 60);
    }
}

fn psql(server: &Server, database: &str, statement: &str) -> String {
    let port = server.port;
    format!("psql -X -q -h 127.0.0.1 -p {port} -U postgres -d {database} -c '{statement}'")
}

/// The server's own client, with a file.
fn client(server: &Server, file: &str) -> String {
    match server.kind {
        Kind::Postgres => format!(
            "psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p {} -U postgres -d shop -f {file}",
            server.port
        ),
        _ => format!("sqlite3 -bail server/shop.db < {file}"),
    }
}

/// All of them, each one transaction with its row of the tracking table.
fn script(kind: Kind, is_up: bool) -> String {
    let mut text = String::new();
    let begin = if kind == Kind::Sqlite { "begin immediate" } else { "begin" };
    if kind == Kind::Sqlite {
        // As `plan` opens it: every commit is on the disk before it is told.
        text += "pragma synchronous = full;\npragma foreign_keys = on;\n";
    }
    if is_up {
        text += "create table schema_migrations (version varchar(50) primary key, description text, \
                 applied_at timestamp default current_timestamp);\n";
    }
    for at in 1..=COUNT {
        let n = if is_up { at } else { COUNT + 1 - at };
        let (body, record) = match is_up {
            true => (
                up(n),
                format!(
                    "insert into schema_migrations (version, description) values ('{n}', 'step')"
                ),
            ),
            false => (down(n), format!("delete from schema_migrations where version = '{n}'")),
        };
        let _ = write!(text, "{begin};\n{body}{record};\ncommit;\n");
    }
    if !is_up {
        text += "drop table schema_migrations;\n";
    }
    text
}
