//! The engine's end of a keeper: starts it, gives it orders, hears how programs ended.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

use super::serve::{frame, take_frames};
use super::{Ended, Order, Program, Word, log};
use crate::crash::{self, Point};
use crate::secret::Secrets;

type Waiting = Rc<RefCell<HashMap<String, oneshot::Sender<Ended>>>>;

/// A keeper that was started by this engine.
#[derive(Clone)]
pub struct Keeper {
    orders: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Waiting,
    pub log: PathBuf,
}

impl Keeper {
    /// `program` is this very program: the keeper is another face of it. `folder` is the run's own:
    /// its log goes there, and what it starts is marked with it.
    pub fn start(program: &Path, folder: &Path, secrets: &Secrets) -> std::io::Result<Keeper> {
        let (ours, theirs) = StdStream::pair()?;
        let (log, file) = log::create(folder)?;
        Command::new(program)
            .arg("keeper")
            .arg(folder)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::from(file))
            .stderr(Stdio::null())
            .spawn()?;
        ours.set_nonblocking(true)?;
        let stream = UnixStream::from_std(ours)?;
        let waiting: Waiting = Rc::default();
        let (orders, inbox) = mpsc::unbounded_channel();
        tokio::task::spawn_local(talk(stream, inbox, waiting.clone()));
        let keeper = Keeper { orders, waiting, log };
        if !secrets.is_empty() {
            let _ = keeper.orders.send(frame(&Order::Cover(secrets.clone())));
        }
        Ok(keeper)
    }

    /// It has ended, or was killed: nobody takes orders there any more.
    pub fn is_gone(&self) -> bool {
        self.orders.is_closed()
    }

    /// Runs a program to its end; `None` where the keeper itself is gone.
    pub async fn run(&self, program: Program) -> Option<Ended> {
        let (tell, told) = oneshot::channel();
        self.waiting.borrow_mut().insert(program.id.clone(), tell);
        self.orders.send(frame(&Order::Start(program))).ok()?;
        told.await.ok()
    }

    /// Ends a program with all that it started.
    pub fn end(&self, id: &str) {
        let _ = self.orders.send(frame(&Order::End(id.to_owned())));
    }
}

async fn talk(stream: UnixStream, mut orders: mpsc::UnboundedReceiver<Vec<u8>>, waiting: Waiting) {
    let (mut from, mut to) = stream.into_split();
    // Side by side: a keeper that waits for us to listen must not wait for what we say.
    let say = async {
        while let Some(order) = orders.recv().await {
            crash::point(Point::Order);
            if to.write_all(&order).await.is_err() {
                break;
            }
            crash::point(Point::Ordered);
        }
    };
    let hear = async {
        let mut inbox = Vec::new();
        let mut piece = vec![0; 16 << 10];
        while let Ok(size @ 1..) = from.read(&mut piece).await {
            inbox.extend_from_slice(&piece[..size]);
            for word in take_frames::<Word>(&mut inbox) {
                if let Some(tell) = waiting.borrow_mut().remove(&word.id) {
                    let _ = tell.send(word.ended);
                }
            }
        }
    };
    tokio::select! {
        () = say => {}
        () = hear => {}
    }
    // Whoever still waits learns that nobody will tell.
    waiting.borrow_mut().clear();
}
