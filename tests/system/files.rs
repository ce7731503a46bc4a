//! `files`: each change, and back to the bit.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::place::Place;
use crate::tree::tree;

/// A machine with a bit of everything in `srv`.
fn machine(name: &str, changes: &str) -> Place {
    let place = Place::new(&format!("files-{name}"));
    place.write("srv/app/page.html", "one");
    place.write("srv/app/old.html", "old");
    place.write("srv/app/keep/.env", "A=1\n# B=1\nB=2\n");
    place.write("srv/run.sh", "#!/bin/sh\n");
    place.write("srv/php.ini", "top = 1\n[opcache]\nenable=0 ; later\n");
    place.write("srv/old/deep/er.txt", "deep");
    place.write("srv/releases/1/index", "1");
    place.write("srv/shared/storage/photo", "x");
    place.write("srv/shared/.env", "K=1");
    place.write("new/page.html", "two");
    place.write("new/lib/code.php", "<?php");
    place.write("new/keep/.env", "never");
    place.write("site.conf.j2", "server {{ site }};\nlisten {{ port }};\n");
    place.write("srv/releases/2/index", "2");
    place.write("srv/releases/2/storage/empty", "");
    let srv = place.folder.join("srv");
    fs::set_permissions(srv.join("run.sh"), fs::Permissions::from_mode(0o4750)).unwrap();
    symlink("releases/1", srv.join("current")).unwrap();
    symlink("page.html", srv.join("app/link")).unwrap();
    symlink("php.ini", srv.join("to-php")).unwrap();
    // As if nobody had been here since yesterday.
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(100_000);
    for file in crate::place::files_below(&srv) {
        let opened = fs::File::options().write(true).open(&file);
        opened.unwrap().set_modified(then).unwrap();
    }
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\nallow: {{ release-unchecked: the test looks at it from outside }}\ninputs: {{ site: {{ default: shop.test }} }}\nsteps:\n  - step: change\n    files:\n{changes}  \
             - {{ checkpoint: right, checks: [{{ file: right }}] }}\n"
        ),
    );
    place
}

fn text(place: &Place, name: &str) -> String {
    fs::read_to_string(place.folder.join("srv").join(name)).unwrap()
}

fn mode(place: &Place, name: &str) -> u32 {
    fs::metadata(place.folder.join("srv").join(name)).unwrap().permissions().mode() & 0o7777
}

/// Goes there, and back because its checkpoint fails; what is there is asked in between.
fn there_and_back(name: &str, changes: &str, holds: impl Fn(&Place)) {
    let place = machine(name, changes);
    let srv = place.folder.join("srv");
    let before = tree(&srv);
    place.write("right", "");
    place.apply().ends(0);
    holds(&place);
    assert_ne!(tree(&srv), before);
    place.plan(&["rollback"]).ends(0);
    assert_eq!(tree(&srv), before, "{name}");
    fs::remove_file(place.folder.join("right")).unwrap();
    place.apply().ends(1);
    assert_eq!(tree(&srv), before, "{name}, by its checkpoint");
    for run in ["p-1", "p-2"] {
        let kept = place.store().join("runs").join(run).join("kept/change");
        assert!(!kept.exists(), "what was kept went back");
    }
}

#[test]
fn a_file_is_copied_with_its_rights_or_those_that_are_wanted() {
    there_and_back(
        "copy",
        "      - { copy: new/page.html, to: srv/app/page.html, mode: \"0600\" }\n      \
         - { copy: srv/run.sh, to: srv/bin/, only_if_missing: true }\n      \
         - { make: srv/bin }\n      - { copy: srv/run.sh, to: srv/bin }\n      \
         - { copy: new/page.html, to: srv/to-php }\n"
            .replace("      - { copy: srv/run.sh, to: srv/bin/, only_if_missing: true }\n", "")
            .as_str(),
        |place| {
            assert_eq!(text(place, "app/page.html"), "two");
            assert_eq!(mode(place, "app/page.html"), 0o600);
            // Special bits would be those of another owner.
            assert_eq!(mode(place, "bin/run.sh"), 0o750);
            // What a link leads to was changed, and it stays one.
            assert_eq!(text(place, "php.ini"), "two");
            assert!(place.folder.join("srv/to-php").is_symlink());
        },
    );
}

