//! `key-mode`: only its owner reads a private key.

use super::code::{base, program};
use super::{Finding, Level, Lint, Rule, ask, code};
use crate::model::action::files::{FileChange, Ownership};
use crate::model::value::Text;
use crate::shell::Script;

pub const RULE: Rule = Rule {
    code: "key-mode",
    severity: Level::Error,
    about: "a private key has mode 0600 or less",
    why: "PostgreSQL and ssh refuse a key that others can read, and the server then does not start in the \
          middle of the window; nginx takes it without a word, and from then on every program on the \
          machine can pretend to be this server. Both have the same cause: a mode that was set in a hurry.",
    bad: "plan: p
steps:
  - step: key
    files: { path: /etc/ssl/private/server.key, mode: \"0644\", owner: postgres }
",
    good: "plan: p
steps:
  - step: key
    files: { path: /etc/ssl/private/server.key, mode: \"0600\", owner: postgres }
",
    check,
};

const HELP: &str = "write mode \"0600\" and let the program that needs the key own it";

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(changes) = entry.step().and_then(|step| step.actions.files()) else {
            continue;
        };
        for (path, ownership) in changes.iter().filter_map(written) {
            let Some(mode) = &ownership.mode else { continue };
            let by_root =
                ownership.owner.as_ref().is_some_and(|owner| owner.value.starts_with("root"));
            if is_private_key(&path.value) && is_too_wide(&mode.value, by_root) {
                let message =
                    format!("`{}` lets others read the private key {}", entry.id, path.value);
                found.push(Finding::new(mode.span, message).about(at).help(HELP));
            }
        }
    }
    for code in code::telling(lint) {
        let script = code.script();
        for command in &script.commands {
            let name = program(command);
            let start = command.words.iter().position(|word| base(&word.text) == name);
            let Some(words) = start.and_then(|at| command.words.get(at + 1..)) else { continue };
            let mode = match name {
                "chmod" => words.iter().find(|word| {
                    !word.text.starts_with("--")
                        && !matches!(&*word.text, "-R" | "-v" | "-c" | "-f")
                }),
                "install" => {
                    words.windows(2).find(|pair| pair[0].text == "-m").map(|pair| &pair[1])
                }
                _ => continue,
            };
            let Some(mode) = mode else { continue };
            let Some(key) = words.iter().find(|word| is_private_key(&word.text)) else { continue };
            if is_too_wide(&mode.text, belongs_to_root(script)) {
                let message =
                    format!("{} lets others read the private key {}", code.name(lint), key.text);
                found.push(code.finding(lint, &mode.range, message).help(HELP));
            }
        }
    }
}

fn written(change: &FileChange) -> Option<(&Text, &Ownership)> {
    match change {
        FileChange::Copy(change) => Some((&change.to, &change.ownership)),
        FileChange::Template(change) => Some((&change.to, &change.ownership)),
        FileChange::Mode(change) => Some((&change.path, &change.ownership)),
        _ => None,
    }
}

fn is_private_key(path: &str) -> bool {
    let name = base(path.trim_end_matches('/')).to_ascii_lowercase();
    // Package managers call the public keys that they trust `.key` too.
    if ["keyring", "gpg", "trusted", "/apt/"].iter().any(|part| path.contains(part)) {
        return false;
    }
    if name.ends_with(".pub") || name.contains("public") || name.contains("pubkey") {
        return false;
    }
    let ssh = ["id_rsa", "id_ed25519", "id_ecdsa", "id_dsa"].contains(&name.as_str())
        || (name.starts_with("ssh_host_") && name.ends_with("_key"));
    let pem = name.ends_with(".pem") && (name.contains("key") || name.contains("priv"));
    ssh || pem || name.ends_with(".key")
}

/// `0640` is how PostgreSQL and Debian share a key of root with one group.
fn is_too_wide(mode: &str, by_root: bool) -> bool {
    match u32::from_str_radix(mode, 8) {
        Ok(bits) if by_root => bits & 0o037 != 0,
        Ok(bits) => bits & 0o077 != 0,
        Err(_) => mode.split(',').any(|part| {
            let Some(at) = part.find(['+', '=']) else { return false };
            let (who, what) = part.split_at(at);
            (who.is_empty() || who.contains(['g', 'o', 'a'])) && what.contains(['r', 'w'])
        }),
    }
}

fn belongs_to_root(script: &Script<'_>) -> bool {
    script.commands.iter().any(|command| {
        let to_root = |text: &str| text == "root" || text.starts_with("root:");
        matches!(program(command), "chown" | "install")
            && command.words.iter().any(|word| to_root(&word.text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(keys: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    {keys}\n    read_only: true\n")
    }

    #[test]
    fn keys_that_others_can_read_are_refused() {
        let message = "`a` lets others read the private key";
        for (keys, marked, key) in [
            (
                "files: { copy: a, to: /etc/x/server.key, mode: \"0640\" }",
                "\"0640\"",
                "/etc/x/server.key",
            ),
            ("run: sudo chmod 644 server.key", "644", "server.key"),
            ("run: chmod go+r ~/.ssh/id_rsa", "go+r", "~/.ssh/id_rsa"),
            ("run: install -m 0644 a.key /etc/ssl/a.key", "0644", "a.key"),
            ("run: [chmod, \"755\", tls-key.pem]", "\"755\"", "tls-key.pem"),
        ] {
            check(&RULE, &plan(keys), &[&format!("{marked}|{message} {key}")]);
        }
    }

    #[test]
    fn keys_of_one_owner_and_public_files_are_fine() {
        for keys in [
            "files: { copy: a, to: /etc/x/server.key, mode: \"0600\" }",
            "files: { copy: a, to: /etc/x/server.key, mode: \"0640\", owner: \"root:ssl-cert\" }",
            "files: { copy: a, to: /etc/x/server.crt, mode: \"0644\" }",
            "run: chmod 644 id_rsa.pub server.crt",
            "run: chmod 644 /usr/share/keyrings/docker.key",
            "run: chmod 400 server.key",
            "run: chmod u=rw,go= server.key",
            "run: \"chown root:ssl-cert server.key; chmod 640 server.key\"",
        ] {
            check(&RULE, &plan(keys), &[]);
        }
    }
}
