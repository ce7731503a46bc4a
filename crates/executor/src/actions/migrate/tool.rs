//! Migrations by another tool: it does the work, and what the database has is read before and after.
//! The way back leads to exactly what was there before the run.

mod alembic;
mod command;
mod laravel;
mod sqitch;

use plan_model::model::action::migrate::{Engine, Migrate};
use plan_model::model::plan::Surroundings;
use plan_model::sql::Dialect;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::super::{Act, Found};
use crate::actions::noted::Noted;
use crate::event::{Failure, Outputs};
use crate::world::database::address::Address;
use crate::world::database::{identifier, shape};
use crate::world::{Around, Broken, Job, error};

/// Versions go to the tool in this variable: nothing that a database holds becomes part of a script.
const VARIABLE: &str = "PLAN_TARGET";

/// What one migration tool has of its own.
trait Tool {
    /// The table in which it keeps what is applied.
    fn table<'c>(&self, _call: &'c Call<'_>) -> Option<&'c str> {
        None
    }

    /// What is applied, by the tool's own names; their order is the tool's.
    fn applied<'a>(&'a self, call: &'a Call<'_>) -> Act<'a, Result<Vec<String>, Broken>>;

    /// What would be applied, in order; `None` where the tool cannot tell.
    fn waiting<'a>(
        &'a self,
        call: &'a Call<'_>,
        applied: &'a [String],
        to: Option<&'a str>,
    ) -> Act<'a, Result<Option<Vec<String>>, Broken>>;

    /// The command that goes up, and the version for its variable.
    fn up(&self, call: &Call<'_>, to: Option<&str>) -> Result<Going, Failure>;

    /// The command that goes back from one state to another.
    fn down(&self, call: &Call<'_>, now: &[String], before: &[String]) -> Result<Going, Failure>;
}

/// A command, and the version that it finds in its variable.
struct Going {
    text: String,
    version: Option<String>,
}

/// How a tool is called.
struct Call<'j> {
    migrate: &'j Migrate,
    job: &'j Job,
    around: Around,
    at: Address,
}

/// What must be known after a crash, and for the way back.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Note {
    before: Vec<String>,
    /// The tool's own table was there before, or it keeps none in the database.
    had_table: bool,
    /// What it left, once it was done.
    after: Option<Vec<String>>,
    /// The way back has begun.
    going_back: bool,
}

fn tool(engine: Engine) -> Box<dyn Tool> {
    match engine {
        Engine::Laravel => Box::new(laravel::Laravel),
        Engine::Sqitch => Box::new(sqitch::Sqitch),
        Engine::Command | Engine::Builtin => Box::new(command::Command),
        Engine::Flask => Box::new(alembic::Alembic { usual: "flask db" }),
        Engine::Alembic => Box::new(alembic::Alembic { usual: "alembic" }),
    }
}

/// One step under way.
pub struct ByTool<'j> {
    call: Call<'j>,
    tool: Box<dyn Tool>,
    to: Option<String>,
}

