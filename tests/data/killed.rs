//! The server goes away in the middle: killed, stopped, out of room, or held by somebody else. Whatever
//! a script did is there once, or not at all, and what was live stays live.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::migrate::WAIVED;
use crate::place::{Place, wait_until};
use crate::servers::{Kind, Server, has};

const SERVERS: [Kind; 2] = [Kind::Postgres, Kind::MariaDb];

/// Each statement needs the table of its number, so that whoever holds that table holds it up.
const MIXED: [&str; 5] = [
    "alter table g1 add column note integer",
    "insert into g2 values (2, 2)",
    "create index g3_more on g3 (more)",
    "update g4 set more = more + 1",
    "drop table g5",
];

/// The same, with a way back that fits any part of it.
const SHAPES: [&str; 5] = [
    "alter table g1 add column note integer",
    "create table made as select id from g2",
    "create index g3_more on g3 (more)",
    "alter table g4 add constraint g4_small check (more < 9)",
    "alter table g5 drop column more",
];

fn way_back(kind: Kind, script: &[&str; 5]) -> String {
    let on =
        |table: &str| if kind == Kind::MariaDb { format!(" on {table}") } else { String::new() };
    let index = format!("drop index g3_more{};\n", on("g3"));
    if script == &MIXED {
        return format!(
            "create table g5 (id integer primary key, more integer);\ninsert into g5 values (1, 1);\n\
             update g4 set more = more - 1;\n{index}delete from g2 where id = 2;\nalter table g1 drop column note;\n"
        );
    }
    format!(
        "alter table g5 add column more integer;\nalter table g4 drop constraint g4_small;\n{index}\
         drop table made;\nalter table g1 drop column note;\n"
    )
}

/// One server, and a database that is made anew for each case.
struct Cases {
    server: Server,
    home: Place,
}

impl Cases {
    fn on(name: &str, kind: Kind) -> Cases {
        let home = Place::new(&format!("killed-{name}-{kind:?}"));
        let server = Server::start(&home, kind);
        Cases { server, home }
    }

    fn fresh(&self) {
        if !self.server.tables().is_empty() {
            let tables = self.server.tables().replace(' ', ", ");
            self.server.sql(&format!("drop table {tables}"));
        }
        let tables = (1..=5).map(|n| {
            format!(
                "create table g{n} (id integer primary key, more integer);\ninsert into g{n} values (1, 1);\n"
            )
        });
        self.server.load(&tables.collect::<String>());
    }

    /// The database before and after the script, as the server's own client runs it.
    fn both_ends(&self, script: &[&str; 5]) -> (Vec<String>, Vec<String>) {
        self.fresh();
        let before = self.server.dump();
        self.server.load(&(script.join(";\n") + ";\n"));
        let after = self.server.dump();
        self.fresh();
        (before, after)
    }

    fn place(&self, name: &str, script: &[&str; 5], keys: &str) -> Place {
        let kind = self.server.kind;
        let place = Place::new(&format!("killed-{name}-{kind:?}"));
        let allowed = WAIVED.iter().map(|rule| format!("{rule}: this very thing is tested here"));
        place.write(
            "plan.yaml",
            &format!(
                "plan: p\n{}\nallow: {{ {} }}\nsteps:\n  - step: schema\n    \
                 migrate: {{ database: main, from: migrations/, lock_timeout: 60s }}\n{keys}",
                self.server.connection(),
                allowed.collect::<Vec<_>>().join(", ")
            ),
        );
        place.write("migrations/V1__five.sql", &(script.join(";\n") + ";\n"));
        place.write("migrations/rollback/V1__rollback.sql", &way_back(kind, script));
        place
    }

    /// Somebody holds a table until the server ends, or they are ended.
    fn hold(&self, table: &str) -> std::process::Child {
        let holder = self.server.begin(&match self.server.kind {
            Kind::Postgres => {
                format!("begin; lock table {table} in access exclusive mode; select pg_sleep(60)")
            }
            _ => format!("begin; select * from {table} for update; select sleep(60)"),
        });
        wait_until("the table is held", || {
            self.server.sql(match self.server.kind {
                Kind::Postgres => "select count(*) from pg_stat_activity where wait_event = 'PgSleep'",
                _ => {
                    "select count(*) from information_schema.processlist where info like 'select sleep%'"
                }
            }) == "1"
        });
        holder
    }

