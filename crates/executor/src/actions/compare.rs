//! `compare`: keeps what data or files are at one moment, or holds them against such a moment. A
//! snapshot is a file in the run's folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use plan_model::model::action::compare::{Compare, Rule, RuleWord};
use plan_model::model::plan::Surroundings;
use plan_model::model::value::{AnyKey, Entries, Text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{About, Act, Found, Perform, again};
use crate::event::{Failure, FailureKind, Outputs};
use crate::fingerprint;
use crate::world::database::address::Address;
use crate::world::database::snapshot::{self, May, Scope, Snapshot};
use crate::world::{Broken, Job, error, write_durable};

/// So many differences are told; more are counted.
const TOLD: usize = 10;

/// What is kept of a moment, and how it was looked at.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    database: Option<String>,
    tables: Vec<String>,
    values: Vec<(String, String)>,
    files: Vec<String>,
    except: Vec<String>,
    data: Snapshot,
    /// Each path with what it is.
    paths: Map<String, Json>,
}

pub const ABOUT: About = About {
    key: "compare",
    verified: "it is a check",
    undone: "reads only",
    after_crash: "simply compares again",
    tests: &["tests/data/compare.rs"],
};

impl Perform for Compare {
    fn perform<'a>(
        &'a self,
        job: &'a Job,
        _: &'a Surroundings,
    ) -> Act<'a, Result<Outputs, Broken>> {
        Box::pin(async move {
            let named = self.database.as_ref();
            let result = match &self.with {
                Some(with) => {
                    let differences =
                        against(job, &with.value, self.rules.as_ref(), self.except.as_deref());
                    differences.await
                }
                None => take(self, job, named.map(|id| id.value.as_str())).await,
            };
            Ok(result.map_err(Failure::untouched)?)
        })
    }

    fn found<'a>(&'a self, _: &'a Job, _: &'a Surroundings) -> Act<'a, Found> {
        again("it is simply compared again")
    }
}

fn texts(job: &Job, list: Option<&[Text]>) -> Result<Vec<String>, Failure> {
    list.unwrap_or_default().iter().map(|text| job.filler().of(text)).collect()
}

/// Where the snapshot of a step is.
fn path(job: &Job, entry: &str) -> PathBuf {
    job.world.folder.join("snapshots").join(format!("{entry}.json"))
}

async fn take(compare: &Compare, job: &Job, database: Option<&str>) -> Result<Outputs, Failure> {
    let mut values = Vec::new();
    for (name, query) in compare.values.iter().flat_map(|entries| entries.0.iter()) {
        let at = Address::of(&job.filler(), database)?;
        values.push((name.value.clone(), job.filler().sql(&query.value, at.dialect)?));
    }
    let mut kept = Kept {
        database: database.map(str::to_owned),
        tables: texts(job, compare.tables.as_deref())?,
        values,
        files: texts(job, compare.files.as_deref())?,
        except: texts(job, compare.except.as_deref())?,
        data: Snapshot::default(),
        paths: Map::new(),
    };
    if kept.database.is_none() && kept.files.is_empty() {
        return Err(error("there is nothing to compare: name a `database` or `files`"));
    }
    look(job, &mut kept, BTreeMap::new()).await?;
    for table in &kept.tables {
        if !kept.data.tables.contains_key(table) {
            return Err(error(format!("there is no table {table}")));
        }
    }
    let entry = job.entry_id();
    let path = path(job, entry);
    let folder = path.parent().expect("it lies in a folder");
    std::fs::create_dir_all(folder)
        .map_err(|problem| error(format!("{}: {problem}", folder.display())))?;
    let text = serde_json::to_vec(&kept).expect("a snapshot is plain data");
    write_durable(&path, &text)?;
    let mut outputs = counts(&kept);
    outputs.insert("differences".to_owned(), Json::Array(Vec::new()));
    Ok(outputs)
}

fn counts(kept: &Kept) -> Outputs {
    let rows: u64 = kept.data.tables.values().map(|table| table.rows).sum();
    let mut outputs = Outputs::new();
    outputs.insert("rows".to_owned(), rows.into());
    outputs.insert("tables".to_owned(), kept.data.tables.len().into());
    outputs
}

