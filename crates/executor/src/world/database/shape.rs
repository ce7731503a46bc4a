//! What a database is made of: its objects with their definitions, and its rows as a count with a
//! digest that does not depend on their order. Reads only.

use std::borrow::Cow;
use std::sync::LazyLock;

use plan_model::sql::Dialect;
use regex::Regex;

use super::Session;
use super::note::NOTES;
use super::refusal::Refusal;
use super::sqlite;
use super::stepwise::PROGRESS;

/// The checksums of scripts that were applied.
pub const SCRIPTS: &str = "plan_scripts";

/// Tables that `plan` itself keeps in a database: nobody's data.
pub const OWN_TABLES: [&str; 3] = [NOTES, SCRIPTS, PROGRESS];

/// A table, an index, a function: whatever has a name and a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    pub kind: String,
    /// With its schema, unless that is the usual one.
    pub name: String,
    pub definition: String,
}

impl Object {
    pub fn is_table(&self) -> bool {
        self.kind == "table"
    }
}

/// How many rows a table has, and what they add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digested {
    pub rows: u64,
    pub digest: String,
}

/// One moment for all that is looked at until the session closes.
pub async fn hold_still(session: &mut Session) -> Result<(), Refusal> {
    let text = match session.dialect() {
        Dialect::Sqlite => "begin",
        Dialect::PostgreSql => "begin isolation level repeatable read read only",
        Dialect::MySql | Dialect::MariaDb => {
            session.run("set session transaction isolation level repeatable read").await?;
            "start transaction with consistent snapshot"
        }
    };
    session.run(text).await?;
    Ok(())
}

/// All that has a definition, by kind and name.
pub async fn objects(session: &mut Session) -> Result<Vec<Object>, Refusal> {
    let mut objects = match session.dialect() {
        Dialect::Sqlite => listed(session, SQLITE_OBJECTS).await?,
        Dialect::PostgreSql => {
            let mut objects = listed(session, POSTGRES_OBJECTS).await?;
            for object in &mut objects {
                object.definition = settled(&object.definition);
            }
            objects
        }
        Dialect::MySql | Dialect::MariaDb => {
            let mut objects = listed(session, MYSQL_OBJECTS).await?;
            // Tables of notes come and go: nobody asks what they are made of.
            objects.retain(is_of_somebody);
            for object in objects.iter_mut().filter(|object| object.is_table()) {
                let query = format!("show create table {}", session.identifier(&object.name));
                let line = session.lines(&query).await?.into_iter().next().unwrap_or_default();
                let text = line.into_iter().nth(1).flatten().unwrap_or_default();
                object.definition = without_counter(&text);
            }
            objects
        }
    };
    objects.retain(is_of_somebody);
    objects.sort();
    Ok(objects)
}