    /// Until this text of somebody's waits in the server for the table that is held.
    fn wait_for(&self, text: &str) {
        let look = match self.server.kind {
            Kind::Postgres => format!(
                "select count(*) > 0 from pg_stat_activity where query like '%{text}%'
                 and state = 'active' and wait_event_type = 'Lock'"
            ),
            // What its own tables say of locks is as old as the last look at them.
            _ => format!(
                "select if(count(*) > 0, 't', 'f') from information_schema.processlist
                 where info like '/* %{text}%'"
            ),
        };
        wait_until("the statement is under way", || self.server.sql(&look) == "t");
    }

    /// What `plan` keeps goes, so that the rest can be compared.
    fn without_records(&self) -> Vec<String> {
        self.server.sql("drop table schema_migrations");
        self.server.sql("drop table plan_scripts");
        self.server.dump()
    }
}

/// The statement at each place is under way when the server goes; then it is there again.
fn gone_in(name: &str, places: &[usize], script: &[&str; 5], clean: bool, verb: &str) {
    for kind in SERVERS {
        if !has(kind) {
            continue;
        }
        let mut cases = Cases::on(name, kind);
        let (before, after) = cases.both_ends(script);
        for &gone_in in places {
            cases.fresh();
            let about = format!("{name}-{gone_in}");
            let place = cases.place(&about, script, "    on_failure: pause\n");
            let mut holder = cases.hold(&format!("g{gone_in}"));
            let run = place.begin();
            cases.wait_for(script[gone_in - 1]);
            if clean {
                cases.server.stop()
            } else {
                cases.server.kill()
            }
            assert_eq!(run.wait_with_output().unwrap().status.code(), Some(4), "{about} {kind:?}");
            let _ = holder.wait();
            cases.server.start_again();
            let ran = place.plan(&[verb]);
            assert_eq!(ran.code, 0, "{about} {kind:?}: {ran:?}\n{}", place.plan(&["logs"]).out);
            if verb == "resume" {
                assert_eq!(cases.without_records(), after, "{about} {kind:?}: {}", ran.out);
            } else {
                assert_eq!(cases.server.dump(), before, "{about} {kind:?}: {}", ran.out);
            }
        }
    }
}

#[test]
fn a_server_that_is_killed_in_any_statement_does_each_once() {
    gone_in("on", &[1, 2, 3, 4, 5], &MIXED, false, "resume");
}

#[test]
fn a_server_that_is_killed_in_any_statement_goes_back_to_what_was() {
    gone_in("back", &[1, 2, 3, 4, 5], &SHAPES, false, "rollback");
}

#[test]
fn a_server_that_is_restarted_in_any_statement_does_each_once() {
    gone_in("restarted", &[2], &MIXED, true, "resume");
}