#[test]
fn one_folder_becomes_like_another() {
    there_and_back(
        "sync",
        "      - { sync: new/, to: srv/app/, delete: true, except: [\"keep/**\"] }\n",
        |place| {
            assert_eq!(text(place, "app/page.html"), "two");
            assert_eq!(text(place, "app/lib/code.php"), "<?php");
            assert_eq!(text(place, "app/keep/.env"), "A=1\n# B=1\nB=2\n");
            assert!(!place.has("srv/app/old.html") && !place.has("srv/app/link"));
        },
    );
}

#[test]
fn a_template_is_filled_in_with_inputs_and_values_of_its_own() {
    there_and_back(
        "template",
        "      - { template: site.conf.j2, to: srv/site.conf, values: { port: 443 }, mode: \"0640\" }\n",
        |place| {
            assert_eq!(text(place, "site.conf"), "server shop.test;\nlisten 443;\n");
            assert_eq!(mode(place, "site.conf"), 0o640);
        },
    );
}

#[test]
fn a_release_is_switched_to_with_what_all_of_them_share() {
    there_and_back(
        "link",
        "      - { link: srv/current, to: releases/2, shared: [storage, .env], keep: 1 }\n",
        |place| {
            assert_eq!(text(place, "current/index"), "2");
            assert_eq!(text(place, "current/storage/photo"), "x");
            assert_eq!(text(place, "current/.env"), "K=1");
            assert!(place.has("srv/releases/1"), "what was live a moment ago stays");
        },
    );
}

#[test]
fn files_and_folders_are_removed_and_come_back() {
    there_and_back(
        "remove",
        "      - { remove: [srv/old, srv/app/link, srv/nothing, srv/run.sh] }\n",
        |place| {
            assert!(
                !place.has("srv/old") && !place.has("srv/run.sh") && place.has("srv/app/page.html")
            );
        },
    );
}

#[test]
fn keys_are_set_and_every_other_line_stays() {
    there_and_back(
        "set",
        "      - { set: { B: \"two words\", C: 3 }, in: srv/app/keep/.env }\n      \
         - { set: { enable: 1 }, in: srv/php.ini, section: opcache }\n",
        |place| {
            assert_eq!(text(place, "app/keep/.env"), "A=1\n# B=1\nB='two words'\nC=3\n");
            assert_eq!(text(place, "php.ini"), "top = 1\n[opcache]\nenable=1 ; later\n");
        },
    );
}

#[test]
fn rights_and_owners_are_set_and_given_back() {
    there_and_back(
        "mode",
        "      - { path: srv/app, mode: \"0700\", recursive: true }\n      - { make: srv/a/b, mode: \"0711\" }\n",
        |place| {
            assert_eq!(mode(place, "app"), 0o700);
            assert_eq!(mode(place, "app/page.html"), 0o700);
            assert_eq!(mode(place, "a/b"), 0o711);
        },
    );
}

/// What one change does, the next one does more to.
#[test]
fn changes_of_one_path_go_back_to_what_was_there_first() {
    for (name, changes) in [
        (
            "rights-first",
            "      - { path: srv/app, mode: \"0700\", recursive: true }
      - { copy: new/page.html, to: srv/app/page.html }
      - { remove: srv/app/old.html }
      - { set: { B: 3 }, in: srv/app/keep/.env }
",
        ),
        (
            "first-link",
            "      - { remove: srv/current }
      - { link: srv/current, to: releases/2, shared: [storage] }
      - { copy: new/page.html, to: srv/current/page.html }
      - { remove: srv/current/storage/photo }
",
        ),
        ("anew", "      - { remove: srv/app }\n      - { sync: new/, to: srv/app }\n"),
        ("long", "      - { remove: srv/long }\n"),
    ] {
        let place = machine(&format!("again-{name}"), changes);
        place.write(&format!("srv/long/{}", "x".repeat(250)), "long");
        let before = tree(&place.folder.join("srv"));
        place.write("right", "");
        place.apply().ends(0);
        assert_ne!(tree(&place.folder.join("srv")), before);
        place.plan(&["rollback"]).ends(0);
        assert_eq!(tree(&place.folder.join("srv")), before, "{name}");
    }
}

