//! What performing needs of the world: programs under the keeper, requests, databases, questions to
//! people. Decides nothing, and journals nothing.

pub mod database;
pub mod hosts;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use plan_model::graph::CompiledPlan;
use plan_model::model::check::Evidence;
use plan_model::model::plan::Surroundings;
use plan_model::model::value::{HostRef, Text};
use plan_model::notation::Spoken;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::archive::catalogue::Catalogue;
use crate::clock::{Clock, Moment};
use crate::crash::{Point, point};
use crate::digest::hex;
use crate::event::{Answer, Failure, FailureKind, LogEnd, Outputs};
use crate::fill::{Filler, Known, RunNames};
use crate::frozen;
use crate::keeper::{Ended, Keeper, Program};
use crate::printed;
use crate::secret::Cover;
use crate::values::Values;
use crate::world::database::address::Address;
use crate::world::database::{Session, left};

use hosts::Errand;

/// Where the questions of each rollback step begin to count.
pub const UNDO_QUESTIONS: usize = 1000;

/// How long a program that was asked to end may take before it is made to.
const GRACE: Duration = Duration::from_secs(10);
/// So much of an output is looked at; the rest stays in its file.
const OUTPUT_LIMIT: u64 = 1 << 20;

/// What the kernel takes as one argument.
const LONGEST_ARGUMENT: usize = 128 << 10;

/// Why performing did not come to a good end.
#[derive(Debug)]
pub enum Broken {
    Failed(Failure),
    /// Nobody can tell any more whether it was done: its keeper is gone.
    Lost,
    /// It may still go on where nobody sees it; why.
    InDoubt(String),
}

impl Broken {
    pub fn why(self) -> String {
        match self {
            Broken::Failed(failure) => failure.text,
            Broken::Lost => "the keeper is gone".to_owned(),
            Broken::InDoubt(why) => why,
        }
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Broken {
        Broken::Failed(failure)
    }
}

pub fn error(text: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Error, text)
}

/// A question to a person, on its way to whoever can put it.
#[derive(Debug, Clone)]
pub struct Question {
    pub entry: usize,
    pub number: usize,
    pub text: String,
    pub choices: Vec<String>,
    pub role: Option<String>,
    pub evidence: Evidence,
    /// The first choice is typed out, and never taken for granted.
    pub typed: bool,
}

type Awaited = HashMap<(usize, usize), oneshot::Sender<Answer>>;

pub struct World {
    pub plan: CompiledPlan,
    pub values: Values,
    pub cover: Cover,
    pub run: RunNames,
    /// Of the plan and all that it names: what was reviewed is what runs.
    pub digest: String,
    pub reviewed: String,
    /// Inputs that were typed.
    pub typed: Vec<String>,
    pub environment: Option<String>,
    /// Runs have their folders beside what the store keeps.
    pub store_folder: PathBuf,
    /// The plan's folder: paths in the plan start here.
    pub base: PathBuf,
    /// Files that the plan names, as they were when the run began, by their paths from the plan's folder.
    pub files: BTreeMap<String, String>,
    /// The run's own folder.
    pub folder: PathBuf,
    pub clock: Clock,
    /// When the run began, and where the logs that are looked at ended then.
    pub began: Moment,
    pub log_ends: RefCell<BTreeMap<PathBuf, LogEnd>>,
    pub known: RefCell<BTreeMap<usize, Known>>,
    /// The backups that the store knows of, and those that it is still to be told of.
    pub catalogue: Catalogue,
    /// This program: the keeper is another face of it.
    pub program: PathBuf,
    pub keeper: RefCell<Option<Keeper>>,
    /// How many keepers the run had before.
    pub keepers_before: usize,
    pub http: OnceCell<reqwest::Client>,
    pub questions: mpsc::UnboundedSender<Question>,
    pub awaited: RefCell<Awaited>,
}

/// Where a step says something.
#[derive(Clone)]
pub struct Teller {
    world: Rc<World>,
    logs: PathBuf,
    id: String,
    had_programs: bool,
}

impl Teller {
    pub fn say(&self, line: &str) {
        let line = self.world.cover.text(line);
        let mut path = self.logs.join(format!("{}.log", self.id));
        // The empty output of a program that ran is no more: it may become another one's.
        let is_empty = std::fs::metadata(&path).map_or(true, |meta| meta.len() == 0);
        if self.had_programs && is_empty {
            path = self.logs.join(format!("{}.said.log", self.id));
        }
        let mut options = std::fs::OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(path);
        // Whoever looks on misses a line: the step itself goes on.
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }
}

