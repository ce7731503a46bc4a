//! The rules about migration scripts, applied to what each `migrate` and `sql` step names.
//! The rules themselves live in `migration/`.

use super::{Finding, Lint, ask};
use crate::migration::{self, MigrationFile, MigrationSet, Version};
use crate::model::action::Action;
use crate::model::action::migrate::{Engine, Migrate};
use crate::named::NamedFile;

const TRACKING_TABLE: &str = "schema_migrations";

pub fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for (at, entry) in ask::written(lint.plan) {
        let Some(step) = entry.step() else { continue };
        let diagnostics = match ask::action(step) {
            Some(Action::Migrate(migrate)) => of_migrate(lint, migrate),
            Some(Action::Sql(sql)) => {
                let files = ask::statements::files(lint, sql).into_iter();
                let seeds: Vec<_> = files.map(|file| migration_file(file, &file.path)).collect();
                if seeds.is_empty() {
                    continue;
                }
                let dialect = ask::statements::dialect_of(lint, sql, &step.surroundings);
                migration::check(&migration::read_seeds(seeds, dialect), None)
            }
            _ => continue,
        };
        found.extend(diagnostics.into_iter().map(|diagnostic| Finding {
            diagnostic,
            entry: Some(at),
            phase: None,
        }));
    }
}

fn of_migrate(lint: &Lint<'_>, migrate: &Migrate) -> Vec<crate::diagnostic::Diagnostic> {
    let target: Option<Version> = migrate.to.as_ref().and_then(|to| to.value.parse().ok());
    let set = set_of(lint, migrate);
    set.map_or_else(Vec::new, |set| migration::check(&set, target.as_ref()))
}

/// The scripts of a step whose engine is `plan` itself.
pub fn set_of(lint: &Lint<'_>, migrate: &Migrate) -> Option<MigrationSet> {
    if !matches!(migrate.engine, None | Some(Engine::Builtin)) {
        return None;
    }
    let folder = |path: &Option<crate::model::value::MigrationsPath>| {
        let path = path.as_ref()?;
        Some((path.value.clone(), lint.files.migrations.get(&path.span)?))
    };
    let (path, ups) = folder(&migrate.from)?;
    let mut files: Vec<MigrationFile> =
        ups.iter().map(|file| migration_file(file, below(&path, &file.path))).collect();
    if let Some((_, downs)) = folder(&migrate.rollbacks) {
        for file in downs {
            if files.iter().any(|known| known.file == file.file) {
                continue;
            }
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            files.push(migration_file(file, &format!("rollback/{name}")));
        }
    }
    let dialect = ask::dialect(&lint.plan.plan, &migrate.database.value);
    let table = migrate.table.as_ref().map_or(TRACKING_TABLE, |table| table.value.as_str());
    Some(migration::read_set(files, dialect, table))
}

/// The name of a file as the migrations folder sees it.
fn below<'f>(folder: &str, path: &'f str) -> &'f str {
    let last = folder.trim_end_matches('/').rsplit('/').next().unwrap_or("");
    match path.rfind(&format!("{last}/")) {
        Some(at) => &path[at + last.len() + 1..],
        None => path,
    }
}

fn migration_file(file: &NamedFile, name: &str) -> MigrationFile {
    MigrationFile { name: name.to_owned(), file: file.file, text: file.text.clone() }
}
