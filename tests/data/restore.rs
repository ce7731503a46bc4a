//! `restore` on each server: beside the live data, then in their place; and back again.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::place::Place;
use crate::servers::{ALL, Kind, Server, has};

/// Saves, waits for a hand, restores; and whatever comes behind.
fn place(name: &str, kind: Kind, keys: &str, behind: &str) -> (Place, Server) {
    let place = Place::new(&format!("restore-{name}-{kind:?}"));
    let server = Server::start(&place, kind);
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{}\nsteps:\n  - step: save\n    backup: {{ database: main, to: backups/, proof: restore }}\n  \
             - {{ step: hand, manual: change it, read_only: true }}\n  - step: back\n    restore: {{ step: save{keys} }}\n{behind}",
            server.connection()
        ),
    );
    server.sql("create table orders (id integer primary key, state varchar(20))");
    server.sql("create index orders_state on orders (state)");
    server.sql("insert into orders values (1, 'new'), (2, 'old')");
    (place, server)
}

fn to_the_hand(place: &Place) {
    place.apply().ends(4);
    place.plan(&["approve", "hand"]).ends(0);
}

const DAMAGE: [&str; 2] =
    ["update orders set state = 'wrong'", "insert into orders values (3, 'late')"];
const STATES: &str = "select state from orders order by id";

#[test]
fn what_was_saved_is_live_again_and_what_was_live_is_kept() {
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("there", kind, "", "");
        to_the_hand(&place);
        DAMAGE.iter().for_each(|statement| drop(server.sql(statement)));
        // Somebody is still in: an application that was not stopped.
        let session = (kind == Kind::Postgres).then(|| server.begin("select pg_sleep(60)"));
        let ran = place.plan(&["resume"]).ends(0);
        if let Some(mut session) = session {
            let _ = session.kill();
            let _ = session.wait();
        }
        assert_eq!(server.sql(STATES), "new\nold", "{}", ran.out);
        let logs = place.plan(&["logs", "back"]).out;
        assert!(logs.contains("1 rows were written since the backup"), "{logs}");
        assert!(logs.contains("what was there is kept as"), "{logs}");
        let kept = match kind {
            Kind::Sqlite => place.plan(&["logs", "back"]).out.contains("shop.db.before-"),
            Kind::Postgres => {
                server.sql("select datname from pg_database").contains("shop_before_")
            }
            Kind::MariaDb => server.sql("show databases").contains("shop_before_"),
        };
        assert!(kept);
        server.sql("insert into orders values (4, 'more')");
    }
}

#[test]
fn a_rollback_swaps_back_to_what_was_live() {
    let fails = "  - { checkpoint: never, checks: [{ file: nowhere }] }\n";
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("back", kind, "", fails);
        to_the_hand(&place);
        DAMAGE.iter().for_each(|statement| drop(server.sql(statement)));
        let ran = place.plan(&["resume"]);
        assert_eq!(ran.code, 1, "{kind:?}: {ran:?}");
        assert_eq!(server.sql(STATES), "wrong\nwrong\nlate", "{}", ran.out);
        let left = match kind {
            Kind::Sqlite => {
                let names = std::fs::read_dir(place.folder.join("server")).unwrap();
                let names = names.map(|one| one.unwrap().file_name().into_string().unwrap());
                names.filter(|name| name.starts_with("shop.db.")).count().to_string()
            }
            Kind::Postgres => {
                server.sql("select count(*) from pg_database where datname like 'shop\\_%'")
            }
            Kind::MariaDb => server.sql(
                "select count(*) from information_schema.schemata where schema_name like 'shop\\_%'",
            ),
        };
        let wanted = "0";
        assert_eq!(left, wanted, "{}", ran.out);
    }
}

#[test]
fn a_backup_that_is_damaged_touches_nothing() {
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("damaged", kind, "", "    on_failure: pause\n");
        to_the_hand(&place);
        let folder = place.folder.join("backups");
        let file = std::fs::read_dir(folder).unwrap().map(|one| one.unwrap().path());
        let file =
            file.filter(|path| path.extension().is_none_or(|end| end != "json")).last().unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        place.plan(&["resume"]).ends(4).says("is not what was written any more");
        assert_eq!(server.sql(STATES), "new\nold");
    }
}

