//! The list of rules as a whole: examples, the scripts of a guide, hostile sets.

use proptest::prelude::*;

use super::testing::{example, world};
use super::*;

const ALL: [Dialect; 4] = [Dialect::PostgreSql, Dialect::MySql, Dialect::MariaDb, Dialect::Sqlite];

/// The codes that fire on an example; those of seeds stand in a folder of that name.
fn codes(text: &str, dialect: Dialect) -> Vec<&'static str> {
    let files = world(&example(text)).files;
    let seeds = files.iter().any(|file| file.name.starts_with("seeds/"));
    let set = if seeds {
        read_seeds(files, Some(dialect))
    } else {
        read_set(files, Some(dialect), "schema_migrations")
    };
    check(&set, None).into_iter().map(|one| one.code).collect()
}

#[test]
fn every_bad_example_fires_and_no_good_one_does() {
    for rule in RULES {
        let fires = |dialect: &Dialect| codes(rule.example_bad, *dialect).contains(&rule.code);
        assert!(ALL.iter().any(fires), "{} does not fire on its bad example", rule.code);
        for dialect in ALL {
            let good = codes(rule.example_good, dialect);
            assert!(!good.contains(&rule.code), "{} fires on its good example", rule.code);
        }
    }
}

#[test]
fn every_rule_says_why_in_a_few_sentences() {
    for rule in RULES {
        let sentences = rule.why.matches(". ").count() + 1;
        assert!((2..=5).contains(&sentences), "{}: {sentences}", rule.code);
        assert!(rule.why.ends_with('.'), "{}", rule.code);
        assert!(rule.code.chars().all(|sign| sign.is_ascii_lowercase() || sign == '-'));
    }
    let mut codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    codes.dedup();
    assert_eq!(codes.len(), RULES.len());
    assert!(codes.is_sorted());
}

#[test]
fn messages_are_for_tired_operators() {
    for rule in RULES {
        for dialect in ALL {
            let files = world(&example(rule.example_bad)).files;
            let set = read_set(files, Some(dialect), "schema_migrations");
            for found in check(&set, None) {
                assert!(!found.message.ends_with('.'), "{}", found.message);
                assert!(!found.help.is_empty(), "{} has no help", found.code);
                assert_eq!(
                    found.severity,
                    RULES.iter().find(|one| one.code == found.code).unwrap().severity
                );
            }
        }
    }
}

const PUSH: &str = "-- Migration V1.1 : Ajout des notifications push\n-- Date : 2026-02-15\n\
-- Auteur : Équipe Dev\n\nBEGIN;\n\nCREATE TABLE notification_tokens (\n    id SERIAL PRIMARY KEY,\n    \
utilisateur_id UUID REFERENCES utilisateurs(id) ON DELETE CASCADE,\n    \
platform VARCHAR(20) CHECK (platform IN ('ios', 'android', 'web')),\n    token TEXT NOT NULL,\n    \
UNIQUE(utilisateur_id, platform, token)\n);\n\
CREATE INDEX idx_user ON notification_tokens(utilisateur_id);\n\
ALTER TABLE notifications \nADD COLUMN push_envoye BOOLEAN DEFAULT FALSE,\nADD COLUMN push_envoye_at TIMESTAMP;\n\
COMMENT ON TABLE notification_tokens IS 'Tokens FCM/APNs';\n\
INSERT INTO schema_migrations (version, description, applied_at)\nVALUES ('1.1', 'Ajout', NOW());\n\nCOMMIT;\n";

const PUSH_BACK: &str = "BEGIN;\nDROP TABLE IF EXISTS notification_tokens;\n\
ALTER TABLE notifications \nDROP COLUMN IF EXISTS push_envoye,\nDROP COLUMN IF EXISTS push_envoye_at;\n\
DELETE FROM schema_migrations WHERE version = '1.1';\nCOMMIT;\n";

const PARTITION: &str = "BEGIN;\nALTER TABLE audit_log RENAME TO audit_log_old;\n\
CREATE TABLE audit_log (\n    id SERIAL,\n    action VARCHAR(100) NOT NULL,\n    anciennes JSONB,\n    \
created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP\n) PARTITION BY RANGE (created_at);\n\
CREATE TABLE audit_log_2026_01 PARTITION OF audit_log\n    FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');\n\
INSERT INTO audit_log SELECT * FROM audit_log_old;\nDROP TABLE audit_log_old;\nCOMMIT;\n";

