//! `plan keeper`: the small process that stays with the programs of a run. Its orders come on
//! standard input, from the engine that started it; what it writes down goes to standard output.

use crate::exit::Exit;
use std::os::fd::AsFd;
use std::path::Path;

#[allow(clippy::disallowed_methods, reason = "the log was handed over as standard output")]
pub fn run(folder: &Path) -> Exit {
    let Ok(orders) = std::io::stdin().as_fd().try_clone_to_owned() else { return Exit::Wrong };
    let Ok(log) = std::io::stdout().as_fd().try_clone_to_owned() else { return Exit::Wrong };
    match plan_executor::keeper::serve(orders, log, folder) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Wrong,
    }
}