/// Reads a SQLite database and keeps it open for some seconds.
fn reader(file: &Path, seconds: u8) -> std::process::Child {
    let reads = format!(
        "(echo 'begin; select * from orders;'; sleep {seconds}) | sqlite3 {}",
        file.display()
    );
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &reads]).stdout(std::process::Stdio::null()).spawn().unwrap()
}

#[test]
fn who_closes_a_database_soon_is_waited_for() {
    if !has(Kind::Sqlite) {
        return;
    }
    let (place, server) = place("soon", Kind::Sqlite, "", "    on_failure: pause\n");
    to_the_hand(&place);
    let mut holder = reader(&place.folder.join("server/shop.db"), 3);
    std::thread::sleep(Duration::from_millis(500));
    place.plan(&["resume"]).ends(0);
    let _ = holder.wait();
    assert_eq!(server.sql("pragma journal_mode"), "wal");
    assert_eq!(server.sql(STATES), "new\nold");
}

#[test]
fn a_database_that_is_open_elsewhere_is_not_swapped() {
    if !has(Kind::Sqlite) {
        return;
    }
    let (place, server) = place("open", Kind::Sqlite, "", "    on_failure: pause\n");
    to_the_hand(&place);
    let file = place.folder.join("server/shop.db");
    let mut holder = reader(&file, 20);
    std::thread::sleep(Duration::from_millis(500));
    place.plan(&["resume"]).ends(4).says("is open elsewhere").says("sqlite3");
    let _ = holder.kill();
    let _ = holder.wait();
    let _ = std::process::Command::new("pkill").args(["-f", &file.display().to_string()]).status();
    assert_eq!(server.sql(STATES), "new\nold");
}

#[test]
fn foreign_keys_point_into_the_restored_data_and_hold() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("keys", kind, "", "");
        server.sql("create table a_items (id integer primary key, order_id integer, foreign key (order_id) references orders (id))");
        server.sql("create table z_items (id integer primary key, order_id integer, foreign key (order_id) references orders (id))");
        server.sql("insert into a_items values (1, 1)");
        to_the_hand(&place);
        place.plan(&["resume"]).ends(0);
        for table in ["a_items", "z_items"] {
            server.sql(&format!("insert into {table} values (8, 2)"));
            assert!(
                server.refuses(&format!("insert into {table} values (9, 77)")),
                "{kind:?} {table}"
            );
        }
        assert!(server.refuses("delete from orders where id = 2"));
    }
}

/// Killed at each moment of the swap: going on brings the restored data, going back the live ones, and
/// the database lets everybody in again.
#[test]
fn killed_at_each_moment_of_a_swap_it_goes_on_or_back() {
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        for moment in 1..=3 {
            for verb in ["resume", "rollback"] {
                let (place, server) = place(&format!("moment-{moment}-{verb}"), kind, "", "");
                to_the_hand(&place);
                DAMAGE.iter().for_each(|statement| drop(server.sql(statement)));
                let mut command = place.command(&["resume"]);
                command.env("PLAN_CRASH_AT", format!("swap:{moment}"));
                let status = command.output().unwrap().status;
                // Not every server has three of them.
                assert!(moment == 3 || !status.success(), "{kind:?} {moment} was not killed");
                if status.success() {
                    continue;
                }
                let ran = place.plan(&[verb]).ends(0);
                let wanted = if verb == "resume" { "new\nold" } else { "wrong\nwrong\nlate" };
                assert_eq!(server.sql(STATES), wanted, "{kind:?} {moment} {verb}: {}", ran.out);
            }
        }
    }
}