/// Not one of those that `plan` keeps: their indexes and constraints bear their names.
fn is_of_somebody(object: &Object) -> bool {
    !OWN_TABLES.iter().any(|own| {
        let rest = object.name.strip_prefix(own);
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}

async fn listed(session: &mut Session, query: &str) -> Result<Vec<Object>, Refusal> {
    let lines = session.lines(query).await?;
    let object = |line: Vec<Option<String>>| {
        let mut parts = line.into_iter().map(Option::unwrap_or_default);
        let mut next = || parts.next().unwrap_or_default();
        Object { kind: next(), name: next(), definition: next() }
    };
    Ok(lines.into_iter().map(object).collect())
}

/// PostgreSQL says what `IN` over a varchar means in one way before a dump and in another way after it: the casts and
/// brackets that differ are left out, on both sides.
fn settled(definition: &str) -> String {
    if !definition.contains("::") {
        return definition.to_owned();
    }
    static CASTS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"::(character varying|varchar|text|bpchar)(\(\d+\))?(\[\])?").expect("constant")
    });
    static BRACKETS: LazyLock<Regex> = LazyLock::new(|| {
        let alone = r#"'(?:[^']|'')*'|[\w."]+|ARRAY\[[^\[\]()]*\]"#;
        Regex::new(&format!(r#"(^|[^\w"])\(({alone})\)"#)).expect("constant")
    });
    let mut text = CASTS.replace_all(definition, "").into_owned();
    loop {
        match BRACKETS.replace_all(&text, "$1$2") {
            Cow::Borrowed(_) => return text,
            Cow::Owned(shorter) => text = shorter,
        }
    }
}

/// The next number of a table is no part of its definition.
fn without_counter(definition: &str) -> String {
    let Some(start) = definition.rfind(" AUTO_INCREMENT=") else { return definition.to_owned() };
    let rest = definition[start + 1..].find(' ').map_or("", |at| &definition[start + 1 + at..]);
    format!("{}{rest}", &definition[..start])
}

const SQLITE_OBJECTS: &str = "select type, name, coalesce(sql, '') from sqlite_schema
    where name not like 'sqlite\\_%' escape '\\'";

const MYSQL_OBJECTS: &str = "
    select 'table', table_name, '' from information_schema.tables
        where table_schema = database() and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
    union all select 'sequence', table_name, '' from information_schema.tables
        where table_schema = database() and table_type = 'SEQUENCE'
    union all select 'view', table_name,
        replace(view_definition, concat('`', database(), '`.'), '')
        from information_schema.views where table_schema = database()
    union all select 'trigger', trigger_name,
        concat_ws(' ', action_timing, event_manipulation, event_object_table, action_statement)
        from information_schema.triggers where trigger_schema = database()
    union all select lower(routine_type), routine_name,
        concat_ws(' ', routine_definition, dtd_identifier, sql_mode, security_type,
            (select group_concat(concat_ws(' ', parameter_mode, parameter_name, dtd_identifier)
                 order by ordinal_position) from information_schema.parameters
             where specific_schema = database() and specific_name = routine_name))
        from information_schema.routines where routine_schema = database()
    union all select 'event', event_name, event_definition
        from information_schema.events where event_schema = database()";

/// Names as they are written in a script: the schema stands before them where it is not `public`.
const POSTGRES_OBJECTS: &str = r"
    with spaces as (
        select oid, case nspname when 'public' then '' else nspname || '.' end as prefix
        from pg_namespace
        where nspname not like 'pg\_%' and nspname <> 'information_schema'
    )
    select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
        s.prefix || c.relname,
        coalesce(string_agg(
            a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
            || case when a.attnotnull then ' not null' else '' end
            || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
            || a.attidentity::text || a.attgenerated::text,
            ', ' order by a.attnum), '')
        || case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) else '' end
        || coalesce(pg_get_partkeydef(c.oid), '')
        || coalesce(pg_get_expr(c.relpartbound, c.oid), '')
        || ' owner ' || pg_get_userbyid(c.relowner)
        || coalesce((select string_agg(acl::text, ' ' order by acl::text) from unnest(c.relacl) acl), '')
        || case when c.relrowsecurity then ' row security' else '' end
        || case when c.relforcerowsecurity then ' forced' else '' end
        from pg_class c join spaces s on s.oid = c.relnamespace
        left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relkind in ('r', 'p', 'v', 'm') group by c.oid, c.relkind, s.prefix, c.relname
    union all select 'constraint', s.prefix || r.relname || '.' || c.conname,
        pg_get_constraintdef(c.oid)
        from pg_constraint c join spaces s on s.oid = c.connamespace
        join pg_class r on r.oid = c.conrelid
    union all select 'index', s.prefix || c.relname,
        pg_get_indexdef(c.oid) || case when i.indisvalid then '' else ' invalid' end
        from pg_index i join pg_class c on c.oid = i.indexrelid
        join spaces s on s.oid = c.relnamespace
    union all select 'sequence', s.prefix || c.relname,
        concat_ws(' ', q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcycle)
        from pg_sequence q join pg_class c on c.oid = q.seqrelid
        join spaces s on s.oid = c.relnamespace
    union all select 'policy', s.prefix || c.relname || '.' || p.polname,
        concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[]::text,
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        from pg_policy p join pg_class c on c.oid = p.polrelid
        join spaces s on s.oid = c.relnamespace
    union all select 'trigger', s.prefix || c.relname || '.' || t.tgname,
        pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        join spaces s on s.oid = c.relnamespace where not t.tgisinternal
    union all select 'function', s.prefix || p.oid::regprocedure::text, pg_get_functiondef(p.oid)
        from pg_proc p join spaces s on s.oid = p.pronamespace
        where p.prokind in ('f', 'p') and not exists (
            select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    union all select 'type', s.prefix || t.typname,
        (select string_agg(e.enumlabel, ', ' order by e.enumsortorder) from pg_enum e
         where e.enumtypid = t.oid)
        from pg_type t join spaces s on s.oid = t.typnamespace where t.typtype = 'e'
    union all select 'domain', s.prefix || t.typname,
        concat_ws(' ', format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault)
        from pg_type t join spaces s on s.oid = t.typnamespace where t.typtype = 'd'
    union all select 'schema', nspname, '' from pg_namespace
        where nspname not like 'pg\_%' and nspname not in ('information_schema', 'public')
    union all select 'extension', extname, extversion from pg_extension where extname <> 'plpgsql'";

/// The columns of a table, in their order.
pub async fn columns(session: &mut Session, table: &str) -> Result<Vec<String>, Refusal> {
    let name = session.literal(table);
    let query = match session.dialect() {
        Dialect::Sqlite => format!("select name from pragma_table_info({name})"),
        Dialect::PostgreSql => {
            let name = session.literal(&qualified(session, table));
            format!(
                "select attname from pg_attribute where attrelid = {name}::regclass
                 and attnum > 0 and not attisdropped order by attnum"
            )
        }
        Dialect::MySql | Dialect::MariaDb => format!(
            "select column_name from information_schema.columns
             where table_schema = database() and table_name = {name} order by ordinal_position"
        ),
    };
    let lines = session.lines(&query).await?;
    Ok(lines.into_iter().filter_map(|line| line.into_iter().next().flatten()).collect())
}

/// The same; none where there is no such table.
pub async fn columns_if_any(session: &mut Session, table: &str) -> Result<Vec<String>, Refusal> {
    if session.dialect() == Dialect::PostgreSql {
        let name = session.literal(&qualified(session, table));
        if session.value(&format!("select to_regclass({name})")).await?.is_none() {
            return Ok(Vec::new());
        }
    }
    columns(session, table).await
}

/// The name of a table as a script writes it, quoted.
pub fn qualified(session: &Session, table: &str) -> String {
    match table.split_once('.') {
        Some((schema, name)) if session.dialect() == Dialect::PostgreSql => {
            format!("{}.{}", session.identifier(schema), session.identifier(name))
        }
        _ => session.identifier(table),
    }
}

/// The name of an object as it is listed here, for whoever means that one whatever the search path is.
pub fn listed_as(session: &Session, name: &str) -> String {
    match session.dialect() {
        Dialect::PostgreSql if !name.contains('.') => format!("public.{name}"),
        _ => name.to_owned(),
    }
}

/// What stands for a row that is longer than the server makes of one value: more than all others add up to.
const TOO_LONG: &str = "10000000000000000000000000000000000000000";

/// What the rows of a table are, in these columns: the servers do the adding up themselves.
pub async fn digest(
    session: &mut Session,
    table: &str,
    columns: &[String],
) -> Result<Digested, Refusal> {
    let from = qualified(session, &listed_as(session, table));
    let names: Vec<_> = columns.iter().map(|column| session.identifier(column)).collect();
    if names.is_empty() {
        let rows = session.value(&format!("select count(*) from {from}")).await?;
        let rows = rows.and_then(|rows| rows.parse().ok()).unwrap_or_default();
        return Ok(Digested { rows, digest: String::new() });
    }
    let query = match session.dialect() {
        Dialect::Sqlite => {
            session.teach_digest().await?;
            format!("select count(*), {}({}) from {from}", sqlite::digest::NAME, names.join(", "))
        }
        // Of half the digest: the other half would be another digest, for a name stands for a computation.
        Dialect::PostgreSql => format!(
            "select count(*),
                 coalesce(sum(('x' || substr(md5(row({})::text), 1, 16))::bit(64)::bigint), 0)
             from {from}",
            names.join(", ")
        ),
        Dialect::MySql | Dialect::MariaDb => {
            let quoted: Vec<_> = names.iter().map(|name| format!("quote({name})")).collect();
            format!(
                "select count(*), coalesce(sum(coalesce(cast(
                     conv(left(md5(concat_ws(',', {})), 16), 16, 10) as unsigned), {TOO_LONG})), 0)
                 from {from}",
                quoted.join(", ")
            )
        }
    };
    let line = session.lines(&query).await?.into_iter().next().unwrap_or_default();
    let mut parts = line.into_iter().map(Option::unwrap_or_default);
    let rows = parts.next().and_then(|rows| rows.parse().ok()).unwrap_or_default();
    let digest = parts.next().unwrap_or_default();
    if digest.len() >= TOO_LONG.len() {
        return Err(Refusal {
            why: super::refusal::Why::Refused,
            code: String::new(),
            text: format!(
                "rows of {table} are longer than max_allowed_packet: leave the long columns out"
            ),
        });
    }
    Ok(Digested { rows, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_reads_the_same_before_and_after_a_dump() {
        let before = "CHECK (((t)::text = ANY ((ARRAY['it''s'::character varying, 'b (c)'::character varying])::text[])))";
        let after = "CHECK (((t)::text = ANY (ARRAY[('it''s'::character varying)::text, ('b (c)'::character varying)::text])))";
        assert_eq!(settled(before), settled(after));
        for other in [after.replace("it''s", "its"), after.replace("ANY", "ALL")] {
            assert_ne!(settled(before), settled(&other));
        }
        let grouped = ["((a)::text = 'x' AND (b OR c))", "(((a)::text = 'x' AND b) OR c)"];
        assert_ne!(settled(grouped[0]), settled(grouped[1]));
    }

    #[test]
    fn the_next_number_of_a_table_is_left_out() {
        let text = "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4";
        assert_eq!(
            without_counter(text),
            "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
        );
        assert_eq!(without_counter("CREATE TABLE t (a int)"), "CREATE TABLE t (a int)");
    }
}
