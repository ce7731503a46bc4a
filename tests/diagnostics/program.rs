//! One run of the real binary in bounded time and memory. A panic, a hang or too much memory fails
//! the test that asked for it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Far more than any case needs, also in a debug build on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(5);
const MEMORY_LIMIT_KIB: u32 = 400 * 1024;

/// What came out of a run.
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub exit: i32,
}

/// Runs `plan` with these arguments in a folder.
pub fn plan(folder: &Path, arguments: &[&str], stdin: &[u8]) -> Ran {
    let shown = format!("plan {} in {}", arguments.join(" "), folder.display());
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("ulimit -v {MEMORY_LIMIT_KIB}; exec \"$@\""))
        .arg("sh")
        .arg(env!("CARGO_BIN_EXE_plan"))
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "80")
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell starts the binary");
    let mut input = child.stdin.take().expect("stdin is a pipe");
    let stdin = stdin.to_vec();
    // A program that refuses its input closes the pipe: no problem of the test.
    let writer = std::thread::spawn(move || drop(input.write_all(&stdin)));
    let stdout = collect(child.stdout.take().expect("stdout is a pipe"));
    let stderr = collect(child.stderr.take().expect("stderr is a pipe"));
    let status = within_time(&mut child, &shown);
    writer.join().expect("the writer ends");
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert!(!stderr.contains("panicked"), "{shown} panicked:\n{stderr}");
    let exit = status.code();
    let exit = exit.unwrap_or_else(|| {
        panic!("{shown} was ended by a signal ({status}): out of its memory?\n{stderr}")
    });
    assert_ne!(exit, 101, "{shown} panicked:\n{stderr}");
    Ran { stdout, stderr, exit }
}

fn within_time(child: &mut Child, shown: &str) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill().expect("a running child can be ended");
            child.wait().expect("an ended child can be waited for");
            panic!("{shown} took longer than {TIME_LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

fn text(reader: JoinHandle<Vec<u8>>) -> String {
    let bytes = reader.join().expect("the reader ends");
    String::from_utf8(bytes).expect("the program writes UTF-8")
}