/// Killed behind the swap, before the journal knew: what the step gave is known all the same.
#[test]
fn what_a_restore_gave_is_known_after_a_kill() {
    let use_it = "  - { step: use, run: 'echo {{ steps.back.beside }} >told', rollback: { run: rm told } }\n";
    for kind in ALL.into_iter().filter(|kind| has(*kind)) {
        let mut kills = 0;
        for number in 1..=8 {
            let (place, server) = place(&format!("gave-{number}"), kind, "", use_it);
            to_the_hand(&place);
            server.sql(DAMAGE[0]);
            let mut command = place.command(&["resume"]);
            command.env("PLAN_CRASH_AT", format!("before:{number}"));
            if command.output().unwrap().status.code().is_none() {
                kills += 1;
                let has_ended = place.plan(&["runs"]).out.contains("succeeded");
                assert!(has_ended || place.plan(&["resume"]).code == 0, "{kind:?} {number}");
            }
            assert!(place.read("told").contains("before"), "{kind:?} {number}");
            assert_eq!(server.sql(STATES), "new\nold", "{kind:?} {number}");
        }
        assert!(kills > 3, "{kind:?}: {kills}");
    }
}

/// The first of the files is missing where they are put back: nothing was there, and nothing is again.
#[test]
fn files_that_were_missing_go_again_also_after_a_kill() {
    for moment in 1..=2 {
        for verb in ["resume", "rollback"] {
            let place = Place::new(&format!("restore-missing-{moment}-{verb}"));
            place.write("a/page", "one");
            place.write("b/page", "two");
            place.write(
                "plan.yaml",
                "plan: p\nsteps:\n  - step: save\n    backup: { files: [a/, b/], to: backups/ }\n  \
                 - { step: hand, manual: change it, read_only: true }\n  - step: back\n    restore: { step: save }\n",
            );
            to_the_hand(&place);
            std::fs::remove_dir_all(place.folder.join("a")).unwrap();
            place.write("b/page", "changed");
            let mut command = place.command(&["resume"]);
            command.env("PLAN_CRASH_AT", format!("swap:{moment}"));
            assert!(command.output().unwrap().status.code().is_none());
            let ran = place.plan(&[verb]).ends(0);
            let (a, b) = if verb == "resume" { (true, "two") } else { (false, "changed") };
            assert_eq!(place.has("a/page"), a, "{moment} {verb}: {}", ran.all());
            assert_eq!(place.read("b/page"), b, "{moment} {verb}: {}", ran.all());
        }
    }
}

#[test]
fn what_a_server_cannot_swap_is_refused_before_anything_is_touched() {
    if !has(Kind::MariaDb) {
        return;
    }
    let (place, server) = place("view", Kind::MariaDb, "", "    on_failure: pause\n");
    server.sql("create sequence numbers");
    to_the_hand(&place);
    place.plan(&["resume"]).ends(4).says("sequence numbers cannot be swapped by this server");
    assert_eq!(server.sql(STATES), "new\nold");
    assert_eq!(
        server.sql(
            "select count(*) from information_schema.schemata where schema_name like 'shop\\_%'"
        ),
        "0"
    );
}

/// Everything of a database of MariaDB that is no table, with how it is defined.
const CODE: &str = "
    select concat('view ', table_name, ' ', view_definition) from information_schema.views
        where table_schema = 'shop'
    union all select concat('trigger ', trigger_name, ' ', action_statement, ' ', action_order)
        from information_schema.triggers where trigger_schema = 'shop'
    union all select concat(routine_type, ' ', routine_name, ' ', routine_definition, ' ', sql_mode)
        from information_schema.routines where routine_schema = 'shop'
    union all select concat('event ', event_name, ' ', event_definition, ' ', status)
        from information_schema.events where event_schema = 'shop'
    order by 1";

