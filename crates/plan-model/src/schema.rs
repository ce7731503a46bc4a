//! The JSON schema of the language, generated from the types, and a tree held against it:
//! every violation, each with its place and remedy. Knows nothing of what a plan means.

mod generate;
pub(crate) mod hold;
mod shape;

pub use generate::{environment_schema, plan_schema};
pub use hold::{Held, nearest};
pub use shape::Shapes;

use std::sync::LazyLock;

use crate::diagnostic::Diagnostic;
use crate::document::Document;

static PLAN: LazyLock<Shapes> = LazyLock::new(|| Shapes::compile(&plan_schema()));
static ENVIRONMENT: LazyLock<Shapes> = LazyLock::new(|| Shapes::compile(&environment_schema()));

/// Which of the two kinds of file a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRole {
    Plan,
    Environment,
}

/// Holds a document against its schema; what was refused is hidden from later readers.
pub fn check(document: &mut Document<'_>, role: FileRole, found: &mut Vec<Diagnostic>) -> Held {
    let shapes = match role {
        FileRole::Plan => &*PLAN,
        FileRole::Environment => &*ENVIRONMENT,
    };
    let (held, pruned) = hold::hold(document, shapes, found);
    document.prune(pruned);
    held
}