/// The statement is done, and the server is killed before anybody heard of it.
#[test]
fn what_was_done_and_never_heard_of_is_not_done_again() {
    if has(Kind::MariaDb) {
        let mut cases = Cases::on("unheard", Kind::MariaDb);
        let (_, after) = cases.both_ends(&MIXED);
        for place_of_it in [1, 2, 5] {
            cases.fresh();
            let about = format!("unheard-{place_of_it}");
            let place = cases.place(&about, &MIXED, "    on_failure: pause\n");
            let mut first = cases.hold(&format!("g{place_of_it}"));
            let run = place.begin();
            cases.wait_for(MIXED[place_of_it - 1]);
            // Nothing can be written down any more; then the statement may go on.
            let mut second = cases
                .server
                .begin("begin; select * from plan_statements for update; select sleep(61)");
            wait_until("the row is held", || {
                cases.server.sql("select count(*) from information_schema.processlist where info = 'select sleep(61)'") == "1"
            });
            let holder = cases.server.sql(
                "select id from information_schema.processlist where info = 'select sleep(60)'",
            );
            cases.server.sql(&format!("kill {holder}"));
            let _ = first.wait();
            cases.wait_for("update plan_statements set begun");
            cases.server.kill();
            let _ = second.wait();
            assert_eq!(run.wait_with_output().unwrap().status.code(), Some(4), "{about}");
            cases.server.start_again();
            let ran = place.plan(&["resume"]);
            assert_eq!(ran.code, 0, "{about}: {ran:?}");
            assert_eq!(cases.without_records(), after, "{about}: {}", ran.out);
            let is_change = place_of_it == 2;
            let said = format!("statement {place_of_it} of 5 was done");
            assert_eq!(place.plan(&["logs"]).out.contains(&said), !is_change, "{about}");
        }
    }
    if has(Kind::Postgres) {
        let mut cases = Cases::on("unheard", Kind::Postgres);
        let (before, after) = cases.both_ends(&MIXED);
        for verb in ["resume", "rollback"] {
            cases.fresh();
            let place = cases.place(&format!("unheard-{verb}"), &MIXED, "    on_failure: pause\n");
            let mut holder = cases.hold("g5");
            let run = place.begin();
            cases.wait_for(MIXED[4]);
            // From now on what is committed is told only once a standby has it, and there is none.
            cases.server.sql("alter system set synchronous_standby_names = 'nobody'");
            cases.server.sql("select pg_reload_conf()");
            let query = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'";
            cases.server.sql(query);
            let _ = holder.wait();
            wait_until("it waits for the standby", || {
                cases
                    .server
                    .sql("select count(*) from pg_stat_activity where wait_event = 'SyncRep'")
                    == "1"
            });
            cases.server.kill();
            assert_eq!(run.wait_with_output().unwrap().status.code(), Some(4), "{verb}");
            cases.home.write("server/data/postgresql.auto.conf", "");
            cases.server.start_again();
            assert_eq!(cases.server.sql("select count(*) from schema_migrations"), "1");
            let ran = place.plan(&[verb]).ends(0);
            if verb == "resume" {
                assert_eq!(cases.without_records(), after, "{}", ran.out);
            } else {
                assert_eq!(cases.server.dump(), before, "{}", ran.out);
            }
        }
    }
}

/// What a session was told is lost with it, and nothing else: it is told again.
#[test]
fn a_script_that_was_killed_while_it_prepared_begins_anew() {
    const PREPARES: [&str; 5] = [
        "set session lock_wait_timeout = 5",
        "set @text = if(sleep(4), '', 'alter table g1 add column note integer')",
        "prepare made from @text",
        "execute made",
        "deallocate prepare made",
    ];
    if !has(Kind::MariaDb) {
        return;
    }
    let cases = Cases::on("prepares", Kind::MariaDb);
    cases.fresh();
    let place = cases.place("prepares-killed", &PREPARES, "    on_failure: pause\n");
    let mut run = place.begin();
    cases.wait_for("set @text");
    run.kill().unwrap();
    run.wait().unwrap();
    place.plan(&["resume"]).ends(0);
    let columns = "select count(*) from information_schema.columns where table_name = 'g1'";
    assert_eq!(cases.server.sql(columns), "3");
}

