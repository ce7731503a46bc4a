//! A database saved and brought back: `plan` beside the server's own tool and zstd in a pipe.

use std::fs;

use crate::place::Place;
use crate::servers::{Kind, Server};
use crate::{Bench, Times, rows, say, shell, time};

const LIMIT: f64 = 1.05;

pub fn beside_the_tools(bench: &Bench, kind: Kind) {
    let (place, server) = bench.server("backups", kind);
    rows::make(&server);
    rows::add(&server, 1, bench.choice.bytes / rows::BYTES);
    for proof in ["read", "parse", "restore"] {
        // What saves and what brings back are one run, and somebody looks between them.
        let behind = match proof {
            "read" => {
                "  - { step: hand, manual: look at it, read_only: true }\n  - step: back\n    restore: { step: save }\n"
            }
            _ => "",
        };
        place.write(
            &format!("{proof}.yaml"),
            &format!(
                "plan: {proof}\n{}\nsteps:\n  - step: save\n    \
                 backup: {{ database: main, to: backups/, proof: {proof} }}\n{behind}",
                server.connection()
            ),
        );
    }
    let (save, load, proven) = (save(&server), load(&server), proven(kind));
    let (mut saves, mut loads) = (Times::default(), Times::default());
    for round in 0..bench.choice.rounds {
        let store = format!("store-{round}");
        settle(&place, &server);
        saves.add("plain", time(&mut shell(&place, &save), 0));
        if round == 0 {
            let packed = fs::metadata(place.folder.join("plain.zst")).map_or(0, |meta| meta.len());
            time(&mut shell(&place, "zstd -dcq plain.zst | wc -c"), 0);
            let unpacked = place.read("plain");
            say(&format!("{kind:?}: {} bytes are saved in {packed}", unpacked.trim()));
        }
        settle(&place, &server);
        let apply =
            |file: &str, code| time(&mut bench.plan(&place, &store, &["apply", file]), code);
        saves.add("plan", apply("read.yaml", 4));
        let approve = &mut bench.plan(&place, &store, &["approve", "hand"]);
        time(approve, 0);
        settle(&place, &server);
        loads.add("plain", time(&mut shell(&place, &load), 0));
        settle(&place, &server);
        loads.add("plan", time(&mut bench.plan(&place, &store, &["resume"]), 0));
        clear(&place, &server);
        saves.add("plain, then read back (sha256sum, zstd -t)", {
            settle(&place, &server);
            time(&mut shell(&place, &format!("{save}; {proven}")), 0)
        });
        // What the other proofs cost is told once they are known to work.
        for proof in ["parse", "restore"] {
            settle(&place, &server);
            saves.add(&format!("plan, proof: {proof}"), apply(&format!("{proof}.yaml"), 0));
            clear(&place, &server);
        }
    }
    let size = bench.choice.bytes >> 20;
    saves.show(&format!("backup of {size} MB, {kind:?}, proof: read"), LIMIT);
    loads.show(&format!("restore of {size} MB, {kind:?}"), LIMIT);
}

/// Nothing of what was measured before is still being written.
fn settle(place: &Place, server: &Server) {
    if server.kind == Kind::Postgres {
        server.sql("checkpoint");
    }
    time(&mut shell(place, "sync -f ."), 0);
}

/// What a restore left beside, and the files of backups, go.
fn clear(place: &Place, server: &Server) {
    let _ = fs::remove_dir_all(place.folder.join("backups"));
    match server.kind {
        Kind::Sqlite => drop(time(&mut shell(place, "rm -f server/shop.db.before-* new.db"), 0)),
        Kind::Postgres => drop_databases(
            server,
            "select datname from pg_database where datname like 'shop\\_before\\_%' or datname = 'plain'",
        ),
        Kind::MariaDb => drop_databases(
            server,
            "select schema_name from information_schema.schemata
             where schema_name like 'shop\\_before\\_%' or schema_name = 'plain'",
        ),
    }
}

fn drop_databases(server: &Server, list: &str) {
    for name in server.sql(list).lines() {
        server.sql(&format!("drop database {name}"));
    }
}

/// With the options that `plan` gives to the same tool.
fn save(server: &Server) -> String {
    let pack = "zstd -q -3 -f";
    match server.kind {
        Kind::Postgres => format!(
            "pg_dump -h 127.0.0.1 -p {} -U postgres --no-password --format=custom --compress=0 shop \
             | {pack} > plain.zst; sync plain.zst",
            server.port
        ),
        Kind::MariaDb => format!(
            "mariadb-dump --no-defaults --socket={} --user=root --single-transaction --quick --routines \
             --triggers --events --hex-blob --skip-lock-tables shop | {pack} > plain.zst; sync plain.zst",
            server.socket()
        ),
        Kind::Sqlite => format!(
            "rm -f plain.copy; sqlite3 server/shop.db \"vacuum into 'plain.copy'\"; \
             {pack} plain.copy -o plain.zst; rm plain.copy; sync plain.zst"
        ),
    }
}

/// What `proof: read` looks at, by programs that everybody has.
fn proven(kind: Kind) -> &'static str {
    match kind {
        Kind::MariaDb => "sha256sum plain.zst; zstd -dcq plain.zst | tail -n 1",
        _ => "sha256sum plain.zst; zstd -tq plain.zst",
    }
}

/// Into a new database; nothing is swapped.
fn load(server: &Server) -> String {
    match server.kind {
        Kind::Postgres => {
            let to = format!("-h 127.0.0.1 -p {} -U postgres", server.port);
            format!(
                "psql -X -q {to} -d postgres -c 'create database plain template template0'; \
                 zstd -dcq plain.zst | pg_restore {to} --no-password --exit-on-error -d plain"
            )
        }
        Kind::MariaDb => {
            let client = format!("mariadb --no-defaults --socket={} --user=root", server.socket());
            format!("{client} -e 'create database plain'; zstd -dcq plain.zst | {client} plain")
        }
        Kind::Sqlite => "zstd -dcq plain.zst > new.db; sync new.db".to_owned(),
    }
}
