//! What a person did when the YAML parser stops: the mistake in plain words, marked where it was
//! made, with what to write instead. Guesses from the text around; never changes what is accepted.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// The mistake behind a parser's error.
struct Mistake {
    at: Range<usize>,
    message: String,
    help: String,
    /// Another place that belongs to it, such as the bracket that is not closed.
    related: Option<(Range<usize>, &'static str)>,
}

pub fn diagnostic(file: FileId, text: &str, error: &ScanError) -> Diagnostic {
    let byte = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let Mistake { at, message, help, related } = Place::new(text, byte).mistake(error);
    let span = |range: Range<usize>| Span::new(file, range.start, range.end);
    let mut diagnostic =
        Diagnostic::error("yaml-syntax", span(at), format!("this is not valid YAML: {message}"))
            .help(help);
    if let Some((range, label)) = related {
        diagnostic = diagnostic.related(span(range), label);
    }
    diagnostic
}

/// Where the parser stopped, with its line.
struct Place<'t> {
    text: &'t str,
    at: usize,
    line_start: usize,
    /// Without its line end.
    line: &'t str,
}

impl<'t> Place<'t> {
    fn new(text: &'t str, at: usize) -> Self {
        // A carriage return alone ends a line too.
        let line_start = text[..at].rfind(['\n', '\r']).map_or(0, |before| before + 1);
        let line = text[line_start..].split(['\n', '\r']).next().unwrap_or("");
        Place { text, at, line_start, line }
    }

    fn mistake(&self, error: &ScanError) -> Mistake {
        self.by_text().unwrap_or_else(|| self.by_kind(error))
    }

    /// Mistakes that the text shows, whatever the parser says about them.
    fn by_text(&self) -> Option<Mistake> {
        let conflict = ["<<<<<<<", "=======", ">>>>>>>"];
        if conflict.iter().any(|mark| self.line.starts_with(mark)) {
            return Some(self.whole_line(
                "this is the mark of a merge conflict",
                "decide between the two sides and remove the lines `<<<<<<<`, `=======`, `>>>>>>>`",
            ));
        }
        let indent = self.indent();
        if self.line[..indent].contains('\t') {
            return Some(Mistake {
                at: self.line_start..self.line_start + indent,
                message: "a tab cannot indent a line".to_owned(),
                help: "indent with spaces".to_owned(),
                related: None,
            });
        }
        if self.line.contains("{{") {
            return Some(Mistake {
                at: self.one_character(),
                message: "a value that starts with `{{` is read as a map".to_owned(),
                help: "put the whole value in quotes: \"{{ name }}\"".to_owned(),
                related: None,
            });
        }
        None
    }

    fn by_kind(&self, error: &ScanError) -> Mistake {
        match error.kind() {
            ErrorKind::UnknownAnchor => self.word(
                |word| format!("nothing above is named `{}` for `{word}` to repeat", &word[1..]),
                |word| format!("a text that starts with `*` needs quotes: \"{word}\""),
            ),
            ErrorKind::UnexpectedCharacter { character } if character.is_control() => Mistake {
                at: self.one_character(),
                message: format!("the control character U+{:04X} stands here", *character as u32),
                help: "remove it".to_owned(),
                related: None,
            },
            ErrorKind::UnexpectedCharacter { character } => {
                let character = *character;
                self.word(
                    |_| match character {
                        '`' => "a text without quotes cannot start with a backtick".to_owned(),
                        other => format!("a text without quotes cannot start with `{other}`"),
                    },
                    |word| format!("put it in quotes: \"{word}\""),
                )
            }
            ErrorKind::UnknownQuotedScalarEscape
            | ErrorKind::InvalidQuotedScalarHexEscape
            | ErrorKind::InvalidUnicodeEscape => Mistake {
                at: self.bad_escape().unwrap_or_else(|| self.one_character()),
                message: "this backslash begins no known escape".to_owned(),
                help: "write single quotes, in which a backslash is a backslash, or `\\\\`".to_owned(),
                related: None,
            },
            ErrorKind::InvalidTrailingSingleQuotedScalar => Mistake {
                at: self.one_character(),
                message: "the text goes on behind its closing quote".to_owned(),
                help: "inside single quotes a quote is written twice, as in 'the shop''s disk'".to_owned(),
                related: None,
            },
            ErrorKind::InvalidTrailingDoubleQuotedScalar => Mistake {
                at: self.one_character(),
                message: "the text goes on behind its closing quote".to_owned(),
                help: "inside double quotes a quote is written `\\\"`; or put the whole in single quotes".to_owned(),
                related: None,
            },
            ErrorKind::UnclosedQuotedScalar
            | ErrorKind::InvalidQuotedScalarIndent
            | ErrorKind::DocumentIndicatorInQuotedScalar => self.unclosed_quote(),
            ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::InvalidColonPlacement
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofImplicitFlowMapping
            | ErrorKind::InvalidFlowScalarIndent
            | ErrorKind::BlockEntryInFlowCollection => self.unclosed_bracket(),
            ErrorKind::MismatchedFlowCollectionEnd { open, close } => Mistake {
                at: self.one_character(),
                message: format!("`{open}` is closed by `{close}`"),
                help: "close each bracket with its own kind".to_owned(),
                related: None,
            },
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => self.key_without_colon(),
            ErrorKind::MappingValueNotAllowed => self.unexpected_colon(),
            ErrorKind::InvalidBlockScalarHeader => Mistake {
                at: self.at..self.line_start + self.line.len(),
                message: "more stands behind `|` or `>` than belongs there".to_owned(),
                help: "write `|` (lines stay lines) or `>` (lines are joined), and the text on the next lines".to_owned(),
                related: None,
            },
            ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::InvalidIndentation => self.indentation(),
            other => Mistake {
                at: self.one_character(),
                message: other.to_string(),
                help: "look at the indentation, quotes and brackets here and on the line above"
                    .to_owned(),
                related: None,
            },
        }
    }

