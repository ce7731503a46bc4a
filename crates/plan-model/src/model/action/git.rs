//! `git`: moves a work tree, makes branches and tags; the commit that was there is the way back.

use super::{ActionFacts, Effect, Inverse};
use crate::model::read::record;
use crate::model::value::{Flag, Text};

record! {
/// Moves a git work tree to a ref, or makes branches and tags, in this order: fetch, branch, tag, push, checkout, merge.
pub struct Git {
    /// The work tree. Example: `app/`
    dir as "in": Option<Text>,
    /// The remote to fetch from first. Example: `origin`
    fetch: Option<Text>,
    /// A branch to make here. Example: `avant-{{ run.id }}`
    branch: Option<Text>,
    /// A tag to make here. Example: `before-{{ run.id }}`
    tag: Option<Text>,
    /// A branch or tag to push. Example: `avant-{{ run.id }}`
    push: Option<Text>,
    /// The remote to push to; `origin` unless said. Example: `origin`
    remote: Option<Text>,
    /// The tag, commit or branch that the work tree becomes. Example: `{{ tag }}`
    checkout: Option<Text>,
    /// The commit that the ref must be; otherwise nothing is touched. Example: `{{ commit }}`
    expect_commit: Option<Text>,
    /// A branch to merge into the current one. Example: `feature/push`
    merge: Option<Text>,
    /// Merges only if no merge commit is needed. Example: `true`
    fast_forward_only: Option<Flag>,
}
}

impl ActionFacts for Git {
    fn line(&self) -> String {
        let parts = [
            ("fetch", &self.fetch),
            ("make branch", &self.branch),
            ("make tag", &self.tag),
            ("push", &self.push),
            ("check out", &self.checkout),
            ("merge", &self.merge),
        ];
        let said = parts
            .iter()
            .filter_map(|(verb, what)| Some(format!("{verb} {}", what.as_ref()?.value)));
        let place = self.dir.as_ref().map_or(String::new(), |dir| format!(" in {}", dir.value));
        said.collect::<Vec<_>>().join(", ") + &place
    }

    fn inverse(&self) -> Inverse {
        if self.checkout.is_some() || self.merge.is_some() {
            Inverse::Natural("goes back to the commit that was there".to_owned())
        } else if self.branch.is_some() || self.tag.is_some() {
            Inverse::Natural("removes the branch or tag that it made here".to_owned())
        } else if self.push.is_some() {
            Inverse::NothingToUndo("what was pushed stays there")
        } else {
            Inverse::NothingToUndo("what was fetched stays")
        }
    }

    fn by_hand(&self) -> String {
        "by hand: STEP.git.json in the run's folder holds the branch and the commit that were there, the branch \
         that was merged into (`merged`) with its commit before, and the refs that were made: git checkout \
         BRANCH, git reset --hard COMMIT where it was merged into, git update-ref -d REF"
            .to_owned()
    }

    fn effects(&self) -> Vec<Effect> {
        let moves = self.checkout.is_some() || self.merge.is_some();
        let path = self.dir.as_ref().map_or(".".to_owned(), |dir| dir.value.clone());
        if moves { vec![Effect::Files { path }] } else { Vec::new() }
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["commit", "previous", "changed"]
    }
}
