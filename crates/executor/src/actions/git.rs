//! `git`: a work tree becomes what a ref says. Where it was is written down first, and is the way back.

use std::path::PathBuf;

use plan_model::model::action::git::Git;
use plan_model::model::plan::Surroundings;
use plan_model::model::value::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::noted::Noted;
use super::{About, Act, Found, Perform, again, goes_on, here_only};
use crate::event::{Failure, Outputs};
use crate::fill::Filler;
use crate::world::{Around, Broken, Job, error};

/// So many files that a step brought are named.
const NAMED: usize = 500;

pub const ABOUT: About = About {
    key: "git",
    verified: "HEAD is the commit that was wanted",
    undone: "the branch and the commit that were there; refs that it made go",
    after_crash: "looks where HEAD and its refs are, and goes on; a work tree that git itself left half way is a person's",
    tests: &["tests/system/git.rs"],
};

impl Perform for Git {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        here_only(around)
    }

    fn tools(&self, _: &Filler<'_>) -> Vec<String> {
        vec!["git".to_owned()]
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move { Tree::of(self, job, around).await?.become_it().await })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let noted = Noted::of(job, "git");
            let Some(note) = noted.read::<Note>()? else { return Ok(()) };
            Tree::of(self, job, around).await?.back(&note).await?;
            Ok(noted.forget()?)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        goes_on("what of it is done is not done again")
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("what is back already stays as it is")
    }
}

const USUAL: [(&str, &str); 9] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
    ("GIT_EDITOR", "true"),
    // An address is no command, whatever filled it in.
    ("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh"),
    // A server that sends next to nothing is given up: less than 1000 bytes a second, a minute long.
    ("GIT_CONFIG_COUNT", "2"),
    ("GIT_CONFIG_KEY_0", "http.lowSpeedLimit"),
    ("GIT_CONFIG_VALUE_0", "1000"),
    ("GIT_CONFIG_KEY_1", "http.lowSpeedTime"),
    ("GIT_CONFIG_VALUE_1", "60"),
];

/// Before anything was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    commit: String,
    /// None where no branch was checked out.
    branch: Option<String>,
    /// Where it is checked out or merged, what it was to become: whoever finds another commit was not
    /// alone.
    left: Option<String>,
    /// The branch that was merged into, and where it was.
    merged: Option<(String, String)>,
    /// Refs that were made, with their commits.
    made: Vec<(String, String)>,
}

struct Tree<'j> {
    git: &'j Git,
    job: &'j Job,
    around: Around,
}

