//! Which programs a command runs: `sudo -u app timeout 5 psql` runs three, one inside the other.
//! Knows the options of the programs that run others; does not know what any of them does.

use super::Word;

/// The command lines inside a command line, outermost first. Each begins with a program's name.
pub(crate) fn lines<'w, 'a>(words: &'w [Word<'a>]) -> impl Iterator<Item = &'w [Word<'a>]> {
    let first = if words.is_empty() { None } else { Some(words) };
    std::iter::successors(first, |line| inner(line))
}

/// A program's name without its directory.
pub(crate) fn name<'w>(line: &'w [Word<'_>]) -> &'w str {
    line.first().map_or("", |word| base(&word.text))
}

pub(crate) fn base(text: &str) -> &str {
    // Names are short and asked for all the time: a search by words costs more than it saves.
    let slash = text.bytes().rposition(|byte| byte == b'/');
    slash.map_or(text, |at| &text[at + 1..])
}

pub(crate) fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "fish")
}

fn inner<'w, 'a>(line: &'w [Word<'a>]) -> Option<&'w [Word<'a>]> {
    let rest = line.get(1..)?;
    let found = match name(line) {
        "sudo" | "doas" => operands(rest, "ughpCrtTUDR", &["user", "group", "host", "chdir"], 0),
        "env" => operands(rest, "uCS", &["unset", "chdir"], 0),
        "timeout" => operands(rest, "sk", &["signal", "kill-after"], 1),
        "nice" => operands(rest, "n", &["adjustment"], 0),
        "ionice" => operands(rest, "cnp", &["class", "classdata"], 0),
        // `command -v x` only asks.
        "command" if rest.first().is_some_and(|word| matches!(&*word.text, "-v" | "-V")) => None,
        "nohup" | "setsid" | "command" | "builtin" | "time" => operands(rest, "fo", &[], 0),
        "exec" => operands(rest, "a", &[], 0),
        "stdbuf" => operands(rest, "ioe", &["input", "output", "error"], 0),
        "xargs" => operands(rest, "InPdLsaE", &["max-args", "max-procs", "delimiter"], 0),
        "flock" => operands(rest, "wE", &["timeout", "wait"], 1),
        "chroot" | "gosu" => operands(rest, "", &[], 1),
        "runuser" => operands(rest, "ugG", &["user", "group"], 0),
        "ssh" => operands(rest, "piloFJLRDbcEemOQSWwB", &[], 1),
        "find" => {
            let at = rest
                .iter()
                .position(|word| matches!(&*word.text, "-exec" | "-execdir" | "-ok" | "-okdir"))?;
            rest.get(at + 1..)
        }
        "kubectl" | "oc" => {
            rest.iter().position(|word| word.text == "exec")?;
            let at = rest.iter().position(|word| word.text == "--")?;
            rest.get(at + 1..)
        }
        "docker" | "podman" | "docker-compose" => in_container(line),
        _ => None,
    };
    found.filter(|line| !line.is_empty())
}

/// What follows `skipped` operands; `letters` and `long` are the options that take a value.
fn operands<'w, 'a>(
    words: &'w [Word<'a>],
    letters: &str,
    long: &[&str],
    mut skipped: usize,
) -> Option<&'w [Word<'a>]> {
    let mut at = 0;
    loop {
        let text = &*words.get(at)?.text;
        if text == "--" {
            at += 1;
            break;
        }
        if let Some(name) = text.strip_prefix("--") {
            at += if long.contains(&name) { 2 } else { 1 };
        } else if let Some(cluster) = text.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            // The value follows its letter, or is the next word.
            let takes = cluster.find(|letter| letters.contains(letter));
            at += if takes.is_some_and(|at| at + 1 == cluster.len()) { 2 } else { 1 };
        } else if is_assignment(text) && skipped == 0 {
            at += 1;
        } else if skipped > 0 {
            skipped -= 1;
            at += 1;
        } else {
            break;
        }
    }
    words.get(at + skipped..)
}

fn is_assignment(text: &str) -> bool {
    let Some((name, _)) = text.split_once('=') else { return false };
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `docker exec [options] box program …`, `docker compose run [options] service program …`
fn in_container<'w, 'a>(line: &'w [Word<'a>]) -> Option<&'w [Word<'a>]> {
    let verb = line.iter().position(|word| matches!(&*word.text, "exec" | "run"))?;
    let long = [
        "env",
        "user",
        "workdir",
        "env-file",
        "volume",
        "publish",
        "name",
        "network",
        "entrypoint",
        "mount",
        "label",
        "hostname",
        "index",
        "platform",
        "memory",
        "cpus",
        "link",
        "add-host",
    ];
    operands(line.get(verb + 1..)?, "euwvplhm", &long, 1)
}
