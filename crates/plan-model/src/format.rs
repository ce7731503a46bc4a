//! The layout of a plan's text, behind `plan fmt`: YAML in, the same YAML out, tidier.
//! Knows nothing of plans, schemas or files.
//!
//! Lines are never joined or broken, and keys, quotes and the choice between block and flow are
//! the author's. What changes is only the space between things:
//!
//! - line ends are LF, the byte order mark goes, the text ends with one line end;
//! - at most one blank line in a row, none at the start, none at the end;
//! - a block mapping or sequence stands 2 columns in from what holds it, also a sequence under
//!   a key; `- `, `? ` and `key: ` take one space, and nothing stands before a colon (but an alias,
//!   anchor or tag, whose name would swallow it, keeps one space there);
//! - `{ a: 1 }`, `[a, b]`, `{}`, `[]`; a long one is not broken. One that the author broke stands
//!   one level in from its block, as YAML demands of the closing bracket too, and its items one
//!   level further; where items follow the opening bracket on its line, the later ones stand
//!   below the first and the closing bracket below the opening one;
//! - a comment on a line of its own stands where the next node stands. Where blocks end before that
//!   node, the comment's column tells to which of them it belongs, so a commented-out last entry
//!   stays with its list;
//! - a comment behind something takes two spaces. Those (and the own-line comments directly below)
//!   which share a column within a screenful keep sharing it, further right if a line got longer;
//! - the text of a block scalar moves as a whole (its indentation indicator, if any, becomes 2),
//!   later lines of other scalars stand one level in from the block that holds them.
//!
//! The result is parsed again and compared with the original, event by event and comment by
//! comment; if it differed, or if formatting it again would change it, the text is returned as it
//! came, save for line ends.

mod layout;
mod meaning;
mod nesting;
mod page;
mod pieces;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use meaning::Meaning;

/// Why a text can not be formatted; `at` is a byte in the text as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormatError {
    /// Not YAML: an unclosed bracket, a tab as indentation, a wrong escape.
    Syntax { at: usize, message: String },
    /// A second document starts here; a plan is one document.
    SeveralDocuments { at: usize },
}

impl FormatError {
    pub fn at(&self) -> usize {
        match self {
            FormatError::Syntax { at, .. } | FormatError::SeveralDocuments { at } => *at,
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Syntax { message, .. } => f.write_str(message),
            FormatError::SeveralDocuments { .. } => {
                f.write_str("a second document starts here, a plan is one document")
            }
        }
    }
}

impl std::error::Error for FormatError {}

/// The text in good order. Formatting the result changes nothing.
pub fn format(text: &str) -> Result<String, FormatError> {
    Ok(match outcome(text)? {
        Outcome::LaidOut(text) | Outcome::Kept(text) => text,
    })
}

enum Outcome {
    LaidOut(String),
    /// The layout would have changed the meaning, so the text stayed as it was.
    Kept(String),
}

fn outcome(text: &str) -> Result<Outcome, FormatError> {
    let meaning = Meaning::read(text)?;
    let unmarked = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let laid_out = lay_out(&with_line_feeds(unmarked))
        .filter(|tidy| meaning.is_that_of(tidy) && lay_out(tidy).as_ref() == Some(tidy));
    Ok(match laid_out {
        Some(tidy) => Outcome::LaidOut(tidy),
        None => Outcome::Kept(with_tidy_line_ends(text, &meaning)),
    })
}

const BYTE_ORDER_MARK: char = '\u{feff}';

fn lay_out(text: &str) -> Option<String> {
    layout::lay_out(text, &pieces::cut(text)?)
}

fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

fn with_tidy_line_ends(text: &str, meaning: &Meaning) -> String {
    let mut tidy = with_line_feeds(text).into_owned();
    if !tidy.is_empty() && !tidy.ends_with('\n') {
        tidy.push('\n');
    }
    if meaning.is_that_of(&tidy) { tidy } else { text.to_owned() }
}
