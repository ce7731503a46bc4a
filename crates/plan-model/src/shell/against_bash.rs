//! The reader against the real bash: what it refuses, and what a value can do to a script.

use super::*;
use proptest::prelude::*;
use std::path::PathBuf;
use std::process::Command as Process;

fn bash_accepts(script: &str) -> bool {
    let output = Process::new("bash").args(["-n", "-c", script]).output().unwrap();
    // For what is wrong in `[[ … ]]` bash -n complains, and yet returns 0.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let refuses = ["syntax error", "unexpected ", "operator expected"];
    output.status.success() && !refuses.iter().any(|words| said.contains(words))
}

/// Scripts in a file, apart by a line of `%`.
fn corpus(text: &str) -> Vec<&str> {
    text.split("\n%\n").map(|script| script.strip_suffix("\n%").unwrap_or(script)).collect()
}

const SILENT: [&str; 4] = ["[[ ]]", "[[ a && ]]", "[[ a == b && ]]", "[[ a == ]]"];

#[test]
fn bash_and_the_reader_refuse_the_same_scripts() {
    let scripts = corpus(include_str!("corpus.txt"));
    assert!(scripts.len() >= 150, "{}", scripts.len());
    let mut differences = Vec::new();
    for script in scripts {
        if SILENT.contains(&script) {
            // Bash -n overlooks these; bash refuses them when it runs.
            assert!(read_rendered(script, &[]).problem.is_some(), "{script}");
            let run = Process::new("bash").args(["-c", script]).output().unwrap();
            assert!(!run.status.success(), "{script}");
            continue;
        }
        let mine = read_rendered(script, &[]);
        let theirs = bash_accepts(script);
        if mine.problem.is_none() != theirs {
            differences.push(format!("{script:?}: bash {theirs}, {:?}", mine.problem));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
