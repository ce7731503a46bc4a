//! A machine apart for one test: its own network, mounts and processes. Nothing leaves it, and all that it began
//! ends with it.

use std::io::Write;
use std::process::Command;

const LEVEL: &str = "PLAN_TEST_APART";

/// What a test needs besides Linux and root: a program, and the Debian package that has it.
pub type Need = (&'static str, &'static str);

/// Runs the rest of the named test apart. Where something is missing, CI fails and others are told.
#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
pub fn run(test: &str, needs: &[Need], rest: impl FnOnce()) {
    if std::env::var_os(LEVEL).is_some() {
        shell("ip link set lo up");
        return rest();
    }
    let is_there = |program: &str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        found.is_ok_and(|found| found.status.success())
    };
    let mut missing: Vec<String> = [("unshare", "util-linux"), ("ip", "iproute2")]
        .iter()
        .chain(needs)
        .filter(|(program, _)| !is_there(program))
        .map(|(program, package)| format!("{program} (apt-get install {package})"))
        .collect();
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !is_root {
        missing.push("the rights of root".to_owned());
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        assert!(std::env::var_os("CI").is_none(), "CI must have {missing}");
        let _ = writeln!(std::io::stderr(), "{test}: skipped, as it needs {missing}");
        return;
    }
    let mut command = Command::new("unshare");
    command
        .args(["-mn", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(LEVEL, "yes");
    let done = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "no test is called {test}: {out}");
}

/// A piece of shell that must succeed; what it says.
pub fn shell(script: &str) -> String {
    let done = Command::new("bash").args(["-euc", script]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{script}\n{out}\n{err}");
    out.trim_end().to_owned()
}
