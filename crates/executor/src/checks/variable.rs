//! `variable`: an environment variable that must be set. Its value is not told: it may be a secret.

use plan_model::model::check::EnvCheck;

use super::Looked;

pub fn look(check: &EnvCheck) -> Looked {
    let name = &check.variable.value;
    let Ok(value) = std::env::var(name) else {
        return Looked::Fails(format!("{name} is not set"));
    };
    let Some(pattern) = &check.matches else { return Looked::Holds(None) };
    match regex::Regex::new(&pattern.value) {
        Ok(regex) if regex.is_match(&value) => Looked::Holds(None),
        Ok(_) => Looked::Fails(format!("{name} is set, but does not match `{}`", pattern.value)),
        Err(problem) => Looked::Unmeasured(problem.to_string()),
    }
}