fn with_code(name: &str, behind: &str) -> (Place, Server) {
    let (place, server) = place(name, Kind::MariaDb, "", behind);
    for statement in [
        "create table told (number integer auto_increment primary key, what varchar(40))",
        // In an order that makes one stand on another that comes later by name.
        "create view z_all as select * from orders",
        "create view a_news as select id from z_all where state = 'new'",
        "create function twice(n integer) returns integer deterministic return n * 2",
        "delimiter //\ncreate procedure tell(what varchar(40)) begin insert into told (what) values (what); end//",
        "create trigger orders_told after insert on orders for each row call tell(new.state)",
        "create trigger orders_too after insert on orders for each row \
         insert into told (what) values (concat(new.id, ';', twice(new.id)))",
        "set sql_mode = 'ANSI_QUOTES'; create procedure odd() select \"id\" from orders",
        "create event nightly on schedule every 1 day starts '2037-01-01' do delete from told",
    ] {
        server.sql(statement);
    }
    (place, server)
}

/// Something of each kind changed, gone, and new.
fn damage_code(server: &Server) {
    DAMAGE.iter().for_each(|statement| drop(server.sql(statement)));
    for statement in [
        "drop view a_news",
        "create or replace view z_all as select id from orders",
        "create view late as select 1 as one",
        "drop trigger orders_too",
        "drop procedure tell",
        "create procedure tell(what varchar(40)) select what",
        "create procedure later() select 2",
        "alter event nightly disable",
    ] {
        server.sql(statement);
    }
}

#[test]
fn views_triggers_routines_and_events_come_back_and_go_again() {
    if !has(Kind::MariaDb) {
        return;
    }
    let fails = "  - { checkpoint: never, checks: [{ file: nowhere }] }\n";
    for (name, behind, code) in [("code", "", 0), ("code-back", fails, 1)] {
        let (place, server) = with_code(name, behind);
        let saved = server.sql(CODE);
        to_the_hand(&place);
        damage_code(&server);
        let damaged = server.sql(CODE);
        assert_ne!(saved, damaged);
        place.plan(&["resume"]).ends(code);
        assert_eq!(server.sql(CODE), if code == 0 { &*saved } else { &*damaged });
        let wanted = if code == 0 { "new\nold" } else { "wrong\nwrong\nlate" };
        assert_eq!(server.sql(STATES), wanted);
        if code == 0 {
            // They work on the tables that are live now.
            server.sql("insert into orders values (7, 'new')");
            assert_eq!(server.sql("select what from told order by number"), "new\n7;14");
            assert_eq!(server.sql("select count(*) from a_news"), "2");
            // By hand, what was there is still known.
            place.plan(&["rollback"]).ends(0);
            assert_eq!(server.sql(CODE), damaged);
        }
    }
}

#[test]
fn killed_among_views_and_triggers_it_goes_on_or_back() {
    if !has(Kind::MariaDb) {
        return;
    }
    for moment in 1..=4 {
        for verb in ["resume", "rollback"] {
            let (place, server) = with_code(&format!("code-{moment}-{verb}"), "");
            let saved = server.sql(CODE);
            to_the_hand(&place);
            damage_code(&server);
            let damaged = server.sql(CODE);
            let mut command = place.command(&["resume"]);
            command.env("PLAN_CRASH_AT", format!("swap:{moment}"));
            assert!(!command.output().unwrap().status.success(), "{moment} was not killed");
            let ran = place.plan(&[verb]).ends(0);
            let (rows, code) = match verb {
                "resume" => ("new\nold", &saved),
                _ => ("wrong\nwrong\nlate", &damaged),
            };
            assert_eq!(server.sql(STATES), rows, "{moment} {verb}: {}", ran.out);
            assert_eq!(&server.sql(CODE), code, "{moment} {verb}: {}", ran.out);
        }
    }
}

#[test]
fn owner_settings_and_rights_of_a_database_are_those_of_the_live_one() {
    if !has(Kind::Postgres) {
        return;
    }
    let (place, server) = place("rights", Kind::Postgres, "", "");
    for statement in [
        "create role ama login",
        "alter database shop owner to ama",
        "alter database shop set statement_timeout to '7min'",
        "alter database shop set search_path to public, pg_catalog",
        "revoke connect on database shop from public",
        "grant connect, temporary on database shop to ama",
    ] {
        server.sql(statement);
    }
    let about = "select r.rolname, (select string_agg(a::text, ' ' order by a::text) from unnest(datacl) a), (select string_agg(s, ';' order by s) from pg_db_role_setting, unnest(setconfig) s where setdatabase = d.oid) \
                 from pg_database d join pg_roles r on r.oid = datdba where datname = 'shop'";
    let before = server.sql(about);
    to_the_hand(&place);
    place.plan(&["resume"]).ends(0);
    assert_eq!(server.sql(about), before);
}

