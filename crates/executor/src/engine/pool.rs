//! How many steps may work on a connection at once.

use plan_model::model::action::Action;

use crate::actions::sql;
use crate::course::Course;
use crate::world::World;

/// The connection of an entry lets nobody else in now.
pub fn is_full(course: &Course, at: usize, world: &World) -> bool {
    let Some(id) = connection(world, at) else { return false };
    let connections = &world.plan.plan.connections;
    let pool = connections.iter().find(|(known, _)| known.value == id);
    let max = pool.and_then(|(_, connection)| connection.pool.as_ref()?.max.as_ref());
    let max = max.and_then(|max| world.filler(Some(at), None).count(max).ok());
    let Some(max) = max else { return false };
    let at_work = course.running().filter(|other| connection(world, *other) == Some(id)).count();
    at_work as u64 >= max.max(1)
}

/// The connection that a step works on.
fn connection(world: &World, at: usize) -> Option<&str> {
    let step = world.plan.entry(at).step()?;
    let named = match step.actions.first()? {
        Action::Sql(sql) => {
            let first = || world.plan.plan.connections.first().map(|(id, _)| &id.value[..]);
            return sql::connection(sql, &step.surroundings).or_else(first);
        }
        Action::Migrate(migrate) => Some(&migrate.database),
        Action::Backup(backup) => backup.database.as_ref(),
        Action::Restore(restore) => restore.database.as_ref(),
        Action::Compare(compare) => compare.database.as_ref(),
        _ => None,
    };
    named.map(|named| &named.value[..])
}
