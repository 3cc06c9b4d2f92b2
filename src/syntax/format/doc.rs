//! Texts with the places where lines may break. A group is set on one line where it fits, and
//! breaks at all of its own places where it does not.

/// Columns that a line may take where it can be broken; a comment behind it does not count.
const WIDTH: usize = 100;

/// A document, with what is needed to set it in linear time.
#[derive(Debug)]
pub struct Doc<'i> {
    kind: Kind<'i>,
    /// Columns on one line.
    width: usize,
    /// Whether it cannot stand on one line.
    breaks: bool,
}

#[derive(Debug)]
enum Kind<'i> {
    Text(&'i str),
    /// Blanks, or a line end where the group around it breaks.
    Line(usize),
    /// One blank, or so many where the group around it breaks.
    Pad(usize),
    Hard,
    /// An empty line before the next line.
    Blank,
    /// A comment behind what stands on the line; a line end must follow.
    Note(&'i str),
    /// Lines that begin in it are indented by so much more.
    Nest(usize, Vec<Doc<'i>>),
    Group(Vec<Doc<'i>>),
}

impl<'i> Doc<'i> {
    fn leaf(kind: Kind<'i>, width: usize, breaks: bool) -> Self {
        Self { kind, width, breaks }
    }

    pub fn text(text: &'i str) -> Self {
        let width = if text.is_ascii() { text.len() } else { text.chars().count() };
        Self::leaf(Kind::Text(text), width, false)
    }

    /// Text that runs to the end of its line.
    pub fn whole_line(text: &'i str) -> Self {
        Self { breaks: true, ..Self::text(text) }
    }

    /// Nothing, or a line end.
    pub fn soft() -> Self {
        Self::leaf(Kind::Line(0), 0, false)
    }

    /// A blank, or a line end.
    pub fn line() -> Self {
        Self::leaf(Kind::Line(1), 1, false)
    }

    /// Two blanks, or a line end.
    pub fn wide() -> Self {
        Self::leaf(Kind::Line(2), 2, false)
    }

    /// A blank, or `columns` of them.
    pub fn pad(columns: usize) -> Self {
        Self::leaf(Kind::Pad(columns), 1, false)
    }

    pub fn hard() -> Self {
        Self::leaf(Kind::Hard, 0, true)
    }

    pub fn blank() -> Self {
        Self::leaf(Kind::Blank, 0, true)
    }

    pub fn note(text: &'i str) -> Self {
        Self::leaf(Kind::Note(text), 0, true)
    }

    pub fn nest(columns: usize, parts: Vec<Doc<'i>>) -> Self {
        let (width, breaks) = measure(&parts);
        Self::leaf(Kind::Nest(columns, parts), width, breaks)
    }

    pub fn group(parts: Vec<Doc<'i>>) -> Self {
        let (width, breaks) = measure(&parts);
        Self::leaf(Kind::Group(parts), width, breaks)
    }

    /// A group that breaks although it may fit.
    pub fn tall_group(parts: Vec<Doc<'i>>) -> Self {
        Self { breaks: true, ..Self::group(parts) }
    }
}

fn measure(parts: &[Doc<'_>]) -> (usize, bool) {
    parts.iter().fold((0, false), |(width, breaks), part| (width + part.width, breaks || part.breaks))
}

/// A line and the comment behind it.
#[derive(Debug, Default)]
pub struct Line<'i> {
    pub code: String,
    pub note: Option<&'i str>,
}

/// Sets a document. The last line is the unfinished one.
pub fn set<'i>(doc: &Doc<'i>) -> Vec<Line<'i>> {
    let mut setter = Setter { done: Vec::new(), line: Line::default(), column: 0, blank: false };
    // What is still to be set, the next at the end: its indentation, and whether lines break in it.
    let mut stack = vec![(0, true, doc)];
    while let Some((indent, is_broken, doc)) = stack.pop() {
        match &doc.kind {
            Kind::Text(text) => setter.text(text, doc.width),
            Kind::Line(_) if is_broken => setter.line_end(indent),
            Kind::Line(columns) => setter.blanks(*columns),
            Kind::Pad(columns) => setter.blanks(if is_broken { *columns } else { 1 }),
            Kind::Hard => setter.line_end(indent),
            Kind::Blank => setter.blank = true,
            Kind::Note(text) => setter.line.note = Some(text),
            Kind::Nest(columns, parts) => {
                stack.extend(parts.iter().rev().map(|part| (indent + columns, is_broken, part)));
            }
            Kind::Group(parts) => {
                let is_broken = is_broken && (doc.breaks || setter.column + doc.width + rest(&stack) > WIDTH);
                stack.extend(parts.iter().rev().map(|part| (indent, is_broken, part)));
            }
        }
    }
    setter.done.push(setter.line);
    setter.done
}

struct Setter<'i> {
    done: Vec<Line<'i>>,
    line: Line<'i>,
    column: usize,
    /// Whether an empty line comes next.
    blank: bool,
}

impl<'i> Setter<'i> {
    fn text(&mut self, text: &str, width: usize) {
        self.line.code.push_str(text);
        self.column += width;
    }

    fn blanks(&mut self, columns: usize) {
        self.line.code.extend(std::iter::repeat_n(' ', columns));
        self.column += columns;
    }

    fn line_end(&mut self, indent: usize) {
        self.done.push(std::mem::take(&mut self.line));
        if std::mem::take(&mut self.blank) {
            self.done.push(Line::default());
        }
        self.column = 0;
        self.blanks(indent);
    }
}

/// Columns of what is still to be set, up to the first place where a line may end.
fn rest(stack: &[(usize, bool, &Doc<'_>)]) -> usize {
    let mut width = 0;
    for (_, is_broken, doc) in stack.iter().rev() {
        if width > WIDTH || add(doc, *is_broken, &mut width) {
            break;
        }
    }
    width
}

/// Adds the columns of a document; whether a line may end in it.
fn add(doc: &Doc<'_>, is_broken: bool, width: &mut usize) -> bool {
    match &doc.kind {
        Kind::Hard | Kind::Note(_) => true,
        Kind::Line(_) if is_broken => true,
        Kind::Nest(_, parts) => parts.iter().any(|part| *width > WIDTH || add(part, is_broken, width)),
        // It may break by itself.
        Kind::Group(parts) => parts.iter().any(|part| *width > WIDTH || add(part, true, width)),
        _ => {
            *width += doc.width;
            false
        }
    }
}
