//! `plan backups`: the catalogue of a store, whatever run and server a backup is of.

use serde_json::Value;

use crate::place::{Place, Ran};
use crate::servers::{ALL, Kind, Server, has};

/// A shop whose plan saves its database and a file.
fn shop(name: &str, kind: Kind, keys: &str) -> (Place, Server) {
    let place = Place::new(&format!("backups-{name}-{kind:?}")).env("PW", "hunter2");
    let server = Server::start(&place, kind);
    server.sql("create table orders (id integer primary key, state varchar(20))");
    server.sql("insert into orders values (1, 'new'), (2, 'sent')");
    place.write("app/page.html", "one");
    let connection = server.connection();
    place.write(
        "plan.yaml",
        &format!(
            "plan: shop\n{connection}\nsteps:\n  - step: save\n    backup: {{ database: main, to: backups/{keys} }}\n  \
             - step: files\n    backup: {{ files: [app], to: backups/{keys} }}\n"
        ),
    );
    (place, server)
}

fn at(place: &Place, day: &str, arguments: &[&str]) -> Ran {
    let mut command = place.command(arguments);
    command.env("PLAN_CLOCK", format!("{day}T10:00:00Z"));
    crate::place::ran(command)
}

fn listed(place: &Place) -> Vec<Value> {
    let list = place.plan(&["backups", "list", "--json"]).ends(0);
    serde_json::from_str(&list.out).unwrap()
}

