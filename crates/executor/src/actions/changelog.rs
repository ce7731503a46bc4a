//! `changelog`: an entry where readers look for it. It bears a mark of the run, by which the way back finds it
//! among what others wrote since.

use std::path::PathBuf;

use plan_model::model::action::changelog::{ChangeKind, Changelog, ChangelogFormat};
use plan_model::model::plan::Surroundings;

use super::{About, Act, Found, Perform, again, goes_on, here_only};
use crate::digest;
use crate::event::{Failure, Outputs};
use crate::keep::{self, Keep, meta::Meta};
use crate::world::{Broken, Job, error};

pub const ABOUT: About = About {
    key: "changelog",
    verified: "the entry with the mark of this run is there",
    undone: "takes the entry out, and nothing else",
    after_crash: "an entry with the mark of this run is not made twice",
    tests: &["tests/system/changelog.rs"],
};

impl Perform for Changelog {
    fn lacks(&self, around: &Surroundings) -> Vec<String> {
        here_only(around)
    }

    fn perform<'a>(
        &'a self,
        job: &'a Job,
        around: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let path = path(self, job, around).map_err(Failure::untouched)?;
            let was = read(&path).map_err(Failure::untouched)?;
            let mark = mark(job);
            if was.contains(&mark) {
                return Ok(Outputs::new());
            }
            let entry = Entry::of(self, job, mark).map_err(Failure::untouched)?;
            let text = match self.format.unwrap_or(ChangelogFormat::KeepAChangelog) {
                ChangelogFormat::KeepAChangelog => kept(&was, &entry),
                ChangelogFormat::ChangeRecord => recorded(&was, &entry),
            };
            let mut keep = Keep::of(super::files::kept(job))?;
            keep.note([path.clone()])?;
            keep.made([(path.clone(), digest::sha256(&text))])?;
            let meta = if path.exists() { Meta::of(&path)? } else { Meta::usual() };
            keep::write_aside(&path, text.as_bytes(), Some(&Meta { changed: None, ..meta }))?;
            Ok(Outputs::new())
        })
    }

    fn undo<'a>(&'a self, job: &'a Job, around: &'a Surroundings) -> Act<'a, Result<(), Broken>> {
        Box::pin(async move {
            let path = path(self, job, around)?;
            let keep = Keep::of(super::files::kept(job))?;
            let now = read(&path)?;
            let mark = mark(job);
            if keep.is_what_was_made(&path)? {
                keep.put_back()?;
                return Ok(());
            }
            if !now.contains(&mark) {
                // It was never made, or somebody took it out.
                let _ = std::fs::remove_file(keep::beside(&path));
                return Ok(keep.forget()?);
            }
            // Somebody wrote into it since: only what is ours goes.
            let text = without(&now, &mark);
            let meta = Meta { changed: None, ..Meta::of(&path)? };
            keep::write_aside(&path, text.as_bytes(), Some(&meta))?;
            Ok(keep.forget()?)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        goes_on("an entry with the mark of this run is not made twice")
    }

    fn found_undone<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("the entry is looked for again")
    }
}

fn path(changelog: &Changelog, job: &Job, around: &Surroundings) -> Result<PathBuf, Failure> {
    let path = job.around(Some(around))?.dir.join(job.filler().of(&changelog.file)?);
    // What a link leads to is changed, and the link stays.
    Ok(std::fs::canonicalize(&path).unwrap_or(path))
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    if path.exists() && !path.is_file() {
        return Err(error(format!("{} is no file", path.display())));
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(problem) => Err(error(format!("{}: {problem}", path.display()))),
    }
}

/// A comment of Markdown: readers do not see it.
fn mark(job: &Job) -> String {
    format!("<!-- plan {}/{} -->", job.world.run_key(), job.entry_id())
}

/// What is told.
struct Entry {
    text: String,
    version: Option<String>,
    kind: ChangeKind,
    date: String,
    author: String,
    tester: Option<String>,
    approver: Option<String>,
    files: Vec<String>,
    mark: String,
}

