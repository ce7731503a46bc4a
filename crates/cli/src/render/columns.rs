//! Text in columns and lines of a given width. Knows no meaning and no colour.

use unicode_width::UnicodeWidthStr;

/// Cut to so many characters, which the last one shows.
pub fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

pub fn left(text: &str, width: usize) -> String {
    format!("{:<width$}", fit(text, width))
}

/// Always behind at least one space, so that columns never run together.
pub fn right(text: &str, width: usize) -> String {
    format!("{:>width$}", fit(text, width.saturating_sub(1)))
}

/// Words in lines no wider than this, behind `first`; what follows stands under the text. A word
/// that is too long stays whole, and so does what a space that does not break holds together. A line
/// of the text stays one, and as it is where it fits.
pub fn wrap(text: &str, first: &str, width: usize) -> String {
    let rest = " ".repeat(seen(first));
    let mut lines = String::new();
    for (at, line) in text.trim_end().lines().enumerate() {
        if at > 0 {
            lines += "\n";
        }
        let mut indent = if at == 0 { first } else { &rest };
        if indent.width() + seen(line) <= width {
            lines += indent;
            lines += line;
            continue;
        }
        let mut used = 0;
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            // A number stays with its unit.
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            let unit = if is_number { words.next() } else { None };
            let word = unit.map_or(word.to_owned(), |unit| format!("{word} {unit}"));
            let length = seen(&word);
            if used > 0 && used + 1 + length <= width {
                lines += " ";
                used += 1;
            } else {
                if used > 0 {
                    lines += "\n";
                }
                lines += indent;
                indent = &rest;
                used = rest.len();
            }
            lines += &word;
            used += length;
        }
    }
    lines
}

/// How many columns a text takes; colours take none.
pub fn seen(text: &str) -> usize {
    if text.contains('\x1b') {
        anstream::adapter::strip_str(text).to_string().width()
    } else {
        text.width()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_or_broken_at_words() {
        assert_eq!(left("abcdef", 4), "abc…");
        assert_eq!(left("ab", 4) + &right("é", 3), "ab    é");
        assert_eq!(right("abcdef", 5), " abc…");
        assert_eq!(wrap("in all 30 min", "", 9), "in all\n30 min");
        assert_eq!(wrap("one two three", "  ", 9), "  one two\n  three");
        assert_eq!(wrap("un mot\u{a0}: deux", "", 7), "un\nmot\u{a0}:\ndeux");
        assert_eq!(wrap("one two three\nfour", "- ", 9), "- one two\n  three\n  four");
        assert_eq!(wrap("\x1b[31mone\x1b[0m two three", "", 7), "\x1b[31mone\x1b[0m two\nthree");
        assert_eq!(wrap("incomprehensibilities x", "  ", 9), "  incomprehensibilities\n  x");
    }
}
