//! `backup` on each server: whole or not there, proven, and read by the plain tools of each server.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::place::Place;
use crate::servers::{ALL, Kind, Server, has};

fn place(name: &str, kind: Kind, keys: &str, behind: &str) -> (Place, Server) {
    let place = Place::new(&format!("backup-{name}-{kind:?}")).env("PW", "hunter2");
    let server = Server::start(&place, kind);
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\n{}\nsteps:\n  - step: save\n    backup: {{ database: main, to: backups/{keys} }}\n{behind}",
            server.connection()
        ),
    );
    server.sql("create table orders (id integer primary key, state varchar(20), raw varchar(40))");
    server.sql("insert into orders values (1, 'new', null), (2, 'it''s', 'é\\ü'), (3, '', 'x')");
    (place, server)
}

/// The files of the backup folder.
fn files(place: &Place) -> Vec<PathBuf> {
    let folder = place.folder.join("backups");
    let mut all: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|one| one.path()).collect();
    all.sort();
    all
}

fn backup_file(place: &Place) -> PathBuf {
    let all = files(place);
    let one: Vec<_> =
        all.iter().filter(|path| path.extension().is_none_or(|end| end != "json")).collect();
    assert_eq!(one.len(), 1, "{all:?}");
    one[0].clone()
}

#[track_caller]
fn shell(text: &str) -> String {
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", text]).output().unwrap();
    assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_backup_is_proven_by_a_restore_and_plain_tools_read_it() {
    for kind in ALL {
        for (how, unpack) in [("zstd", "zstd -dcq"), ("gzip", "gzip -dc"), ("none", "cat")] {
            if !has(kind) || (kind == Kind::Sqlite && how == "gzip") {
                continue;
            }
            let (place, server) =
                place(how, kind, &format!(", compress: {how}, proof: restore, keep: 30d"), "");
            let ran = place.apply().ends(0);
            let file = backup_file(&place);
            let rights = |path: &std::path::Path| {
                std::fs::metadata(path).unwrap().permissions().mode() & 0o777
            };
            assert_eq!(rights(&file), 0o600, "{ran:?}");
            assert_eq!(rights(&place.folder.join("backups")), 0o700);
            let (socket, port, path) = (server.socket(), server.port, file.display());
            let rows = match kind {
                Kind::Sqlite => shell(&format!(
                    "{unpack} {path} > {path}.plain; sqlite3 {path}.plain 'select count(*) from orders'"
                )),
                Kind::Postgres => {
                    server.sql("create database again");
                    let bin = shell("ls -d /usr/lib/postgresql/*/bin | tail -1");
                    shell(&format!(
                        "{unpack} {path} | {bin}/pg_restore -h {socket} -p {port} -U postgres -d again"
                    ));
                    shell(&format!(
                        "psql -h {socket} -p {port} -U postgres -d again -Atc 'select count(*) from orders'"
                    ))
                }
                Kind::MariaDb => {
                    server.sql("create database again");
                    shell(&format!(
                        "{unpack} {path} | mariadb --no-defaults -u root -S {socket} again"
                    ));
                    shell(&format!(
                        "mariadb --no-defaults -u root -S {socket} -N again -e 'select count(*) from orders'"
                    ))
                }
            };
            assert_eq!(rows, "3");
            // The database of the proof is gone.
            if kind != Kind::Sqlite {
                let list = if kind == Kind::Postgres {
                    "select datname from pg_database"
                } else {
                    "show databases"
                };
                assert!(!server.sql(list).contains("plan_scratch"));
            }
        }
    }
}

/// Guide G5, hazard (c): a dump that fails behind a pipe is told as a success, and old backups are
/// thrown away after it.
#[test]
fn a_dump_that_fails_leaves_no_backup_where_the_pipe_of_a_guide_reports_success() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        if !has(kind) {
            continue;
        }
        let (place, mut server) = place("fails", kind, "", "");
        place.apply().ends(0);
        let before = files(&place);
        let (socket, port) = (server.socket(), server.port);
        server.kill();
        let dump = match kind {
            Kind::Postgres => format!("pg_dump -h {socket} -p {port} -U postgres shop"),
            _ => format!("mariadb-dump --no-defaults -u root -S {socket} shop"),
        };
        let said = Command::new("bash")
            .args([
                "-c",
                &format!(
                    "{dump} 2>/dev/null | gzip > {}/f.gz; if [ $? -eq 0 ]; then echo success; fi",
                    place.folder.display()
                ),
            ])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&said.stdout).trim(),
            "success",
            "what the guide prints"
        );
        let ran = place.apply().ends(1);
        assert!(ran.out.contains("save: failed"), "{}", ran.out);
        assert_eq!(files(&place), before, "{}", ran.out);
    }
}

