//! The only doors to stdout and stderr: what was asked goes to the first, the rest to the second.

#![allow(clippy::disallowed_methods, reason = "this is the door that the others must use")]

use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;

use crate::args::ColorChoice;
use crate::exit::Exit;

pub struct Terminal {
    out: AutoStream<io::Stdout>,
    /// Written in large pieces: a plan of 10,000 steps is many lines.
    pending: Vec<u8>,
    err: AutoStream<io::Stderr>,
    /// The reader of our output has gone away: nothing more to say, and no reason to complain.
    gone: bool,
}

impl Terminal {
    pub fn new(color: ColorChoice) -> Terminal {
        let choice = |auto: anstream::ColorChoice| match color {
            ColorChoice::Auto => auto,
            ColorChoice::Always => anstream::ColorChoice::AlwaysAnsi,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        let stdout = io::stdout();
        let out = choice(AutoStream::choice(&stdout));
        let stderr = io::stderr();
        let err = choice(AutoStream::choice(&stderr));
        Terminal {
            out: AutoStream::new(stdout, out),
            pending: Vec::new(),
            err: AutoStream::new(stderr, err),
            gone: false,
        }
    }

    /// What was asked for.
    pub fn say(&mut self, text: &str) {
        self.write(text.as_bytes());
    }

    pub fn line(&mut self, text: &str) {
        self.write(text.as_bytes());
        self.write(b"\n");
    }

    /// What helps a person, and is no part of the answer.
    pub fn tell(&mut self, text: &str) {
        let _ = self.flush();
        let _ = writeln!(self.err, "{text}");
    }

    fn write(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() > 64 * 1024 {
            self.gone |= self.flush().is_err();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        if self.gone {
            return Ok(());
        }
        self.out.write_all(&pending)?;
        self.out.flush()
    }

    /// Output that could not be written is a failure, unless its reader chose to stop reading.
    pub fn finish(mut self, exit: Exit) -> Exit {
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let _ = writeln!(self.err, "error: cannot write the output: {error}");
                Exit::Wrong
            }
            _ => exit,
        }
    }

    /// What was said so far is seen now.
    pub fn now(&mut self) {
        self.gone |= self.flush().is_err();
    }

    /// A text as the error stream shows it: with colours, or without.
    pub fn styled(&self, text: &str) -> String {
        match self.err.current_choice() {
            anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
            _ => text.to_owned(),
        }
    }

    /// Both streams lead to a person.
    pub fn is_attended() -> bool {
        io::stdout().is_terminal() && io::stderr().is_terminal()
    }

    /// Bars can be drawn and moved.
    pub fn can_draw() -> bool {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Terminal::is_attended() && !dumb
    }

    /// How many columns the terminal has now.
    pub fn columns() -> usize {
        usize::from(console::Term::stderr().size().1).max(20)
    }

    /// How many columns whoever reads stdout has; none where it is a pipe or a file.
    pub fn reader() -> Option<usize> {
        io::stdout().is_terminal().then(Terminal::width)
    }

    /// How wide text may be: as wide as is asked for, else as the terminal, and no wider than
    /// reads well.
    pub fn width() -> usize {
        const WIDEST: usize = 100;
        let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let seen = || {
            let terminals = [console::Term::stdout(), console::Term::stderr()];
            let size = terminals.iter().find_map(console::Term::size_checked)?;
            Some(usize::from(size.1).min(WIDEST))
        };
        asked.or_else(seen).filter(|columns| *columns >= 20).unwrap_or(WIDEST)
    }
}