/// One thing to perform, and what may be said and done for it.
pub struct Job {
    pub world: Rc<World>,
    pub entry: Option<usize>,
    /// `self`, in a rollback step.
    pub own: Option<Outputs>,
    /// A rollback step of its own, and its place: what it does is none of the step's.
    pub part: Option<u32>,
    /// On the way back: users were let in since, or were never out.
    pub users_were_in: bool,
    /// The entry, the attempt: programs and files bear it.
    pub id: String,
    /// What it was called when it was performed, for whoever looks what became of it.
    pub performed_as: String,
    /// Questions of a step and of its rollback are told apart by where they begin to count.
    pub first_question: usize,
    /// Answers that people gave before, by question.
    pub answers: Vec<Vec<Answer>>,
    programs: Cell<u32>,
}

/// How a program ended and where its output is.
#[derive(Debug, Clone)]
pub struct Ran {
    pub ended: Ended,
    pub output: PathBuf,
    pub errors: PathBuf,
}

/// Where and how something runs, filled in.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Hosts that it runs on, one after the other; here where there are none.
    pub on: Vec<String>,
    pub dir: PathBuf,
    /// The directory on those hosts; where their user begins unless said.
    pub far_dir: Option<String>,
    pub env: Vec<(String, String)>,
    pub user: Option<String>,
    pub shell: Vec<String>,
    pub timeout: Option<Duration>,
}

impl World {
    /// What an entry that acted is known by, to its own way back.
    pub fn known_of(&self, entry: usize) -> Outputs {
        self.known.borrow().get(&entry).map(Known::named).unwrap_or_default()
    }

    pub fn keeper(&self) -> Result<Keeper, Failure> {
        if let Some(keeper) = self.keeper.borrow().as_ref().filter(|keeper| !keeper.is_gone()) {
            return Ok(keeper.clone());
        }
        let keeper = Keeper::start(&self.program, &self.folder, &self.values.secrets)
            .map_err(|problem| error(format!("the keeper cannot be started: {problem}")))?;
        *self.keeper.borrow_mut() = Some(keeper.clone());
        Ok(keeper)
    }

    pub fn http(&self) -> Result<&reqwest::Client, Failure> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let client = http_client()?;
        Ok(self.http.get_or_init(|| client))
    }

    pub fn filler<'w>(&'w self, entry: Option<usize>, own: Option<&'w Outputs>) -> Filler<'w> {
        Filler {
            plan: &self.plan,
            values: &self.values,
            run: &self.run,
            known: &self.known,
            entry,
            own,
            base: &self.base,
        }
    }

    /// This run among all runs of all stores: whatever is left in a database by another one that has the
    /// same name is not ours.
    pub fn run_key(&self) -> String {
        let own = format!(
            "{}\n{}\n{}\n{}",
            self.run.id,
            self.began.timestamp(),
            self.folder.display(),
            crate::owner::host()
        );
        let digest = Sha256::digest(own);
        let mark = hex(&digest[..4]);
        format!("{}-{mark}", self.run.id)
    }

    /// A file that the plan names: as it was reviewed, or as it lies there where only the run knew its
    /// name.
    pub fn frozen_text(&self, path: &str) -> Result<String, Failure> {
        let name = frozen::name_from(&self.base, &self.base.join(path));
        if let Some(text) = self.files.get(&name) {
            return Ok(text.clone());
        }
        let path = self.base.join(path);
        std::fs::read_to_string(&path)
            .map_err(|problem| error(format!("{}: {problem}", path.display())))
    }

    /// The SQL scripts below a folder, each with its path from there, as they were reviewed.
    pub fn frozen_scripts(&self, folder: &str) -> Result<Vec<(String, String)>, Failure> {
        let folder = frozen::name_from(&self.base, &self.base.join(folder));
        let is_script = |name: &str| name.to_ascii_lowercase().ends_with(".sql");
        let below = |path: &str| {
            let name = match folder.is_empty() {
                true => path,
                false => path.strip_prefix(&folder)?.strip_prefix('/')?,
            };
            is_script(name).then(|| name.to_owned())
        };
        let known = self.files.iter();
        let known: Vec<_> =
            known.filter_map(|(path, text)| Some((below(path)?, text.clone()))).collect();
        if !known.is_empty() {
            return Ok(known);
        }
        let mut found = Vec::new();
        scripts_below(&self.base.join(&folder), "", &mut found).map_err(|problem| {
            error(format!("{}: {problem}", self.base.join(&folder).display()))
        })?;
        Ok(found)
    }

    /// A failure as it may be told and written down.
    pub fn covered(&self, mut failure: Failure) -> Failure {
        failure.text = self.cover.text(&failure.text);
        failure
    }
}