#[test]
fn a_backup_that_is_cut_or_has_a_flipped_bit_does_not_hold_any_more() {
    let behind = "  - { step: hand, manual: damage it, read_only: true }\n  - checkpoint: whole\n    checks: [{ backup: save, proof: parse, max_age: 1h }]\n    on_failure: pause\n";
    for kind in ALL {
        if !has(kind) {
            continue;
        }
        for cut in [true, false] {
            let (place, _server) = place(&format!("damaged-{cut}"), kind, "", behind);
            place.apply().ends(4);
            let file = backup_file(&place);
            let mut bytes = std::fs::read(&file).unwrap();
            if cut {
                bytes.truncate(bytes.len() - 1);
            } else {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
            }
            std::fs::write(&file, bytes).unwrap();
            place.plan(&["approve", "hand"]).ends(0);
            place.plan(&["resume"]).ends(4).says("is not what was written any more");
        }
    }
}

#[test]
fn files_are_saved_with_rights_and_links_and_what_cannot_be_read_fails() {
    let place = Place::new("backup-files");
    place.write("app/one.txt", "one");
    place.write("app/deep/two.txt", "two");
    std::os::unix::fs::symlink("one.txt", place.folder.join("app/link")).unwrap();
    std::fs::set_permissions(
        place.folder.join("app/one.txt"),
        std::fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    place.write(".env", "PASSWORD=hunter2\n");
    place.write("plan.yaml", "plan: p\nsteps:\n  - step: save\n    backup: { files: [app/, .env], to: backups/, except: [app/cache], proof: restore }\n");
    place.write("app/cache/big", "not wanted");
    place.apply().ends(0);
    let file = backup_file(&place);
    let listed = shell(&format!(
        "zstd -dcq {} | tar -tvf - | awk '{{ print $1, $6, $7, $8 }}'",
        file.display()
    ));
    for line in ["-rw-r----- app/one.txt", "app/link -> one.txt", "app/deep/two.txt", ".env"] {
        assert!(listed.contains(line), "no `{line}` in {listed}");
    }
    assert!(!listed.contains("cache"), "{listed}");
    place.write(
        "plan.yaml",
        "plan: p\nsteps:\n  - step: save\n    backup: { files: [app/, missing], to: backups/ }\n",
    );
    place.apply().ends(1).says("there is no missing");
}

#[test]
fn a_backup_that_was_killed_is_made_once_more_and_leaves_nothing_half() {
    if !has(Kind::Postgres) {
        return;
    }
    let (place, server) = place("killed", Kind::Postgres, "", "");
    server.sql("create table big as select i, md5(i::text) from generate_series(1, 300000) as i");
    let mut run = place.begin();
    place.wait_for("save");
    std::thread::sleep(Duration::from_millis(150));
    run.kill().unwrap();
    run.wait().unwrap();
    place.plan(&["resume"]).ends(0);
    let all = files(&place);
    assert!(all.iter().all(|path| !path.display().to_string().ends_with(".partial")), "{all:?}");
    backup_file(&place);
}

#[test]
fn a_full_disk_is_told_and_nothing_is_taken_for_a_backup() {
    if !has(Kind::Postgres) || !rustix::process::geteuid().is_root() {
        return;
    }
    let (place, server) = place("full", Kind::Postgres, ", compress: none", "");
    server.sql("create table big as select i, md5(i::text) from generate_series(1, 100000) as i");
    let small = place.folder.join("backups");
    std::fs::create_dir(&small).unwrap();
    shell(&format!("mount -t tmpfs -o size=1m,mode=700 none {}", small.display()));
    let ran = place.apply();
    let left = files(&place);
    shell(&format!("umount {}", small.display()));
    let ran = ran.ends(1);
    assert!(ran.out.contains("No space left on device"), "{}", ran.out);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_password_stands_nowhere() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        if !has(kind) {
            continue;
        }
        let (place, server) = place("password", kind, "", "");
        let make = if kind == Kind::Postgres {
            "create role ama superuser login password 'hunter2'"
        } else {
            "create user ama identified by 'hunter2'; grant all on *.* to ama"
        };
        server.sql(make);
        let name = if kind == Kind::Postgres { "postgresql" } else { "mariadb" };
        let old = server.connection();
        let new = format!(
            "inputs: {{ pw: {{ secret: true, env: PW }} }}\nconnections: {{ main: {{ url: \"{name}://ama:{{{{ pw }}}}@127.0.0.1:{}/shop\" }} }}",
            server.port
        );
        if kind == Kind::Postgres {
            place.write(
                "server/data/pg_hba.conf",
                "local all all trust\nhost all ama 127.0.0.1/32 scram-sha-256\n",
            );
            server.sql("select pg_reload_conf()");
        }
        // A dump that takes a while, so that lists of processes can be looked at.
        let rows = if kind == Kind::Postgres {
            "create table big as select i, md5(i::text) from generate_series(1, 200000) as i"
        } else {
            "create table big as select seq, md5(seq) from seq_1_to_200000"
        };
        server.sql(rows);
        place.write("plan.yaml", &place.read("plan.yaml").replace(&old, &new));
        let mut run = place.begin();
        let mut seen = String::new();
        while run.try_wait().unwrap().is_none() {
            seen += &shell("ps axww -o args | grep -v grep | grep -E 'dump|pack' || true");
        }
        assert!(run.wait().unwrap().success(), "{:?}", place.plan(&["status"]));
        assert!(seen.contains("dump"), "{seen}");
        assert!(!seen.contains("hunter2"), "{seen}");
        for file in crate::place::files_below(&place.store()) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{}", file.display());
        }
    }
}