#[test]
fn a_restore_that_is_killed_at_any_time_ends_in_one_state_or_the_other() {
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("killed", kind, "", "");
        let rows = match kind {
            Kind::Postgres => {
                "create table big as select i, md5(i::text) m from generate_series(1, 100000) as i"
            }
            Kind::MariaDb => "create table big as select seq, md5(seq) m from seq_1_to_100000",
            Kind::Sqlite => {
                "create table big as with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000) select i, hex(randomblob(16)) m from n"
            }
        };
        server.sql(rows);
        to_the_hand(&place);
        DAMAGE.iter().for_each(|statement| drop(server.sql(statement)));
        for wait in [150, 400, 700] {
            let mut command = place.command(&["resume"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            let mut run = command.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(wait));
            let _ = run.kill();
            run.wait().unwrap();
        }
        let ran = place.plan(&["resume"]);
        assert!(ran.code == 0 || ran.out.is_empty(), "{kind:?}: {ran:?}");
        assert_eq!(server.sql(STATES), "new\nold", "{kind:?}: {}", ran.out);
    }
}

#[test]
fn files_come_back_byte_for_byte_and_go_again() {
    let place = Place::new("restore-files");
    place.write("app/one.txt", "one");
    place.write("app/deep/two.txt", "two");
    std::os::unix::fs::symlink("one.txt", place.folder.join("app/link")).unwrap();
    std::fs::set_permissions(
        place.folder.join("app/one.txt"),
        std::fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    let plan = |behind: &str| {
        place.write("plan.yaml", &format!(
            "plan: p\nsteps:\n  - step: save\n    backup: {{ files: [app/], to: backups/ }}\n  \
             - {{ step: look, compare: {{ snapshot: look, files: [app/] }} }}\n  \
             - {{ step: change, run: \"echo changed > app/one.txt; rm app/link; echo new > app/new\", irreversible: a test }}\n  \
             - step: back\n    restore: {{ step: save }}\n{behind}"
        ));
        place.apply()
    };
    plan("  - { step: same, compare: { with: look } }\n").ends(0);
    assert_eq!(place.read("app/one.txt"), "one");
    assert!(!place.has("app/new"));
    let ran = plan("  - { checkpoint: never, checks: [{ file: nowhere }] }\n").ends(3);
    assert_eq!(place.read("app/one.txt"), "changed\n", "{}", ran.out);
    assert!(place.has("app/new") && !place.has("app/link"));
    assert!(
        !std::fs::read_dir(&place.folder).unwrap().any(|one| one
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with(".plan-new"))
    );
}

/// Whoever can write the folder of backups may write anything into an archive.
#[test]
fn a_path_in_an_archive_that_leaves_its_folder_is_refused() {
    const HOSTILE: &str = r#"
import glob, hashlib, io, json, os, sys, tarfile
path = [f for f in glob.glob('backups/*.tar')][0]
manifest = json.load(open(path + '.json'))
outside, kind = sys.argv[1], sys.argv[2]
tar = tarfile.open(path, 'w')
def file(name, text=b'escaped'):
    info = tarfile.TarInfo(name); info.size = len(text); info.mode = 0o644
    tar.addfile(info, io.BytesIO(text))
folder = tarfile.TarInfo('app'); folder.type = tarfile.DIRTYPE; folder.mode = 0o755
tar.addfile(folder)
file('app/one.txt', b'one')
if kind == 'up': file('../escaped')
if kind == 'deep': file('app/../../escaped')
if kind == 'absolute': file(outside + '/escaped')
if kind in ('link', 'hard'):
    link = tarfile.TarInfo('app/out')
    link.type = tarfile.SYMTYPE if kind == 'link' else tarfile.LNKTYPE
    link.linkname = outside if kind == 'link' else outside + '/target'
    tar.addfile(link)
    if kind == 'link': file('app/out/escaped')
    else: file('app/out')
if kind == 'device':
    device = tarfile.TarInfo('app/device'); device.type = tarfile.CHRTYPE; device.devmajor = 1; device.devminor = 3
    tar.addfile(device)
tar.close()
data = open(path, 'rb').read()
manifest['size'], manifest['sha256'] = len(data), hashlib.sha256(data).hexdigest()
json.dump(manifest, open(path + '.json', 'w'))
"#;
    for kind in ["up", "deep", "absolute", "link", "hard", "device"] {
        let place = Place::new(&format!("restore-hostile-{kind}"));
        place.write("in/app/one.txt", "one");
        place.write("outside/target", "target");
        place.write("in/plan.yaml", "plan: p\nsteps:\n  - step: save\n    backup: { files: [app/], to: backups/, compress: none }\n  \
            - { step: hand, manual: swap it, read_only: true }\n  - step: back\n    restore: { step: save }\n    on_failure: pause\n");
        place.plan(&["apply", "in/plan.yaml"]).ends(4);
        let outside = place.folder.join("outside");
        let made = std::process::Command::new("python3")
            .args(["-c", HOSTILE, &outside.display().to_string(), kind])
            .current_dir(place.folder.join("in"))
            .status();
        assert!(made.unwrap().success());
        place.plan(&["approve", "hand"]).ends(0);
        let ran = place.plan(&["resume"]).ends(4).says("in it was never saved");
        let escaped: Vec<_> = crate::place::files_below(&place.folder)
            .into_iter()
            .filter(|path| {
                path.ends_with("escaped") && !path.starts_with(place.folder.join("in/.plan-new"))
            })
            .collect();
        assert!(escaped.is_empty(), "{kind}: {escaped:?} {}", ran.out);
        assert_eq!(place.read("outside/target"), "target", "{kind}");
        assert_eq!(place.read("in/app/one.txt"), "one");
        assert!(!std::path::Path::new("/escaped").exists());
    }
}

/// Runs are counted in each store: another store's first run has the same name.
#[test]
fn what_another_run_of_the_same_name_left_is_not_taken_for_ours() {
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("same-name", kind, "", "");
        to_the_hand(&place);
        place.plan(&["resume"]).ends(0);
        std::fs::rename(place.store(), place.folder.join("store-of-then")).unwrap();
        server.sql("update orders set state = 'today'");
        to_the_hand(&place);
        server.sql("update orders set state = 'wrong'");
        place.plan(&["resume"]).ends(0);
        assert_eq!(server.sql(STATES), "today\ntoday", "{kind:?}");
        place.plan(&["rollback"]).ends(0);
        assert_eq!(server.sql(STATES), "wrong\nwrong", "{kind:?}");
    }
}

