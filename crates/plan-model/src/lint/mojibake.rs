//! `mojibake`: the text of the plan was decoded with the wrong table, which can be undone.
//!
//! Looks at the whole text of plan, environment and included files, comments too; not at scripts
//! and SQL, which may repair such text on purpose. A place counts only if it can be encoded back
//! and read as UTF-8 that gives a letter or sign of the languages that people write here.

use rustc_hash::FxHashSet;

use super::{Finding, Level, Lint, Rule};
use crate::source::{FileId, Span};

pub const RULE: Rule = Rule {
    code: "mojibake",
    severity: Level::Warning,
    about: "text that was decoded with the wrong table is seen, and its repair offered",
    why: "One of the guides came as a file in which every accent had become two strange signs: a Mac had read \
          UTF-8 as its own table and saved what it saw. In a plan this text reaches people in messages and \
          questions, and a path with such a name does not exist on the server. What happened can be \
          computed backwards, so the right text is shown.",
    bad: "plan: p
title: Mise Ã  jour et dÃ©ploiement
steps:
  - { step: look, run: uptime, read_only: true }
",
    good: "plan: p
title: Mise à jour et déploiement
steps:
  - { step: look, run: uptime, read_only: true }
",
    check,
};

/// How many places a finding shows.
const SHOWN: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    /// With Latin-1 where that table has gaps.
    Windows,
    MacRoman,
}

/// Bytes 80 to 9F; from A0 on it is Latin-1.
const WINDOWS: &str = "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ";
/// Bytes 80 to FF.
const MAC_ROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü\
    †°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø\
    ¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ\
    ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::Windows => "Windows-1252 or Latin-1",
            Table::MacRoman => "Mac Roman",
        }
    }

    /// The byte that this table shows as a character; only those from 80 on.
    fn byte(self, character: char) -> Option<u8> {
        let among = |table: &str| {
            let at = table.chars().position(|other| other == character && other != '\0')?;
            u8::try_from(0x80 + at).ok()
        };
        match self {
            Table::Windows => match u32::from(character) {
                code @ 0x80..=0xff => u8::try_from(code).ok(),
                _ => among(WINDOWS),
            },
            Table::MacRoman => among(MAC_ROMAN),
        }
    }

    /// The one character that these were, and how many they are.
    fn decode(self, text: &[char]) -> Option<(char, usize)> {
        let first = self.byte(*text.first()?)?;
        let length = match first {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return None,
        };
        let mut bytes = [0; 4];
        for (byte, character) in bytes.iter_mut().zip(text.get(..length)?) {
            *byte = self.byte(*character)?;
        }
        let decoded = std::str::from_utf8(&bytes[..length]).ok()?.chars().next()?;
        is_common(decoded).then_some((decoded, length))
    }

    /// A text with every such place put right, and how many there were.
    fn repair(self, text: &str) -> (String, usize) {
        let characters: Vec<char> = text.chars().collect();
        let (mut repaired, mut count, mut at) = (String::new(), 0, 0);
        while at < characters.len() {
            match self.decode(&characters[at..]) {
                Some((character, length)) => {
                    repaired.push(character);
                    count += 1;
                    at += length;
                }
                None => {
                    repaired.push(characters[at]);
                    at += 1;
                }
            }
        }
        (repaired, count)
    }
}

/// Accents, quotes, dashes, arrows, boxes, emoji: with rarer ones correct text could be taken for
/// wrong.
fn is_common(character: char) -> bool {
    matches!(
        u32::from(character),
        0xa0..=0xff | 0x152 | 0x153 | 0x178 | 0x2010..=0x203a | 0x20ac | 0x2122
            | 0x2190..=0x22ff | 0x2500..=0x27bf | 0x2b00..=0x2bff | 0xfe0f | 0x1f300..=0x1faff
    )
}

/// A word with wrong places in it.
struct Broken<'t> {
    start: usize,
    text: &'t str,
    repaired: String,
    places: usize,
}

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let files = lint.files;
    let others: FxHashSet<FileId> = files
        .scripts
        .values()
        .chain(files.sql.values())
        .chain(files.migrations.values().flatten())
        .map(|named| named.file)
        .collect();
    for (id, file) in lint.sources.files().filter(|(id, _)| !others.contains(id)) {
        let words = foreign_words(&file.text);
        let [windows, roman] = [Table::Windows, Table::MacRoman].map(|table| broken(&words, table));
        let (table, broken) = if places(&roman) > places(&windows) {
            (Table::MacRoman, roman)
        } else {
            (Table::Windows, windows)
        };
        // Signs of mathematics stand alone; an accent stands in a word now and then.
        let in_words =
            broken.iter().any(|word| word.text.bytes().any(|byte| byte.is_ascii_alphabetic()));
        let Some(first) = broken.first().filter(|_| table == Table::Windows || in_words) else {
            continue;
        };
        let message = match places(&broken) {
            1 => format!("this text is UTF-8 and was read as {}", table.name()),
            count => {
                format!("{count} places of this file are UTF-8 and were read as {}", table.name())
            }
        };
        let place = Span::new(id, first.start, first.start + first.text.len());
        let mut finding = Finding::new(place, message).label(format!("`{}`", first.repaired));
        let shown: Vec<String> = broken
            .iter()
            .take(SHOWN)
            .map(|word| format!("`{}`, not `{}`", word.repaired, word.text))
            .collect();
        finding = finding.help(format!("write {}", shown.join("; ")));
        found.push(finding);
    }
}

