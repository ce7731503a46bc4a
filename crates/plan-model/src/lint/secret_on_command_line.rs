//! `secret-on-command-line`: no secret is an argument, where every user of the machine can read it.

use super::code::{Code, program};
use super::{Finding, Level, Lint, Rule, ask, code, secrets};
use crate::model::action::Action;
use crate::model::action::maintenance::{Maintenance, MaintenanceKind};
use crate::model::action::run::Command;
use crate::model::value::Text;
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "secret-on-command-line",
    severity: Level::Error,
    about: "no password or token is an argument of a program",
    why: "Arguments are public: `ps` shows them to every user of the machine, and monitoring, shell \
          histories and crash reports keep them. The guides pass database addresses with the password to \
          psql in a loop, for minutes. The environment and standard input are seen only by the program \
          itself.",
    bad: "plan: p
inputs: { db_password: { secret: true, env: DB_PASSWORD } }
steps:
  - step: look
    run: mysql -u shop -p{{ db_password }} shop -e 'select 1'
    read_only: true
",
    good: "plan: p
inputs: { db_password: { secret: true, env: DB_PASSWORD } }
steps:
  - step: look
    run: mysql -u shop shop -e 'select 1'
    env: { MYSQL_PWD: \"{{ db_password }}\" }
    read_only: true
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let names = secrets::inputs(lint);
    let any = names.iter().any(|names| !names.is_empty());
    for code in code::each(lint) {
        let mut seen: Vec<std::ops::Range<usize>> = Vec::new();
        let is_plain = matches!(code, Code::Script(one) if one.is_plain);
        let all = if is_plain { Vec::new() } else { facts::secrets(code.script()) };
        by_name(lint, &code, &all, found);
        for secret in all.into_iter().filter(|one| one.on_command_line) {
            let message = format!(
                "{}: {} can be read by every user of the machine",
                code.name(lint),
                secret.about
            );
            let help = instead(&code, &secret.range);
            found.push(code.finding(lint, &secret.range, message).help(help));
            seen.push(secret.range);
        }
        if any {
            inputs(lint, &code, &names, &seen, found);
        }
    }
    if any {
        arguments(lint, &names, found);
    }
}

/// `URL=postgresql://shop:…@host; psql $URL`
fn by_name(lint: &Lint<'_>, code: &Code<'_>, assigned: &[facts::Secret], found: &mut Vec<Finding>) {
    let script = code.script();
    let addresses = assigned.iter().filter(|one| !one.on_command_line && one.about.contains("URL"));
    for address in addresses {
        let Some((name, _)) = script.slice(&address.range).split_once('=') else { continue };
        let (plain, braced) = (format!("${name}"), format!("${{{name}}}"));
        let words = script
            .commands
            .iter()
            .filter(|one| !is_builtin(program(one)))
            .flat_map(|one| &one.words);
        let mut users = words.filter(|word| {
            let text = script.slice(&word.range).trim_matches('"');
            text == plain || text == braced
        });
        if let Some(word) = users.next() {
            let message = format!(
                "{}: the password in `{name}` can be read by every user of the machine",
                code.name(lint)
            );
            found.push(
                code.finding(lint, &word.range, message)
                    .related(
                        code.place(lint, &address.range),
                        "it holds an address with a password",
                    )
                    .help(instead(code, &word.range)),
            );
        }
    }
}

/// Secret inputs among the arguments.
fn inputs(
    lint: &Lint<'_>,
    code: &Code<'_>,
    names: &[Vec<String>],
    seen: &[std::ops::Range<usize>],
    found: &mut Vec<Finding>,
) {
    let scope = code.entry().map_or(0, |at| lint.plan.entry(at).scope);
    if names[scope].is_empty() {
        return;
    }
    for command in &code.script().commands {
        if is_builtin(command.words.first().map_or("", |word| &*word.text)) {
            continue;
        }
        for word in command.words.iter().filter(|word| word.has_hole && !seen.contains(&word.range))
        {
            // What a substitution in the word does is a command of its own.
            let written = code.slice(lint, &word.range);
            let outside = written.split("$(").next().unwrap_or(written);
            let Some((name, _)) = secrets::used(outside, &names[scope]) else { continue };
            let message = format!(
                "{}: the secret `{name}` is an argument: every user of the machine can read it",
                code.name(lint)
            );
            found.push(code.finding(lint, &word.range, message).help(instead(code, &word.range)));
        }
    }
}

