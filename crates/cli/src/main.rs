//! The binary `plan`. Short on purpose: reads what was typed, runs one command, exits with its code.

mod args;
mod disk;
mod git_folder;
mod exit;
mod terminal;
mod theme;
mod render;
mod operate;
mod commands;

use clap::Parser;

fn main() -> std::process::ExitCode {
    let args = args::Args::parse();
    let mut terminal = terminal::Terminal::new(args.color);
    let exit = commands::run(args.command, &mut terminal);
    terminal.finish(exit).into()
}