#[test]
fn what_is_to_be_left_alone_is() {
    let place = machine(
        "except",
        "      - { sync: new/, to: srv/app/, delete: true, except: [\"logs/*.log\", \"keep/**\"] }\n",
    );
    std::fs::remove_dir_all(place.folder.join("new/keep")).unwrap();
    place.write("srv/app/logs/a.log", "a");
    place.write("srv/app/logs/b.txt", "b");
    let before = tree(&place.folder.join("srv"));
    place.write("right", "");
    place.apply().ends(0);
    assert_eq!(text(&place, "app/logs/a.log"), "a");
    assert_eq!(text(&place, "app/keep/.env"), "A=1\n# B=1\nB=2\n");
    assert!(!place.has("srv/app/logs/b.txt"));
    // Nor is it put back.
    place.write("srv/app/logs/a.log", "a, later");
    place.plan(&["rollback"]).ends(0);
    assert_eq!(text(&place, "app/logs/a.log"), "a, later");
    assert_eq!(before.len(), tree(&place.folder.join("srv")).len());

    // What lies beside releases is none.
    let place = machine("thin", "      - { link: srv/live, to: app, keep: 1 }\n");
    let before = tree(&place.folder.join("srv"));
    place.apply().ends(1).says("a folder of their own");
    assert_eq!(tree(&place.folder.join("srv")), before);
}

#[test]
fn what_somebody_made_where_something_was_removed_is_kept() {
    let place = machine(
        "gone",
        "      - { remove: [srv/run.sh, srv/old, srv/app] }\n      - { link: srv/current, to: releases/2 }\n",
    );
    let before = tree(&place.folder.join("srv"));
    place.write("right", "");
    place.apply().ends(0);
    place.write("srv/run.sh", "mine");
    place.write("srv/old/deep/er.txt", "mine too");
    place.write("srv/app", "a file now");
    fs::remove_file(place.folder.join("srv/current")).unwrap();
    symlink("releases/3", place.folder.join("srv/current")).unwrap();
    place.plan(&["rollback"]).ends(0);
    assert_eq!(tree(&place.folder.join("srv")), before);
    let aside = place.run_folder().join("kept/change/aside");
    let mut kept: Vec<String> = crate::place::files_below(&aside)
        .into_iter()
        .filter(|path| !path.is_symlink())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ["a file now", "mine", "mine too"]);
    let led =
        fs::read_dir(&aside).unwrap().find_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    assert_eq!(led.unwrap(), Path::new("releases/3"));
}

#[test]
fn a_name_that_cannot_be_kept_is_refused_before_anything_goes() {
    use std::os::unix::ffi::OsStrExt;
    let place = machine("bytes", "      - { remove: srv/old }\n");
    let odd = place.folder.join("srv/old").join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::write(&odd, "x").unwrap();
    place.apply().ends(1).says("no UTF-8");
    assert!(odd.exists());
}

#[test]
fn after_a_crash_a_link_that_was_turned_is_not_followed_again() {
    let changes = "      - { copy: new/page.html, to: srv/current/page.html }
      - { link: srv/current, to: releases/2 }
      - { make: srv/late }
";
    for moment in 1.. {
        let place = machine(&format!("turned-{moment}"), changes);
        let before = tree(&place.folder.join("srv"));
        place.write("right", "");
        let mut command = place.command(&["apply", "plan.yaml"]);
        command.env("PLAN_CRASH_AT", format!("swap:{moment}"));
        if command.output().unwrap().status.success() {
            assert!(moment > 6, "only {moment}");
            return;
        }
        place.plan(&["resume"]).ends(0);
        assert!(place.has("srv/releases/1/page.html") && !place.has("srv/releases/2/page.html"));
        place.plan(&["rollback"]).ends(0);
        assert_eq!(tree(&place.folder.join("srv")), before, "{moment}");
    }
}

