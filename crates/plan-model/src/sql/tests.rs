//! Facts of whole scripts, in the dialects; hostile texts.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const ALL: [Dialect; 4] = [Dialect::PostgreSql, Dialect::MySql, Dialect::MariaDb, Dialect::Sqlite];

fn heads(text: &str, dialect: Dialect) -> Vec<&str> {
    read(text, dialect).statements.iter().map(|one| &text[one.head.clone()]).collect()
}

fn only(text: &str, dialect: Dialect) -> Statement {
    let mut script = read(text, dialect);
    assert_eq!(script.statements.len(), 1, "{:#?}", script.statements);
    script.statements.remove(0)
}

#[test]
fn strings_quotes_and_comments_hide_semicolons() {
    let text = "-- a; b\nINSERT INTO a VALUES ('x;''y', E'\\';'); /* ; /* ; */ ; */ \
                DO $body$ BEGIN; END $body$; DROP TABLE \"a;b\";";
    assert_eq!(heads(text, Dialect::PostgreSql), ["INSERT INTO a", "DO", "DROP TABLE \"a;b\""]);
}

#[test]
fn delimiter_lines_and_routine_bodies_keep_a_statement_whole() {
    let text = "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END//\nDELIMITER ;\nDROP TABLE a;\n\
                CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN\n\
                IF NEW.x THEN SET NEW.y = CASE 1 WHEN 1 THEN 2 END; END IF; END;\nDROP TABLE b;";
    assert_eq!(
        heads(text, Dialect::MySql),
        ["CREATE PROCEDURE p", "DROP TABLE a", "CREATE TRIGGER t", "DROP TABLE b"]
    );
}

#[test]
fn sqlite_trigger_body_is_one_statement_and_begin_is_a_transaction() {
    let text = "BEGIN; CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = 1; DELETE FROM b; \
                END; COMMIT;";
    assert_eq!(heads(text, Dialect::Sqlite), ["BEGIN", "CREATE TRIGGER t", "COMMIT"]);
}

#[test]
fn rows_of_a_dump_are_not_statements() {
    let text = "\\connect app\nCOPY a (b) FROM stdin;\n1;DROP TABLE x;\n\\.\nDROP TABLE y;";
    assert_eq!(heads(text, Dialect::PostgreSql), ["COPY", "DROP TABLE y"]);
}

#[test]
fn what_is_never_closed_is_named_with_its_place() {
    let cases = [
        ("SELECT 'abc\nx", Dialect::PostgreSql, Unfinished::String, "'abc"),
        ("SELECT /* abc\nx", Dialect::MySql, Unfinished::Comment, "/* abc"),
        ("DO $a$ x $b$", Dialect::PostgreSql, Unfinished::DollarString, "$a$ x $b$"),
        ("DROP TABLE `a", Dialect::Sqlite, Unfinished::Name, "`a"),
    ];
    for (text, dialect, what, place) in cases {
        let script = read(text, dialect);
        assert_eq!(script.problems.len(), 1, "{text}");
        assert_eq!(script.problems[0].what, what);
        assert_eq!(&text[script.problems[0].range.clone()], place);
    }
}

#[test]
fn a_table_is_known_with_its_columns_keys_and_references() {
    let text = "CREATE TABLE IF NOT EXISTS public.Tokens (\n  id SERIAL PRIMARY KEY,\n  é TEXT, \
                user_id UUID REFERENCES users(id) ON DELETE CASCADE,\n  token TEXT NOT NULL,\n  \
                UNIQUE (user_id, token)\n);";
    let Action::CreateTable(table) = only(text, Dialect::PostgreSql).action else {
        panic!("not a table")
    };
    assert_eq!(table.name.key, "tokens");
    assert!(table.guarded);
    let shape = table.shape.unwrap();
    assert!(shape.columns[0].counted);
    assert_eq!(&text[shape.columns[2].range.clone()], "user_id");
    assert_eq!(&text[shape.references[0].range.clone()], "users");
    let keys: Vec<_> = shape.keys.iter().map(|key| (key.kind, key.columns.join("+"))).collect();
    assert_eq!(
        keys,
        [(KeyKind::Primary, "id".to_owned()), (KeyKind::Unique, "user_id+token".to_owned())]
    );
}

