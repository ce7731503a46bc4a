//! Where a value inserted in a script gets to besides its own place: code for another program,
//! bash's arithmetic, the name of a program. Turns such contexts into ones that refuse values.
//! Follows variables, pipes and documents of this script; not files, nor what programs print.

use super::parser::{Parser, declares};
use super::program::{base, is_shell, lines, name};
use super::{Command, Context, UNKNOWN, Word};
use std::collections::BTreeSet;
use std::ops::Range;

/// Beyond this many places nothing is promised, so that a hostile script costs little.
const MAX_PLACES: usize = 4096;

pub(super) fn restrict(parser: &mut Parser<'_, '_>) {
    let trace = &parser.trace;
    let paths = trace.feeds.len() + trace.loops.len() + trace.lists.len();
    let places = trace.arithmetic.len() + trace.uses.len() + paths;
    if places + parser.commands.len() + parser.contexts.len() > MAX_PLACES {
        parser.contexts.fill(Context::Unknown);
        return;
    }
    let mut marks = Marks::default();
    for command in &parser.commands {
        marks.command(command);
        for line in lines(&command.words) {
            marks.head(&line[0], parser.bytes);
        }
        if let Some(by) = reads_code(command) {
            let fed = command.words.iter();
            let fed = fed.filter(|word| parser.bytes[word.range.clone()].starts_with(b"<("));
            fed.for_each(|word| marks.code(&word.range, by.to_owned()));
        }
    }
    for (text, consumers) in &parser.trace.feeds {
        let consumers = parser.commands.get(consumers.clone()).unwrap_or(&[]);
        for command in consumers {
            if let Some(by) = reads_code(command) {
                marks.feed(text, &parser.commands, by);
            }
        }
    }
    into_functions(parser, &mut marks);
    if let Some(function) = printing_code(parser, &marks) {
        // What it prints may come from anywhere.
        marks.code(&(0..parser.bytes.len()), format!("what reads the output of {function}"));
    }
    let arithmetic = |range: &Range<usize>| (range.clone(), Context::Arithmetic);
    marks.places.extend(parser.trace.arithmetic.iter().map(arithmetic));
    let flows = flows(parser);
    let names = reached_names(parser, &marks, &flows);
    for (name, range) in &flows {
        if names.contains(name.as_str()) {
            marks.code(range, format!("arithmetic or code that uses `{name}`"));
        }
    }
    let positional = names.iter().any(|name| name.starts_with(|one: char| !is_name_start(one)));
    if positional {
        for command in &parser.commands {
            let called = command.words.first().map_or("", |word| &*word.text);
            if called == "set" || parser.functions.iter().any(|function| function == called) {
                marks.code(&command.range, "arithmetic or code that uses an argument".into());
            }
        }
    }
    for ((hole, _), context) in parser.hole_ranges.iter().zip(&mut parser.contexts) {
        for (range, harder) in &marks.places {
            if range.start <= hole.start
                && hole.end <= range.end
                && strength(harder) > strength(context)
            {
                context.clone_from(harder);
            }
        }
    }
}

/// A function reads what it is given; where anything in the script takes its input for code, so may it.
fn into_functions(parser: &Parser<'_, '_>, marks: &mut Marks) {
    if !parser.commands.iter().any(|command| reads_code(command).is_some()) {
        return;
    }
    let is_call = |command: &Command<'_>| {
        let called = command.words.first().map_or("", |word| &*word.text);
        parser.functions.iter().any(|function| function == called)
    };
    let by = || "a function with a shell in it".to_owned();
    for command in parser.commands.iter().filter(|command| is_call(command)) {
        for redirection in &command.redirections {
            marks.code(&redirection.range, by());
            redirection.body.iter().for_each(|body| marks.code(body, by()));
        }
    }
    for (text, consumers) in &parser.trace.feeds {
        if parser.commands.get(consumers.clone()).unwrap_or(&[]).iter().any(is_call) {
            marks.code(text, by());
        }
    }
}

