//! What a step does not send as it stands: known from the text alone, so told before anything runs.

use std::ops::Range;

use super::{Action, Script, TransactionStep, UnsentKind};

/// The first place of a script that is not sent, and what would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub range: Range<usize>,
    /// Continues the statement itself: "`BEGIN` …".
    pub why: String,
    pub help: &'static str,
}

const OFF: &str = "write `transaction: off`";

impl Script {
    /// What whoever sends the statements would leave out.
    pub fn not_sent(&self) -> Option<Refused> {
        let unsent = self.unsent.first()?;
        let (why, help) = match unsent.what {
            UnsentKind::ClientCommand => (
                "is a command of the server's own client, not a statement",
                "let the client run it: `run:`",
            ),
            UnsentKind::CopiedRows => (
                "brings its rows along, which only the server's own client sends",
                "use INSERT, or `run:`",
            ),
            UnsentKind::CodeInComment => (
                "is code in a comment, as dumps have it",
                "write it without, or bring a dump back by `restore:`",
            ),
        };
        Some(Refused { range: unsent.range.clone(), why: why.to_owned(), help })
    }

    /// What cannot run in the one transaction of a step.
    pub fn not_in_transaction(&self) -> Option<Refused> {
        self.statements.iter().find_map(|statement| {
            let ends_it = statement.ddl && self.dialect.is_mysql_family();
            let (why, help) = match &statement.action {
                Action::Transaction(
                    TransactionStep::Begin | TransactionStep::Commit | TransactionStep::Rollback,
                ) => (
                    "meets the transaction that the step has".to_owned(),
                    "leave it out, or write `transaction: off`",
                ),
                Action::Pragma(name) if name == "foreign_keys" && self.statements.len() > 1 => {
                    ("does nothing inside a transaction".to_owned(), OFF)
                }
                _ if statement.outside_transaction || ends_it => {
                    (format!("cannot run in a transaction of {}", self.dialect.title()), OFF)
                }
                _ => return None,
            };
            Some(Refused { range: statement.head.clone(), why, help })
        })
    }
}
