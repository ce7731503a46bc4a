//! The keeper's own process: one thread that waits for orders, for programs to end, for their output
//! where secrets must be covered, and for the time that each may take.

use std::fs::{File, OpenOptions};
use std::io::{PipeReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, pidfd_open, setrlimit, setsid,
};

use super::log::Writer;
use super::{Ended, MARK, Order, Program, Word, tree};
use crate::secret::{Cover, Secrets};

/// So much a program may have left in its pipe when it ends.
const WIDEST_PIPE: usize = 1 << 20;

/// A program that runs.
struct Running {
    id: String,
    mark: String,
    child: Child,
    /// Becomes readable when it ends.
    handle: OwnedFd,
    deadline: Option<Instant>,
    grace: Duration,
    /// It was asked to end: why, and when it is made to.
    ending: Option<(Ended, Instant)>,
    /// The files that it writes itself.
    outputs: Vec<PathBuf>,
}

/// Output that is covered on its way into its file.
struct Stream {
    from: PipeReader,
    to: File,
    cover: Cover,
}

/// The file of a program that printed nothing: the next one takes it over. To make a file for each
/// step costs more than everything else that a keeper does.
struct Spare {
    path: PathBuf,
    file: File,
}

struct Server {
    log: Writer,
    /// `None` once the engine is gone.
    engine: Option<UnixStream>,
    inbox: Vec<u8>,
    running: Vec<Running>,
    streams: Vec<Stream>,
    spares: Vec<Spare>,
    secrets: Secrets,
    folder: PathBuf,
}

/// Serves one engine until it is gone and everything has ended. `orders` is its end of a socket, `log`
/// what the engine made for it.
pub fn serve(orders: OwnedFd, log: OwnedFd, folder: &Path) -> std::io::Result<()> {
    // A session of its own: a terminal that goes away takes nothing with it.
    let _ = setsid();
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let engine = UnixStream::from(orders);
    engine.set_nonblocking(true)?;
    let mut server = Server {
        log: Writer::new(log.into()),
        engine: Some(engine),
        inbox: Vec::new(),
        running: Vec::new(),
        streams: Vec::new(),
        spares: Vec::new(),
        secrets: Secrets::default(),
        folder: folder.to_owned(),
    };
    while server.engine.is_some() || !server.running.is_empty() || !server.streams.is_empty() {
        server.turn()?;
    }
    for spare in server.spares {
        // An empty file more does no harm.
        let _ = std::fs::remove_file(spare.path);
    }
    Ok(())
}

impl Server {
    fn turn(&mut self) -> std::io::Result<()> {
        let now = Instant::now();
        let next = self.running.iter().filter_map(Running::next_deadline).min();
        let timeout = next.map(|at| {
            let wait = at.saturating_duration_since(now) + Duration::from_millis(1);
            Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() }
        });
        let (orders, ended, readable) = {
            let mut fds = Vec::with_capacity(1 + self.running.len() + self.streams.len());
            let read = PollFlags::IN | PollFlags::HUP;
            fds.extend(self.engine.iter().map(|engine| PollFd::new(engine, read)));
            fds.extend(self.running.iter().map(|one| PollFd::new(&one.handle, PollFlags::IN)));
            fds.extend(self.streams.iter().map(|one| PollFd::new(&one.from, read)));
            match poll(&mut fds, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            let engines = usize::from(self.engine.is_some());
            let (orders, rest) = ready.split_at(engines);
            let (ended, readable) = rest.split_at(self.running.len());
            (orders.first() == Some(&true), ended.to_vec(), readable.to_vec())
        };
        // Output first: when an end is told, all that was printed is in its file.
        self.pass_on(&readable);
        self.reap(&ended)?;
        self.enforce_time();
        if orders {
            self.take_orders()?;
        }
        Ok(())
    }

    fn take_orders(&mut self) -> std::io::Result<()> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let mut gone = false;
        let mut piece = [0; 8 << 10];
        loop {
            match engine.read(&mut piece) {
                Ok(0) => gone = true,
                Ok(size) => {
                    self.inbox.extend_from_slice(&piece[..size]);
                    continue;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => gone = true,
            }
            break;
        }
        for order in take_frames(&mut self.inbox) {
            match order {
                Order::Cover(secrets) => self.secrets = secrets,
                Order::Start(program) => self.start(program)?,
                Order::End(id) => self.end(&id),
            }
        }
        if gone {
            self.engine = None;
            self.log.orphaned()?;
        }
        Ok(())
    }

