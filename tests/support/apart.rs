//! A machine apart for one test: its own network, mounts and processes, and where it is wanted its own systemd.
//! Nothing leaves it, and all that it began ends with it.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Set for the test within: how deep it is.
const APART: &str = "PLAN_TEST_APART";
const BOOTED: &str = "PLAN_TEST_BOOTED";

/// What a test needs besides Linux and root: a program or a file, and the Debian packages that have it.
pub type Need<'t> = (&'t str, &'t str);

/// Runs the rest of the named test apart. Where something is missing, CI fails and others are told.
pub fn run(test: &str, needs: &[Need<'_>], rest: impl FnOnce()) {
    if std::env::var_os(APART).is_some() {
        shell("ip link set lo up");
        return rest();
    }
    if !is_possible(test, needs) {
        return;
    }
    let mut command = Command::new("unshare");
    command
        .args(["-mn", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(APART, std::process::id().to_string());
    let done = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "no test is called {test}: {out}");
}

/// Runs the rest of the named test on a machine of its own, under its own systemd: a copy of this one, in which only
/// what is written takes room. The folder is for its disk.
#[allow(dead_code, reason = "not every test boots one")]
pub fn boot(test: &str, needs: &[Need<'_>], folder: &Path, rest: impl FnOnce()) {
    if std::env::var_os(BOOTED).is_some() {
        return rest();
    }
    let needs = [needs, &[("systemd-nspawn", "systemd-container")]].concat();
    run(test, &needs, || {
        // Two that run at once have two: whoever ends first takes its folder away.
        let folder = &folder.with_extension(std::env::var(APART).unwrap());
        let exe = std::env::current_exe().unwrap();
        let built = exe.ancestors().nth(2).unwrap().display().to_string();
        let exe = exe.display();
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let w = folder.display();
        shell(&format!(
            "mkdir -p {w}; mount -t tmpfs none {w}
             umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
             mkdir {w}/up {w}/work {w}/root
             mount -t overlay o -o lowerdir=/,upperdir={w}/up,workdir={w}/work {w}/root
             systemd-id128 new > {w}/root/etc/machine-id
             cd {w}/root/etc/systemd/system
             printf '%s\\n' '[Unit]' Requires='basic.target play.service' AllowIsolate=yes > play.target
             printf '%s\\n' '[Service]' Type=oneshot Environment={BOOTED}=yes Environment=CI=true \
               Environment=HOME=/root \"Environment=PATH=$PATH\" WorkingDirectory=/root \
               Environment=PLAN_SEED=${{PLAN_SEED-}} ${{PLAN_HOLD:+Environment=PLAN_HOLD=$PLAN_HOLD}} \
               'ExecStart={exe} --exact {test} --nocapture --test-threads 1' \
               StandardOutput=file:/told StandardError=file:/told \
               'ExecStopPost=/bin/systemctl --no-block poweroff' > play.service
             # A group of its own: in a shared one, units of one name on two machines would end each other's programs.
             group=/sys/fs/cgroup/$(basename {w})
             mkdir -p $group
             (echo $BASHPID > $group/cgroup.procs
              exec timeout 2400 systemd-nspawn -q --keep-unit --register=no --private-network -D {w}/root \
                --bind-ro={built} --bind-ro=$(realpath {sources}) --machine=play-${{{APART}}} --hostname=play --boot -- --unit=play.target \
                > {w}/log 2>&1) || true
             find $group -depth -type d -exec rmdir {{}} + || true"
        ));
        let read = |name: &str| {
            let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let told = read("root/told");
        let log = if told.is_empty() { read("log") } else { String::new() };
        assert!(told.contains("1 passed"), "{told}{log}");
        shell(&format!("umount {w}/root; umount {w}; rmdir {w}"));
    });
}

#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
fn is_possible(test: &str, needs: &[Need<'_>]) -> bool {
    let is_there = |program: &str| {
        let find = match program.starts_with('/') {
            true => format!("ls {program}"),
            false => format!("command -v {program}"),
        };
        let found = Command::new("sh").args(["-c", &find]).output();
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
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join(", ");
    assert!(std::env::var_os("CI").is_none(), "CI must have {missing}");
    let _ = writeln!(std::io::stderr(), "{test}: skipped, as it needs {missing}");
    false
}

/// A piece of shell that must succeed; what it says.
pub fn shell(script: &str) -> String {
    let done = Command::new("bash").args(["-euc", script]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{script}\n{out}\n{err}");
    out.trim_end().to_owned()
}