/// What sets the session is told to each new one, and how far the script came stays known.
#[test]
fn a_setting_that_is_told_again_forgets_no_statement() {
    const SETS: [&str; 5] = [
        "set session lock_wait_timeout = 60",
        "alter table g1 add column note integer",
        "insert into g2 values (2, 2)",
        "alter table g4 add column note integer",
        "drop table g5",
    ];
    if !has(Kind::MariaDb) {
        return;
    }
    let cases = Cases::on("sets", Kind::MariaDb);
    let (_, after) = cases.both_ends(&SETS);
    cases.fresh();
    let place = cases.place("sets-killed", &SETS, "    on_failure: pause\n");
    let under_way = "from information_schema.processlist where info like '/* %alter table g4%'";
    let end_all = |of: &str| {
        let numbers = cases.server.sql(&format!("select coalesce(group_concat(id), '') {of}"));
        for number in numbers.split(',').filter(|number| !number.is_empty()) {
            cases.server.sql(&format!("kill {number}"));
        }
    };
    let mut holder = cases.hold("g4");
    let mut run = place.begin();
    // Killed twice in one statement: the second time only the setting was told again before it.
    for _ in 0..2 {
        cases.wait_for(SETS[3]);
        run.kill().unwrap();
        run.wait().unwrap();
        end_all(under_way);
        wait_until("it is gone", || {
            cases.server.sql(&format!("select count(*) {under_way}")) == "0"
        });
        let mut command = place.command(&["resume"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        run = command.spawn().unwrap();
    }
    cases.wait_for(SETS[3]);
    end_all("from information_schema.processlist where info = 'select sleep(60)'");
    let _ = holder.wait();
    assert_eq!(run.wait().unwrap().code(), Some(0), "{}", place.plan(&["status"]).all());
    assert_eq!(cases.without_records(), after);
}

/// Nobody said what to do on a failure, so it goes back at once, and cannot: it says so, and goes back
/// when the server is there again.
#[test]
fn a_rollback_that_finds_no_server_is_ended_later() {
    for kind in SERVERS {
        if !has(kind) {
            continue;
        }
        let mut cases = Cases::on("default", kind);
        let (before, _) = cases.both_ends(&SHAPES);
        cases.fresh();
        let place = cases.place("default-3", &SHAPES, "");
        let mut holder = cases.hold("g3");
        let run = place.begin();
        cases.wait_for(SHAPES[2]);
        cases.server.kill();
        assert_eq!(run.wait_with_output().unwrap().status.code(), Some(3), "{kind:?}");
        let _ = holder.wait();
        place.plan(&["status"]).ends(0).says("nobody listens there").says("plan resume");
        cases.server.start_again();
        let ran = place.plan(&["resume"]).ends(1);
        assert_eq!(cases.server.dump(), before, "{}", ran.out);
    }
}

/// An index that is built or dropped beside the work of others is half there when the server goes.
#[test]
fn an_index_that_was_half_there_is_made_again_or_goes() {
    if !has(Kind::Postgres) {
        return;
    }
    const MAKES: [&str; 5] = [
        "alter table g1 add column note integer",
        "create index concurrently g2_more on g2 (more)",
        "create unique index g3_more on g3 (more)",
        "drop index g4_more",
        "alter table g5 drop column more",
    ];
    const MAKES_BACK: [&str; 5] = [
        "alter table g5 add column more integer",
        "create index g4_more on g4 (more)",
        "drop index g3_more",
        "drop index concurrently g2_more",
        "alter table g1 drop column note",
    ];
    const DROPS: [&str; 5] = [
        "alter table g1 add column note integer",
        "drop index concurrently g4_more",
        "create unique index g3_more on g3 (more)",
        "alter table g5 add constraint g5_small check (more < 9)",
        "alter table g5 add column note integer",
    ];
    const DROPS_BACK: [&str; 5] = [
        "alter table g5 drop column note",
        "alter table g5 drop constraint g5_small",
        "drop index g3_more",
        "create index concurrently g4_more on g4 (more)",
        "alter table g1 drop column note",
    ];
    let mut cases = Cases::on("builds", Kind::Postgres);
    for (name, script, back) in [("makes", MAKES, MAKES_BACK), ("drops", DROPS, DROPS_BACK)] {
        cases.fresh();
        cases.server.sql("create index g4_more on g4 (more)");
        let before = cases.server.dump();
        for statement in script {
            cases.server.sql(statement);
        }
        let after = cases.server.dump();
        for verb in ["resume", "rollback"] {
            cases.fresh();
            cases.server.sql("create index g4_more on g4 (more)");
            let place = cases.place(&format!("{name}-{verb}"), &script, "    on_failure: pause\n");
            place.write("migrations/rollback/V1__rollback.sql", &(back.join(";\n") + ";\n"));
            // It waits for whoever looks at the table, after its first half.
            let mut holder = cases.server.begin("begin; select * from g2, g4; select pg_sleep(60)");
            wait_until("the table is in use", || {
                cases
                    .server
                    .sql("select count(*) from pg_stat_activity where wait_event = 'PgSleep'")
                    == "1"
            });
            let run = place.begin();
            wait_until("half of the index is there", || {
                cases.server.sql("select count(*) from pg_index where not indisvalid") == "1"
            });
            cases.server.kill();
            assert_eq!(run.wait_with_output().unwrap().status.code(), Some(4));
            let _ = holder.wait();
            cases.server.start_again();
            let ran = place.plan(&[verb]);
            assert_eq!(ran.code, 0, "{name} {verb}: {ran:?}");
            let invalid = cases.server.sql("select count(*) from pg_index where not indisvalid");
            assert_eq!(invalid, "0", "{name} {verb}: {}", ran.out);
            if verb == "resume" {
                assert_eq!(cases.without_records(), after, "{name}: {}", ran.out);
            } else {
                assert_eq!(cases.server.dump(), before, "{name}: {}", ran.out);
            }
        }
    }
}

/// A disk that can be made as small as a test wants it.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// `None` where this machine lets nobody mount; in CI that is a failure.
    #[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
    fn under(place: &Place, name: &str) -> Option<SmallDisk> {
        let at = place.folder.join(name);
        fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=400m,mode=755", "none"])
            .arg(&at)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(SmallDisk { at });
        }
        assert!(std::env::var_os("CI").is_none(), "a small disk cannot be mounted in CI");
        let _ = writeln!(std::io::stderr(), "skipped: mounting needs root; run this test as root");
        None
    }

    /// Room for so many more kilobytes.
    fn leave(&self, room: u64) {
        let said = Command::new("df").args(["-k", "--output=used"]).arg(&self.at).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let used: u64 = said.lines().nth(1).unwrap().trim().parse().unwrap();
        let size = format!("remount,size={}k", used + room);
        let done = Command::new("mount").args(["-o", &size]).arg(&self.at).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// Saves, waits for a hand, restores.
fn to_the_hand(place: &Place, server: &Server, keys: &str) {
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{}\nsteps:\n  - step: save\n    backup: {{ database: main, to: backups/ }}\n  \
             - {{ step: hand, manual: change it, read_only: true }}\n  - step: back\n    \
             restore: {{ step: save }}\n{keys}",
            server.connection()
        ),
    );
    place.apply().ends(4);
    place.plan(&["approve", "hand"]).ends(0);
}