#[test]
fn the_scripts_of_the_guide_show_each_of_their_faults_once() {
    let files = world(&[
        ("V1_0__initial_schema.sql", "-- le schéma complet\n"),
        ("V1_1__add_notifications_push.sql", PUSH),
        ("rollback/V1_1__rollback.sql", PUSH_BACK),
        ("V2_0__partition.sql", PARTITION),
    ]);
    let names: Vec<String> = files.files.iter().map(|file| file.name.clone()).collect();
    let set = read_set(files.files, Some(Dialect::PostgreSql), "schema_migrations");
    let found: Vec<String> = check(&set, None)
        .iter()
        .map(|one| {
            let file = &names[one.span.file.0 as usize];
            format!("{file}: {} `{}`", one.code, files.sources.slice(one.span))
        })
        .collect();
    assert_eq!(
        found,
        [
            "V1_1__add_notifications_push.sql: transaction-misuse `BEGIN`",
            "V1_1__add_notifications_push.sql: lock-timeout `ALTER TABLE notifications`",
            "V1_1__add_notifications_push.sql: self-bookkeeping `INSERT INTO schema_migrations`",
            "rollback/V1_1__rollback.sql: transaction-misuse `BEGIN`",
            "rollback/V1_1__rollback.sql: lock-timeout `DROP TABLE IF EXISTS notification_tokens`",
            "rollback/V1_1__rollback.sql: self-bookkeeping `DELETE FROM schema_migrations`",
            "V2_0__partition.sql: down-present `BEGIN;`",
            "V2_0__partition.sql: transaction-misuse `BEGIN`",
            "V2_0__partition.sql: lock-timeout `ALTER TABLE audit_log`",
            "V2_0__partition.sql: copy-loses-constraints `CREATE TABLE audit_log`",
            "V2_0__partition.sql: copy-select-star `SELECT *`",
            "V2_0__partition.sql: destructive `DROP TABLE audit_log_old`",
        ]
    );
}

#[test]
fn scripts_beyond_the_target_are_not_judged() {
    let files = world(&[("V1__a.sql", "DELETE FROM a;"), ("V2__b.sql", "DELETE FROM b;")]).files;
    let set = read_set(files, None, "t");
    let target: Version = "1".parse().unwrap();
    let judged: Vec<_> = check(&set, Some(&target)).iter().map(|one| one.span.file).collect();
    assert!(judged.iter().all(|file| *file == FileId(0)) && !judged.is_empty());
    let pending = |from: Option<&Version>, to: Option<&Version>| -> Vec<String> {
        set.pending(from, to).iter().map(|one| one.version.to_string()).collect()
    };
    assert_eq!(pending(Some(&target), None), ["2"]);
    assert_eq!(pending(None, Some(&target)), ["1"]);
}

const PIECES: [&str; 40] = [
    "CREATE TABLE a (id SERIAL PRIMARY KEY, b int REFERENCES c(id), UNIQUE (b));",
    "CREATE TABLE b (id int) PARTITION BY RANGE (id);",
    "ALTER TABLE a RENAME TO b;",
    "ALTER TABLE b RENAME TO a;",
    "RENAME TABLE a TO b, b TO a;",
    "DROP TABLE a;",
    "DROP TABLE IF EXISTS b, c;",
    "INSERT INTO a SELECT * FROM b;",
    "INSERT INTO b SELECT * FROM a;",
    "INSERT INTO schema_migrations (version) VALUES ('1_1');",
    "DELETE FROM a;",
    "TRUNCATE b;",
    "UPDATE a SET b = 1;",
    "CREATE INDEX i ON a (b);",
    "CREATE INDEX CONCURRENTLY i ON b (id);",
    "ALTER TABLE a ADD COLUMN x int, DROP COLUMN b;",
    "ALTER TABLE a ADD CONSTRAINT k UNIQUE (b);",
    "ALTER TABLE a DROP CONSTRAINT k;",
    "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES a (id);",
    "BEGIN;",
    "COMMIT;",
    "VACUUM;",
    "ALTER TABLE a",
    "CREATE TABLE",
    "(",
    ")",
    "'",
    "$$",
    ";",
    "--",
    "INSERT INTO a",
    "VALUES",
    ",",
    "é",
    "`",
    "DROP INDEX i;",
    "SELECT 1::int;",
    "CREATE TABLE a AS SELECT * FROM b;",
    "ALTER TABLE a RENAME COLUMN b TO c;",
    "\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_set_of_scripts_makes_a_rule_panic_or_point_outside(
        scripts in proptest::collection::vec(
            ("[VU]?[0-2](_[01])?(__(a|rollback))?(\\.down)?", proptest::collection::vec(0..PIECES.len(), 0..20)),
            0..6,
        ),
    ) {
        let scripts: Vec<(String, String)> = scripts
            .into_iter()
            .map(|(name, picks)| {
                let pieces: Vec<&str> = picks.into_iter().map(|at| PIECES[at]).collect();
                (format!("{name}.sql"), pieces.join(" "))
            })
            .collect();
        let files: Vec<(&str, &str)> = scripts.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        for dialect in ALL.map(Some).into_iter().chain([None]) {
            let world = world(&files);
            let sources = world.sources;
            for set in [read_set(world.files.clone(), dialect, "schema_migrations"), read_seeds(world.files, dialect)] {
                for found in check(&set, None) {
                    prop_assert!(sources.file(found.span.file).text.get(found.span.range()).is_some());
                }
            }
        }
    }
}
