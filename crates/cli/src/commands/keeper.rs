//! `plan keeper`: the small process that stays with the programs of a run. Its orders come on
//! standard input, from the engine that started it.

use std::os::fd::AsFd;
use std::path::Path;

use crate::exit::Exit;

pub fn run(log: &Path, run: &str) -> Exit {
    let Ok(orders) = std::io::stdin().as_fd().try_clone_to_owned() else { return Exit::Wrong };
    match plan_executor::keeper::serve(orders, log, run) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Wrong,
    }
}
