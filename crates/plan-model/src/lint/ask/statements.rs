//! What an `sql` step says beside its statements: on which connection, of which server, from which files.

use super::super::Lint;
use super::dialect;
use crate::model::action::sql::Sql;
use crate::model::plan::Surroundings;
use crate::named::NamedFile;
use crate::sql::Dialect;

/// The connection that is named, by the action or beside it.
pub fn connection<'s>(sql: &'s Sql, around: &'s Surroundings) -> Option<&'s str> {
    let named = sql.keys().and_then(|keys| keys.database.as_ref());
    named.map(|id| id.value.as_str()).or(around.on.as_ref().map(|on| on.value.as_str()))
}

/// The kind of server, if the files tell.
pub fn dialect_of(lint: &Lint<'_>, sql: &Sql, around: &Surroundings) -> Option<Dialect> {
    dialect(&lint.plan.plan, connection(sql, around)?)
}

/// The file of its statements, and those of the further items of a loop; nothing where they stand in the plan.
pub fn files<'l>(lint: &'l Lint<'_>, sql: &Sql) -> Vec<&'l NamedFile> {
    let Some(named) = sql.keys().and_then(|keys| keys.file.as_ref()) else { return Vec::new() };
    let further = lint.files.of_further_items.iter().filter(|(span, _)| *span == named.span);
    lint.files.sql.get(&named.span).into_iter().chain(further.map(|(_, file)| file)).collect()
}