#[test]
fn what_somebody_made_of_it_since_is_kept_and_told() {
    let place = machine(
        "since",
        "      - { copy: new/page.html, to: srv/app/page.html }\n      - { make: srv/dump }\n",
    );
    let before = tree(&place.folder.join("srv"));
    place.write("right", "");
    place.apply().ends(0);
    place.write("srv/app/page.html", "by hand");
    place.write("srv/dump/of-the-night", "precious");
    place.plan(&["rollback"]).ends(0);
    place.plan(&["logs", "change"]).ends(0).says("was changed since").says("came later");
    assert_eq!(text(&place, "dump/of-the-night"), "precious");
    let aside = place.run_folder().join("kept/change/aside/1-page.html");
    assert_eq!(fs::read_to_string(aside).unwrap(), "by hand");
    fs::remove_dir_all(place.folder.join("srv/dump")).unwrap();
    assert_eq!(tree(&place.folder.join("srv")), before);
}

#[test]
fn a_change_that_cannot_be_made_says_why_and_the_ones_before_it_go_back() {
    for (name, change, words) in [
        ("folder", "{ copy: new/page.html, to: srv/none/page.html }", "there is no folder"),
        ("from", "{ copy: new/none, to: srv/x }", "No such file"),
        ("is-folder", "{ copy: new, to: srv/x }", "`sync:`"),
        ("link", "{ link: srv/current, to: releases/9 }", "nothing is pointed at it"),
        ("no-link", "{ link: srv/app, to: releases/2 }", "and no link"),
        (
            "shared",
            "{ link: srv/current, to: releases/2, shared: [../../etc] }",
            "leaves the release",
        ),
        ("within", "{ sync: srv/app, to: srv/app/keep }", "one within the other"),
        ("owner", "{ path: srv/app, owner: nobody-of-this-name }", "no user nobody-of-this-name"),
        ("value", "{ set: { A: \"1\\n2\" }, in: srv/app/keep/.env }", "no line of its own"),
    ] {
        let place = machine(
            &format!("wrong-{name}"),
            &format!(
                "      - {{ copy: new/page.html, to: srv/app/page.html }}\n      - {change}\n"
            ),
        );
        let before = tree(&place.folder.join("srv"));
        place.apply().ends(1).says(words);
        assert_eq!(tree(&place.folder.join("srv")), before, "{name}");
    }
}

#[test]
fn a_full_disk_changes_nothing() {
    let at = Path::new("/dev/full");
    if !at.exists() {
        return;
    }
    // What is kept has no room: the place where runs keep things is a small disk.
    let place = machine("full", "      - { remove: [srv/big] }\n");
    let small = place.folder.join("store");
    fs::create_dir_all(&small).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "none"])
        .arg(&small)
        .output()
        .unwrap();
    if !mounted.status.success() {
        return;
    }
    fs::write(place.folder.join("srv/big"), vec![7; 8 << 20]).unwrap();
    let before = tree(&place.folder.join("srv"));
    let ran = place.apply();
    let _ = std::process::Command::new("umount").arg("-l").arg(&small).status();
    assert_eq!(tree(&place.folder.join("srv")), before);
    ran.says("cannot be kept");
}

