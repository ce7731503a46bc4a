//! `download-unverified`: what comes from the network is checked before it is used.

use super::code::{Code, base, program};
use super::{Finding, Level, Lint, Rule, ask, code};
use crate::shell::facts;
use crate::shell::{Command, Script, Word};

pub const RULE: Rule = Rule {
    code: "download-unverified",
    severity: Level::Error,
    about: "a download is held against its checksum before it is used",
    why: "One guide compares the checksum after it has unpacked the archive, another downloads an exporter \
          and starts it as root. A broken or exchanged file is then already running on the database's own \
          machine. `curl … | sh` even runs the half that arrived before the line broke.",
    bad: "plan: p
steps:
  - step: package
    fetch: { url: \"https://example.org/shop-2.0.tar.gz\", to: packages/ }
",
    good: "plan: p
steps:
  - step: package
    fetch: { url: \"https://example.org/shop-2.0.tar.gz\", to: packages/, sums: packages/SHA256SUMS }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        let back = step.rollback.iter().flat_map(|many| many.iter());
        let actions = std::iter::once(&step.actions).chain(back.map(|back| &back.actions));
        for fetch in actions.filter_map(|keys| keys.fetch()) {
            let Some(from) = &fetch.url else { continue };
            if fetch.sha256.is_none() && fetch.sums.is_none() {
                let message = format!("`{}` fetches a file and does not check it", entry.id);
                found.push(Finding::new(from.span, message).about(at).help(
                    "add `sha256:` with the sum that its maker publishes, or `sums:` with the list of sums",
                ));
            }
        }
    }
    code::report(lint, found, facts::piped_download, |code, fact| {
        let pipes_into_database =
            fact.about.contains("trusts") && code.script().commands.iter().any(is_verifier);
        (!pipes_into_database)
            .then(|| (format!("{} {}", code.name(lint), fact.about), HELP.to_owned()))
    });
    for code in code::telling(lint) {
        if let Some((download, user)) = used_unchecked(&code) {
            let message = format!("{} uses what it downloads, unchecked", code.name(lint));
            found.push(
                code.finding(lint, &download.range, message)
                    .related(code.place(lint, &user.range), "used here")
                    .help(HELP),
            );
        }
    }
}

const HELP: &str = "use a `fetch:` step with `sha256:` or `sums:`; or save it, then `sha256sum --check` before it is used";

/// A download to a file that a later command of the script unpacks, installs or runs, with no
/// command that verifies anything.
fn used_unchecked<'s>(code: &Code<'s>) -> Option<(&'s Command<'s>, &'s Command<'s>)> {
    let script: &Script<'_> = code.script();
    let at =
        script.commands.iter().position(|command| matches!(program(command), "curl" | "wget"))?;
    if script.commands.iter().any(is_verifier) {
        return None;
    }
    script.commands[at..].iter().enumerate().find_map(|(first, download)| {
        let file = saved_as(download)?;
        let later = script.commands[at + first + 1..].iter();
        let user = later.into_iter().find(|command| {
            uses(command) && command.words.iter().any(|word| is_named(base(&word.text), file))
                || base(command.words.first().map_or("", |word| &word.text)) == file
        })?;
        Some((download, user))
    })
}

/// By its name, or by a pattern with one `*`.
fn is_named(text: &str, file: &str) -> bool {
    match text.split_once('*') {
        Some((start, end)) => !start.is_empty() && file.starts_with(start) && file.ends_with(end),
        None => text == file,
    }
}

fn is_verifier(command: &Command<'_>) -> bool {
    let name = program(command);
    name.ends_with("sum") && name.starts_with("sha")
        || matches!(name, "b2sum" | "gpg" | "gpgv" | "cosign" | "minisign" | "signify")
        || (name == "shasum"
            || name == "openssl" && command.words.iter().any(|word| word.text == "dgst"))
}

fn uses(command: &Command<'_>) -> bool {
    match program(command) {
        "tar" | "unzip" | "gunzip" | "unxz" | "dpkg" | "rpm" | "apt" | "apt-get" | "dnf"
        | "yum" | "install" | "sh" | "bash" | "python" | "python3" | "php" | "node" | "source"
        | "." | "pip" | "pip3" | "npm" => true,
        "chmod" => {
            command.words.iter().any(|word| word.text.contains('x') || word.text.starts_with("7"))
        }
        _ => false,
    }
}

/// The name of the file that a download is saved as.
fn saved_as<'s>(command: &'s Command<'_>) -> Option<&'s str> {
    let name = program(command);
    let words = &command.words;
    let known =
        |word: &'s Word<'_>| Some(base(&word.text)).filter(|name| !name.is_empty() && *name != "-");
    let into = command
        .redirections
        .iter()
        .find(|one| one.operator == ">" && one.descriptor.is_none_or(|at| at == 1));
    if let Some(one) = into {
        return known(&one.target);
    }
    let address = || words.iter().find(|word| word.text.contains("://")).and_then(known);
    let (letter, long) = match name {
        "curl" => ('o', "--output"),
        "wget" => ('O', "--output-document"),
        _ => return None,
    };
    let output = words.windows(2).find(|pair| {
        let text = &*pair[0].text;
        text == long || (text.starts_with('-') && !text.starts_with("--") && text.ends_with(letter))
    });
    if let Some(pair) = output {
        return known(&pair[1]);
    }
    let remote = |text: &str| {
        text == "--remote-name"
            || (text.starts_with('-') && !text.starts_with("--") && text.contains('O'))
    };
    match name {
        "curl" if words.iter().any(|word| remote(&word.text)) => address(),
        "wget" => address(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        let run = run.replace('\n', "\n      ");
        format!("plan: p\nsteps:\n  - step: a\n    run: |\n      {run}\n    read_only: true\n")
    }

    #[test]
    fn what_is_used_as_it_comes_is_refused() {
        for (run, expected) in [
            (
                "curl -fsSL https://x/i.sh | sudo bash",
                "curl -fsSL https://x/i.sh | sudo bash|`a` runs or trusts what it downloads, unchecked",
            ),
            (
                "wget https://x/e-0.11.tar.gz\ntar xzf e-0.11.tar.gz",
                "wget https://x/e-0.11.tar.gz|`a` uses what it downloads, unchecked",
            ),
            (
                "wget https://x/e-0.11.tgz\ntar xzf e-*.tgz",
                "wget https://x/e-0.11.tgz|`a` uses what it downloads, unchecked",
            ),
            (
                "curl -fsSLo /tmp/e https://x/e\nchmod +x /tmp/e\n/tmp/e",
                "curl -fsSLo /tmp/e https://x/e|`a` uses what it downloads, unchecked",
            ),
        ] {
            check(&RULE, &plan(run), &[expected]);
        }
    }

    #[test]
    fn what_is_checked_or_only_looked_at_is_fine() {
        for run in [
            "curl -fsS http://127.0.0.1/health",
            "curl -fsSLO https://x/e.tgz\nsha256sum --check sums\ntar xzf e.tgz",
            "curl -fsS http://x/version > v\ncat v",
            "curl -fsS http://x/list | grep y\nbash z",
        ] {
            check(&RULE, &plan(run), &[]);
        }
        check(
            &RULE,
            "plan: p\nsteps:\n  - step: a\n    fetch: { path: /mnt/usb/a.tgz, to: packages/ }\n",
            &[],
        );
    }
}
