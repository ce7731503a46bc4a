//! `plan schema`: the JSON schema that editors and CI use.

use crate::args::{Schema, SchemaRole};
use crate::exit::Exit;
use crate::terminal::Terminal;

/// Made from the types of the events; a test of theirs holds the file to them.
const EVENTS_SCHEMA: &str = include_str!("../../../../schemas/events.schema.json");

pub fn run(args: &Schema, terminal: &mut Terminal) -> Exit {
    terminal.say(match args.role {
        SchemaRole::Plan => plan_model::schema::PLAN_SCHEMA,
        SchemaRole::Environment => plan_model::schema::ENVIRONMENT_SCHEMA,
        SchemaRole::Events => EVENTS_SCHEMA,
    });
    Exit::Done
}