const PAUSES: &str = "    on_failure: pause\n";

/// There is room for the live data and not for the restored ones beside them.
#[test]
fn a_restore_without_room_says_so_and_leaves_the_live_data_alone() {
    for (kind, room) in [(Kind::Sqlite, 1000), (Kind::Postgres, 3000), (Kind::MariaDb, 1000)] {
        if !has(kind) {
            continue;
        }
        let place = Place::new(&format!("killed-full-{kind:?}"));
        let name = if kind == Kind::Postgres { "disk" } else { "server" };
        let Some(disk) = SmallDisk::under(&place, name) else { return };
        let server = Server::start(&place, kind);
        match kind {
            Kind::Sqlite => drop(server.sql("create table big as with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select i, hex(randomblob(50)) m from n")),
            Kind::Postgres => {
                assert!(Command::new("chown").arg("postgres").arg(&disk.at).status().unwrap().success());
                server.sql(&format!("create tablespace small location '{}'", disk.at.display()));
                server.on_server("alter database shop set tablespace small");
                server.sql("create table big as select i, repeat(md5(i::text), 3) m from generate_series(1, 30000) as i");
            }
            Kind::MariaDb => {
                server.sql("create table big as select seq, repeat(md5(seq), 3) m from seq_1_to_30000");
            }
        }
        to_the_hand(&place, &server, PAUSES);
        server.sql("create table later as select 1 as id");
        let before = server.dump();
        disk.leave(room);
        // InnoDB has several words for it, and not all of them say what is wrong.
        let words = match kind {
            Kind::MariaDb => "mariadb: exit status 1: ERROR ",
            _ => "No space left on device",
        };
        let ran = place.plan(&["resume"]).ends(4).says(words);
        assert!(server.dump() == before, "{kind:?}: {}", ran.out);
        let listed = match kind {
            Kind::Sqlite => String::new(),
            Kind::Postgres => {
                server.on_server("select datname from pg_database where datname like 'shop_%'")
            }
            Kind::MariaDb => server.on_server("show databases like 'shop\\_%'"),
        };
        assert_eq!(listed, "", "{kind:?}: nothing half is left");
        disk.leave(200_000);
        place.plan(&["resume"]).ends(0);
        assert!(!server.tables().contains("later"), "{kind:?}");
    }
}

