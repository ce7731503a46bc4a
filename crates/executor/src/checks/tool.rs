//! `tool`: a program and its version.

use plan_model::model::check::ToolCheck;
use plan_model::notation::VersionRange;

use super::Looked;
use crate::keeper::Ended;
use crate::world::{Around, Broken, Job};

pub async fn look(job: &Job, check: &ToolCheck) -> Looked {
    try_look(job, check).await.unwrap_or_else(Looked::from)
}

async fn try_look(job: &Job, check: &ToolCheck) -> Result<Looked, Broken> {
    let mut around = job.around(None)?;
    around.set_place(&job.filler(), check.on.as_ref(), None)?;
    let mut looked = Looked::Holds(None);
    for place in around.each_place() {
        looked = look_in(job, check, place).await?;
        if !matches!(looked, Looked::Holds(_)) {
            break;
        }
    }
    Ok(looked)
}

async fn look_in(job: &Job, check: &ToolCheck, around: Around) -> Result<Looked, Broken> {
    let fill = job.filler();
    let tool = fill.of(&check.tool)?;
    let is_there = match around.on.is_empty() {
        true => is_there(&job.world.base, &tool),
        false => {
            let question = format!("command -v {}", plan_model::template::shell_word(&tool));
            let ran = job.script(&question, around.clone(), None, true).await?;
            ran.ended == Ended::Exit(0)
        }
    };
    if !is_there {
        let there = around.on.first().map_or(String::new(), |host| format!(" on {host}"));
        return Ok(Looked::Fails(format!("there is no program {tool}{there}")));
    }
    let Some(range) = &check.version else { return Ok(Looked::Holds(None)) };
    let question = match &check.ask {
        Some(ask) => fill.of(ask)?,
        None => format!("{} --version", plan_model::template::shell_word(&tool)),
    };
    let ran = job.script(&format!("{question} 2>&1"), around, None, true).await?;
    let text = ran.text()?;
    let Some(found) = first_version(&text) else {
        return Ok(Looked::Unmeasured(format!("{tool} does not tell its version")));
    };
    let range_text = fill.text(&range.value)?;
    Ok(match VersionRange::parse(&range_text).map(|range| range.holds(&found)) {
        Some(true) => Looked::Holds(Some(found.into())),
        Some(false) => Looked::Fails(format!("its version is {found}, not {range_text}")),
        None => Looked::Unmeasured(format!("`{range_text}` is no range of versions")),
    })
}

pub fn is_there(base: &std::path::Path, tool: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let runs = |path: &std::path::Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if tool.contains('/') {
        return runs(&base.join(tool));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| runs(&folder.join(tool)))
}

/// The first thing that looks like a version.
pub fn first_version(text: &str) -> Option<String> {
    let regex = regex::Regex::new(r"\d+(\.\d+)+|\d+").expect("a pattern of ours");
    let dotted = regex.find_iter(text).find(|found| found.as_str().contains('.'));
    dotted.or_else(|| regex.find(text)).map(|found| found.as_str().to_owned())
}