    fn indent(&self) -> usize {
        self.line.len() - self.line.trim_start().len()
    }

    fn one_character(&self) -> Range<usize> {
        let next = self.text[self.at..].chars().next().filter(|c| !matches!(c, '\n' | '\r'));
        self.at..self.at + next.map_or(0, char::len_utf8)
    }

    fn whole_line(&self, message: &str, help: &str) -> Mistake {
        let end = self.line.trim_end().len();
        // A blank line is all indentation.
        let start = self.indent().min(end);
        Mistake {
            at: self.line_start + start..self.line_start + end,
            message: message.to_owned(),
            help: help.to_owned(),
            related: None,
        }
    }

    /// The word where the parser stopped, as far as it is one text.
    fn word(
        &self,
        message: impl FnOnce(&str) -> String,
        help: impl FnOnce(&str) -> String,
    ) -> Mistake {
        let rest = &self.text[self.at..self.line_start.max(self.at).max(self.line_end())];
        let length = rest.find([' ', ',', ']', '}']).unwrap_or(rest.len());
        let word = &rest[..length];
        if word.is_empty() {
            return Mistake {
                at: self.one_character(),
                message: "nothing can start here".to_owned(),
                help: "put the text in quotes".to_owned(),
                related: None,
            };
        }
        Mistake {
            at: self.at..self.at + length,
            message: message(word),
            help: help(&word.replace('\\', "\\\\").replace('"', "\\\"")),
            related: None,
        }
    }

    fn line_end(&self) -> usize {
        self.line_start + self.line.len()
    }

