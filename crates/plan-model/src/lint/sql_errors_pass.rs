//! `sql-errors-pass`: SQL stops at the first statement that fails.

use super::{Finding, Level, Lint, Rule, code};
use crate::shell::facts;

pub const RULE: Rule = Rule {
    code: "sql-errors-pass",
    severity: Level::Error,
    about: "`psql` and `mysql` stop at the first statement that fails",
    why: "`psql -f x.sql; if [ $? -eq 0 ]` reports success after a failed statement: psql goes on with the \
          next one and returns 0, so a guide's half-applied migration gets a tick. `mysql --force` does \
          the same on purpose. What runs after such a step builds on a schema that is not there.",
    bad: "plan: p
steps:
  - step: rows
    run: psql shop -f rows.sql
    irreversible: rows only
",
    good: "plan: p
steps:
  - step: rows
    run: psql shop --single-transaction -v ON_ERROR_STOP=1 -f rows.sql
    irreversible: rows only
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    code::report(lint, found, facts::sql_errors_pass, |code, fact| {
        let (what, help) = if fact.about.contains("force") {
            ("mysql", "drop `--force`; a `sql:` or `migrate:` step stops by itself")
        } else {
            ("psql", "add `-v ON_ERROR_STOP=1`; a `sql:` or `migrate:` step stops by itself")
        };
        Some((format!("{}: {what} {}", code.name(lint), fact.about), help.to_owned()))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(run: &str) -> String {
        format!("plan: p\nsteps:\n  - step: a\n    run: {run}\n    read_only: true\n")
    }

    #[test]
    fn statements_that_may_fail_unseen_are_refused() {
        let psql = "`a`: psql returns 0 after a failed statement";
        check(&RULE, &plan("psql shop < x.sql"), &[&format!("psql shop|{psql}")]);
        check(&RULE, &plan("[psql, -f, x.sql]"), &[&format!("psql, -f, x.sql|{psql}")]);
        check(
            &RULE,
            &plan("mysql --force shop < x.sql"),
            &["mysql --force shop|`a`: mysql goes on after errors with `--force`"],
        );
    }

    #[test]
    fn single_statements_and_strict_clients_are_fine() {
        for run in [
            "psql shop -c 'select 1'",
            "psql -v ON_ERROR_STOP=1 shop < x.sql",
            "psql shop -c '\\copy t from stdin' < rows.csv",
            "mysql shop < x.sql",
        ] {
            check(&RULE, &plan(run), &[]);
        }
    }
}
