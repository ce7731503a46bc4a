//! `git`: a work tree and a remote, both real; there, back, killed, and with what somebody left.

use std::process::Command;

use crate::place::Place;

fn git(place: &Place, folder: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    let names = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    let done = command.args(names).args(arguments).current_dir(place.folder.join(folder)).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

fn commit(place: &Place, folder: &str, name: &str, text: &str) {
    place.write(&format!("{folder}/{name}"), text);
    git(place, folder, &["add", "-A"]);
    git(place, folder, &["commit", "-q", "-m", text]);
}

/// A remote with version 2 and a feature that the work tree has not fetched yet.
fn machine(name: &str, keys: &str) -> Place {
    let place = Place::new(&format!("git-{name}"));
    std::fs::create_dir_all(place.folder.join("origin")).unwrap();
    git(&place, "origin", &["init", "-q", "-b", "main"]);
    commit(&place, "origin", "page", "one");
    git(&place, ".", &["clone", "-q", "origin", "app"]);
    git(&place, "app", &["config", "user.name", "A"]);
    git(&place, "app", &["config", "user.email", "a@example.org"]);
    git(&place, "origin", &["checkout", "-q", "-b", "feature"]);
    commit(&place, "origin", "feature", "new");
    git(&place, "origin", &["checkout", "-q", "main"]);
    commit(&place, "origin", "page", "two");
    git(&place, "origin", &["tag", "v2"]);
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\nallow: {{ release-unchecked: the test looks at it from outside }}\nsteps:\n  - step: move\n    git: {{ in: app, {keys} }}\n  \
             - {{ checkpoint: right, checks: [{{ file: right }}] }}\n"
        ),
    );
    place
}

/// Everything that git knows of a work tree.
fn state(place: &Place) -> String {
    let head = std::fs::read_to_string(place.folder.join("app/.git/HEAD")).unwrap();
    let refs = git(
        place,
        "app",
        &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags/a-tag"],
    );
    format!("{head}\n{refs}\n{}", git(place, "app", &["status", "--porcelain"]))
}

const MOVES: [(&str, &str, &str); 7] = [
    ("tag", "fetch: origin, checkout: v2", "two"),
    ("branch", "fetch: origin, checkout: feature", "one"),
    ("merge", "fetch: origin, merge: origin/feature", "one"),
    ("forward", "fetch: origin, merge: origin/main, fast_forward_only: true", "two"),
    ("both", "fetch: origin, checkout: feature, merge: origin/main", "two"),
    ("new", "branch: change, checkout: change", "one"),
    ("mark", "fetch: origin, branch: before-it, tag: a-tag, checkout: v2", "two"),
];

#[test]
fn a_work_tree_moves_and_goes_back_to_where_it_was() {
    for (name, keys, page) in MOVES {
        for start in ["main", "detached"] {
            let place = machine(&format!("{name}-{start}"), keys);
            if start == "detached" {
                git(&place, "app", &["checkout", "-q", "--detach"]);
            }
            let before = state(&place);
            place.write("right", "");
            place.apply().ends(0);
            assert_eq!(place.read("app/page"), page, "{name}");
            assert_ne!(state(&place), before, "{name}");
            place.plan(&["rollback"]).ends(0);
            assert_eq!(state(&place), before, "{name} {start}");
            std::fs::remove_file(place.folder.join("right")).unwrap();
            place.apply().ends(1);
            assert_eq!(state(&place), before, "{name} {start}, by its checkpoint");
        }
    }
}

#[test]
fn what_no_commit_holds_and_what_is_not_expected_stops_it() {
    for (name, keys, words) in [
        ("dirty", "fetch: origin, checkout: v2", "changes that no commit holds: page"),
        ("unknown", "fetch: origin, checkout: v9", "there is no commit, tag or branch v9"),
        ("option", "checkout: \"--force\"", "is no name"),
        (
            "other",
            "fetch: origin, checkout: v2, expect_commit: 0123456789abcdef0123456789abcdef01234567",
            "not 0123456789abcdef",
        ),
        ("there", "branch: main", "is there already"),
        ("remote", "fetch: nowhere", "git fetch:"),
        ("conflict", "fetch: origin, merge: origin/main", "does not merge: page"),
        ("forward", "fetch: origin, merge: origin/main, fast_forward_only: true", "git merge:"),
    ] {
        let place = machine(&format!("wrong-{name}"), keys);
        match name {
            "dirty" => place.write("app/page", "by hand"),
            "conflict" | "forward" => commit(&place, "app", "page", "mine"),
            _ => {}
        }
        let before = state(&place);
        place.apply().ends(1).says(words);
        assert_eq!(state(&place), before, "{name}");
    }
}

