//! Second copies in a bucket, of a server that speaks S3 (moto): put there, read back, fetched, pruned.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::place::{Place, wait_until};
use crate::servers::{Kind, Server, free_port, has};

struct Buckets {
    address: String,
    child: Child,
}

impl Drop for Buckets {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Buckets {
    /// One bucket, called shop. Where the server is missing, CI fails and others are told.
    #[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
    fn start() -> Option<Buckets> {
        let server = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/external/venv/bin/moto_server");
        assert!(server.exists() || std::env::var_os("CI").is_none(), "CI must have moto");
        if !server.exists() {
            use std::io::Write;
            let how = "bash tests/external/install.sh";
            let _ = writeln!(std::io::stderr(), "skipped: it needs moto_server ({how})");
            return None;
        }
        let port = free_port();
        let mut command = Command::new(server);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let buckets = Buckets { address: format!("http://127.0.0.1:{port}"), child };
        wait_until("the server of buckets", || buckets.curl(&["-X", "PUT"], "shop").is_some());
        Some(buckets)
    }

    fn curl(&self, arguments: &[&str], path: &str) -> Option<String> {
        let mut command = Command::new("curl");
        command.args(["-s", "-f", "-S", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "a:b"]);
        command.args(["-H", "Content-Type: application/octet-stream"]).args(arguments);
        let done = command.arg(format!("{}/{path}", self.address)).output().unwrap();
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// The names in the bucket.
    fn names(&self) -> Vec<String> {
        let listed = self.curl(&[], "shop").unwrap();
        let names = listed.split("<Key>").skip(1);
        names.map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }

    fn place(&self, name: &str, keys: &str) -> (Place, Server) {
        let place = Place::new(&format!("buckets-{name}"))
            .env("AWS_ENDPOINT_URL", &self.address)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "hunter2hunter2");
        let server = Server::start(&place, Kind::Sqlite);
        server.sql("create table orders (id integer primary key, state varchar(20))");
        server.sql("insert into orders values (1, 'new'), (2, 'sent')");
        place.write(
            "plan.yaml",
            &format!(
                "plan: shop\n{}\nsteps:\n  - step: save\n    backup: {{ database: main, to: backups/{keys} }}\n",
                server.connection()
            ),
        );
        (place, server)
    }
}

/// What the catalogue says of the only backup.
fn only(place: &Place) -> Value {
    let list = place.plan(&["backups", "list", "--json"]).ends(0);
    let listed: Vec<Value> = serde_json::from_str(&list.out).unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed[0].clone()
}

const COPY: &str = ", copy_to: \"s3://shop/night/\", proof: restore, keep: 1d";

#[test]
fn a_copy_in_a_bucket_brings_back_what_is_gone() {
    let Some(buckets) = Buckets::start().filter(|_| has(Kind::Sqlite)) else { return };
    let (place, server) = buckets.place("back", COPY);
    place.apply().ends(0).never_says("hunter2");
    let (id, path) = (only(&place)["id"].clone(), only(&place)["path"].clone());
    let (id, path) = (id.as_str().unwrap(), path.as_str().unwrap());
    let name = path.rsplit('/').next().unwrap();
    assert_eq!(buckets.names(), [format!("night/{name}"), format!("night/{name}.json")]);
    place.plan(&["backups"]).ends(0).says(&format!("copy: s3://shop/night/{name}"));
    place.plan(&["backups", "fetch", id]).ends(0).says("is where it was");

    let was = std::fs::read(path).unwrap();
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(format!("{path}.json")).unwrap();
    place.plan(&["backups"]).ends(0).says("in a bucket only");
    place.plan(&["backups", "verify"]).ends(1).says(&format!("plan backups fetch {id}"));
    place.plan(&["backups", "fetch", id]).ends(0).says("is back").never_says("hunter2");
    assert_eq!(std::fs::read(path).unwrap(), was);
    place.plan(&["backups", "verify", "--proof", "restore"]).ends(0).says("whole");
    server.sql("delete from orders");
    place.plan(&["backups", "restore", id, "--yes"]).ends(0);
    assert_eq!(server.sql("select count(*) from orders"), "2");
}

#[test]
fn pieces_of_a_large_copy_make_it_whole() {
    let Some(buckets) = Buckets::start().filter(|_| has(Kind::Sqlite)) else { return };
    let (place, server) = buckets.place("pieces", &format!("{COPY}, compress: none"));
    server.sql("create table bulk (data blob)");
    server.sql("insert into bulk values (randomblob(20000000)), (randomblob(20000000))");
    place.apply().ends(0);
    let path = only(&place)["path"].as_str().unwrap().to_owned();
    let was = std::fs::read(&path).unwrap();
    assert!(was.len() > 40_000_000);
    std::fs::remove_file(&path).unwrap();
    place.plan(&["backups", "fetch", only(&place)["id"].as_str().unwrap()]).ends(0);
    assert!(std::fs::read(&path).unwrap() == was, "another file came back");
}

#[test]
fn what_became_of_a_copy_is_not_taken_for_the_backup() {
    let Some(buckets) = Buckets::start().filter(|_| has(Kind::Sqlite)) else { return };
    let (place, _server) = buckets.place("other", COPY);
    place.apply().ends(0);
    let (id, path) = (only(&place)["id"].clone(), only(&place)["path"].clone());
    let (id, path) = (id.as_str().unwrap(), path.as_str().unwrap());
    std::fs::remove_file(path).unwrap();
    let name = path.rsplit('/').next().unwrap();
    // The catalogue knows better than whoever may write into the bucket.
    let json = buckets.curl(&[], &format!("shop/night/{name}.json")).unwrap();
    let foreign = json.replace(only(&place)["sha256"].as_str().unwrap(), &"0".repeat(64));
    place.write("foreign", &foreign);
    let file = format!("@{}", place.folder.join("foreign").display());
    let put = ["-X", "PUT", "--data-binary"];
    let beside = format!("shop/night/{name}.json");
    buckets.curl(&[put[0], put[1], put[2], &file], &beside).unwrap();
    place.plan(&["backups", "fetch", id]).ends(6).says("another backup than the one");
    place.write("own", &json);
    let file = format!("@{}", place.folder.join("own").display());
    buckets.curl(&[put[0], put[1], put[2], &file], &beside).unwrap();
    buckets.curl(&["-X", "PUT", "--data", "rubbish"], &format!("shop/night/{name}")).unwrap();
    place.plan(&["backups", "fetch", id]).ends(6).says("is not what was written: 7 bytes");
    assert!(!Path::new(path).exists());
    assert!(!Path::new(&format!("{path}.partial")).exists());
    buckets.curl(&["-X", "DELETE"], &format!("shop/night/{name}.json")).unwrap();
    place.plan(&["backups", "fetch", id]).ends(6).says("404").says("NoSuchKey");
}

#[test]
fn pruned_is_pruned_in_the_bucket_too() {
    let Some(buckets) = Buckets::start().filter(|_| has(Kind::Sqlite)) else { return };
    let (place, _server) = buckets.place("prune", COPY);
    place.apply().ends(0);
    place.apply().ends(0);
    assert_eq!(buckets.names().len(), 4);
    let prune = ["backups", "prune", "--keep-last", "1", "--yes"];
    let blind = place.command(&prune).env_remove("AWS_SECRET_ACCESS_KEY").output().unwrap();
    assert_eq!(blind.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&blind.stderr).contains("needs AWS_ACCESS_KEY_ID"));
    assert_eq!(buckets.names().len(), 4);
    // Files that are away are no reason to give up their copies.
    let backups = place.folder.join("backups");
    for file in std::fs::read_dir(&backups).unwrap() {
        let file = file.unwrap().path();
        std::fs::rename(&file, place.folder.join(file.file_name().unwrap())).unwrap();
    }
    place
        .plan(&["backups", "prune", "--keep-last", "2", "--yes"])
        .ends(0)
        .says("nothing to remove");
    assert_eq!(buckets.names().len(), 4);
    for file in std::fs::read_dir(&place.folder).unwrap() {
        let file = file.unwrap().path();
        if file.file_name().unwrap().to_string_lossy().starts_with("main-") {
            std::fs::rename(&file, backups.join(file.file_name().unwrap())).unwrap();
        }
    }
    place.plan(&prune).ends(0).says("1 removed");
    let left = only(&place)["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(buckets.names(), [format!("night/{left}"), format!("night/{left}.json")]);
}

#[test]
fn a_bucket_that_cannot_be_written_fails_the_step_and_leaves_the_backup() {
    let Some(mut buckets) = Buckets::start().filter(|_| has(Kind::Sqlite)) else { return };
    let (place, _server) = buckets.place("none", ", copy_to: \"s3://other/night/\"");
    let ran = place.apply().ends(1).says("NoSuchBucket").never_says("hunter2");
    ran.says("is there, its second copy is not");
    assert_eq!(only(&place)["standing"], "there");

    let without = place.command(&["apply", "plan.yaml"]).env_remove("AWS_ACCESS_KEY_ID").output();
    let without = without.unwrap();
    assert_eq!(without.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&without.stderr).contains("aws configure export-credentials"));

    let (place, _server) = buckets.place("gone", COPY);
    let _ = buckets.child.kill();
    let _ = buckets.child.wait();
    place.apply().ends(1).says("Connection refused").never_says("X-Amz");
}
