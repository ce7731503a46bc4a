//! `placeholder-secret`: no blank is left where a secret belongs.

use super::{Finding, Level, Lint, Rule, code, secrets};
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "placeholder-secret",
    severity: Level::Error,
    about: "no `<STRONG_PASSWORD>` or CHANGEME stands where a secret belongs",
    why: "A guide creates the production database with `--master-user-password <STRONG_PASSWORD>`. Pasted \
          in a hurry that is either a shell error in the middle of the work, or a database whose password \
          is the word from the manual, which the next scan of the internet tries first.",
    bad: "plan: p
steps:
  - step: create
    run: ./create-database
    env: { DB_PASSWORD: CHANGEME }
    irreversible: made once
",
    good: "plan: p
inputs:
  db_password: { secret: true, env: SHOP_DB_PASSWORD }
steps:
  - step: create
    run: ./create-database
    env: { DB_PASSWORD: \"{{ db_password }}\" }
    irreversible: made once
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let first = found.len();
    for one in secrets::written(lint).iter().filter(|one| one.is_blank) {
        let message = format!("{} is still to be filled in", one.what);
        let mut finding = Finding::new(one.span, message).help(HELP);
        finding.entry = one.entry;
        found.push(finding);
    }
    for one in code::telling(lint) {
        for fact in facts::placeholders(one.script()) {
            let text = one.slice(lint, &fact.range).to_ascii_uppercase();
            if !["PASS", "SECRET", "TOKEN", "_KEY"].iter().any(|part| text.contains(part)) {
                continue;
            }
            let place = one.place(lint, &fact.range);
            if found[first..].iter().any(|other| code::overlap(other.diagnostic.span, place)) {
                continue;
            }
            let message = format!("a secret in {} {}", one.name(lint), fact.about);
            found.push(one.finding(lint, &fact.range, message).help(HELP));
        }
    }
}

const HELP: &str = "declare an input `{ secret: true, env: NAME }` and write `{{ name }}` here";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(input: &str, keys: &str) -> String {
        format!(
            "plan: p\ninputs: {{ {input} }}\nsteps:\n  - step: a\n    {keys}\n    read_only: true\n"
        )
    }

    #[test]
    fn blanks_in_secret_places_are_refused() {
        for (input, keys, expected) in [
            (
                "db_password: { default: xxxxxxxx }",
                "run: ./x",
                "xxxxxxxx|the default of input `db_password` is still to be filled in",
            ),
            (
                "",
                "run: ./x --admin-password '<STRONG_PASSWORD>'",
                "'<STRONG_PASSWORD>'|a password in `a` is still to be filled in",
            ),
            ("", "run: ./x '<API_TOKEN>'", "<API_TOKEN>|a secret in `a` is still to be filled in"),
            (
                "",
                "files: { set: { DB_PASSWORD: <password> }, in: .env }",
                "<password>|`DB_PASSWORD` is still to be filled in",
            ),
        ] {
            check(&RULE, &plan(input, keys), &[expected]);
        }
    }

    #[test]
    fn other_blanks_and_real_values_are_not_ours() {
        for keys in ["run: ./x '<REVISION>'", "run: ./x\n    env: { DB_PASSWORD: S3cret }"] {
            check(&RULE, &plan("", keys), &[]);
        }
    }
}
