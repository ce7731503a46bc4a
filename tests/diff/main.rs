//! `plan diff` as a user runs it: the real program, real files, a real git repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/diff");

/// A folder of this test alone, gone with it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("plan-diff-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    /// A repository whose last commit holds the older fixture, and whose files are the newer one.
    fn repository(name: &str) -> Place {
        let place = Place::new(name);
        place.git(&["init", "-q", "-b", "main"]);
        place.copy("before", "plans");
        place.git(&["add", "-A"]);
        place.git(&["commit", "-q", "-m", "before"]);
        fs::remove_dir_all(place.0.join("plans")).unwrap();
        place.copy("after", "plans");
        place
    }

    fn copy(&self, fixture: &str, to: &str) {
        copy(&Path::new(FIXTURES).join(fixture), &self.0.join(to));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        let status = self.command("git").args(arguments).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.0)
            .env("COLUMNS", "80")
            .env("NO_COLOR", "1")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CEILING_DIRECTORIES", std::env::temp_dir())
            .env_remove("GIT_DIR")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("GIT_WORK_TREE");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Somebody");
            command.env(format!("GIT_{who}_EMAIL"), "somebody@example.org");
        }
        command
    }

    fn diff(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_plan"));
        command.arg("diff").args(arguments).output().unwrap()
    }

    /// What it says where it must succeed.
    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.diff(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it complains of where it must fail.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.diff(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty(), "a failure writes no answer");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

const OLD: &str = "git:main:plans/shop.yaml";
const NEW: &str = "plans/shop.yaml";

#[test]
fn people_read_counts_figures_and_changes_in_80_columns() {
    let said = Place::repository("human").said(&[OLD, NEW]);
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    insta::assert_snapshot!("human", said);
}

#[test]
fn a_pull_request_gets_markdown() {
    insta::assert_snapshot!(
        "markdown",
        Place::repository("markdown").said(&[OLD, NEW, "--format", "markdown"])
    );
}

#[test]
fn machines_get_json() {
    let said = Place::repository("json").said(&[OLD, NEW, "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(document["counts"]["worse"], 16);
    assert_eq!(document["figures"]["window_ms"]["new"], 30 * 60 * 1000);
    let changes = document["changes"].as_array().unwrap();
    let lost = changes.iter().find(|change| change["kind"] == "undo-lost").unwrap();
    assert_eq!(lost["subject"]["id"], "convert");
    assert_eq!(lost["new_place"]["file"], "plans/shop.yaml");
}

#[test]
fn a_revision_is_read_with_all_that_the_plan_names() {
    let place = Place::repository("revision");
    assert!(place.said(&[OLD, OLD]).contains("the two plans mean the same"));
    // The files of the revision count, not those that lie here.
    fs::remove_dir_all(place.0.join("plans/migrations")).unwrap();
    assert!(place.said(&[OLD, OLD]).contains("the two plans mean the same"));
    assert!(place.refused(&[OLD, NEW]).contains("plans/shop.yaml is no valid plan"));
}

#[test]
fn paths_are_meant_from_the_top_or_from_here() {
    let mut place = Place::repository("here");
    place.0.push("plans");
    assert!(place.said(&["git:main:./shop.yaml", "shop.yaml"]).contains("worse"));
    let refused = place.refused(&["git:main:shop.yaml", "shop.yaml"]);
    assert!(refused.contains("from here it is ./shop.yaml"), "{refused}");
    place.0.pop();
}

#[test]
fn links_in_a_revision_are_followed_and_circles_end() {
    let place = Place::new("links");
    place.git(&["init", "-q", "-b", "main"]);
    place.write(
        "real.yaml",
        "plan: p\nsteps:\n  - { step: a, run: { file: a.sh }, read_only: true }\n",
    );
    place.write("b.sh", "true\n");
    for (target, link) in [("real.yaml", "plan.yaml"), ("b.sh", "a.sh"), ("y", "x"), ("x", "y")] {
        std::os::unix::fs::symlink(target, place.0.join(link)).unwrap();
    }
    place.git(&["add", "-A"]);
    place.git(&["commit", "-q", "-m", "links"]);
    assert!(place.said(&["git:main:plan.yaml", "real.yaml"]).contains("mean the same"));
    assert!(place.refused(&["git:main:x", "real.yaml"]).contains("leads in a circle"));
}

#[test]
fn what_git_cannot_give_is_told_with_a_remedy() {
    let place = Place::repository("git");
    for (old, message) in [
        ("git:nowhere:plans/shop.yaml", "git does not know the revision `nowhere`"),
        ("git:main:plans/none.yaml", "there is no file `plans/none.yaml` in revision `main`"),
        ("git:--output=x:plans/shop.yaml", "is no git address"),
        ("git:main", "is no git address"),
    ] {
        let refused = place.refused(&[old, NEW]);
        assert!(refused.contains(message), "{refused}");
        assert!(refused.contains("help: "), "{refused}");
    }
    assert!(!place.0.join("x").exists());
    let elsewhere = Place::new("elsewhere");
    assert!(elsewhere.refused(&[OLD, NEW]).contains("not in a git repository"));
    let mut without = place.command(env!("CARGO_BIN_EXE_plan"));
    let output = without.env("PATH", "/nowhere").args(["diff", OLD, NEW]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("git is not installed"));
}

#[test]
fn values_go_to_the_plan_that_knows_them() {
    let place = Place::new("set");
    let step = "steps:\n  - { step: a, run: x, read_only: true }\n";
    place.write("old.yaml", &format!("plan: p\n{step}"));
    place.write("new.yaml", &format!("plan: p\ninputs: {{ tag: {{ default: v1 }} }}\n{step}"));
    assert!(
        place.said(&["old.yaml", "new.yaml", "--set", "tag=v2"]).contains("input `tag` is new")
    );
    assert!(
        place.refused(&["old.yaml", "new.yaml", "--set", "none=1"]).contains("no input `none`")
    );
}

#[test]
fn signs_that_deceive_the_eye_are_made_visible() {
    let place = Place::new("signs");
    let step =
        |text: &str| format!("plan: p\nsteps:\n  - {{ step: a, run: {text}, read_only: true }}\n");
    place.write("old.yaml", &step("x"));
    place.write("new.yaml", &step(r#""y \u001B[31m \u202E z""#));
    for format in ["human", "markdown"] {
        let said = place.said(&["old.yaml", "new.yaml", "--format", format]);
        assert!(said.contains(r"\u{1b}[31m \u{202e} z"), "{said}");
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said}");
    }
}
