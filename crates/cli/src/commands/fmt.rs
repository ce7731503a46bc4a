//! `plan fmt`: the one way to write a plan, comments kept. Writes a file beside and renames it.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use plan_model::diagnostic::Diagnostic;
use plan_model::folder::{Folder, SIZE_LIMIT, decode};
use plan_model::format::{FormatError, format};
use plan_model::source::{Sources, Span};

use super::validate::files_of;
use crate::args::Fmt;
use crate::disk::Disk;
use crate::exit::Exit;
use crate::render::human;
use crate::terminal::Terminal;

pub fn run(args: &Fmt, terminal: &mut Terminal) -> Exit {
    let mut exit = Exit::Done;
    let files: Vec<String> = args.plans.iter().flat_map(|name| files_of(name)).collect();
    for file in &files {
        let Some(text) = text_of(file, terminal) else {
            exit = Exit::Wrong;
            continue;
        };
        let formatted = match format(&text) {
            Ok(formatted) => formatted,
            Err(error) => {
                refuse(file, text, &error, terminal);
                exit = Exit::Wrong;
                continue;
            }
        };
        if file == "-" {
            terminal.say(&formatted);
        } else if formatted == text {
            continue;
        } else if args.check {
            terminal.line(&format!("{file}: would be formatted"));
            exit = Exit::Wrong;
        } else if let Err(error) = replace(Path::new(file), &formatted) {
            terminal
                .tell(&format!("error: cannot write {file}: {error}\nhelp: the file is as it was"));
            exit = Exit::Wrong;
        } else {
            terminal.line(&format!("{file}: formatted"));
        }
    }
    if args.check && exit == Exit::Wrong {
        terminal.tell("help: `plan fmt` writes them");
    }
    exit
}

fn text_of(file: &str, terminal: &mut Terminal) -> Option<String> {
    let bytes = if file == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(SIZE_LIMIT).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|error| error.to_string())
    } else {
        Disk.read(file).map_err(|problem| problem.to_string())
    };
    match bytes {
        Ok(bytes) => match decode(bytes) {
            // A byte-order mark is taken away by `decode`; the formatter would do the same.
            Ok(text) => Some(text),
            Err((_, problem)) => {
                terminal
                    .tell(&format!("error: {file}: {}\nhelp: {}", problem.message, problem.help));
                None
            }
        },
        Err(problem) => {
            terminal.tell(&format!(
                "error: cannot read {file}: {problem}\nhelp: give plan files, folders of them, or -"
            ));
            None
        }
    }
}

fn refuse(file: &str, text: String, error: &FormatError, terminal: &mut Terminal) {
    let mut sources = Sources::default();
    let id = sources.add(file, text);
    let span = Span::new(id, error.at(), error.at() + 1);
    let diagnostic =
        Diagnostic::error("yaml-syntax", span, error.to_string()).help("`plan validate` says more");
    terminal.tell(&human::one(&human::renderer(), &sources, &diagnostic));
}

/// Nobody ever finds half a file: the new text is written beside, made durable, and renamed.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let written = (|| {
        let mut file = fs::File::create_new(&aside)?;
        file.set_permissions(fs::metadata(&path)?.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, &path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written
}
