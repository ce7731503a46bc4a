//! What would change in files that are there already, as lines: for whoever reads a plan on the machine that
//! it is for. Reads, and changes nothing; secrets are masked, and what not everybody may read is not shown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use plan_model::graph::CompiledPlan;
use plan_model::inputs::MASK;
use plan_model::model::action::Action;
use plan_model::model::action::files::{CopyFile, FileChange, FillTemplate, SetKeys};
use similar::TextDiff;

use super::settings;
use crate::event::{Failure, Outputs};
use crate::fill::{Filler, RunNames};
use crate::values;

/// More is no text that somebody reads here.
const MOST: u64 = 256 << 10;
/// So many lines of one file.
const LINES: usize = 40;

/// The lines of each step that has some.
pub fn of(plan: &CompiledPlan, base: &Path) -> BTreeMap<String, Vec<String>> {
    let values = values::known(plan);
    let (run, known) = (RunNames::default(), RefCell::default());
    let mut all = BTreeMap::new();
    for (at, entry) in plan.entries().iter().enumerate() {
        let Some(Action::Files(files)) = entry.step().and_then(|step| step.actions.first()) else {
            continue;
        };
        let around = entry.step().map(|step| &step.surroundings);
        let fill = Filler {
            plan,
            values: &values,
            run: &run,
            known: &known,
            entry: Some(at),
            own: None,
            base,
        };
        let folder = match around.and_then(|around| around.dir.as_ref()) {
            Some(dir) => fill.path(&dir.value),
            None => Ok(base.to_owned()),
        };
        let Ok(folder) = folder else { continue };
        let look = Look { fill, base, folder };
        let mut lines = Vec::new();
        for change in files.iter() {
            let shown = match change {
                FileChange::Set(change) => look.set(change),
                FileChange::Template(change) => look.template(change),
                FileChange::Copy(change) => look.copy(change),
                _ => Ok(Vec::new()),
            };
            // What nobody knows before the run cannot be shown.
            lines.extend(shown.unwrap_or_default());
        }
        if !lines.is_empty() {
            all.insert(entry.id.to_string(), lines);
        }
    }
    all
}

struct Look<'l> {
    fill: Filler<'l>,
    /// Of the plan's own files, and of what the step works on.
    base: &'l Path,
    folder: std::path::PathBuf,
}

impl Look<'_> {
    /// What stands there; none where nothing does, or nobody else may read it.
    fn there(&self, path: &Path) -> Option<String> {
        let found = fs::metadata(path).ok()?;
        let is_open = found.permissions().mode() & 0o004 != 0;
        let is_text = found.is_file() && found.len() <= MOST;
        if is_open && is_text { fs::read_to_string(path).ok() } else { None }
    }

    fn set(&self, change: &SetKeys) -> Result<Vec<String>, Failure> {
        let path = self.folder.join(self.fill.of(&change.file)?);
        // Settings are mostly their owner's alone: the keys that change are shown, and no other line.
        let Ok(was) = fs::read_to_string(&path) else { return Ok(Vec::new()) };
        let is_open = self.there(&path).is_some();
        let mut lines = Vec::new();
        for (key, before, after) in settings::steps(&self.fill, change, &path, &was)? {
            let is_hidden = |line: &&str| line.contains(MASK) || !is_open || is_secret(&key);
            let hide = |line: &str| match is_hidden(&line) {
                true => format!("{key}={MASK}"),
                false => line.to_owned(),
            };
            let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
            let gone = old.iter().find(|line| !new.contains(line));
            let come = new.iter().find(|line| !old.contains(line));
            let secret = come.is_some_and(|line| line.contains(MASK));
            if let Some(line) = gone {
                lines.push(format!(
                    "-{}",
                    if secret { format!("{key}={MASK}") } else { hide(line) }
                ));
            }
            lines.extend(come.map(|line| format!("+{}", hide(line))));
        }
        Ok(self.headed(&path, lines))
    }

    fn template(&self, change: &FillTemplate) -> Result<Vec<String>, Failure> {
        let name = self.fill.named(&change.template.value)?;
        let Some(text) = self.there(&self.base.join(&name)) else { return Ok(Vec::new()) };
        let own = change.values.iter().flat_map(|values| values.0.iter());
        let own = own.map(|(key, value)| Ok((key.value.clone(), self.fill.json(&value.json)?)));
        let own: Outputs = own.collect::<Result<_, Failure>>()?;
        let new = self.fill.template(&name, &text, &own)?;
        let path = self.folder.join(self.fill.of(&change.to)?);
        Ok(self.headed(&path, self.compared(&path, &new)))
    }

    fn copy(&self, change: &CopyFile) -> Result<Vec<String>, Failure> {
        let from = self.folder.join(self.fill.of(&change.copy)?);
        let mut to = self.folder.join(self.fill.of(&change.to)?);
        if to.is_dir() {
            to.push(from.file_name().unwrap_or_default());
        }
        let stays = self.fill.flag(change.only_if_missing.as_ref(), false)?;
        let Some(new) = self.there(&from).filter(|_| !stays) else { return Ok(Vec::new()) };
        Ok(self.headed(&to, self.compared(&to, &new)))
    }

    fn compared(&self, path: &Path, new: &str) -> Vec<String> {
        let Some(was) = self.there(path) else { return Vec::new() };
        let diff = TextDiff::from_lines(was.as_str(), new);
        let text = diff.unified_diff().context_radius(1).to_string();
        if new.contains(MASK) && !text.is_empty() {
            return vec!["it holds a secret: what differs is not shown".to_owned()];
        }
        text.lines().filter(|line| !line.starts_with('\\')).map(str::to_owned).collect()
    }

    fn headed(&self, path: &Path, mut lines: Vec<String>) -> Vec<String> {
        let more = lines.len().saturating_sub(LINES);
        lines.truncate(LINES);
        if more > 0 {
            lines.push(format!("and {more} lines more"));
        }
        if !lines.is_empty() {
            lines.insert(0, path.strip_prefix(self.base).unwrap_or(path).display().to_string());
        }
        let plain = |line: String| line.replace(|c: char| c.is_control() && c != '\t', "?");
        lines.into_iter().map(plain).collect()
    }
}

/// By its name.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["pass", "secret", "token", "key", "pwd", "credential"].iter().any(|part| key.contains(part))
}
