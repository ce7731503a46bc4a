//! Schemas and rows that others wrote: upgraded and taken back, damaged and restored. The second
//! opinion is the dump of the server's own tool, before and after.
//!
//! `PLAN_SAMPLES` names a folder with plain checkouts of two repositories:
//!
//!     $PLAN_SAMPLES/chinook-database    git clone https://github.com/lerocha/chinook-database
//!     $PLAN_SAMPLES/sakila              git clone https://github.com/jOOQ/sakila
//!
//! Of the first, `ChinookDatabase/DataSources/Chinook_{MySql,PostgreSql,Sqlite}.sql` are read; of the
//! second, `{mysql,postgres,sqlite}-sakila-db/*-sakila-schema.sql`, and the rows for all of them from
//! `postgres-sakila-db/postgres-sakila-insert-data-using-copy.sql`. Without them the tests are skipped.
//!
//! In `everything/` is what those have not: a bit of whatever each server knows.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use crate::migrate::WAIVED;
use crate::place::Place;
use crate::servers::{Kind, Server, has};

/// A file of a sample; it says so where there is none.
#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
fn sample(path: &str) -> Option<String> {
    let found = std::env::var_os("PLAN_SAMPLES").map(PathBuf::from).and_then(|folder| {
        let folder = std::env::current_dir().unwrap().join(folder);
        std::fs::read_to_string(folder.join(path)).ok()
    });
    if found.is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: there is no {path} in the folder that PLAN_SAMPLES names (see the head of {})",
            file!()
        );
    }
    found
}

/// Into the database that is there, instead of one that the file makes.
fn without_its_database(text: &str) -> String {
    const ABOUT: [&str; 7] = [
        "DROP DATABASE",
        "CREATE DATABASE",
        "DROP SCHEMA",
        "CREATE SCHEMA",
        "USE ",
        "\\c ",
        "SET default_with_oids",
    ];
    let is_kept = |line: &&str| !ABOUT.iter().any(|start| line.starts_with(start));
    text.lines().filter(is_kept).map(|line| line.replace("sakila.", "") + "\n").collect()
}

fn load_chinook(server: &Server) -> Option<()> {
    let dialect = match server.kind {
        Kind::Sqlite => "Sqlite",
        Kind::Postgres => "PostgreSql",
        Kind::MariaDb => "MySql",
    };
    let path = format!("chinook-database/ChinookDatabase/DataSources/Chinook_{dialect}.sql");
    let text = without_its_database(&sample(&path)?);
    let (begin, end) = if server.kind == Kind::Sqlite { ("begin;", "commit;") } else { ("", "") };
    server.load(&format!("{begin}\n{text}\n{end}\n"));
    Some(())
}

fn load_sakila(server: &Server) -> Option<()> {
    let rows = "sakila/postgres-sakila-db/postgres-sakila-insert-data-using-copy.sql";
    let rows = some_rentals(&sample(rows)?);
    let dialect = match server.kind {
        Kind::Sqlite => "sqlite",
        Kind::Postgres => "postgres",
        Kind::MariaDb => "mysql",
    };
    let schema = sample(&format!("sakila/{dialect}-sakila-db/{dialect}-sakila-schema.sql"))?;
    server.load(&without_its_database(&schema));
    server.load(&match server.kind {
        Kind::Postgres => rows,
        Kind::Sqlite => format!("begin;\n{}commit;\n", as_inserts(&rows)),
        Kind::MariaDb => {
            format!("set foreign_key_checks = 0;\nbegin;\n{}commit;\n", as_inserts(&rows))
        }
    });
    // What only one of them had rows of.
    if server.kind != Kind::Postgres {
        server.sql("update staff set picture = x'89504e470d0a1a0a00ff' where staff_id = 1");
    }
    Some(())
}

/// A quarter of the rentals with their payments: it is a debug build of `plan` that adds them up.
fn some_rentals(text: &str) -> String {
    let mut made = String::new();
    let mut place = None;
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once(" (").filter(|_| line.starts_with("COPY ")) {
            let mut columns = rest.split_once(')').unwrap().0.split(", ");
            place = columns.position(|column| column == "rental_id");
        } else if line == "\\." {
            place = None;
        } else if let Some(at) = place {
            let rental = line.split('\t').nth(at).unwrap().parse::<u32>();
            if rental.is_ok_and(|id| id > 4000) {
                continue;
            }
        }
        made += line;
        made.push('\n');
    }
    made
}

