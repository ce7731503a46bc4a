//! `changelog`: an entry about what was changed.

use super::{ActionFacts, Inverse};
use crate::model::read::{record, words};
use crate::model::value::Text;

words! {
/// How an entry is written.
pub enum ChangelogFormat {
    /// Keep a Changelog: versions with sections.
    KeepAChangelog = "keep-a-changelog",
    /// A dated record: file, type, description, tester, approver.
    ChangeRecord = "change-record",
}
}

words! {
/// What kind of change it is.
pub enum ChangeKind {
    /// Something new.
    Feature = "feature",
    /// Something better.
    Improvement = "improvement",
    /// Something repaired.
    Fix = "fix",
}
}

record! {
/// An entry in a changelog. Date, author and changed files are filled in from the run.
pub struct Changelog {
    /// The file. Example: `CHANGELOG.md`
    file: Text,
    /// What was changed, in words. Example: `Push notifications`
    text: Text,
    /// The version. Example: `{{ version }}`
    version: Option<Text>,
    /// What kind of change it is. Example: `feature`
    kind as "type": Option<ChangeKind>,
    /// How the entry is written; `keep-a-changelog` unless said. Example: `change-record`
    format: Option<ChangelogFormat>,
    /// Who made the change; who runs the plan unless said. Example: `{{ author }}`
    author: Option<Text>,
    /// Who tested it. Example: `{{ tester }}`
    tester: Option<Text>,
    /// Who approved it. Example: `{{ approver }}`
    approver: Option<Text>,
}
}

impl ActionFacts for Changelog {
    fn line(&self) -> String {
        let version =
            self.version.as_ref().map_or(String::new(), |version| format!(" {}", version.value));
        format!("enter{version} into {}", self.file.value)
    }

    fn inverse(&self) -> Inverse {
        Inverse::Natural("takes the entry out again".to_owned())
    }

    fn by_hand(&self) -> String {
        format!(
            "by hand: take out of {} what bears the mark of this step (a comment `plan RUN/STEP`)",
            self.file.value
        )
    }
}
