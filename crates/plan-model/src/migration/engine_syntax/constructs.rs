//! What each server does not know, and what to write there instead.
//! Does not know where it stands in a script.

use Sign::{Backtick, Call, Cast, First, Outer, Type, TypeChange, Words};

use crate::sql::Dialect::{self, MariaDb, MySql, PostgreSql, Sqlite};

/// How a construct is found in a statement.
pub(super) enum Sign {
    /// Keywords one after the other.
    Words(&'static [&'static str]),
    /// The same at the very beginning.
    First(&'static [&'static str]),
    /// A keyword outside of brackets.
    Outer(&'static str),
    /// The type of a column.
    Type(&'static [&'static str]),
    /// A function that is called.
    Call(&'static str),
    Cast,
    Backtick,
    TypeChange,
}

pub(super) struct Construct {
    pub sign: Sign,
    pub what: &'static str,
    /// The servers that do not know it.
    pub unknown_to: &'static [Dialect],
    pub instead: &'static str,
}

const fn construct(
    sign: Sign,
    what: &'static str,
    unknown_to: &'static [Dialect],
    instead: &'static str,
) -> Construct {
    Construct { sign, what, unknown_to, instead }
}

const NOT_POSTGRES: &[Dialect] = &[MySql, MariaDb, Sqlite];
const NOT_MYSQL: &[Dialect] = &[PostgreSql, Sqlite];
const NOT_SQLITE: &[Dialect] = &[PostgreSql, MySql, MariaDb];
const MYSQLS: &[Dialect] = &[MySql, MariaDb];