/// The rows behind `COPY … FROM stdin` as statements, without the columns that only PostgreSQL has.
fn as_inserts(text: &str) -> String {
    const ITS_OWN: [&str; 2] = ["activebool", "fulltext"];
    let mut made = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("COPY public.") else { continue };
        let (table, rest) = rest.split_once(" (").unwrap();
        let columns: Vec<_> = rest.split_once(')').unwrap().0.split(", ").collect();
        let wanted = |at: &usize| !ITS_OWN.contains(&columns[*at]);
        let places: Vec<_> = (0..columns.len()).filter(wanted).collect();
        let names: Vec<_> = places.iter().map(|at| columns[*at]).collect();
        let has_stamp = columns.contains(&"last_update");
        for row in lines.by_ref().take_while(|line| *line != "\\.") {
            let values: Vec<_> = row.split('\t').collect();
            let value = |at: &usize| match (columns[*at], values[*at]) {
                (_, "\\N") => "null".to_owned(),
                ("picture", _) => "null".to_owned(),
                ("active", "t") => "1".to_owned(),
                ("special_features", list) => {
                    format!("'{}'", list.trim_matches(['{', '}']).replace('"', ""))
                }
                (_, text) => format!("'{}'", text.replace('\'', "''")),
            };
            let values: Vec<_> = places.iter().map(value).collect();
            let (stamp, at) =
                if has_stamp { ("", "") } else { (", last_update", ", '2007-02-14'") };
            writeln!(
                made,
                "insert into {table} ({}{stamp}) values ({}{at});",
                names.join(", "),
                values.join(", ")
            )
            .unwrap();
        }
    }
    made
}

struct Script {
    name: &'static str,
    up: String,
    back: String,
}

#[track_caller]
fn equal(before: &[String], after: &[String], what: &str) {
    let gone: Vec<_> = before.iter().filter(|line| after.binary_search(line).is_err()).collect();
    let come: Vec<_> = after.iter().filter(|line| before.binary_search(line).is_err()).collect();
    let shown = |lines: &[&String]| format!("{:#?}", &lines[..lines.len().min(20)]);
    assert!(
        before == after,
        "{what}: {} lines and {}\nonly before: {}\nonly after: {}",
        before.len(),
        after.len(),
        shown(&gone),
        shown(&come)
    );
}

/// Upgraded, found bad by a checkpoint, and taken back: the dumps before and after are equal.
fn goes_back(place: &Place, server: &Server, scripts: &[Script]) {
    let allowed: Vec<_> =
        WAIVED.iter().map(|rule| format!("{rule}: the schema of others is tested here")).collect();
    for script in scripts {
        let version = script.name.split_once("__").unwrap().0;
        place.write(&format!("migrations/{}.sql", script.name), &script.up);
        place.write(&format!("migrations/rollback/{version}__rollback.sql"), &script.back);
    }
    place.write(
        "plan.yaml",
        &format!(
            "plan: upgrade\n{}\nallow: {{ {} }}\nstate: {{ databases: [main] }}\nsteps:\n  \
             - step: save\n    backup: {{ database: main, to: backups/, proof: restore }}\n  \
             - step: schema\n    migrate: {{ database: main, from: migrations/ }}\n  \
             - {{ checkpoint: never, checks: [{{ file: nowhere }}] }}\n",
            server.connection(),
            allowed.join(", ")
        ),
    );
    let before = server.dump();
    let ran = place.apply();
    assert_eq!(
        ran.code,
        1,
        "{:?}: {}\n{}\n{}",
        server.kind,
        ran.out,
        ran.err,
        place.plan(&["logs"]).out
    );
    assert!(ran.out.contains("it was compared"), "{}", ran.out);
    equal(&before, &server.dump(), &format!("{:?}", server.kind));
    // Really there, if nobody takes it back.
    let logs = place.plan(&["logs", "schema"]).out;
    for script in scripts {
        assert!(logs.contains(script.name), "no {} in {logs}: {}", script.name, ran.out);
    }
}

/// Saved, damaged and restored: the dumps before and after are equal.
fn comes_back(place: &Place, server: &Server, damage: &[&str]) {
    place.write(
        "plan.yaml",
        &format!(
            "plan: disaster\n{}\nsteps:\n  \
             - step: save\n    backup: {{ database: main, to: backups/ }}\n  \
             - {{ step: hand, manual: change it, read_only: true }}\n  \
             - step: back\n    restore: {{ step: save }}\n    on_failure: pause\n",
            server.connection()
        ),
    );
    let before = server.dump();
    place.apply().ends(4);
    place.plan(&["approve", "hand"]).ends(0);
    damage.iter().for_each(|statement| drop(server.sql(statement)));
    let damaged = server.dump();
    assert_ne!(before, damaged);
    let ran = place.plan(&["resume"]);
    assert_eq!(ran.code, 0, "{:?}: {ran:?}", server.kind);
    equal(&before, &server.dump(), &format!("{:?}", server.kind));
    place.plan(&["rollback"]).ends(0);
    equal(&damaged, &server.dump(), &format!("{:?}", server.kind));
}

