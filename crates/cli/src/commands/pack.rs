//! `plan pack`: packs or unpacks what comes in, for the pipe behind a dump or before a restore.

use plan_executor::archive::pack;

use crate::exit::Exit;
use crate::terminal::Terminal;

#[allow(clippy::disallowed_methods, reason = "it stands in a pipe: what goes out is no text")]
pub fn run(how: &str, unpacks: bool, terminal: &mut Terminal) -> Exit {
    let (mut from, mut to) = (std::io::stdin().lock(), std::io::stdout().lock());
    let done = match unpacks {
        true => pack::unpack(how, &mut from, &mut to),
        false => pack::pack(how, &mut from, &mut to),
    };
    match done {
        Ok(_) => Exit::Done,
        // Whoever reads it is gone, and says itself why.
        Err(problem) if problem.kind() == std::io::ErrorKind::BrokenPipe => Exit::Wrong,
        Err(problem) => {
            terminal.tell(&format!("{how}: {problem}"));
            Exit::Wrong
        }
    }
}