#[test]
fn parts_of_alter_table_have_their_own_places() {
    let text = "ALTER TABLE notifications\nADD COLUMN sent BOOLEAN DEFAULT FALSE,\n\
                DROP COLUMN IF EXISTS \"Old\",\nADD CONSTRAINT c CHECK (a > 0) NOT VALID;";
    let Action::AlterTable { table, alterations } = only(text, Dialect::PostgreSql).action else {
        panic!("not an alteration")
    };
    assert_eq!(table.key, "notifications");
    let places: Vec<&str> = alterations.iter().map(|one| &text[one.range.clone()]).collect();
    assert_eq!(
        places,
        [
            "ADD COLUMN sent BOOLEAN DEFAULT FALSE",
            "DROP COLUMN IF EXISTS \"Old\"",
            "ADD CONSTRAINT c CHECK (a > 0) NOT VALID"
        ]
    );
    let dropped = Change::DropColumn { columns: vec!["old".into()], guarded: true };
    assert_eq!(alterations[1].change, dropped);
    let added = Change::AddConstraint { constraint: Constraint::Check, checks_rows: false };
    assert_eq!(alterations[2].change, added);
}

#[test]
fn inserts_tell_columns_first_row_and_conflicts() {
    let text = "INSERT INTO m (version, what) VALUES ('1.1', f(1, 2)) ON CONFLICT DO NOTHING;";
    let Action::Insert(insert) = only(text, Dialect::PostgreSql).action else {
        panic!("not an insert")
    };
    assert_eq!(insert.columns, ["version", "what"]);
    assert_eq!(insert.conflict, Conflict::Handled);
    let row: Vec<&str> = insert.first_row.iter().map(|one| &text[one.clone()]).collect();
    assert_eq!(row, ["'1.1'", "f(1, 2)"]);

    let text = "INSERT INTO a SELECT o.* FROM old o JOIN x ON true";
    let Action::Insert(insert) = only(text, Dialect::PostgreSql).action else {
        panic!("not an insert")
    };
    assert_eq!(&text[insert.select_star.unwrap()], "SELECT o.*");
    let sources: Vec<&str> = insert.sources.iter().map(|name| name.key.as_str()).collect();
    assert_eq!(sources, ["old", "x"]);
}

#[test]
fn statements_that_refuse_transactions_are_known() {
    let outside = [
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "DROP INDEX CONCURRENTLY IF EXISTS i",
        "VACUUM VERBOSE ANALYZE t",
        "REINDEX DATABASE app",
        "REINDEX (CONCURRENTLY) TABLE t",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "CREATE DATABASE x",
    ];
    for text in outside {
        assert!(only(text, Dialect::PostgreSql).outside_transaction, "{text}");
    }
    for text in ["CREATE INDEX i ON t (a)", "REINDEX TABLE t", "ALTER TABLE t ADD c int"] {
        assert!(!only(text, Dialect::PostgreSql).outside_transaction, "{text}");
    }
    let alone = "SET lock_timeout = '2s'; CREATE INDEX CONCURRENTLY i ON t (a);";
    assert!(read(alone, Dialect::PostgreSql).runs_outside_transaction());
}

#[test]
fn header_comments_are_notes() {
    let text = "-- Migration V1.1 : push\n-- Date : 2026-02-15\n-- Auteur : Équipe Dev\n\nBEGIN;\n-- Date : no";
    let header = read(text, Dialect::PostgreSql).header;
    assert_eq!(header.title.unwrap().value, "Migration V1.1 : push");
    assert_eq!(header.author.as_ref().unwrap().value, "Équipe Dev");
    assert_eq!(&text[header.author.unwrap().range], "Auteur : Équipe Dev");
    assert_eq!(header.date.unwrap().value, "2026-02-15");
    let block = "/* Author: Ada\n * irreversible: rows are gone */ SELECT 1";
    let header = read(block, Dialect::MySql).header;
    assert_eq!(header.author.unwrap().value, "Ada");
    assert_eq!(header.irreversible.unwrap().value, "rows are gone");
}

