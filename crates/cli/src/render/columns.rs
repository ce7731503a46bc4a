//! Text in columns and lines of a given width. Knows no meaning and no colour.

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

/// Words in lines no wider than this, each behind the indentation; one that is too long stays whole.
pub fn wrap(text: &str, indent: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut used = 0;
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        // A number stays with its unit.
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        let unit = if is_number { words.next() } else { None };
        let word = unit.map_or(word.to_owned(), |unit| format!("{word} {unit}"));
        let length = word.chars().count();
        if used > 0 && used + 1 + length <= width {
            lines += " ";
            used += 1;
        } else {
            if used > 0 {
                lines += "\n";
            }
            lines += indent;
            used = indent.chars().count();
        }
        lines += &word;
        used += length;
    }
    lines
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
        assert_eq!(wrap("incomprehensibilities x", "  ", 9), "  incomprehensibilities\n  x");
    }
}