impl Job {
    pub fn new(world: Rc<World>, entry: Option<usize>, id: String) -> Job {
        Job {
            world,
            entry,
            own: None,
            part: None,
            users_were_in: false,
            performed_as: id.clone(),
            id,
            first_question: 0,
            answers: Vec::new(),
            programs: Cell::new(0),
        }
    }

    /// A line for whoever looks on: it stands where the output of a program would.
    pub fn say(&self, line: &str) {
        self.teller().say(line);
    }

    /// The same, for what outlives the call.
    pub fn teller(&self) -> Teller {
        let (world, logs, id) = (self.world.clone(), self.logs(), self.id.clone());
        Teller { world, logs, id, had_programs: self.programs.get() > 0 }
    }

    /// A session that bears the step's name, and writes into its log.
    pub async fn session(&self, at: &Address) -> Result<Session, Failure> {
        let mut session = Session::open(at, &self.session_name()).await?;
        session.teller = Some(self.teller());
        Ok(session)
    }

    /// One in which something is done that may go on in the server when we are gone.
    pub async fn working_session(&self, at: &Address) -> Result<Session, Failure> {
        let mut session = self.session(at).await?;
        left::opened(self, &mut session).await?;
        Ok(session)
    }

    /// The entry that it belongs to.
    pub fn entry_id(&self) -> &str {
        self.entry.map_or(&*self.id, |entry| &*self.world.plan.entry(entry).id)
    }

    /// What it writes down in the run's folder bears this name.
    pub fn notes_name(&self) -> String {
        match self.part {
            Some(part) => format!("{}.undo{}", self.entry_id(), part + 1),
            None => self.entry_id().to_owned(),
        }
    }

    /// What lists of sessions in a server show.
    pub fn session_name(&self) -> String {
        format!("plan/{}/{}", self.world.run.id, self.entry_id())
    }

