//! Sets of scripts for the tests of rules, and the places that a rule marks in them.
//! Does not know the rules.

use super::*;
use crate::source::Sources;

pub type Check = fn(&MigrationSet, &mut Vec<Diagnostic>);

pub struct World {
    pub sources: Sources,
    pub files: Vec<MigrationFile>,
}

pub fn world(files: &[(&str, &str)]) -> World {
    let mut sources = Sources::default();
    let files = files.iter().map(|(name, text)| {
        let text: Arc<str> = (*text).into();
        MigrationFile { name: (*name).to_owned(), file: sources.add(*name, text.clone()), text }
    });
    let files = files.collect();
    World { sources, files }
}

/// The files of an example: each follows a line `-- file: NAME`.
pub fn example(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split("-- file: ").filter(|part| !part.trim().is_empty());
    parts.map(|part| part.split_once('\n').unwrap_or((part, ""))).collect()
}

/// The texts that a rule marks.
pub fn marked(check: Check, dialect: Dialect, files: &[(&str, &str)]) -> Vec<String> {
    let world = world(files);
    let set = read_set(world.files, Some(dialect), "schema_migrations");
    let mut found = Vec::new();
    check(&set, &mut found);
    found.iter().map(|one| world.sources.slice(one.span).to_owned()).collect()
}

pub fn messages(check: Check, dialect: Dialect, files: &[(&str, &str)]) -> Vec<String> {
    let set = read_set(world(files).files, Some(dialect), "schema_migrations");
    let mut found = Vec::new();
    check(&set, &mut found);
    found.into_iter().map(|one| one.message).collect()
}
