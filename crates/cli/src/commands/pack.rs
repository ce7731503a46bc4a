//! `plan pack`: packs or unpacks what comes in, for the pipe behind a dump or before a restore.

use plan_executor::archive::pack;

use crate::exit::Exit;
use crate::terminal::Terminal;

pub fn run(how: &str, unpacks: bool, terminal: &mut Terminal) -> Exit {
    match pack::stand_in_pipe(how, unpacks) {
        Ok(()) => Exit::Done,
        Err(problem) => {
            terminal.tell(&format!("{how}: {problem}"));
            Exit::Wrong
        }
    }
}
