//! `test-env-shared`: what is called a test does not work on the data of users.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::action::files::FileChange;
use crate::model::plan::Connection;
use crate::model::value::Id;

pub const RULE: Rule = Rule {
    code: "test-env-shared",
    severity: Level::Error,
    about: "test settings and test connections name a database of their own",
    why: "`cp .env .env.testing`, says one guide, and then runs the tests: with the database of \
          production, which many a test suite empties before it begins. A file of test settings that is \
          made from the real one must replace the database in it.",
    bad: "plan: p
steps:
  - step: settings
    files: { copy: .env, to: .env.testing }
",
    good: "plan: p
steps:
  - step: settings
    files:
      - { copy: .env, to: .env.testing }
      - { set: { DB_DATABASE: shop_test }, in: .env.testing }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    of_settings(lint, found);
    of_connections(lint, found);
}

fn of_settings(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let mut copies = Vec::new();
    let mut replaced: FxHashSet<&str> = FxHashSet::default();
    for (at, entry) in ask::written(lint.plan) {
        let Some(Action::Files(files)) = entry.step().and_then(ask::action) else { continue };
        for change in files.iter() {
            match change {
                FileChange::Copy(copy) if is_derived(&copy.copy.value, &copy.to.value) => {
                    copies.push((Some(at), copy.to.span, copy.to.value.as_str()));
                }
                FileChange::Set(set)
                    if set.set.0.iter().any(|(key, _)| says_database(&key.value)) =>
                {
                    replaced.insert(name(&set.file.value));
                }
                _ => {}
            }
        }
    }
    for script in lint.scripts.scripts.iter().filter(|script| script.text.contains(".env.")) {
        // A script that names a database and the copy puts it right.
        let words = script.script.commands.iter().flat_map(|command| &command.words);
        if says_database(script.text) {
            let files = words.map(|word| name(&word.text));
            replaced.extend(files.filter(|file| file.starts_with(".env.")));
        }
        for command in &script.script.commands {
            let words: Vec<_> = command.words.iter().map(|word| &*word.text).collect();
            let ["cp", options @ .., from, to] = words.as_slice() else { continue };
            let plain = options.iter().all(|option| option.starts_with('-'));
            if plain && is_derived(from, to) {
                let place = script.place(lint.sources, command.range.clone());
                copies.push((script.entry, place, to));
            }
        }
    }
    for (at, place, to) in copies {
        if replaced.contains(name(to)) {
            continue;
        }
        let message =
            format!("{to} names the same database as the settings that it is copied from");
        let mut finding = Finding::new(place, message).help(format!(
            "replace it in the copy: files: {{ set: {{ DB_DATABASE: … }}, in: {} }}",
            to.replace(crate::shell::UNKNOWN, "…")
        ));
        finding.entry = at;
        found.push(finding);
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// From `.env` (or that of an environment) to one for tests.
fn is_derived(from: &str, to: &str) -> bool {
    let is_test = |path: &str| {
        let end = name(path).strip_prefix(".env.");
        end.is_some_and(|end| {
            ["test", "dusk", "staging", "ci"].iter().any(|kind| end.starts_with(kind))
        })
    };
    let real = name(from) == ".env" || name(from).starts_with(".env.prod");
    real && is_test(to)
}

fn says_database(text: &str) -> bool {
    ["DB_", "DATABASE", "database"].iter().any(|word| text.contains(word))
}

fn of_connections(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let is_test = |id: &str| {
        id.split('-')
            .any(|word| matches!(word, "test" | "testing" | "tests" | "scratch" | "staging"))
    };
    let connections = &lint.plan.plan.connections;
    if !connections.iter().any(|(id, _)| is_test(&id.value)) {
        return;
    }
    let mut real: FxHashMap<Identity<'_>, &Id> = FxHashMap::default();
    for (id, connection) in connections.iter().filter(|(id, _)| !is_test(&id.value)) {
        if let Some(key) = identity(connection) {
            real.entry(key).or_insert(id);
        }
    }
    for (id, connection) in connections.iter().filter(|(id, _)| is_test(&id.value)) {
        let Some(other) = identity(connection).and_then(|key| real.get(&key)) else { continue };
        let message =
            format!("the connection {} is the same database as {}", id.value, other.value);
        found.push(
            Finding::new(id.span, message)
                .related(other.span, "the other name of it")
                .help(format!("give {} a database of its own", id.value)),
        );
    }
}

type Identity<'p> = [Option<&'p str>; 5];

/// What tells one database from another; `None` where it does not say which database.
fn identity(connection: &Connection) -> Option<Identity<'_>> {
    let named = [&connection.url, &connection.file, &connection.database];
    // Two ports are two servers.
    if named.into_iter().all(Option::is_none) || connection.port.is_some() {
        return None;
    }
    let parts = [
        &connection.url,
        &connection.host,
        &connection.socket,
        &connection.file,
        &connection.database,
    ];
    Some(parts.map(|part| part.as_ref().map(|part| part.value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn copied_settings_get_a_database_of_their_own() {
        let plan = |steps: &str| format!("plan: p\nsteps:\n{steps}");
        let script = |run: &str| {
            plan(&format!("  - step: a\n    run: |\n      {run}\n    irreversible: only tests\n"))
        };
        let message = |mark: &str| {
            format!(
                "{mark}|.env.testing names the same database as the settings that it is copied from"
            )
        };
        check(&RULE, &script("cp .env .env.testing"), &[&message("cp .env .env.testing")]);
        check(
            &RULE,
            &script("cp .env .env.testing; sed -i 's/^DB_DATABASE=.*/DB_DATABASE=t/' .env.testing"),
            &[],
        );
        check(&RULE, &script("cp .env.example .env.testing"), &[]);
        let copy = "  - { step: a, files: { copy: app/.env, to: app/.env.testing } }\n";
        let set = "  - { step: b, files: { set: { DB_HOST: localhost }, in: app/.env.testing } }\n";
        check(
            &RULE,
            &plan(copy),
            &[
                "app/.env.testing|app/.env.testing names the same database as the settings that it is copied from",
            ],
        );
        check(&RULE, &plan(&format!("{copy}{set}")), &[]);
    }

    #[test]
    fn a_connection_for_tests_is_not_the_real_one() {
        let plan = |test: &str| {
            format!(
                "plan: p\nconnections:\n  main: {{ server: mysql, host: db, database: shop }}\n  test: {{ server: mysql, host: db, database: {test} }}\nsteps: [{{ step: look, run: uptime, read_only: true }}]\n"
            )
        };
        check(&RULE, &plan("shop_test"), &[]);
        check(&RULE, &plan("shop"), &["test|the connection test is the same database as main"]);
    }
}
