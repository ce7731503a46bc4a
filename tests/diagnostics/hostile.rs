//! Input that is too large, too deep or no file at all, made while the test runs. The runner bounds
//! time and memory; here it only has to end with an answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{self, Ran};

/// A folder of its own that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plan-hostile-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn with(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn validate(&self, arguments: &[&str]) -> Ran {
        let all: Vec<&str> = ["validate"].iter().chain(arguments).copied().collect();
        program::plan(&self.0, &all, b"")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The text as `plan.yaml` is refused with this code.
fn refused(name: &str, text: impl AsRef<[u8]>, code: &str) {
    let ran = Scratch::new(name).with("plan.yaml", text).validate(&["plan.yaml"]);
    assert_refused(&ran, code);
}

fn assert_refused(ran: &Ran, code: &str) {
    let start: String = ran.stdout.chars().take(2000).collect();
    assert_eq!(ran.exit, 2, "{start}");
    assert!(ran.stdout.contains(&format!("[{code}]")), "no {code} in:\n{start}");
    assert!(ran.stdout.len() < 300_000, "{} bytes of output", ran.stdout.len());
}

fn plan_of(steps: &str) -> String {
    format!("plan: p\nsteps:\n{steps}")
}

fn step_with(key: &str, value: &str) -> String {
    plan_of(&format!("  - step: a\n    read_only: true\n    timeout: 1m\n    {key}: {value}\n"))
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let row = vec![format!("*a{before}"); 10].join(", ");
        text += &format!("a{level}: &a{level} [{row}]\n");
    }
    refused("bomb", text, "too-many-nodes");
}

#[test]
fn many_aliases_to_one_large_list_are_refused() {
    let list = vec!["x"; 10_000].join(", ");
    let aliases = vec!["*big"; 10_000].join(", ");
    refused("wide-bomb", format!("big: &big [{list}]\nall: [{aliases}]\n"), "too-many-nodes");
}

#[test]
fn an_include_bomb_is_refused() {
    let mut scratch = Scratch::new("include-bomb");
    for level in 0..15 {
        let name = if level == 0 { "plan.yaml".to_owned() } else { format!("part{level}.yaml") };
        let include = format!("  - include: part{}.yaml\n", level + 1);
        scratch = scratch.with(&name, plan_of(&include.repeat(10)));
    }
    let scratch = scratch.with("part15.yaml", plan_of("  - { step: a, run: uptime }\n"));
    assert_refused(&scratch.validate(&["plan.yaml"]), "include-cycle");
}

#[test]
fn aliases_of_steps_are_steps_of_the_same_id() {
    let aliases = "  - *s\n".repeat(2_000);
    let text = plan_of(&format!(
        "  - &s {{ step: a, run: uptime, read_only: true, timeout: 1m }}\n{aliases}"
    ));
    refused("aliased-steps", text, "duplicate-id");
}

#[test]
fn deep_nesting_is_refused_in_every_form() {
    const DEEP: usize = 10_000;
    let block: String = (0..DEEP).map(|level| format!("{}a:\n", " ".repeat(level % 60))).collect();
    let stairs: String = (0..1_000).map(|level| format!("{}a:\n", " ".repeat(level + 2))).collect();
    let forms = [
        ("lists", "[".repeat(DEEP)),
        ("closed-lists", "[".repeat(DEEP) + &"]".repeat(DEEP)),
        ("maps", "{a: ".repeat(DEEP)),
        ("dashes", "- ".repeat(DEEP) + "x"),
        ("keys", "? ".repeat(DEEP) + "x"),
        ("stairs", stairs),
    ];
    for (name, text) in forms {
        let indent = if name == "stairs" { "" } else { "  " };
        refused(name, format!("plan: p\nabout:\n{indent}{text}\n"), "too-deep");
    }
    let ran = Scratch::new("block").with("plan.yaml", block).validate(&["plan.yaml"]);
    assert_eq!(ran.exit, 2);
}

