//! How wide a text will be, in a font that nobody has seen yet. Errs on the wide side, so that
//! words stay in their boxes with Helvetica, Arial, Liberation Sans and what is like them.

use unicode_width::UnicodeWidthChar;

/// Advance widths of Helvetica for U+0020 to U+007E, in thousandths of the size.
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// A size and a weight; the two are never apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    pub size: f64,
    pub bold: bool,
}

impl Face {
    pub const fn regular(size: f64) -> Face {
        Face { size, bold: false }
    }

    pub const fn bold(size: f64) -> Face {
        Face { size, bold: true }
    }

    pub fn width(self, text: &str) -> f64 {
        let thousandths: f64 = text.chars().map(advance).sum();
        let reserve = if self.bold { 1.15 } else { 1.08 };
        thousandths * self.size * reserve / 1000.0
    }

    /// As much of a text as fits; the dots say that something is missing.
    pub fn cut(self, text: &str, room: f64) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let mut out = String::new();
        for c in text.chars() {
            out.push(c);
            if self.width(&out) + self.width("…") > room {
                out.pop();
                break;
            }
        }
        out.truncate(out.trim_end().len());
        out.push('…');
        out
    }

    /// Broken at spaces into a few lines at most; the last one is cut.
    pub fn lines(self, text: &str, room: f64, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() && lines.len() < most {
            if lines.len() + 1 == most {
                lines.push(self.cut(rest, room));
                break;
            }
            let line = self.first_line(rest, room);
            rest = rest[line.len()..].trim_start();
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// As many words as fit; of a word that is too long by itself, as many letters.
    fn first_line(self, text: &str, room: f64) -> &str {
        if self.width(text) <= room {
            return text;
        }
        let mut fits = 0;
        for (at, c) in text.char_indices() {
            let end = at + c.len_utf8();
            let is_place = c == ' ' || (matches!(c, '/' | '-') && at > 0);
            let piece = if c == ' ' { &text[..at] } else { &text[..end] };
            if self.width(piece) > room {
                break;
            }
            if is_place {
                fits = piece.len();
            }
        }
        if fits > 0 {
            return &text[..fits];
        }
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = ends.take_while(|end| self.width(&text[..*end]) <= room).last();
        let first = text.chars().next().map_or(0, char::len_utf8);
        &text[..end.unwrap_or(first)]
    }
}

fn advance(c: char) -> f64 {
    let code = u32::from(c);
    if (0x20..0x7F).contains(&code) {
        return f64::from(HELVETICA[(code - 0x20) as usize]);
    }
    match c {
        '’' | '‘' | '·' | '\u{A0}' => 340.0,
        '«' | '»' | '–' | '“' | '”' => 560.0,
        'À'..='ɏ' if c.is_uppercase() => 800.0,
        'À'..='ɏ' => 600.0,
        _ => match c.width() {
            None | Some(0) => 0.0,
            Some(1) => 1000.0,
            Some(_) => 1200.0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: Face = Face::regular(12.0);

    #[test]
    fn cut_text_fits_and_says_that_it_was_cut() {
        let cut = FACE.cut("Convertir les missions existantes en bail mobilité", 120.0);
        assert!(FACE.width(&cut) <= 120.0 && cut.ends_with('…'), "{cut}");
        assert_eq!(FACE.cut("short", 120.0), "short");
    }

    #[test]
    fn lines_break_at_words_and_fit() {
        let lines = FACE.lines("Convert 2 million orders to the new format", 150.0, 2);
        assert_eq!(lines, ["Convert 2 million orders", "to the new format"]);
    }

    #[test]
    fn a_word_that_is_too_long_is_broken_anyway() {
        let lines = FACE.lines(&"x".repeat(100), 60.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| FACE.width(line) <= 60.0), "{lines:?}");
    }
}