fn chinook_scripts(kind: Kind) -> Vec<Script> {
    // The same schema, in other words.
    let words = |text: &str| {
        let mut text = text.to_owned();
        if kind != Kind::Postgres {
            for (ours, theirs) in [
                ("playlist_track", "PlaylistTrack"),
                ("invoice_line", "InvoiceLine"),
                ("track_id", "TrackId"),
                ("playlist_id", "PlaylistId"),
                ("customer_id", "CustomerId"),
                ("genre_id", "GenreId"),
                (" track ", " Track "),
                (" customer ", " Customer "),
                (" invoice ", " Invoice "),
                ("milliseconds", "Milliseconds"),
                ("composer", "Composer"),
            ] {
                text = text.replace(ours, theirs);
            }
        }
        text
    };
    let drop_index = |name: &str, table: &str| match kind {
        Kind::MariaDb => format!("drop index {name} on {table};\n"),
        _ => format!("drop index {name};\n"),
    };
    vec![
        Script {
            name: "V1_0__reviews",
            up: words(
                "-- What listeners say; one of a track and a listener.\n\
                 alter table track add column stars smallint not null default 0;\n\
                 create table review (\n  track_id int not null,\n  customer_id int not null,\n  said varchar(200),\n  \
                 primary key (track_id, customer_id),\n  \
                 foreign key (track_id) references track (track_id) on delete cascade,\n  \
                 foreign key (customer_id) references customer (customer_id)\n);\n\
                 insert into review select track_id, 1 + track_id % 59, 'It''s; \"fine\"' from track where genre_id = 1;\n\
                 update track set stars = 5 where track_id in (select track_id from review);\n",
            ),
            back: words("drop table review;\nalter table track drop column stars;\n"),
        },
        Script {
            name: "V1_2__companies",
            up: words(
                "update customer set company = 'none' where company is null;\n\
                 create index customer_company on customer (company);\n",
            ),
            back: drop_index("customer_company", &words(" customer "))
                + &words("update customer set company = null where company = 'none';\n"),
        },
        Script {
            name: "V1_10__order_of_playlists",
            up: words(
                "alter table playlist_track add column place int;\n\
                 update playlist_track set place = track_id;\n\
                 create unique index playlist_place on playlist_track (playlist_id, place);\n\
                 create view long_tracks as select track_id, milliseconds / 60000 as minutes from track where milliseconds > 600000;\n",
            ),
            back: "drop view long_tracks;\n".to_owned()
                + &drop_index("playlist_place", &words("playlist_track"))
                + &words("alter table playlist_track drop column place;\n"),
        },
    ]
}

fn music_shop(kind: Kind) {
    if !has(kind) {
        return;
    }
    let place = Place::new(&format!("samples-chinook-{kind:?}"));
    let server = Server::start(&place, kind);
    if load_chinook(&server).is_none() {
        return;
    }
    goes_back(&place, &server, &chinook_scripts(kind));
    let damage = match kind {
        Kind::Postgres => [
            "delete from playlist_track where track_id % 2 = 0",
            "update invoice_line set unit_price = unit_price * 100",
            "alter table customer drop column fax",
        ],
        _ => [
            "delete from PlaylistTrack where TrackId % 2 = 0",
            "update InvoiceLine set UnitPrice = UnitPrice * 100",
            "alter table Customer drop column Fax",
        ],
    };
    comes_back(&place, &server, &damage);
}

#[test]
fn a_music_shop_goes_back_and_comes_back_on_sqlite() {
    music_shop(Kind::Sqlite);
}

#[test]
fn a_music_shop_goes_back_and_comes_back_on_postgresql() {
    music_shop(Kind::Postgres);
}

#[test]
fn a_music_shop_goes_back_and_comes_back_on_mariadb() {
    music_shop(Kind::MariaDb);
}