/// The ids of the backups of a step, the newest first.
fn ids(place: &Place, step: &str) -> Vec<String> {
    let of_step = listed(place).into_iter().filter(|one| one["step"] == step);
    of_step.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_backup_is_listed_verified_and_brought_back_by_its_id() {
    for kind in ALL.into_iter().filter(|kind| has(*kind)) {
        let (place, server) = shop("id", kind, ", proof: restore");
        assert!(place.plan(&["backups"]).ends(2).says("no run was made here").err.contains("help"));
        place.apply().ends(0);
        place.plan(&["backups"]).ends(0).says("proven by restore, there").never_says("hunter2");
        let id = ids(&place, "save").remove(0);
        for proof in ["read", "parse", "restore"] {
            place
                .plan(&["backups", "verify", &id, "--proof", proof])
                .ends(0)
                .says(&format!("{id}: whole (by {proof})"));
        }
        let databases = match kind {
            Kind::Postgres => "select count(*) from pg_database where datname like 'plan_scratch%'",
            Kind::MariaDb => {
                "select count(*) from information_schema.schemata where schema_name like 'plan_scratch%'"
            }
            Kind::Sqlite => "select 0",
        };
        assert_eq!(server.sql(databases), "0");
        server.sql("delete from orders where id = 2");
        // Nobody is there who could type the name of the database.
        let ran = place.plan(&["backups", "restore", &id]).ends(4).says("to go on");
        assert!(ran.all().contains("--answer NAME"), "{ran:?}");
        assert_eq!(server.sql("select count(*) from orders"), "1");
        place.plan(&["approve", "restore"]).ends(2).says("type it out");
        place.plan(&["approve", "restore", "--answer", &ran.name_to_type()]).ends(0);
        place.plan(&["resume"]).ends(0);
        assert_eq!(server.sql("select count(*) from orders"), "2");
        place.plan(&["rollback"]).ends(0);
        assert_eq!(server.sql("select count(*) from orders"), "1");
        place.plan(&["backups", "restore", &id, "--yes"]).ends(0);
        assert_eq!(server.sql("select count(*) from orders"), "2");
        // It is a run like any other.
        place.plan(&["rollback"]).ends(0).says("rolled back completely");
        assert_eq!(server.sql("select count(*) from orders"), "1");
        place.plan(&["backups", "verify", "nothing"]).ends(2).says("plan backups");
    }
}

#[test]
fn files_are_brought_back_elsewhere_too() {
    let place = Place::with(
        "backups-files",
        "plan: site\nsteps:\n  - step: save\n    backup: { files: [app], to: backups/ }\n",
    );
    place.write("app/page.html", "one");
    place.apply().ends(0);
    place.write("app/page.html", "two");
    let id = ids(&place, "save").remove(0);
    place.plan(&["backups", "restore", &id, "--to", "elsewhere", "--yes"]).ends(0);
    assert_eq!(
        (&*place.read("elsewhere/app/page.html"), &*place.read("app/page.html")),
        ("one", "two")
    );
    place.plan(&["backups", "restore", &id, "--yes"]).ends(0);
    assert_eq!(place.read("app/page.html"), "one");
}

#[test]
fn what_is_not_whole_any_more_is_told_and_restores_nothing() {
    if !has(Kind::Sqlite) {
        return;
    }
    let (place, server) = shop("cut", Kind::Sqlite, "");
    place.apply().ends(0);
    let backup = listed(&place).into_iter().find(|one| one["step"] == "save").unwrap();
    let (id, path) = (backup["id"].as_str().unwrap(), backup["path"].as_str().unwrap());
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
    // Its length is right: only reading it tells.
    place.plan(&["backups"]).ends(0).never_says(", damaged");
    place.plan(&["backups", "verify"]).ends(1).says(&format!("{id}: not whole")).says("help");
    place.plan(&["backups"]).ends(0).says(", damaged");
    server.sql("delete from orders");
    let refused = place.plan(&["backups", "restore", id, "--yes"]);
    assert_ne!(refused.code, 0);
    refused.says("not what was written");
    assert_eq!(server.sql("select count(*) from orders"), "0");
    std::fs::remove_file(path).unwrap();
    place.plan(&["backups"]).ends(0).says("missing");
    place.plan(&["backups", "verify", id]).ends(1).says("is not there");
}

#[test]
fn whoever_changes_a_backup_and_what_stands_beside_it_is_found_out() {
    if !has(Kind::Sqlite) {
        return;
    }
    let (place, _server) = shop("both", Kind::Sqlite, "");
    place.apply().ends(0);
    let all = listed(&place);
    let [one, other] = &all[..] else { panic!("{all:?}") };
    let [one, other] = [one, other].map(|backup| backup["path"].as_str().unwrap());
    for end in ["", ".json"] {
        std::fs::copy(format!("{other}{end}"), format!("{one}{end}")).unwrap();
    }
    place.plan(&["backups", "verify"]).ends(1).says("not whole");
}

#[test]
fn what_is_over_goes_and_what_somebody_needs_stays() {
    if !has(Kind::Sqlite) {
        return;
    }
    let (place, _server) = shop("prune", Kind::Sqlite, ", keep: 30d, keep_last: 2");
    for day in ["2026-01-05", "2026-02-05", "2026-03-05"] {
        at(&place, day, &["apply", "plan.yaml"]).ends(0);
    }
    place.write("backups/mine.txt", "not a backup of plan");
    let (old, all) = (ids(&place, "save").remove(2), listed(&place).len());
    let shown = at(&place, "2026-03-06", &["backups", "prune"]).ends(0);
    assert_eq!(listed(&place).len(), all, "it only shows: {shown:?}");
    shown.says("2 would go").says(&format!("goes   {old}: 59 days old"));
    at(&place, "2026-03-06", &["backups", "prune", "--yes"]).ends(0).says("2 removed");
    assert!(!ids(&place, "save").contains(&old));
    assert!(place.has("backups/mine.txt"));
    let left = std::fs::read_dir(place.folder.join("backups")).unwrap().count();
    assert_eq!(left, 4 * 2 + 1, "each with what stands beside it");
    // However old it is, the newest one that was proven stays; and so does what a run may need.
    let newest = ids(&place, "save").remove(0);
    let second = ids(&place, "save").remove(1);
    place.plan(&["backups", "restore", &second]).ends(4);
    let day = ["backups", "prune", "--keep", "1d", "--yes"];
    at(&place, "2027-01-01", &day).ends(0).says("may need it").says("the newest proven one");
    assert_eq!(ids(&place, "save"), [newest.clone(), second]);
    place.plan(&["rollback"]).ends(0);
    at(&place, "2027-01-01", &day).ends(0);
    assert_eq!(ids(&place, "save"), [newest]);
    place.plan(&["backups", "prune", "--keep", "soon"]).ends(2).says("no time");
}

#[test]
fn a_backup_of_another_plan_counts_for_a_check() {
    if !has(Kind::Sqlite) {
        return;
    }
    let (place, server) = shop("check", Kind::Sqlite, "");
    place.write(
        "change.yaml",
        &format!(
            "plan: change\n{}\nrequires:\n  - {{ backup: main, max_age: 26h }}\nsteps:\n  \
             - {{ step: look, run: \"true\", read_only: true }}\n",
            server.connection()
        ),
    );
    place.plan(&["apply", "change.yaml"]).ends(6).says("there is no backup of main");
    at(&place, "2026-03-05", &["apply", "plan.yaml"]).ends(0);
    at(&place, "2026-03-06", &["apply", "change.yaml"]).ends(0);
    at(&place, "2026-03-07", &["apply", "change.yaml"]).ends(6).says("more than 1 d 2 h");
}

/// Whether there is age; without it CI fails, and others are told how to get it.
#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
fn has_age() -> bool {
    let is_there = std::process::Command::new("age-keygen").arg("--version").output().is_ok();
    assert!(is_there || std::env::var_os("CI").is_none(), "CI must have age: apt-get install age");
    if !is_there {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: it needs age (apt-get install age)");
    }
    is_there
}

/// An age key: its file, and whom it stands for.
fn key(place: &Place) -> (String, String) {
    let file = place.folder.join("key.txt").display().to_string();
    let made = std::process::Command::new("age-keygen").args(["-o", &file]).output().unwrap();
    assert!(made.status.success(), "apt-get install age");
    let text = place.read("key.txt");
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    (file, recipient.to_owned())
}

/// Killed before it was encrypted, and before it had its name: nothing of it stays, above all nothing plain.
#[test]
fn a_backup_that_was_killed_leaves_nothing_that_others_read() {
    for kind in ALL.into_iter().filter(|kind| has_age() && has(*kind)) {
        for moment in ["swap:1", "swap:2", "note:2"] {
            for verb in ["rollback", "resume"] {
                let name = format!("age-killed-{}-{verb}", moment.replace(':', "-"));
                let (place, _server) = shop(
                    &name,
                    kind,
                    ", name: \"nightly-{{ run.id }}\", proof: restore, encrypt_for: \"{{ for }}\"",
                );
                let (_, recipient) = key(&place);
                let plan = place.read("plan.yaml");
                place.write(
                    "plan.yaml",
                    &plan.replace("connections:", "inputs: { for: {} }\nconnections:"),
                );
                let set = format!("for={recipient}");
                let mut command = place.command(&["apply", "plan.yaml", "--set", &set]);
                command.env("PLAN_CRASH_AT", moment);
                let ran = command.output().unwrap();
                assert!(ran.status.code().is_none(), "{kind:?} {name}: {ran:?}");
                let ran = place.plan(&[verb]).ends(0);
                let files = std::fs::read_dir(place.folder.join("backups")).unwrap().flatten();
                let mut files: Vec<_> =
                    files.map(|file| file.file_name().into_string().unwrap()).collect();
                files.sort();
                let odd = files.iter().find(|name| !name.contains(".age"));
                assert_eq!(odd, None, "{kind:?} {name}: {files:?} {}", ran.all());
                if verb == "rollback" {
                    assert!(files.is_empty(), "{kind:?} {name}: {files:?} {}", ran.all());
                } else {
                    assert!(files.iter().all(|name| !name.contains("partial")), "{files:?}");
                }
            }
        }
    }
}

#[test]
fn an_encrypted_backup_is_read_by_whoever_has_the_key() {
    for kind in ALL.into_iter().filter(|kind| has_age() && has(*kind)) {
        let (place, server) = shop("age", kind, ", proof: restore, encrypt_for: \"{{ for }}\"");
        let (file, recipient) = key(&place);
        let plan = place.read("plan.yaml");
        place
            .write("plan.yaml", &plan.replace("connections:", "inputs: { for: {} }\nconnections:"));
        place.plan(&["apply", "plan.yaml", "--set", "for=Ama"]).ends(1).says("no age recipient");
        place.plan(&["apply", "plan.yaml", "--set", &format!("for={recipient}")]).ends(0);
        let backup = listed(&place).into_iter().find(|one| one["step"] == "save").unwrap();
        let (id, path) = (backup["id"].as_str().unwrap(), backup["path"].as_str().unwrap());
        assert!(path.ends_with(".age"), "{path}");
        let left = std::fs::read_dir(place.folder.join("backups")).unwrap().count();
        assert_eq!(left, 4, "nothing is left that is not encrypted");
        place.plan(&["backups", "verify", id]).ends(0).says("PLAN_AGE_IDENTITY");
        server.sql("delete from orders");
        place.plan(&["backups", "restore", id, "--yes"]).ends(1).says("PLAN_AGE_IDENTITY");
        assert_eq!(server.sql("select count(*) from orders"), "0");
        let place = place.env("PLAN_AGE_IDENTITY", &file);
        place.plan(&["backups", "verify", id, "--proof", "restore"]).ends(0).says("by restore");
        place.plan(&["backups", "restore", id, "--yes"]).ends(0);
        assert_eq!(server.sql("select count(*) from orders"), "2");
        // The way out without plan: the same programs, by hand.
        let by_hand = format!("age -d -i {file} {path} | zstd -dcq | wc -c");
        let output = std::process::Command::new("bash")
            .args(["-euo", "pipefail", "-c", &by_hand])
            .output()
            .unwrap();
        let bytes = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().unwrap();
        assert!(output.status.success() && bytes > 100, "{output:?}");
    }
}

#[test]
fn a_second_copy_is_as_good_as_the_first() {
    if !has(Kind::Sqlite) {
        return;
    }
    let (place, server) = shop("copy", Kind::Sqlite, ", copy_to: far/away, keep_last: 1");
    place.apply().ends(0);
    place.plan(&["backups"]).ends(0).says("copy: far/away/").never_says("missing");
    let backup = listed(&place).into_iter().find(|one| one["step"] == "save").unwrap();
    let (id, path) = (backup["id"].as_str().unwrap(), backup["path"].as_str().unwrap());
    std::fs::remove_file(path).unwrap();
    place.plan(&["backups", "verify", id]).ends(1).says("its second copy: ").says("not verified");
    place.plan(&["backups"]).ends(0).says("there as its copy only");
    // It is as good as the first one, for whoever prunes as well.
    place
        .plan(&["backups", "prune", "--keep-last", "1", "--yes"])
        .ends(0)
        .says("nothing to remove");
    server.sql("delete from orders");
    place.plan(&["backups", "restore", id, "--yes"]).ends(0);
    assert_eq!(server.sql("select count(*) from orders"), "2");
    place.plan(&["backups", "fetch", id]).ends(0).says("is back");
    place.plan(&["backups", "verify", id]).ends(0).says("whole");
    // Both go together.
    place.apply().ends(0);
    place.plan(&["backups", "prune", "--yes"]).ends(0);
    assert_eq!(std::fs::read_dir(place.folder.join("far/away")).unwrap().count(), 4);
    // Where it cannot be copied to, the step says so; the backup itself is there and known.
    std::fs::remove_dir_all(place.folder.join("far")).unwrap();
    place.write("far", "a file");
    place.apply().ends(1).says("its second copy is not");
    assert_eq!(ids(&place, "save").len(), 2);
    let plan = place.read("plan.yaml");
    place.write("plan.yaml", &plan.replace("far/away", "backups"));
    place.apply().ends(1).says("the folder of the backup itself");
    place.write("plan.yaml", &plan.replace("far/away", "s3://far/away"));
    place.apply().ends(6).says("needs AWS_ACCESS_KEY_ID");
    place.write("plan.yaml", &plan.replace("far/away", "gs://far/away"));
    place.apply().ends(2).says("knows folders and s3:// addresses");
}

/// Nothing but another digest is damage: a backup is not given up because somebody had the wrong key, or
/// because a disk was away.
#[test]
fn what_could_not_be_looked_at_is_not_given_up() {
    if !has_age() || !has(Kind::Sqlite) {
        return;
    }
    let (place, _server) = shop("away", Kind::Sqlite, ", encrypt_for: \"{{ for }}\", keep_last: 1");
    let (_, recipient) = key(&place);
    let plan = place.read("plan.yaml");
    place.write("plan.yaml", &plan.replace("connections:", "inputs: { for: {} }\nconnections:"));
    place.plan(&["apply", "plan.yaml", "--set", &format!("for={recipient}")]).ends(0);
    let other = place.folder.join("other.txt");
    let made = std::process::Command::new("age-keygen").arg("-o").arg(&other).output().unwrap();
    assert!(made.status.success());
    for identity in [other.display().to_string(), "/nowhere".to_owned()] {
        let mut command = place.command(&["backups", "verify"]);
        command.env("PLAN_AGE_IDENTITY", identity);
        crate::place::ran(command).ends(1).says("could not be verified").says("stays as it was");
    }
    place.plan(&["backups"]).ends(0).never_says("damaged");
    place.plan(&["backups", "prune", "--yes"]).ends(0).says("nothing to remove");
    let (there, away) = (place.folder.join("backups"), place.folder.join("away"));
    std::fs::rename(&there, &away).unwrap();
    place.plan(&["backups", "verify"]).ends(1).says("is not there");
    place
        .plan(&["backups", "prune", "--yes"])
        .ends(0)
        .says("is it mounted")
        .says("nothing to remove");
    std::fs::rename(&away, &there).unwrap();
    place.plan(&["backups", "prune", "--yes"]).ends(0).says("nothing to remove");
    place.plan(&["backups", "verify"]).ends(0);
}

#[test]
fn a_connection_that_leads_elsewhere_now_is_not_restored_into() {
    if !has(Kind::Sqlite) {
        return;
    }
    let place = Place::new("backups-elsewhere");
    place.write(
        "plan.yaml",
        "plan: shop\ninputs: { at: { secret: true, env: SHOP_AT } }\n\
         connections: { main: { server: sqlite, file: \"{{ at }}\" } }\nsteps:\n  \
         - step: save\n    backup: { database: main, to: backups/ }\n",
    );
    for file in ["one.db", "two.db"] {
        place.sqlite(file, &format!("create table t (a); insert into t values ('{file}')"));
    }
    let with = |file: &str, arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("SHOP_AT", file);
        crate::place::ran(command)
    };
    with("one.db", &["apply", "plan.yaml"]).ends(0);
    let id = ids(&place, "save").remove(0);
    with("two.db", &["backups", "restore", &id, "--yes"]).ends(1).says("leads to");
    assert_eq!(place.sqlite("two.db", "select a from t"), "two.db");
    with("two.db", &["backups", "restore", &id, "--yes", "--database", "main"]).ends(0);
    assert_eq!(place.sqlite("two.db", "select a from t"), "one.db");
    // Its way back goes to where it went, or nowhere.
    with("one.db", &["rollback"]).ends(3).says("was restored into");
    with("two.db", &["rollback"]);
    with("two.db", &["retry", "restore"]);
    with("two.db", &["resume"]);
    assert_eq!(place.sqlite("two.db", "select a from t"), "two.db");
    assert_eq!(place.sqlite("one.db", "select a from t"), "one.db");
    with("one.db", &["backups", "restore", &id, "--yes", "--to", "x"])
        .ends(2)
        .says("goes to a connection");
}