#[test]
fn what_somebody_committed_since_is_not_taken_away() {
    let place = machine("since", "fetch: origin, merge: origin/main");
    place.write("right", "");
    place.apply().ends(0);
    commit(&place, "app", "mine", "mine");
    let before = state(&place);
    let ran = place.plan(&["rollback"]);
    assert!(ran.code != 0 && ran.all().contains("somebody moved it since"), "{ran:?}");
    assert_eq!(state(&place), before);
}

#[test]
fn killed_at_any_write_it_goes_on_or_back() {
    for (name, keys, page) in [MOVES[4], MOVES[5]] {
        for number in 1.. {
            // On and back in turn: each takes a second.
            let goes_on = number % 2 == 0;
            let place = machine(&format!("killed-{name}-{number}"), keys);
            let before = state(&place);
            place.write("right", "");
            let mut command = place.command(&["apply", "plan.yaml"]);
            command.env("PLAN_CRASH_AT", format!("ordered:{number}"));
            if command.output().unwrap().status.success() {
                assert!(number > 8, "{name}: only {number}");
                break;
            }
            place.plan(&[if goes_on { "resume" } else { "rollback" }]).ends(0);
            match goes_on {
                true => assert_eq!(place.read("app/page"), page, "{name} {number}"),
                false => assert_eq!(state(&place), before, "{name} {number}"),
            }
        }
    }
}

#[test]
fn a_branch_is_pushed_and_stays_there() {
    let place = machine("push", "branch: before-it, push: before-it");
    place.write("right", "");
    place.apply().ends(0);
    let pushed = || git(&place, "origin", &["branch", "--list", "before-it"]);
    assert!(pushed().contains("before-it"));
    place.plan(&["rollback"]).ends(0);
    assert!(pushed().contains("before-it"));
    assert_eq!(git(&place, "app", &["branch", "--list", "before-it"]), "");
}

/// A tree with one entry of a name that git itself would never write, and a file in it.
const EVIL: &str = r##"
import subprocess, sys
def object(kind, content):
    made = subprocess.run(["git", "hash-object", "-w", "-t", kind, "--literally", "--stdin"],
                          input=content, capture_output=True, check=True)
    return made.stdout.decode().strip()
def tree(mode, name, sha):
    return object("tree", mode + b" " + name + b"\0" + bytes.fromhex(sha))
path = sys.argv[1].encode().split(b"/")
sha = object("blob", b"#!/bin/sh\ntouch ../pwned\n")
for depth, name in enumerate(reversed(path)):
    sha = tree(b"40000" if depth else b"100755", name, sha)
print(sha)
"##;

#[test]
fn a_hostile_repository_writes_nowhere_else_and_runs_nothing() {
    for (name, path) in
        [("hook", ".git/hooks/post-checkout"), ("up", "../pwned"), ("other", ".GIT/config")]
    {
        let place = machine(&format!("evil-{name}"), "fetch: origin, checkout: evil");
        let mut made = Command::new("python3");
        let made = made.args(["-c", EVIL, path]).current_dir(place.folder.join("origin")).output();
        let tree = String::from_utf8(made.unwrap().stdout).unwrap();
        let commit = git(&place, "origin", &["commit-tree", "-m", "evil", tree.trim()]);
        git(&place, "origin", &["tag", "evil", &commit]);
        let before = state(&place);
        place.write("right", "");
        place.apply().ends(1).says("invalid path");
        assert_eq!(state(&place), before, "{name}");
        assert!(!place.has("pwned") && !place.has("app/pwned"), "{name}");
    }
    let place = machine("evil-address", "fetch: \"ext::sh -c touch% pwned\", checkout: v2");
    place.apply().ends(1).says("transport 'ext' not allowed");
    assert!(!place.has("pwned") && !place.has("app/pwned"));
}