/// A function of this script that is called where what is printed is taken for code.
fn printing_code(parser: &Parser<'_, '_>, marks: &Marks) -> Option<String> {
    let called = |range: &Range<usize>| {
        let inside = parser
            .commands
            .iter()
            .filter(|command| range.start <= command.range.start && command.range.end <= range.end);
        let names = inside.filter_map(|command| command.words.first()).map(|word| &*word.text);
        let mut known = names.filter(|name| parser.functions.iter().any(|one| one == name));
        known.next().map(str::to_owned)
    };
    let code =
        marks.places.iter().filter(|(_, context)| matches!(context, Context::Evaluated { .. }));
    let feeds = parser.trace.feeds.iter().filter(|(_, consumers)| {
        let consumers = parser.commands.get(consumers.clone()).unwrap_or(&[]);
        consumers.iter().any(|command| reads_code(command).is_some())
    });
    code.map(|(range, _)| range).chain(feeds.map(|(text, _)| text)).find_map(called)
}

/// A context is only ever replaced by one that allows less.
fn strength(context: &Context) -> u8 {
    match context {
        Context::Bare
        | Context::SingleQuoted
        | Context::DoubleQuoted
        | Context::Heredoc { .. }
        | Context::Comment => 0,
        Context::Operand | Context::Program => 1,
        Context::Arithmetic => 2,
        Context::Evaluated { .. } => 3,
        Context::Parameter | Context::Backtick | Context::Unknown => 4,
    }
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

#[derive(Default)]
struct Marks {
    places: Vec<(Range<usize>, Context)>,
    /// Names of programs that come from variables.
    heads: Vec<Range<usize>>,
}

impl Marks {
    fn code(&mut self, range: &Range<usize>, by: String) {
        self.places.push((range.clone(), Context::Evaluated { by }));
    }

    fn words(&mut self, words: &[Word<'_>], by: &str) {
        words.iter().for_each(|word| self.code(&word.range, by.to_owned()));
    }

    fn unclear(&mut self, range: &Range<usize>) {
        self.places.push((range.clone(), Context::Unknown));
    }

    /// What a program is called: split at blanks, `$x` could name it and give it arguments.
    fn head(&mut self, word: &Word<'_>, bytes: &[u8]) {
        if word.is_literal {
            return;
        }
        let raw = &bytes[word.range.clone()];
        let mut quoted = false;
        let mut split = false;
        for byte in raw {
            quoted ^= *byte == b'"';
            split |= !quoted && matches!(byte, b'$' | b'`');
        }
        if split || !word.text.contains('/') {
            self.heads.push(word.range.clone());
        }
        if raw.contains(&b'(') {
            self.unclear(&word.range);
        }
    }

    fn command(&mut self, command: &Command<'_>) {
        for assignment in &command.assignments {
            if runs_its_value(&assignment.name) {
                self.code(&assignment.range, assignment.name.to_string());
            }
        }
        for line in lines(&command.words) {
            self.program(command, line);
            self.arguments(line);
        }
        // `find … -exec sh -c …`, `docker run x sh -c …` and whoever else passes a shell on.
        let last = command.words.len();
        for at in 1..last {
            if is_shell(base(&command.words[at].text)) {
                self.shell(&command.words[at..]);
            }
        }
        if let Some(by) = reads_code(command) {
            for redirection in &command.redirections {
                self.code(&redirection.range, by.to_owned());
                redirection.body.iter().for_each(|body| self.code(body, by.to_owned()));
            }
        }
    }

    fn program(&mut self, command: &Command<'_>, line: &[Word<'_>]) {
        let Some(program) = line.first().filter(|word| word.has_hole) else { return };
        if program.text.contains('/') {
            return;
        }
        let whole = program.text.chars().eq([UNKNOWN]) && !program.is_quoted;
        if whole {
            self.places.push((program.range.clone(), Context::Program));
        } else {
            self.unclear(&program.range);
        }
        for word in command.words.iter().filter(|word| word.range != program.range) {
            self.code(&word.range, "a program that a value names".into());
        }
    }

    fn arguments(&mut self, line: &[Word<'_>]) {
        let (by, rest) = (name(line), line.get(1..).unwrap_or(&[]));
        match by {
            "eval" | "alias" | "watch" | "parallel" | "at" | "batch" | "fc" => self.words(rest, by),
            "trap" => self.words(rest.get(..1).unwrap_or(&[]), by),
            "let" => rest.iter().for_each(|word| {
                self.places.push((word.range.clone(), Context::Arithmetic));
            }),
            "unset" | "read" | "mapfile" | "readarray" | "getopts" | "wait" | "enable" | "bind"
            | "complete" | "compgen" => rest.iter().for_each(|word| self.unclear(&word.range)),
            "printf" => self.after_option(rest, &["-v"]),
            "[" | "test" => self.test(rest),
            "ssh" => self.remote(line),
            "su" | "script" | "flock" => self.option_values(rest, by, &["-c", "--command"]),
            "python" | "python2" | "python3" => self.option_values(rest, by, &["-c"]),
            "perl" | "ruby" | "lua" => self.cluster_values(rest, by, "eE"),
            "node" | "deno" => self.option_values(rest, by, &["-e", "-p", "--eval", "--print"]),
            "php" => self.option_values(rest, by, &["-r", "-B", "-R", "-E"]),
            "psql" => self.option_values(rest, by, &["-c", "--command"]),
            "mysql" | "mariadb" => self.option_values(rest, by, &["-e", "--execute"]),
            "mongosh" | "mongo" => self.option_values(rest, by, &["--eval"]),
            "sqlite3" => self.words(rest, by),
            "awk" | "gawk" | "mawk" | "nawk" => self.script_operand(rest, by, "vFf"),
            "sed" => {
                self.option_values(rest, by, &["-e", "--expression"]);
                self.script_operand(rest, by, "fl");
            }
            _ if is_shell(by) => self.shell(line),
            _ if declares(by) => self.declaration(rest),
            _ => {}
        }
    }

    /// Values of options; a value may be attached to its option. What might become such an option
    /// itself is refused too.
    fn option_values(&mut self, rest: &[Word<'_>], by: &str, options: &[&str]) {
        let mut next = false;
        for word in rest {
            let text = &*word.text;
            let attached = options.iter().any(|option| text.starts_with(option));
            if next || attached {
                self.code(&word.range, by.to_owned());
            }
            next = options.contains(&text);
        }
    }

    /// As above, for letters that may stand in a cluster: `perl -pie`.
    fn cluster_values(&mut self, rest: &[Word<'_>], by: &str, letters: &str) {
        let mut next = false;
        for word in rest {
            let cluster = word.text.strip_prefix('-').filter(|text| !text.starts_with('-'));
            let here = cluster.is_some_and(|text| text.contains(|one| letters.contains(one)));
            if next || here {
                self.code(&word.range, by.to_owned());
            }
            next = here;
        }
    }

    /// The first operand is a program in the language of `by`.
    fn script_operand(&mut self, rest: &[Word<'_>], by: &str, letters: &str) {
        let mut skip = false;
        for word in rest {
            let text = &*word.text;
            if skip {
                skip = false;
            } else if let Some(option) = text.strip_prefix('-') {
                skip = option.len() == 1 && letters.contains(option);
            } else {
                self.code(&word.range, by.to_owned());
                return;
            }
        }
    }

    fn after_option(&mut self, rest: &[Word<'_>], options: &[&str]) {
        for pair in rest.windows(2) {
            if options.contains(&&*pair[0].text) {
                self.unclear(&pair[1].range);
            }
        }
        // `-v` itself could be the value.
        if let [first, second, ..] = rest
            && first.has_hole
            && second.has_hole
        {
            self.unclear(&second.range);
        }
    }

    /// `[ -v a[$(…)] ]` runs the command; so would two values side by side.
    fn test(&mut self, rest: &[Word<'_>]) {
        for pair in rest.windows(2) {
            if matches!(&*pair[0].text, "-v" | "-R") || (pair[0].has_hole && pair[1].has_hole) {
                self.unclear(&pair[1].range);
            }
        }
    }

    fn shell(&mut self, line: &[Word<'_>]) {
        let by = name(line);
        let rest = line.get(1..).unwrap_or(&[]);
        let mut runs = false;
        for word in rest {
            let text = &*word.text;
            if text == "--" {
                continue;
            }
            if text.starts_with(['-', '+']) {
                runs |= text.contains('c') && !text.starts_with("--");
                continue;
            }
            if runs {
                self.code(&word.range, by.to_owned());
            } else if text.starts_with(UNKNOWN) && !text.contains('/') {
                // It could be `-c`.
                self.leading(word);
            }
            return;
        }
    }

    /// A word that must not turn out to be an option.
    fn leading(&mut self, word: &Word<'_>) {
        if word.has_hole && word.text.starts_with(UNKNOWN) {
            let bare = !word.is_quoted && word.text.chars().eq([UNKNOWN]);
            if bare {
                self.places.push((word.range.clone(), Context::Operand));
            } else {
                self.unclear(&word.range);
            }
        }
    }

    fn remote(&mut self, line: &[Word<'_>]) {
        let inner = lines(line).nth(1).unwrap_or(&[]);
        self.words(inner, "ssh");
        let ahead = &line[1..line.len() - inner.len()];
        self.after_option(ahead, &["-o"]);
        ahead.iter().for_each(|word| self.leading(word));
    }

    fn declaration(&mut self, rest: &[Word<'_>]) {
        let attributes = rest.iter().any(|word| {
            word.text.starts_with('-') && word.text.contains(['a', 'A', 'i', 'n', UNKNOWN])
        });
        for word in rest {
            let named = word.text.split_once('=').is_some_and(|(name, _)| !name.contains(UNKNOWN));
            let special = word.text.split('=').next().is_some_and(runs_its_value);
            if attributes || !named || special {
                self.unclear(&word.range);
            }
        }
    }

    /// What the parts of a pipe before a reader of code print. Dumps and copies do not print what
    /// they are called with.
    fn feed(&mut self, text: &Range<usize>, commands: &[Command<'_>], by: &str) {
        self.code(text, by.to_owned());
        let inside = |range: &Range<usize>| text.start <= range.start && range.end <= text.end;
        let quiet = |command: &&Command<'_>| {
            inside(&command.range) && lines(&command.words).all(|line| is_quiet(name(line)))
        };
        let spared: Vec<&Command<'_>> = commands.iter().filter(quiet).collect();
        let whole = commands.iter().filter(|command| inside(&command.range));
        let loud = whole.clone().any(|command| !is_quiet_command(command));
        if !loud && !spared.is_empty() {
            self.places.pop();
        }
        for command in whole {
            for redirection in &command.redirections {
                redirection.body.iter().for_each(|body| self.code(body, by.to_owned()));
            }
        }
    }
}

/// Names the values of which bash or a common program runs.
fn runs_its_value(name: &str) -> bool {
    const NAMES: [&str; 17] = [
        "PS0",
        "PS1",
        "PS2",
        "PS3",
        "PS4",
        "PROMPT_COMMAND",
        "BASH_ENV",
        "ENV",
        "SHELLOPTS",
        "BASHOPTS",
        "LD_PRELOAD",
        "GIT_SSH_COMMAND",
        "GIT_EDITOR",
        "PAGER",
        "EDITOR",
        "VISUAL",
        "GIT_PAGER",
    ];
    NAMES.contains(&name) || name.starts_with("BASH_FUNC_")
}

/// The name of the program if it takes its input for code.
fn reads_code<'c>(command: &'c Command<'_>) -> Option<&'c str> {
    lines(&command.words).map(name).find(|name| {
        is_shell(name)
            || matches!(
                *name,
                "ssh"
                    | "su"
                    | "eval"
                    | "source"
                    | "."
                    | "at"
                    | "batch"
                    | "crontab"
                    | "parallel"
                    | "python"
                    | "python2"
                    | "python3"
                    | "perl"
                    | "ruby"
                    | "node"
                    | "php"
                    | "lua"
                    | "psql"
                    | "mysql"
                    | "mariadb"
                    | "sqlite3"
                    | "mongosh"
                    | "mongo"
            )
    })
}

fn is_quiet(name: &str) -> bool {
    matches!(
        name,
        "pg_dump"
            | "pg_dumpall"
            | "pg_restore"
            | "mysqldump"
            | "mariadb-dump"
            | "cat"
            | "zcat"
            | "gunzip"
            | "gzip"
            | "bunzip2"
            | "bzip2"
            | "bzcat"
            | "xz"
            | "unxz"
            | "xzcat"
            | "zstd"
            | "zstdcat"
            | "pigz"
            | "lz4"
            | "pv"
            | "curl"
            | "wget"
            | "tar"
            | "dd"
            | "openssl"
            | "gpg"
            | "age"
            | "sudo"
            | "docker"
            | "docker-compose"
            | "timeout"
            | "nice"
            | "ionice"
    )
}

fn is_quiet_command(command: &Command<'_>) -> bool {
    let documents = command.redirections.iter().any(|one| one.operator.starts_with("<<"));
    !documents
        && !command.words.is_empty()
        && lines(&command.words).all(|line| is_quiet(name(line)))
}

/// Variables and the text that their values come from.
fn flows(parser: &Parser<'_, '_>) -> Vec<(String, Range<usize>)> {
    let text = |range: &Range<usize>| {
        String::from_utf8_lossy(parser.bytes.get(range.clone()).unwrap_or(&[])).into_owned()
    };
    let mut flows = Vec::new();
    for command in &parser.commands {
        for assignment in &command.assignments {
            flows.push((assignment.name.to_string(), assignment.range.clone()));
        }
        let Some(first) = command.words.first() else { continue };
        if declares(&first.text) {
            for word in &command.words[1..] {
                let name = word.text.split(['=', '+', '[']).next().unwrap_or("");
                flows.push((name.to_owned(), word.range.clone()));
            }
        }
        for name in names_read(command) {
            flows.push((name.to_owned(), command.range.clone()));
            for redirection in &command.redirections {
                flows.extend(redirection.body.iter().map(|body| (name.to_owned(), body.clone())));
            }
        }
    }
    for (feed, consumers) in &parser.trace.feeds {
        for command in parser.commands.get(consumers.clone()).unwrap_or(&[]) {
            flows.extend(names_read(command).map(|name| (name.to_owned(), feed.clone())));
        }
    }
    let named = parser.trace.loops.iter().chain(&parser.trace.lists);
    flows.extend(named.map(|(name, words)| (text(name), words.clone())));
    flows
}

fn names_read<'c>(command: &'c Command<'_>) -> impl Iterator<Item = &'c str> {
    let first = command.words.first().map_or("", |word| &*word.text);
    let reads = matches!(first, "read" | "mapfile" | "readarray" | "printf");
    let words = command.words.iter().skip(1).filter(move |_| reads);
    let unnamed = (first == "read").then_some("REPLY");
    let unnamed = unnamed.or((first == "mapfile" || first == "readarray").then_some("MAPFILE"));
    words.map(|word| &*word.text).filter(|text| text.starts_with(is_name_start)).chain(unnamed)
}

/// Names whose values end up in arithmetic or in code, directly or by way of other names.
fn reached_names(
    parser: &Parser<'_, '_>,
    marks: &Marks,
    flows: &[(String, Range<usize>)],
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let text = |range: &Range<usize>| {
        String::from_utf8_lossy(parser.bytes.get(range.clone()).unwrap_or(&[])).into_owned()
    };
    let uses = |range: &Range<usize>, names: &mut BTreeSet<String>| {
        let inside = parser.trace.uses.iter();
        let inside = inside.filter(|one| range.start <= one.start && one.end <= range.end);
        names.extend(inside.map(text));
    };
    for (range, context) in &marks.places {
        match context {
            Context::Arithmetic => {
                let whole = text(range);
                let parts = whole.split(|one: char| !is_name_start(one) && !one.is_ascii_digit());
                let named = parts.filter(|part| part.starts_with(is_name_start));
                names.extend(named.map(str::to_owned));
                uses(range, &mut names);
            }
            _ => uses(range, &mut names),
        }
    }
    marks.heads.iter().for_each(|range| uses(range, &mut names));
    let integers = parser.commands.iter().filter(|command| {
        command.words.first().is_some_and(|word| declares(&word.text))
            && command
                .words
                .iter()
                .any(|word| word.text.starts_with('-') && word.text.contains('i'))
    });
    for command in integers {
        let declared = command.words[1..].iter().map(|word| &*word.text);
        names.extend(declared.filter_map(|text| text.split('=').next()).map(str::to_owned));
    }
    loop {
        let before = names.len();
        for (name, range) in flows {
            if names.contains(name) {
                uses(range, &mut names);
            }
        }
        if names.len() == before {
            return names;
        }
    }
}
