//! `os`: the operating system.

use plan_model::model::check::OsCheck;
use plan_model::notation::VersionRange;

use super::Looked;
use crate::keeper::Ended;
use crate::world::{Around, Broken, Job};

const RELEASE: &str = "/etc/os-release";

pub async fn look(job: &Job, check: &OsCheck) -> Looked {
    try_look(job, check).await.unwrap_or_else(Looked::from)
}

async fn try_look(job: &Job, check: &OsCheck) -> Result<Looked, Broken> {
    let mut around = job.around(None)?;
    around.set_place(&job.filler(), check.on.as_ref(), None)?;
    let mut looked = Looked::Holds(None);
    for place in around.each_place() {
        let Some(text) = release(job, place).await? else {
            return Ok(Looked::Unmeasured(format!("{RELEASE} cannot be read")));
        };
        looked = judge(check, &text);
        if !matches!(looked, Looked::Holds(_)) {
            break;
        }
    }
    Ok(looked)
}

/// What a system says that it is.
async fn release(job: &Job, around: Around) -> Result<Option<String>, Broken> {
    if around.on.is_empty() {
        return Ok(std::fs::read_to_string(RELEASE).ok());
    }
    let ran = job.program(vec!["cat".to_owned(), RELEASE.to_owned()], around, None, true).await?;
    Ok(if ran.ended == Ended::Exit(0) { Some(ran.text()?) } else { None })
}

fn judge(check: &OsCheck, text: &str) -> Looked {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_lowercase()).unwrap_or_default()
    };
    let wanted = check.os.value.to_lowercase();
    let alike = field("ID_LIKE");
    if field("ID") != wanted && !alike.split_whitespace().any(|one| one == wanted) {
        return Looked::Fails(format!("it is {}", field("ID")));
    }
    let Some(range) = &check.version else { return Looked::Holds(None) };
    let found = field("VERSION_ID");
    match VersionRange::parse(&range.value).map(|range| range.holds(&found)) {
        Some(true) => Looked::Holds(Some(found.into())),
        Some(false) => Looked::Fails(format!("its version is {found}, not {}", range.value)),
        None => Looked::Unmeasured(format!("`{}` is no range of versions", range.value)),
    }
}