#[test]
fn files_go_where_they_are_told_to_and_links_are_not_taken_for_what_they_name() {
    let place = Place::new("restore-where");
    let live = place.folder.join("live");
    place.write("live/f", "old");
    let plan = |keys: &str, saved: &str| {
        place.write("plan.yaml", &format!(
            "plan: p\nsteps:\n  - step: save\n    backup: {{ files: [\"{saved}\"], to: backups/ }}\n  \
             - {{ step: change, run: \"echo new > live/f\", irreversible: a test of where files go }}\n  \
             - step: back\n    restore: {{ step: save{keys} }}\n"
        ));
        place.apply()
    };
    plan(", to: elsewhere", &live.display().to_string()).ends(0);
    assert_eq!(place.read("live/f"), "new\n");
    assert_eq!(place.read(&format!("elsewhere{}/f", live.display())), "old");
    std::os::unix::fs::symlink("live", place.folder.join("current")).unwrap();
    plan("", "current").ends(1).says("current is a link to live");
}

/// Three paths; the second cannot be moved, for a reason that has passed by the time of the way back.
#[test]
fn files_that_were_not_reached_stay_when_it_goes_back() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new("restore-half");
    for name in ["a", "b", "c"] {
        place.write(&format!("{name}/f"), name);
    }
    place.write("plan.yaml", "plan: p\nsteps:\n  - step: save\n    backup: { files: [a, b, c], to: backups/ }\n  \
        - { step: change, run: \"for n in a b c; do echo new-$n > $n/f; done\", read_only: true }\n  \
        - { step: hand, manual: look, read_only: true }\n  - step: back\n    restore: { step: save }\n    on_failure: pause\n");
    to_the_hand(&place);
    let folder = place.folder.join("b").display().to_string();
    let mount = |arguments: &[&str]| {
        assert!(
            std::process::Command::new(arguments[0])
                .args(&arguments[1..])
                .status()
                .unwrap()
                .success()
        );
    };
    mount(&["mount", "--bind", &folder, &folder]);
    let ran = place.plan(&["resume"]);
    let first = place.read("a/f");
    mount(&["umount", &folder]);
    ran.ends(4).says("busy");
    assert_eq!(first, "a", "the first has come into its place");
    place.plan(&["rollback"]).ends(0);
    for name in ["a", "b", "c"] {
        assert_eq!(place.read(&format!("{name}/f")), format!("new-{name}\n"));
    }
}

