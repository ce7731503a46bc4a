//! What the README promises first: a shop is opened and upgraded, and a broken upgrade is taken back.
//! The real binary, the real plans of plans/demo, a real web server.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plans/demo");
        copy(&demo, &folder.path().join("demo"));
        Shop { folder }
    }

    fn plan(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_plan"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("demo/work").join(path)).unwrap()
    }

    fn page(&self, name: &str) -> String {
        use std::io::{Read, Write};
        let port: u16 = self.text("port").parse().unwrap();
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET /{name} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let shop = self.folder.path().join("demo/shop");
        let _ = Command::new(shop).arg("stop").status();
    }
}

fn copy(from: &Path, to: &PathBuf) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "work" || name == ".plan" {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_shop_is_opened_and_upgraded() {
    let shop = Shop::new();
    let opened = shop.plan(&["apply", "demo/opening.yaml"]);
    assert_eq!(opened.status.code(), Some(0), "{}", said(&opened));
    assert!(shop.page("index.html").contains("Shop 1.0"));
    let upgraded = shop.plan(&["apply", "demo/shop.yaml"]);
    assert_eq!(upgraded.status.code(), Some(0), "{}", said(&upgraded));
    assert!(said(&upgraded).contains("shop-upgrade-1 succeeded: 14 of 14 done."));
    assert!(shop.page("index.html").contains("Shop 2.0"));
    assert!(shop.page("catalogue.html").contains("Chocolate, 2.50"));
    assert_eq!(shop.text("notices.txt").lines().count(), 2);
    // A second time there is nothing to upgrade: nothing is touched, and it says what to do.
    let again = shop.plan(&["apply", "demo/shop.yaml"]);
    assert_eq!(again.status.code(), Some(6), "{}", said(&again));
    assert!(said(&again).contains("nothing was touched"), "{}", said(&again));
    assert!(shop.page("index.html").contains("Shop 2.0"));
}

#[test]
fn a_broken_upgrade_is_taken_back_and_proven_so() {
    let shop = Shop::new();
    assert!(shop.plan(&["apply", "demo/opening.yaml"]).status.success());
    let broken = shop.plan(&["apply", "demo/shop-broken.yaml"]);
    assert_eq!(broken.status.code(), Some(1), "{}", said(&broken));
    let text = said(&broken);
    assert!(text.contains("No cent is lost: it is 310, not 3099"), "{text}");
    assert!(text.contains("the one before the run; it was compared"), "{text}");
    assert!(shop.text("notices.txt").ends_with("The shop stays as it was\n"));
    assert!(shop.page("index.html").contains("Shop 1.0"));
}

#[test]
fn every_event_of_a_run_fits_the_schema() {
    let schema = include_str!("../../schemas/events.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let shop = Shop::new();
    assert!(shop.plan(&["apply", "demo/opening.yaml"]).status.success());
    let broken = shop.plan(&["apply", "demo/shop-broken.yaml", "--output", "json"]);
    let mut kinds = std::collections::BTreeSet::new();
    for line in String::from_utf8(broken.stdout).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let problems: Vec<_> =
            validator.iter_errors(&event).map(|problem| problem.to_string()).collect();
        assert!(problems.is_empty(), "{line}: {problems:?}");
        kinds.insert(event["event"].as_str().unwrap().to_owned());
    }
    for kind in ["run-started", "done", "failed", "rollback-began", "undo-done", "ended"] {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
}

#[test]
fn what_happens_is_read_from_the_outside_too() {
    let shop = Shop::new();
    assert!(shop.plan(&["apply", "demo/opening.yaml"]).status.success());
    let status = shop.plan(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["run"], "shop-opening-1");
    assert_eq!(status["state"], "succeeded");
    let runs = said(&shop.plan(&["runs"]));
    assert!(runs.starts_with("shop-opening-1 "), "{runs}");
    let back = shop.plan(&["rollback", "shop-opening-1", "--past-irreversible"]);
    assert_eq!(back.status.code(), Some(3), "what is irreversible remains: {}", said(&back));
    assert!(!shop.folder.path().join("demo/work").exists(), "{}", said(&back));
}
