//! `plan completions` and `plan man`: made from the same definition as the help.

use clap::CommandFactory;

use crate::args::{Args, Completions, Man};
use crate::exit::Exit;
use crate::terminal::Terminal;

pub fn run(args: &Completions, terminal: &mut Terminal) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "plan", &mut text);
    terminal.say(&String::from_utf8_lossy(&text));
    Exit::Done
}

/// One page to standard output, or all of them into a folder.
pub fn man(args: &Man, terminal: &mut Terminal) -> Exit {
    let written = match &args.into {
        Some(folder) => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(Args::command(), folder)),
        None => {
            let mut text = Vec::new();
            let rendered = clap_mangen::Man::new(Args::command()).render(&mut text);
            terminal.say(&String::from_utf8_lossy(&text));
            rendered
        }
    };
    match written {
        Ok(()) => Exit::Done,
        Err(error) => super::wrong_call(
            terminal,
            &format!("cannot write the pages: {error}"),
            "name a folder that you may write",
        ),
    }
}