    pub fn filler(&self) -> Filler<'_> {
        self.world.filler(self.entry, self.own.as_ref())
    }

    pub fn around(&self, around: Option<&Surroundings>) -> Result<Around, Failure> {
        let fill = self.filler();
        let shell = ["bash", "-euo", "pipefail"].map(str::to_owned).to_vec();
        let mut filled = Around { dir: self.world.base.clone(), shell, ..Around::default() };
        let Some(around) = around else { return Ok(filled) };
        filled.set_place(&fill, around.on.as_ref(), around.dir.as_ref())?;
        for (name, value) in around.env.iter().flat_map(|entries| entries.0.iter()) {
            filled.env.push((name.value.clone(), fill.text(&value.plain())?));
        }
        filled.user = fill.optional(around.user.as_ref())?;
        filled.timeout = fill.optional_time(around.timeout.as_ref())?;
        if let Some(shell) = &around.shell {
            filled.shell = fill.of(shell)?.split_whitespace().map(str::to_owned).collect();
        }
        Ok(filled)
    }

    /// The id of the next program of this job: the first one bears the job's own.
    fn next_id(&self) -> String {
        let number = self.programs.get();
        self.programs.set(number + 1);
        if number == 0 { self.id.clone() } else { format!("{}.{number}", self.id) }
    }

    pub fn logs(&self) -> PathBuf {
        self.world.folder.join("logs")
    }

    /// Runs a script: it stands in a file of its owner, so a long one has room and nobody reads it
    /// in a list of processes.
    pub async fn script(
        &self,
        text: &str,
        mut around: Around,
        input: Option<&str>,
        apart: bool,
    ) -> Result<Ran, Broken> {
        let (script, hidden) = self.filler().script(text)?;
        around.env.extend(hidden);
        if !around.on.is_empty() {
            return self.errand(&Errand::Script(&script), around, apart).await;
        }
        let mut arguments = around.shell.clone();
        if around.user.is_some() {
            // Another user cannot read our files; secrets are in variables, not in the script.
            if script.len() >= LONGEST_ARGUMENT {
                return Err(error(format!(
                    "a script of another user may hold no more than {} KiB: put it into a file \
                     that the user can read, and name it: run: {{ file: … }}",
                    LONGEST_ARGUMENT >> 10
                ))
                .into());
            }
            arguments.extend(["-c".to_owned(), script]);
        } else {
            let file = self.logs().join(format!("{}.sh", self.file_name()));
            write_private(&file, script.as_bytes())?;
            arguments.push(file.display().to_string());
        }
        self.program(arguments, around, input, apart).await
    }

    /// The id of the next program as a file name.
    fn file_name(&self) -> String {
        let number = self.programs.get();
        if number == 0 { self.id.clone() } else { format!("{}.{number}", self.id) }
    }

    /// Runs a program, here or on hosts.
    pub async fn program(
        &self,
        arguments: Vec<String>,
        around: Around,
        input: Option<&str>,
        apart: bool,
    ) -> Result<Ran, Broken> {
        if around.on.is_empty() {
            return self.local(as_user(arguments, &around), around, input, apart).await;
        }
        let secrets = &self.world.values.secrets;
        if arguments.iter().any(|argument| secrets.are_in(argument)) {
            return Err(in_process_list());
        }
        self.errand(&Errand::Program(&arguments), around, apart).await
    }

    /// Has hosts do something.
    async fn errand(
        &self,
        errand: &Errand<'_>,
        mut around: Around,
        apart: bool,
    ) -> Result<Ran, Broken> {
        let names: Vec<String> = around.env.iter().map(|(name, _)| name.clone()).collect();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_odd = |name: &&String| {
            name.is_empty()
                || !name.chars().all(is_part)
                || name.starts_with(|c: char| c.is_ascii_digit())
        };
        if let Some(odd) = names.iter().find(is_odd) {
            let text = format!("`{odd}` cannot be a variable on a host: use letters, digits, `_`");
            return Err(error(text).into());
        }
        let kept: Vec<_> = names.iter().map(String::as_str).collect();
        let text = hosts::written(errand, &around, &kept);
        let name = self.file_name();
        let file = self.logs().join(format!("{name}.errand"));
        write_private(&file, text.as_bytes())?;
        let reached = hosts::reached(&self.logs().join(format!("{name}.log")));
        let timeout = around.timeout;
        let arguments = hosts::driver(&mut around, names, &file, &reached);
        let ran = self.local(arguments, around, None, apart).await?;
        hosts::judge(&ran, timeout)?;
        Ok(ran)
    }

    async fn local(
        &self,
        arguments: Vec<String>,
        around: Around,
        input: Option<&str>,
        apart: bool,
    ) -> Result<Ran, Broken> {
        let secrets = &self.world.values.secrets;
        if arguments.iter().any(|argument| secrets.are_in(argument)) {
            return Err(in_process_list());
        }
        let keeper = self.world.keeper()?;
        let id = self.next_id();
        let output = self.logs().join(format!("{id}.log"));
        let errors = if apart { self.logs().join(format!("{id}.err")) } else { output.clone() };
        let input = input
            .map(|text| {
                let file = self.logs().join(format!("{id}.in"));
                write_private(&file, text.as_bytes()).map(|()| file)
            })
            .transpose()?;
        let program = Program {
            id,
            arguments,
            env: around.env,
            dir: around.dir,
            input,
            output: output.clone(),
            errors: apart.then(|| errors.clone()),
            timeout_ms: around.timeout.map(|time| time.as_millis() as u64),
            grace_ms: GRACE.as_millis() as u64,
        };
        match keeper.run(program).await {
            Some(ended) => Ok(Ran { ended, output, errors }),
            None => Err(Broken::Lost),
        }
    }

    /// Puts a question to whoever is there, and waits for the answer.
    pub async fn ask(
        &self,
        number: usize,
        text: String,
        choices: Vec<String>,
        role: Option<String>,
        evidence: Evidence,
        typed: bool,
    ) -> Result<Answer, Broken> {
        let Some(entry) = self.entry else {
            return Err(error("nobody can be asked here").into());
        };
        let number = self.first_question + number;
        let (tell, told) = oneshot::channel();
        self.world.awaited.borrow_mut().insert((entry, number), tell);
        let asked = text.trim_end().to_owned();
        let question = Question { entry, number, text, choices, role, evidence, typed };
        let _ = self.world.questions.send(question);
        // The engine lets go of a question that nobody can be asked.
        told.await.map_err(|_| {
            error(format!("by hand: {asked}: nobody is here to say it is done")).into()
        })
    }
}

impl Around {
    /// One for each host, or one for here.
    pub fn each_place(&self) -> Vec<Around> {
        match self.on.is_empty() {
            true => vec![self.clone()],
            false => self
                .on
                .iter()
                .map(|host| Around { on: vec![host.clone()], ..self.clone() })
                .collect(),
        }
    }

