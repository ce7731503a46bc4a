//! A sentence whose quoted parts are kept apart, so that each output can escape and colour them.
//! Knows no output.

use std::fmt;

/// A quoted part is cut behind this many characters.
const LONG: usize = 72;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Our own words.
    Words(String),
    /// What somebody wrote in a plan: an id, a value, a script. One line.
    Code(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sentence(pub Vec<Part>);

impl Sentence {
    pub fn words(mut self, text: &str) -> Sentence {
        match self.0.last_mut() {
            Some(Part::Words(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.push(Part::Words(text.to_owned())),
        }
        self
    }

    pub fn code(mut self, text: &str) -> Sentence {
        self.0.push(Part::Code(one_line(text)));
        self
    }

    /// Our words, in which each `{}` is the next of the quoted texts.
    pub fn then(mut self, words: &str, codes: &[&str]) -> Sentence {
        let mut codes = codes.iter();
        for (at, piece) in words.split("{}").enumerate() {
            if at > 0 {
                self = self.code(codes.next().copied().unwrap_or_default());
            }
            self = self.words(piece);
        }
        self
    }
}

/// `say("step {} is new", &["code"])`
pub fn say(words: &str, codes: &[&str]) -> Sentence {
    Sentence::default().then(words, codes)
}

pub fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONG) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

/// Whether a sentence shows all of a text.
pub fn fits(text: &str) -> bool {
    one_line(text) == text
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Words(words) => write!(f, "{words}")?,
                Part::Code(code) => write!(f, "`{code}`")?,
            }
        }
        Ok(())
    }
}
