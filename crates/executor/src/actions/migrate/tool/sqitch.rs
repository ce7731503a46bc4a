//! Sqitch: changes by name, deployed in the order of its plan.

use super::super::super::Act;
use super::{Call, Going, Tool, VARIABLE};
use crate::event::Failure;
use crate::world::Broken;

pub struct Sqitch;

impl Tool for Sqitch {
    fn applied<'a>(&'a self, call: &'a Call<'_>) -> Act<'a, Result<Vec<String>, Broken>> {
        Box::pin(async move { Ok(status(call).await?.0) })
    }

    fn waiting<'a>(
        &'a self,
        call: &'a Call<'_>,
        _: &'a [String],
        to: Option<&'a str>,
    ) -> Act<'a, Result<Option<Vec<String>>, Broken>> {
        Box::pin(async move {
            let (applied, mut waiting) = status(call).await?;
            if let Some(to) = to {
                if applied.iter().any(|one| one == to) {
                    waiting.clear();
                }
                let Some(end) = waiting.iter().position(|one| one == to) else {
                    return Ok(waiting.is_empty().then_some(waiting));
                };
                waiting.truncate(end + 1);
            }
            Ok(Some(waiting))
        })
    }

    fn up(&self, call: &Call<'_>, to: Option<&str>) -> Result<Going, Failure> {
        let sqitch = call.tool("sqitch");
        Ok(match to {
            Some(to) => Going {
                text: format!("{sqitch} deploy --to-change \"${VARIABLE}\""),
                version: Some(to.to_owned()),
            },
            None => Going { text: format!("{sqitch} deploy"), version: None },
        })
    }

    fn down(&self, call: &Call<'_>, _: &[String], before: &[String]) -> Result<Going, Failure> {
        let sqitch = call.tool("sqitch");
        Ok(match before.last() {
            Some(last) => Going {
                text: format!("{sqitch} revert -y --to-change \"${VARIABLE}\""),
                version: Some(last.clone()),
            },
            None => Going { text: format!("{sqitch} revert -y"), version: None },
        })
    }
}

/// What is deployed, oldest first, and what is not, in its order.
async fn status(call: &Call<'_>) -> Result<(Vec<String>, Vec<String>), Broken> {
    // Before the first change its exit status is 1; `plan` lists all of them then.
    let sqitch = call.tool("sqitch");
    let text = format!(
        "if out=$({sqitch} status --show-changes 2>&1); then printf '%s\\n' \"$out\"; \
         elif [[ $out == *'No changes deployed'* || $out == *'not been initialized'* ]]; then \
         {sqitch} plan --format 'format:  * %n' --no-headers; \
         else printf '%s\\n' \"$out\" >&2; exit 1; fi"
    );
    Ok(parse(&call.text(text).await?))
}

fn parse(printed: &str) -> (Vec<String>, Vec<String>) {
    let (mut applied, mut waiting, mut in_changes) = (Vec::new(), Vec::new(), false);
    for line in printed.lines() {
        if let Some(name) = line.strip_prefix("  * ") {
            // Tags stand behind the name.
            waiting.extend(name.split_whitespace().next().map(str::to_owned));
        } else if line == "# Change:" || line == "# Changes:" {
            in_changes = true;
        } else if let Some(change) = line.strip_prefix("#   ").filter(|_| in_changes) {
            let name = change.split(" - ").next().unwrap_or_default().trim();
            applied.push(name.to_owned());
        } else {
            in_changes = false;
        }
    }
    applied.reverse();
    (applied, waiting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deployed_and_what_is_not() {
        let printed = "# On database db:sqlite:shop.db\n# Project:  shop\n# Change:   ec994c\n\
                       # Name:     two\n# \n# Changes:\n#   two - 2026-11-21 23:53:19 +0000 - x <x@y>\n\
                       #   one - 2026-11-21 23:53:15 +0000 - x <x@y>\n# \nUndeployed change:\n  * three @v1\n";
        let (applied, waiting) = parse(printed);
        assert_eq!(
            (applied, waiting),
            (vec!["one".to_owned(), "two".to_owned()], vec!["three".to_owned()])
        );
        assert_eq!(parse("  * one\n  * two\n").1, ["one", "two"]);
    }
}
