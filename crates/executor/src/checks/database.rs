//! `database`: a server that lets us in, its version, and what the login may do there.

use plan_model::model::check::DatabaseCheck;
use plan_model::notation::VersionRange;
use plan_model::sql::Dialect;

use super::{Looked, tool};
use crate::event::Failure;
use crate::world::Job;
use crate::world::database::Session;
use crate::world::database::address::Address;

pub async fn look(job: &Job, check: &DatabaseCheck) -> Looked {
    let looked = async {
        let at = Address::of(&job.filler(), Some(&check.database.value))?;
        let mut session = job.session(&at).await?;
        let looked = look_in(job, check, &mut session).await;
        session.close().await;
        looked
    };
    // A server that lets nobody in is just what was asked about.
    looked.await.unwrap_or_else(|failure: Failure| Looked::Fails(failure.text))
}

async fn look_in(
    job: &Job,
    check: &DatabaseCheck,
    session: &mut Session,
) -> Result<Looked, Failure> {
    let fill = job.filler();
    let said = session.value(version_of(session.dialect())).await?.unwrap_or_default();
    let found = tool::first_version(&said).unwrap_or_default();
    if let Some(range) = &check.server {
        let text = fill.text(&range.value)?;
        match VersionRange::parse(&text).map(|range| range.holds(&found)) {
            Some(true) => {}
            Some(false) => {
                let kind = session.dialect().title();
                return Ok(Looked::Fails(format!("{kind} there is {found}, not {text}")));
            }
            None => return Ok(Looked::Unmeasured(format!("`{text}` is no range of versions"))),
        }
    }
    let mut missing = Vec::new();
    for privilege in check.privileges.iter().flatten() {
        let wanted = fill.of(privilege)?.trim().to_ascii_uppercase();
        match has(session, &wanted).await? {
            Some(true) => {}
            Some(false) => missing.push(wanted),
            None => {
                let kind = session.dialect().title();
                let text = format!("{kind} cannot be asked for a privilege {wanted}");
                return Ok(Looked::Unmeasured(text));
            }
        }
    }
    Ok(match missing.is_empty() {
        true => Looked::Holds(Some(found.into())),
        false => Looked::Fails(format!("the login may not {}", missing.join(", "))),
    })
}

fn version_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "select sqlite_version()",
        Dialect::PostgreSql => "show server_version",
        Dialect::MySql | Dialect::MariaDb => "select version()",
    }
}

/// Whether the login has a privilege; nothing where there is no such one.
async fn has(session: &mut Session, wanted: &str) -> Result<Option<bool>, Failure> {
    let query = match session.dialect() {
        Dialect::Sqlite => {
            if wanted == "SELECT" {
                return Ok(Some(true));
            }
            // Whoever may write the file and its folder may do all there is.
            let written = session.begin().await;
            session.roll_back().await;
            return Ok(Some(written.is_ok()));
        }
        Dialect::PostgreSql => match of_postgres(wanted) {
            Some(query) => query,
            None => return Ok(None),
        },
        Dialect::MySql | Dialect::MariaDb => of_mysql(&session.literal(wanted)),
    };
    let answer = session.value(&query).await?;
    Ok(Some(matches!(answer.as_deref(), Some("t" | "1"))))
}

fn of_postgres(wanted: &str) -> Option<String> {
    const TABLES: &str = "select not exists (
        select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and n.nspname not like 'pg\\_%'
        and n.nspname <> 'information_schema' and not ";
    Some(match wanted {
        "CREATE" => {
            "select has_schema_privilege(coalesce(current_schema(), 'public'), 'create')".into()
        }
        "CREATEDB" | "CREATEROLE" | "REPLICATION" | "SUPERUSER" => {
            let column = match wanted {
                "SUPERUSER" => "rolsuper".to_owned(),
                other => format!("rol{}", other.to_ascii_lowercase()),
            };
            format!("select rolsuper or {column} from pg_roles where rolname = current_user")
        }
        "CONNECT" | "TEMPORARY" => {
            format!("select has_database_privilege(current_database(), '{wanted}')")
        }
        "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE" | "REFERENCES" | "TRIGGER" => {
            format!("{TABLES} has_table_privilege(c.oid, '{wanted}'))")
        }
        // Only the owner of a table changes or drops it.
        "ALTER" | "DROP" | "INDEX" => format!("{TABLES} pg_has_role(c.relowner, 'usage'))"),
        _ => return None,
    })
}

fn of_mysql(wanted: &str) -> String {
    let me = "concat(quote(substring_index(current_user(), '@', 1)), '@', \
              quote(substring_index(current_user(), '@', -1)))";
    format!(
        "select count(*) > 0 from (
             select grantee, privilege_type from information_schema.user_privileges
             union select grantee, privilege_type from information_schema.schema_privileges
             where database() like table_schema
         ) as granted where grantee = {me} and privilege_type = {wanted}"
    )
}
