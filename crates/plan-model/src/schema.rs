//! The JSON schema of the language, generated from the types, and a tree held against it:
//! every violation, each with its place and remedy. Knows nothing of what a plan means.

mod generate;
#[cfg(test)]
mod reference;
pub(crate) mod hold;
mod shape;

pub use generate::{environment_schema, plan_schema};
pub use hold::{Held, nearest};
pub use shape::Shapes;

use std::sync::LazyLock;

use crate::diagnostic::Diagnostic;
use crate::document::{Document, NodeId};

/// The committed schemas; a test holds them against the types.
pub const PLAN_SCHEMA: &str = include_str!("../../../schemas/plan.schema.json");
pub const ENVIRONMENT_SCHEMA: &str = include_str!("../../../schemas/environment.schema.json");

static PLAN: LazyLock<Shapes> = LazyLock::new(|| compiled(PLAN_SCHEMA));
static ENVIRONMENT: LazyLock<Shapes> = LazyLock::new(|| compiled(ENVIRONMENT_SCHEMA));

fn compiled(text: &str) -> Shapes {
    Shapes::compile(&serde_json::from_str(text).expect("the committed schema is JSON"))
}

/// Which of the two kinds of file a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRole {
    Plan,
    Environment,
}

/// Compiles a schema. The first check does so by itself; it may as well be done before.
pub fn prepare(role: FileRole) {
    let _ = shapes(role);
}

/// Holds a document against its schema; what it refused is to be hidden from later readers.
pub fn check(
    document: &Document<'_>,
    role: FileRole,
    found: &mut Vec<Diagnostic>,
) -> (Held, Vec<NodeId>) {
    hold::hold(document, shapes(role), found)
}

fn shapes(role: FileRole) -> &'static Shapes {
    match role {
        FileRole::Plan => &PLAN,
        FileRole::Environment => &ENVIRONMENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_reference_is_that_of_the_types() {
        let path = format!("{}/../../docs/reference.md", env!("CARGO_MANIFEST_DIR"));
        let text = reference::reference(&plan_schema(), &environment_schema());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(
            committed == text,
            "{path} is not what the types say: run this test with UPDATE_SCHEMAS=1"
        );
    }

    /// `UPDATE_SCHEMAS=1 cargo test -p plan-model schemas_are_those_of_the_types` writes them anew.
    #[test]
    fn committed_schemas_are_those_of_the_types() {
        for (name, schema) in [("plan", plan_schema()), ("environment", environment_schema())] {
            let path = format!("{}/../../schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap();
            assert!(
                committed == text,
                "{path} is not what the types say: run this test with UPDATE_SCHEMAS=1"
            );
        }
    }
}
