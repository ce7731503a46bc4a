//! A tool that `plan` does not know, by the commands that the plan gives.

use plan_model::model::action::migrate::MigrateCommands;

use super::super::super::{Act, with_word};
use super::{Call, Going, Tool, VARIABLE};
use crate::event::Failure;
use crate::world::{Broken, error};

pub struct Command;

impl Tool for Command {
    fn applied<'a>(&'a self, call: &'a Call<'_>) -> Act<'a, Result<Vec<String>, Broken>> {
        Box::pin(async move {
            let printed = call.text(commands(call)?.current.value.clone()).await?;
            let version = printed.lines().rev().map(str::trim).find(|line| !line.is_empty());
            Ok(version.map(str::to_owned).into_iter().collect())
        })
    }

    fn waiting<'a>(
        &'a self,
        _: &'a Call<'_>,
        _: &'a [String],
        _: Option<&'a str>,
    ) -> Act<'a, Result<Option<Vec<String>>, Broken>> {
        Box::pin(async { Ok(None) })
    }

    fn up(&self, call: &Call<'_>, to: Option<&str>) -> Result<Going, Failure> {
        let to = to.ok_or_else(|| error("`to:` is needed: `commands` go to a version"))?;
        Ok(going(&commands(call)?.up.value, to))
    }

    fn down(&self, call: &Call<'_>, _: &[String], before: &[String]) -> Result<Going, Failure> {
        let before = before.last().map_or("", String::as_str);
        Ok(going(&commands(call)?.down.value, before))
    }
}

fn commands<'c>(call: &Call<'c>) -> Result<&'c MigrateCommands, Failure> {
    let commands = call.migrate.commands.as_ref();
    commands.ok_or_else(|| error("`engine: command` needs `commands:`"))
}

/// `{{ target }}` is a word of the script, whatever the version holds.
fn going(text: &str, version: &str) -> Going {
    Going { text: with_word(text, "target", VARIABLE), version: Some(version.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_a_word_of_its_own() {
        let text = "./migrate up {{ target }} --as {{ user }} {{target}}";
        let wanted = "./migrate up \"$PLAN_TARGET\" --as {{ user }} \"$PLAN_TARGET\"";
        assert_eq!(going(text, "2").text, wanted);
    }
}