fn sakila_scripts(kind: Kind) -> Vec<Script> {
    // Every row of a customer is stamped when it changes: what is put back must be the old stamp too.
    let (before, after) = match kind {
        Kind::Postgres => (
            "alter table customer disable trigger last_updated;\n",
            "alter table customer enable trigger last_updated;\n",
        ),
        Kind::Sqlite => (
            "drop trigger customer_trigger_au;\n",
            "CREATE TRIGGER customer_trigger_au AFTER UPDATE ON customer\n BEGIN\n  \
             UPDATE customer SET last_update = DATETIME('NOW')  WHERE rowid = new.rowid;\n END;\n",
        ),
        Kind::MariaDb => ("", ""),
    };
    let mail = format!(
        "create table customer_mail as select customer_id, email, last_update from customer;\n\
         create unique index customer_mail_id on customer_mail (customer_id);\n\
         {before}update customer set email = lower(email), last_update = last_update;\n{after}"
    );
    let old = |column: &str| {
        format!(
            "{column} = (select o.{column} from customer_mail o where o.customer_id = customer.customer_id)"
        )
    };
    let mail_back = format!(
        "{before}update customer set {}, {};\n{after}drop table customer_mail;\n",
        old("email"),
        old("last_update")
    );
    let awards = match kind {
        Kind::Postgres => {
            "alter table film add column director text;\n\
             create type award_kind as enum ('gold', 'silver');\n\
             create table award (\n  award_id serial primary key,\n  actor_id int not null,\n  film_id int not null,\n  \
             kind award_kind not null default 'gold',\n  shown text generated always as ('award ' || award_id) stored,\n  \
             foreign key (actor_id, film_id) references film_actor (actor_id, film_id)\n);\n\
             insert into award (actor_id, film_id) select actor_id, film_id from film_actor where actor_id < 10;\n\
             create function awards_of(int) returns bigint as $body$\nbegin\n  return (select count(*) from award where actor_id = $1);\nend;\n$body$ language plpgsql;\n\
             create trigger award_film after insert on award for each row execute function last_updated();\n"
        }
        Kind::Sqlite => {
            "alter table film add column director text;\n\
             create table award (\n  award_id integer primary key autoincrement,\n  actor_id int not null,\n  film_id int not null,\n  \
             kind text not null default 'gold' check (kind in ('gold', 'silver')),\n  shown text generated always as ('award ' || award_id) stored,\n  \
             foreign key (actor_id, film_id) references film_actor (actor_id, film_id)\n);\n\
             insert into award (actor_id, film_id) select actor_id, film_id from film_actor where actor_id < 10;\n\
             create trigger award_no_more before delete on award begin\n  select raise(abort, 'awards stay; always') where old.kind = 'gold';\nend;\n"
        }
        Kind::MariaDb => {
            "alter table film add column director text;\n\
             create table award (\n  award_id int auto_increment primary key,\n  actor_id int unsigned not null,\n  film_id int unsigned not null,\n  \
             kind enum('gold', 'silver') not null default 'gold',\n  shown varchar(40) generated always as (concat('award ', kind)) stored,\n  \
             foreign key (actor_id, film_id) references film_actor (actor_id, film_id)\n);\n\
             insert into award (actor_id, film_id) select actor_id, film_id from film_actor where actor_id < 10;\n\
             create trigger award_new before insert on award for each row set new.kind = 'silver';\n"
        }
    };
    let awards_back = match kind {
        Kind::Postgres => {
            "drop function awards_of(int);\ndrop table award;\ndrop type award_kind;\nalter table film drop column director;\n"
        }
        _ => "drop table award;\nalter table film drop column director;\n",
    };
    // A column of every part of the payments; a view that is made anew.
    let notes = match kind {
        Kind::Postgres => {
            "alter table payment add column note varchar(40) default 'x';\n\
             update payment set note = 'big' where amount > 9;\n\
             create index rental_return on rental (return_date) where return_date is not null;\n\
             create materialized view busy as select customer_id, count(*) as rentals from rental group by 1;\n"
        }
        Kind::Sqlite => {
            "alter table payment add column note varchar(40) default 'x';\n\
             create index rental_return on rental (return_date) where return_date is not null;\n\
             create view busy as select customer_id, count(*) as rentals from rental group by 1;\n"
        }
        Kind::MariaDb => {
            "alter table payment add column note varchar(40) default 'x', add column pence int as (amount * 100) virtual;\n\
             update payment set note = 'big', last_update = last_update where amount > 9;\n\
             create index rental_return on rental (return_date);\n\
             create view busy as select customer_id, count(*) as rentals from rental group by 1;\n"
        }
    };
    let notes_back = match kind {
        Kind::Postgres => {
            "drop materialized view busy;\ndrop index rental_return;\nalter table payment drop column note;\n"
        }
        Kind::Sqlite => {
            "drop view busy;\ndrop index rental_return;\nalter table payment drop column note;\n"
        }
        Kind::MariaDb => {
            "drop view busy;\ndrop index rental_return on rental;\nalter table payment drop column pence, drop column note;\n"
        }
    };
    vec![
        Script { name: "V1_0__mail", up: mail, back: mail_back },
        Script { name: "V1_2__awards", up: awards.to_owned(), back: awards_back.to_owned() },
        Script { name: "V1_10__notes", up: notes.to_owned(), back: notes_back.to_owned() },
    ]
}