    fn start(&mut self, program: Program) -> std::io::Result<()> {
        // Written before it is done: whoever reads nothing of a program knows that it never ran.
        if let Err(error) = self.log.begins(&program.id) {
            self.tell(&program.id, Ended::NotStarted(format!("the log of the run: {error}")));
            return Ok(());
        }
        match self.spawn(&program) {
            Ok(running) => {
                self.log.started(&program.id, running.child.id() as i32)?;
                self.running.push(running);
            }
            Err(error) => {
                let ended = Ended::NotStarted(error.to_string());
                self.log.ended(&program.id, &ended)?;
                self.tell(&program.id, ended);
            }
        }
        Ok(())
    }

    fn spawn(&mut self, program: &Program) -> Result<Running, StartError> {
        let [name, arguments @ ..] = program.arguments.as_slice() else {
            return Err(StartError("there is no program to start".to_owned()));
        };
        let mark = super::mark(&self.folder, &program.id);
        let mut command = Command::new(name);
        command.args(arguments).current_dir(&program.dir).process_group(0);
        command.envs(program.env.iter().map(|(name, value)| (name, value)));
        command.env(MARK, &mark);
        command.stdin(match &program.input {
            Some(path) => Stdio::from(File::open(path).map_err(about(path))?),
            None => Stdio::null(),
        });
        let mut outputs = Vec::new();
        let output = self.sink(&program.output, &mut outputs)?;
        let errors = match &program.errors {
            Some(path) => self.sink(path, &mut outputs)?,
            None => output.try_clone().map_err(about(&program.output))?,
        };
        command.stdout(output).stderr(errors);
        let child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound if !program.dir.is_dir() => {
                StartError(format!("the directory {} is not there", program.dir.display()))
            }
            std::io::ErrorKind::NotFound => StartError(format!("the program {name} is not there")),
            std::io::ErrorKind::PermissionDenied => {
                StartError(format!("{name} may not be started: permission denied"))
            }
            _ => StartError(format!("{name} cannot be started: {error}")),
        })?;
        let process = Pid::from_child(&child);
        let handle = pidfd_open(process, PidfdFlags::empty())
            .map_err(|error| StartError(format!("{name} cannot be watched: {error}")))?;
        Ok(Running {
            id: program.id.clone(),
            mark,
            child,
            handle,
            deadline: program.timeout_ms.map(|time| Instant::now() + Duration::from_millis(time)),
            grace: Duration::from_millis(program.grace_ms),
            ending: None,
            outputs,
        })
    }

    /// Where output goes: straight into its file, or where secrets are about, past their cover.
    fn sink(&mut self, path: &Path, own: &mut Vec<PathBuf>) -> Result<OwnedFd, StartError> {
        let file = self.output_file(path).map_err(about(path))?;
        if self.secrets.is_empty() {
            own.push(path.to_owned());
            return Ok(file.into());
        }
        let (from, into) = std::io::pipe().map_err(about(path))?;
        // Read only when there is something: others wait meanwhile.
        rustix::io::ioctl_fionbio(&from, true)
            .map_err(|error| StartError(format!("a pipe failed: {error}")))?;
        self.streams.push(Stream { from, to: file, cover: self.secrets.cover() });
        Ok(into.into())
    }

    /// Its lock goes with it: whoever can have it later knows that nobody writes there any more.
    fn output_file(&mut self, path: &Path) -> std::io::Result<File> {
        // One that bears this very name is given up: it is about to be written to again.
        self.spares.retain(|spare| spare.path != path);
        if let Some(Spare { path: last, file }) = self.spares.pop() {
            // Never over a file that is there: another program of this name may have written it.
            if renameat_with(CWD, &last, CWD, path, RenameFlags::NOREPLACE).is_ok() {
                return Ok(file);
            }
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        Ok(file)
    }

    /// A program ended: the file is free if nothing is in it, and nothing that was left behind holds it.
    fn spare(&mut self, path: PathBuf) {
        let Ok(file) = OpenOptions::new().append(true).open(&path) else { return };
        let is_empty = file.metadata().is_ok_and(|meta| meta.len() == 0);
        if is_empty && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            self.spares.push(Spare { path, file });
        }
    }

    fn pass_on(&mut self, readable: &[bool]) {
        let mut ready = readable.iter();
        self.streams
            .retain_mut(|stream| if ready.next() == Some(&true) { stream.pass_on() } else { true });
    }

    fn reap(&mut self, ended: &[bool]) -> std::io::Result<()> {
        for at in (0..ended.len()).rev().filter(|at| ended[*at]) {
            let Some(status) = self.running[at].child.try_wait()? else { continue };
            let one = self.running.swap_remove(at);
            let ended = match (one.ending, status.code(), status.signal()) {
                (Some((why, _)), ..) => {
                    // What it started and left behind goes with it.
                    tree::signal(one.child.id() as i32, &one.mark, Signal::KILL);
                    why
                }
                (None, Some(code), _) => Ended::Exit(code),
                (None, None, signal) => Ended::Signal(signal.unwrap_or(0)),
            };
            // What it printed last may still be in the pipe.
            for stream in &mut self.streams {
                stream.pass_on();
            }
            self.log.ended(&one.id, &ended)?;
            self.tell(&one.id, ended);
            for path in one.outputs {
                self.spare(path);
            }
        }
        Ok(())
    }

    fn end(&mut self, id: &str) {
        if let Some(one) = self.running.iter_mut().find(|one| one.id == id) {
            one.ask_to_end(Ended::Stopped);
        }
    }

    fn enforce_time(&mut self) {
        let now = Instant::now();
        for one in &mut self.running {
            match &one.ending {
                Some((_, made_to)) if *made_to <= now => {
                    tree::signal(one.child.id() as i32, &one.mark, Signal::KILL);
                    // Once more later, should it have started something new meanwhile.
                    one.ending.as_mut().expect("matched").1 = now + Duration::from_secs(1);
                }
                None if one.deadline.is_some_and(|deadline| deadline <= now) => {
                    one.ask_to_end(Ended::TimedOut);
                }
                _ => {}
            }
        }
    }

    fn tell(&mut self, id: &str, ended: Ended) {
        let Some(engine) = &mut self.engine else { return };
        let frame = frame(&Word { id: id.to_owned(), ended });
        // A dead engine is noticed when its orders end; the log has it all.
        let _ = engine.set_nonblocking(false);
        let _ = engine.write_all(&frame);
        let _ = engine.set_nonblocking(true);
    }
}

