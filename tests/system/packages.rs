//! `packages`: real composer, npm and pip against a registry on this machine: in, back, offline, killed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::place::Place;
use crate::tree::tree;

/// Each manager with its folder, and where the version of what it installed can be read.
const MANAGERS: [(&str, &str, &str); 3] = [
    ("pip", ".venv", "lib/python*/site-packages/greet.py"),
    ("npm", "node_modules", "greet/index.js"),
    ("composer", "vendor", "acme/greet/greet.php"),
];

struct Registry(Child);

impl Registry {
    /// Its packages lie in a folder of the place, named with their address.
    fn start(place: &Place) -> Registry {
        let script =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/system/packages/registry.py");
        let mut command = Command::new("python3");
        command.arg(script).current_dir(&place.folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Registry(child)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
fn has(program: &str) -> bool {
    let asked = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let is_there = asked.is_ok_and(|output| output.status.success());
    assert!(is_there || std::env::var_os("CI").is_none(), "CI must have {program}");
    if !is_there {
        let _ =
            writeln!(std::io::stderr(), "skipped: it needs {program} (apt-get install {program})");
    }
    is_there
}

/// A folder `app` for a manager.
fn machine(name: &str, manager: &str) -> (Place, Registry) {
    let place = Place::new(&format!("packages-{name}-{manager}"));
    let home = place.folder.join("home").display().to_string();
    let place = place.env("HOME", &home).env("COMPOSER_HOME", &format!("{home}/composer"));
    let place = place.env("npm_config_cache", &format!("{home}/npm"));
    // A registry that is gone is not waited for.
    let place = place.env("npm_config_fetch_retries", "0").env("PIP_RETRIES", "0");
    fs::create_dir_all(place.folder.join("home")).unwrap();
    let registry = Registry::start(&place);
    if manager == "composer" {
        for version in ["1.0.0", "2.0.0"] {
            let mut lock = Command::new("composer");
            lock.args(["update", "--no-install", "--quiet"]).env("HOME", &home);
            lock.env("COMPOSER_ALLOW_SUPERUSER", "1")
                .env("COMPOSER_HOME", format!("{home}/composer"));
            let folder = place.folder.join("composer").join(version);
            assert!(lock.current_dir(folder).status().unwrap().success());
        }
    }
    fs::create_dir_all(place.folder.join("app")).unwrap();
    lock(&place, manager, "1.0.0");
    plan(&place, &format!("  - {}\n", install(manager)));
    (place, registry)
}

fn install(manager: &str) -> String {
    format!("{{ step: install, packages: {{ manager: {manager}, in: app }} }}")
}

fn lock(place: &Place, manager: &str, version: &str) {
    for entry in fs::read_dir(place.folder.join(manager).join(version)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), place.folder.join("app").join(entry.file_name())).unwrap();
    }
}

fn plan(place: &Place, steps: &str) {
    let checked = "  - { checkpoint: right, checks: [{ file: right }] }\n";
    let allow = "allow: { release-unchecked: the test looks at it from outside }";
    place.write("plan.yaml", &format!("plan: p\n{allow}\nsteps:\n{steps}{checked}"));
}

fn has_version(place: &Place, manager: &str, version: &str) -> bool {
    let (_, folder, file) = MANAGERS.iter().find(|one| one.0 == manager).unwrap();
    let line = format!("grep -q '{version}' app/{folder}/{file}");
    let mut asked = Command::new("bash");
    asked.args(["-c", &line]).current_dir(&place.folder).stderr(Stdio::null());
    asked.status().unwrap().success()
}

#[test]
fn packages_are_those_of_the_lock_and_the_way_back_is_what_was_there() {
    for (manager, folder, _) in MANAGERS {
        if !has(manager.replace("pip", "python3").as_str()) {
            continue;
        }
        let (place, _registry) = machine("back", manager);
        // Where nothing was, nothing is afterwards.
        let bare = tree(&place.folder.join("app"));
        place.apply().ends(1);
        assert_eq!(tree(&place.folder.join("app")), bare, "{manager}");
        place.write("right", "");
        place.apply().ends(0);
        assert!(has_version(&place, manager, "1.0.0"), "{manager}");
        // What somebody put there is there again, with its links and rights.
        place.write(&format!("app/{folder}/by-hand"), "mine");
        std::os::unix::fs::symlink("by-hand", place.folder.join(format!("app/{folder}/a-link")))
            .unwrap();
        lock(&place, manager, "2.0.0");
        let before = tree(&place.folder.join("app"));
        fs::remove_file(place.folder.join("right")).unwrap();
        place.apply().ends(1);
        assert_eq!(tree(&place.folder.join("app")), before, "{manager}");
        place.write("right", "");
        place.apply().ends(0);
        assert!(has_version(&place, manager, "2.0.0"), "{manager}");
        place.plan(&["rollback"]).ends(0);
        assert_eq!(tree(&place.folder.join("app")), before, "{manager}");
    }
}

#[test]
fn what_was_fetched_before_is_installed_without_a_network() {
    for (manager, _, _) in MANAGERS {
        if !has(manager.replace("pip", "python3").as_str()) {
            continue;
        }
        let (place, registry) = machine("offline", manager);
        plan(
            &place,
            &format!(
                "  - {{ step: fetch, packages: {{ manager: {manager}, in: app, fetch_only: true }} }}\n  \
                 - {{ checkpoint: cut, checks: [{{ manual: The network is down }}] }}\n  - {}\n",
                install(manager)
            ),
        );
        let before = tree(&place.folder.join("app"));
        place.apply().ends(4);
        assert_eq!(tree(&place.folder.join("app")), before, "{manager}: fetching touches nothing");
        drop(registry);
        place.write("right", "");
        place.plan(&["approve", "cut"]).ends(0);
        place.plan(&["resume"]).ends(0);
        assert!(has_version(&place, manager, "1.0.0"), "{manager}");
        // Without what was fetched the same would fail: the registry is gone.
        fs::remove_dir_all(place.folder.join("home")).unwrap();
        fs::create_dir(place.folder.join("home")).unwrap();
        place.plan(&["rollback"]).ends(0);
        assert_eq!(tree(&place.folder.join("app")), before, "{manager}");
        plan(&place, &format!("  - {}\n", install(manager)));
        place.apply().ends(1);
        assert_eq!(tree(&place.folder.join("app")), before, "{manager}");
    }
}

#[test]
fn killed_on_the_way_and_on_the_way_back_it_ends_the_same() {
    if !has("npm") {
        return;
    }
    let (place, _registry) = machine("killed", "npm");
    place.write("right", "");
    place.apply().ends(0);
    lock(&place, "npm", "2.0.0");
    let before = tree(&place.folder.join("app"));
    for order in ["order:1", "ordered:1", "order:2", "ordered:2"] {
        let mut apply = place.command(&["apply", "plan.yaml"]);
        apply.env("PLAN_CRASH_AT", order).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(!apply.status().unwrap().success(), "{order}");
        place.plan(&["resume"]).ends(0);
        assert!(has_version(&place, "npm", "2.0.0"), "{order}");
        place.plan(&["rollback"]).ends(0);
        assert_eq!(tree(&place.folder.join("app")), before, "{order}");
    }
    for swap in 1..6 {
        place.apply().ends(0);
        let mut back = place.command(&["rollback"]);
        back.env("PLAN_CRASH_AT", format!("swap:{swap}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let was_killed = !back.status().unwrap().success();
        assert_eq!(was_killed, swap < 4, "there are three moments to be killed at");
        if was_killed {
            place.plan(&["rollback"]).ends(0);
        }
        assert_eq!(tree(&place.folder.join("app")), before, "swap {swap}");
    }
}

#[test]
fn a_lock_that_is_none_or_does_not_hold_touches_nothing() {
    let (place, _registry) = machine("wrong", "pip");
    let before = tree(&place.folder.join("app"));
    place.write("app/requirements.txt", "greet>=1.0\n");
    let loose = tree(&place.folder.join("app"));
    place.apply().ends(1).says("`greet>=1.0` names no version");
    assert_eq!(tree(&place.folder.join("app")), loose);
    fs::remove_file(place.folder.join("app/requirements.txt")).unwrap();
    place.apply().ends(1).says("without its lock nobody knows what is installed");
    // Another file under the same name, as a registry that was broken into would give it.
    lock(&place, "pip", "1.0.0");
    let text = place.read("app/requirements.txt");
    let wrong = format!("{} --hash=sha256:{}\n", text.trim_end(), "0".repeat(64));
    place.write("app/requirements.txt", &wrong);
    place.write("right", "");
    place.apply().ends(1).says("DO NOT MATCH THE HASHES");
    lock(&place, "pip", "1.0.0");
    let names = |tree: Vec<String>| -> Vec<String> {
        tree.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(tree(&place.folder.join("app"))), names(before));
}

#[test]
fn what_somebody_put_among_packages_is_kept_and_what_no_lock_names_goes() {
    let (place, _registry) = machine("since", "pip");
    place.write("right", "");
    place.apply().ends(0);
    place.write("app/.venv/patch.txt", "mine");
    place.plan(&["rollback"]).ends(0);
    assert!(!place.has("app/.venv"));
    let kept = crate::place::files_below(&place.store());
    let aside = kept.iter().find(|path| path.ends_with("patch.txt")).unwrap();
    assert_eq!(fs::read_to_string(aside).unwrap(), "mine");
    for loose in [
        "greet==1.*",
        "greet>=1.0; python_version==\"3.11\"",
        "greet>=1.0 # was ==1.0.0",
        "-r other.txt",
        "greet==1.0,!=1.1",
    ] {
        place.write("app/requirements.txt", &format!("{loose}\n"));
        place.apply().ends(1).says("app/requirements.txt: `");
        assert!(!place.has("app/.venv"), "{loose}");
    }
    let (place, _registry) = machine("old-npm", "npm");
    place.write("app/package-lock.json", "{ \"lockfileVersion\": 1, \"dependencies\": {} }");
    place.apply().ends(1).says("it is of npm 6 or older");
}
