//! Notes in the comments that head a script: title, author, date, and why there is no way back.
//! Does not know the statements.

use std::ops::Range;

use super::fact::{Header, Noted};

pub(super) fn read(text: &str, comments: &[Range<usize>], first_statement: usize) -> Header {
    let mut header = Header::default();
    let leading = comments.iter().take_while(|comment| comment.end <= first_statement);
    for comment in leading {
        let mut start = comment.start;
        for line in text.get(comment.clone()).unwrap_or("").split_inclusive('\n') {
            header.note(line, start);
            start += line.len();
        }
    }
    header
}

impl Header {
    /// The first note of a kind counts.
    fn note(&mut self, line: &str, start: usize) {
        let shown = line.trim_matches(|sign: char| sign.is_whitespace() || "-#/*=!".contains(sign));
        if shown.is_empty() {
            return;
        }
        let at = start + line.find(shown).unwrap_or(0);
        let (label, value) = shown.split_once(':').unwrap_or(("", shown));
        let slot = match label.trim().to_lowercase().as_str() {
            "auteur" | "auteurs" | "author" | "authors" => &mut self.author,
            "date" => &mut self.date,
            "irreversible" | "irréversible" => &mut self.irreversible,
            _ if self.title.is_none() => {
                self.title = Some(Noted { value: shown.to_owned(), range: at..at + shown.len() });
                return;
            }
            _ => return,
        };
        let value = value.trim();
        if slot.is_none() && !value.is_empty() {
            *slot = Some(Noted { value: value.to_owned(), range: at..at + shown.len() });
        }
    }
}
