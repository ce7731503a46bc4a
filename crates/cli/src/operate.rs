//! Operating runs: the store, the lease, the engine, and whoever sits before the terminal.
//! Decides nothing about a run.

mod desk;

use std::cell::RefCell;
use std::future::Future;
use std::io::IsTerminal;
use std::path::Path;

use plan_executor::clock::{Clock, Moment};
use plan_executor::engine::{BeginError, Engine, Stopped};
use plan_executor::owner::{self, Life};
use plan_executor::store::sqlite::SqliteStore;
use plan_executor::store::{Claim, Lease, RunRow, Store, StoreError, Token};
use tokio::sync::mpsc;

use crate::args::OutputFormat;
use crate::exit::Exit;
use crate::render::run::{Screen, summary};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

/// Somebody who has not been heard of for so long may be taken for gone, when asked to.
const STALE: std::time::Duration = std::time::Duration::from_secs(30);

/// Runs something of the engine's to its end.
pub fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime on this thread needs nothing");
    let tasks = tokio::task::LocalSet::new();
    let result = tasks.block_on(&runtime, work);
    // Tasks that nobody waits for any more end here, not at their own time.
    drop(tasks);
    runtime.shutdown_background();
    result
}

/// The clock, or what tests and rehearsals set it to.
pub fn clock() -> Clock {
    let set = std::env::var("PLAN_CLOCK").ok();
    set.and_then(|text| Clock::parse(&text)).unwrap_or_else(Clock::real)
}

/// A message with what to do next.
#[derive(Debug)]
pub struct Refusal {
    pub exit: Exit,
    pub message: String,
    pub help: String,
}

impl Refusal {
    pub fn new(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Refusal {
        Refusal { exit, message: message.into(), help: help.into() }
    }

    pub fn tell(self, terminal: &mut Terminal) -> Exit {
        terminal.tell(&format!(
            "{} {}\n{} {}",
            paint(theme::BAD, "error:"),
            self.message,
            paint(theme::NAME, "help:"),
            self.help
        ));
        self.exit
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            message += &format!(": {inner}");
            source = inner.source();
        }
        let (exit, help) = match error {
            StoreError::Newer { .. } => {
                (Exit::Wrong, "use that plan, or another folder: --store FOLDER")
            }
            StoreError::Foreign { .. } => (Exit::Wrong, "name another folder: --store FOLDER"),
            StoreError::Full => (Exit::Paused, "free some space, then: plan resume"),
            StoreError::ReadOnly => {
                (Exit::Paused, "make the folder of the store writable, then: plan resume")
            }
            StoreError::TakenOver => (Exit::Held, "see who: plan status"),
            StoreError::Open { .. } => {
                (Exit::Wrong, "is the folder there, and may you write in it? --store FOLDER")
            }
            StoreError::Failed { .. } | StoreError::Damaged { .. } => {
                (Exit::Paused, "look at the disk and the store's folder, then: plan resume")
            }
        };
        Refusal::new(exit, message, help)
    }
}

impl From<BeginError> for Refusal {
    fn from(error: BeginError) -> Refusal {
        let message = error.to_string();
        match error {
            BeginError::Store(error) => error.into(),
            BeginError::Folder { source, .. } => Refusal::new(
                Exit::Wrong,
                format!("{message}: {source}"),
                "free some space, or name another folder: --store FOLDER",
            ),
            BeginError::State(_) => Refusal::new(
                Exit::NotReady,
                message,
                "nothing was touched; see `state:` in the plan",
            ),
            BeginError::Illegal(_) => Refusal::new(
                Exit::Paused,
                message,
                "use the version of plan that began the run: it stands in its journal",
            ),
        }
    }
}

/// The store that is there; where there is none, no run was ever made.
pub async fn existing(folder: &Path) -> Result<SqliteStore, Refusal> {
    match SqliteStore::open_existing(folder).await? {
        Some(store) => Ok(store),
        None => Err(Refusal::new(
            Exit::Wrong,
            format!("no run was made here: {} holds no store", folder.display()),
            "go to the folder where it was applied, or name its store: --store FOLDER",
        )),
    }
}

