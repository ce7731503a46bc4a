//! What a text says, apart from its layout: its events in order, its comments in order.
//! Does not know how either is laid out.

use granit_parser::{Event, Options, Parser, ScanError};

use super::FormatError;

pub(super) struct Meaning<'a> {
    events: Vec<Event<'a>>,
    comments: Vec<String>,
}

impl<'a> Meaning<'a> {
    pub(super) fn read(text: &'a str) -> Result<Meaning<'a>, FormatError> {
        let mut meaning = Meaning { events: Vec::new(), comments: Vec::new() };
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(text, options()) {
            let (event, span) = next.map_err(|error| syntax(&error, text))?;
            match event {
                Event::Comment(comment, _) => meaning.comments.push(comment.trim_end().to_owned()),
                Event::DocumentStart(..) if documents == 1 => {
                    let at = span.start.byte_offset().unwrap_or(0).min(text.len());
                    return Err(FormatError::SeveralDocuments { at });
                }
                Event::DocumentStart(..) => {
                    documents += 1;
                    meaning.events.push(event);
                }
                event => meaning.events.push(event),
            }
        }
        Ok(meaning)
    }

    /// Reads the other text only as far as the two agree.
    pub(super) fn is_that_of(&self, other: &str) -> bool {
        let mut events = self.events.iter();
        let mut comments = self.comments.iter();
        let agrees = Parser::new_from_str_with_options(other, options()).all(|next| match next {
            Ok((Event::Comment(comment, _), _)) => {
                comments.next().is_some_and(|expected| expected == comment.trim_end())
            }
            Ok((event, _)) => events.next() == Some(&event),
            Err(_) => false,
        });
        agrees && events.next().is_none() && comments.next().is_none()
    }
}

/// An alias without an anchor is wrong, but no matter of layout; and a long list which somebody
/// commented out is no reason to refuse.
pub(super) fn options() -> Options {
    granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        max_buffered_comment_events: usize::MAX,
    }
}

fn syntax(error: &ScanError, text: &str) -> FormatError {
    let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
    FormatError::Syntax { at, message: error.info() }
}
