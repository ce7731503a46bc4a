//! Second opinions: other people's programs read what `plan` writes. `tests/external/install.sh`
//! fetches them. Where one is missing the test fails in CI and says elsewhere that it was skipped.

#![allow(clippy::disallowed_methods, reason = "skipping must be seen, and captured output is not")]

mod editor;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn installed(path: &str) -> PathBuf {
    root().join("target/external").join(path)
}

/// Whether to skip; in CI a missing program is a failure.
fn is_missing(program: &Path, how: &str) -> bool {
    if program.exists() {
        return false;
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing in CI: {how}", program.display());
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {} is missing; get it with: {how}",
        program.display()
    );
    true
}

const HOW: &str = "bash tests/external/install.sh";

fn plan(args: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_plan")).args(args).current_dir(root()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program on a text; panics with what it says if it refuses.
fn accepts(program: &Path, args: &[&str], text: &str) -> String {
    let mut child = Command::new(program)
        .args(args)
        .current_dir(installed(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{} refuses:\n{said}\n{}",
        program.display(),
        text.chars().take(2000).collect::<String>()
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Plans with something to say in each way: errors, warnings, waivers, related places, accents.
fn telling_plan() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("plan-external-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("télling.yaml");
    let text = "plan: telling\nfoo: 1\nsteps:\n  - step: a\n    needs: [b]\n    run: écho {{ x }}\n  - step: a\n    run: 'true & <xml>'\n  - step: c\n    run: ./x\n    allow: { inverse-missing: nobody uses this machine }\n";
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn sarif_is_valid_by_the_official_schema() {
    let python = installed("venv/bin/python");
    if is_missing(&python, HOW) {
        return;
    }
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let package = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "serde-sarif");
    let manifest = PathBuf::from(package.unwrap()["manifest_path"].as_str().unwrap());
    let schema = manifest.with_file_name("src").join("schema.json");
    let script = "import json, sys, jsonschema\n\
        schema = json.load(open(sys.argv[1]))\n\
        jsonschema.Draft7Validator.check_schema(schema)\n\
        log = json.load(sys.stdin)\n\
        jsonschema.Draft7Validator(schema).validate(log)\n\
        results = [result for run in log['runs'] for result in run['results']]\n\
        print(sum(1 for result in results if not result.get('suppressions')))";
    let telling = telling_plan();
    for args in [
        vec!["validate", "plans", "--format", "sarif"],
        vec!["validate", telling.to_str().unwrap(), "--format", "sarif"],
    ] {
        let sarif = plan(&args);
        let count = accepts(&python, &["-c", script, schema.to_str().unwrap()], &sarif);
        assert_eq!(count.trim() == "0", args[1] == "plans", "{sarif}");
    }
}

#[test]
fn junit_is_read_by_another_program() {
    let python = installed("venv/bin/python");
    if is_missing(&python, HOW) {
        return;
    }
    let script = "import sys, junitparser\n\
        suites = junitparser.JUnitXml.fromstring(sys.stdin.buffer.read())\n\
        suites.update_statistics()\n\
        print(suites.tests, suites.failures)";
    let telling = telling_plan();
    let junit = plan(&["validate", telling.to_str().unwrap(), "--format", "junit"]);
    let counts = accepts(&python, &["-c", script], &junit);
    let counts: Vec<usize> =
        counts.split_whitespace().map(|number| number.parse().unwrap()).collect();
    assert!(counts[0] >= counts[1] && counts[1] >= 2, "{counts:?}\n{junit}");
}

#[test]
fn schemas_pass_the_meta_schema_in_strict_mode() {
    let ajv = installed("node_modules/ajv");
    if is_missing(&ajv, HOW) {
        return;
    }
    let script = "const Ajv = require('ajv/dist/2020').default;\n\
        const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });\n\
        ajv.addVocabulary(['markdownEnumDescriptions']);\n\
        const schema = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n\
        if (!ajv.validateSchema(schema)) { console.error(ajv.errors); process.exit(1); }\n\
        ajv.compile(schema);";
    for role in ["plan", "environment"] {
        accepts(Path::new("node"), &["-e", script], &plan(&["schema", role]));
    }
}

fn shipped_plans() -> Vec<String> {
    let mut found = Vec::new();
    for guide in std::fs::read_dir(root().join("plans")).unwrap() {
        let guide = guide.unwrap().path();
        for file in std::fs::read_dir(&guide).into_iter().flatten() {
            let path = file.unwrap().path();
            let is_plan = std::fs::read_to_string(&path)
                .is_ok_and(|text| text.lines().any(|line| line.starts_with("plan:")));
            if path.extension().is_some_and(|ending| ending == "yaml") && is_plan {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    assert!(found.len() >= 15, "{found:?}");
    found.sort();
    found
}

#[test]
fn graphviz_draws_every_shipped_plan() {
    let dot = ["/usr/bin/dot", "/usr/local/bin/dot", "/opt/homebrew/bin/dot"].map(PathBuf::from);
    let dot = dot.iter().find(|path| path.exists()).unwrap_or(&dot[0]).clone();
    if is_missing(&dot, "apt-get install graphviz") {
        return;
    }
    std::fs::create_dir_all(installed("")).unwrap();
    for name in shipped_plans() {
        let svg = accepts(&dot, &["-Tsvg"], &plan(&["graph", &name, "--format", "dot"]));
        assert!(svg.contains("</svg>"), "{name}");
    }
}

#[test]
fn mermaid_parses_every_shipped_plan() {
    if is_missing(&installed("node_modules/mermaid"), HOW) {
        return;
    }
    let script = "import { JSDOM } from 'jsdom';\n\
        const dom = new JSDOM('');\n\
        globalThis.window = dom.window; globalThis.document = dom.window.document;\n\
        const { default: mermaid } = await import('mermaid');\n\
        const { readFileSync } = await import('fs');\n\
        for (const text of JSON.parse(readFileSync(0, 'utf8'))) await mermaid.parse(text);";
    let pictures: Vec<String> =
        shipped_plans().iter().map(|name| plan(&["graph", name, "--format", "mermaid"])).collect();
    assert!(pictures.iter().all(|picture| picture.contains("flowchart")));
    accepts(
        Path::new("node"),
        &["--input-type=module", "-e", script],
        &serde_json::to_string(&pictures).unwrap(),
    );
}