impl Entry {
    fn of(changelog: &Changelog, job: &Job, mark: String) -> Result<Entry, Failure> {
        let fill = job.filler();
        let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let optional = |text: Option<&plan_model::model::value::Text>| {
            Ok::<_, Failure>(fill.optional(text)?.map(line).filter(|text| !text.is_empty()))
        };
        let author = optional(changelog.author.as_ref())?;
        Ok(Entry {
            text: line(fill.of(&changelog.text)?),
            version: optional(changelog.version.as_ref())?,
            kind: changelog.kind.unwrap_or(ChangeKind::Improvement),
            date: job.world.clock.now().timestamp().strftime("%Y-%m-%d").to_string(),
            author: author.unwrap_or_else(|| job.world.run.by.clone()),
            tester: optional(changelog.tester.as_ref())?,
            approver: optional(changelog.approver.as_ref())?,
            files: files(job),
            mark,
        })
    }
}

/// What steps of this run changed, as it is called from the plan's folder.
fn files(job: &Job) -> Vec<String> {
    let known = job.world.known.borrow();
    let mut all: Vec<String> = Vec::new();
    for known in known.values() {
        let named = known.named();
        let changed = named.get("changed").and_then(|changed| changed.as_array().cloned());
        for path in changed.into_iter().flatten() {
            let path = PathBuf::from(path.as_str().unwrap_or_default());
            let base = std::fs::canonicalize(&job.world.base).ok();
            let inside = base.and_then(|base| path.strip_prefix(base).ok().map(PathBuf::from));
            all.push(inside.unwrap_or(path).display().to_string());
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The words of a language: that of the file, as far as it tells.
fn words(text: &str) -> [&'static str; 10] {
    let is_french = ["Ajouté", "Modifié", "Corrigé", "Fichiers", "Auteur", "Non publié"];
    match is_french.iter().any(|word| text.contains(word)) {
        true => [
            "Ajouté",
            "Modifié",
            "Corrigé",
            "Non publié",
            "Fichiers",
            "Type",
            "Description",
            "Auteur",
            "Testé par",
            "Approuvé par",
        ],
        false => [
            "Added",
            "Changed",
            "Fixed",
            "Unreleased",
            "Files",
            "Type",
            "Description",
            "Author",
            "Tested by",
            "Approved by",
        ],
    }
}

fn heading(entry: &Entry, words: &[&'static str; 10]) -> &'static str {
    match entry.kind {
        ChangeKind::Feature => words[0],
        ChangeKind::Improvement => words[1],
        ChangeKind::Fix => words[2],
    }
}

/// Keep a Changelog: under its version, under what kind of change it is.
fn kept(was: &str, entry: &Entry) -> String {
    let words = words(was);
    let heading = format!("### {}", heading(entry, &words));
    let bullet = format!("- {} {}", entry.text, entry.mark);
    let mut lines: Vec<String> = was.lines().map(str::to_owned).collect();
    let wanted = entry.version.as_deref().unwrap_or(words[3]);
    let is_version = |line: &String| {
        let name = line.strip_prefix("## ").unwrap_or_default().trim();
        let name = name.trim_start_matches('[').split([']', ' ']).next().unwrap_or_default();
        line.starts_with("## ") && (name == wanted || line[3..].trim_matches(['[', ']']) == wanted)
    };
    let section = match lines.iter().position(is_version) {
        Some(at) => at,
        None => {
            let title = match &entry.version {
                Some(version) => format!("## [{version}] - {}", entry.date),
                None => format!("## [{wanted}]"),
            };
            // Before the versions that there are; what is not released stays on top.
            let is_older = |line: &String| {
                let is_open = ["Unreleased", "Non publié"].iter().any(|word| line.contains(word));
                line.starts_with("## ") && !(is_open && entry.version.is_some())
            };
            match lines.iter().position(is_older) {
                Some(at) => {
                    lines.splice(at..at, [title, String::new()]);
                    at
                }
                None => {
                    if lines.last().is_some_and(|line| !line.is_empty()) {
                        lines.push(String::new());
                    }
                    lines.push(title);
                    lines.len() - 1
                }
            }
        }
    };
    let end = lines[section + 1..].iter().position(|line| line.starts_with("## "));
    let end = end.map_or(lines.len(), |length| section + 1 + length);
    let last_of = |lines: &[String], from: usize, to: usize| {
        (from..to).rev().find(|at| !lines[*at].trim().is_empty()).map_or(from, |at| at + 1)
    };
    match lines[section..end].iter().position(|line| line.trim() == heading) {
        Some(at) => {
            let at = section + at;
            let stop = lines[at + 1..end].iter().position(|line| line.starts_with("### "));
            let stop = stop.map_or(end, |length| at + 1 + length);
            let place = last_of(&lines, at, stop).max(at + 1);
            lines.insert(place, bullet);
        }
        None => {
            let place = last_of(&lines, section, end).max(section + 1);
            let mut new = vec![heading, bullet];
            if place > section + 1 {
                new.insert(0, String::new());
            }
            if lines.get(place).is_some_and(|line| !line.is_empty()) {
                new.push(String::new());
            }
            lines.splice(place..place, new);
        }
    }
    lines.join("\n") + "\n"
}

/// A dated record, the newest first.
fn recorded(was: &str, entry: &Entry) -> String {
    let words = words(was);
    let version = entry.version.as_ref().map_or(String::new(), |version| format!(" ({version})"));
    let mut block = vec![format!("## {}{version} {}", entry.date, entry.mark), String::new()];
    let mut field = |name: &str, value: &str| block.push(format!("- **{name}**: {value}"));
    if !entry.files.is_empty() {
        field(words[4], &entry.files.join(", "));
    }
    field(words[5], heading(entry, &words));
    field(words[6], &entry.text);
    field(words[7], &entry.author);
    for (name, value) in [(words[8], &entry.tester), (words[9], &entry.approver)] {
        if let Some(value) = value {
            field(name, value);
        }
    }
    block.push(String::new());
    let mut lines: Vec<String> = was.lines().map(str::to_owned).collect();
    let at = lines.iter().position(|line| line.starts_with("## ")).unwrap_or_else(|| {
        if lines.last().is_some_and(|line| !line.is_empty()) {
            lines.push(String::new());
        }
        lines.len()
    });
    lines.splice(at..at, block);
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// A file without what bears a mark: a line of a list, or a record with its fields.
fn without(text: &str, mark: &str) -> String {
    let mut left = Vec::new();
    let mut is_record = false;
    for line in text.lines() {
        if line.contains(mark) {
            is_record = line.starts_with("## ");
            continue;
        }
        // What is no field of a record is somebody else's.
        is_record &= line.trim().is_empty() || line.starts_with("- **");
        if !is_record {
            left.push(line);
        }
    }
    left.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(version: Option<&str>, kind: ChangeKind) -> Entry {
        Entry {
            text: "Push".to_owned(),
            version: version.map(str::to_owned),
            kind,
            date: "2026-05-01".to_owned(),
            author: "Ama".to_owned(),
            tester: Some("Kofi".to_owned()),
            approver: None,
            files: vec!["app/a.php".to_owned()],
            mark: "<!-- m -->".to_owned(),
        }
    }

    #[test]
    fn an_entry_stands_under_its_version_and_kind() {
        let was = "# Changelog\n\n## [Unreleased]\n\n## [1.0] - 2026-01-01\n### Added\n- First\n";
        assert_eq!(
            kept(was, &entry(Some("1.1"), ChangeKind::Fix)),
            "# Changelog\n\n## [Unreleased]\n\n## [1.1] - 2026-05-01\n### Fixed\n- Push <!-- m -->\n\n\
             ## [1.0] - 2026-01-01\n### Added\n- First\n"
        );
        assert_eq!(
            kept(was, &entry(Some("1.0"), ChangeKind::Feature)),
            was.replace("- First\n", "- First\n- Push <!-- m -->\n")
        );
        assert_eq!(
            kept(was, &entry(None, ChangeKind::Feature)),
            was.replace("[Unreleased]\n", "[Unreleased]\n### Added\n- Push <!-- m -->\n")
        );
        assert_eq!(
            kept("", &entry(Some("1.0"), ChangeKind::Feature)),
            "## [1.0] - 2026-05-01\n### Added\n- Push <!-- m -->\n"
        );
        let french = "## [1.0]\n### Corrigé\n- Un\n";
        assert_eq!(
            kept(french, &entry(Some("1.0"), ChangeKind::Feature)),
            "## [1.0]\n### Corrigé\n- Un\n\n### Ajouté\n- Push <!-- m -->\n"
        );
    }

    #[test]
    fn a_record_says_what_was_changed_by_whom() {
        let text = recorded("# Changes\n\n## 2026-01-01\n- old\n", &entry(None, ChangeKind::Fix));
        assert_eq!(
            text,
            "# Changes\n\n## 2026-05-01 <!-- m -->\n\n- **Files**: app/a.php\n- **Type**: Fixed\n\
             - **Description**: Push\n- **Author**: Ama\n- **Tested by**: Kofi\n\n## 2026-01-01\n- old\n"
        );
        assert_eq!(without(&text, "<!-- m -->"), "# Changes\n\n## 2026-01-01\n- old\n");
    }
}