#[test]
fn deep_and_long_texts_take_bounded_time() {
    let hostile = [
        format!("CREATE TABLE t (a int DEFAULT {}1{})", "(".repeat(12), ")".repeat(12)),
        format!("CREATE TABLE t AS SELECT * FROM {}a{}", "(".repeat(12), ")".repeat(12)),
        format!("CREATE TABLE t AS SELECT * FROM {}a", "(".repeat(12)),
        format!("CREATE TABLE t (a int DEFAULT {}", "f(".repeat(11)),
        format!("CREATE TABLE t (a int DEFAULT {}", "(select ".repeat(11)),
        format!("CREATE TABLE t (a int DEFAULT {})", "case when ".repeat(500)),
        format!("CREATE TABLE t (a int DEFAULT {} 1)", "not ".repeat(5000)),
        format!("CREATE TABLE t (a int DEFAULT {} 1)", "- ".repeat(5000)),
        format!("CREATE TABLE t (a int CHECK (1{}))", " + 1".repeat(5000)),
        format!("CREATE TABLE t (a {}int{})", "array<".repeat(100), ">".repeat(100)),
        format!("CREATE TABLE t (a int {})", "CHECK (a > 0) ".repeat(2000)),
        "(".repeat(200_000),
        "COPY a FROM stdin;".repeat(20_000),
        "CREATE TRIGGER BEGIN ".repeat(20_000),
        "/*".repeat(100_000),
        "$a".repeat(100_000),
        "DELIMITER $$\n$$;".repeat(10_000),
        "INSERT INTO a VALUES (1),".repeat(20_000),
        "drop table a,".repeat(20_000),
    ];
    for text in &hostile {
        for dialect in ALL {
            let start = Instant::now();
            read(text, dialect);
            let took = start.elapsed();
            let shown: String = text.chars().take(60).collect();
            assert!(took < Duration::from_secs(3), "{shown} took {took:?} as {dialect:?}");
        }
    }
}

const SOUP: [&str; 66] = [
    "CREATE",
    "TABLE",
    "INDEX",
    "CONCURRENTLY",
    "ON",
    "(",
    ")",
    ",",
    ";",
    "'",
    "\"",
    "`",
    "$$",
    "$a$",
    "--",
    "/*",
    "*/",
    "\n",
    "#",
    "BEGIN",
    "END",
    "CASE",
    "IF",
    "NOT",
    "EXISTS",
    "TRIGGER",
    "DELIMITER",
    "//",
    "\\",
    ".",
    "a",
    "é",
    "1",
    "::",
    "ALTER",
    "ADD",
    "COLUMN",
    "DROP",
    "RENAME",
    "TO",
    "INSERT",
    "INTO",
    "SELECT",
    "*",
    "FROM",
    "VALUES",
    "DELETE",
    "UPDATE",
    "SET",
    "WHERE",
    "PRIMARY",
    "KEY",
    "REFERENCES",
    "UNIQUE",
    "int",
    "PARTITION",
    "BY",
    "OF",
    "AS",
    "[",
    "]",
    "COPY",
    "stdin",
    "DEFAULT",
    "@",
    "=",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        for dialect in ALL {
            read(&text, dialect);
        }
    }

    #[test]
    fn no_soup_of_tokens_makes_the_reader_panic_or_cut_a_character(
        picks in proptest::collection::vec(0..SOUP.len(), 0..120),
        glued in any::<bool>(),
    ) {
        let between = if glued { "" } else { " " };
        let words: Vec<&str> = picks.into_iter().map(|at| SOUP[at]).collect();
        let text = words.join(between);
        for dialect in ALL {
            let script = read(&text, dialect);
            for statement in &script.statements {
                prop_assert!(text.get(statement.range.clone()).is_some());
                prop_assert!(text.get(statement.head.clone()).is_some());
                for token in &statement.tokens {
                    prop_assert!(text.get(token.range.clone()).is_some());
                }
            }
        }
    }
}

#[test]
fn values_are_put_where_their_names_stand_and_nowhere_else() {
    let literals = [("state", "'it''s new'".to_owned()), ("n", "3".to_owned())];
    let text = "update t set state = :state where n = :n and x = ':n' -- :state\n and y = a::n";
    assert_eq!(
        with_values(text, Dialect::Sqlite, &literals),
        "update t set state = 'it''s new' where n = 3 and x = ':n' -- :state\n and y = a::n"
    );
}