impl<'j> ByTool<'j> {
    pub fn of(
        migrate: &'j Migrate,
        engine: Engine,
        job: &'j Job,
        around: &Surroundings,
    ) -> Result<ByTool<'j>, Failure> {
        let fill = job.filler();
        let at = Address::of(&fill, Some(&migrate.database.value))?;
        let mut around = job.around(Some(around))?;
        if let Some(lock) = fill.optional_time(migrate.lock_timeout.as_ref())?
            && at.dialect == Dialect::PostgreSql
        {
            // Every program that speaks by libpq heeds it.
            let option = format!("-c lock_timeout={}", lock.as_millis().max(1));
            around.env.push(("PGOPTIONS".to_owned(), option));
        }
        let to = fill.optional(migrate.to.as_ref())?;
        let call = Call { migrate, job, around, at };
        Ok(ByTool { call, tool: tool(engine), to })
    }

    pub async fn up(&self) -> Result<Outputs, Broken> {
        let untouched = |broken: Broken| match broken {
            Broken::Failed(failure) => Broken::Failed(failure.untouched()),
            other => other,
        };
        let to = self.to.as_deref();
        let now = self.tool.applied(&self.call).await.map_err(untouched)?;
        for version in &now {
            plain(version).map_err(Failure::untouched)?;
        }
        let note = match self.noted().read::<Note>()? {
            Some(note) => note,
            None => {
                let had_table = self.has_table().await.map_err(untouched)?;
                let note = Note { before: now.clone(), had_table, ..Note::default() };
                self.noted().write(&note).map_err(Failure::untouched)?;
                note
            }
        };
        let waiting = self.tool.waiting(&self.call, &now, to).await.map_err(untouched)?;
        if let Some(expected) = &self.call.migrate.expect_pending
            && now == note.before
        {
            let expected = self.call.job.filler().count(expected)?;
            let text = match &waiting {
                None => Some(
                    "how many are waiting cannot be told: leave `expect_pending` out".to_owned(),
                ),
                Some(waiting) if waiting.len() as u64 != expected => Some(format!(
                    "{} are waiting, not {expected}: {}",
                    waiting.len(),
                    shown(waiting)
                )),
                Some(_) => None,
            };
            if let Some(text) = text {
                let untouched = self.has_table().await? == note.had_table;
                return Err(Failure { untouched, ..error(text) }.into());
            }
        }
        let going = self.tool.up(&self.call, to).map_err(Failure::untouched)?;
        let is_there = match &waiting {
            Some(waiting) => waiting.is_empty(),
            None => to.is_some_and(|to| now.iter().any(|one| one == to)),
        };
        let result = match is_there {
            true => Ok(String::new()),
            false => self.call.run(&going, false).await,
        };
        if let Err(Broken::Failed(mut failure)) = result {
            // Whatever it says, the database knows how far it came.
            if let Ok(now) = self.tool.applied(&self.call).await {
                let has_table = self.has_table().await.ok();
                failure.untouched = now == note.before
                    && self.is_all_or_nothing()
                    && has_table == Some(note.had_table);
                failure.text += &format!("; the database has {}", shown(&now));
                if !self.is_all_or_nothing() {
                    failure.text += ", and perhaps a part of the one that failed";
                }
            }
            return Err(failure.into());
        }
        result?;
        let after = self.tool.applied(&self.call).await?;
        let left = self.tool.waiting(&self.call, &after, to).await?;
        if let Some(left) = left.filter(|left| !left.is_empty()) {
            return Err(error(format!(
                "it ended well, and these are still not applied: {}; the database has {}",
                shown(&left),
                shown(&after)
            ))
            .into());
        }
        if let (Some(to), true) = (to, waiting.is_none())
            && !after.iter().any(|one| one == to)
        {
            let text = format!("it ended well, and the database has {}, not {to}", shown(&after));
            return Err(error(text).into());
        }
        self.noted().write(&Note { after: Some(after.clone()), ..note.clone() })?;
        let applied: Vec<_> = waiting.unwrap_or_else(|| {
            after.iter().filter(|one| !note.before.contains(one)).cloned().collect()
        });
        self.call.job.say(&format!(
            "the database had {}, and has {}",
            shown(&note.before),
            shown(&after)
        ));
        let mut outputs = Outputs::new();
        outputs.insert("before".to_owned(), last(&note.before));
        outputs.insert("after".to_owned(), last(&after));
        outputs.insert("applied".to_owned(), applied.into());
        Ok(outputs)
    }

    pub async fn down(&self) -> Result<(), Broken> {
        // Without a note nothing of it was ever begun.
        let Some(note) = self.noted().read::<Note>()? else { return Ok(()) };
        let now = self.tool.applied(&self.call).await?;
        if now == note.before {
            return self.forget(&note).await;
        }
        if let Some(after) = note.after.as_ref().filter(|after| !note.going_back && **after != now)
        {
            return Err(error(format!(
                "the database has {}, and this step left {}: somebody migrated it since; take that back \
                 first",
                shown(&now),
                shown(after)
            ))
            .into());
        }
        self.noted().write(&Note { going_back: true, ..note.clone() })?;
        let going = self.tool.down(&self.call, &now, &note.before)?;
        self.call.run(&going, false).await?;
        let now = self.tool.applied(&self.call).await?;
        if now == note.before {
            return self.forget(&note).await;
        }
        let (now, before) = (shown(&now), shown(&note.before));
        Err(error(format!("it ended well, and the database has {now}, not {before}")).into())
    }

    pub async fn found(&self) -> Found {
        let looked = async {
            let now = self.tool.applied(&self.call).await?;
            Ok::<_, Broken>((now, self.noted().read::<Note>()?))
        };
        match looked.await {
            Ok((now, Some(note))) if now != note.before => {
                Found::Partly { how: format!("the database has {}: it goes on there", shown(&now)) }
            }
            // A migration that failed or was killed in its middle may have left something.
            Ok((_, Some(_))) if !self.is_all_or_nothing() => {
                Found::Partly { how: "none of it is applied".to_owned() }
            }
            Ok(_) => Found::Undone { how: "nothing of it is in the database".to_owned() },
            Err(broken) => Found::Unasked { why: broken.why() },
        }
    }

    /// Whether the tool's table is there, of a tool that keeps one.
    async fn has_table(&self) -> Result<bool, Broken> {
        match self.tool.table(&self.call) {
            Some(table) => self.call.has_table(table).await,
            None => Ok(true),
        }
    }

    /// All is as before: whoever goes up again begins with what is there then.
    async fn forget(&self, note: &Note) -> Result<(), Broken> {
        self.forget_table(note).await?;
        Ok(self.noted().forget()?)
    }

    /// A table that came with this step, and holds nothing any more, goes with it.
    async fn forget_table(&self, note: &Note) -> Result<(), Broken> {
        let Some(table) = self.tool.table(&self.call).filter(|_| !note.had_table) else {
            return Ok(());
        };
        if !self.has_table().await? {
            return Ok(());
        }
        let quoted = identifier(self.call.at.dialect, table);
        let rows = self.call.column(table, &format!("select count(*) from {quoted}")).await?;
        if rows == ["0"] {
            self.call.column(table, &format!("drop table {quoted}")).await?;
        }
        Ok(())
    }

    /// A failed migration leaves nothing of itself where the server takes back what changed tables.
    fn is_all_or_nothing(&self) -> bool {
        self.call.at.dialect == Dialect::PostgreSql
    }

    fn noted(&self) -> Noted {
        Noted::of(self.call.job, "migrate")
    }
}

