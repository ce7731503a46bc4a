//! `open-to-world`: no rule lets every address of the internet reach a database.

use super::code::{Code, command_at, program};
use super::{Finding, Level, Lint, Rule, ask, code};
use crate::model::action::files::FileChange;
use crate::shell::Command;
use crate::shell::facts::{self, Fact};

pub const RULE: Rule = Rule {
    code: "open-to-world",
    severity: Level::Error,
    about: "no rule lets any address reach a database",
    why: "A guide sets `listen_addresses = '*'` and adds `host all all 0.0.0.0/0 md5` so that the \
          application can connect, and the rule stays. Databases that answer the whole internet are found \
          within hours and emptied for ransom; then only the password stands between, and it is the one \
          from the guide.",
    bad: "plan: p
steps:
  - step: firewall
    run: ufw allow 5432/tcp
    rollback: { run: ufw delete allow 5432/tcp }
",
    good: "plan: p
steps:
  - step: firewall
    run: ufw allow from 10.0.0.7 to any port 5432 proto tcp
    rollback: { run: ufw delete allow from 10.0.0.7 to any port 5432 proto tcp }
",
    check,
};

const PORTS: [&str; 7] = ["5432", "3306", "6379", "27017", "1433", "5433", "6432"];

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let mut listening = Vec::new();
    for code in code::telling(lint) {
        for fact in facts::open_to_world(code.script()) {
            let message = format!("{} {}", code.name(lint), fact.about);
            let finding = code.finding(lint, &fact.range, message);
            if fact.about.contains("listens") {
                listening.push(finding);
            } else if is_a_rule_for_databases(&code, &fact) {
                found.push(finding.help(
                    "name the addresses that need it, such as 10.0.0.7/32; a database is never for all",
                ));
            }
        }
    }
    settings(lint, found, &mut listening);
    if !listening.is_empty() && !has_firewall(lint) {
        found.extend(listening.into_iter().map(|finding| {
            finding.help("listen on the address that the application uses, or add the firewall rule to this plan")
        }));
    }
}

fn settings(lint: &Lint<'_>, found: &mut Vec<Finding>, listening: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(changes) = entry.step().and_then(|step| step.actions.files()) else {
            continue;
        };
        for change in changes.iter() {
            let FileChange::Set(set) = change else { continue };
            for (key, value) in &set.set.0 {
                let text = value.plain();
                let everywhere = match key.value.to_ascii_lowercase().replace('-', "_").as_str() {
                    "listen_addresses" => text.contains('*') || text.contains("0.0.0.0"),
                    "bind_address" | "bind" | "bindip" if is_of_database(&set.file.value) => {
                        matches!(text.trim_matches(['"', '\'']), "*" | "0.0.0.0" | "::")
                    }
                    _ => false,
                };
                if everywhere {
                    let message =
                        format!("`{}` lets the database listen on every address", entry.id);
                    listening.push(Finding::new(value.span, message).about(at));
                } else if text.contains("0.0.0.0/0") && is_of_database(&set.file.value) {
                    let message = format!("`{}` lets any address in", entry.id);
                    found.push(
                        Finding::new(value.span, message)
                            .about(at)
                            .help("name the addresses that need it, such as 10.0.0.7/32"),
                    );
                }
            }
        }
    }
}

fn is_of_database(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["postgres", "pg_hba", "mysql", "mariadb", "my.cnf", "redis", "mongo"]
        .iter()
        .any(|part| path.contains(part))
}

/// A web server is meant for all; what names ports, but none of a database, is not ours.
fn is_a_rule_for_databases(code: &Code<'_>, fact: &Fact) -> bool {
    let Some(command) = command_at(code.script(), &fact.range) else { return false };
    if matches!(
        program(command),
        "grep" | "egrep" | "rg" | "ip" | "route" | "test" | "[" | "[[" | "awk" | "ping"
    ) {
        return false;
    }
    let removes = command.words.iter().any(|word| {
        matches!(&*word.text, "delete" | "-D" | "--delete" | "deny" | "reject" | "DROP" | "REJECT")
            || word.text.starts_with("revoke-")
    });
    if removes || is_outgoing(command) {
        return false;
    }
    let mut ports = command.words.iter().flat_map(|word| {
        word.text
            .split(|one: char| !one.is_ascii_digit() && one != '.')
            .filter(|part| part.len() <= 5 && part.parse::<u32>().is_ok_and(|port| port > 20))
    });
    let named: Vec<&str> = ports.by_ref().collect();
    named.is_empty() || named.iter().any(|port| PORTS.contains(port))
}

fn is_outgoing(command: &Command<'_>) -> bool {
    command.words.iter().any(|word| {
        matches!(&*word.text, "OUTPUT" | "out" | "-d" | "--destination" | "-o")
            || word.text.ends_with("-egress")
    })
}

/// The plan itself says who may reach the port.
fn has_firewall(lint: &Lint<'_>) -> bool {
    code::telling(lint).any(|code| {
        code.script().commands.iter().any(|command| {
            matches!(program(command), "ufw" | "iptables" | "ip6tables" | "nft" | "firewall-cmd")
                && command
                    .words
                    .iter()
                    .any(|word| PORTS.iter().any(|port| word.text.contains(port)))
        })
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
    fn doors_that_are_open_to_all_are_refused() {
        for (keys, expected) in [
            (
                "run: echo 'host all all 0.0.0.0/0 md5' >> pg_hba.conf",
                "'host all all 0.0.0.0/0 md5'|`a` lets any address in",
            ),
            ("run: aws ec2 x --port 5432 --cidr 0.0.0.0/0", "0.0.0.0/0|`a` lets any address in"),
            (
                "run: iptables -A INPUT -s 0.0.0.0/0 -p tcp --dport 3306 -j ACCEPT",
                "0.0.0.0/0|`a` lets any address in",
            ),
            (
                "files: { set: { listen_addresses: \"'*'\" }, in: /etc/postgresql/14/main/postgresql.conf }",
                "\"'*'\"|`a` lets the database listen on every address",
            ),
        ] {
            check(&RULE, &plan(keys), &[expected]);
        }
    }

    #[test]
    fn doors_for_some_or_for_the_web_are_fine() {
        for keys in [
            "run: ufw allow 443/tcp",
            "run: aws ec2 x --port 443 --cidr 0.0.0.0/0",
            "run: grep -q 0.0.0.0/0 pg_hba.conf",
            "run: ip route add 0.0.0.0/0 via 10.0.0.1",
            "run: ufw delete allow 5432",
            "files: { set: { listen_addresses: \"'10.0.0.5'\" }, in: postgresql.conf }",
            "files: { set: { bind: 0.0.0.0 }, in: gunicorn.conf }",
        ] {
            check(&RULE, &plan(keys), &[]);
        }
        let with_firewall = "plan: p\nsteps:\n  - { step: a, files: { set: { listen_addresses: '*' }, in: postgresql.conf } }\n  - { step: b, run: ufw allow from 10.0.0.1 to any port 5432, rollback: { run: ufw delete 1 } }\n";
        check(&RULE, with_firewall, &[]);
    }
}