#[test]
fn tables_of_other_schemas_are_proven_and_left_out_rows_are_not_forgotten() {
    if !has(Kind::Postgres) {
        return;
    }
    let (place, server) = place("schemas", Kind::Postgres, "", "    on_failure: pause\n");
    server.sql("create schema billing");
    server.sql("create table billing.inv (id int primary key)");
    server.sql("alter database shop connection limit 7");
    to_the_hand(&place);
    place.plan(&["resume"]).ends(0);
    assert_eq!(server.sql("select datconnlimit from pg_database where datname = 'shop'"), "7");
    let text = place.read("plan.yaml").replace("proof: restore", "except: [orders]");
    place.write("plan.yaml", &text);
    to_the_hand(&place);
    place.plan(&["resume"]).ends(4).says("left out the rows of orders");
    assert_eq!(server.sql(STATES), "new\nold");
}

/// A restore on the way back takes away what was written since: by itself only while users are out.
#[test]
fn what_users_may_have_written_is_not_taken_away_unasked() {
    let checkpoint = "      - { checkpoint: never, checks: [{ file: nowhere }] }\n";
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        for (name, is_out, behind) in [
            ("in", "false", ""),
            ("out", "true", ""),
            (
                "again",
                "true",
                "  - phase: open\n    steps:\n      - { step: look, run: \"true\", read_only: true }\n",
            ),
        ] {
            let place = Place::new(&format!("restore-users-{name}-{kind:?}"));
            let server = Server::start(&place, kind);
            server.sql("create table orders (id integer primary key, state varchar(20))");
            server.sql("insert into orders values (1, 'new')");
            place.write(
                "plan.yaml",
                &format!(
                    "plan: p\n{}\n\n\
                     phases:\n  - phase: change\n    maintenance: {is_out}\n    steps:\n      \
                     - {{ step: save, backup: {{ database: main, to: backups/, proof: restore }} }}\n      \
                     - step: change\n        sql: {{ text: \"insert into orders values (2, 'late')\", database: main }}\n        \
                     allow: {{ not-rerunnable: the row is there or it is not }}\n        \
                     rollback: {{ restore: {{ step: save }} }}\n{behind}{checkpoint}",
                    server.connection()
                ),
            );
            let ran = place.apply();
            if name != "out" {
                let ran = ran.ends(4).says("1 rows written since are lost");
                assert!(ran.all().contains("users were not out all the time"), "{ran:?}");
                assert_eq!(server.sql(STATES), "new\nlate", "{kind:?} {name}");
                let name = ran.name_to_type();
                // A no is no failure that goes away by itself; who goes on is asked again.
                place.plan(&["approve", "change", "--answer", "no"]).ends(0);
                place.plan(&["resume"]).ends(3).says("did not want it restored");
                assert_eq!(server.sql(STATES), "new\nlate", "{kind:?} {name}");
                place.plan(&["resume"]).ends(4).says("to go on");
                place.plan(&["approve", "change", "--answer", &name]).ends(0);
                place.plan(&["resume"]).ends(1);
            } else {
                ran.ends(1);
            }
            assert_eq!(server.sql(STATES), "new", "{kind:?} {name}");
        }
    }
}

