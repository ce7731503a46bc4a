//! `docs/actions.md`: a page about every action, made of what the code says about each, so that it cannot be
//! stale.

use std::fmt::Write as _;

use plan_model::model::action::ACTION_KEYS;
use plan_model::schema::PLAN_SCHEMA;
use serde_json::Value;

use super::{ABOUT, About};

const HEAD: &str = "\
# Actions

What each action of a step does, how it knows that it did it, what its natural inverse leads to, and what tells after
a crash whether it happened. Every one of them is tried for real in the tests that are named, and all of them in one
plan, failed behind each step and killed at every write of the journal, in `tests/system/every.rs`.
`docs/reference.md` has their keys. Made of the code: `UPDATE_SCHEMAS=1 cargo test -p plan-executor committed`.
";

fn page() -> String {
    let schema: Value = serde_json::from_str(PLAN_SCHEMA).unwrap();
    let step = &schema["$defs"]["Step"]["properties"];
    let about = |key: &str| ABOUT.iter().find(|about| about.key == key).unwrap();
    let mut page = String::from(HEAD);
    page += "\n| action | does | undone by | after a crash |\n| --- | --- | --- | --- |\n";
    let does = |key: &str| step[key]["description"].as_str().unwrap().to_owned();
    for key in ACTION_KEYS {
        let About { undone, after_crash, .. } = about(key);
        let _ = writeln!(page, "| [`{key}`](#{key}) | {} | {undone} | {after_crash} |", does(key));
    }
    for key in ACTION_KEYS {
        let About { verified, undone, after_crash, tests, .. } = about(key);
        let example = &step[key]["examples"][0];
        let example = match example {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = write!(
            page,
            "\n## {key}\n\n{}\n\n```yaml\n{key}: {example}\n```\n\n- **Done when**: {verified}\n\
             - **Undone by**: {undone}\n- **After a crash**: {after_crash}\n- **Tried in**: {}\n",
            does(key),
            tests.join(", ")
        );
    }
    page
}

#[test]
fn committed_page_is_that_of_the_actions() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let path = format!("{root}/docs/actions.md");
    let text = page();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "run: UPDATE_SCHEMAS=1 cargo test -p plan-executor committed");
    // What is named is there, and speaks of the action.
    for about in ABOUT {
        for test in about.tests {
            let text = std::fs::read_to_string(format!("{root}/{test}")).unwrap();
            let beside = test.replace(".rs", "/plan.yaml");
            let text =
                text + &std::fs::read_to_string(format!("{root}/{beside}")).unwrap_or_default();
            assert!(text.contains(&format!("{}:", about.key)), "{test} has no `{}`", about.key);
        }
    }
    let keys: Vec<_> = ABOUT.iter().map(|about| about.key).collect();
    assert_eq!(keys, ACTION_KEYS, "each has its words, in the order of the language");
}
