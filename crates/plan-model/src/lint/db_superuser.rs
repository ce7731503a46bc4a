//! `db-superuser`: application work is not done as the server's administrator.

use super::code::{Code, program};
use super::{Finding, Level, Lint, Rule, code};
use crate::shell::Command;

pub const RULE: Rule = Rule {
    code: "db-superuser",
    severity: Level::Warning,
    about: "nothing logs in to a database as root, postgres or sa",
    why: "A guide dumps and restores as root because that always works. It works on the wrong database \
          too: a superuser may drop what belongs to others, and no permission stops a mistyped name. \
          A login that owns just this application turns such a slip into an error.",
    bad: "plan: p
inputs: { db_password: { secret: true, env: DB_PASSWORD } }
connections:
  main: { server: mysql, host: db, database: shop, user: root, password: \"{{ db_password }}\" }
steps:
  - { step: look, run: uptime, read_only: true }
",
    good: "plan: p
inputs: { db_password: { secret: true, env: DB_PASSWORD } }
connections:
  main: { server: mysql, host: db, database: shop, user: shop_deploy, password: \"{{ db_password }}\" }
steps:
  - { step: look, run: uptime, read_only: true }
",
    check,
};

const HELP: &str = "make a login that owns this application's database only, and use that";

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (id, connection) in &lint.plan.plan.connections {
        let of_url = connection.url.as_ref().and_then(|url| Some((url.span, user_of(&url.value)?)));
        let of_key = connection.user.as_ref().map(|user| (user.span, user.value.as_str()));
        if let Some((span, user)) = of_key.or(of_url).filter(|(_, user)| is_superuser(user)) {
            let message =
                format!("connection `{}` logs in as {user}, who may do anything", id.value);
            found.push(Finding::new(span, message).help(HELP));
        }
    }
    for code in code::telling(lint) {
        for command in &code.script().commands {
            let Some((user, range)) = login(command) else { continue };
            if is_administration(&code, command) {
                continue;
            }
            let message = format!("{} logs in as {user}, who may do anything", code.name(lint));
            found.push(code.finding(lint, &range, message).help(HELP));
        }
    }
}

fn is_superuser(user: &str) -> bool {
    matches!(user, "root" | "postgres" | "sa")
}

/// `scheme://user…@host`
fn user_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split(['/', '?']).next()?.rsplit_once('@')?;
    user.split(':').next()
}

/// As whom a client of a database logs in, where it is written.
fn login<'s>(command: &'s Command<'_>) -> Option<(&'s str, std::ops::Range<usize>)> {
    let long = match program(command) {
        "mysql" | "mariadb" | "mysqldump" | "mariadb-dump" | "mysqlimport" => ("-u", "--user"),
        "psql" | "pg_dump" | "pg_restore" => ("-U", "--username"),
        "sqlcmd" => ("-U", "--user-name"),
        _ => return None,
    };
    let name = program(command);
    let start = command.words.iter().rposition(|word| code::base(&word.text) == name)?;
    let words = &command.words[start + 1..];
    words.iter().enumerate().find_map(|(at, word)| {
        let text = &*word.text;
        let next = words.get(at + 1);
        let (user, end) = if text == long.0 || text == long.1 {
            (&*next?.text, next?.range.end)
        } else if let Some(user) = text.strip_prefix(long.1).and_then(|rest| rest.strip_prefix('='))
        {
            (user, word.range.end)
        } else if let Some(user) = text.strip_prefix(long.0) {
            (user, word.range.end)
        } else {
            (user_of(text)?, word.range.end)
        };
        is_superuser(user).then_some((user, word.range.start..end))
    })
}

/// Logins, databases and extensions are made by an administrator.
fn is_administration(code: &Code<'_>, command: &Command<'_>) -> bool {
    let bodies = command.redirections.iter().filter_map(|one| one.body.as_ref());
    let bodies = bodies.map(|body| code.script().slice(body));
    command.words.iter().map(|word| &*word.text).chain(bodies).any(|text| {
        let text = text.to_ascii_uppercase();
        [
            "ROLE",
            "CREATE USER",
            "ALTER USER",
            "CREATE DATABASE",
            "EXTENSION",
            "ALTER SYSTEM",
            "GRANT ",
            "PG_HBA",
        ]
        .iter()
        .any(|part| text.contains(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    run: {run}\n    read_only: true\n")
    }

    #[test]
    fn administrators_are_seen_in_connections_and_clients() {
        check(
            &RULE,
            "plan: p\ninputs: { v: { secret: true, env: V } }\nconnections: { main: { url: \"mysql://root:{{ v }}@h/d\" } }\nsteps:\n  - { step: a, run: uptime, read_only: true }\n",
            &[
                "\"mysql://root:{{ v }}@h/d\"|connection `main` logs in as root, who may do anything",
            ],
        );
        for (run, marked, user) in [
            ("mysqldump -u root shop > x.sql", "-u root", "root"),
            ("mysql -uroot shop -e 'select 1'", "-uroot", "root"),
            (
                "docker compose exec -T db psql --username=postgres -c 'select 1'",
                "--username=postgres",
                "postgres",
            ),
            ("[psql, -U, postgres, -c, select 1]", "-U, postgres", "postgres"),
        ] {
            let expected = format!("{marked}|`a` logs in as {user}, who may do anything");
            check(&RULE, &plan(run), &[&expected]);
        }
    }

    #[test]
    fn logins_of_the_application_and_administration_are_fine() {
        for run in [
            "mysql -u shop shop -e 'select 1'",
            "sudo -u root ls",
            "psql -U postgres -c 'create role shop login'",
            "pg_isready -U postgres",
        ] {
            check(&RULE, &plan(run), &[]);
        }
    }
}
