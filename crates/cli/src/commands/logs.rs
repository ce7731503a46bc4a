//! `plan logs`: what the programs of a run printed, as it stands in its files.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use plan_executor::keeper;
use plan_executor::owner::{self, Life};
use plan_executor::store::{RunRow, Store};

use super::apply::absolute;
use crate::args::Logs;
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

const LOOK_EVERY: Duration = Duration::from_millis(250);

pub fn run(args: &Logs, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(logs(args, terminal));
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

async fn logs(args: &Logs, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let mut store = operate::existing(&args.store.store).await?;
    let any = |_: &RunRow| true;
    let run = operate::find(&mut store, args.run.as_deref(), any, "yet").await?;
    let folder = absolute(&args.store.store)?.join("runs").join(&run.run);
    let mut printed: BTreeMap<PathBuf, u64> = BTreeMap::new();
    loop {
        let leases = store.leases().await?;
        let lease = leases.into_iter().find(|lease| lease.run.as_ref() == Some(&run.run));
        let is_run = lease.is_some_and(|lease| owner::life(&lease.owner) != Life::Dead);
        for file in files(&folder, args.step.as_deref()) {
            print(&file, &mut printed, terminal);
        }
        terminal.now();
        if !args.follow || !is_run {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    if printed.is_empty() && !args.follow {
        let message = match &args.step {
            Some(step) => format!("no program of {step} has printed anything in {}", run.run),
            None => format!("no program has printed anything in {}", run.run),
        };
        return Err(Refusal::new(Exit::Wrong, message, "see the steps: plan status"));
    }
    Ok(Exit::Done)
}

/// What a step's programs printed, in the order in which they began; then what `plan` itself says of
/// its steps on data.
fn files(folder: &Path, step: Option<&str>) -> Vec<PathBuf> {
    let is_wanted = |name: &str| step.is_none_or(|step| name.split('.').next() == Some(step));
    let programs = keeper::programs(folder).into_iter();
    let outputs = programs.flat_map(|id| ["log", "err"].map(|end| format!("{id}.{end}")));
    // Most programs print nothing, and leave no file.
    let folder = folder.join("logs");
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut there: HashSet<_> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let mut wanted: Vec<_> = outputs.filter(|name| there.remove(name)).collect();
    let written =
        |name: &String| folder.join(name).metadata().and_then(|meta| meta.modified()).ok();
    let mut said: Vec<_> = there.into_iter().filter(|name| name.ends_with(".log")).collect();
    said.sort_by_cached_key(|name| (written(name), name.clone()));
    wanted.append(&mut said);
    wanted.iter().filter(|name| is_wanted(name)).map(|name| folder.join(name)).collect()
}

fn print(path: &Path, printed: &mut BTreeMap<PathBuf, u64>, terminal: &mut Terminal) {
    let Ok(mut file) = File::open(path) else { return };
    // One that is empty may become the next program's: it is looked at again when it holds something.
    if file.metadata().is_ok_and(|meta| meta.len() == 0) {
        return;
    }
    let is_new = !printed.contains_key(path);
    let from = printed.entry(path.to_owned()).or_insert(0);
    if file.seek(SeekFrom::Start(*from)).is_err() {
        return;
    }
    let mut piece = vec![0; 64 << 10];
    let mut is_first = true;
    while let Ok(size) = file.read(&mut piece) {
        if size == 0 {
            return;
        }
        if is_first && is_new {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            terminal.line(&paint(theme::STRONG, &format!("== {name}")));
        }
        is_first = false;
        *from += size as u64;
        terminal.say(&String::from_utf8_lossy(&piece[..size]));
    }
}
