//! A measured value against what it must be.

use plan_model::model::check::Comparison;
use serde_json::Value as Json;

use super::Looked;
use crate::event::Failure;
use crate::fill::Filler;

pub fn is_asked(wanted: &Comparison) -> bool {
    wanted.equals.is_some()
        || wanted.below.is_some()
        || wanted.above.is_some()
        || wanted.matches.is_some()
}

/// Compares; a value that is no number is not below or above anything: it was not measured.
pub fn compare(fill: &Filler<'_>, wanted: &Comparison, measured: Json) -> Looked {
    match try_compare(fill, wanted, &measured) {
        Ok(None) => Looked::Holds(Some(measured)),
        Ok(Some(looked)) => looked,
        Err(failure) => Looked::Unmeasured(failure.text),
    }
}

fn try_compare(
    fill: &Filler<'_>,
    wanted: &Comparison,
    measured: &Json,
) -> Result<Option<Looked>, Failure> {
    let shown = plain(measured);
    if let Some(equals) = &wanted.equals {
        let equals = fill.text(&equals.plain())?;
        if !same(&shown, &equals) {
            return Ok(Some(Looked::Fails(format!("it is {shown}, not {equals}"))));
        }
    }
    let number = || shown.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    for (bound, word) in [(&wanted.below, "below"), (&wanted.above, "above")] {
        let Some(bound) = bound else { continue };
        let limit = fill.number(bound)?;
        let Some(number) = number() else {
            return Ok(Some(Looked::Unmeasured(format!("`{shown}` is no number"))));
        };
        let holds = if word == "below" { number < limit } else { number > limit };
        if !holds {
            return Ok(Some(Looked::Fails(format!("it is {shown}, not {word} {limit}"))));
        }
    }
    if let Some(pattern) = &wanted.matches {
        let pattern = fill.text(&pattern.value)?;
        let regex = regex::Regex::new(&pattern)
            .map_err(|problem| crate::world::error(format!("`{pattern}`: {problem}")))?;
        if !regex.is_match(&shown) {
            return Ok(Some(Looked::Fails(format!("`{shown}` does not match `{pattern}`"))));
        }
    }
    Ok(None)
}

pub fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "null".to_owned(),
        other => other.to_string(),
    }
}

/// The same text, or the same number: 3, 3.0 and "3" are one value.
fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (a.trim().parse::<i128>(), b.trim().parse::<i128>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => matches!((a.trim().parse::<f64>(), b.trim().parse::<f64>()), (Ok(a), Ok(b)) if a == b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers_and_texts_as_texts() {
        assert!(same("3", "3.0") && same("v1", "v1") && same(" 7", "7"));
        assert!(
            !same("9007199254740993", "9007199254740992"),
            "beyond what a float can tell apart"
        );
        assert!(!same("3", "v3") && !same("", "0"));
    }
}
