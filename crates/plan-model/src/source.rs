//! Texts and places in them: byte span ↔ line and column.
//! Does not know what the texts mean, nor how they were read.

use std::collections::BTreeMap;
use std::sync::Arc;

/// One text among those that a command looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileId(pub u32);

/// A range of bytes in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Of what stands nowhere.
    pub const NONE: Span = Span { file: FileId(0), start: 0, end: 0 };

    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file, start: clamp(start), end: clamp(end) }
    }

    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// From the start of this span to the end of another in the same text.
    pub fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.start), ..self }
    }
}

/// Where a byte stands for a person: both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone)]
pub struct SourceFile {
    /// As the user would write it: a relative path, or `<stdin>`.
    pub name: String,
    pub text: Arc<str>,
    line_starts: Vec<u32>,
}

impl SourceFile {
    fn new(name: String, text: Arc<str>) -> SourceFile {
        let mut line_starts = vec![0];
        line_starts.extend(text.match_indices('\n').map(|(at, _)| at as u32 + 1));
        SourceFile { name, text, line_starts }
    }

    pub fn position(&self, byte: usize) -> Position {
        let byte = byte.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start as usize <= byte) - 1;
        let start = self.line_starts[line] as usize;
        let before = self.text.get(start..byte).unwrap_or("");
        Position { line: line + 1, column: before.chars().count() + 1 }
    }

    /// The byte at which a line starts; lines are counted from 1.
    pub fn line_start(&self, line: usize) -> Option<usize> {
        self.line_starts.get(line.checked_sub(1)?).map(|start| *start as usize)
    }
}

/// Every text that a command looked at, so that a span can be shown later.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    trees: Trees,
}

/// What becomes of the trees of texts that take long to read.
#[derive(Debug, Clone, Default)]
enum Trees {
    #[default]
    Forgotten,
    /// They are wanted later, by the names of their files.
    Kept(BTreeMap<String, Vec<u8>>),
    /// They were kept, and the texts were held against the schema: nobody needs to do it again.
    Known(BTreeMap<String, Vec<u8>>),
}

impl Sources {
    /// For texts of which the trees are wanted later.
    pub fn keeping_trees() -> Sources {
        Sources { trees: Trees::Kept(BTreeMap::new()), ..Sources::default() }
    }

    /// For texts that were validated before, such as those of a run that goes on.
    pub fn checked(trees: BTreeMap<String, Vec<u8>>) -> Sources {
        Sources { trees: Trees::Known(trees), ..Sources::default() }
    }

    pub fn are_checked(&self) -> bool {
        matches!(self.trees, Trees::Known(_))
    }

    /// The tree of a text, if it was kept.
    pub fn known_tree(&self, name: &str) -> Option<&[u8]> {
        match &self.trees {
            Trees::Known(trees) => trees.get(name).map(Vec::as_slice),
            Trees::Kept(_) | Trees::Forgotten => None,
        }
    }

    /// Keeps the tree of a text, if anybody wants it.
    pub fn keep_tree(&mut self, name: &str, tree: impl FnOnce() -> Vec<u8>) {
        if let Trees::Kept(trees) = &mut self.trees {
            trees.insert(name.to_owned(), tree());
        }
    }

    pub fn into_trees(self) -> BTreeMap<String, Vec<u8>> {
        match self.trees {
            Trees::Kept(trees) => trees,
            Trees::Known(_) | Trees::Forgotten => BTreeMap::new(),
        }
    }

    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than 2^32 files"));
        self.files.push(SourceFile::new(name.into(), text.into()));
        id
    }

    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(at, file)| (FileId(at as u32), file))
    }

    pub fn slice(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.range()).unwrap_or("")
    }

    pub fn start(&self, span: Span) -> Position {
        self.file(span.file).position(span.start as usize)
    }

    pub fn end(&self, span: Span) -> Position {
        self.file(span.file).position(span.end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let mut sources = Sources::default();
        let file = sources.add("a", "é: x\nà: y\n");
        let at = |byte| sources.file(file).position(byte);
        assert_eq!(at(4), Position { line: 1, column: 4 });
        assert_eq!(at(6), Position { line: 2, column: 1 });
        assert_eq!(at(9999), Position { line: 3, column: 1 });
    }
}
