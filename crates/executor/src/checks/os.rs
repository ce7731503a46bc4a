//! `os`: the operating system.

use plan_model::model::check::OsCheck;
use plan_model::notation::VersionRange;

use super::Looked;

pub fn look(check: &OsCheck) -> Looked {
    if let Some(host) = &check.on {
        return Looked::Unmeasured(format!("`on: {}`: hosts are not reached yet", host.value));
    }
    let Ok(text) = std::fs::read_to_string("/etc/os-release") else {
        return Looked::Unmeasured("/etc/os-release cannot be read".to_owned());
    };
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
