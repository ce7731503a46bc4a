//! A script that is killed in its middle on MySQL or MariaDB can be taken up where it was.
//! Is silent about servers on which a script is one transaction.

use super::{MigrationSet, SqlFile, waiver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::sql::{Action, Statement, session};

pub const CODE: &str = "resume-in-doubt";
pub const SEVERITY: Severity = Severity::Hint;
pub const WHY: &str = "\
No transaction holds a script on MySQL and MariaDB, so a run that is killed, or that loses its server, goes \
on in the middle of it. `plan` looks at the tables before each statement and after it, and so knows what \
became of CREATE, ALTER, DROP and of changes of rows. What EXECUTE, CALL or DO did cannot be seen, and what \
@variables, temporary tables and last_insert_id() held is gone with the session: a person has to look, at \
night, with the users out. Such a kill once left a rollback stuck whose only work was one DROP COLUMN, \
wrapped into PREPARE and EXECUTE.";
pub const EXAMPLE_BAD: &str = "\
-- file: V1_1__add_zone.sql
SET SESSION lock_wait_timeout = 5;
ALTER TABLE users ADD COLUMN zone VARCHAR(40);
-- file: rollback/V1_1__rollback.sql
SET SESSION lock_wait_timeout = 5;
SET @drop = 'ALTER TABLE users DROP COLUMN zone';
PREPARE gone FROM @drop;
EXECUTE gone;
";
pub const EXAMPLE_GOOD: &str = "\
-- file: V1_1__add_zone.sql
SET SESSION lock_wait_timeout = 5;
ALTER TABLE users ADD COLUMN zone VARCHAR(40);
-- file: rollback/V1_1__rollback.sql
SET SESSION lock_wait_timeout = 5;
ALTER TABLE users DROP COLUMN zone;
";

pub fn check(set: &MigrationSet, out: &mut Vec<Diagnostic>) {
    if set.dialect.is_none_or(|one| !one.is_mysql_family()) {
        return;
    }
    for migration in set.ups.iter().chain(&set.downs) {
        let sql = &migration.sql;
        if let Some((statement, why)) = in_doubt(sql) {
            let message = format!("killed here, nobody can tell how to go on: {why}");
            let found = Diagnostic::new(CODE, SEVERITY, sql.span(&statement.head), message)
                .help("say outright what is to change: what is there already, or is gone, is found out")
                .help(waiver(CODE));
            out.push(found);
        }
    }
}

/// The first statement from which on a person has to look.
fn in_doubt(sql: &SqlFile) -> Option<(&Statement, String)> {
    let text = &sql.text[..];
    let is_work = |one: &&Statement| !matches!(one.action, Action::Transaction(_));
    let works: Vec<&Statement> = sql.script.statements.iter().filter(is_work).collect();
    let mut is_prepared_only = true;
    for (at, statement) in works.iter().enumerate() {
        let is_known =
            matches!(statement.action, Action::Insert(_) | Action::Update(_) | Action::Delete(_));
        if session::is_opaque(statement, text) && !is_known {
            return Some((statement, "what it does cannot be seen from outside".to_owned()));
        }
        if !is_prepared_only
            && let Some(what) = session::remembered(&sql.script, text, &works[at..])
        {
            return Some((statement, format!("the rest uses {what}, which a new session has not")));
        }
        is_prepared_only &= session::only_prepares(statement, text);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::{marked, messages};
    use super::*;
    use crate::sql::Dialect::{MariaDb, MySql, PostgreSql};

    #[test]
    fn what_a_session_holds_and_what_nobody_sees_is_marked() {
        let one = |script| marked(check, MySql, &[("V1__a.sql", script)]);
        let used = "INSERT INTO a VALUES (1);\nINSERT INTO b VALUES (last_insert_id());";
        assert_eq!(one(used), ["INSERT INTO b"]);
        assert_eq!(one("CALL convert_all();"), ["CALL"]);
        let variable = "SET @n = 2;\nALTER TABLE a ADD b INT;\nUPDATE a SET b = @n;";
        let message = "killed here, nobody can tell how to go on: the rest uses variables of the \
                       session, which a new session has not";
        assert_eq!(messages(check, MariaDb, &[("V1__a.sql", variable)]), [message]);
    }

    #[test]
    fn what_can_be_looked_at_is_left_alone() {
        let plain = "SET @n = 2;\nSET SESSION lock_wait_timeout = 5;\nUPDATE a SET b = @n;\n\
                     ALTER TABLE a DROP COLUMN c;\n\
                     UPDATE a SET mail = 'last_insert_id()@shop.example' WHERE x > @@auto_increment_offset;\n\
                     GRANT SELECT ON a TO reader@localhost;";
        assert!(marked(check, MySql, &[("V1__a.sql", plain)]).is_empty());
        let call = [("V1__a.sql", "SELECT convert_all();")];
        assert!(marked(check, PostgreSql, &call).is_empty());
    }
}