    /// Where it runs: a host and a directory.
    pub fn set_place(
        &mut self,
        fill: &Filler<'_>,
        on: Option<&HostRef>,
        dir: Option<&Text>,
    ) -> Result<(), Failure> {
        if let Some(on) = on {
            let name = fill.text(&on.value)?;
            self.on = hosts::named(fill, &name)?;
            if self.on.is_empty() {
                return Err(error(format!("`on: {name}`: there is no such host")));
            }
            self.far_dir = fill.optional(dir)?;
        } else if let Some(dir) = dir {
            self.dir = fill.path(&dir.value)?;
        }
        Ok(())
    }
}

impl Ran {
    /// The last thing that it said, complaints first.
    pub fn last_line(&self) -> Option<String> {
        printed::last_line(&self.errors).or_else(|| printed::last_line(&self.output))
    }

    /// What it printed, as far as it is looked at.
    pub fn text(&self) -> Result<String, Failure> {
        let bytes = printed::head(&self.output, OUTPUT_LIMIT)
            .map_err(|problem| error(format!("{}: {problem}", self.output.display())))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether it ended well, and if not, why, with the last thing that it said.
    pub fn check(&self, timeout: Option<Duration>) -> Result<(), Failure> {
        self.ended_well(timeout, self.last_line())
    }

    /// The same of a server's own tool, which says more behind what is wrong.
    pub fn check_tool(&self, timeout: Option<Duration>) -> Result<(), Failure> {
        self.ended_well(timeout, printed::complaint(&self.errors).or_else(|| self.last_line()))
    }

    fn ended_well(&self, timeout: Option<Duration>, said: Option<String>) -> Result<(), Failure> {
        let kind_and_text = match &self.ended {
            Ended::Exit(0) => return Ok(()),
            Ended::Exit(status) => (FailureKind::Exit, format!("exit status {status}")),
            Ended::Signal(signal) => (FailureKind::Signal, format!("ended by signal {signal}")),
            Ended::TimedOut => {
                let time = timeout.map_or_else(String::new, |time| Spoken(time).to_string());
                (FailureKind::TimedOut, format!("took longer than {time} and was ended"))
            }
            Ended::Stopped => (FailureKind::Signal, "was ended on request".to_owned()),
            Ended::NotStarted(why) => (FailureKind::Error, why.clone()),
        };
        let (kind, mut text) = kind_and_text;
        if let Some(said) = said {
            text += &format!(": {said}");
        }
        Err(Failure::new(kind, text))
    }
}

fn scripts_below(
    folder: &Path,
    prefix: &str,
    found: &mut Vec<(String, String)>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            scripts_below(&entry.path(), &format!("{name}/"), found)?;
        } else if name.to_ascii_lowercase().ends_with(".sql") {
            found.push((name, std::fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

fn in_process_list() -> Broken {
    error("a secret would stand in the list of processes: hand it over with `env:`").into()
}

fn as_user(arguments: Vec<String>, around: &Around) -> Vec<String> {
    let Some(user) = &around.user else { return arguments };
    let mut whole = if rustix::process::geteuid().is_root() {
        ["runuser", "-u", user, "--"].map(str::to_owned).to_vec()
    } else {
        let names: Vec<_> = around.env.iter().map(|(name, _)| name.as_str()).collect();
        let keep = format!("--preserve-env={}", names.join(","));
        ["sudo", "-n", "-u", user, &keep, "--"].map(str::to_owned).to_vec()
    };
    whole.extend(arguments);
    whole
}

pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(|problem| error(format!("{}: {problem}", path.display())))
}

/// The one implementation of TLS for everything.
pub fn choose_tls() {
    // Whoever was first to choose a provider chose this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// For requests of all kinds: follows nobody elsewhere by itself.
pub fn http_client() -> Result<reqwest::Client, Failure> {
    choose_tls();
    reqwest::Client::builder()
        .user_agent(concat!("plan/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .read_timeout(Duration::from_secs(120))
        .build()
        .map_err(|problem| error(format!("requests cannot be made: {problem}")))
}

/// The innermost reason: "connection refused" tells more than "error sending request".
pub fn reason(problem: &reqwest::Error) -> String {
    let mut text = problem.to_string();
    let mut source = std::error::Error::source(problem);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}

/// Where a file lies until it is whole.
pub fn aside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    aside.into()
}

/// The same, there also after a power cut; whoever is killed meanwhile leaves what was there before.
pub fn write_durable(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let aside = &aside(path);
    write_private(aside, bytes)?;
    point(Point::Note);
    let folder = path.parent().unwrap_or(Path::new("."));
    let synced = std::fs::File::open(aside).and_then(|file| file.sync_all());
    synced
        .and_then(|()| std::fs::rename(aside, path))
        .and_then(|()| std::fs::File::open(folder)?.sync_all())
        .map_err(|problem| error(format!("{}: {problem}", path.display())))
}