#[test]
fn deep_expressions_are_refused() {
    const DEEP: usize = 10_000;
    let (open, close) = ("(".repeat(DEEP), ")".repeat(DEEP));
    refused(
        "template",
        step_with("run", &format!("echo {{{{ {open}1{close} }}}}")),
        "template-syntax",
    );
    refused(
        "list-template",
        step_with("run", &format!("echo {{{{ {} }}}}", "[".repeat(DEEP))),
        "template-syntax",
    );
    refused(
        "not-template",
        step_with("run", &format!("echo {{{{ {}x }}}}", "not ".repeat(DEEP))),
        "template-syntax",
    );
    let blocks = format!("{}{}", "{% if a %}".repeat(DEEP), "{% endif %}".repeat(DEEP));
    refused("block-template", step_with("run", &format!("\"{blocks}\"")), "template-syntax");
    refused(
        "when",
        step_with("run", "uptime")
            .replace("read_only", &format!("when: {open}x{close}\n    read_only")),
        "template-syntax",
    );
    // As long as is still read.
    for (name, code) in [
        ("minus", "-".repeat(1_400)),
        ("sum", "1+".repeat(700)),
        ("nots", "not ".repeat(350)),
        ("dots", ".a".repeat(700)),
        ("filters", "|upper".repeat(200)),
        ("ifs", "a if b else ".repeat(100)),
    ] {
        let scratch = Scratch::new(name)
            .with("plan.yaml", step_with("run", &format!("\"echo {{{{ {code} x }}}}\"")));
        assert_eq!(scratch.validate(&["plan.yaml"]).exit, 2, "{name}");
    }
    let chain = format!("{{% if a %}}{}{{% endif %}}", "{% elif b %}".repeat(150));
    refused("elif", step_with("run", &format!("\"{chain}\"")), "unknown-name");
    let regex = format!("checkpoint: c\n    checks: [{{ run: x, matches: \"{open}{close}\" }}]\n");
    refused("regex", plan_of(&format!("  - {regex}")), "bad-regex");
}

/// Deep code that is fine to write must not overflow the stack, whatever is said about it.
#[test]
fn deep_scripts_and_statements_end() {
    const DEEP: usize = 10_000;
    let scripts = [
        format!("{}x{}", "$(".repeat(DEEP), ")".repeat(DEEP)),
        format!("{}x{}", "(".repeat(DEEP), ")".repeat(DEEP)),
        format!("{}x{}", "{ ".repeat(DEEP), "; }".repeat(DEEP)),
        format!("{}x{}", "\"$(".repeat(DEEP), ")\"".repeat(DEEP)),
        format!("{}x{}", "${a:-".repeat(DEEP), "}".repeat(DEEP)),
        format!("{}x{}", "`".repeat(DEEP), "`".repeat(DEEP)),
        "if true; then ".repeat(DEEP),
        "case x in a) ".repeat(DEEP),
        "x | ".repeat(DEEP) + "y",
        "x <<A ".repeat(DEEP),
        format!("echo $(( {}1{} ))", "(".repeat(DEEP), ")".repeat(DEEP)),
    ];
    for (at, script) in scripts.iter().enumerate() {
        let scratch = Scratch::new(&format!("script-{at}"))
            .with("deep.sh", script)
            .with("plan.yaml", step_with("run", "{ file: deep.sh }"));
        scratch.validate(&["plan.yaml"]);
    }
    let statements = [
        format!("select {}1{};", "(".repeat(DEEP), ")".repeat(DEEP)),
        format!("select {}1;", "not ".repeat(DEEP)),
        format!("select {}1;", "- ".repeat(DEEP)),
        format!("select 1 {};", "+ 1 ".repeat(DEEP)),
        format!("select * from {}t{};", "(select * from ".repeat(DEEP), ") x".repeat(DEEP)),
        format!("{}select 1;", "/*".repeat(DEEP)),
        "begin; ".repeat(DEEP),
        format!("select case {}", "when (case ".repeat(DEEP)),
        format!("select '{}", "''".repeat(DEEP)),
        format!("do $$ {}", "$a$ ".repeat(DEEP)),
    ];
    for (at, statement) in statements.iter().enumerate() {
        let plan = format!(
            "plan: p\nconnections: {{ main: {{ server: postgresql, host: db, database: d }} }}\n{}",
            "steps:\n  - step: a\n    migrate: { database: main, from: migrations/ }\n    timeout: 1m\n"
        );
        let scratch = Scratch::new(&format!("sql-{at}"))
            .with("migrations/V1_0__deep.sql", statement)
            .with("plan.yaml", plan);
        scratch.validate(&["plan.yaml"]);
    }
}

#[test]
fn files_of_fifty_megabytes_are_refused() {
    let fifty = 50 << 20;
    refused("large", vec![b'a'; fifty], "file-unreadable");
    let scratch = Scratch::new("large-script")
        .with("large.sh", vec![b'a'; fifty])
        .with("plan.yaml", step_with("run", "{ file: large.sh }"));
    assert_refused(&scratch.validate(&["plan.yaml"]), "file-unreadable");
    let scratch = Scratch::new("large-stdin");
    let ran = program::plan(&scratch.0, &["validate", "-"], &vec![b'a'; fifty]);
    assert_refused(&ran, "file-unreadable");
}