#[test]
fn a_scratch_copy_lies_beside_the_live_data_and_goes_with_the_way_back() {
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("scratch", kind, ", mode: scratch", "");
        to_the_hand(&place);
        DAMAGE.iter().for_each(|statement| drop(server.sql(statement)));
        place.plan(&["resume"]).ends(0);
        assert_eq!(server.sql(STATES), "wrong\nwrong\nlate", "the live data stay as they are");
        let logs = place.plan(&["logs", "back"]).out;
        let name =
            logs.lines().find_map(|line| line.split(" lies beside the live data as ").nth(1));
        let name = name.unwrap_or_else(|| panic!("{kind:?} {logs:?} {:?}", place.plan(&["logs"])));
        let found = match kind {
            Kind::Sqlite => place.sqlite(name, STATES),
            Kind::Postgres => server.on(name, STATES),
            Kind::MariaDb => server.sql(&STATES.replace("orders", &format!("{name}.orders"))),
        };
        assert_eq!(found, "new\nold", "{kind:?}");
        place.plan(&["rollback"]).ends(0);
        assert_eq!(server.sql(STATES), "wrong\nwrong\nlate");
        let left = match kind {
            Kind::Sqlite => u8::from(place.has(name)).to_string(),
            Kind::Postgres => {
                server.sql("select count(*) from pg_database where datname like 'shop\\_%'")
            }
            Kind::MariaDb => server.sql(
                "select count(*) from information_schema.schemata where schema_name like 'shop\\_%'",
            ),
        };
        assert_eq!(left, "0", "{kind:?}");
    }
}

#[test]
fn a_backup_that_nobody_knows_is_told_before_anything_is_touched() {
    let place = Place::new("restore-unknown");
    let server = Server::start(&place, Kind::Sqlite);
    server.sql("create table orders (id integer primary key)");
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{}\ninputs: {{ backup: {{ default: none }} }}\nsteps:\n  - step: save\n    \
             backup: {{ database: main, to: backups/ }}\n  - step: back\n    \
             restore: {{ id: \"{{{{ backup }}}}\", database: main }}\n",
            server.connection()
        ),
    );
    let ran = place.plan(&["apply", "plan.yaml", "--set", "backup=mistyped"]).ends(6);
    ran.says("`back` has what it needs: not met: there is no backup mistyped in the catalogue (plan backups)");
    assert!(!place.has("backups"));
    // A step before may bring it along: that is found out in its turn.
    let plan = place.read("plan.yaml");
    let bring = "steps:\n  - { step: bring, run: touch brought, rollback: { run: rm brought } }\n";
    let bringing = plan.replace("steps:\n", bring).replace("plan: p", "plan: bringing");
    place.write("bringing.yaml", &bringing);
    place.plan(&["apply", "bringing.yaml"]).ends(1).says("there is no backup none");
    place.write("saving.yaml", &place.read("plan.yaml").replace("plan: p", "plan: saving"));
    let only = place.read("saving.yaml");
    place.write("saving.yaml", only.split("  - step: back").next().unwrap());
    place.plan(&["apply", "saving.yaml"]).ends(0);
    let listed: serde_json::Value =
        serde_json::from_str(&place.plan(&["backups", "list", "--json"]).ends(0).out).unwrap();
    let id = listed.to_string();
    let id = id.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    place.plan(&["apply", "plan.yaml", "--set", &format!("backup={id}")]).ends(0);
}