/// An application that was not stopped, in the middle of a transaction.
#[test]
fn whoever_is_in_the_way_of_a_restore_is_named() {
    if !has(Kind::MariaDb) {
        return;
    }
    let place = Place::new("killed-open-MariaDb");
    let server = Server::start(&place, Kind::MariaDb);
    server.sql("create table orders (id integer primary key); insert into orders values (1), (2)");
    to_the_hand(&place, &server, PAUSES);
    server.sql("delete from orders where id = 1");
    let mut holder = server.begin("begin; select * from orders; select sleep(60)");
    wait_until("the table is in use", || {
        server.sql(
            "select count(*) from information_schema.processlist where info like 'select sleep%'",
        ) == "1"
    });
    let began = std::time::Instant::now();
    let ran = place.plan(&["resume"]).ends(4).says("is locked by session").says("of root");
    assert!(began.elapsed().as_secs() < 20, "{}", ran.out);
    assert_eq!(server.sql("select id from orders"), "2");
    let number =
        server.sql("select id from information_schema.processlist where info like 'select sleep%'");
    // Whoever goes back instead leaves nothing of it.
    place.plan(&["rollback"]).ends(0);
    assert_eq!(server.on_server("show databases like 'shop%'"), "shop");
    server.sql(&format!("kill {number}"));
    let _ = holder.wait();
}

