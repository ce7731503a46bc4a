//! Alembic, and Flask-Migrate, which is Alembic under another name. What is applied is one revision, or
//! one of each branch.

use super::super::super::Act;
use super::{Call, Going, Tool, VARIABLE};
use crate::event::Failure;
use crate::world::database::identifier;
use crate::world::{Broken, error};

const TABLE: &str = "alembic_version";

pub struct Alembic {
    pub usual: &'static str,
}

impl Tool for Alembic {
    fn table<'c>(&self, call: &'c Call<'_>) -> Option<&'c str> {
        Some(call.table(TABLE))
    }

    fn applied<'a>(&'a self, call: &'a Call<'_>) -> Act<'a, Result<Vec<String>, Broken>> {
        Box::pin(async move {
            let table = call.table(TABLE);
            let quoted = identifier(call.at.dialect, table);
            let query = format!("select version_num from {quoted} order by version_num");
            call.column(table, &query).await
        })
    }

    fn waiting<'a>(
        &'a self,
        call: &'a Call<'_>,
        applied: &'a [String],
        to: Option<&'a str>,
    ) -> Act<'a, Result<Option<Vec<String>>, Broken>> {
        Box::pin(async move {
            if applied.len() > 1 {
                return Ok(None);
            }
            let tool = call.tool(self.usual);
            let from = applied.first().map_or("base", String::as_str);
            let to = to.unwrap_or("head");
            // `+1` and the like mean something else each time they are asked.
            if to.starts_with(['+', '-']) {
                return Ok(None);
            }
            let version = Some(format!("{from}:{to}"));
            let text = format!("{tool} history -r \"${VARIABLE}\"");
            let printed = call.run(&Going { text, version }, true).await?;
            let mut waiting: Vec<String> = printed.lines().filter_map(revision).collect();
            waiting.retain(|one| !applied.contains(one));
            waiting.reverse();
            Ok(Some(waiting))
        })
    }

    fn up(&self, call: &Call<'_>, to: Option<&str>) -> Result<Going, Failure> {
        let text = format!("{} upgrade \"${VARIABLE}\"", call.tool(self.usual));
        Ok(Going { text, version: Some(to.unwrap_or("head").to_owned()) })
    }

    fn down(&self, call: &Call<'_>, _: &[String], before: &[String]) -> Result<Going, Failure> {
        let version = match before {
            [] => "base".to_owned(),
            [one] => one.clone(),
            several => {
                return Err(error(format!(
                    "before the run the database had several heads ({}): take it back by hand",
                    several.join(", ")
                )));
            }
        };
        let text = format!("{} downgrade \"${VARIABLE}\"", call.tool(self.usual));
        Ok(Going { text, version: Some(version) })
    }
}

/// Of a line of its history such as `1975ea83b712 -> ae1027a6acf (head), add a column`.
fn revision(line: &str) -> Option<String> {
    let (_, behind) = line.split_once(" -> ")?;
    let end = behind.find([' ', ',']).unwrap_or(behind.len());
    Some(behind[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_stand_behind_the_arrow() {
        for (line, wanted) in [
            ("<base> -> one1, create the shop", Some("one1")),
            ("one1 -> two2 (head), add -> and more", Some("two2")),
            ("a, b -> c (head) (mergepoint), merge", Some("c")),
            ("INFO  [alembic] Context impl SQLiteImpl.", None),
        ] {
            assert_eq!(revision(line).as_deref(), wanted);
        }
    }
}