impl<'j> Tree<'j> {
    async fn of(git: &'j Git, job: &'j Job, around: &Surroundings) -> Result<Tree<'j>, Broken> {
        let mut around = job.around(Some(around))?;
        if let Some(dir) = &git.dir {
            around.dir = job.filler().path(&dir.value)?;
        }
        // Nobody sits there to type a password, and what it says is read here.
        for (name, value) in USUAL {
            around.env.push((name.to_owned(), value.to_owned()));
        }
        let tree = Tree { git, job, around };
        let top = tree.ask(&["rev-parse", "--show-toplevel"]).await.map_err(untouched)?;
        tree.is_own(&top).map_err(Failure::untouched)?;
        Ok(tree)
    }

    /// A folder inside of another work tree is that one: it would move with all that is around it.
    fn is_own(&self, top: &str) -> Result<(), Failure> {
        let real = |path: PathBuf| path.canonicalize().unwrap_or(path);
        match real(self.around.dir.clone()) == real(PathBuf::from(top)) {
            true => Ok(()),
            false => Err(error(format!(
                "{} lies inside the work tree {top}: name that one (`in:`)",
                self.around.dir.display()
            ))),
        }
    }

    async fn become_it(&self) -> Result<Outputs, Broken> {
        let git = self.git;
        let moves = git.checkout.is_some() || git.merge.is_some();
        let noted = Noted::of(self.job, "git");
        let known = noted.read::<Note>()?;
        let is_first = known.is_none();
        let fail = |broken: Broken| if is_first { untouched(broken) } else { broken };
        if moves {
            // A merge that was broken off is ours, if this step began before.
            if !is_first
                && self.try_ask(&["rev-parse", "-q", "--verify", "MERGE_HEAD"]).await?.is_some()
            {
                self.ask(&["merge", "--abort"]).await?;
            }
            self.is_clean().await.map_err(fail)?;
        }
        let note = match known {
            Some(note) => note,
            None => {
                let commit =
                    self.ask(&["rev-parse", "--verify", "HEAD^{commit}"]).await.map_err(fail)?;
                let branch = self.try_ask(&["symbolic-ref", "-q", "--short", "HEAD"]).await?;
                Note { commit, branch, left: None, merged: None, made: Vec::new() }
            }
        };
        if let Some(remote) = self.word(&git.fetch)? {
            self.ask(&["fetch", "--tags", "--", &remote]).await.map_err(fail)?;
        }
        let (checkout, merge) = (self.word(&git.checkout)?, self.word(&git.merge)?);
        let mut note = note;
        let branch = self.word(&git.branch)?;
        for to in [&checkout, &merge].into_iter().flatten() {
            // A branch that this very step makes begins where the work tree is.
            let is_made = branch.as_ref() == Some(to)
                && !self.has(&format!("refs/heads/{to}")).await.map_err(fail)?;
            let commit = match is_made {
                true => note.commit.clone(),
                false => self.commit_of(to).await.map_err(fail)?,
            };
            if let Some(expected) = self.job.filler().optional(git.expect_commit.as_ref())? {
                let is_it = expected.len() >= 7 && commit.starts_with(&expected.to_lowercase());
                if !is_it {
                    let text = format!("{to} is {commit}, not {expected}");
                    return Err(fail(error(text).into()));
                }
            }
        }
        noted.write(&note)?;
        for (name, kind) in [(&git.branch, "heads"), (&git.tag, "tags")] {
            if let Some(name) = self.word(name)? {
                self.make(&name, kind, &mut note, &noted).await?;
            }
        }
        if let Some(what) = self.word(&git.push)? {
            let remote = self.word(&git.remote)?.unwrap_or_else(|| "origin".to_owned());
            self.ask(&["push", "--", &remote, &what]).await?;
            self.job.say(&format!("{what} is pushed to {remote}, and stays there on the way back"));
        }
        for to in [&checkout, &merge].into_iter().flatten() {
            let there = self.in_the_way(to).await?;
            if let Some(first) = there.first() {
                return Err(fail(
                    error(format!(
                        "{first} is there, no commit holds it, and {to} brings one of this name{}: move it away",
                        if there.len() > 1 { format!(" (and {} more)", there.len() - 1) } else { String::new() }
                    ))
                    .into(),
                ));
            }
        }
        if let Some(to) = &checkout {
            let local = format!("refs/heads/{to}");
            let mut is_branch = self.has(&local).await?;
            if !is_branch && self.is_remote_branch(to).await? {
                // git makes a branch of this name here.
                is_branch = true;
                note.made.push((local, self.commit_of(to).await?));
                noted.write(&note)?;
            }
            match is_branch {
                true => self.ask(&["checkout", "-q", to, "--"]).await?,
                false => self.ask(&["checkout", "-q", "--detach", to, "--"]).await?,
            };
        }
        if let Some(from) = &merge {
            if let Some(into) = self.try_ask(&["symbolic-ref", "-q", "HEAD"]).await?
                && note.merged.is_none()
            {
                let was = self.ask(&["rev-parse", "--verify", "HEAD^{commit}"]).await?;
                note.merged = Some((into, was));
                noted.write(&note)?;
            }
            let only = git.fast_forward_only.as_ref();
            let way = match self.job.filler().flag(only, false)? {
                true => "--ff-only",
                false => "--ff",
            };
            let merged = self.ask(&["merge", "-q", "--no-edit", way, from, "--"]).await;
            if let Err(Broken::Failed(mut failure)) = merged {
                let conflicts = self.ask(&["diff", "--name-only", "--diff-filter=U"]).await?;
                let _ = self.try_ask(&["merge", "--abort"]).await?;
                if !conflicts.is_empty() {
                    let files: Vec<_> = conflicts.lines().take(10).collect();
                    failure.text = format!("{from} does not merge: {}", files.join(", "));
                }
                return Err(failure.into());
            }
            merged?;
        }
        let commit = self.ask(&["rev-parse", "--verify", "HEAD^{commit}"]).await?;
        note.left = moves.then(|| commit.clone());
        noted.write(&note)?;
        let mut outputs = Outputs::new();
        // For the changelog; whoever brings more than it can name is read in git.
        let changed = self.ask(&["diff", "--name-only", "-z", &note.commit, &commit, "--"]).await?;
        let folder = self.around.dir.canonicalize().unwrap_or_else(|_| self.around.dir.clone());
        let changed = changed.split('\0').filter(|name| !name.is_empty()).take(NAMED);
        let changed: Vec<_> = changed.map(|name| folder.join(name).display().to_string()).collect();
        outputs.insert("commit".to_owned(), Json::from(commit));
        outputs.insert("previous".to_owned(), Json::from(note.commit));
        outputs.insert("changed".to_owned(), Json::from(changed));
        Ok(outputs)
    }

    async fn back(&self, note: &Note) -> Result<(), Broken> {
        if self.git.checkout.is_some() || self.git.merge.is_some() {
            if self.try_ask(&["rev-parse", "-q", "--verify", "MERGE_HEAD"]).await?.is_some() {
                self.ask(&["merge", "--abort"]).await?;
            }
            let now = self.ask(&["rev-parse", "--verify", "HEAD^{commit}"]).await?;
            let is_back = now == note.commit;
            if let Some(left) = note.left.as_ref().filter(|left| **left != now && !is_back) {
                return Err(error(format!(
                    "the work tree is at {now}, and this step left {left}: somebody moved it since"
                ))
                .into());
            }
            self.is_clean().await?;
            for path in self.in_the_way(&note.commit).await? {
                self.set_aside(&path)?;
            }
            if let Some((into, was)) = &note.merged
                && self.try_ask(&["symbolic-ref", "-q", "HEAD"]).await?.as_ref() == Some(into)
            {
                self.ask(&["reset", "-q", "--hard", was]).await?;
            }
            let branch = self.try_ask(&["symbolic-ref", "-q", "--short", "HEAD"]).await?;
            match &note.branch {
                Some(was) if branch.as_ref() != Some(was) => {
                    self.ask(&["checkout", "-q", was, "--"]).await?;
                }
                None => {
                    self.ask(&["checkout", "-q", "--detach", &note.commit, "--"]).await?;
                }
                Some(_) => {}
            }
            let now = self.ask(&["rev-parse", "--verify", "HEAD^{commit}"]).await?;
            if now != note.commit {
                let branch = note.branch.as_deref().unwrap_or("HEAD");
                return Err(error(format!(
                    "{branch} was {} and is {now} by now: somebody moved it since",
                    note.commit
                ))
                .into());
            }
        }
        for (name, commit) in note.made.iter().rev() {
            let is = self.try_ask(&["rev-parse", "-q", "--verify", name]).await?;
            match is {
                Some(is) if is != *commit => {
                    self.job
                        .say(&format!("{name} stays: it is {is} by now, and was made as {commit}"));
                }
                Some(_) => {
                    self.ask(&["update-ref", "-d", name, commit]).await?;
                }
                None => {}
            }
        }
        Ok(())
    }

    async fn make(
        &self,
        name: &str,
        kind: &str,
        note: &mut Note,
        noted: &Noted,
    ) -> Result<(), Broken> {
        let full = format!("refs/{kind}/{name}");
        self.ask(&["check-ref-format", &full]).await?;
        let is = self.try_ask(&["rev-parse", "-q", "--verify", &full]).await?;
        if note.made.iter().any(|(known, _)| *known == full) && is.is_some() {
            return Ok(());
        }
        if let Some(is) = is {
            return Err(
                error(format!("{name} is there already, as {is}: give it another name")).into()
            );
        }
        let made = (full.clone(), note.commit.clone());
        if !note.made.contains(&made) {
            note.made.push(made);
            noted.write(note)?;
        }
        // Only if nobody else has made it in this moment.
        self.ask(&["update-ref", &full, &note.commit, ""]).await.map(drop)
    }

    async fn is_clean(&self) -> Result<(), Broken> {
        let changed = self.ask(&["status", "--porcelain", "--untracked-files=no"]).await?;
        if changed.is_empty() {
            return Ok(());
        }
        let files: Vec<_> = changed.lines().map(|line| line.get(3..).unwrap_or(line)).collect();
        let more =
            if files.len() > 5 { format!(" and {} more", files.len() - 5) } else { String::new() };
        Err(error(format!(
            "{} has changes that no commit holds: {}{more}; commit them, or put them aside (git stash)",
            self.around.dir.display(),
            files.iter().take(5).copied().collect::<Vec<_>>().join(", ")
        ))
        .into())
    }

    /// Files that no commit holds, where another commit has one: git takes ignored ones for nobody's.
    async fn in_the_way(&self, of: &str) -> Result<Vec<String>, Broken> {
        let commit = self.commit_of(of).await?;
        let come =
            ["diff", "--name-only", "--no-renames", "--diff-filter=A", "-z", "HEAD", &commit, "--"];
        let come = self.ask(&come).await?;
        let is_there = |path: &&str| std::fs::symlink_metadata(self.around.dir.join(path)).is_ok();
        let names = come.split('\0').filter(|path| !path.is_empty());
        Ok(names.filter(is_there).map(str::to_owned).collect())
    }

    fn set_aside(&self, path: &str) -> Result<(), Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let from = self.around.dir.join(path);
        let folder = super::files::kept(self.job).join("aside");
        let wrong = |problem: std::io::Error| error(format!("{}: {problem}", from.display()));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(wrong)?;
        let to = folder.join(path.replace('/', "-"));
        if !from.is_file() {
            return Err(error(format!(
                "{} is in the way: move it away, then go on",
                from.display()
            )));
        }
        std::fs::copy(&from, &to).and_then(|_| std::fs::remove_file(&from)).map_err(wrong)?;
        self.job.say(&format!("{} came later: it is kept as {}", from.display(), to.display()));
        Ok(())
    }

    async fn commit_of(&self, what: &str) -> Result<String, Broken> {
        // As `git checkout` sees it: of a branch and a tag of one name it takes the branch.
        let branch = format!("refs/heads/{what}");
        for name in [branch, what.to_owned(), format!("refs/remotes/origin/{what}")] {
            let commit = format!("{name}^{{commit}}");
            if let Some(found) = self.try_ask(&["rev-parse", "-q", "--verify", &commit]).await? {
                return Ok(found);
            }
        }
        let text =
            format!("there is no commit, tag or branch {what} in {}", self.around.dir.display());
        Err(error(text).into())
    }

    async fn has(&self, name: &str) -> Result<bool, Broken> {
        Ok(self.try_ask(&["show-ref", "--verify", "-q", name]).await?.is_some())
    }

    async fn is_remote_branch(&self, name: &str) -> Result<bool, Broken> {
        let local = self.try_ask(&["rev-parse", "-q", "--verify", name]).await?;
        let remote = format!("refs/remotes/origin/{name}");
        Ok(local.is_none()
            && self.try_ask(&["rev-parse", "-q", "--verify", &remote]).await?.is_some())
    }

    /// A name that git takes for nothing else.
    fn word(&self, text: &Option<Text>) -> Result<Option<String>, Failure> {
        let Some(word) = self.job.filler().optional(text.as_ref())? else { return Ok(None) };
        match word.is_empty() || word.starts_with('-') || word.chars().any(char::is_control) {
            true => Err(error(format!(
                "`{}` is no name of a branch, a tag or a remote",
                word.escape_debug()
            ))),
            false => Ok(Some(word)),
        }
    }

    async fn ask(&self, arguments: &[&str]) -> Result<String, Broken> {
        let mut all = vec!["git".to_owned()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let around = self.around.clone();
        let timeout = around.timeout;
        let ran = self.job.program(all, around, None, true).await?;
        ran.check(timeout).map_err(|mut failure| {
            failure.text = format!("git {}: {}", arguments[0], failure.text);
            failure
        })?;
        Ok(ran.text()?.trim_end().to_owned())
    }

    /// Nothing where git says no.
    async fn try_ask(&self, arguments: &[&str]) -> Result<Option<String>, Broken> {
        match self.ask(arguments).await {
            Ok(text) => Ok(Some(text)),
            Err(Broken::Failed(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

fn untouched(broken: Broken) -> Broken {
    match broken {
        Broken::Failed(failure) => Broken::Failed(failure.untouched()),
        other => other,
    }
}
