//! `changelog`: an entry there, and out again, whatever others wrote since.

use std::fs;

use crate::place::Place;
use crate::tree::tree;

const WAS: &str =
    "# Changelog\n\n## [Non publié]\n\n## [1.0.0] - 2026-01-01\n### Ajouté\n- Premier\n";

fn plan(place: &Place, keys: &str) {
    place.write("docs/other", "");
    place.write("new/page", "two");
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\nsteps:\n  - step: page\n    files: {{ copy: new/page, to: docs/page }}\n  - step: tell\n    changelog: {{ file: docs/changelog.md, text: Push, {keys} }}\n  \
             - {{ checkpoint: right, checks: [{{ file: right }}] }}\n"
        ),
    );
}

#[test]
fn an_entry_is_made_and_taken_out_again() {
    for (name, keys, words) in [
        ("version", "version: 1.1.0, type: feature", "## [1.1.0] - 20"),
        ("record", "format: change-record, tester: Kofi", "- **Fichiers**: docs/page"),
    ] {
        for was in [Some(WAS), None] {
            let place = Place::new(&format!("changelog-{name}-{}", was.is_some()));
            plan(&place, keys);
            if let Some(was) = was {
                place.write("docs/changelog.md", was);
            }
            let before = tree(&place.folder.join("docs"));
            place.write("right", "");
            place.apply().ends(0);
            let text = place.read("docs/changelog.md");
            if was.is_some() {
                assert!(text.contains(words), "{text}");
            }
            place.plan(&["rollback"]).ends(0);
            assert_eq!(tree(&place.folder.join("docs")), before, "{name}");
            // What others wrote since stays.
            place.apply().ends(0);
            let text = place.read("docs/changelog.md");
            place.write("docs/changelog.md", &format!("{text}- by hand\n"));
            place.plan(&["rollback"]).ends(0);
            let left = place.read("docs/changelog.md");
            assert!(left.contains("by hand") && !left.contains("Push"), "{left}");
        }
    }
}

#[test]
fn killed_at_any_moment_there_is_one_entry_or_none() {
    for moment in 1.. {
        for verb in ["resume", "rollback"] {
            let place = Place::new(&format!("changelog-killed-{moment}-{verb}"));
            plan(&place, "version: 1.1.0");
            place.write("docs/changelog.md", WAS);
            place.write("right", "");
            let before = tree(&place.folder.join("docs"));
            let mut command = place.command(&["apply", "plan.yaml"]);
            command.env("PLAN_CRASH_AT", format!("swap:{moment}"));
            if command.output().unwrap().status.success() {
                assert!(moment > 5, "only {moment}");
                return;
            }
            place.plan(&[verb]).ends(0);
            match verb {
                "resume" => {
                    let text = fs::read_to_string(place.folder.join("docs/changelog.md")).unwrap();
                    assert_eq!(text.matches("Push").count(), 1, "{moment}");
                }
                _ => assert_eq!(tree(&place.folder.join("docs")), before, "{moment}"),
            }
        }
    }
}
