//! What a million rows add up to: a snapshot of `compare` beside the server's own client with one count
//! and one digest; and how much memory `plan` takes as the rows become more.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::servers::{Kind, Server};
use crate::{Bench, Times, rows, say, shell, time};

const LIMIT: f64 = 1.5;
const MANY: u64 = 1_000_000;

pub fn beside_one_query(bench: &Bench, kind: Kind) {
    let (place, server) = bench.server("compare", kind);
    place.write(
        "plan.yaml",
        &format!(
            "plan: bench\n{}\nsteps:\n  - step: before\n    compare: {{ snapshot: before, database: main }}\n",
            server.connection()
        ),
    );
    rows::make(&server);
    let mut are_there = 0;
    let mut counts = vec![100_000, MANY];
    if bench.choice.large {
        counts.push(4_000_000);
    }
    let mut memory = Vec::new();
    for count in counts {
        rows::add(&server, are_there + 1, count);
        are_there = count;
        let store = format!("store-{count}");
        let (peak, took) = watch(bench.plan(&place, &store, &["apply", "plan.yaml"]));
        memory.push(format!(
            "| {count} rows, {kind:?} | {took:.2?} | {:.1} MiB |",
            peak as f64 / 1024.0
        ));
        if count != MANY {
            continue;
        }
        let mut times = Times::default();
        for round in 0..bench.choice.rounds {
            let store = format!("store-{round}");
            times.add("plan", time(&mut bench.plan(&place, &store, &["apply", "plan.yaml"]), 0));
            for (name, text) in plain(&server) {
                times.add(name, time(&mut shell(&place, &text), 0));
            }
        }
        times.show(&format!("snapshot of {MANY} rows, {kind:?}"), LIMIT);
    }
    say("\n| rows | time | memory of plan at most |\n| --- | --- | --- |");
    memory.iter().for_each(|line| say(line));
}

/// One count and one digest over the same columns.
fn plain(server: &Server) -> Vec<(&'static str, String)> {
    let count = "select count(*) from orders";
    let columns = rows::COLUMNS.join(", ");
    match server.kind {
        Kind::Postgres => {
            let digest = format!(
                "select sum(('x' || substr(md5(row({columns})::text), 1, 16))::bit(64)::bigint::numeric) \
                 from orders"
            );
            let client =
                format!("psql -X -A -t -h 127.0.0.1 -p {} -U postgres -d shop", server.port);
            vec![("plain", format!("{client} -c \"{count}\" -c \"{digest}\""))]
        }
        Kind::MariaDb => {
            // Null is no text there: without a word for it two rows would be one.
            let texts =
                rows::COLUMNS.map(|column| format!("coalesce({column}, 'null')")).join(", ");
            let digest = format!(
                "select sum(cast(conv(substr(md5(concat_ws(',', {texts})), 1, 16), 16, 10) as unsigned)) \
                 from orders"
            );
            let client = format!(
                "mariadb --no-defaults -N -B --user=root --socket={} shop",
                server.socket()
            );
            vec![("plain", format!("{client} -e \"{count}; {digest}\""))]
        }
        Kind::Sqlite => {
            // It has no digest that a sum could be made of; its client has one of all rows in a row.
            let client = "sqlite3 server/shop.db";
            let stream = format!("{client} 'select {columns} from orders' | sha256sum");
            vec![
                ("plain", format!("{client} '{count}' '.sha3sum --sha3-256 orders'")),
                ("plain, all rows into sha256sum", format!("{client} '{count}'; {stream}")),
            ]
        }
    }
}

/// The most memory that it had, in KiB, and its time.
fn watch(mut command: Command) -> (u64, Duration) {
    let start = Instant::now();
    let mut child = command.spawn().expect("the program can be started");
    let mut peak = 0;
    let took = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let now = line("VmHWM:").and_then(|text| text.split_whitespace().next()?.parse().ok());
        peak = peak.max(now.unwrap_or(0));
        if line("State:").is_none_or(|state| state.contains('Z')) {
            break start.elapsed();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(child.wait().expect("it was started here").success(), "{command:?} failed");
    (peak, took)
}
