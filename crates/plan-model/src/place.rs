//! From a range inside a value to the place in the file: quotes, escapes and block indentation.
//! Gives the whole value where it cannot tell exactly.

use std::ops::Range;

use crate::source::{Sources, Span};

/// The place of `value[range]`, where `value` was read from `span`.
pub fn within(sources: &Sources, span: Span, value: &str, range: Range<usize>) -> Span {
    let file = sources.file(span.file);
    let Some(written) = file.text.get(span.range()) else { return span };
    let start = span.start as usize;
    if let Some(rest) = written.get(..value.len())
        && rest == value
    {
        return Span::new(span.file, start + range.start, start + range.end);
    }
    // Quoted without escapes: one character further in.
    if let Some(inner) = written.get(1..written.len().saturating_sub(1))
        && inner == value
    {
        return Span::new(span.file, start + 1 + range.start, start + 1 + range.end);
    }
    if let Some(place) = in_block(&file.text, span, value, &range) {
        return place;
    }
    in_escaped(written, value, &range)
        .map_or(span, |place| Span::new(span.file, start + place.start, start + place.end))
}

/// A literal block: each line of the value is a line of the file behind an indentation.
fn in_block(text: &str, span: Span, value: &str, range: &Range<usize>) -> Option<Span> {
    let line_start = text[..span.start as usize].rfind('\n').map_or(0, |at| at + 1);
    let line_of = |at: usize| value[..at].matches('\n').count();
    let (first, last) = (line_of(range.start), line_of(range.end));
    let mut at = line_start;
    let mut places = Vec::new();
    for (index, line) in value.split('\n').enumerate() {
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let written = text[at..end].trim_end_matches('\r');
        if !written.ends_with(line) {
            return None;
        }
        places.push(at + written.len() - line.len());
        at = (end + 1).min(text.len());
        if index >= last {
            break;
        }
    }
    let column = |at: usize| at - value[..at].rfind('\n').map_or(0, |at| at + 1);
    let start = places.get(first)? + column(range.start);
    let end = places.get(last)? + column(range.end);
    Some(Span::new(span.file, start, end.max(start)))
}

/// A quoted text with escapes: found again if the marked part itself is written plainly, once.
fn in_escaped(written: &str, value: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let marked = value.get(range.clone())?;
    let before = value[..range.start].matches(marked).count();
    let (at, _) = written.match_indices(marked).nth(before)?;
    (!marked.is_empty()).then_some(at..at + marked.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::source::FileId;

    /// Every `NAME` in the value of `a` must be found where it stands in the file.
    fn check(text: &str) {
        let mut sources = Sources::default();
        sources.add("x", text);
        let mut found = Vec::new();
        let document = Document::parse(FileId(0), text, &mut found).unwrap();
        let node = document.root().get("a").unwrap();
        let value = node.raw().unwrap();
        let mut count = 0;
        for (at, word) in value.match_indices("NAME") {
            let place = within(&sources, node.span(), value, at..at + word.len());
            assert_eq!(sources.slice(place), "NAME", "{text:?}");
            count += 1;
        }
        assert!(count > 0);
    }

    #[test]
    fn places_are_found_in_every_style() {
        check("a: x {{ NAME }}\n");
        check("a: 'x {{ NAME }}'\n");
        check("a: \"x {{ NAME }}\"\n");
        check("a: \"x\\t{{ NAME }} é {{ NAME }}\"\n");
        check("a: |\n  one\n  {{ NAME }}\n\n    deep NAME\n");
        check("b: 1\na: |-\n    {{ NAME }} x\n    NAME\nc: 2\n");
        check("a: >\n  folded\n  NAME here\n");
        check("a: |\r\n  one\r\n  NAME\r\n");
    }
}