/// What an action gives a program as an argument: `run: { file: …, args: … }`, and artisan's own.
fn arguments(lint: &Lint<'_>, names: &[Vec<String>], found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        let back = step.rollback.iter().flat_map(|many| many.iter());
        let all = std::iter::once(&step.actions).chain(back.map(|back| &back.actions));
        for action in all.flat_map(|actions| actions.iter()) {
            let (words, is_artisan): (Vec<&Text>, bool) = match action {
                Action::Run(Command::File(file)) => (file.args.iter().flatten().collect(), false),
                Action::Maintenance(Maintenance::Full(keys)) => {
                    let is_artisan = keys.kind == Some(MaintenanceKind::Laravel);
                    (keys.bypass.iter().filter(|_| is_artisan).collect(), true)
                }
                _ => continue,
            };
            for word in words {
                let Some((name, _)) = secrets::used(&word.value, &names[entry.scope]) else {
                    continue;
                };
                let message = format!(
                    "`{}`: the secret `{name}` is an argument: every user of the machine can read it",
                    entry.id
                );
                let help = match is_artisan {
                    true => format!(
                        "artisan takes this path as an argument: let `{name}` be an input that is not secret"
                    ),
                    false => format!(
                        "give it by the environment: env: {{ {}: \"{{{{ {name} }}}}\" }}",
                        name.to_ascii_uppercase()
                    ),
                };
                found.push(Finding::new(word.span, message).about(at).help(help));
            }
        }
    }
}

/// Bash does these itself: no process shows their arguments.
fn is_builtin(name: &str) -> bool {
    matches!(
        name,
        "echo"
            | "printf"
            | "export"
            | "declare"
            | "local"
            | "readonly"
            | "test"
            | "["
            | "[["
            | "(("
            | ":"
            | "read"
            | "set"
    )
}

fn instead(code: &Code<'_>, range: &std::ops::Range<usize>) -> &'static str {
    match code::command_at(code.script(), range).map_or("", program) {
        "mysql" | "mariadb" | "mysqldump" | "mariadb-dump" | "mysqladmin" => {
            "give it by the environment (env: { MYSQL_PWD: … }), or use a `sql:` or `backup:` step with the connection"
        }
        "psql" | "pg_dump" | "pg_restore" | "pg_dumpall" => {
            "give it by the environment (env: { PGPASSWORD: … }), or use a `sql:` or `backup:` step with the connection"
        }
        "curl" | "wget" | "http" => {
            "use an `http:` or `fetch:` step; or let curl read it from standard input: `curl --config -`"
        }
        "docker" | "podman" => "give it by standard input (`--password-stdin`) or by an env file",
        "redis-cli" => "give it by the environment: env: { REDISCLI_AUTH: … }",
        "sshpass" => {
            "give it by the environment: `sshpass -e` with env: { SSHPASS: … }; a key is better"
        }
        _ => {
            "give it by the environment beside `run:` (env: { NAME: \"{{ name }}\" }), or by standard input"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        format!(
            "plan: p\ninputs: {{ pw: {{ secret: true, env: PW }}, v: {{ default: x }} }}\nsteps:\n  - step: a\n    run: {run}\n    read_only: true\n"
        )
    }

    #[test]
    fn secrets_among_arguments_are_refused() {
        let argument = "`a`: a password in an argument can be read by every user of the machine";
        let input = "`a`: the secret `pw` is an argument: every user of the machine can read it";
        for (run, expected) in [
            ("mysql -pS3cret -e 'select 1'", format!("-pS3cret|{argument}")),
            ("\"mysql -p{{ pw }} -e 'select 1'\"", format!("-p{{{{ pw }}}}|{argument}")),
            ("[redis-cli, -a, S3cret, ping]", format!("S3cret|{argument}")),
            ("./login {{ pw }}", format!("{{{{ pw }}}}|{input}")),
            ("[./login, \"{{ pw }}\"]", format!("\"{{{{ pw }}}}\"|{input}")),
            ("[./login, \"--key={{ pw }}\"]", format!("\"--key={{{{ pw }}}}\"|{input}")),
        ] {
            check(&RULE, &plan(run), &[&expected]);
        }
    }

    #[test]
    fn the_path_for_testers_is_an_argument_of_artisan() {
        let plan = |kind: &str| {
            plan("\"true\"")
                + &format!(
                    "  - {{ step: b, maintenance: {{ turn: on, kind: {kind}, bypass: \"{{{{ pw }}}}\" }} }}\n  - {{ step: c, maintenance: off }}\n"
                )
        };
        let said = "\"{{ pw }}\"|`b`: the secret `pw` is an argument: every user of the machine can read it";
        check(&RULE, &plan("laravel"), &[said]);
        check(&RULE, &plan("file"), &[]);
    }

    #[test]
    fn an_address_with_a_password_is_followed_by_its_name() {
        check(
            &RULE,
            &plan("\"url=postgres://u:pw@h/d; psql $url -c 'select 1'\""),
            &["$url|`a`: the password in `url` can be read by every user of the machine"],
        );
        check(&RULE, &plan("\"url=postgres://h/d; psql $url -c 'select 1'\""), &[]);
    }

    #[test]
    fn the_environment_and_standard_input_are_fine() {
        for run in [
            "PGPASSWORD={{ pw }} psql -c 'select 1'",
            "printf %s {{ pw }} | docker login --password-stdin",
            "./login --user {{ v }}",
            "./login <<< {{ pw }}",
            "export TOKEN={{ pw }}",
        ] {
            check(&RULE, &plan(run), &[]);
        }
    }
}