impl Call<'_> {
    /// The tool, as the plan calls it or as it is usually called.
    fn tool(&self, usual: &str) -> String {
        self.migrate.call.as_ref().map_or(usual, |call| call.value.trim()).to_owned()
    }

    /// Its own table, as the plan names it or as it is usually called.
    fn table(&self, usual: &'static str) -> &str {
        self.migrate.table.as_ref().map_or(usual, |table| &table.value)
    }

    /// What a command prints.
    async fn text(&self, text: String) -> Result<String, Broken> {
        self.run(&Going { text, version: None }, true).await
    }

    async fn run(&self, going: &Going, apart: bool) -> Result<String, Broken> {
        let mut around = self.around.clone();
        if let Some(version) = &going.version {
            around.env.push((VARIABLE.to_owned(), plain(version)?.to_owned()));
        }
        let timeout = around.timeout;
        let ran = self.job.script(&going.text, around, None, apart).await?;
        ran.check(timeout)?;
        Ok(ran.text()?)
    }

    async fn has_table(&self, table: &str) -> Result<bool, Broken> {
        let mut session = self.job.session(&self.at).await?;
        let columns = shape::columns_if_any(&mut session, table).await;
        session.close().await;
        Ok(!columns.map_err(Failure::from)?.is_empty())
    }

    /// One column of the tool's own table; nothing where it was never used.
    async fn column(&self, table: &str, query: &str) -> Result<Vec<String>, Broken> {
        let mut session = self.job.session(&self.at).await?;
        let looked = async {
            if shape::columns_if_any(&mut session, table).await?.is_empty() {
                return Ok(Vec::new());
            }
            let lines = session.lines(query).await?;
            Ok::<_, Failure>(
                lines.into_iter().filter_map(|line| line.into_iter().next()?).collect(),
            )
        };
        let looked = looked.await;
        session.close().await;
        Ok(looked?)
    }
}

/// A version as tools write them; a database may hold anything.
fn plain(version: &str) -> Result<&str, Failure> {
    let fits = |c: char| c.is_alphanumeric() || "._+:@^~/-".contains(c);
    match version.chars().all(fits) && !version.starts_with('-') {
        true => Ok(version),
        false => Err(error(format!("`{version}` is no version"))),
    }
}

fn shown(versions: &[String]) -> String {
    match versions {
        [] => "nothing".to_owned(),
        [.., last] if versions.len() > 3 => format!("{} up to {last}", versions.len()),
        few => few.join(", "),
    }
}

fn last(versions: &[String]) -> Json {
    versions.last().cloned().map_or(Json::Null, Json::from)
}