/// Long, but nothing that a plan could be.
#[test]
fn large_texts_end() {
    // Just under the limit of 32 MiB; a debug build is twenty times slower.
    let size = if cfg!(debug_assertions) { 2 << 20 } else { 31 << 20 };
    refused("one-word", vec![b'a'; size], "wrong-type");
    refused("comments", b"# x\n".repeat(size / 4), "empty-file");
    refused("blank", vec![b'\n'; size], "empty-file");
    refused("open-quote", [b"a: \"".to_vec(), vec![b'x'; size]].concat(), "yaml-syntax");
    refused("nul-at-the-end", [vec![b'a'; size], vec![0]].concat(), "not-text");
    let text = [
        b"plan: p\nsteps: [{ step: a, run: \"".to_vec(),
        b"{{ x }} ".repeat(20_000),
        b"\" }]\n".to_vec(),
    ];
    refused("many-templates", text.concat(), "unknown-name");
}

#[test]
fn many_problems_are_counted_not_shown() {
    let keys: String = (0..5_000).map(|at| format!("key_{at}: 1\n")).collect();
    refused("unknown-keys", format!("plan: p\n{keys}steps: []\n"), "unknown-key");
    let same = "same: 1\n".repeat(5_000);
    refused("duplicate-keys", format!("plan: p\n{same}steps: []\n"), "duplicate-key");
    let long = |length| format!("plan: p\n{}: 1\nsteps: []\n", "k".repeat(length));
    refused("long-key", long(1_000), "unknown-key");
    refused("longer-key", long(200_000), "yaml-syntax");
    let words = vec!["wrod"; 5_000].join(", ");
    refused(
        "needs",
        step_with("needs", &format!("[{words}]"))
            .replace("read_only", "run: uptime\n    read_only"),
        "unknown-need",
    );
}

#[test]
fn a_cycle_of_thousands_is_one_problem() {
    let count = 3_000;
    let step = |at: usize| {
        let before = (at + count - 1) % count;
        format!(
            "  - {{ step: s{at}, run: uptime, read_only: true, timeout: 1m, needs: [s{before}] }}\n"
        )
    };
    refused("cycle", plan_of(&(0..count).map(step).collect::<String>()), "cycle");
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let scratch = Scratch::new("odd-files").with("plan.yaml", step_with("run", "{ file: pipe }"));
    let made = Command::new("mkfifo").arg(scratch.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    symlink("pipe", &scratch.path("environments-pipe"));
    symlink("loop", &scratch.path("loop"));
    symlink("nowhere", &scratch.path("dangling"));
    // Nobody can read this one, root neither.
    symlink("/proc/self/mem", &scratch.path("unreadable"));
    for name in
        ["pipe", "/dev/zero", "/dev/null", "/dev/stdin", "loop", "unreadable", "plan.yaml/x"]
    {
        let ran = scratch.validate(&[name]);
        assert_eq!(ran.exit, 2, "{name}: {}", ran.stdout);
        assert!(ran.stdout.contains("[file-unreadable]"), "{name}: {}", ran.stdout);
    }
    for name in ["missing.yaml", "dangling", "missing/plan.yaml", ""] {
        let ran = scratch.validate(&[name]);
        assert_refused(&ran, "file-missing");
    }
    assert_refused(&scratch.validate(&["plan.yaml"]), "file-unreadable");
    let including = scratch
        .with("include.yaml", plan_of("  - include: pipe\n"))
        .with("folder.yaml", "plan: p\nconnections: { main: { file: a.db } }\nsteps:\n  - { step: a, migrate: { database: main, from: pipe }, timeout: 1m }\n");
    assert_refused(&including.validate(&["include.yaml"]), "file-unreadable");
    assert_refused(&including.validate(&["folder.yaml"]), "file-unreadable");
    let with_environment =
        including.with("environments/x", "").with("good.yaml", step_with("run", "uptime"));
    let made = Command::new("mkfifo").arg(with_environment.path("environments/prod.yaml")).status();
    assert!(made.expect("mkfifo runs").success());
    assert_refused(&with_environment.validate(&["--env", "prod", "good.yaml"]), "file-unreadable");
    // A folder is looked through, and holds no plan that could be read.
    assert_eq!(with_environment.validate(&["environments"]).exit, 2);
}

#[test]
fn a_file_without_permission_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("permission").with("plan.yaml", step_with("run", "uptime"));
    let path = scratch.path("plan.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        // Root may read everything: the other test asks for what even root cannot read.
        return;
    }
    assert_refused(&scratch.validate(&["plan.yaml"]), "file-unreadable");
}

#[test]
fn an_empty_standard_input_is_an_empty_file() {
    let scratch = Scratch::new("stdin");
    for text in ["", "\n", "---\n", "# nothing\n"] {
        let ran = program::plan(&scratch.0, &["validate", "-"], text.as_bytes());
        assert_refused(&ran, "empty-file");
    }
}

fn symlink(to: &str, at: &Path) {
    std::os::unix::fs::symlink(to, at).unwrap();
}
