//! Where a text stands: files and byte ranges in them.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A file of the rule set, by its place in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A byte range of one file. Files are limited to less than 4 GiB, so offsets fit 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Of what was not read from a text: the empty range at the start of the first file.
    pub(crate) const NOWHERE: Self = Self { file: FileId(0), start: 0, end: 0 };

    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: clamp(range.start), end: clamp(range.end) }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// From the start of `self` to the end of `other`, which must stand in the same file.
    pub fn to(self, other: Span) -> Span {
        debug_assert_eq!(self.file, other.file);
        Span { file: self.file, start: self.start, end: other.end.max(self.end) }
    }

    /// Whether `other` lies inside this span.
    pub fn contains(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    pub node: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(node: T, span: Span) -> Self {
        Self { node, span }
    }
}

/// One file's name, as shown to people, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub text: Arc<str>,
    /// How far the counts have come at every [`STRIDE`] bytes, once somebody asks for a position.
    marks: OnceLock<Vec<Mark>>,
}

/// Bytes from one [`Mark`] to the next: what is read for a position, however long the file or line.
const STRIDE: usize = 1024;

/// The place where a stride of the text begins, in counts from 0.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    line: u32,
    column: u32,
    utf16: u32,
}

impl Mark {
    /// The counts after some more text.
    fn after(self, text: &str) -> Self {
        let (line, column, utf16, tail) = match text.rfind('\n') {
            Some(at) => {
                let lines = text.bytes().filter(|byte| *byte == b'\n').count();
                (self.line + narrow(lines), 0, 0, &text[at + 1..])
            }
            None => (self.line, self.column, self.utf16, text),
        };
        let units = tail.chars().map(char::len_utf16).sum();
        Self { line, column: column + narrow(tail.chars().count()), utf16: utf16 + narrow(units) }
    }
}

/// Counts of a file's characters fit, as its bytes do.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A place in a text as people and their tools count: everything from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    /// In characters.
    pub column: usize,
    /// The column in UTF-16 code units, as editors and SARIF count.
    pub utf16: usize,
}

impl Source {
    /// The position of a byte offset; one inside a character or beyond the end counts as the place
    /// before it.
    pub fn position(&self, offset: u32) -> Position {
        let marks = self.marks.get_or_init(|| self.count());
        let end = self.text.floor_char_boundary(offset as usize);
        let at = (end / STRIDE).min(marks.len() - 1);
        let start = self.text.floor_char_boundary(at * STRIDE);
        let Mark { line, column, utf16 } = marks[at].after(&self.text[start..end]);
        Position { line: line as usize + 1, column: column as usize + 1, utf16: utf16 as usize + 1 }
    }

    /// The marks of the whole text, one at least.
    fn count(&self) -> Vec<Mark> {
        let mut marks = vec![Mark::default()];
        let mut last = Mark::default();
        let mut start = 0;
        while (marks.len() * STRIDE) < self.text.len() {
            let end = self.text.floor_char_boundary(marks.len() * STRIDE);
            last = last.after(&self.text[start..end]);
            marks.push(last);
            start = end;
        }
        marks
    }
}

/// The files of a rule set, in the order in which they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source { name: name.into(), text: text.into(), marks: OnceLock::new() });
        id
    }

    pub fn get(&self, id: FileId) -> &Source {
        &self.files[id.0 as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        (0..).map(FileId).zip(&self.files)
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.range()).unwrap_or_default()
    }

    /// Line and column of a span's start, both counted from 1; the column counts characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let Position { line, column, .. } = self.get(span.file).position(span.start);
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_or_utf16_units() {
        let mut sources = Sources::default();
        let file = sources.add("a", "ab\r\n😀é x\n");
        let at = |offset| {
            let Position { line, column, utf16 } = sources.get(file).position(offset);
            (line, column, utf16)
        };
        assert_eq!(at(0), (1, 1, 1));
        assert_eq!(at(2), (1, 3, 3));
        assert_eq!(at(4), (2, 1, 1));
        assert_eq!(at(8), (2, 2, 3));
        assert_eq!(at(9), (2, 2, 3), "inside a character");
        assert_eq!(at(11), (2, 4, 5));
        assert_eq!(at(13), (3, 1, 1));
        assert_eq!(at(99), (3, 1, 1));
    }

    #[test]
    fn marks_change_no_position() {
        let text: String = (0..3_000).map(|n| ["😀", "é", "x", "\n", "long "][n * n % 97 % 5]).collect();
        let mut sources = Sources::default();
        let file = sources.add("a", text.as_str());
        for at in (0..text.len() + 5).step_by(7).chain(1020..1030) {
            let before = &text[..text.floor_char_boundary(at)];
            let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
            let expected = Position {
                line: before.matches('\n').count() + 1,
                column: line.chars().count() + 1,
                utf16: line.encode_utf16().count() + 1,
            };
            assert_eq!(sources.get(file).position(at as u32), expected, "at {at}");
        }
    }
}
