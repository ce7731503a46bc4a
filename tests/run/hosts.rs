//! Steps and checks on other machines: a real SSH server on loopback, with keys of its own.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use crate::place::{Place, files_below, wait_until};

const SSHD: &str = "/usr/sbin/sshd";

#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
/// False says on this machine how to get it; in CI that is a failure.
fn has_sshd() -> bool {
    let is_there = fs::metadata(SSHD).is_ok();
    assert!(is_there || std::env::var_os("CI").is_none(), "CI must have {SSHD}");
    if !is_there {
        let how = "apt-get install openssh-server";
        let _ = writeln!(std::io::stderr(), "skipped: it needs {SSHD} ({how})");
    }
    is_there
}

/// A server that lets this user in, and an `ssh` in the path that knows it.
struct Sshd {
    server: Child,
    port: u16,
    folder: std::path::PathBuf,
}

impl Sshd {
    fn start(place: &Place) -> Sshd {
        let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let folder = place.folder.join("sshd");
        fs::create_dir_all(&folder).unwrap();
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.join(key))
                .status();
            assert!(made.unwrap().success());
        }
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        fs::write(folder.join("known"), format!("* {}", read("host.pub"))).unwrap();
        let at = folder.display();
        let server = format!(
            "Port {port}\nListenAddress 0.0.0.0\nHostKey {at}/host\nAuthorizedKeysFile {at}/user.pub\n\
             StrictModes no\nUsePAM no\nPidFile none\n"
        );
        fs::write(folder.join("server"), server).unwrap();
        let client = format!(
            "IdentityFile {at}/user\nUserKnownHostsFile {at}/known\nStrictHostKeyChecking yes\n"
        );
        fs::write(folder.join("client"), client).unwrap();
        let program = place.folder.join("bin/ssh");
        let real = Command::new("sh").args(["-c", "command -v ssh"]).output().unwrap().stdout;
        let real = String::from_utf8(real).unwrap();
        place.write("bin/ssh", &format!("#!/bin/sh\nexec {} -F {at}/client \"$@\"\n", real.trim()));
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut sshd = Sshd { server: Sshd::serve(&folder), port, folder };
        sshd.wait();
        sshd
    }

    fn serve(folder: &std::path::Path) -> Child {
        let _ = fs::create_dir_all("/run/sshd");
        let log = fs::File::create(folder.join("log")).unwrap();
        Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("server"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn wait(&mut self) {
        let port = self.port;
        wait_until("sshd listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    fn start_again(&mut self) {
        let _ = self.server.wait();
        self.server = Sshd::serve(&self.folder);
        self.wait();
    }

    /// The `hosts:` of a plan: two addresses of this machine.
    fn hosts(&self) -> String {
        let port = self.port;
        format!(
            "hosts:\n  web-1: {{ ssh: 127.0.0.1, port: {port}, groups: [web] }}\n  \
             web-2: {{ ssh: \"ssh://127.0.0.2:{port}\", groups: [web] }}\n"
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn place(name: &str) -> Place {
    let place = Place::new(name);
    let path = format!("{}/bin:{}", place.folder.display(), std::env::var("PATH").unwrap());
    place.env("PATH", &path)
}

#[test]
fn a_step_runs_on_each_host_of_a_group_and_its_secrets_stay_hidden() {
    if !has_sshd() {
        return;
    }
    let place = place("group").env("TOKEN", "it's-not-to-be-seen");
    let sshd = Sshd::start(&place);
    let far = place.folder.join("far");
    fs::create_dir_all(&far).unwrap();
    place.write("far.sh", "echo \"file $1 $KIND\" >> \"$FAR/seen\"\n");
    let plan = format!(
        r#"
plan: group
{hosts}inputs: {{ token: {{ secret: true, env: TOKEN }} }}
requires:
  - {{ tool: bash, on: web }}
  - {{ os: debian, on: web-1 }}
steps:
  - step: script
    on: web
    in: {far}
    env: {{ TOKEN: "{{{{ token }}}}", KIND: "two words", value: v, file: f, limit: l, PATH: "/bin:/usr/bin" }}
    run: |
      set -- $SSH_CONNECTION
      echo "$3 $KIND ${{#TOKEN}} $(pwd) $value $file $limit $PATH" >> seen
      cat  # nothing is left to read
      echo {{{{ token }}}} | wc -c
    outputs: {{ printed: stdout }}
    timeout: 20s
    read_only: true
  - {{ step: program, on: web-2, run: [sh, -c, "echo program >> {far}/seen"], read_only: true }}
  - step: file
    on: web-1
    run: {{ file: far.sh, args: [one] }}
    env: {{ KIND: kind, FAR: "{far}" }}
    read_only: true
  - checkpoint: there
    checks: [{{ run: "cat seen", in: {far}, on: web-1, matches: "program" }}]
"#,
        hosts = sshd.hosts(),
        far = far.display(),
    );
    place.write("plan.yaml", &plan);
    place.apply().ends(0).never_says("not-to-be-seen");
    let (here, more) = (far.display(), "v f l /bin:/usr/bin");
    let seen = place.read("far/seen");
    assert_eq!(
        seen,
        format!(
            "127.0.0.1 two words 19 {here} {more}\n127.0.0.2 two words 19 {here} {more}\nprogram\nfile one kind\n"
        )
    );
    let log = place.plan(&["logs", "script"]).ends(0);
    assert!(log.out.contains("== ssh://127.0.0.2"), "{}", log.out);
    for file in files_below(&place.store()) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert!(!text.contains("not-to-be-seen"), "{}", file.display());
    }
}

#[test]
fn a_host_that_is_not_reached_is_told_before_anything_is_touched() {
    if !has_sshd() {
        return;
    }
    let place = place("away");
    let sshd = Sshd::start(&place);
    let plan = format!(
        "plan: away\n{}  db: {{ ssh: 127.0.0.1, port: 1 }}\nsteps:\n  - {{ step: here, run: touch \
         began, read_only: true }}\n  - {{ step: there, on: db, run: \"true\", read_only: true }}\n",
        sshd.hosts()
    );
    place.write("plan.yaml", &plan);
    let ran = place.apply().ends(6).says("the host was not reached").says("refused");
    ran.says("ssh -o BatchMode=yes ssh://127.0.0.1:1 true").says("nothing was touched");
    assert!(!place.has("began"));
}

#[test]
fn an_address_is_never_an_option_of_ssh() {
    let place = place("option").env("WHERE", "-oProxyCommand=touch owned");
    let plan = "plan: option\ninputs: { where: { env: WHERE } }\nhosts: { web: { ssh: \"{{ where }}\" } }\n\
                steps:\n  - { step: there, on: web, run: \"true\", read_only: true }\n";
    place.write("plan.yaml", plan);
    place.apply().ends(6).says("is no address");
    assert!(!place.has("owned"));
}

#[test]
fn an_odd_variable_never_makes_a_step_that_did_nothing_a_success() {
    if !has_sshd() {
        return;
    }
    let place = place("odd");
    let sshd = Sshd::start(&place);
    let plan = format!(
        "plan: odd\n{}steps:\n  - {{ step: there, on: web-1, env: {{ my.var: 1 }}, run: touch {}/there, \
         read_only: true }}\n",
        sshd.hosts(),
        place.folder.display()
    );
    place.write("plan.yaml", &plan);
    place.apply().ends(1).says("`my.var` cannot be a variable on a host");
    assert!(!place.has("there"));
}

#[test]
fn a_timeout_is_kept_on_the_host() {
    if !has_sshd() {
        return;
    }
    let place = place("slow");
    let sshd = Sshd::start(&place);
    let far = place.folder.display();
    let plan = format!(
        "plan: slow\n{}steps:\n  - step: there\n    on: web-1\n    run: |\n      echo $$ > {far}/pid\n      \
         sleep 600\n    timeout: 1s\n    read_only: true\n",
        sshd.hosts()
    );
    place.write("plan.yaml", &plan);
    place.apply().ends(1).says("took longer than 1 s and was ended");
    let process = place.read("pid");
    assert!(!process.is_empty());
    wait_until("it is ended over there", || {
        fs::metadata(format!("/proc/{}", process.trim())).is_err()
    });
}

#[test]
fn what_cannot_be_undone_on_a_lost_host_is_not_forgotten() {
    if !has_sshd() {
        return;
    }
    let place = place("lost");
    let mut sshd = Sshd::start(&place);
    let plan = format!(
        r#"
plan: lost
{hosts}steps:
  - {{ step: here, run: touch here, rollback: {{ run: rm here }} }}
  - step: there
    on: web-1
    run: touch {far}/there
    rollback: {{ run: rm {far}/there, on: web-1 }}
  - {{ step: beside, run: touch beside, rollback: {{ run: rm beside }} }}
  - {{ step: cut, run: kill {pid}, read_only: true }}
  - {{ step: again, on: web-1, run: touch {far}/again, read_only: true }}
"#,
        hosts = sshd.hosts(),
        far = place.folder.display(),
        pid = sshd.server.id(),
    );
    place.write("plan.yaml", &plan);
    place.apply().ends(3).says("again").says("the host was not reached").says("plan resume");
    assert_eq!(place.state("again"), "failed");
    assert_eq!(place.state("there"), "rollback-failed");
    // What does not depend on it is undone, what lies before it stays.
    assert!(!place.has("beside") && place.has("there") && place.has("here"));

    sshd.start_again();
    place.plan(&["resume"]).ends(1);
    assert!(!place.has("there") && !place.has("here"));
    assert_eq!(place.state("there"), "rolled-back");
}

/// Whatever the plan says of it, what is always lost is not tried for ever.
#[test]
fn a_way_back_that_may_be_done_again_is_not_done_without_end() {
    if !has_sshd() {
        return;
    }
    for (name, probe) in [("bare", ""), ("probe", ", probe: { file: nowhere }")] {
        let place = place(&format!("again-{name}"));
        let sshd = Sshd::start(&place);
        let plan = format!(
            r#"
plan: again
{hosts}steps:
  - step: there
    run: touch here
    rollback:
      on: web-1
      run: |
        echo began >> {far}/began
        kill -9 "$(ps -o ppid= -p "$PPID" | tr -d ' ')"
        sleep 1
      after_crash: rerun{probe}
  - {{ checkpoint: never, checks: [{{ file: nowhere }}] }}
"#,
            hosts = sshd.hosts(),
            far = place.folder.display(),
            probe = probe.replace(", probe", "\n      probe"),
        );
        place.write("plan.yaml", &plan);
        place.apply().ends(3).says("stuck");
        let tries = place.read("began").lines().count();
        assert!((2..=3).contains(&tries), "{name}: {tries}");
    }
}

#[test]
fn a_connection_that_is_lost_leaves_a_step_in_doubt() {
    if !has_sshd() {
        return;
    }
    let place = place("cut");
    let sshd = Sshd::start(&place);
    let plan = format!(
        r#"
plan: cut
{hosts}steps:
  - step: there
    on: web-1
    run: |
      cd {far}
      echo began >> began
      # The one that holds the connection: the parent of the shell that reads the errand.
      kill -9 "$(ps -o ppid= -p "$PPID" | tr -d ' ')"
      sleep 3
      echo done >> done
    probe: {{ file: done, contains: done }}
    rollback: {{ run: rm -f {far}/done }}
"#,
        hosts = sshd.hosts(),
        far = place.folder.display(),
    );
    place.write("plan.yaml", &plan);
    // It is not run again while it goes on over there.
    place.apply().ends(4).says("there").says("the connection to the host was lost");
    assert_eq!(place.read("began"), "began\n");
    wait_until("what ran there goes on", || place.has("done"));
    place.plan(&["resume"]).ends(0).says("was done");
    assert_eq!(place.read("began"), "began\n");
}
