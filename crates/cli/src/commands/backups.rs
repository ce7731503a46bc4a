//! `plan backups`: which there are, whether they are whole; brought back, and removed when their time
//! is over.

mod fetch;
mod list;
mod prune;
mod restore;
mod verify;

pub use prune::time;

use std::path::Path;
use std::time::Duration;

use plan_executor::archive::catalogue::Kept;
use plan_executor::clock::Moment;
use plan_executor::store::Store;
use plan_executor::store::sqlite::SqliteStore;
use plan_model::notation::Spoken;

use crate::args::{Backups, BackupsVerb};
use crate::exit::Exit;
use crate::operate::{self, Refusal};
use crate::terminal::Terminal;

pub fn run(args: &Backups, terminal: &mut Terminal) -> Exit {
    let result = operate::wait_for(async {
        match &args.verb {
            None => list::run(&args.list, terminal).await,
            Some(BackupsVerb::List(args)) => list::run(args, terminal).await,
            Some(BackupsVerb::Verify(args)) => verify::run(args, terminal).await,
            Some(BackupsVerb::Restore(args)) => restore::run(args, terminal).await,
            Some(BackupsVerb::Fetch(args)) => fetch::run(args, terminal).await,
            Some(BackupsVerb::Prune(args)) => prune::run(args, terminal).await,
        }
    });
    result.unwrap_or_else(|refusal| refusal.tell(terminal))
}

/// One backup, by its id or its path.
async fn find(store: &mut SqliteStore, wanted: &str) -> Result<Kept, Refusal> {
    let all = store.backups().await?;
    let path = Path::new(wanted).canonicalize().ok();
    let fits = |kept: &&Kept| {
        kept.manifest.id == wanted
            || kept.path == Path::new(wanted)
            || Some(&kept.path) == path.as_ref()
    };
    let found: Vec<&Kept> = all.iter().filter(fits).collect();
    match &found[..] {
        [kept] => Ok((*kept).clone()),
        [] => Err(Refusal::new(
            Exit::Wrong,
            format!("the catalogue has no backup {wanted}"),
            match all.first() {
                Some(kept) => {
                    format!("the newest is {}; all of them: plan backups", kept.manifest.id)
                }
                None => {
                    "no run of this store has taken one; another store: --store FOLDER".to_owned()
                }
            },
        )),
        several => {
            let paths: Vec<_> =
                several.iter().map(|kept| kept.path.display().to_string()).collect();
            Err(Refusal::new(
                Exit::Wrong,
                format!("{} backups are called {wanted}", several.len()),
                format!("name the one by its path: {}", paths.join(", ")),
            ))
        }
    }
}

/// How old something is: to the second in the first minutes, then ever more roughly.
fn age(then: Moment, now: Moment) -> String {
    let seconds = now.since(then).as_secs();
    match seconds {
        0..3_600 => Spoken(Duration::from_secs(seconds)).to_string(),
        3_600..172_800 => Spoken(Duration::from_secs(seconds / 60 * 60)).to_string(),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// As it would be typed from here.
fn short(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    inside.unwrap_or(path).display().to_string()
}