#[test]
fn a_remote_without_end_ends_with_the_step() {
    let place = machine("endless", "fetch: origin, checkout: v2");
    let plan = place.read("plan.yaml").replace("    git:", "    timeout: 3s\n    git:");
    place.write("plan.yaml", &plan);
    place.write(
        "server.py",
        "import http.server, sys, time\n\
         class One(http.server.BaseHTTPRequestHandler):\n    \
         def log_message(self, *a): pass\n    \
         def do_GET(self):\n        \
         self.send_response(200)\n        \
         self.send_header('Content-Type', 'application/x-git-upload-pack-advertisement')\n        \
         self.end_headers()\n        \
         self.wfile.write(b'001e# service=git-upload-pack\\n0000')\n        \
         while True: self.wfile.write(b'003d' + b'0' * 40 + b' refs/heads/x123456\\n'); time.sleep(0.01)\n\
         server = http.server.HTTPServer(('127.0.0.1', 0), One)\n\
         print(server.server_address[1], flush=True)\nserver.serve_forever()\n",
    );
    let mut server = Command::new("python3");
    let server =
        server.arg("server.py").current_dir(&place.folder).stdout(std::process::Stdio::piped());
    let mut server = server.stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut port = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(server.stdout.as_mut().unwrap()),
        &mut port,
    )
    .unwrap();
    let url = format!("http://127.0.0.1:{}/", port.trim());
    git(&place, "app", &["remote", "set-url", "origin", &url]);
    let before = state(&place);
    place.apply().ends(1).says("took longer than 3 s");
    assert_eq!(state(&place), before);
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn what_git_ignores_is_somebodys_all_the_same() {
    let place = machine("ignored", "checkout: v3");
    // The third version holds what the first ignores, and the other way round.
    git(&place, "app", &["checkout", "-q", "--detach"]);
    place.write("app/.gitignore", "local.conf\n");
    place.write("app/cache.dat", "from v1");
    git(&place, "app", &["add", "-A"]);
    git(&place, "app", &["commit", "-q", "-m", "first"]);
    git(&place, "app", &["tag", "v1"]);
    place.write("app/.gitignore", "cache.dat\n");
    place.write("app/local.conf", "from v3");
    git(&place, "app", &["rm", "-q", "--cached", "cache.dat"]);
    git(&place, "app", &["add", "-A"]);
    git(&place, "app", &["commit", "-q", "-m", "third"]);
    git(&place, "app", &["tag", "v3"]);
    std::fs::remove_file(place.folder.join("app/cache.dat")).unwrap();
    git(&place, "app", &["checkout", "-q", "v1"]);
    place.write("app/local.conf", "a person's");
    place.apply().ends(1).says("local.conf is there, no commit holds it");
    assert_eq!(place.read("app/local.conf"), "a person's");
    std::fs::remove_file(place.folder.join("app/local.conf")).unwrap();
    place.write("right", "");
    place.apply().ends(0);
    place.write("app/cache.dat", "a person's");
    place.plan(&["rollback"]).ends(0);
    assert_eq!(place.read("app/cache.dat"), "from v1");
    let kept = crate::place::files_below(&place.store());
    let aside = kept.iter().find(|path| path.ends_with("aside/cache.dat")).unwrap();
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "a person's");
}

#[test]
fn a_branch_and_a_tag_of_one_name_are_told_apart_as_git_does() {
    let place = machine("same-name", "checkout: rel, expect_commit: TAGGED");
    git(&place, "app", &["fetch", "-q"]);
    git(&place, "app", &["tag", "rel", "origin/main"]);
    git(&place, "app", &["branch", "rel", "main"]);
    let tagged = git(&place, "app", &["rev-parse", "refs/tags/rel"]);
    let plan = place.read("plan.yaml").replace("TAGGED", &tagged);
    place.write("plan.yaml", &plan);
    let before = state(&place);
    place.apply().ends(1).says(&format!("not {tagged}"));
    assert_eq!(state(&place), before);
}
