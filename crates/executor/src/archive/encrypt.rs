//! Backups that only the owner of a key can read. The program `age` does it, so that it can also be
//! undone without `plan`; what it needs to read one is asked for by an environment variable.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use plan_model::template::shell_word;

use super::manifest_path;
use crate::checks::tool::is_there;
use crate::event::Failure;
use crate::world::{Around, Broken, Job, error};

pub const ENDING: &str = ".age";
/// Names the file with the identity that reads what was encrypted.
pub const IDENTITY: &str = "PLAN_AGE_IDENTITY";

/// What this machine lacks for it.
pub fn unready() -> Option<String> {
    let text =
        "`encrypt_for` needs the program `age`, which is not in the PATH: apt-get install age";
    (!is_there(Path::new(""), "age")).then(|| text.to_owned())
}

/// For whom: an age key or an SSH key, not a name or a file.
pub fn recipient(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    match text.starts_with("age1") || text.starts_with("ssh-") {
        true => Ok(text.to_owned()),
        false => Err(error("`encrypt_for` is no age recipient such as age1… (age-keygen -y FILE)")),
    }
}

/// A file into an encrypted one.
pub async fn encrypt(
    job: &Job,
    around: Around,
    recipient: &str,
    from: &Path,
    to: &Path,
) -> Result<(), Broken> {
    let [from, to] = [from, to].map(|path| shell_word(&path.display().to_string()));
    let recipient = shell_word(recipient);
    let text = format!("umask 077; age --encrypt --recipient {recipient} --output {to} {from}");
    let arguments = ["bash", "-euo", "pipefail", "-c", &text].map(str::to_owned).to_vec();
    let timeout = around.timeout;
    let ran = job.program(arguments, around, None, false).await?;
    Ok(ran.check(timeout).map_err(|mut failure| {
        failure.text = format!("age: {}", failure.text);
        failure
    })?)
}

/// The file with the identity, if somebody named one.
pub fn identity() -> Option<PathBuf> {
    std::env::var_os(IDENTITY).map(PathBuf::from).filter(|path| !path.as_os_str().is_empty())
}

fn needed(path: &Path) -> io::Result<PathBuf> {
    identity().ok_or_else(|| {
        io::Error::other(format!(
            "it is encrypted (for whom: {}): {IDENTITY} must name the file with the identity",
            manifest_path(path).display()
        ))
    })
}

/// The command that prints what is in it.
pub fn command(path: &Path) -> Result<String, Failure> {
    let identity = needed(path).map_err(|problem| error(problem.to_string()))?;
    let [identity, file] = [&*identity, path].map(|path| shell_word(&path.display().to_string()));
    Ok(format!("age --decrypt --identity {identity} {file}"))
}

/// What is in it, as a stream; at its end it is known whether all of it was right.
pub fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let identity = needed(path)?;
    let mut child = Command::new("age")
        .arg("--decrypt")
        .arg("--identity")
        .arg(identity)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|problem| io::Error::other(format!("age: {problem} (apt-get install age)")))?;
    let out = child.stdout.take().ok_or_else(|| io::Error::other("age has no output"))?;
    Ok(Box::new(Decrypted { child, out }))
}

struct Decrypted {
    child: Child,
    out: ChildStdout,
}

impl Read for Decrypted {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let count = self.out.read(piece)?;
        if count > 0 || piece.is_empty() {
            return Ok(count);
        }
        if self.child.wait()?.success() {
            return Ok(0);
        }
        let mut why = String::new();
        if let Some(errors) = &mut self.child.stderr {
            errors.take(1000).read_to_string(&mut why)?;
        }
        Err(io::Error::other(why.lines().next().unwrap_or("age could not read it").to_owned()))
    }
}

impl Drop for Decrypted {
    fn drop(&mut self) {
        // Whoever stopped reading needs no more of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