    /// The parser names the quote that opened the text; the escape stands behind it.
    fn bad_escape(&self) -> Option<Range<usize>> {
        let rest = &self.text[self.at..];
        let mut letters = rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            if letter != '\\' {
                continue;
            }
            let (_, escaped) = letters.next()?;
            if !"0abt\tnvfre \"/\\N_LPxuU\n\r".contains(escaped) {
                let start = self.at + at;
                return Some(start..start + 1 + escaped.len_utf8());
            }
        }
        None
    }

    fn unclosed_quote(&self) -> Mistake {
        let opening = self.lines_above().find_map(|(start, line)| {
            let quote = odd_quote(line)?;
            Some(start + quote..start + quote + 1)
        });
        let at = opening.clone().unwrap_or_else(|| self.one_character());
        Mistake {
            at,
            message: "this quote is never closed".to_owned(),
            help: "close it on the same line".to_owned(),
            related: opening.map(|_| (self.one_character(), "the text still goes on here")),
        }
    }

    fn unclosed_bracket(&self) -> Mistake {
        let before = &self.line[..self.at - self.line_start];
        if open_bracket(before).is_some() && open_bracket(self.line).is_none() {
            return Mistake {
                at: self.one_character(),
                message: "something is wrong between these brackets".to_owned(),
                help: "put commas between the parts, and quotes around texts with `:`, `,` or brackets"
                    .to_owned(),
                related: open_bracket(before).map(|at| {
                    let at = self.line_start + at;
                    (at..at + 1, "the bracket opens here")
                }),
            };
        }
        let opening = self
            .lines_above()
            .find_map(|(start, line)| open_bracket(line).map(|at| start + at..start + at + 1));
        match opening {
            Some(opening) if opening.start != self.at => Mistake {
                at: opening,
                message: "this bracket is never closed".to_owned(),
                help: "close it, or put the text that it belongs to in quotes".to_owned(),
                related: Some((self.one_character(), "the list or map still goes on here")),
            },
            opening => Mistake {
                message: match opening {
                    Some(_) => "this bracket is never closed".to_owned(),
                    None => "something is missing between these brackets".to_owned(),
                },
                at: opening.unwrap_or_else(|| self.one_character()),
                help: "close each bracket, put commas between, and quotes around texts with signs"
                    .to_owned(),
                related: None,
            },
        }
    }

    fn key_without_colon(&self) -> Mistake {
        let written = self.line.trim();
        match written.split_once(' ') {
            Some((key, value)) if !value.is_empty() => self.whole_line(
                "this line has no colon behind its key",
                &format!("write `{key}: {value}`"),
            ),
            _ => self.whole_line(
                "this line has no colon behind its key",
                &format!("write `{written}:` and a value behind it"),
            ),
        }
    }

    fn unexpected_colon(&self) -> Mistake {
        let above = self.line_above().unwrap_or("");
        let hyphen = above.trim_start().strip_prefix('-');
        if hyphen.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())) {
            let start = self.line_start - above.len() - 1;
            let start = start + above.len() - above.trim_start().len();
            return Mistake {
                at: start..start + 1,
                message: "a list item has a space behind its hyphen".to_owned(),
                help: format!("write `- {}`", hyphen.unwrap_or("").trim_end()),
                related: Some((self.one_character(), "so this key belongs to nothing")),
            };
        }
        let help = if self.line.matches(": ").count() > 1 {
            "a text that holds `: ` needs quotes around it"
        } else {
            "look at the indentation: this line stands further in than the key above it allows"
        };
        Mistake {
            at: self.one_character(),
            message: "a colon cannot stand here".to_owned(),
            help: help.to_owned(),
            related: None,
        }
    }

    fn indentation(&self) -> Mistake {
        let own = self.indent();
        let above = self.line_above().unwrap_or("");
        let other = above.len() - above.trim_start().len();
        if self.at != self.line_start + own || own == other {
            return Mistake {
                at: self.one_character(),
                message: "neither a new key nor a new list item starts here".to_owned(),
                help: "look at the indentation, quotes and brackets here and on the line above"
                    .to_owned(),
                related: None,
            };
        }
        let spaces = |count: usize| match count {
            1 => "1 space".to_owned(),
            count => format!("{count} spaces"),
        };
        self.whole_line(
            "the indentation of this line fits nothing above it",
            &format!(
                "it has {}, the line above has {}: make the keys of one map stand in one column",
                spaces(own),
                spaces(other)
            ),
        )
    }

    fn line_above(&self) -> Option<&'t str> {
        let above = self.text.get(..self.line_start.checked_sub(1)?)?;
        Some(above.rsplit('\n').next().unwrap_or(above))
    }

    /// The line itself up to where the parser stopped, then those above it, nearest first.
    fn lines_above(&self) -> impl Iterator<Item = (usize, &'t str)> + use<'t> {
        const FAR: usize = 200;
        let text = self.text;
        let first = (self.line_start, &text[self.line_start..self.at]);
        let mut end = self.line_start.checked_sub(1);
        let above = std::iter::from_fn(move || {
            let to = end?;
            let start = text[..to].rfind('\n').map_or(0, |at| at + 1);
            end = start.checked_sub(1);
            Some((start, &text[start..to]))
        });
        let own = (self.line_start, self.line);
        [first, own].into_iter().chain(above).take(FAR)
    }
}

/// The quote of a line that has no partner.
fn odd_quote(line: &str) -> Option<usize> {
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match open {
            Some((_, quote)) if letter == quote && before != '\\' => open = None,
            None if matches!(letter, '"' | '\'') && !before.is_alphanumeric() => {
                open = Some((at, letter));
            }
            None if letter == '#' && before == ' ' => break,
            _ => {}
        }
        before = letter;
    }
    open.map(|(at, _)| at)
}

/// The first bracket of a line that the line does not close.
fn open_bracket(line: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match quote {
            Some(other) if letter == other => quote = None,
            Some(_) => {}
            None => match letter {
                '"' | '\'' if !before.is_alphanumeric() => quote = Some(letter),
                '[' | '{' => open.push(at),
                ']' | '}' => drop(open.pop()),
                '#' if before == ' ' => break,
                _ => {}
            },
        }
        before = letter;
    }
    open.first().copied()
}
