//! What the shell will see of a template: expressions become holes, everything else that belongs
//! to the template goes. Finds the marks as minijinja does; does not know what is between them.

use std::borrow::Cow;
use std::ops::Range;

/// Stands for one byte of a hole. It occurs in no UTF-8 text, so that no script can forge one.
pub(super) const HOLE: u8 = 0xFF;

pub(super) struct Visible<'a> {
    pub bytes: Cow<'a, [u8]>,
    /// Holes as they lie in `bytes`, and in the source.
    pub holes: Vec<(Range<usize>, Range<usize>)>,
    /// `{% … %}`: what the shell sees depends on values that are not known here.
    pub branches: bool,
    /// Where pieces were left out: (position in `bytes`, bytes missing before it).
    cuts: Vec<(usize, usize)>,
}

impl Visible<'_> {
    /// Whether a position in `bytes` is the same one in the source.
    pub fn aligned(&self) -> bool {
        self.cuts.is_empty()
    }

    pub fn source(&self, at: usize) -> usize {
        let next = self.cuts.partition_point(|(from, _)| *from <= at);
        at + next.checked_sub(1).map_or(0, |cut| self.cuts[cut].1)
    }
}

/// A text already rendered, in which `holes` mark the values.
pub(super) fn rendered<'a>(text: &'a str, holes: &[Range<usize>]) -> Visible<'a> {
    let mut bytes = Cow::Borrowed(text.as_bytes());
    let mut kept: Vec<(Range<usize>, Range<usize>)> = Vec::with_capacity(holes.len());
    for hole in holes {
        let after = kept.last().map_or(0, |(last, _)| last.end);
        let fits = hole.start >= after && hole.start < hole.end && hole.end <= text.len();
        if fits && text.is_char_boundary(hole.start) && text.is_char_boundary(hole.end) {
            bytes.to_mut()[hole.clone()].fill(HOLE);
            kept.push((hole.clone(), hole.clone()));
        }
    }
    Visible { bytes, holes: kept, branches: false, cuts: Vec::new() }
}

pub(super) fn visible(text: &str) -> Visible<'_> {
    let Some(first) = next_mark(text.as_bytes(), 0) else {
        let bytes = Cow::Borrowed(text.as_bytes());
        return Visible { bytes, holes: Vec::new(), branches: false, cuts: Vec::new() };
    };
    let source = text.as_bytes();
    let mut seen = Visible {
        bytes: Cow::Owned(Vec::new()),
        holes: Vec::new(),
        branches: false,
        cuts: Vec::new(),
    };
    let mut bytes = Vec::with_capacity(source.len());
    let mut from = 0;
    let mut comments_end = false;
    let mut mark = Some(first);
    while let Some(at) = mark {
        let comment = source[at + 1] == b'#';
        let found = if comment && comments_end { None } else { piece(source, at) };
        let Some(piece) = found else {
            bytes.extend_from_slice(&source[from..at + 1]);
            from = at + 1;
            // An open expression is refused by minijinja, so that nothing after it is inserted
            // anywhere. Never looking for the same end twice keeps this linear.
            comments_end |= comment;
            mark = if comment { next_mark(source, from) } else { None };
            continue;
        };
        let kept = if source.get(at + 2) == Some(&b'-') {
            from + text[from..at].trim_end().len()
        } else {
            at
        };
        bytes.extend_from_slice(&source[from..kept]);
        if piece.kind == Kind::Expression {
            // A trim before the hole moves it; the cut is noted before its first byte.
            note_cut(&mut seen.cuts, bytes.len(), at - bytes.len());
            let start = bytes.len();
            bytes.resize(start + (piece.end - at), HOLE);
            seen.holes.push((start..bytes.len(), at..piece.end));
        }
        seen.branches |= piece.kind == Kind::Statement;
        from = piece.end;
        if piece.trims_after {
            from = text.len() - text[from..].trim_start().len();
        }
        note_cut(&mut seen.cuts, bytes.len(), from - bytes.len());
        mark = next_mark(source, from);
    }
    bytes.extend_from_slice(&source[from..]);
    seen.bytes = Cow::Owned(bytes);
    seen
}

fn note_cut(cuts: &mut Vec<(usize, usize)>, at: usize, missing: usize) {
    let known = cuts.last().map_or(0, |(_, missing)| *missing);
    if missing != known {
        cuts.push((at, missing));
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Expression,
    Statement,
    Comment,
}

struct Piece {
    kind: Kind,
    end: usize,
    trims_after: bool,
}

fn next_mark(source: &[u8], from: usize) -> Option<usize> {
    let rest = source.get(from..)?;
    let pairs = rest.windows(2);
    let mut found = pairs.enumerate().filter(|(_, pair)| pair[0] == b'{');
    found.find(|(_, pair)| matches!(pair[1], b'{' | b'%' | b'#')).map(|(at, _)| from + at)
}

fn piece(source: &[u8], at: usize) -> Option<Piece> {
    let (kind, close): (Kind, &[u8; 2]) = match source.get(at + 1)? {
        b'{' => (Kind::Expression, b"}}"),
        b'%' => (Kind::Statement, b"%}"),
        _ => (Kind::Comment, b"#}"),
    };
    if kind == Kind::Comment {
        // `${#list[@]}` is the shell's own; it has no `#}` unless the author is unlucky.
        let length = source[at + 2..].windows(2).position(|pair| pair == close)?;
        let end = at + 2 + length + 2;
        return Some(Piece { kind, end, trims_after: source[end - 3] == b'-' });
    }
    let mut open = 0usize;
    let mut pos = at + 2;
    while let Some(byte) = source.get(pos) {
        if open == 0 && source[pos..].starts_with(close) {
            let trims_after = pos > at + 2 && source[pos - 1] == b'-';
            return Some(Piece { kind, end: pos + 2, trims_after });
        }
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.checked_sub(1)?,
            b'"' | b'\'' => {
                pos += 1;
                while *source.get(pos)? != *byte {
                    pos += if source[pos] == b'\\' { 2 } else { 1 };
                }
            }
            _ => {}
        }
        pos += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let seen = visible(text);
        let shown: Vec<u8> =
            seen.bytes.iter().map(|byte| if *byte == HOLE { b'_' } else { *byte }).collect();
        assert_eq!(String::from_utf8(shown).unwrap(), expected, "{text}");
        for (here, there) in &seen.holes {
            assert_eq!(seen.source(here.start), there.start, "{text}");
            assert_eq!(seen.source(here.end - 1), there.end - 1, "{text}");
        }
    }

    #[test]
    fn expressions_become_holes_and_the_rest_of_the_template_goes() {
        check("echo {{ a }} b", "echo _______ b");
        check("echo {{ a ~ '}}' }} b", "echo ______________ b");
        check("echo {{ {'a': 1} }} b", "echo ______________ b");
        check("echo a\n{%- if x %} b{% endif %}", "echo a b");
        check("echo a  {{- v -}}  b", "echo a_________b");
        check("echo ${#list[@]} ${x}", "echo ${#list[@]} ${x}");
        check("a {# why #} b {{ c }}", "a  b _______");
        check("a {{ b", "a {{ b");
        check("awk '{{ print }", "awk '{{ print }");
    }

    #[test]
    fn places_after_a_cut_lead_back_to_the_source() {
        let text = "a {% if x %}bc{% endif %} d";
        let seen = visible(text);
        assert_eq!(seen.bytes.as_ref(), b"a bc d");
        let places: Vec<&str> =
            (0..6).map(|at| &text[seen.source(at)..seen.source(at) + 1]).collect();
        assert_eq!(places, ["a", " ", "b", "c", " ", "d"]);
    }
}
