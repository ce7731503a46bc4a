//! Checks: each holds, does not, or could not be measured, and says what was found.

use std::fs;

use crate::place::Place;
use crate::server::{Server, ok};

/// A checkpoint with these checks, and what the end of the run is.
fn asks(name: &str, checks: &str) -> Place {
    let plan = format!("plan: looks\nsteps:\n  - checkpoint: look\n{checks}\n");
    Place::with(name, &plan)
}

fn one(check: &str) -> String {
    format!("    checks: [{check}]")
}

#[test]
fn each_kind_of_check_holds_fails_or_cannot_be_measured() {
    let server = Server::start(|asked, _| match asked.line.contains("/bad") {
        true => ("500 Oh", String::new(), String::new()),
        false => ok(r#"{"status": "fine", "depth": 3}"#),
    });
    let (url, port) = (server.url(""), server.port);
    let sum = "0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f";
    let held = [
        format!("{{ http: \"{url}/\", contains: fine, value: /depth, below: 4, faster_than: 5s }}"),
        format!("{{ http: \"{url}/bad\", status: [404, 500] }}"),
        format!("{{ port: {port} }}"),
        "{ port: 1, closed: true }".to_owned(),
        format!(
            "{{ file: a.txt, mode: \"0640\", contains: a, sha256: {sum}, max_age: 1h, writable: true }}"
        ),
        "{ file: gone, exists: false }".to_owned(),
        "{ disk: ., free: 1MB, used_below: 100% }".to_owned(),
        "{ disk: not/yet/there, free: 1MB }".to_owned(),
        "{ memory: 1MB }".to_owned(),
        "{ tool: bash, version: \">=3\" }".to_owned(),
        "{ variable: HOME, matches: ^/ }".to_owned(),
        "{ any_of: [{ file: gone }, { file: a.txt }] }".to_owned(),
        "{ run: exit 3, exit: 3 }".to_owned(),
    ];
    let fails = [
        (format!("{{ http: \"{url}/bad\" }}"), "it answers 500"),
        (format!("{{ http: \"{url}/\", value: /status, equals: bad }}"), "it is fine, not bad"),
        (format!("{{ port: {port}, closed: true }}"), "something listens on"),
        ("{ port: 1 }".to_owned(), "nothing listens on 127.0.0.1:1"),
        ("{ file: gone }".to_owned(), "it is not there"),
        ("{ file: a.txt, mode: \"0600\" }".to_owned(), "its mode is 0640, not 0600"),
        ("{ file: a.txt, owner: nobody }".to_owned(), "it belongs to"),
        ("{ file: a.txt, contains: b }".to_owned(), "it does not hold `b`"),
        ("{ file: old.txt, max_age: 1h }".to_owned(), "more than 1 h"),
        ("{ disk: ., free: 900TB }".to_owned(), "are free, not"),
        ("{ memory: 900TB }".to_owned(), "are available, not"),
        ("{ tool: bash, version: \">=99\" }".to_owned(), "not >=99"),
        (
            "{ any_of: [{ file: gone }, { port: 1 }] }".to_owned(),
            "it is not there; nothing listens",
        ),
        ("{ run: echo 7, above: 9 }".to_owned(), "it is 7, not above 9"),
    ];
    let unmeasured = [
        ("{ run: echo many, below: 5 }", "`many` is no number"),
        ("{ run: [no-such-program] }", "no-such-program is not there"),
        ("{ run: sleep 9, timeout: 200ms }", "took longer than 200 ms"),
        ("{ log: gone.log }", "gone.log"),
    ];
    let set_up = |place: &Place| {
        use std::os::unix::fs::PermissionsExt;
        place.write("a.txt", "a a\n");
        place.write("old.txt", "old");
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
        fs::File::open(place.folder.join("old.txt")).unwrap().set_modified(old).unwrap();
        let mode = fs::Permissions::from_mode(0o640);
        fs::set_permissions(place.folder.join("a.txt"), mode).unwrap();
    };
    let sum_of = std::process::Command::new("bash")
        .args(["-c", "printf 'a a\\n' | sha256sum | cut -d' ' -f1"])
        .output()
        .unwrap();
    let sum_of = String::from_utf8(sum_of.stdout).unwrap();
    let held = held.join(", ").replace(sum, sum_of.trim());
    let place = asks("held", &one(&held));
    set_up(&place);
    place.apply().ends(0);
    let all: Vec<_> = fails.iter().map(|(check, _)| check.as_str()).collect();
    let place = asks("not-held", &one(&all.join(", ")));
    set_up(&place);
    let ran = place.apply().ends(1).never_says("could not be measured");
    fails.iter().fold(ran, |ran, (_, words)| ran.says(words));
    let all: Vec<_> = unmeasured.iter().map(|(check, _)| *check).collect();
    let place = asks("unmeasured", &one(&all.join(", ")));
    let ran = place.apply().ends(1);
    assert_eq!(ran.out.matches("could not be measured").count() % unmeasured.len(), 0, "{ran:?}");
    unmeasured.iter().fold(ran, |ran, (_, words)| ran.says(words));
}

#[test]
fn what_cannot_be_measured_pauses_only_where_somebody_is_there() {
    let checks = one("{ run: echo many, below: 5 }");
    asks("nobody", &checks).apply().ends(1).says("rolled back");
    let ran = asks("somebody", &checks).apply_typing("");
    ran.ends(4).says("could not be measured").says("plan resume");
}

#[test]
fn a_checkpoint_keeps_asking_as_often_and_as_long_as_it_says() {
    let count = "run: 'echo x >> asked; [ $(wc -l < asked) -ge 3 ]'";
    let place = asks(
        "within",
        &format!("    within: 10s\n    every: 100ms\n{}", one(&format!("{{ {count} }}"))),
    );
    let started = std::time::Instant::now();
    place.apply().ends(0);
    assert!(started.elapsed() < std::time::Duration::from_secs(2), "`every` counts");
    assert_eq!(place.read("asked").lines().count(), 3);
    // Once it does not hold, the row begins again.
    let row = "run: 'echo x >> asked; [ $(wc -l < asked) -ne 3 ]'";
    let place = asks(
        "row",
        &format!(
            "    within: 10s\n    every: 50ms\n    in_a_row: 3\n{}",
            one(&format!("{{ {row} }}"))
        ),
    );
    place.apply().ends(0);
    assert_eq!(place.read("asked").lines().count(), 6);
    let place =
        asks("over", &format!("    within: 300ms\n    every: 100ms\n{}", one("{ file: gone }")));
    place.apply().ends(1).says("it is not there");
}

fn logs(name: &str, script: &str, check: &str) -> Place {
    let plan = format!(
        "plan: logs\nsteps:\n  - step: writes\n    run: |\n      {}\n    rollback: {{ run: \"true\" }}\n  \
         - {{ step: gate, run: \"[ -e go ]\", read_only: true, on_failure: pause }}\n  \
         - checkpoint: look\n    checks: [{check}]\n",
        script.replace('\n', "\n      ")
    );
    let place = Place::with(name, &plan);
    place.write("go", "");
    place.write("app.log", "12:00 ERROR an old one\n");
    place
}

#[test]
fn only_lines_since_the_run_began_count() {
    let check = "{ log: app.log, allow_lines: deprecated }";
    logs("quiet", "echo fine >> app.log; echo 'error: deprecated' >> app.log", check)
        .apply()
        .ends(0);
    logs("loud", "echo '12:05 FATAL new' >> app.log", check)
        .apply()
        .ends(1)
        .says("12:05 FATAL new");
    logs("line", "echo started >> app.log", "{ log: app.log, matches: started }").apply().ends(0);
    let any = "{ any_of: [{ file: gone }, { log: app.log }] }";
    logs("inside", "echo fine >> app.log", any).apply().ends(0);
}

#[test]
fn a_rotated_log_is_read_to_its_end_and_the_new_one_whole() {
    let check = "{ log: app.log }";
    let long = "for i in $(seq 20); do echo 'a line that is fine' >> app.log; done";
    let before = format!("echo 'ERROR before it' >> app.log\nmv app.log app.log.1\n{long}");
    logs("before", &before, check).apply().ends(1).says("ERROR before it");
    let behind = format!("mv app.log app.log.1\necho 'ERROR behind it' >> app.log\n{long}");
    logs("behind", &behind, check).apply().ends(1).says("ERROR behind it");
    let fine = format!("mv app.log app.log.1\n{long}");
    logs("fine", &fine, check).apply().ends(0);
    logs("cut", "echo 'x' > app.log; echo 'panic' >> app.log", check).apply().ends(1).says("panic");
}

#[test]
fn a_log_is_read_from_where_the_run_began_after_a_resume_as_well() {
    let place = logs("resumed", "echo 'ERROR in the run' >> app.log", "{ log: app.log }");
    fs::remove_file(place.folder.join("go")).unwrap();
    place.apply().ends(4);
    place.write("go", "");
    place.plan(&["resume"]).ends(1).says("ERROR in the run").never_says("an old one");
}
