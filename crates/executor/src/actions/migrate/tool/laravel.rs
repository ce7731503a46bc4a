//! Laravel's artisan. It knows no target: what is applied is a list of files, and the way back takes so
//! many of the newest.

use super::super::super::Act;
use super::{Call, Going, Tool, VARIABLE};
use crate::event::Failure;
use crate::world::database::identifier;
use crate::world::{Broken, error};

const TABLE: &str = "migrations";

pub struct Laravel;

impl Laravel {
    fn artisan(call: &Call<'_>) -> String {
        call.tool("php artisan")
    }
}

impl Tool for Laravel {
    fn table<'c>(&self, call: &'c Call<'_>) -> Option<&'c str> {
        Some(call.table(TABLE))
    }

    fn applied<'a>(&'a self, call: &'a Call<'_>) -> Act<'a, Result<Vec<String>, Broken>> {
        Box::pin(async move {
            let table = call.table(TABLE);
            let quoted = identifier(call.at.dialect, table);
            let query = format!("select migration from {quoted} order by batch, migration");
            call.column(table, &query).await
        })
    }

    fn waiting<'a>(
        &'a self,
        call: &'a Call<'_>,
        _: &'a [String],
        _: Option<&'a str>,
    ) -> Act<'a, Result<Option<Vec<String>>, Broken>> {
        Box::pin(async move {
            // Before the first migration there is no table, and it says so by its exit status.
            let install =
                format!("{} migrate:install --no-interaction --no-ansi", Self::artisan(call));
            let status =
                format!("{} migrate:status --no-interaction --no-ansi", Self::artisan(call));
            let printed = match call.has_table(call.table(TABLE)).await? {
                true => call.text(status).await?,
                false => call.text(format!("{install} >/dev/null; {status}")).await?,
            };
            Ok(Some(printed.lines().filter_map(pending).collect()))
        })
    }

    fn up(&self, call: &Call<'_>, to: Option<&str>) -> Result<Going, Failure> {
        if to.is_some() {
            return Err(error("artisan knows no target version: leave `to:` out"));
        }
        let text = format!("{} migrate --force --no-interaction --no-ansi", Self::artisan(call));
        Ok(Going { text, version: None })
    }

    fn down(&self, call: &Call<'_>, now: &[String], before: &[String]) -> Result<Going, Failure> {
        // It takes the newest: those must be the ones that came since.
        let Some(since) = now.strip_prefix(before) else {
            return Err(error(format!(
                "what was applied before the run is not all there any more ({} then, {} now): take it \
                 back by hand",
                before.len(),
                now.len()
            )));
        };
        let artisan = Self::artisan(call);
        let options = "--force --no-interaction --no-ansi";
        let text = format!("{artisan} migrate:rollback --step=\"${VARIABLE}\" {options}");
        Ok(Going { text, version: Some(since.len().to_string()) })
    }
}

/// Of a line such as `| No   | 2026_01_01_000000_create_orders | |`, or since Laravel 9
/// `2026_01_01_000000_create_orders ........ Pending`.
fn pending(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split([' ', '|']).filter(|word| !word.is_empty()).collect();
    match words[..] {
        ["No", name, ..] if line.trim_start().starts_with('|') => Some(name.to_owned()),
        [name, .., "Pending"] => Some(name.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pending_is_told_by_old_and_new_versions() {
        for (line, wanted) in [
            (
                "| No   | 2026_01_01_000000_create_orders |       |",
                Some("2026_01_01_000000_create_orders"),
            ),
            ("| Yes  | 2026_01_01_000000_create_orders | 1     |", None),
            ("| Ran? | Migration | Batch |", None),
            (
                "  2026_01_02_000000_add_state ........ Pending  ",
                Some("2026_01_02_000000_add_state"),
            ),
            ("  2026_01_01_000000_create_orders ........ [1] Ran", None),
            ("No migrations found.", None),
        ] {
            assert_eq!(pending(line).as_deref(), wanted, "{line}");
        }
    }
}