pub(super) const CONSTRUCTS: &[Construct] = &[
    construct(
        Words(&["on", "conflict"]),
        "ON CONFLICT",
        MYSQLS,
        "ON DUPLICATE KEY UPDATE, or INSERT IGNORE",
    ),
    construct(
        Words(&["on", "duplicate", "key"]),
        "ON DUPLICATE KEY",
        NOT_MYSQL,
        "ON CONFLICT (…) DO UPDATE",
    ),
    construct(
        First(&["insert", "ignore"]),
        "INSERT IGNORE",
        NOT_MYSQL,
        "ON CONFLICT DO NOTHING at the end",
    ),
    construct(
        First(&["insert", "or"]),
        "INSERT OR …",
        NOT_SQLITE,
        "the conflict clause of this server",
    ),
    construct(
        First(&["replace", "into"]),
        "REPLACE INTO",
        &[PostgreSql],
        "INSERT … ON CONFLICT (…) DO UPDATE",
    ),
    construct(Outer("returning"), "RETURNING", &[MySql], "a SELECT after the statement"),
    construct(
        Words(&["add", "column", "if"]),
        "ADD COLUMN IF NOT EXISTS",
        &[MySql, Sqlite],
        "ADD COLUMN",
    ),
    construct(
        Words(&["drop", "column", "if"]),
        "DROP COLUMN IF EXISTS",
        &[MySql, Sqlite],
        "DROP COLUMN",
    ),
    construct(
        First(&["create", "index", "if"]),
        "CREATE INDEX IF NOT EXISTS",
        &[MySql],
        "CREATE INDEX",
    ),
    construct(
        First(&["drop", "index", "if"]),
        "DROP INDEX IF EXISTS",
        &[MySql],
        "DROP INDEX … ON …",
    ),
    construct(
        Words(&["index", "concurrently"]),
        "CONCURRENTLY",
        NOT_POSTGRES,
        "the statement without it",
    ),
    construct(Words(&["not", "valid"]), "NOT VALID", NOT_POSTGRES, "the constraint without it"),
    construct(
        First(&["comment", "on"]),
        "COMMENT ON",
        NOT_POSTGRES,
        "COMMENT = '…' in the table, or a comment of the script",
    ),
    construct(
        First(&["create", "extension"]),
        "CREATE EXTENSION",
        NOT_POSTGRES,
        "nothing: there are no extensions",
    ),
    construct(First(&["create", "type"]), "CREATE TYPE", NOT_POSTGRES, "a CHECK of the column"),
    construct(
        First(&["create", "materialized"]),
        "CREATE MATERIALIZED VIEW",
        NOT_POSTGRES,
        "a table that is filled",
    ),
    construct(
        Words(&["language", "plpgsql"]),
        "PL/pgSQL",
        NOT_POSTGRES,
        "the language of this server",
    ),
    construct(
        First(&["set", "lock_timeout"]),
        "SET lock_timeout",
        MYSQLS,
        "SET SESSION lock_wait_timeout = 2",
    ),
    construct(
        First(&["set", "local", "lock_timeout"]),
        "SET LOCAL lock_timeout",
        MYSQLS,
        "SET SESSION lock_wait_timeout = 2",
    ),
    construct(First(&["set"]), "SET", &[Sqlite], "PRAGMA"),
    construct(Cast, "the cast `::`", NOT_POSTGRES, "CAST(… AS …)"),
    construct(Words(&["ilike"]), "ILIKE", NOT_POSTGRES, "LIKE, which ignores case here"),
    construct(
        TypeChange,
        "ALTER COLUMN … TYPE",
        NOT_POSTGRES,
        "MODIFY COLUMN on MySQL and MariaDB, a new table on SQLite",
    ),
    construct(
        Words(&["add", "constraint"]),
        "ADD CONSTRAINT",
        &[Sqlite],
        "a new table with the constraint, and a copy",
    ),
    construct(
        Words(&["modify", "column"]),
        "MODIFY COLUMN",
        NOT_MYSQL,
        "ALTER COLUMN … TYPE on PostgreSQL, a new table on SQLite",
    ),
    construct(Words(&["change", "column"]), "CHANGE COLUMN", NOT_MYSQL, "RENAME COLUMN … TO …"),
    construct(First(&["rename", "table"]), "RENAME TABLE", NOT_MYSQL, "ALTER TABLE … RENAME TO …"),
    construct(First(&["truncate"]), "TRUNCATE", &[Sqlite], "DELETE FROM"),
    construct(First(&["pragma"]), "PRAGMA", NOT_SQLITE, "SET"),
    construct(
        Words(&["auto_increment"]),
        "AUTO_INCREMENT",
        NOT_MYSQL,
        "GENERATED ALWAYS AS IDENTITY on PostgreSQL, INTEGER PRIMARY KEY on SQLite",
    ),
    construct(
        Words(&["autoincrement"]),
        "AUTOINCREMENT",
        NOT_SQLITE,
        "AUTO_INCREMENT on MySQL and MariaDB, GENERATED ALWAYS AS IDENTITY on PostgreSQL",
    ),
    construct(Words(&["without", "rowid"]), "WITHOUT ROWID", NOT_SQLITE, "the table without it"),
    construct(
        Words(&["on", "update", "current_timestamp"]),
        "ON UPDATE CURRENT_TIMESTAMP",
        NOT_MYSQL,
        "a trigger",
    ),
    construct(Backtick, "a name in backticks", &[PostgreSql], "double quotes, or none"),
    construct(Call("now"), "NOW()", &[Sqlite], "CURRENT_TIMESTAMP"),
    construct(
        Call("gen_random_uuid"),
        "gen_random_uuid()",
        NOT_POSTGRES,
        "UUID() on MySQL and MariaDB",
    ),
    construct(Type(&["jsonb"]), "the type JSONB", MYSQLS, "JSON"),
    construct(Type(&["uuid"]), "the type UUID", &[MySql], "CHAR(36) or BINARY(16)"),
    construct(Type(&["bytea"]), "the type BYTEA", MYSQLS, "BLOB"),
    construct(Type(&["timestamptz"]), "the type TIMESTAMPTZ", MYSQLS, "TIMESTAMP"),
    construct(Type(&["inet", "cidr"]), "the type INET", MYSQLS, "VARCHAR(45)"),
    construct(Type(&["bigserial", "smallserial"]), "BIGSERIAL", MYSQLS, "BIGINT AUTO_INCREMENT"),
    construct(
        Type(&["serial", "bigserial", "smallserial"]),
        "SERIAL",
        &[Sqlite],
        "INTEGER PRIMARY KEY, which counts by itself",
    ),
    construct(Type(&["enum"]), "ENUM", NOT_MYSQL, "TEXT with a CHECK"),
    construct(Type(&["datetime"]), "the type DATETIME", &[PostgreSql], "TIMESTAMP"),
    construct(
        Type(&["tinyint", "mediumint"]),
        "the type TINYINT",
        &[PostgreSql],
        "SMALLINT or BOOLEAN",
    ),
    construct(
        Type(&["tinytext", "mediumtext", "longtext"]),
        "the type LONGTEXT",
        &[PostgreSql],
        "TEXT",
    ),
    construct(Type(&["blob", "mediumblob", "longblob"]), "the type BLOB", &[PostgreSql], "BYTEA"),
];
