//! The text being written, with the comments at the ends of its lines held back until their
//! columns are known. Does not know what is written.

/// Spaces before a comment that is aligned with nothing.
pub(super) const COMMENT_GAP: usize = 2;

/// How far apart aligned comments may be: as far as one sees.
const SCREENFUL_LINES: usize = 30;

pub(super) struct Page<'a> {
    text: String,
    /// Characters on the current line.
    width: usize,
    line_end_comments: Vec<LineEndComment<'a>>,
}

struct LineEndComment<'a> {
    text: &'a str,
    source: CommentSource,
    /// Where the line ends that it belongs to: a byte in the page's text, a column.
    at: usize,
    width: usize,
    /// Where the comment goes.
    column: usize,
}

/// Where a comment stood.
#[derive(Clone, Copy)]
pub(super) struct CommentSource {
    pub(super) line: usize,
    pub(super) column: usize,
    /// Not further from what it follows than a comment that is aligned with nothing.
    pub(super) snug: bool,
}

impl CommentSource {
    /// With lines between them, two snug comments share a column by chance.
    fn is_aligned_with(self, below: CommentSource) -> bool {
        let neighbours = self.line + 1 == below.line;
        let in_sight = self.line < below.line && below.line <= self.line + SCREENFUL_LINES;
        self.column == below.column && (neighbours || in_sight && !(self.snug && below.snug))
    }
}

impl<'a> Page<'a> {
    pub(super) fn with_capacity(bytes: usize) -> Page<'a> {
        Page { text: String::with_capacity(bytes), width: 0, line_end_comments: Vec::new() }
    }

    pub(super) fn column(&self) -> usize {
        self.width
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.line_end_comments.is_empty()
    }

    pub(super) fn write(&mut self, text: &str) {
        self.text.push_str(text);
        self.width += text.chars().count();
    }

    pub(super) fn start_line(&mut self, column: usize) {
        if !self.is_empty() {
            self.text.push('\n');
        }
        self.text.extend(std::iter::repeat_n(' ', column));
        self.width = column;
    }

    pub(super) fn end_line_with_comment(&mut self, text: &'a str, source: CommentSource) {
        let (at, width) = (self.text.len(), self.width);
        let column = width + COMMENT_GAP;
        self.line_end_comments.push(LineEndComment { text, source, at, width, column });
    }

    pub(super) fn into_text(mut self) -> String {
        if !self.is_empty() {
            self.text.push('\n');
        }
        self.align_comments();
        let mut whole = String::with_capacity(self.text.len() + self.text.len() / 4);
        let mut copied = 0;
        for comment in &self.line_end_comments {
            whole.push_str(&self.text[copied..comment.at]);
            whole.extend(std::iter::repeat_n(' ', comment.column - comment.width));
            whole.push_str(comment.text);
            copied = comment.at;
        }
        whole.push_str(&self.text[copied..]);
        whole
    }

    /// Comments in other columns do not come between those of one: often such a line was too long
    /// to reach it.
    fn align_comments(&mut self) {
        let mut comments: Vec<_> = self.line_end_comments.iter_mut().collect();
        comments.sort_by_key(|comment| (comment.source.column, comment.source.line));
        for group in comments.chunk_by_mut(|a, b| a.source.is_aligned_with(b.source)) {
            if group.len() > 1 {
                let source = group[0].source.column;
                let clear = group.iter().map(|comment| comment.column).max().unwrap_or(source);
                group.iter_mut().for_each(|comment| comment.column = clear.max(source));
            }
        }
    }
}