fn places(broken: &[Broken<'_>]) -> usize {
    broken.iter().map(|word| word.places).sum()
}

/// The words that hold something else than ASCII.
fn foreign_words(text: &str) -> Vec<(usize, &str)> {
    if text.is_ascii() {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    let parts = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | b'"');
    let (mut words, mut from) = (Vec::new(), 0);
    while let Some(next) = bytes[from..].iter().position(|byte| !byte.is_ascii()) {
        let at = from + next;
        let start =
            bytes[from..at].iter().rposition(parts).map_or(from, |before| from + before + 1);
        let end = bytes[at..].iter().position(parts).map_or(bytes.len(), |after| at + after);
        words.push((start, &text[start..end]));
        from = end;
    }
    words
}

fn broken<'t>(words: &[(usize, &'t str)], table: Table) -> Vec<Broken<'t>> {
    let mut found = Vec::new();
    for (start, text) in words.iter().copied() {
        let (mut repaired, places) = table.repair(text);
        if places == 0 {
            continue;
        }
        // Some texts went through it more than once.
        for _ in 0..2 {
            let (again, more) = table.repair(&repaired);
            if more == 0 {
                break;
            }
            repaired = again;
        }
        found.push(Broken { start, text, repaired, places });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRENCH: &str =
        "« Où ? » — déjà à l’été 2026, l’hôtel du Père Noël coûte 20 € ; œuf, Œuvre, ÉTÉ…";
    const SIGNS: &str = "✓ ✗ → ├── │ … – — “a” ‘b’ ™ © ® § 20 °C ≤ ≥ ± × ÷ √2 2√π ∞ ≠ ∑ 🚀 ⚠️ ½ µ";
    const OTHERS: &str = "Größe Übung Äpfel… Ångström São Paulo ação niño ¿Qué? Çeşme Łódź";

    fn misread(text: &str, table: Table) -> String {
        let wrong = |byte: u8| match table {
            _ if byte < 0x80 => char::from(byte),
            Table::Windows => match WINDOWS.chars().nth(usize::from(byte) - 0x80) {
                Some(character) if character != '\0' => character,
                _ => char::from(byte),
            },
            Table::MacRoman => MAC_ROMAN.chars().nth(usize::from(byte) - 0x80).unwrap(),
        };
        text.bytes().map(wrong).collect()
    }

    #[test]
    fn every_table_has_all_its_characters() {
        assert_eq!(WINDOWS.chars().count(), 0x20);
        assert_eq!(MAC_ROMAN.chars().count(), 0x80);
        assert_eq!(Table::MacRoman.byte('√'), Some(0xc3));
        assert_eq!(Table::MacRoman.byte('©'), Some(0xa9));
        assert_eq!(Table::Windows.byte('€'), Some(0x80));
    }

    #[test]
    fn what_was_misread_is_put_right() {
        for table in [Table::Windows, Table::MacRoman] {
            for text in [FRENCH, "✓ → ├── “a” 🚀 ⚠️ °C ½"] {
                let wrong = misread(text, table);
                assert_ne!(wrong, text);
                assert_eq!(table.repair(&wrong).0, text);
            }
        }
        let twice = misread(&misread("déjà", Table::Windows), Table::Windows);
        assert_eq!(broken(&foreign_words(&twice), Table::Windows)[0].repaired, "déjà");
    }

    #[test]
    fn correct_text_is_left_alone() {
        for text in [FRENCH, SIGNS, OTHERS] {
            assert_eq!(Table::Windows.repair(text).1, 0, "{text}");
            let roman = broken(&foreign_words(text), Table::MacRoman);
            assert!(
                roman.iter().all(|word| !word.text.chars().any(|c| c.is_ascii_alphabetic())),
                "{text}"
            );
        }
    }

    fn of(title: &str) -> Vec<String> {
        let plan = format!(
            "plan: p # {title}\nsteps:\n  - {{ step: look, run: uptime, read_only: true }}\n"
        );
        let mut sources = crate::source::Sources::default();
        let setting = crate::validate::Setting::default();
        let folder = crate::folder::MemoryFolder::default();
        let outcome = crate::validate::text(&mut sources, &folder, "p", plan, &setting);
        let mine = outcome.diagnostics.iter().filter(|one| one.code == RULE.code);
        mine.map(|one| format!("{}|{}|{}", sources.slice(one.span), one.message, one.help[0]))
            .collect()
    }

    #[test]
    fn comments_are_text_too() {
        assert_eq!(
            of("le dÃ©ploiement"),
            [
                "dÃ©ploiement|this text is UTF-8 and was read as Windows-1252 or Latin-1|write `déploiement`, not `dÃ©ploiement`"
            ]
        );
        assert_eq!(
            of("d√©ploiement √† l‚Äô√©t√©"),
            [
                "d√©ploiement|5 places of this file are UTF-8 and were read as Mac Roman|write `déploiement`, not `d√©ploiement`; `à`, not `√†`; `l’été`, not `l‚Äô√©t√©`"
            ]
        );
        assert_eq!(of(SIGNS), [""; 0]);
        assert_eq!(of(FRENCH), [""; 0]);
    }
}
