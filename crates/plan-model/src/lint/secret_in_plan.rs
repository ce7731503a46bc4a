//! `secret-in-plan`: no password, token or key stands in a file that is reviewed.

use super::{Finding, Level, Lint, Rule, secrets};

pub const RULE: Rule = Rule {
    code: "secret-in-plan",
    severity: Level::Error,
    about: "no password, token or key is written out",
    why: "A plan is reviewed, mailed, printed and kept in git for ever, and so is whatever stands in it: a \
          guide's database address with the password in it has been in every clone since. Changing it \
          later means finding all who have it. A secret input is read when the run starts and covered \
          wherever it would be shown.",
    bad: "plan: p
connections:
  main: { url: \"postgresql://shop:S3cret-9@db.example.org/shop\" }
steps:
  - { step: look, run: uptime, read_only: true }
",
    good: "plan: p
inputs:
  database_url: { secret: true, env: DATABASE_URL }
connections:
  main: { url: \"{{ database_url }}\" }
steps:
  - { step: look, run: uptime, read_only: true }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for one in secrets::written(lint).iter().filter(|one| !one.is_blank) {
        let mut finding = Finding::new(one.span, format!("{} is written out", one.what))
            .help("declare an input `{ secret: true, env: NAME }` and write `{{ name }}` here")
            .help("it has been in this file: change it where it is used");
        finding.entry = one.entry;
        found.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::MemoryFolder;
    use crate::lint::testing::{check, check_with};

    fn step(keys: &str) -> String {
        format!(
            "plan: p\ninputs: {{ v: {{ secret: true, env: V }} }}\nsteps:\n  - step: a\n{keys}\n    read_only: true\n"
        )
    }

    #[test]
    fn passwords_in_keys_are_refused() {
        for (keys, expected) in [
            (
                "    run: ./x\n    env: { DB_PASSWORD: S3cret }",
                "S3cret|`DB_PASSWORD` is written out",
            ),
            ("    run: DB_PASSWORD=S3cret ./x", "S3cret|`DB_PASSWORD` in `a` is written out"),
            ("    run: mysql -pS3cret -e 'select 1'", "-pS3cret|a password in `a` is written out"),
            (
                "    run: psql postgres://u:S3cret@h/d -c 'select 1'",
                "S3cret|a password in `a` is written out",
            ),
            (
                "    http: { url: \"http://h\", headers: { Authorization: Bearer abc } }",
                "Bearer abc|the header `Authorization` is written out",
            ),
            (
                "    http: { url: \"http://h\", json: { user: { password: S3cret } } }",
                "S3cret|`password` is written out",
            ),
            (
                "    files: { set: { APP_KEY: \"base64:abc\" }, in: .env }",
                "\"base64:abc\"|`APP_KEY` is written out",
            ),
            (
                "    run: psql -c \"create user x with password 'S3cret'\"",
                "S3cret|a password in `a` is written out",
            ),
        ] {
            check(&RULE, &step(keys), &[expected]);
        }
        let token = format!("    run: ./x {}_{}", "ghp", "a1B2".repeat(9));
        check(
            &RULE,
            &step(&token),
            &[&format!("ghp_{}|a token in `a` is written out", "a1B2".repeat(9))],
        );
    }

    #[test]
    fn defaults_connections_environments_and_scripts_count() {
        let folder = MemoryFolder::default()
            .with(
                "environments/prod.yaml",
                "environment: prod\nconnections: { main: { host: h, password: S3cret } }\n",
            )
            .with(
                "environments/dev.yaml",
                "environment: dev\nconnections: { main: { host: h, password: S3cret } }\n",
            )
            .with("x.sh", "#!/bin/bash\n-----BEGIN RSA PRIVATE KEY-----\n");
        let plan = "plan: p\ninputs: { db_password: { default: S3cret } }\nconnections: { main: { server: mysql, host: h } }\nsteps:\n  - { step: a, run: { file: x.sh }, timeout: 1m, read_only: true }\n";
        let own = "S3cret|the default of input `db_password` is written out";
        let key = "-----BEGIN RSA PRIVATE KEY-----|a private key in `a` is written out";
        let over = "S3cret|the password of connection `main` is written out";
        check_with(&RULE, plan, &folder, Some("prod"), &[own, over, key]);
        check_with(&RULE, plan, &folder, Some("dev"), &[own, key]);
    }

    #[test]
    fn values_from_elsewhere_and_blanks_are_fine() {
        for keys in [
            "    run: ./x\n    env: { DB_PASSWORD: \"{{ v }}\", PASSWORD_FILE: /run/x, TOKEN: $CI_TOKEN }",
            "    run: psql \"postgres://u:$PW@h/d\" -c 'select 1'",
            "    run: psql -c \"create user x with password :'pw'\"",
            "    run: ./x\n    env: { DB_PASSWORD: CHANGEME }",
            "    http: { url: \"http://h\", headers: { Authorization: \"Bearer {{ v }}\" } }",
            "    http: { url: \"http://h\", headers: { X-Token: \"{{ v }}\" } }",
            "    # postgres://u:S3cret@h/d\n    run: curl http://127.0.0.1:8000/a@b",
        ] {
            check(&RULE, &step(keys), &[]);
        }
    }
}
