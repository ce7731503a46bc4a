//! `privileges-short`: the rights that `requires` asks for are those that the plan needs, the way
//! back and the dump included. Speaks of MySQL and MariaDB only: elsewhere the owner may do all.

use std::collections::BTreeMap;

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::action::migrate::{Engine, Migrate};
use crate::model::check::Check;
use crate::source::Span;
use crate::sql::Dialect;

pub const RULE: Rule = Rule {
    code: "privileges-short",
    severity: Level::Error,
    about: "the rights asked for cover the way there, the way back and the dump",
    why: "One guide asks for CREATE, ALTER, INSERT, UPDATE and DELETE: enough to go forward. Its dump \
          stops for lack of SELECT, LOCK TABLES and EVENT, and its rollback for lack of DROP, which is found \
          out when the rollback is needed. The check before the start has to ask for all of them.",
    bad: "plan: p
connections: { main: { server: mysql, host: localhost, database: shop } }
requires:
  - { database: main, privileges: [CREATE, ALTER] }
steps:
  - step: save
    backup: { database: main, to: backups/ }
",
    good: "plan: p
connections: { main: { server: mysql, host: localhost, database: shop } }
requires:
  - { database: main, privileges: [SELECT, LOCK TABLES, EVENT, SHOW VIEW, TRIGGER] }
steps:
  - step: save
    backup: { database: main, to: backups/ }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let mut given: Vec<(&str, Span, Vec<String>)> = Vec::new();
    for check in checks::required(&plan.plan) {
        let Check::Database(check) = check else { continue };
        let Some(privileges) = check.privileges.as_ref().filter(|list| !list.is_empty()) else {
            continue;
        };
        let id = check.database.value.as_str();
        if !matches!(ask::dialect(&plan.plan, id), Some(Dialect::MySql | Dialect::MariaDb)) {
            continue;
        }
        let rights = privileges.iter().map(|right| right.value.trim().to_ascii_uppercase());
        match given.iter_mut().find(|(known, ..)| *known == id) {
            Some((_, _, known)) => known.extend(rights),
            None => given.push((id, check.database.span, rights.collect())),
        }
    }
    for (id, place, rights) in given {
        let has_all = |right: &String| right.starts_with("ALL") || right.contains("{{");
        if rights.iter().any(has_all) {
            continue;
        }
        let mut needed: BTreeMap<&'static str, usize> = BTreeMap::new();
        for (at, entry) in ask::written(plan) {
            let all: &[&'static str] = match entry.step().and_then(ask::action) {
                Some(Action::Backup(backup)) if is(&backup.database, id) => {
                    // Without the last two, it leaves out what it may not see, and says nothing.
                    &["SELECT", "LOCK TABLES", "EVENT", "SHOW VIEW", "TRIGGER"]
                }
                Some(Action::Migrate(migrate)) if migrate.database.value == id => {
                    &of_migration(lint, migrate)
                }
                _ => continue,
            };
            for right in all {
                needed.entry(right).or_insert(at);
            }
        }
        needed.retain(|right, _| !rights.iter().any(|given| given == right));
        let Some(first) = needed.values().min().map(|at| plan.entry(*at)) else { continue };
        let missing: Vec<_> = needed.keys().copied().collect();
        let message =
            format!("the plan also needs {} on {id}, the way back included", missing.join(", "));
        found.push(
            Finding::new(place, message)
                .related(first.span, "needed here")
                .help(format!("add to privileges: [{}]", missing.join(", "))),
        );
    }
}

fn is(database: &Option<crate::model::value::ConnectionRef>, id: &str) -> bool {
    database.as_ref().is_some_and(|database| database.value == id)
}

/// What the scripts and their rollbacks do, as far as they can be read.
fn of_migration(lint: &Lint<'_>, migrate: &Migrate) -> Vec<&'static str> {
    let folders = [&migrate.from, &migrate.rollbacks];
    let folders = folders.into_iter().flatten();
    let files: Vec<_> = folders
        .filter_map(|folder| lint.files.migrations.get(&folder.span))
        .flatten()
        .map(|file| file.text.to_ascii_lowercase())
        .collect();
    if files.is_empty() || !matches!(migrate.engine, None | Some(Engine::Builtin)) {
        return vec!["CREATE", "ALTER", "DROP", "INDEX"];
    }
    let says = |phrases: &[&str]| {
        files.iter().any(|text| phrases.iter().any(|phrase| text.contains(phrase)))
    };
    // The tracking table is made, read, written, and cleared on the way back.
    let mut rights = vec!["CREATE", "SELECT", "INSERT", "DELETE"];
    let by_phrase: [(&'static str, &[&str]); 4] = [
        ("ALTER", &["alter table", "rename table"]),
        ("DROP", &["drop table", "drop view", "truncate", "rename table", "rename to"]),
        ("INDEX", &["create index", "create unique index", "create fulltext index", "drop index"]),
        ("UPDATE", &["update "]),
    ];
    rights.extend(by_phrase.iter().filter(|(_, phrases)| says(phrases)).map(|(right, _)| *right));
    rights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::MemoryFolder;
    use crate::lint::testing::check_with;

    fn check(server: &str, privileges: &str, expected: &[&str]) {
        let plan = format!(
            "plan: p\nconnections: {{ main: {{ server: {server}, host: localhost, database: a }} }}\nrequires: [{{ database: main{privileges} }}]\nsteps:\n  - {{ step: save, backup: {{ database: main, to: b/ }} }}\n  - {{ step: schema, migrate: {{ database: main, from: migrations/ }} }}\n"
        );
        let folder = MemoryFolder::default()
            .with("migrations/V1__a.sql", "CREATE TABLE a (b int);\n")
            .with("migrations/rollback/V1__rollback.sql", "DROP TABLE IF EXISTS a;\n");
        check_with(&RULE, &plan, &folder, None, expected);
    }

    #[test]
    fn the_way_back_and_the_dump_need_rights_too() {
        let forward = ", privileges: [create, select, insert, delete]";
        let message = "main|the plan also needs DROP, EVENT, LOCK TABLES, SHOW VIEW, TRIGGER on main, the way back included";
        check("mysql", forward, &[message]);
        let all = "create, select, insert, delete, drop, lock tables, event, show view, trigger";
        check("mysql", &format!(", privileges: [{all}]"), &[]);
        check("mysql", ", privileges: [ALL PRIVILEGES]", &[]);
    }

    #[test]
    fn without_a_list_or_on_other_servers_nothing_is_said() {
        check("mysql", "", &[]);
        check("postgresql", ", privileges: [CREATE, ALTER]", &[]);
    }
}
