//! `maintenance`: a flag file, Laravel by its own artisan, and commands that `plan` does not know.

use std::fs;
use std::path::Path;

use crate::place::Place;
use crate::tree::tree;

fn plan(place: &Place, turn: &str, keys: &str) {
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\nallow: {{ maintenance-unbalanced: the test looks at it from outside }}\nsteps:\n  - step: turn\n    maintenance: {{ turn: {turn}{keys} }}\n  \
             - {{ checkpoint: right, checks: [{{ file: right }}] }}\n"
        ),
    );
}

/// On and off, from on and from off, and back.
fn each_way(
    place: &Place,
    keys: &str,
    below: &str,
    begin: &dyn Fn(bool),
    is_on: &dyn Fn() -> bool,
) {
    for was_on in [false, true] {
        for wanted in [true, false] {
            begin(was_on);
            let before = tree(&place.folder.join(below));
            plan(place, if wanted { "\"on\"" } else { "\"off\"" }, keys);
            place.write("right", "");
            place.apply().ends(0);
            assert_eq!(is_on(), wanted);
            place.plan(&["rollback"]).ends(0);
            assert_eq!(tree(&place.folder.join(below)), before, "{was_on} {wanted}");
            fs::remove_file(place.folder.join("right")).unwrap();
            place.apply().ends(1);
            assert_eq!(tree(&place.folder.join(below)), before, "{was_on} {wanted}");
        }
    }
}

#[test]
fn a_flag_file_says_what_users_read() {
    let place = Place::new("maintenance-file");
    place.write("app/index", "");
    let flag = place.folder.join("app/maintenance.flag");
    let begin = |on: bool| match on {
        true => fs::write(&flag, "by hand").unwrap(),
        false => drop(fs::remove_file(&flag)),
    };
    each_way(&place, ", in: app, message: \"back at 05:00\"", "app", &begin, &|| flag.exists());
    begin(false);
    plan(&place, "\"on\"", ", in: app, message: \"back at 05:00\"");
    place.write("right", "");
    place.apply().ends(0);
    assert_eq!(fs::read_to_string(&flag).unwrap(), "back at 05:00\n");
}

#[test]
fn commands_are_asked_whether_it_is_on() {
    let place = Place::new("maintenance-command");
    place.write("app/state", "off");
    let state = place.folder.join("app/state");
    let begin = |on: bool| fs::write(&state, if on { "on" } else { "off" }).unwrap();
    let keys = ", kind: command, in: app, commands: { on: \"printf on > state\", off: \"printf off > state\", status: \"grep -q on state\" }";
    for was_on in [false, true] {
        begin(was_on);
        plan(&place, "\"on\"", keys);
        let _ = fs::remove_file(place.folder.join("right"));
        place.apply().ends(1);
        assert_eq!(place.read("app/state"), if was_on { "on" } else { "off" });
    }
    // A command that lies is not believed.
    begin(false);
    plan(&place, "\"on\"", &keys.replace("printf on > state", "true"));
    place.apply().ends(1).says("still lets users in");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
fn laravel_is_told_by_its_artisan() {
    if !Path::new("/usr/share/php/Illuminate/autoload.php").exists() {
        assert!(std::env::var_os("CI").is_none(), "CI must have php-laravel-framework");
        use std::io::Write;
        let _ =
            writeln!(std::io::stderr(), "skipped: apt-get install php-cli php-laravel-framework");
        return;
    }
    let place = Place::new("maintenance-laravel");
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tools/laravel");
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg("-a").arg(files).arg(place.folder.join("app")).status().unwrap().success());
    for folder in ["storage/framework", "bootstrap/cache", "resources/views"] {
        fs::create_dir_all(place.folder.join("app").join(folder)).unwrap();
    }
    let down = place.folder.join("app/storage/framework/down");
    let begin = |on: bool| match on {
        true => fs::write(&down, r#"{"retry":7,"secret":"by hand"}"#).unwrap(),
        false => drop(fs::remove_file(&down)),
    };
    let below = "app/storage";
    each_way(&place, ", in: app, retry_after: 60s, bypass: tester", below, &begin, &|| {
        down.exists()
    });
    begin(false);
    let _ = fs::remove_file(place.folder.join("app/storage/framework/maintenance.php"));
    plan(&place, "\"on\"", ", in: app, retry_after: 60s, bypass: tester");
    place.write("right", "");
    place.apply().ends(0);
    let said = fs::read_to_string(&down).unwrap();
    assert!(said.contains("60") && said.contains("tester"), "{said}");
}