/// A run by its name, or the last one that fits.
pub async fn find(
    store: &mut SqliteStore,
    name: Option<&str>,
    fits: impl Fn(&RunRow) -> bool,
    what: &str,
) -> Result<RunRow, Refusal> {
    let runs = store.runs().await?;
    let Some(name) = name else {
        return runs.into_iter().find(fits).ok_or_else(|| {
            Refusal::new(Exit::Wrong, format!("there is no run {what}"), "see all runs: plan runs")
        });
    };
    let known: Vec<_> = runs.iter().take(5).map(|run| run.run.clone()).collect();
    runs.into_iter().find(|run| run.run == name).ok_or_else(|| {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Refusal::new(
            Exit::Wrong,
            format!("there is no run {name}"),
            format!("the last ones: {known}; all of them: plan runs"),
        )
    })
}

/// Whoever holds a lease, in words.
pub fn holder(lease: &Lease, now: Moment) -> String {
    let run = lease.run.as_deref().unwrap_or("a run that is just beginning");
    let mut text = format!(
        "{run} is being run by {} at {} (process {}), since {}",
        lease.owner.by,
        lease.owner.host,
        lease.owner.process,
        crate::render::run::clock_time(lease.since),
    );
    if !lease.doing.is_empty() {
        text += &format!(", at {}", lease.doing);
    }
    let silent = now.since(lease.beat);
    if silent > STALE {
        let silent = std::time::Duration::from_secs(silent.as_secs());
        text += &format!("; not heard of for {}", plan_model::notation::Spoken(silent));
    }
    text
}

/// The right to run a plan in an environment. Whoever is dead is replaced; whoever may live only when
/// asked to.
pub async fn claim(
    store: &mut SqliteStore,
    plan: &str,
    environment: Option<&str>,
    take_over: bool,
    now: Moment,
) -> Result<Token, Refusal> {
    let me = owner::this();
    let mut dead: Option<String> = None;
    for _ in 0..20 {
        match store.claim(plan, environment, &me, now, dead.as_deref()).await? {
            Claim::Granted(token) => return Ok(token),
            Claim::Held(lease) => {
                let gone = match owner::life(&lease.owner) {
                    Life::Dead => true,
                    Life::Alive => false,
                    Life::Elsewhere => take_over && now.since(lease.beat) > STALE,
                };
                if !gone {
                    let help = match owner::life(&lease.owner) {
                        Life::Elsewhere => {
                            "look: plan status; if that machine is dead: plan resume --take-over"
                        }
                        _ => "look at it: plan watch; stop it: plan pause, plan abort",
                    };
                    return Err(Refusal::new(Exit::Held, holder(&lease, now), help));
                }
                dead = Some(lease.token.clone());
            }
        }
    }
    Err(Refusal::new(Exit::Held, "others keep taking this run", "see who: plan status"))
}

/// Runs an engine to its rest, with whoever is there; tells how it ended.
pub async fn drive(
    mut engine: Engine<SqliteStore>,
    output: OutputFormat,
    terminal: &mut Terminal,
) -> Exit {
    let on_disconnect = engine.world.plan.plan.file.on_disconnect;
    let attended = is_attended(output);
    let screen = RefCell::new(Screen::new(output, terminal));
    let (control, mut wishes) = mpsc::unbounded_channel();
    let (ask, questions) = mpsc::unbounded_channel();
    let folder = engine.world.folder.clone();
    let desk = desk::Desk::new(&screen, control, attended, on_disconnect, folder);
    let mut listener = desk::Listening { screen: &screen, ask };
    let stopped = tokio::select! {
        stopped = engine.run(&mut listener, &mut wishes) => stopped,
        () = desk.work(questions) => Stopped::Left,
    };
    screen.borrow_mut().end();
    let exit = {
        let mut screen = screen.borrow_mut();
        match &stopped {
            Stopped::Rested(_) | Stopped::Left | Stopped::StoreFailed(_) => {
                summary::tell(&engine.course, &engine.scene(), &stopped, &mut screen)
            }
            Stopped::TakenOver => {
                screen.tell("another operator took this run over: this terminal only leaves it");
                Exit::Held
            }
            Stopped::Illegal(illegal) => {
                screen.tell(&format!("this should not happen: {illegal}; the run can be resumed"));
                Exit::Paused
            }
        }
    };
    let (mut store, token) = engine.into_store();
    // A lease that is left behind is that of a dead process, and replaced as such.
    let _ = store.release(&token).await;
    store.close().await;
    exit
}

/// Somebody can be asked: both ends are a terminal.
pub fn is_attended(output: OutputFormat) -> bool {
    output != OutputFormat::Json && std::io::stdin().is_terminal() && Terminal::is_attended()
}
