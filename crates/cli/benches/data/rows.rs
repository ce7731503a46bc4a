//! The table that is saved and compared: ten columns of the usual types, as many rows as are wanted.

use crate::servers::{Kind, Server};

pub const COLUMNS: [&str; 10] =
    ["id", "customer", "state", "email", "note", "amount", "created", "token", "quantity", "paid"];

/// What a row takes in a dump, roughly.
pub const BYTES: u64 = 230;

const SENTENCE: &str =
    "as agreed on the phone the goods go to the house behind the market before noon";

pub fn make(server: &Server) {
    let (time, flag) = match server.kind {
        Kind::MariaDb => ("datetime", "tinyint"),
        Kind::Postgres => ("timestamp", "boolean"),
        Kind::Sqlite => ("text", "integer"),
    };
    server.sql(&format!(
        "create table orders (id bigint primary key, customer integer not null, state varchar(20), \
         email varchar(80), note varchar(200), amount numeric(12, 2), created {time}, \
         token varchar(40), quantity integer, paid {flag})"
    ));
    server.sql("create index orders_customer on orders (customer)");
}

/// Rows from one number to another, both among them.
pub fn add(server: &Server, from: u64, to: u64) {
    let states = "case n % 3 when 0 then 'new' when 1 then 'paid' else null end";
    let whole = if server.kind == Kind::MariaDb { "unsigned" } else { "integer" };
    let note = format!("substr('{SENTENCE}', 1 + cast(n % 20 as {whole}))");
    match server.kind {
        Kind::Postgres => server.sql(&format!(
            "insert into orders select n, n * 7919 % 100003, {states}, 'person' || n || '@example.org', \
             {note} || n, n % 100000 / 7.0, timestamp '2020-01-01' + n * interval '1 minute', \
             md5(n::text), n % 10, n % 2 = 0 from generate_series({from}::bigint, {to}) as n"
        )),
        Kind::MariaDb => server.sql(&format!(
            "insert into orders select n, n * 7919 % 100003, {states}, concat('person', n, '@example.org'), \
             concat({note}, n), n % 100000 / 7.0, timestamp '2020-01-01 00:00:00' + interval n minute, \
             md5(n), n % 10, n % 2 from (select seq as n from seq_{from}_to_{to}) as numbers"
        )),
        Kind::Sqlite => server.sql(&format!(
            "with recursive numbers (n) as (select {from} union all select n + 1 from numbers where n < {to}) \
             insert into orders select n, n * 7919 % 100003, {states}, 'person' || n || '@example.org', \
             {note} || n, round(n % 100000 / 7.0, 2), datetime('2020-01-01', n || ' minutes'), \
             lower(hex(randomblob(16))), n % 10, n % 2 from numbers"
        )),
    };
    match server.kind {
        Kind::Postgres => drop(server.sql("vacuum analyze orders")),
        Kind::MariaDb => {}
        Kind::Sqlite => drop(server.sql("pragma wal_checkpoint(truncate)")),
    }
}