fn film_library(kind: Kind) {
    if !has(kind) {
        return;
    }
    let place = Place::new(&format!("samples-sakila-{kind:?}"));
    let server = Server::start(&place, kind);
    if load_sakila(&server).is_none() {
        return;
    }
    goes_back(&place, &server, &sakila_scripts(kind));
    let damage = [
        "delete from payment where amount < 5",
        "update rental set return_date = null",
        "update staff set picture = null",
        "drop view sales_by_store",
    ];
    comes_back(&place, &server, &damage);
}

#[test]
fn a_film_library_goes_back_and_comes_back_on_sqlite() {
    film_library(Kind::Sqlite);
}

#[test]
fn a_film_library_goes_back_and_comes_back_on_postgresql() {
    film_library(Kind::Postgres);
}

#[test]
fn a_film_library_goes_back_and_comes_back_on_mariadb() {
    film_library(Kind::MariaDb);
}

fn everything(kind: Kind, schema: &str, up: &str, back: &str, damage: &[&str]) {
    if !has(kind) {
        return;
    }
    let place = Place::new(&format!("samples-everything-{kind:?}"));
    let server = Server::start(&place, kind);
    server.load(schema);
    let script = Script { name: "V1__odd", up: up.to_owned(), back: back.to_owned() };
    goes_back(&place, &server, &[script]);
    comes_back(&place, &server, damage);
}

#[test]
fn a_bit_of_everything_that_sqlite_knows_goes_back_and_comes_back() {
    everything(
        Kind::Sqlite,
        include_str!("everything/sqlite.sql"),
        "alter table \"odd \"\"table\" add column \"new col\" int;\n\
         insert into notes (notes) values ('optimize');\n\
         create trigger late after insert on plain when new.a > 0 begin\n  \
         update plain set b = case when a = 1 then 'x;' else 'end;' end;\n  \
         select case new.a when 1 then raise(ignore) end;\nend;\n\
         create table [a;b] (\"c;d\" text default 'e;f', end_ int);\n",
        "drop table [a;b];\ndrop trigger late;\nalter table \"odd \"\"table\" drop column \"new col\";\n",
        &["delete from plain where a = 1", "delete from notes", "drop table strict_one"],
    );
}

#[test]
fn a_bit_of_everything_that_postgresql_knows_goes_back_and_comes_back() {
    everything(
        Kind::Postgres,
        include_str!("everything/postgres.sql"),
        "alter table \"Odd Table\" add column \"New Col\" int;\n\
         create schema fresh;\ncreate table fresh.t (like parts including all);\n\
         create procedure twice(inout x int) language sql begin atomic select x * 2; select case when x = 1 then 2 end; end;\n\
         create function \"Gü\"() returns text language plpgsql as $ä$ begin return '$$;'; end $ä$;\n\
         create rule late as on insert to nothing do also (delete from plain where a = 7; update plain set b = 'c;' where a = 7);\n\
         /* a /* nested; */ comment; */ do $$ begin perform 1; end $$;\n",
        "drop rule late on nothing;\ndrop function \"Gü\"();\ndrop procedure twice;\n\
         drop schema fresh cascade;\nalter table \"Odd Table\" drop column \"New Col\";\n",
        &[
            "delete from plain where a = 1",
            "drop materialized view mv",
            "alter table parts detach partition parts_2",
        ],
    );
}

#[test]
fn a_bit_of_everything_that_mariadb_knows_goes_back_and_comes_back() {
    everything(
        Kind::MariaDb,
        include_str!("everything/mariadb.sql"),
        "alter table `odd ``table` add column `new col` int;\n\
         alter table parts add partition (partition p3 values less than (300));\n\
         create procedure p(in x int) begin declare i int default 0; l: while i < x do set i = i + 1; if i = 3 then leave l; end if; end while; end;\n\
         create trigger late before insert on plain for each row begin if new.a > 3 then set new.b = 'it''s; \\'x'; end if; end;\n\
         create event e on schedule every 1 day do begin delete from plain; end;\n\
         DELIMITER //\ncreate function q(a int) returns int deterministic begin return a; end//\nDELIMITER ;\n",
        "drop function q;\ndrop event e;\ndrop trigger late;\ndrop procedure p;\n\
         alter table parts drop partition p3;\nalter table `odd ``table` drop column `new col`;\n",
        &["delete from plain where a = 1", "update types set b = null", "truncate table fts"],
    );
}