async fn look(
    job: &Job,
    kept: &mut Kept,
    columns: BTreeMap<String, Vec<String>>,
) -> Result<(), Failure> {
    let fill = job.filler();
    let mut parts = BTreeMap::new();
    for file in &kept.files {
        fingerprint::files(
            &job.world.base.join(file),
            file.trim_end_matches('/'),
            &kept.except,
            &mut parts,
        )?;
    }
    kept.paths = parts.into_iter().map(|(name, what)| (name, Json::from(what))).collect();
    let Some(database) = &kept.database else { return Ok(()) };
    let at = Address::of(&fill, Some(database))?;
    let scope = Scope {
        tables: kept.tables.clone(),
        except: kept.except.clone(),
        values: kept.values.clone(),
        columns,
    };
    let mut session = job.session(&at).await?;
    let taken = snapshot::take(&mut session, &scope).await;
    session.close().await;
    kept.data = taken.map_err(|refusal| error(format!("{database}: {}", refusal.text)))?;
    Ok(())
}

/// Holds what is there now against the snapshot of a step.
pub async fn against(
    job: &Job,
    step: &str,
    rules: Option<&Entries<AnyKey, Rule>>,
    except: Option<&[Text]>,
) -> Result<Outputs, Failure> {
    let entry = job.filler().entry(step).map(|at| job.world.plan.entry(at).id.clone());
    let path = path(job, entry.as_deref().unwrap_or(step));
    let before: Kept = std::fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| error(format!("there is no snapshot of {step}")))?;
    let rules = allowed(job, rules)?;
    let except = texts(job, except)?;
    for one in except.iter().filter(|one| !before.except.contains(one)) {
        let is_column = before.data.tables.iter().any(|(name, table)| {
            table.columns.iter().any(|column| column == one || format!("{name}.{column}") == *one)
        });
        if is_column {
            let text = format!("the column {one} is in the snapshot: leave it out there as well");
            return Err(error(text));
        }
    }
    let columns = before.data.tables.iter();
    let columns = columns.map(|(name, table)| (name.clone(), table.columns.clone())).collect();
    let mut now = Kept {
        database: before.database.clone(),
        tables: before.tables.clone(),
        values: before.values.clone(),
        files: before.files.clone(),
        except: [before.except.clone(), except.clone()].concat(),
        data: Snapshot::default(),
        paths: Map::new(),
    };
    look(job, &mut now, columns).await?;
    let mut found = snapshot::differences(&before.data, &now.data, &rules, &except);
    found.extend(fingerprint::differences(
        &Json::Object(before.paths.clone()),
        &Json::Object(now.paths.clone()),
    ));
    if found.is_empty() {
        let mut outputs = counts(&now);
        outputs.insert("differences".to_owned(), Json::Array(Vec::new()));
        return Ok(outputs);
    }
    for difference in &found {
        job.say(difference);
    }
    let more = found.len().saturating_sub(TOLD);
    found.truncate(TOLD);
    let mut text = found.join("; ");
    if more > 0 {
        text += &format!("; and {more} more differences");
    }
    Err(Failure::new(FailureKind::NotHeld, text))
}

fn allowed(
    job: &Job,
    rules: Option<&Entries<AnyKey, Rule>>,
) -> Result<BTreeMap<String, May>, Failure> {
    let mut allowed = BTreeMap::new();
    for (table, rule) in rules.iter().flat_map(|rules| rules.0.iter()) {
        let may = match rule {
            Rule::Word(RuleWord::Equal) => May::Equal,
            Rule::Word(RuleWord::Grows) => May::Grow,
            Rule::Ratio(ratio) => {
                let text = job.filler().of(&ratio.ratio)?;
                let ends = text.split_once("..").and_then(|(least, most)| {
                    Some((least.trim().parse().ok()?, most.trim().parse().ok()?))
                });
                let (least, most) =
                    ends.ok_or_else(|| error(format!("`{text}` is no ratio such as 0.95..1.05")))?;
                May::Ratio(least, most)
            }
        };
        allowed.insert(table.value.clone(), may);
    }
    Ok(allowed)
}
