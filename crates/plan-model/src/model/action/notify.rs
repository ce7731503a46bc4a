//! `notify`: tells somebody.

use super::{ActionFacts, Inverse};
use crate::model::read::record;
use crate::model::value::{Flag, OneOrMany, ShellText, Text, Url};

record! {
/// Tells somebody, by one way or several.
pub struct Notify {
    /// What is said. Example: `Maintenance starts at 02:00 and takes two hours`
    message: Text,
    /// The subject of an e-mail. Example: `Maintenance tonight`
    subject: Option<Text>,
    /// E-mail addresses. Example: `[team@example.org]`
    email: Option<OneOrMany<Text>>,
    /// An address that the message is posted to. Example: `{{ webhook }}`
    webhook: Option<Url>,
    /// A command; it gets the message on its standard input. Example: `./tell-users.sh`
    command: Option<ShellText>,
    /// Whom it is for: shown in the report. Example: `users`
    audience: Option<Text>,
    /// A message that cannot be sent fails the step; it is a warning unless said. Example: `false`
    required: Option<Flag>,
}
}

impl ActionFacts for Notify {
    fn line(&self) -> String {
        let whom = self.audience.as_ref().map_or(String::new(), |who| format!(" {}", who.value));
        format!("tell{whom}: {}", self.message.value.trim_end())
    }

    fn inverse(&self) -> Inverse {
        Inverse::NothingToUndo("a message cannot be taken back")
    }
}