/// One of each.
const ALL: &str = "      - { make: srv/a/b, mode: \"0711\" }
      - { copy: new/page.html, to: srv/app/page.html, mode: \"0600\" }
      - { sync: new/, to: srv/app/, delete: true, except: [\"keep/**\"] }
      - { template: site.conf.j2, to: srv/a/site.conf, values: { port: 443 } }
      - { link: srv/current, to: releases/2, shared: [storage, .env], keep: 1 }
      - { set: { B: 3 }, in: srv/app/keep/.env }
      - { remove: [srv/old, srv/run.sh] }
      - { path: srv/app, mode: \"0700\", recursive: true }
      - { unpack: app.tar, to: srv/releases/3, strip: 1 }
";

fn with_archive(place: &Place) {
    place.write("three/index", "3");
    let mut tar = std::process::Command::new("tar");
    let packed = tar.args(["-cf", "app.tar", "three"]).current_dir(&place.folder).status();
    assert!(packed.unwrap().success());
    place.write("right", "");
}

/// Without times: when it went on is nobody's matter.
fn contents(place: &Place) -> Vec<String> {
    let is_time =
        |word: &str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let without =
        |line: String| line.split(' ').filter(|word| !is_time(word)).collect::<Vec<_>>().join(" ");
    let here = place.folder.display().to_string();
    let tree = tree(&place.folder.join("srv")).into_iter();
    tree.map(without).map(|line| line.replace(&here, "HERE")).collect()
}

#[test]
fn killed_at_any_moment_it_goes_on_or_back() {
    let right = {
        let place = machine("whole", ALL);
        with_archive(&place);
        place.apply().ends(0);
        contents(&place)
    };
    let mut moment = 1;
    loop {
        for verb in ["resume", "rollback"] {
            let place = machine(&format!("killed-{moment}-{verb}"), ALL);
            with_archive(&place);
            let before = tree(&place.folder.join("srv"));
            let mut command = place.command(&["apply", "plan.yaml"]);
            command.env("PLAN_CRASH_AT", format!("swap:{moment}"));
            if command.output().unwrap().status.success() {
                assert!(moment > 25, "only {moment} moments");
                return;
            }
            place.plan(&[verb]).ends(0);
            match verb {
                "resume" => assert_eq!(contents(&place), right, "{moment}"),
                _ => assert_eq!(tree(&place.folder.join("srv")), before, "{moment}"),
            }
        }
        moment += 1;
    }
}

/// What a rollback step writes down is not what its step did.
#[test]
fn a_rollback_step_of_files_has_paths_of_its_own() {
    let place = Place::with(
        "files-parts",
        "plan: p\nsteps:\n  - step: put\n    files: { copy: a, to: b }\n    rollback:\n      \
         - files: { remove: x }\n      - files: { remove: y }\n  \
         - { checkpoint: right, checks: [{ file: right }] }\n",
    );
    for name in ["a", "x", "y"] {
        place.write(name, name);
    }
    place.apply().ends(1);
    assert_eq!(place.read("a"), "a");
    assert_eq!(place.read("b"), "a");
    assert!(!place.has("x") && !place.has("y"));
}

#[test]
fn killed_on_its_way_back_it_gets_there() {
    let mut moment = 1;
    loop {
        let place = machine(&format!("back-{moment}"), ALL);
        with_archive(&place);
        let before = tree(&place.folder.join("srv"));
        place.apply().ends(0);
        let mut command = place.command(&["rollback"]);
        command.env("PLAN_CRASH_AT", format!("swap:{moment}"));
        if command.output().unwrap().status.success() {
            assert!(moment > 15, "only {moment} moments");
            return;
        }
        place.plan(&["resume"]).ends(0);
        assert_eq!(tree(&place.folder.join("srv")), before, "{moment}");
        moment += 1;
    }
}

#[test]
fn show_tells_what_would_change_and_no_secret() {
    let place = Place::new("files-show");
    place.write(
        "plan.yaml",
        "plan: p\nallow: { release-unchecked: the test looks at it from outside }\n\
         inputs: { word: { secret: true, env: WORD_OF_SHOW }, name: { default: shop } }\nsteps:\n  - step: change\n    files:\n      \
         - { set: { NAME: \"{{ name }}\", DB_PASSWORD: \"{{ word }}\", API_TOKEN: plain, NEW: \"1\" }, in: .env }\n      \
         - { template: page.j2, to: page.txt }\n      - { template: secret.j2, to: shown.txt }\n      \
         - { copy: new.conf, to: old.conf }\n      - { copy: new.conf, to: private.conf }\n",
    );
    place.write(".env", "# x\nNAME=old\nDB_PASSWORD=former-secret\nAPI_TOKEN=former-token\nOTHER=untouched-secret\n");
    place.write("page.j2", "Welcome to {{ name }}\nsame\n");
    place.write("page.txt", "Welcome to nobody\nsame\n");
    place.write("secret.j2", "word: {{ word }}\n");
    place.write("shown.txt", "word: former-secret\n");
    place.write("new.conf", "a\nb\n");
    place.write("old.conf", "a\nc\n");
    place.write("private.conf", "former-secret\n");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(place.folder.join("private.conf"), private).unwrap();
    let before = tree(&place.folder);
    let told = place.plan(&["show", "plan.yaml"]).ends(0);
    for words in [
        "-NAME=old",
        "+NAME=shop",
        "+DB_PASSWORD=",
        "+NEW=1",
        "-Welcome to nobody",
        "+Welcome to shop",
        "-c",
        "+b",
    ] {
        assert!(told.out.contains(words), "{words}\n{}", told.out);
    }
    let told = told.never_says("former").never_says("untouched");
    told.says("it holds a secret: what differs is not shown");
    assert_eq!(tree(&place.folder), before);
    let json = place.plan(&["show", "plan.yaml", "--format", "json"]).ends(0).never_says("former");
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(json["phases"][0]["entries"][0]["changes"].as_array().unwrap().len() > 10);
    // The settings of their owner alone: which keys change, not from what.
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(place.folder.join(".env"), private).unwrap();
    place.plan(&["show", "plan.yaml"]).ends(0).says("+NAME=").never_says("NAME=old");
}

fn failed_after(name: &str, changes: &str, setup: &str) -> (Place, Vec<String>, Vec<String>) {
    let place = Place::new(&format!("files-{name}"));
    let plan = format!(
        "plan: p\nallow: {{ release-unchecked: the test looks at it from outside }}\nsteps:\n  \
         - {{ step: change, in: w, files: [{changes}], timeout: 20s }}\n  \
         - {{ checkpoint: right, checks: [{{ file: right }}] }}\n"
    );
    place.write("plan.yaml", &plan);
    let done = Command::new("bash").args(["-ec", setup]).current_dir(&place.folder).status();
    assert!(done.unwrap().success());
    let before = tree(&place.folder.join("w"));
    let ran = place.apply();
    assert!(ran.code == 1 || ran.code == 6, "{ran:?}");
    let back = tree(&place.folder.join("w"));
    (place, before, back)
}

#[test]
fn rights_that_were_changed_before_a_folder_went_come_back_with_it() {
    let setup = "mkdir -p w/d/sub; echo k >w/d/sub/key; chmod 600 w/d/sub/key; chmod 700 w/d/sub";
    let changes = "{ path: d, recursive: true, mode: \"0755\" }, { remove: d/sub }";
    let (_place, before, back) = failed_after("rights-below", changes, setup);
    assert_eq!(back, before);
}

#[test]
fn what_is_no_place_or_no_file_is_refused_at_once() {
    for (name, changes, words) in [
        ("above", "{ remove: ../w/d/.. }", "ends with `..`"),
        ("above-copy", "{ copy: f, to: d/.. }", "ends with `..`"),
        ("pipe", "{ copy: pipe, to: g }", "is no file"),
        ("pipe-to", "{ copy: f, to: pipe }", "is no file"),
        ("pipe-set", "{ set: { A: b }, in: pipe }", "is no file"),
    ] {
        let setup = "mkdir -p w/d; echo f >w/f; echo k >w/d/key; mkfifo w/pipe";
        let place = Place::new(&format!("files-refused-{name}"));
        place.write(
            "plan.yaml",
            &format!(
                "plan: p\nallow: {{ release-unchecked: the test looks at it from outside }}\nsteps:\n  \
                 - {{ step: change, in: w, files: [{changes}] }}\n"
            ),
        );
        let done = Command::new("bash").args(["-ec", setup]).current_dir(&place.folder).status();
        assert!(done.unwrap().success());
        place.apply().ends(1).says(words);
        assert_eq!(
            (place.read("w/d/key"), place.read("w/f")),
            ("k\n".to_owned(), "f\n".to_owned())
        );
    }
    let place = Place::with(
        "files-user",
        "plan: p\nsteps: [{ step: change, user: nobody, files: [{ make: d }] }]\n",
    );
    place.apply().ends(2).says("leave out `user`");
}

#[test]
fn an_archive_goes_into_a_folder_that_the_step_made_and_is_not_taken_for_unpacked() {
    let setup = "mkdir -p w/a; echo one >w/a/page; tar -C w -czf w/a.tgz a";
    let changes = "{ make: rel/2 }, { unpack: a.tgz, to: rel/2, strip: 1 }";
    let (place, before, back) = failed_after("make-unpack", changes, setup);
    assert_eq!(back, before);
    place.write("right", "");
    place.apply().ends(0);
    assert_eq!(place.read("w/rel/2/page"), "one\n");
    place.plan(&["rollback"]).ends(0);
    std::fs::create_dir_all(place.folder.join("w/rel/2")).unwrap();
    // Killed right before it takes its place in an empty folder.
    for moment in 1..12 {
        let mut command = place.command(&["apply", "plan.yaml"]);
        command.env("PLAN_CRASH_AT", format!("swap:{moment}"));
        if command.output().unwrap().status.code().is_none() {
            place.plan(&["resume"]).ends(0);
        }
        assert_eq!(place.read("w/rel/2/page"), "one\n", "{moment}");
        place.plan(&["rollback"]).ends(0);
        assert!(!place.has("w/rel/2/page"), "{moment}");
    }
}

#[test]
fn what_a_person_did_between_two_tries_is_kept() {
    let place = Place::new("files-between");
    place.write(
        "plan.yaml",
        "plan: p\nallow: { release-unchecked: the test looks at it from outside }\nsteps:\n  - step: change\n    \
         on_failure: pause\n    files:\n      - { set: { A: \"2\" }, in: .env }\n      - { copy: one, to: app.conf }\n      \
         - { make: d }\n      - { copy: missing, to: g }\n      - { copy: one, to: d/f }\n  \
         - { checkpoint: right, checks: [{ file: right }] }\n",
    );
    place.write(".env", "A=1\n");
    place.write("one", "one");
    place.write("app.conf", "old");
    let before = (place.read(".env"), place.read("app.conf"));
    place.apply().ends(4);
    assert_eq!(place.read(".env"), "A=2\n");
    place.write(".env", "A=1\nHAND=kept\n");
    place.write("app.conf", "fixed by hand");
    place.write("d/f", "put by hand");
    place.write("missing", "here now");
    place.plan(&["resume"]).ends(1);
    assert_eq!((place.read(".env"), place.read("app.conf")), before);
    assert!(!place.has("g"));
    let kept = crate::place::files_below(&place.store().join("runs"));
    let aside: Vec<_> =
        kept.iter().filter(|path| path.display().to_string().contains("/aside/")).collect();
    let texts: Vec<_> = aside.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for text in ["A=1\nHAND=kept\n", "fixed by hand", "put by hand"] {
        assert!(texts.iter().any(|one| one == text), "{text}: {texts:?}");
    }
    assert_eq!(texts.len(), 3, "nothing of the step's own: {texts:?}");
}

#[test]
fn a_folder_that_became_a_link_since_leads_nowhere_else() {
    let place = Place::new("files-swapped");
    place.write(
        "plan.yaml",
        "plan: p\nallow: { release-unchecked: the test looks at it from outside }\nsteps:\n  \
         - { step: change, files: [{ copy: one, to: through/sub/key }] }\n",
    );
    place.write("one", "one");
    place.write("app/sub/key", "old");
    place.write("victim/key", "the victim's");
    std::os::unix::fs::symlink("app", place.folder.join("through")).unwrap();
    place.apply().ends(0);
    // Links that were there before are followed as before.
    place.plan(&["rollback"]).ends(0);
    assert_eq!(place.read("app/sub/key"), "old");
    place.apply().ends(0);
    fs::rename(place.folder.join("app/sub"), place.folder.join("app/other")).unwrap();
    std::os::unix::fs::symlink("../victim", place.folder.join("app/sub")).unwrap();
    place.plan(&["rollback"]).ends(3).says("somebody changed that since");
    assert_eq!(place.read("victim/key"), "the victim's");
}