impl Running {
    fn next_deadline(&self) -> Option<Instant> {
        match &self.ending {
            Some((_, made_to)) => Some(*made_to),
            None => self.deadline,
        }
    }

    fn ask_to_end(&mut self, why: Ended) {
        if self.ending.is_none() {
            tree::signal(self.child.id() as i32, &self.mark, Signal::TERM);
            self.ending = Some((why, Instant::now() + self.grace));
        }
    }
}

impl Stream {
    /// Whether there may be more. No more at once than a pipe holds: whoever prints faster than it is
    /// covered must not keep the keeper from everything else.
    fn pass_on(&mut self) -> bool {
        let mut piece = [0; 64 << 10];
        for _ in 0..WIDEST_PIPE / piece.len() {
            match self.from.read(&mut piece) {
                Ok(0) => {
                    let last = self.cover.last();
                    // A full disk loses output, never the outcome.
                    let _ = self.to.write_all(&last);
                    return false;
                }
                Ok(size) => {
                    let covered = self.cover.piece(&piece[..size]);
                    let _ = self.to.write_all(&covered);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
        }
        true
    }
}

/// Why a program could not be started, in words for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct StartError(String);

fn about(path: &Path) -> impl FnOnce(std::io::Error) -> StartError + '_ {
    move |error| StartError(format!("{}: {error}", path.display()))
}

pub(super) fn frame(value: &impl serde::Serialize) -> Vec<u8> {
    let body = serde_json::to_vec(value).expect("plain data");
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend(body);
    frame
}

/// The whole frames at the head of what was read; the rest stays.
pub(super) fn take_frames<T: serde::de::DeserializeOwned>(inbox: &mut Vec<u8>) -> Vec<T> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(size) = inbox.get(at..at + 4) {
        let size = u32::from_le_bytes(size.try_into().expect("four bytes")) as usize;
        let Some(body) = inbox.get(at + 4..at + 4 + size) else { break };
        found.extend(serde_json::from_slice(body));
        at += 4 + size;
    }
    inbox.drain(..at);
    found
}