/// The restored data are half loaded beside the live ones.
#[test]
fn a_server_that_is_killed_while_data_are_loaded_keeps_the_live_ones() {
    for kind in SERVERS {
        if !has(kind) {
            continue;
        }
        for verb in ["resume", "rollback"] {
            let place = Place::new(&format!("killed-load-{verb}-{kind:?}"));
            let mut server = Server::start(&place, kind);
            server.load(match kind {
                // Each of its rows takes a while.
                Kind::Postgres => {
                    "create function slow() returns boolean language sql as 'select pg_sleep(0.02); select true';
                     create table big (i integer check (slow()));
                     insert into big select generate_series(1, 40);"
                }
                _ => "create table big as select seq, repeat(md5(seq), 3) m from seq_1_to_30000;",
            });
            to_the_hand(&place, &server, PAUSES);
            server.sql("create table later as select 1 as id");
            let before = server.dump();
            let mut command = place.command(&["resume"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            let run = command.spawn().unwrap();
            wait_until("rows are loaded", || {
                server.on_server(match kind {
                    Kind::Postgres => "select count(*) > 0 from pg_stat_activity where application_name = 'pg_restore' and query like 'COPY%'",
                    _ => "select if(count(*) > 0, 't', 'f') from information_schema.processlist where db like 'shop\\_new%'",
                }) == "t"
            });
            server.kill();
            assert_eq!(run.wait_with_output().unwrap().status.code(), Some(4), "{kind:?}");
            server.start_again();
            assert!(server.dump() == before, "{kind:?}");
            let ran = place.plan(&[verb]);
            assert_eq!(ran.code, 0, "{kind:?}: {ran:?}");
            assert_eq!(server.tables(), if verb == "resume" { "big" } else { "big later" });
            let list = match kind {
                Kind::Postgres => "select count(*) from pg_database where datname like 'shop_new%'",
                _ => {
                    "select count(*) from information_schema.schemata where schema_name like 'shop\\_new%'"
                }
            };
            assert_eq!(server.on_server(list), "0", "{kind:?} {verb}");
        }
    }
}

/// While it is written, and while its trial restore loads: nothing bears a backup's name, and what is left
/// is told.
#[test]
fn a_server_that_is_killed_while_a_backup_is_made_leaves_none_and_the_next_is_whole() {
    for kind in SERVERS {
        if !has(kind) {
            continue;
        }
        for moment in ["dump", "proof"] {
            let place = Place::new(&format!("killed-backup-{moment}-{kind:?}"));
            let mut server = Server::start(&place, kind);
            server.load(match kind {
                // Each of its rows takes a while.
                Kind::Postgres => {
                    "create function slow() returns boolean language sql as 'select pg_sleep(0.02); select true';
                     create table big (i integer check (slow()));
                     insert into big select generate_series(1, 40);"
                }
                _ => "create table big as select seq, repeat(md5(seq), 3) m from seq_1_to_30000;",
            });
            place.write(
                "plan.yaml",
                &format!(
                    "plan: p\n{}\nsteps:\n  - step: save\n    backup: {{ database: main, to: backups/, proof: restore }}\n{PAUSES}",
                    server.connection()
                ),
            );
            // A dump waits for whoever changes the table.
            let holder = (moment == "dump").then(|| {
                let hold = match kind {
                    Kind::Postgres => "begin; lock table big; select pg_sleep(60)",
                    _ => "lock tables big write; select sleep(60)",
                };
                let holder = server.begin(hold);
                wait_until("the table is held", || {
                    server.on_server(match kind {
                        Kind::Postgres => "select count(*) > 0 from pg_stat_activity where query like '%pg_sleep(60)' and wait_event = 'PgSleep'",
                        _ => "select if(count(*) > 0, 't', 'f') from information_schema.processlist where info like 'select sleep(60)%'",
                    }) == "t"
                });
                holder
            });
            let mut command = place.command(&["apply", "plan.yaml"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            let run = command.spawn().unwrap();
            wait_until("the backup is under way", || {
                let asked = match (moment, kind) {
                    ("dump", Kind::Postgres) => {
                        "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock'"
                    }
                    ("dump", _) => {
                        "select if(count(*) > 0, 't', 'f') from information_schema.processlist where state like '%lock%' and info not like '%processlist%'"
                    }
                    (_, Kind::Postgres) => {
                        "select count(*) > 0 from pg_stat_activity where application_name = 'pg_restore' and query like 'COPY%'"
                    }
                    _ => {
                        "select if(count(*) > 0, 't', 'f') from information_schema.processlist where db like 'plan\\_scratch%'"
                    }
                };
                server.on_server(asked) == "t"
            });
            server.kill();
            if let Some(mut holder) = holder {
                let _ = holder.wait();
            }
            let code = run.wait_with_output().unwrap().status.code();
            assert_eq!(code, Some(4), "{moment} {kind:?} {:?}", place.plan(&["status"]));
            let left = std::fs::read_dir(place.folder.join("backups")).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{moment} {kind:?}");
            let told = place.plan(&["status"]).all();
            assert_eq!(told.contains("drop database plan_scratch_"), moment == "proof", "{told}");
            server.start_again();
            place.plan(&["resume"]).ends(0);
            place.plan(&["backups", "verify", "--proof", "restore"]).ends(0).says("whole");
            let list = match kind {
                Kind::Postgres => {
                    "select count(*) from pg_database where datname like 'plan_scratch%'"
                }
                _ => {
                    "select count(*) from information_schema.schemata where schema_name like 'plan\\_scratch%'"
                }
            };
            assert_eq!(server.on_server(list), "0", "{moment} {kind:?}");
        }
    }
}
